#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/download.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#define CURL_DISABLE_TYPECHECK  // its macros would call the functions by name
#include <curl/curl.h>
#include <fcntl.h>
#include <md5.h>
#include <sys/file.h>
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
    if (disk_error_ != 0)
      raise<IOError>("download: cannot write {}: {}", excerpt(part_), std::strerror(disk_error_));
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
  return [name = excerpt(name), shown = std::int64_t{-1}](std::int64_t done,
                                                          std::int64_t total) mutable {
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

/// The part stays, since others may wait for it.
void begin_anew(const std::string& part) {
  std::error_code none;
  fs::resize_file(part, 0, none);
}

/// Tries one URL until the part is whole; what went wrong otherwise.
std::string fetch(const std::string& url, const std::string& part, const DownloadOptions& options) {
  std::string problem = "no attempt";
  for (int attempt = 0; attempt < options.attempts; ++attempt) {
    Transfer transfer(url, part, options);
    if (transfer.run()) {
      problem = sum_problem(part, options.md5);
      if (problem.empty()) return "";
      begin_anew(part);
      return problem;
    }
    problem = transfer.problem();
    if (transfer.must_restart()) {
      // Perhaps nothing was missing: a part of full length, left by a run that was killed.
      if (!options.md5.empty() && sum_problem(part, options.md5).empty()) return "";
      begin_anew(part);
    } else if (!transfer.may_retry()) {
      return problem;
    }
  }
  return problem;
}

/// What gathers of a file, for this process alone: who comes second waits for the first.
class Part {
 public:
  explicit Part(const std::string& path) : path_(path) {
    do {
      file_ = xgrad::detail::Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
      if (!file_) xgrad::detail::raise_errno("download: cannot write", path);
      if (flock(file_.number(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) continue;
      waited_ = true;
      flock(file_.number(), LOCK_EX);
    } while (!xgrad::detail::is_same_file(file_, path));  // it may have got its name meanwhile
  }
  ~Part() {
    if (size_or_zero(path_) == 0) unlink(path_.c_str());
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  bool waited() const { return waited_; }

  void put_in_place(const std::string& target) {
    xgrad::detail::inherit(file_.number(), target);
    fsync(file_.number());  // else a power cut may leave the name without the bytes
    std::error_code error;
    fs::rename(path_, target, error);
    if (error) raise<IOError>("download: cannot rename {}: {}", excerpt(path_), error.message());
  }

 private:
  std::string path_;
  xgrad::detail::Descriptor file_;
  bool waited_ = false;
};

}  // namespace

std::string md5_of_file(const std::string& path) {
  char digits[MD5_DIGEST_STRING_LENGTH];
  if (MD5File(path.c_str(), digits) == nullptr)
    raise<IOError>("{}: {}", excerpt(path), std::strerror(errno));
  return digits;
}

void download(const std::vector<std::string>& urls, const std::string& target,
              const DownloadOptions& given) {
  DownloadOptions options = given;
  const fs::path path = target;
  if (!options.progress) options.progress = terminal_progress(path.filename().string());
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error)
    raise<IOError>("download: cannot make {}: {}", excerpt(path.parent_path().string()),
                   error.message());
  const std::string final = xgrad::detail::behind_link(target);
  Part part(final + ".part");
  if (part.waited() && fs::exists(final, error) && sum_problem(final, options.md5).empty()) return;
  std::string problems;
  for (const std::string& url : urls) {
    const std::string problem = fetch(url, final + ".part", options);
    if (problem.empty()) return part.put_in_place(final);
    problems += fmt::format("\n  {}: {}", excerpt(url), excerpt(problem));
  }
  raise<IOError>(
      "download: {} could not be fetched:{}\nWithout a network, put the file at {}, or "
      "set XGRAD_DATA to a directory that has it",
      excerpt(path.filename().string()), problems, excerpt(target));
}

}  // namespace xgrad::datasets
