// Sockets, by POSIX; what of it is Linux's own closes them in programs that are started.

#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/distributed/link.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace xgrad::distributed::detail {

using namespace std::chrono_literals;

Clock::duration in_seconds(double seconds) {
  constexpr double for_ever = 1e9;
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(seconds, for_ever)));
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return excerpt(name.data());
}

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

namespace {

// Never destroyed: a program's last process may end after what is static here.
constinit std::vector<int>* own = nullptr;

xgrad::detail::Mutex& own_mutex() { return xgrad::detail::mutex_of(&own); }

void close_in_child() {
  if (own == nullptr) return;
  for (const int number : *own) close(number);
  own->clear();
}

}  // namespace

OwnDescriptor::OwnDescriptor(OwnDescriptor&& other) noexcept
    : number_(std::exchange(other.number_, -1)) {}

OwnDescriptor& OwnDescriptor::operator=(OwnDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

void OwnDescriptor::begin_opening() {
  [[maybe_unused]] static const bool watching =
      pthread_atfork(nullptr, nullptr, close_in_child) == 0;
  own_mutex().lock();
  try {
    if (own == nullptr) own = new std::vector<int>;
    own->reserve(own->size() + 1);
  } catch (...) {
    own_mutex().unlock();
    throw;
  }
}

void OwnDescriptor::end_opening(int number) {
  const int error = errno;
  number_ = number;
  if (number >= 0) own->push_back(number);
  own_mutex().unlock();
  errno = error;
}

void OwnDescriptor::close() noexcept {
  if (number_ < 0) return;
  const std::lock_guard lock(own_mutex());
  // In a forked process it is closed already, and the number may be another's.
  if (std::erase(*own, number_) > 0) ::close(number_);
  number_ = -1;
}

// ---- messages

namespace {

constexpr std::size_t longest = 1 << 16;  // message; what is longer comes from a stranger

bool is_later(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void Link::send(std::string_view message) {
  if (!is_open()) return;
  out_.append(message);
  out_.push_back('\0');
  flush();
}

void Link::flush() {
  while (is_open() && !out_.empty()) {
    const ssize_t sent = ::send(socket_.number(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && is_later(errno)) return;
    // Of a connection that has broken there may still be something to read: receive() ends it.
    if (sent < 0) return out_.clear();
    out_.erase(0, static_cast<std::size_t>(sent));
  }
}

void Link::end_sending() noexcept {
  if (is_open()) shutdown(socket_.number(), SHUT_WR);
}

void Link::receive() {
  std::array<char, 4096> bytes;
  while (is_open()) {
    const ssize_t count = recv(socket_.number(), bytes.data(), bytes.size(), 0);
    if (count < 0 && is_later(errno)) return;
    if (count > 0) in_.append(bytes.data(), static_cast<std::size_t>(count));
    const bool too_long = in_.size() > longest && in_.find('\0') == std::string::npos;
    if (count > 0 && !too_long) continue;
    error_ = count < 0 ? errno : too_long ? EPROTO : 0;
    out_.clear();
    close();
  }
}

std::optional<std::string> Link::next() {
  const std::size_t end = in_.find('\0');
  if (end == std::string::npos) return {};
  std::string message = in_.substr(0, end);
  in_.erase(0, end + 1);
  return message;
}

// ---- rank 0's address

std::string Address::text() const {
  return fmt::format("{} {} {} {}", token, host, port, fmt::join(numbers, " "));
}

Address Address::of(const std::string& text) {
  std::string_view words = text;
  Address result;
  for (std::string* const part : {&result.token, &result.host, &result.port})
    *part = take_word(words);
  while (!words.empty()) result.numbers.emplace_back(take_word(words));
  require<ValueError>(!result.port.empty(), "watch: '{}' is no address of rank 0", excerpt(text));
  return result;
}

namespace {

/// 128 bits that nobody can guess.
std::string draw_token() {
  std::random_device device;
  std::string result;
  for (int i = 0; i < 4; ++i) result += fmt::format("{:08x}", device());
  return result;
}

std::vector<std::string> interface_addresses() {
  std::vector<std::string> result;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return result;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> freed(all, freeifaddrs);
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    const sockaddr* const address = each->ifa_addr;
    if (address == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    if ((each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    const bool is_v4 = address->sa_family == AF_INET;
    if (!is_v4 && address->sa_family != AF_INET6) continue;
    std::array<char, NI_MAXHOST> text{};
    const socklen_t bytes = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (getnameinfo(address, bytes, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    // Those of one cable mean another machine on each ("fe80::1%eth0").
    const std::string number = text.data();
    if (number.find('%') == std::string::npos) result.push_back(number);
  }
  std::stable_partition(result.begin(), result.end(), [](const std::string& number) {
    return number.find(':') == std::string::npos;
  });
  return result;
}

OwnDescriptor open_socket(int family) {
  return OwnDescriptor::of(
      [&] { return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
}

/// Listens on a port that is free, on all interfaces; errno tells why not.
OwnDescriptor listen_on_all(int family) {
  OwnDescriptor result = open_socket(family);
  if (!result) return result;
  sockaddr_storage any{};  // all zero: every interface, any port
  any.ss_family = static_cast<sa_family_t>(family);
  const int both = 0;
  if (family == AF_INET6)
    setsockopt(result.number(), IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
  const socklen_t bytes = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (bind(result.number(), reinterpret_cast<const sockaddr*>(&any), bytes) != 0 ||
      listen(result.number(), SOMAXCONN) != 0) {
    const int error = errno;
    result.close();
    errno = error;
  }
  return result;
}

}  // namespace

Listener::Listener() : socket_(listen_on_all(AF_INET6)) {
  if (!socket_) socket_ = listen_on_all(AF_INET);  // there are machines without version 6
  require<IOError>(static_cast<bool>(socket_), "watch: rank 0 ({}) cannot listen: {}", host_name(),
                   std::strerror(errno));
  sockaddr_storage bound{};
  socklen_t bytes = sizeof bound;
  std::array<char, NI_MAXSERV> port{};
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  require<IOError>(
      getsockname(socket_.number(), address, &bytes) == 0 &&
          getnameinfo(address, bytes, nullptr, 0, port.data(), port.size(), NI_NUMERICSERV) == 0,
      "watch: rank 0 ({}) cannot listen: its port has no number", host_name());
  address_ = {draw_token(), host_name(), port.data(), interface_addresses()};
}

namespace {

void send_at_once(const OwnDescriptor& socket) {
  const int yes = 1;
  setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

Link Listener::accept() const {
  OwnDescriptor socket = OwnDescriptor::of(
      [&] { return accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
  if (!socket) return {};
  send_at_once(socket);
  return Link(std::move(socket));
}

// ---- from the others to rank 0

namespace {

/// Whether something happens to a socket before `end`.
bool happens(int socket, short event, Clock::time_point end) {
  pollfd polled{socket, event, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    const int count = poll(&polled, 1, static_cast<int>(left));
    if (count > 0) return true;
  }
}

/// One attempt at one of rank 0's addresses: a closed link, and why, where it fails.
Link connect_at(const std::string& number, const Address& to, int rank, Clock::time_point end,
                std::string& why) {
  const addrinfo numeric{.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                         .ai_family = AF_UNSPEC,
                         .ai_socktype = SOCK_STREAM,
                         .ai_protocol = 0,
                         .ai_addrlen = 0,
                         .ai_addr = nullptr,
                         .ai_canonname = nullptr,
                         .ai_next = nullptr};
  addrinfo* found = nullptr;
  if (const int status = getaddrinfo(number.c_str(), to.port.c_str(), &numeric, &found)) {
    why = gai_strerror(status);
    return {};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> freed(found, freeaddrinfo);
  OwnDescriptor socket = open_socket(found->ai_family);
  int error = socket ? 0 : errno;
  if (socket && ::connect(socket.number(), found->ai_addr, found->ai_addrlen) != 0) error = errno;
  if (error == EINPROGRESS) {
    error = ETIMEDOUT;
    socklen_t bytes = sizeof error;
    if (happens(socket.number(), POLLOUT, end))
      getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &bytes);
  }
  if (error != 0) {
    why = std::strerror(error);
    return {};
  }
  send_at_once(socket);
  // Who answers otherwise is somebody else: machines may have the same address, each for itself.
  Link link(std::move(socket));
  link.send(fmt::format("hello {} {} {}", to.token, rank, host_name()));
  while (link.is_open() && happens(link.descriptor(), POLLIN, end)) {
    link.receive();
    if (const auto answer = link.next()) {
      if (*answer == "welcome") return link;
      break;
    }
  }
  why = "does not answer as rank 0";
  return {};
}

}  // namespace

Link connect(const Address& to, int rank, double seconds) {
  std::vector<std::string> numbers = to.numbers;
  if (to.host == host_name()) numbers.insert(numbers.begin(), {"127.0.0.1", "::1"});
  const auto end = Clock::now() + in_seconds(seconds);
  std::vector<std::string> reasons(numbers.size());
  // One that lets us wait must not keep us from the others; later there is time for slow ones.
  for (auto patience = 2s; Clock::now() < end; patience += 2s) {
    for (std::size_t i = 0; i < numbers.size() && Clock::now() < end; ++i) {
      const auto soon = std::min(Clock::now() + patience, end);
      Link link = connect_at(numbers[i], to, rank, soon, reasons[i]);
      if (link.is_open()) return link;
    }
    std::this_thread::sleep_for(100ms);
  }
  std::string all;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    all += fmt::format("{}{}: {}", i == 0 ? "" : "; ", numbers[i],
                       reasons[i].empty() ? "not tried" : reasons[i]);
  raise<IOError>("watch: rank {} ({}) cannot connect to rank 0 ({}) within {} s: port {}: {}", rank,
                 host_name(), to.host, seconds, to.port, all.empty() ? "no address" : all);
}

}  // namespace xgrad::distributed::detail
