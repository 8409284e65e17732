#pragma once
#include <exception>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad {

/// Base of everything xgrad throws. A message reads `operation: what is wrong: values; hint`. It is
/// fit for a terminal: what a file or an argument put into it cannot change the terminal's state.
class Error : public std::exception {
 public:
  explicit Error(const std::string& message);

  const char* what() const noexcept override { return what_.c_str(); }

  /// Called as the error leaves a module: puts `name` in front of the path of modules it came
  /// through, so that what() reads "net.features.3 (Linear): linear: ...".
  void leave_module(std::string_view name, std::string_view type);

 private:
  std::string message_;
  std::string path_;
  std::string type_;
  std::string what_;
};

/// Shapes that do not fit each other or the operation.
class ShapeError : public Error {
  using Error::Error;
};

/// A dtype the operation does not take.
class DTypeError : public Error {
  using Error::Error;
};

/// An argument outside its range.
class ValueError : public Error {
  using Error::Error;
};

/// Memory that the machine has not got. A ValueError, since an argument may have asked for too
/// much.
class MemoryError : public ValueError {
  using ValueError::ValueError;
};

/// A file, directory or download that is missing, unreadable or malformed.
class IOError : public Error {
  using Error::Error;
};

/// Another process that this one works with (distributed::Group) has died, failed, hangs, or has
/// ended while others still wait for it. The message names it by its rank and its host, with the
/// error that it told: "rank 2 (host a): …"; all processes say the same. What they do together has
/// no end from then on: a program saves what it wants to keep and ends, for which it has a few
/// seconds.
class PeerError : public Error {
  using Error::Error;
};

/// A misuse of the tape: a freed graph, a changed saved tensor, a gradient that does not exist.
class GraphError : public Error {
  using Error::Error;
};

/// A NaN or infinity that anomaly mode caught (see AnomalyMode).
class AnomalyError : public Error {
  using Error::Error;
};

}  // namespace xgrad

#pragma GCC visibility pop
