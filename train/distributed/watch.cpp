// The thread that watches: it is the only one to use its connections. The program's threads tell it
// what they do through atomic numbers.

#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/distributed/bell.hpp>
#include <xgrad/distributed/watch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace xgrad::distributed::detail {

using namespace std::chrono_literals;
using Time = Clock::time_point;

namespace {

constexpr auto answer_time = 1s;    // for what is at the end of a program
constexpr auto news_time = 500ms;   // after SIGTERM; OpenMPI's launcher kills another half later
constexpr auto rest = 10ms;         // a thousand signs of life a second wake rank 0 a hundred times
constexpr std::size_t most = 4000;  // bytes of an error's text

void write_line(const std::string& text) {
  const std::string line = text + '\n';
  // Not through stdio, which the program's threads may hold locked.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

/// Of a message; 0 for what is none.
template <class T>
T take_number(std::string_view& text) {
  const std::string_view word = take_word(text);
  T result{};
  std::from_chars(word.data(), word.data() + word.size(), result);
  return result;
}

void check_options(const WatchOptions& options) {
  const auto check = [](const char* name, double value) {
    require<ValueError>(value > 0, "watch: {} is {} s; it must be above 0", name, value);
  };
  check("beat", options.beat);
  check("silence", options.silence);
  check("patience", options.patience);
  check("grace", options.grace);
  check("connect", options.connect);
  require<ValueError>(options.silence >= 3 * options.beat,
                      "watch: silence is {} s; it must be 3 beats of {} s at least",
                      options.silence, options.beat);
}

/// So that rank 0 may have a connection to each.
void allow_files(int count) {
  constexpr rlim_t few = 32;
  constexpr rlim_t many = 1024;  // files that the program may have open besides
  const rlim_t needed = static_cast<rlim_t>(count) + few;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed + many) return;
  require<IOError>(limit.rlim_max >= needed,
                   "watch: rank 0 needs {} open files for {} processes, and {} are allowed; raise "
                   "the limit (ulimit -n)",
                   needed, count, limit.rlim_max);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, needed + many));
  require<IOError>(setrlimit(RLIMIT_NOFILE, &limit) == 0, "watch: cannot open {} files: {}",
                   limit.rlim_cur, std::strerror(errno));
}

/// Another process, and the connection to it.
struct Member {
  Link link = {};
  Standing standing = {};
  Time heard = {};
  bool is_here = false;  // it has been heard of
  bool is_gone = false;
  bool is_ready = false;  // there is something to read or to write
};

}  // namespace

WatchOptions watch_options() {
  WatchOptions options;
  if (const char* const setting = std::getenv("XGRAD_DISTRIBUTED_TIMEOUT")) {
    const char* const end = setting + std::strlen(setting);
    const auto [read, error] = std::from_chars(setting, end, options.patience);
    require<ValueError>(error == std::errc() && read == end && options.patience > 0,
                        "XGRAD_DISTRIBUTED_TIMEOUT: '{}' is not a number of seconds above 0",
                        excerpt(setting));
  }
  return options;
}

// ---- the thread

class Watcher {
 public:
  Watcher(int rank, int size, const WatchOptions& options);
  Watcher(Listener listener, int size, const WatchOptions& options);
  Watcher(const Address& address, int rank, const WatchOptions& options);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void start();
  bool is_of_this_process() const noexcept { return forks_ == xgrad::detail::fork_count(); }
  void wait_for_all() const;

  // What the program's threads tell.
  void entered(const char* operation, int whom, bool goes_on) noexcept;
  void left() noexcept;
  void fail(std::string_view what) noexcept;
  void finish() noexcept { order(to_finish, answer_time); }

  bool has_failed() const noexcept { return has_failed_.load(std::memory_order_acquire); }
  const std::string& failure() const noexcept { return failure_; }

 private:
  enum Order : unsigned { to_fail = 1, to_finish = 2, to_leave = 4 };
  void order(Order what, Clock::duration within) noexcept;

  void run();
  bool turn();
  void wait(Time now);
  void take_orders(Time now);
  void excuse(Time now);
  void welcome(Time now);
  bool greet(Link& link, Time now);
  void hear(Member& member, Time now);
  void understand(Member& member, const std::string& message);
  void lose(Member& member, Time now);
  void look(Time now);
  void look_for_those_to_come(Time now);
  void beat(Time now);
  void tell_all(const std::string& message);
  void announce(const std::string& what, Time now);
  void learn(const std::string& what, Time now);
  void end_in_time(Time now);
  bool is_flushed() const;
  bool leave(Time now);

  bool is_judge() const { return own_.rank == 0; }
  /// Of those that are not the judge: whether it cannot be asked any more.
  bool is_alone() const { return !is_judge() && members_[0].is_gone; }

  const WatchOptions options_;
  const std::uint64_t forks_ = xgrad::detail::fork_count();
  Bell bell_;

  std::atomic<std::uint64_t> begun_ = 0;
  std::atomic<std::uint64_t> moves_ = 0;
  std::atomic<int> waiting_ = 0;  // threads
  std::atomic<int> whom_ = for_all;
  std::atomic<const char*> operation_ = "";
  std::atomic<bool> is_failing_ = false;
  std::array<char, most> error_ = {};  // of the first to fail; read once that is ordered
  std::size_t error_size_ = 0;
  std::atomic<unsigned> ordered_ = 0;
  std::atomic<unsigned> obeyed_ = 0;
  std::atomic<bool> all_came_ = false;
  std::atomic<bool> has_failed_ = false;
  std::string failure_ = {};  // from then on

  // What follows is the thread's.
  std::thread thread_;
  std::vector<Member> members_;  // rank 0's: all others; the others': rank 0
  std::optional<Listener> listener_;
  std::list<std::pair<Link, Time>> strangers_;
  std::vector<pollfd> polled_;
  Standing own_;
  std::uint64_t moves_seen_ = 0;
  Time moved_ = {};  // when they were seen first
  Time begun_at_ = {};
  Time last_turn_ = {};
  Time next_beat_ = {};
  Time failed_at_ = {};
  unsigned taken_ = 0;
  std::optional<std::pair<std::string, Time>> announced_;  // to the judge, who has not answered yet
  std::optional<Time> terminated_;                         // by SIGTERM
  bool has_told_ = false;                                  // why
  std::optional<Time> leaving_;
};

Watcher::Watcher(int rank, int size, const WatchOptions& options)
    : options_(options), members_(static_cast<std::size_t>(rank == 0 ? size - 1 : 1)) {
  check_options(options);
  own_.rank = rank;
  own_.host = host_name();
  for (std::size_t i = 0; i < members_.size(); ++i)
    members_[i].standing.rank = rank == 0 ? static_cast<int>(i) + 1 : 0;
}

Watcher::Watcher(Listener listener, int size, const WatchOptions& options)
    : Watcher(0, size, options) {
  allow_files(size);
  listener_ = std::move(listener);
}

Watcher::Watcher(const Address& address, int rank, const WatchOptions& options)
    : Watcher(rank, 0, options) {
  members_[0].link = connect(address, rank, options.connect);
  members_[0].standing.host = address.host;
  members_[0].is_here = true;
}

Watcher::~Watcher() {
  if (!thread_.joinable()) return;
  order(to_leave, 0s);
  thread_.join();
}

void Watcher::start() {
  begun_at_ = last_turn_ = next_beat_ = moved_ = Clock::now();
  for (Member& member : members_) member.heard = begun_at_;
  bell_.catch_sigterm();
  // Signals are for the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    raise<Error>("watch: the system starts no thread: {}", error.code().message());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Watcher::wait_for_all() const {
  while (!all_came_) {
    if (has_failed()) raise<IOError>("watch: {}", failure_);
    std::this_thread::sleep_for(1ms);
  }
}

void Watcher::entered(const char* operation, int whom, bool goes_on) noexcept {
  operation_.store(operation, std::memory_order_relaxed);
  whom_.store(whom, std::memory_order_relaxed);
  if (whom == for_all && !goes_on) begun_.fetch_add(1, std::memory_order_relaxed);
  waiting_.fetch_add(1, std::memory_order_relaxed);
  moves_.fetch_add(1, std::memory_order_release);
}

void Watcher::left() noexcept {
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  moves_.fetch_add(1, std::memory_order_release);
}

void Watcher::fail(std::string_view what) noexcept {
  if (!is_failing_.exchange(true)) {
    error_size_ = xgrad::detail::beginning(what, most).copy(error_.data(), most);
    ordered_.fetch_or(to_fail, std::memory_order_release);
  }
  order(to_fail, 2 * answer_time);
}

void Watcher::order(Order what, Clock::duration within) noexcept {
  ordered_.fetch_or(what, std::memory_order_release);
  bell_.ring();
  for (const auto end = Clock::now() + within; Clock::now() < end;) {
    if ((obeyed_.load(std::memory_order_acquire) & what) != 0) return;
    std::this_thread::sleep_for(1ms);
  }
}

void Watcher::run() {
  while (true) try {
      if (!turn()) return;
    } catch (const std::bad_alloc&) {
      // The program may give some memory back, or end for the lack of it.
      std::this_thread::sleep_for(rest);
    }
}

/// Whether there will be another.
bool Watcher::turn() {
  wait(Clock::now());
  const Time now = Clock::now();
  excuse(now);
  if (bell_.hear()) terminated_ = now;
  for (Member& member : members_) hear(member, now);
  welcome(now);
  take_orders(now);
  if (now >= next_beat_) beat(now);
  if (!has_failed()) look(now);
  end_in_time(now);
  if (!announced_ && is_flushed()) obeyed_.store(taken_, std::memory_order_release);
  if ((taken_ & to_leave) != 0) return !leave(now);
  std::this_thread::sleep_for(rest);
  return true;
}

void Watcher::wait(Time now) {
  const bool is_obeyed = obeyed_.load(std::memory_order_relaxed) == taken_;
  const bool soon = has_failed() || announced_ || terminated_ || leaving_ || !is_obeyed;
  const auto until = soon ? std::min(now + 2 * rest, next_beat_) : next_beat_;
  polled_.assign(1, {bell_.descriptor(), POLLIN, 0});
  const auto add = [this](const Link& link) {
    const int events = link.is_flushed() ? POLLIN : POLLIN | POLLOUT;
    if (link.is_open()) polled_.push_back({link.descriptor(), static_cast<short>(events), 0});
  };
  if (listener_) polled_.push_back({listener_->descriptor(), POLLIN, 0});
  for (const auto& [link, since] : strangers_) add(link);
  const auto first = static_cast<std::ptrdiff_t>(polled_.size());
  for (const Member& member : members_) add(member.link);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  poll(polled_.data(), polled_.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
  auto polled = polled_.begin() + first;
  for (Member& member : members_)
    member.is_ready = member.link.is_open() && (polled++)->revents != 0;
}

/// Where this process itself was stopped for a while, nobody else is to blame.
void Watcher::excuse(Time now) {
  const auto missed = now - std::exchange(last_turn_, now);
  if (missed < in_seconds(options_.silence) / 2) return;
  for (Member& member : members_) member.heard += missed;
  moved_ += missed;
  begun_at_ += missed;
}

void Watcher::take_orders(Time now) {
  const unsigned ordered = ordered_.load(std::memory_order_acquire);
  const unsigned fresh = ordered & ~taken_;
  taken_ = ordered;
  if ((fresh & to_fail) != 0) announce({error_.data(), error_size_}, now);
  const bool is_over = own_.ended || has_failed() || (taken_ & to_fail) != 0;
  if ((fresh & (to_finish | to_leave)) != 0 && !is_over) {
    own_.ended = true;
    tell_all("end");
  }
}

// ---- the others

/// Those that connect, until all have come.
void Watcher::welcome(Time now) {
  if (!listener_) return;
  for (Link link = listener_->accept(); link.is_open(); link = listener_->accept()) {
    strangers_.emplace_back(std::move(link), now);
    if (strangers_.size() > members_.size() + 16) strangers_.pop_front();
  }
  strangers_.remove_if([&](auto& stranger) {
    auto& [link, since] = stranger;
    return greet(link, now) || !link.is_open() || now - since > in_seconds(options_.silence);
  });
  if (!std::ranges::all_of(members_, &Member::is_here)) return;
  listener_.reset();
  strangers_.clear();
  all_came_ = true;
}

/// Whether it was one of us; who says anything but a hello with the token is sent away.
bool Watcher::greet(Link& link, Time now) {
  link.receive();
  const auto message = link.next();
  if (!message) return false;
  std::string_view words = *message;
  const bool is_ours =
      take_word(words) == "hello" && take_word(words) == listener_->address().token;
  const auto index = static_cast<std::size_t>(take_number<unsigned>(words)) - 1;
  if (!is_ours || index >= members_.size() || members_[index].is_here) {
    link.close();
    return false;
  }
  Member& member = members_[index];
  member.standing.host = excerpt(words);
  member.heard = now;
  member.link = std::move(link);
  member.link.send("welcome");
  return true;
}

void Watcher::hear(Member& member, Time now) {
  if (!member.is_ready) return;
  member.link.flush();
  member.link.receive();
  while (const auto message = member.link.next()) {
    member.heard = now;
    understand(member, *message);
  }
  if (!member.link.is_open()) lose(member, now);
}

void Watcher::understand(Member& member, const std::string& message) {
  std::string_view words = message;
  const std::string_view kind = take_word(words);
  Standing& standing = member.standing;
  member.is_here = true;
  if (kind == "beat") {
    standing.begun = take_number<std::uint64_t>(words);
    standing.waited = static_cast<double>(take_number<std::int64_t>(words)) / 1000;
    standing.whom = take_number<int>(words);
    standing.operation = excerpt(words);
  }
  if (kind == "end") standing.ended = true;
  if (kind == "failed") learn(std::string(words), member.heard);
}

/// Its connection has closed. Who has not been heard of may have tried another address meanwhile.
void Watcher::lose(Member& member, Time now) {
  const int error = member.link.error();
  if (!member.is_here) return;
  member.is_gone = true;
  if (member.standing.ended) return;
  const bool is_dead = error == 0 || error == ECONNRESET || error == EPIPE;
  learn(fmt::format("{} {}", name_of(member.standing.rank, member.standing.host),
                    is_dead ? "ended without a word: killed, or crashed"
                            : fmt::format("can no longer be reached: {}", std::strerror(error))),
        now);
}

void Watcher::look(Time now) {
  for (const Member& member : members_)
    if (member.is_here && !member.is_gone && now - member.heard > in_seconds(options_.silence))
      return learn(
          fmt::format("{} has given no sign of life for {} s",
                      name_of(member.standing.rank, member.standing.host), options_.silence),
          now);
  if (listener_) look_for_those_to_come(now);
  if (is_alone() && announced_) return learn(announced_->first, now);
}

void Watcher::look_for_those_to_come(Time now) {
  if (now - begun_at_ < in_seconds(options_.connect)) return;
  std::string ranks;
  for (const Member& member : members_)
    if (!member.is_here)
      ranks += fmt::format("{}{}", ranks.empty() ? "" : ", ", member.standing.rank);
  learn(fmt::format("rank {} did not connect to {} within {} s", ranks, name_of(0, own_.host),
                    options_.connect),
        now);
}

/// A sign of life, and how this process stands; rank 0, or whoever has outlived it, looks whether
/// somebody is waited for.
void Watcher::beat(Time now) {
  next_beat_ = now + in_seconds(options_.beat);
  const std::uint64_t moves = moves_.load(std::memory_order_acquire);
  if (std::exchange(moves_seen_, moves) != moves) moved_ = now;
  const bool waits = waiting_.load(std::memory_order_relaxed) > 0;
  own_.begun = begun_.load(std::memory_order_relaxed);
  own_.whom = whom_.load(std::memory_order_relaxed);
  own_.operation = operation_.load(std::memory_order_relaxed);
  own_.waited = waits ? std::chrono::duration<double>(now - moved_).count() : -1;
  const auto milliseconds = static_cast<std::int64_t>(waits ? own_.waited * 1000 : -1000);
  const std::string message =
      fmt::format("beat {} {} {} {}", own_.begun, milliseconds, own_.whom, own_.operation);
  for (Member& member : members_)
    if (member.link.is_flushed()) member.link.send(message);
  if (has_failed() || !(is_judge() || is_alone())) return;
  std::vector<const Standing*> all{&own_};
  for (const Member& member : members_) all.push_back(&member.standing);
  const std::string wrong = blame(all, options_.silence, options_.patience);
  if (!wrong.empty()) learn(wrong, now);
}

// ---- failures

void Watcher::tell_all(const std::string& message) {
  for (Member& member : members_) member.link.send(message);
}

/// What happened here. It is rank 0 that says what came first.
void Watcher::announce(const std::string& what, Time now) {
  const std::string text = fmt::format("{}: {}", name_of(own_.rank, own_.host), visible(what));
  if (is_judge() || is_alone()) return learn(text, now);
  if (has_failed()) return;
  announced_.emplace(text, now);
  tell_all("failed " + text);
}

void Watcher::learn(const std::string& what, Time now) {
  if (has_failed()) return;
  failure_ = announced_ && is_alone() ? announced_->first : what;
  announced_.reset();
  failed_at_ = now;
  has_failed_.store(true, std::memory_order_release);
  if (is_judge()) tell_all("failed " + failure_);
}

void Watcher::end_in_time(Time now) {
  if (announced_ && now - announced_->second > answer_time) {
    const std::string own = announced_->first;
    learn(own, now);
  }
  if (terminated_ && !has_told_ && (has_failed() || now - *terminated_ > news_time)) {
    has_told_ = true;
    constexpr auto by_signal = "ended by SIGTERM";
    write_line(has_failed() ? failure_
                            : fmt::format("{}: {}", name_of(own_.rank, own_.host), by_signal));
    announce(by_signal, now);
  }
  if (!has_failed() || leaving_ || now - failed_at_ < in_seconds(options_.grace)) return;
  if (!terminated_) {
    write_line(fmt::format("{}; {} has not ended by itself within {} s", failure_,
                           name_of(own_.rank, own_.host), options_.grace));
    _exit(1);
  }
  std::signal(SIGTERM, SIG_DFL);
  kill(getpid(), SIGTERM);
  std::this_thread::sleep_for(answer_time);  // unless the program keeps it from coming
  _exit(128 + SIGTERM);
}

bool Watcher::is_flushed() const {
  return std::ranges::all_of(members_, [](const Member& member) {
    return !member.link.is_open() || member.link.is_flushed();
  });
}

/// Whether all know: a connection that is closed before the other side has read all may lose it.
bool Watcher::leave(Time now) {
  if (!leaving_) leaving_ = now;
  bool all_closed = true;
  for (Member& member : members_) {
    if (!member.link.is_open()) continue;
    all_closed = false;
    if (member.link.is_flushed()) member.link.end_sending();
  }
  return all_closed || now - *leaving_ > answer_time;
}

// ---- what the program has of it

Watch::Watch(Listener listener, int size, const WatchOptions& options) {
  begin(std::make_unique<Watcher>(std::move(listener), size, options));
  watcher_->wait_for_all();
}

Watch::Watch(const Address& address, int rank, const WatchOptions& options) {
  begin(std::make_unique<Watcher>(address, rank, options));
}

void Watch::begin(std::unique_ptr<Watcher> watcher) {
  watcher->start();
  watcher_ = std::move(watcher);
}

Watch::~Watch() {
  if (!watcher_->is_of_this_process()) static_cast<void>(watcher_.release());  // its thread is not
}

void Watch::entered(const char* operation, int whom, bool goes_on) noexcept {
  watcher_->entered(operation, whom, goes_on);
}
void Watch::left() noexcept { watcher_->left(); }

bool Watch::has_failed() const noexcept { return watcher_->has_failed(); }
void Watch::check() const {
  if (has_failed()) [[unlikely]]
    throw PeerError(watcher_->failure());
}

void Watch::fail(std::string_view what) noexcept {
  if (watcher_->is_of_this_process()) watcher_->fail(what);
}
void Watch::finish() noexcept {
  if (watcher_->is_of_this_process()) watcher_->finish();
}

}  // namespace xgrad::distributed::detail
