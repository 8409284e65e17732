#include "starved/starved.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/autograd/storage.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <link.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef XGRAD_SANITIZED  // which have a malloc of their own

namespace {

std::atomic<bool> counting{false};
std::atomic<long> requests{0};
std::atomic<long> first_refused{0};
std::atomic<long> last_refused{0};

/// Where the code of libraries lies that end the program without memory, whatever we do.
struct Code {
  std::uintptr_t begin = 0, end = 0;
};
std::array<Code, 5> spared;

int find_spared(dl_phdr_info* info, std::size_t, void*) {
  constexpr std::array<std::string_view, 5> names{"libgomp", "libomp", "libdnnl", "libarchive",
                                                  "ld-linux"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::string_view(info->dlpi_name).find(names[i]) != std::string_view::npos)
      for (int j = 0; j < info->dlpi_phnum; ++j)
        if (const auto& part = info->dlpi_phdr[j];
            part.p_type == PT_LOAD && (part.p_flags & PF_X) != 0)
          spared[i] = {info->dlpi_addr + part.p_vaddr,
                       info->dlpi_addr + part.p_vaddr + part.p_memsz};
  return 0;
}

bool is_refused(const void* caller) {
  if (!counting.load(std::memory_order_relaxed)) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  for (const Code& code : spared)
    if (address >= code.begin && address < code.end) return false;
  const long number = requests.fetch_add(1) + 1;
  return number >= first_refused && number <= last_refused;
}

void* refusal() {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace

// glibc's own, which it offers for this.
extern "C" {
// NOLINTBEGIN
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  return is_refused(__builtin_return_address(0)) ? refusal() : __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  return is_refused(__builtin_return_address(0)) ? refusal() : __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  return is_refused(__builtin_return_address(0)) ? refusal() : __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  return is_refused(__builtin_return_address(0)) ? refusal() : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return is_refused(__builtin_return_address(0)) ? refusal() : __libc_memalign(alignment, bytes);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  if (is_refused(__builtin_return_address(0))) return ENOMEM;
  *block = __libc_memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
// NOLINTEND
}

// Here, so that who calls it is seen.
void* operator new(std::size_t bytes) {
  void* const block =
      is_refused(__builtin_return_address(0)) ? refusal() : __libc_malloc(bytes > 0 ? bytes : 1);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace starved {

void start(long k, Refused refused) {
  dl_iterate_phdr(find_spared, nullptr);
  requests = 0;
  first_refused = k == 0 ? 1 : k;
  last_refused = k == 0 ? 0 : refused == Refused::one ? k : std::numeric_limits<long>::max();
  counting = true;
}

long stop() {
  counting = false;
  return requests;
}

void Digest::add(const void* data, std::size_t bytes) {
  const auto* const at = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) value_ = (value_ ^ at[i]) * 1099511628211u;
}

void Digest::add(const xgrad::Tensor& x) {
  const std::size_t bytes = static_cast<std::size_t>(x.numel()) * xgrad::item_size(x.dtype());
  add(x.storage()->data() + x.impl()->offset, bytes);
}

namespace {

/// What a trial tells of itself.
struct Told {
  long requests = 0;
  std::uint64_t digest = 0;
  std::int64_t bytes_in_use = 0;
  bool threw = false;
  char fault[400] = "";
};

void tell(Told& told, const std::string& fault) {
  if (told.fault[0] == '\0') std::snprintf(told.fault, sizeof told.fault, "%s", fault.c_str());
}

std::uint64_t run(const Scenario& scenario) {
  Digest digest;
  scenario.run(digest);
  return digest.value();
}

/// The attack on request k, and a run that nothing happens to.
Told trial(const Scenario& scenario, long k, Refused refused) {
  Told told;
  scenario.prepare();
  start(k, refused);
  try {
    const std::uint64_t digest = run(scenario);
    told.requests = stop();
    told.digest = digest;
  } catch (const std::bad_alloc&) {
    stop();
    told.threw = true;
  } catch (const xgrad::Error&) {
    stop();
    told.threw = true;
  } catch (const std::exception& error) {
    stop();
    tell(told, std::string("threw what is neither: ") + error.what());
  }
  if (const std::string fault = scenario.check(); !fault.empty()) tell(told, fault);
  try {
    const std::uint64_t again = run(scenario);
    if (!told.threw && again != told.digest) tell(told, "gave a wrong result without an error");
    told.digest = again;
  } catch (const std::exception& error) {
    tell(told, std::string("does not work afterwards: ") + error.what());
  }
  told.bytes_in_use = xgrad::memory::statistics().bytes_in_use;
  return told;
}

/// f's answer, which it leaves in `answer`, from a process of its own; how that failed, or "".
template <class Answer, class F>
std::string fork_for(Answer& answer, const F& f) {
  constexpr unsigned most_seconds = 60;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(number, SIG_DFL);
    alarm(most_seconds);
    f(answer);
    const bool written = write(ends[1], &answer, sizeof answer) == sizeof answer;
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  const bool complete = read(ends[0], &answer, sizeof answer) == sizeof answer;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return std::string("ended by ") + strsignal(WTERMSIG(status));
  return complete ? "" : "ended with code " + std::to_string(WEXITSTATUS(status));
}

/// The trial in a process of its own.
Told tried(const Scenario& scenario, long k, Refused refused) {
  Told told;
  const std::string failure = fork_for(told, [&](Told& own) { own = trial(scenario, k, refused); });
  if (!failure.empty()) tell(told, failure);
  return told;
}

std::string fault_of(const Told& told, const Told& clean) {
  if (told.fault[0] != '\0') return told.fault;
  if (told.digest != clean.digest) return "gives other bits afterwards";
  if (told.bytes_in_use != clean.bytes_in_use)
    return "keeps " + std::to_string(told.bytes_in_use - clean.bytes_in_use) + " bytes";
  return "";
}

}  // namespace

void attack(const std::string& name, const Scenario& scenario) {
  const char* const setting = std::getenv("XGRAD_TEST_LONG");
  const bool all = setting != nullptr && std::string_view(setting) == "1";
  constexpr long few = 7;
  const Told clean = tried(scenario, 0, Refused::one);
  REQUIRE_MESSAGE(clean.fault[0] == '\0', name, ": ", std::string(clean.fault));
  REQUIRE(clean.requests > 0);
  long trials = 0, errors = 0, faults = 0;
  for (const Refused refused : {Refused::one, Refused::all_after}) {
    const long step = all ? 1 : std::max(clean.requests / few, 1L);
    for (long k = 1; k <= clean.requests; k += step) {
      const Told told = tried(scenario, k, refused);
      const std::string fault = fault_of(told, clean);
      ++trials;
      errors += told.threw ? 1 : 0;
      if (fault.empty()) continue;
      ++faults;
      const char* const which = refused == Refused::one ? "request " : "all requests from ";
      CHECK_MESSAGE(fault.empty(), name, ", ", std::string(which), k, " of ", clean.requests, ": ",
                    fault);
    }
  }
  MESSAGE(name, ": ", clean.requests, " requests, ", trials, " trials, ", errors, " errors, ",
          faults, " faults");
}

Outcome in_child(const std::function<void()>& f) {
  struct Messages {
    char error[400] = "";
    char failure[400] = "";
  } messages;
  const std::string failure = fork_for(messages, [&f](Messages& own) {
    const auto copy = [](char(&to)[400], const char* from) {
      std::snprintf(to, sizeof to, "%s", from);
    };
    try {
      f();
    } catch (const xgrad::Error& error) {
      copy(own.error, error.what());
    } catch (const std::bad_alloc& error) {
      copy(own.error, error.what());
    } catch (const std::exception& error) {
      copy(own.failure, error.what());
    }
  });
  return {messages.error, failure.empty() ? messages.failure : failure};
}

void limit_memory(std::int64_t bytes) {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const auto most = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + bytes);
  const rlimit limit{most, most};
  setrlimit(RLIMIT_AS, &limit);
}

}  // namespace starved

#endif
