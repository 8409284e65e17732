#pragma once
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// Where a data set's files come from if they are not on this machine.
struct Source {
  std::string file;               ///< name below the folder
  std::string md5;                ///< published sum of the file
  std::vector<std::string> urls;  ///< tried in turn
};

/// Where to look for a data set.
struct Location {
  std::string folder;    ///< its own folder below a data directory: "mnist"
  std::string root;      ///< directory the caller named; empty: $XGRAD_DATA, else the user's cache
  bool download = true;  ///< into the cache, where the caller and $XGRAD_DATA named no directory
};

/// $XDG_CACHE_HOME/xgrad or ~/.cache/xgrad.
std::string cache_directory();

/// The directories in which a data set's files may lie, best first.
std::vector<std::string> directories(const Location& location);

/// The first existing file of the given names in those directories; "" if there is none.
std::string find_file(const Location& location, const std::vector<std::string>& names);

/// As find_file, but fetches `source` into the cache where that is allowed. IOError says where was
/// looked and what to do otherwise.
std::string find_or_download(const Location& location, const std::vector<std::string>& names,
                             const Source& source);

/// The URLs of `file`: below $`variable` if that is set (a comma between several), else `mirrors`.
std::vector<std::string> mirror_urls(const char* variable, const std::vector<std::string>& mirrors,
                                     const std::string& file);

}  // namespace xgrad::datasets

#pragma GCC visibility pop
