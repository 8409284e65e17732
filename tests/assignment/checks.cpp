#include "assignment/checks.hpp"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>

namespace checks {
namespace {

/// Everything measured in this process, written when it ends.
class Record {
 public:
  ~Record() {
    const char* path = std::getenv("XGRAD_FIGURES");
    if (path == nullptr) return;
    std::ofstream file(path);
    file << "topic,kind,entries,largest error\n";
    for (const auto& [key, measured] : figures_)
      file << key.first << ',' << key.second << ',' << measured.entries << ','
           << measured.largest_error << '\n';
  }

  std::string topic = "?";
  GradcheckFigures& of(const std::string& kind) { return figures_[{topic, kind}]; }

 private:
  std::map<std::pair<std::string, std::string>, GradcheckFigures> figures_;
};

Record& record() {
  static Record record;
  return record;
}

}  // namespace

void about(const std::string& topic) { record().topic = topic; }
GradcheckFigures& figures(const std::string& kind) { return record().of(kind); }

}  // namespace checks
