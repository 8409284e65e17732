#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/live.hpp>

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
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), keep > 0 ? "ab" : "wb")) {
  if (file_ == nullptr) xgrad::detail::raise_errno("log: cannot write", path_);
  if (keep == 0 || size() <= keep) return;
  if (truncate(path_.c_str(), static_cast<off_t>(keep)) != 0)
    xgrad::detail::raise_errno("log: cannot shorten", path_);
}

std::uint64_t JsonLines::size() {
  if (std::fflush(file_) != 0 && error_ == 0) error_ = errno;
  std::fseek(file_, 0, SEEK_END);
  return static_cast<std::uint64_t>(std::ftell(file_));
}

JsonLines::~JsonLines() {
  if (file_ != nullptr) std::fclose(file_);
}

void JsonLines::write(const Fields& fields) {
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
  require<IOError>(error_ == 0, "log: cannot write: {}: {}", path_, std::strerror(error_));
}

}  // namespace xgrad::report
