#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/download.hpp>
#include <xgrad/datasets/locate.hpp>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace xgrad::datasets {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Whether the caller or the environment says where the data is: then nothing else is tried.
bool is_named(const Location& location) {
  return !location.root.empty() || !environment("XGRAD_DATA").empty();
}

}  // namespace

std::string cache_directory() {
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty())
    return (fs::path(cache) / "xgrad").string();
  const std::string home = environment("HOME");
  require<IOError>(!home.empty(),
                   "data: neither HOME nor XDG_CACHE_HOME is set, so there is no cache; set "
                   "XGRAD_DATA to a directory with the data");
  return (fs::path(home) / ".cache" / "xgrad").string();
}

std::vector<std::string> directories(const Location& location) {
  fs::path root = location.root;
  if (root.empty()) root = environment("XGRAD_DATA");
  if (root.empty()) root = cache_directory();
  return {(root / location.folder).string(), root.string()};
}

std::string find_file(const Location& location, const std::vector<std::string>& names) {
  for (const std::string& directory : directories(location))
    for (const std::string& name : names) {
      std::error_code error;
      const fs::path path = fs::path(directory) / name;
      if (fs::exists(path, error) || error) return path.string();
    }
  return "";
}

std::string find_or_download(const Location& location, const std::vector<std::string>& names,
                             const Source& source) {
  if (const std::string found = find_file(location, names); !found.empty()) return found;
  const auto looked = directories(location);
  if (is_named(location))
    raise<IOError>(
        "data: {} is neither in {} nor in {}; put it there, or name another directory "
        "with XGRAD_DATA or the option root (without both it is downloaded to {})",
        names.front(), excerpt(looked[0]), excerpt(looked[1]), cache_directory());
  if (!location.download)
    raise<IOError>("data: {} is not in {}, and downloading is switched off", names.front(),
                   excerpt(looked[0]));
  const std::string target = (fs::path(looked[0]) / source.file).string();
  download(source.urls, target, {.md5 = source.md5});
  return target;
}

std::vector<std::string> mirror_urls(const char* variable, const std::vector<std::string>& mirrors,
                                     const std::string& file) {
  std::vector<std::string> bases = mirrors;
  if (const std::string own = environment(variable); !own.empty()) {
    bases.clear();
    std::istringstream list(own);
    for (std::string base; std::getline(list, base, ',');) bases.push_back(base);
  }
  std::vector<std::string> urls;
  for (const std::string& base : bases)
    urls.push_back(base + (base.ends_with('/') ? "" : "/") + file);
  return urls;
}

}  // namespace xgrad::datasets
