#pragma once
// Internal: connections between the processes of a group beside MPI, over TCP. Each process but
// rank 0 has one, to rank 0.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad::distributed::detail {

using Clock = std::chrono::steady_clock;

Clock::duration in_seconds(double seconds);

/// As it is shown: "localhost" where it has none.
std::string host_name();

/// A socket or a pipe that is this process's alone: programs that it starts do not have it, and a
/// forked process closes it, so that it is closed as soon as this process ends.
class OwnDescriptor {
 public:
  OwnDescriptor() = default;
  ~OwnDescriptor() { close(); }
  OwnDescriptor(OwnDescriptor&& other) noexcept;
  OwnDescriptor& operator=(OwnDescriptor&& other) noexcept;

  /// What open() gives, while nothing is forked; empty, and errno set, where that is −1.
  template <class F>
  static OwnDescriptor of(const F& open);

  explicit operator bool() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }
  void close() noexcept;

 private:
  static void begin_opening();
  void end_opening(int number);

  int number_ = -1;
};

template <class F>
OwnDescriptor OwnDescriptor::of(const F& open) {
  begin_opening();
  OwnDescriptor result;
  result.end_opening(open());
  return result;
}

/// Messages, which are texts without a NUL, to and from another process. Nothing here waits.
class Link {
 public:
  Link() = default;
  explicit Link(OwnDescriptor socket) : socket_(std::move(socket)) {}

  int descriptor() const noexcept { return socket_.number(); }
  bool is_open() const noexcept { return static_cast<bool>(socket_); }
  /// Of a connection that has closed: errno's number, 0 where the other side closed it.
  int error() const noexcept { return error_; }

  void send(std::string_view message);
  /// As much as goes of what has not gone yet.
  void flush();
  bool is_flushed() const noexcept { return out_.empty(); }
  /// Says that nothing more will be sent.
  void end_sending() noexcept;
  /// What has come; at its end the connection is closed.
  void receive();
  /// The next message of what has come.
  std::optional<std::string> next();
  void close() noexcept { socket_.close(); }

 private:
  OwnDescriptor socket_;
  std::string in_;
  std::string out_;
  int error_ = 0;
};

/// Where rank 0 listens, in words for the others.
struct Address {
  std::string token;  ///< who does not know it is a stranger
  std::string host;
  std::string port;
  std::vector<std::string> numbers;  ///< of rank 0's interfaces

  std::string text() const;
  /// ValueError for what text() did not write.
  static Address of(const std::string& text);
};

/// Rank 0's end before the others have come. IOError where it cannot listen.
class Listener {
 public:
  Listener();

  const Address& address() const noexcept { return address_; }
  int descriptor() const noexcept { return socket_.number(); }
  /// A connection that waits, if one does.
  Link accept() const;
  void close() noexcept { socket_.close(); }

 private:
  OwnDescriptor socket_;
  Address address_;
};

/// Says hello to rank 0 and waits until it answers. IOError where it does not within `seconds`.
Link connect(const Address& to, int rank, double seconds);

/// Takes the first word off `text`, and the blank behind it.
std::string_view take_word(std::string_view& text);

}  // namespace xgrad::distributed::detail
