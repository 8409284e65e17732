#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/download.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#define CURL_DISABLE_TYPECHECK  // its macros would call the functions by name
#include <curl/curl.h>
#include <md5.h>
#include <unistd.h>

namespace xgrad::datasets {
namespace fs = std::filesystem;
namespace {

std::int64_t size_or_zero(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

/// What is used of libcurl.
struct Curl {
  SharedLibrary library{"libcurl.so.4", "download", "libcurl4-openssl-dev"};
  XGRAD_SHARED_FUNCTION(curl_global_init)
  XGRAD_SHARED_FUNCTION(curl_easy_init)
  XGRAD_SHARED_FUNCTION(curl_easy_setopt)
  XGRAD_SHARED_FUNCTION(curl_easy_getinfo)
  XGRAD_SHARED_FUNCTION(curl_easy_perform)
  XGRAD_SHARED_FUNCTION(curl_easy_strerror)
  XGRAD_SHARED_FUNCTION(curl_easy_cleanup)

  Curl() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

const Curl& curl() {
  static const Curl instance;
  return instance;
}

/// One request that appends to a file, and what became of it.
class Transfer {
 public:
  Transfer(const std::string& url, const std::string& part, const DownloadOptions& options)
      : part_(part), options_(options), have_(size_or_zero(part)), curl_(curl().curl_easy_init()) {
    require<IOError>(curl_ != nullptr, "download: libcurl does not start");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, options.connect_seconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, options.stall_seconds);
    set(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(have_));
    set(CURLOPT_WRITEFUNCTION, &Transfer::write);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::report);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_ERRORBUFFER, message_);
  }
  ~Transfer() { curl().curl_easy_cleanup(curl_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool run() {
    code_ = curl().curl_easy_perform(curl_);
    curl().curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status_);
    if (file_ && std::fclose(file_.release()) != 0) disk_error_ = errno;
    require<IOError>(disk_error_ == 0, "download: cannot write {}: {}", part_,
                     std::strerror(disk_error_));
    return code_ == CURLE_OK;
  }

  long status() const { return status_; }
  /// The server cannot go on from the middle, or the part is longer than the file.
  bool must_restart() const { return code_ == CURLE_RANGE_ERROR || status_ == 416; }
  /// Another attempt may go further: the line broke, or the server was busy.
  bool may_retry() const { return code_ != CURLE_HTTP_RETURNED_ERROR || status_ >= 500; }
  std::string problem() const {
    if (status_ >= 400) return fmt::format("HTTP status {}", status_);
    return message_[0] != '\0' ? message_ : curl().curl_easy_strerror(code_);
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  template <class T>
  void set(CURLoption option, T value) {
    curl().curl_easy_setopt(curl_, option, value);
  }

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.file_) transfer.file_.reset(std::fopen(transfer.part_.c_str(), "ab"));
    const std::size_t bytes = size * count;
    if (!transfer.file_ || std::fwrite(data, 1, bytes, transfer.file_.get()) != bytes) {
      transfer.disk_error_ = errno;
      return 0;
    }
    return bytes;
  }

  static int report(void* self, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<const Transfer*>(self);
    const std::int64_t before = transfer.have_;
    if (transfer.options_.progress && (total > 0 || done > 0))
      transfer.options_.progress(before + done, total > 0 ? before + total : 0);
    return 0;
  }

  std::string part_;
  const DownloadOptions& options_;
  std::int64_t have_;
  CURL* curl_;
  std::unique_ptr<std::FILE, Close> file_;
  char message_[CURL_ERROR_SIZE] = {};
  CURLcode code_ = CURLE_OK;
  long status_ = 0;
  int disk_error_ = 0;
};

/// Rewrites one line on a terminal; says nothing elsewhere.
auto terminal_progress(const std::string& name) {
  return [name, shown = std::int64_t{-1}](std::int64_t done, std::int64_t total) mutable {
    if (isatty(STDERR_FILENO) == 0) return;
    constexpr std::int64_t width = 30;
    const std::int64_t percent = total > 0 ? 100 * done / total : 0;
    if (percent == shown && total > 0) return;
    shown = percent;
    const auto filled = static_cast<std::size_t>(width * percent / 100);
    fmt::print(stderr, "\r{} [{:<{}}] {:3}%  {:.1f} MB\033[K", name, std::string(filled, '='),
               width, percent, static_cast<double>(done) / 1e6);
    if (total > 0 && done == total) fmt::print(stderr, "\n");
  };
}

/// Why the finished part is not the file that was asked for; empty if it is.
std::string sum_problem(const std::string& part, const std::string& expected) {
  if (expected.empty()) return "";
  const std::string found = md5_of_file(part);
  return found == expected ? ""
                           : fmt::format("MD5 of what came is {}, expected {}", found, expected);
}

/// Tries one URL until the part is whole; what went wrong otherwise.
std::string fetch(const std::string& url, const std::string& part, const DownloadOptions& options) {
  std::string problem = "no attempt";
  for (int attempt = 0; attempt < options.attempts; ++attempt) {
    Transfer transfer(url, part, options);
    if (transfer.run()) {
      problem = sum_problem(part, options.md5);
      if (problem.empty()) return "";
      fs::remove(part);
      return problem;
    }
    problem = transfer.problem();
    if (transfer.must_restart()) {
      // Perhaps nothing was missing: a part of full length, left by a run that was killed.
      if (!options.md5.empty() && sum_problem(part, options.md5).empty()) return "";
      fs::remove(part);
    } else if (!transfer.may_retry()) {
      return problem;
    }
  }
  return problem;
}

void put_in_place(const std::string& part, const std::string& target, std::error_code& error) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(part.c_str(), "rb"),
                                                             std::fclose);
  if (file != nullptr) xgrad::detail::inherit(fileno(file.get()), target);
  fs::rename(part, target, error);
}

}  // namespace

std::string md5_of_file(const std::string& path) {
  char digits[MD5_DIGEST_STRING_LENGTH];
  require<IOError>(MD5File(path.c_str(), digits) != nullptr, "{}: {}", path, std::strerror(errno));
  return digits;
}

void download(const std::vector<std::string>& urls, const std::string& target,
              const DownloadOptions& given) {
  DownloadOptions options = given;
  const fs::path path = target;
  if (!options.progress) options.progress = terminal_progress(path.filename().string());
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  require<IOError>(!error, "download: cannot make {}: {}", path.parent_path().string(),
                   error.message());
  const std::string final = xgrad::detail::behind_link(target);
  const std::string part = final + ".part";
  std::string problems;
  for (const std::string& url : urls) {
    const std::string problem = fetch(url, part, options);
    if (problem.empty()) {
      put_in_place(part, final, error);
      require<IOError>(!error, "download: cannot rename {}: {}", part, error.message());
      return;
    }
    problems += fmt::format("\n  {}: {}", url, problem);
  }
  raise<IOError>(
      "download: {} could not be fetched:{}\nWithout a network, put the file at {}, or "
      "set XGRAD_DATA to a directory that has it",
      path.filename().string(), problems, target);
}

}  // namespace xgrad::datasets
