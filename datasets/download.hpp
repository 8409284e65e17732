#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

struct DownloadOptions {
  std::string md5 = {};  ///< of the whole file, 32 hex digits; empty: not checked
  /// Sees the bytes so far and in all (0 if unknown). Default: a line on standard error, rewritten
  /// where that is a terminal.
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  long connect_seconds = 15;  ///< before a server counts as not there
  long stall_seconds = 30;    ///< without a byte before a transfer counts as broken
  int attempts = 3;           ///< per URL; each goes on where the one before broke off
};

/// Fetches a file from the first of `urls` that has it. The bytes gather in `target`.part, which a
/// later call goes on from; `target` appears only whole and with the right sum. Of several that
/// fetch one file the first does and the others wait for it. Missing directories are made. IOError
/// lists what each URL answered.
void download(const std::vector<std::string>& urls, const std::string& target,
              const DownloadOptions& options = {});

/// The MD5 sum of a file as 32 hex digits: against damage, not against malice.
std::string md5_of_file(const std::string& path);

}  // namespace xgrad::datasets

#pragma GCC visibility pop
