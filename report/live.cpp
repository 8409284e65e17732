#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/report/live.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace xgrad::report {

LivePage::LivePage(const Run& run, std::string directory, int seconds)
    : run_(run), directory_(std::move(directory)), every_(seconds), last_(Clock::now()) {
  write(run_, directory_, {.refresh_seconds = seconds});
}

bool LivePage::due() const { return Clock::now() - last_ >= every_; }

void LivePage::update() {
  try {
    write(run_, directory_, {.refresh_seconds = static_cast<int>(every_.count())});
    failure_.reset();
  } catch (const IOError& error) {
    failure_ = error.what();
  }
  last_ = Clock::now();
}

JsonLines::JsonLines(std::string path, std::uint64_t keep)
    : path_(std::move(path)), file_(keep > 0 ? std::fopen(path_.c_str(), "r+b") : nullptr) {
  if (keep > 0 && file_ == nullptr && errno == ENOENT) keep = 0;  // what is gone is gone
  if (keep == 0) file_ = std::fopen(path_.c_str(), "wb");
  if (file_ == nullptr) xgrad::detail::raise_errno("log: cannot write", path_);
  try {
    if (keep > 0) go_on_behind(keep);
  } catch (...) {
    std::fclose(file_);
    throw;
  }
}

/// What was written after the moment to go on from is to be written again.
void JsonLines::go_on_behind(std::uint64_t keep) {
  const std::uint64_t there = size();
  const auto end = static_cast<off_t>(keep);
  if (there < keep || fseeko(file_, end - 1, SEEK_SET) != 0 || std::fgetc(file_) != '\n')
    raise<IOError>(
        "log: {}: of its {} bytes the first {} are no lines of the run that goes on; move it away "
        "or name another file",
        excerpt(path_), there, keep);
  if (there > keep && ftruncate(fileno(file_), end) != 0)
    xgrad::detail::raise_errno("log: cannot shorten", path_);
  fseeko(file_, end, SEEK_SET);
}

std::uint64_t JsonLines::size() {
  // A checkpoint that names the size must not outlive the lines.
  const bool good = std::fflush(file_) == 0 && (fsync(fileno(file_)) == 0 || errno != EIO);
  if (!good && error_ == 0) error_ = errno;
  fseeko(file_, 0, SEEK_END);
  return static_cast<std::uint64_t>(std::max<off_t>(ftello(file_), 0));
}

JsonLines::~JsonLines() {
  if (file_ != nullptr) std::fclose(file_);
}

void JsonLines::write(const Fields& fields) {
  if (error_ != 0) return;  // nothing is to follow half a line
  nlohmann::ordered_json line = nlohmann::ordered_json::object();
  for (const auto& [name, value] : fields) {
    auto& entry = line[name];
    std::visit([&entry](const auto& v) { entry = v; }, value);
    const double* number = std::get_if<double>(&value);
    if (number != nullptr && !std::isfinite(*number)) entry = nullptr;
  }
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  bool good = std::fwrite(text.data(), 1, text.size(), file_) == text.size();
  const auto now = std::chrono::steady_clock::now();
  if (now - flushed_ > std::chrono::seconds(1)) {
    good = std::fflush(file_) == 0 && good;
    flushed_ = now;
  }
  if (!good && error_ == 0) error_ = errno;
}

void JsonLines::finish() {
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (!closed && error_ == 0) error_ = errno;
  if (error_ != 0)
    raise<IOError>("log: cannot write: {}: {}", excerpt(path_), std::strerror(error_));
}

}  // namespace xgrad::report
