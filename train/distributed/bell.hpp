#pragma once
// Internal: what wakes the thread that watches.

namespace xgrad::distributed::detail {

/// A process has one at a time: Error for a second; IOError where there is no pipe. A process
/// forked from this one has none.
class Bell {
 public:
  Bell();
  /// SIGTERM does again what it did before.
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  /// Readable after somebody has rung.
  int descriptor() const noexcept;
  void ring() const noexcept;
  /// Ends that. Whether it was SIGTERM, among others.
  bool hear() const noexcept;

  /// Where SIGTERM would end the program it rings from here on; a second one ends it.
  void catch_sigterm() noexcept;
};

}  // namespace xgrad::distributed::detail
