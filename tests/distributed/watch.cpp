// Processes that watch one another: whoever dies, fails, hangs or is stopped is named to all
// others, which end in time. Each process here is one that was forked; what they do together, which
// MPI would do, is counted in memory that they share.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/distributed/watch.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fork.hpp"
#include "support.hpp"
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using namespace xgrad::distributed::detail;

namespace {

constexpr int limit = 30;  // seconds, after which a process is ended, which no test expects

constexpr int well = 0;    // how a process ends
constexpr int peer = 2;    // with a PeerError
constexpr int failed = 3;  // with an error of its own

std::string name(int rank) { return name_of(rank, host_name()); }
std::string killed(int rank) { return name(rank) + " ended without a word: killed, or crashed"; }

/// Seen by all processes of a group.
struct Board {
  std::atomic<int> began{0};
  std::array<std::atomic<int>, 1 << 16> came{};
  std::atomic<pid_t> helper{0};
  std::array<char, 1024> address{};
  std::atomic<bool> is_open{false};
  std::atomic<bool> may_begin{false};
};

/// Signals are the test's again.
void undo_doctest() {
  for (const int signal : {SIGTERM, SIGABRT}) std::signal(signal, SIG_DFL);
}

void sleep(int milliseconds) { usleep(static_cast<useconds_t>(milliseconds) * 1000); }

/// One process of a group.
class Process {
 public:
  Process(int own_rank, int processes, Board& shared)
      : rank(own_rank), size(processes), board(shared) {}

  const int rank;
  const int size;
  Board& board;
  std::optional<Watch> watch;

  void begin(const WatchOptions& options) {
    if (rank == 0) {
      Listener listener;
      listener.address().text().copy(board.address.data(), board.address.size() - 1);
      board.is_open = true;
      watch.emplace(std::move(listener), size, options);
    } else {
      watch.emplace(address(), rank, options);
    }
    ++board.began;
  }
  Address address() const {
    while (!board.is_open) sleep(1);
    return Address::of(board.address.data());
  }
  /// What all do: it ends when all have come.
  void meet(const char* operation = "all_reduce") {
    const Waiting waiting(*watch, operation);
    ++board.came[met_];
    while (board.came[met_] < size) {
      watch->check();
      sleep(1);
    }
    ++met_;
  }
  void meet_for_ever() {
    while (true) meet();
  }
  void wait_for_failure() {
    while (true) {
      watch->check();
      sleep(1);
    }
  }

 private:
  std::size_t met_ = 0;
};

using Program = std::function<void(Process&)>;

/// So many processes, from their beginning to their end.
class Group {
 public:
  /// `before` runs in each before its watch begins.
  Group(int size, const WatchOptions& options, const Program& program, const Program& before = {})
      : board_(*new (mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Board) {
    for (int rank = 0; rank < size; ++rank) {
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) run(rank, size, options, program, before);
      processes_.push_back(child);
    }
  }
  ~Group() {
    for (const pid_t process : processes_)
      if (process != 0 && ::kill(process, SIGKILL) == 0) waitpid(process, nullptr, 0);
    munmap(&board_, sizeof(Board));
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int size() const { return static_cast<int>(processes_.size()); }
  Board& board() const { return board_; }
  void wait_for_all() const {
    while (board_.began < size()) sleep(1);
  }
  void send(int rank, int signal) const { CHECK(::kill(processes_[at(rank)], signal) == 0); }
  /// Its exit status; minus the signal that ended it.
  int end(int rank) {
    int status = 0;
    CHECK(waitpid(processes_[at(rank)], &status, 0) == processes_[at(rank)]);
    processes_[at(rank)] = 0;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  /// What it has written to standard error.
  std::string errors(int rank) const {
    std::ostringstream text;
    text << std::ifstream(file(rank)).rdbuf();
    return text.str();
  }
  /// That all end with a PeerError that says `what`, but those for whom something else is expected.
  void check_told(const std::string& what, const std::vector<std::pair<int, int>>& others = {}) {
    for (int rank = 0; rank < size(); ++rank) {
      CAPTURE(rank);
      int expected = peer;
      for (const auto& [other, status] : others)
        if (other == rank) expected = status;
      CHECK(end(rank) == expected);
      if (expected == peer) CHECK(errors(rank) == what + "\n");
    }
  }

 private:
  static std::size_t at(int rank) { return static_cast<std::size_t>(rank); }
  std::string file(int rank) const { return directory_.file(std::to_string(rank)); }

  [[noreturn]] void run(int rank, int size, const WatchOptions& options, const Program& program,
                        const Program& before) {
    alarm(limit);
    undo_doctest();
    const int file_of_errors = open(file(rank).c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (dup2(file_of_errors, STDERR_FILENO) < 0) _exit(99);
    Process process(rank, size, board_);
    if (before) before(process);
    const int status = status_of(process, options, program);
    process.watch.reset();
    _exit(status);
  }
  static int status_of(Process& process, const WatchOptions& options, const Program& program) {
    try {
      process.begin(options);
      program(process);
      process.watch->finish();
      return well;
    } catch (const PeerError& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return peer;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      if (process.watch) process.watch->fail(error.what());
      return failed;
    }
  }

  TemporaryDirectory directory_;
  Board& board_;
  std::vector<pid_t> processes_;
};

/// Of a machine that others use too: signs of life may come late.
const WatchOptions quick{.beat = 0.1, .silence = 10, .patience = 20, .grace = 10, .connect = 20};

void look_at_nothing() {
  while (true) sleep(1);
}

void compute_for_ever() {
  volatile int i = 0;
  while (true) i = 1 - i;
}

}  // namespace

TEST_CASE("processes that end well say nothing") {
  Group group(4, quick, [](Process& process) {
    for (int i = 0; i < 20; ++i) process.meet();
    sleep(30 * process.rank);  // rank 0 is gone before the others
  });
  group.check_told("", {{0, well}, {1, well}, {2, well}, {3, well}});
  for (int rank = 0; rank < 4; ++rank) CHECK(group.errors(rank).empty());
}

TEST_CASE("one that is killed is named to the others, whenever it is killed") {
  Generator generator(1);
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    Group group(3, quick, [](Process& process) { process.meet_for_ever(); });
    group.wait_for_all();
    usleep(static_cast<useconds_t>(generator.below(30000)));
    const int dead = round % 3;
    group.send(dead, SIGKILL);
    group.check_told(killed(dead), {{dead, -SIGKILL}});
  }
}

TEST_CASE("a thousand processes are watched, and told") {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
#ifdef XGRAD_SANITIZED
  const bool is_narrow = true;
#else
  const bool is_narrow = files.rlim_max < 2000;
#endif
  const int size = is_narrow ? 50 : 1000;
  Group group(size, quick, [](Process& process) {
    while (true) {
      process.watch->check();
      sleep(50);
    }
  });
  group.wait_for_all();
  group.send(size / 2, SIGKILL);
  group.check_told(killed(size / 2), {{size / 2, -SIGKILL}});
}

TEST_CASE("one that crashes, or ends in the middle, is named to the others") {
  Group group(3, quick, [](Process& process) {
    process.meet();
    if (process.rank == 1) std::abort();
    process.meet_for_ever();
  });
  group.check_told(killed(1), {{1, -SIGABRT}});
  Group other(3, quick, [](Process& process) {
    process.meet();
    if (process.rank == 0) _exit(7);
    process.meet_for_ever();
  });
  other.check_told(killed(0), {{0, 7}});
}

TEST_CASE("an error of one comes to all others with its text") {
  for (const int thrower : {0, 2}) {
    Group group(4, quick, [&](Process& process) {
      process.meet();
      if (process.rank == thrower) throw ValueError("loss: it is NaN:\nsecond line, é");
      process.meet_for_ever();
    });
    group.check_told(name(thrower) + ": loss: it is NaN:\nsecond line, é", {{thrower, failed}});
  }
  // What is long is cut, and what a terminal would obey is escaped.
  Group group(2, quick, [&](Process& process) {
    process.meet();
    if (process.rank == 1) throw std::runtime_error("\x1b[31m" + std::string(100000, 'x'));
    process.meet_for_ever();
  });
  group.check_told(name(1) + ": \\x1b[31m" + std::string(3995, 'x'), {{1, failed}});
}

TEST_CASE("where several fail at once all report the same") {
  Group group(5, quick, [](Process& process) {
    process.meet();
    if (process.rank % 2 == 1) process.watch->fail(fmt::format("I am {}", process.rank));
    process.wait_for_failure();
  });
  for (int rank = 0; rank < 5; ++rank) CHECK(group.end(rank) == peer);
  const std::string text = group.errors(0);
  const bool is_of_one = text == name(1) + ": I am 1\n" || text == name(3) + ": I am 3\n";
  CHECK(is_of_one);
  for (int rank = 1; rank < 5; ++rank) CHECK(group.errors(rank) == text);
}

TEST_CASE("one that is stopped is named to the others") {
  WatchOptions options = quick;
  options.silence = 1;
  for (const int stopped : {0, 2}) {
    Group group(3, options, [](Process& process) { process.meet_for_ever(); });
    group.wait_for_all();
    group.send(stopped, SIGSTOP);
    const int other = stopped == 0 ? 2 : 0;
    const std::string text = name(stopped) + " has given no sign of life for 1 s";
    CHECK(group.end(1) == peer);
    CHECK(group.end(other) == peer);
    CHECK(group.errors(1) == text + "\n");
    CHECK(group.errors(other) == text + "\n");
  }
}

TEST_CASE("a whole group that is stopped for a while blames nobody") {
  WatchOptions options = quick;
  options.silence = 1;
  options.patience = 1.5;
  Group group(3, options, [](Process& process) {
    for (int i = 0; process.rank == 2 && i < 100; ++i) sleep(5);  // the others wait
    process.meet();
  });
  group.wait_for_all();
  sleep(200);  // it is seen that they wait
  for (int rank = 0; rank < 3; ++rank) group.send(rank, SIGSTOP);
  sleep(2000);
  for (int rank = 0; rank < 3; ++rank) group.send(rank, SIGCONT);
  group.check_told("", {{0, well}, {1, well}, {2, well}});
}

TEST_CASE("one that does not come is named, and ended where it computes for ever") {
  WatchOptions options = quick;
  options.patience = 1.5;
  options.grace = 2;
  for (const int late : {0, 2}) {
    Group group(3, options, [&](Process& process) {
      for (int i = 0; i < 17; ++i) process.meet("broadcast");
      if (process.rank == late) compute_for_ever();
      process.meet();
    });
    const std::string text = name(late) +
                             " has not come to all_reduce, for which others have waited 1.5 s; it "
                             "is at its 17th operation, they at their 18th";
    group.check_told(text, {{late, 1}});
    CHECK(group.errors(late) == text + "; " + name(late) + " has not ended by itself within 2 s\n");
  }
}

TEST_CASE("one that has ended its program is named where others wait for it") {
  WatchOptions options = quick;
  options.patience = 1.5;
  for (const int early : {0, 1}) {
    Group group(3, options, [&](Process& process) {
      process.meet();
      if (process.rank != early) process.meet("all_gather");
    });
    group.check_told(name(early) + " has ended its program, others still wait for it in all_gather",
                     {{early, well}});
  }
}

TEST_CASE("one that has ended its program is told of the others' failures, and ended with them") {
  WatchOptions options = quick;
  options.grace = 2;
  Group group(3, options, [](Process& process) {
    process.meet();
    if (process.rank == 1) {
      process.watch->finish();
      pause();  // as in MPI_Finalize
    }
    sleep(50);
    if (process.rank == 2) std::abort();
    process.wait_for_failure();
  });
  group.check_told(killed(2), {{1, 1}, {2, -SIGABRT}});
  CHECK(group.errors(1) == killed(2) + "; " + name(1) + " has not ended by itself within 2 s\n");
}

TEST_CASE("a launcher that ends all when one has died does not come before the reason") {
  WatchOptions options = quick;
  options.grace = 1;
  Group group(4, options, [](Process& process) {
    if (process.rank == 3) look_at_nothing();
    process.wait_for_failure();
  });
  group.wait_for_all();
  group.send(1, SIGKILL);
  CHECK(group.end(1) == -SIGKILL);
  for (const int rank : {0, 2, 3}) group.send(rank, SIGTERM);
  for (const int rank : {0, 2}) {
    CHECK(group.end(rank) == peer);
    // Written by the watch, unless the program was faster, and by the program.
    const std::string once = killed(1) + "\n";
    const std::string text = group.errors(rank);
    CHECK((text == once || text == once + once));
  }
  CHECK(group.end(3) == -SIGTERM);
  CHECK(group.errors(3) == killed(1) + "\n");
}

TEST_CASE("one that is asked to end says so to all") {
  Group group(3, quick, [](Process& process) { process.meet_for_ever(); });
  group.wait_for_all();
  group.send(2, SIGTERM);
  const std::string text = name(2) + ": ended by SIGTERM\n";
  for (int rank = 0; rank < 3; ++rank) {
    CHECK(group.end(rank) == peer);
    CHECK(group.errors(rank) == (rank == 2 ? text + text : text));
  }
}

TEST_CASE("the second SIGTERM ends the program") {
  WatchOptions options = quick;
  options.grace = 2 * limit;
  Group group(2, options, [](Process& process) {
    if (process.rank == 1) look_at_nothing();
    process.meet();
  });
  group.wait_for_all();
  group.send(1, SIGTERM);
  while (group.errors(1).empty()) sleep(1);
  group.send(1, SIGTERM);
  CHECK(group.end(1) == -SIGTERM);
  CHECK(group.end(0) == peer);
  CHECK(group.errors(0) == name(1) + ": ended by SIGTERM\n");
}

TEST_CASE("SIGTERM is the program's own where it has a handler, and once the watch has ended") {
  static volatile std::sig_atomic_t caught = 0;
  const auto count = [](int) { caught = caught + 1; };
  CHECK(in_child([&] {
          std::signal(SIGTERM, count);
          {
            const Watch watch(Listener(), 1, quick);
            std::raise(SIGTERM);
          }
          return caught == 1 && std::signal(SIGTERM, SIG_DFL) == +count ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          undo_doctest();
          { const Watch watch(Listener(), 1, quick); }
          return std::signal(SIGTERM, SIG_DFL) == SIG_DFL ? 0 : 1;
        }) == 0);
}

TEST_CASE("a process that was forked keeps nobody alive") {
  Group group(3, quick, [](Process& process) {
    process.meet();
    if (process.rank == 1) {
      const pid_t helper = fork();
      while (helper == 0) pause();
      process.board.helper = helper;
    }
    process.meet_for_ever();
  });
  while (group.board().helper == 0) sleep(1);
  group.send(1, SIGKILL);
  group.check_told(killed(1), {{1, -SIGKILL}});
  CHECK(::kill(group.board().helper, SIGKILL) == 0);
}

TEST_CASE("a process that was forked is not watched, and may begin a watch of its own") {
  Group group(2, quick, [](Process& process) {
    process.meet();
    const int status = in_child([&] {
      process.watch->fail("not of the group");
      process.watch->finish();
      process.watch.reset();
      if (std::signal(SIGTERM, SIG_DFL) != SIG_DFL) return 1;
#ifndef XGRAD_SANITIZED  // the thread sanitizer starts no thread after such a fork
      {
        Watch own(Listener(), 1, quick);
        own.finish();
      }
#endif
      std::raise(SIGTERM);
      return 0;
    });
    process.meet();
    if (status != 128 + SIGTERM) throw ValueError(fmt::format("it ended with {}", status));
  });
  group.check_told("", {{0, well}, {1, well}});
}

TEST_CASE("strangers are sent away, and do no harm") {
  Group group(
      3, quick,
      [](Process& process) {
        for (int i = 0; i < 5; ++i) process.meet();
      },
      [](Process& process) {
        while (process.rank > 0 && !process.board.may_begin) sleep(1);
      });
  const auto call = [&](const std::string& words) {
    while (!group.board().is_open) sleep(1);
    const int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(
        static_cast<std::uint16_t>(std::stoi(Address::of(group.board().address.data()).port)));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(stranger, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    send(stranger, words.data(), words.size(), MSG_NOSIGNAL);
    return stranger;
  };
  const std::string impostor("hello wrong 1 x\0failed of a stranger\0", 37);
  for (const std::string& words : {std::string(), std::string("GET / HTTP/1.1\r\n\r\n"),
                                   std::string(100000, '\1'), impostor, std::string(5, '\0')})
    close(call(words));
  std::vector<int> open;
  for (int i = 0; i < 100; ++i) open.push_back(call(i % 2 == 0 ? "" : impostor));
  group.board().may_begin = true;
  group.check_told("", {{0, well}, {1, well}, {2, well}});
  for (int rank = 0; rank < 3; ++rank) CHECK(group.errors(rank).empty());
  for (const int each : open) close(each);
}

TEST_CASE("who does not connect is named") {
  WatchOptions options = quick;
  options.connect = 1;
  Group group(
      4, options, [](Process& process) { process.meet_for_ever(); },
      [](Process& process) {
        if (process.rank >= 2) _exit(5);
      });
  const std::string text = "rank 2, 3 did not connect to " + name(0) + " within 1 s";
  CHECK(group.end(0) == failed);
  CHECK(group.errors(0) == "watch: " + text + "\n");
  CHECK(group.end(1) == peer);
  CHECK(group.errors(1) == text + "\n");
}

TEST_CASE("a rank 0 that cannot be reached is an error that says why") {
  const WatchOptions options{.connect = 0.3};
  const auto message = [&](const std::string& address) {
    return message_of<IOError>([&] { Watch(Address::of(address), 3, options); });
  };
  const std::string begin = "watch: rank 3 (" + host_name() + ") cannot connect to rank 0 (";
  CHECK(message("token elsewhere 1 127.0.0.1 nowhere") ==
        begin +
            "elsewhere) within 0.3 s: port 1: 127.0.0.1: Connection refused; nowhere: Name or "
            "service not known");
  CHECK(message("token elsewhere 1") == begin + "elsewhere) within 0.3 s: port 1: no address");
  const Listener silent;
  Address address = silent.address();
  address.host = "elsewhere";
  address.numbers = {"127.0.0.1"};
  CHECK(message(address.text()) == begin + "elsewhere) within 0.3 s: port " + address.port +
                                       ": 127.0.0.1: does not answer as rank 0");
  CHECK(message_of<ValueError>([] { Address::of("token host"); }) ==
        "watch: 'token host' is no address of rank 0");
}

TEST_CASE("options that make no sense are refused") {
  const auto message = [](const WatchOptions& options) {
    return message_of<ValueError>([&] { Watch(Listener(), 1, options); });
  };
  CHECK(message({.beat = 0}) == "watch: beat is 0 s; it must be above 0");
  CHECK(message({.silence = 2}) == "watch: silence is 2 s; it must be 3 beats of 1 s at least");
  CHECK(message({.patience = std::nan("")}) == "watch: patience is nan s; it must be above 0");
  CHECK(message({.grace = -1}) == "watch: grace is -1 s; it must be above 0");
  CHECK(in_child([] {
          const Watch watch(Listener(), 1, quick);
          return message_of<Error>([] { Watch(Listener(), 1, quick); }) ==
                         "watch: there is one already in this process"
                     ? 0
                     : 1;
        }) == 0);
}

TEST_CASE("XGRAD_DISTRIBUTED_TIMEOUT is how long processes wait for one that does not come") {
  const auto with = [](const char* setting) {
    setenv("XGRAD_DISTRIBUTED_TIMEOUT", setting, 1);
    return watch_options().patience;
  };
  CHECK(with("12.5") == 12.5);
  CHECK(with("inf") > 1e9);
  for (const std::string wrong : {"", "0", "-3", "nan", "5 minutes", "soon"})
    CHECK(message_of<ValueError>([&] { with(wrong.c_str()); }) ==
          "XGRAD_DISTRIBUTED_TIMEOUT: '" + wrong + "' is not a number of seconds above 0");
  unsetenv("XGRAD_DISTRIBUTED_TIMEOUT");
  CHECK(watch_options().patience == 300);
}
