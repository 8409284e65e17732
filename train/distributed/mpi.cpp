// Groups of MPI's processes.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/distributed/communicator.hpp>
#include <xgrad/distributed/link.hpp>
#include <xgrad/distributed/standing.hpp>
#include <xgrad/distributed/watch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <mpi.h>
#include <sched.h>

namespace xgrad::distributed {

bool is_available() noexcept { return true; }

namespace detail {
namespace {

/// IOError with MPI's words.
void require_success(int status, const char* operation) {
  if (status == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(status, text.data(), &length);
  raise<IOError>("{}: MPI: {}", operation,
                 std::string(text.data(), static_cast<std::size_t>(length)));
}

MPI_Datatype type_of(DType dtype) {
  switch (dtype) {
    case float32:
      return MPI_FLOAT;
    case float64:
      return MPI_DOUBLE;
    case bfloat16:
    case float16:
      return MPI_UINT16_T;  // whose sums are ours
    case int64:
      return MPI_INT64_T;
    case int32:
      return MPI_INT32_T;
    case uint8:
    case boolean:
      return MPI_UINT8_T;
  }
  return MPI_DATATYPE_NULL;
}

/// What MPI leaves open: numbers of 16 bits are added in float32, and NaN stays.
template <class T, Reduce reduce>
void combine(void* from, void* to, int* count, MPI_Datatype*) {
  const T* const a = static_cast<const T*>(from);
  T* const b = static_cast<T*>(to);
  using Value = std::conditional_t<(sizeof(T) < 4), float, T>;
  for (int i = 0; i < *count; ++i) {
    const Value x = static_cast<Value>(a[i]);
    const Value y = static_cast<Value>(b[i]);
    if constexpr (reduce == Reduce::sum)
      b[i] = T(x + y);
    else if constexpr (reduce == Reduce::min)
      b[i] = T(std::isnan(x) || x < y ? x : y);
    else
      b[i] = T(std::isnan(x) || x > y ? x : y);
  }
}

template <class T>
MPI_Op own_op(Reduce reduce) {
  static const auto make = [](MPI_User_function* f) {
    MPI_Op op = MPI_OP_NULL;
    require_success(MPI_Op_create(f, 1, &op), "all_reduce");
    return op;
  };
  static const std::array ops{make(combine<T, Reduce::sum>), make(combine<T, Reduce::min>),
                              make(combine<T, Reduce::max>)};
  return ops[reduce == Reduce::min ? 1 : reduce == Reduce::max ? 2 : 0];
}

MPI_Op op_of(DType dtype, Reduce reduce) {
  if (dtype == bfloat16) return own_op<BFloat16>(reduce);
  if (dtype == float16) return own_op<Float16>(reduce);
  if (reduce == Reduce::sum || reduce == Reduce::mean) return MPI_SUM;
  if (dtype == float32) return own_op<float>(reduce);
  if (dtype == float64) return own_op<double>(reduce);
  return reduce == Reduce::min ? MPI_MIN : MPI_MAX;
}

/// MPI takes calls of one thread at a time: nobody waits inside one.
std::mutex calls;

/// Over all processes, while there are several, until MPI ends: after the statics of a program.
constinit Watch* watch = nullptr;

template <class F>
void call(const char* operation, const F& f) {
  const std::lock_guard lock(calls);
  require_success(f(), operation);
}

/// What is waited for.
struct Awaited {
  const char* operation;
  int whom;              ///< as the watch has it
  bool goes_on = false;  ///< it began with an agreement
};

/// Asks whether it is done until it is: at first at once again, and then less and less often, as
/// the one that is waited for may need this core. PeerError where another process has failed.
template <class F>
void poll(const Awaited& awaited, const F& is_done) {
  constexpr int impatient = 2000;
  constexpr std::chrono::microseconds longest{20};
  std::chrono::microseconds pause{5};
  require<Error>(watch != nullptr, "{}: MPI has ended", awaited.operation);
  const Waiting waiting(*watch, awaited.operation, awaited.whom, awaited.goes_on);
  for (int i = 0; !is_done(); ++i) {
    watch->check();
    if (i < impatient) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, longest);
    }
  }
}

/// Requests that go on together.
class Requests : public Transfer {
 public:
  explicit Requests(const Awaited& awaited) : awaited_(awaited) {}
  ~Requests() override {
    try {
      wait();
    } catch (const std::exception&) {  // who waited was told; who did not has no use for it
    }
  }
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// begin(&request)
  template <class F>
  void add(const F& begin) {
    requests_.push_back(MPI_REQUEST_NULL);
    try {
      call(awaited_.operation, [&] { return begin(&requests_.back()); });
    } catch (...) {
      requests_.pop_back();
      throw;
    }
  }
  /// Of a receiver: the numbers that each request must bring.
  void expect(int count, MPI_Datatype type) { expected_.emplace_back(count, type); }

  void wait() override {
    poll(awaited_, [this] { return is_done(); });
    requests_.clear();
    for (const auto& [wanted, count, source] : std::exchange(arrived_, {}))
      require<IOError>(count == wanted, "{}: rank {} sent {} numbers, {} were to come",
                       awaited_.operation, source, count, wanted);
  }
  bool is_done() override {
    if (requests_.empty()) return true;
    int done = 0;
    std::vector<MPI_Status> statuses(requests_.size());
    call(awaited_.operation, [&] {
      return MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done,
                         statuses.data());
    });
    if (done == 0) return false;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      int count = 0;
      call(awaited_.operation,
           [&] { return MPI_Get_count(&statuses[i], expected_[i].second, &count); });
      arrived_.push_back({expected_[i].first, count, statuses[i].MPI_SOURCE});
    }
    expected_.clear();
    requests_.clear();
    return true;
  }

 private:
  struct Arrived {
    int wanted, count, source;
  };
  Awaited awaited_;
  std::vector<MPI_Request> requests_ = {};
  std::vector<std::pair<int, MPI_Datatype>> expected_ = {};
  std::vector<Arrived> arrived_ = {};
};

/// begin(&request), until it has ended.
template <class F>
void waited(const Awaited& awaited, const F& begin) {
  Requests going(awaited);
  going.add(begin);
  going.wait();
}

constexpr std::int64_t most_together = 1 << 30;  // MPI 3 counts in int

/// f(first, count) for all numbers, in pieces that MPI can count.
template <class F>
void in_pieces(std::int64_t count, const F& f) {
  for (std::int64_t first = 0; first < count || first == 0; first += most_together)
    f(first, static_cast<int>(std::min(most_together, count - first)));
}

void* at(const Numbers& x, std::int64_t i) {
  return static_cast<std::byte*>(x.data) + i * static_cast<std::int64_t>(item_size(x.dtype));
}

int counted(const Numbers& x, const char* operation) {
  require<ValueError>(x.count <= most_together, "{}: {} numbers of one process; at most {}",
                      operation, x.count, most_together);
  return static_cast<int>(x.count);
}

class OfMPI : public Communicator {
 public:
  OfMPI(MPI_Comm comm, MPI_Comm all) : comm_(comm) {
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    find_world_ranks(all);
  }
  ~OfMPI() override {
    int ended = 0;
    MPI_Finalized(&ended);
    if (ended == 0) MPI_Comm_free(&comm_);
  }
  OfMPI(const OfMPI&) = delete;
  OfMPI& operator=(const OfMPI&) = delete;

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::shared_ptr<Communicator> split(int color, int key) override {
    agree_to_do("split");
    MPI_Comm part = MPI_COMM_NULL;
    call("split", [&] { return MPI_Comm_split(comm_, color, key, &part); });
    auto made = std::make_shared<OfMPI>(part, MPI_COMM_WORLD);
    return made->size() > 1 ? made : nullptr;
  }

  void agree(const char* operation, const std::string& complaint,
             const std::string& said) override {
    const auto hash = static_cast<std::int64_t>(std::hash<std::string>()(complaint + said));
    std::array<std::int64_t, 2> least{hash, ~hash};
    waited({operation, everybody()}, [&](MPI_Request* request) {
      return MPI_Iallreduce(MPI_IN_PLACE, least.data(), 2, MPI_INT64_T, MPI_MIN, comm_, request);
    });
    if (least[0] == hash && least[1] == ~hash) return;
    raise<ValueError>("{}: {}", complaint, said_by_all(operation, said));
  }

  void fail(const std::string& what) noexcept override {
    if (watch) watch->fail(what);
  }

  Going broadcast(const char* operation, const Numbers& x, int root) override {
    auto going = begun(operation, everybody());
    in_pieces(x.count, [&](std::int64_t first, int count) {
      going->add([&](MPI_Request* request) {
        return MPI_Ibcast(at(x, first), count, type_of(x.dtype), root, comm_, request);
      });
    });
    return going;
  }

  Going all_reduce(const char* operation, const Numbers& x, Reduce reduce) override {
    auto going = begun(operation, everybody());
    in_pieces(x.count, [&](std::int64_t first, int count) {
      going->add([&](MPI_Request* request) {
        return MPI_Iallreduce(MPI_IN_PLACE, at(x, first), count, type_of(x.dtype),
                              op_of(x.dtype, reduce), comm_, request);
      });
    });
    return going;
  }

  Going all_gather(const char* operation, const Numbers& from, const Numbers& to) override {
    auto going = begun(operation, everybody());
    const int count = counted(from, operation);
    MPI_Datatype type = type_of(from.dtype);
    going->add([&](MPI_Request* request) {
      return MPI_Iallgather(from.data, count, type, to.data, count, type, comm_, request);
    });
    return going;
  }

  Going reduce_scatter(const char* operation, const Numbers& from, const Numbers& to,
                       Reduce reduce) override {
    auto going = begun(operation, everybody());
    const int count = counted(to, operation);
    going->add([&](MPI_Request* request) {
      return MPI_Ireduce_scatter_block(from.data, to.data, count, type_of(from.dtype),
                                       op_of(from.dtype, reduce), comm_, request);
    });
    return going;
  }

  Going send(const char* operation, const Numbers& x, int to, int tag) override {
    auto going = begun(operation, world_rank(to));
    in_pieces(x.count, [&](std::int64_t first, int count) {
      going->add([&](MPI_Request* request) {
        return MPI_Isend(at(x, first), count, type_of(x.dtype), to, tag, comm_, request);
      });
    });
    return going;
  }

  Going recv(const char* operation, const Numbers& x, int from, int tag) override {
    auto going = begun(operation, world_rank(from));
    in_pieces(x.count, [&](std::int64_t first, int count) {
      going->add([&](MPI_Request* request) {
        return MPI_Irecv(at(x, first), count, type_of(x.dtype), from, tag, comm_, request);
      });
      going->expect(count, type_of(x.dtype));
    });
    return going;
  }

 private:
  /// "rank 0: …; rank 1: …", of ranks that say the same the first.
  std::string said_by_all(const char* operation, const std::string& what) {
    constexpr std::size_t most = 128;
    std::array<char, most> own{};
    what.copy(own.data(), most - 1);
    std::vector<char> all(most * static_cast<std::size_t>(size_));
    waited({operation, everybody(), true}, [&](MPI_Request* request) {
      return MPI_Iallgather(own.data(), most, MPI_CHAR, all.data(), most, MPI_CHAR, comm_, request);
    });
    std::string result;
    std::vector<std::string_view> seen;
    for (int i = 0; i < size_; ++i) {
      const std::string_view said = all.data() + most * static_cast<std::size_t>(i);
      if (std::ranges::find(seen, said) != seen.end()) continue;
      seen.push_back(said);
      result += fmt::format("{}rank {}: {}", i == 0 ? "" : "; ", i, said);
    }
    return result;
  }

  void find_world_ranks(MPI_Comm all) {
    MPI_Group own = MPI_GROUP_NULL;
    MPI_Group whole = MPI_GROUP_NULL;
    MPI_Comm_group(comm_, &own);
    MPI_Comm_group(all, &whole);
    std::vector<int> ranks(static_cast<std::size_t>(size_));
    std::iota(ranks.begin(), ranks.end(), 0);
    world_ranks_.resize(ranks.size());
    MPI_Group_translate_ranks(own, size_, ranks.data(), whole, world_ranks_.data());
    int processes = 0;
    MPI_Comm_size(all, &processes);
    is_whole_ = size_ == processes;
    MPI_Group_free(&own);
    MPI_Group_free(&whole);
  }
  int world_rank(int rank) const { return world_ranks_[static_cast<std::size_t>(rank)]; }
  /// As the watch has it.
  int everybody() const { return is_whole_ ? for_all : for_some; }
  /// Of what processes have agreed on.
  static std::unique_ptr<Requests> begun(const char* operation, int whom) {
    return std::make_unique<Requests>(Awaited{operation, whom, true});
  }

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
  bool is_whole_ = true;
  std::vector<int> world_ranks_;
};

/// Whether a launcher of MPI's started this process.
bool was_launched() {
  return std::ranges::any_of(
      std::array{"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS"},
      [](const char* name) { return std::getenv(name) != nullptr; });
}

/// Whether it was begun here; otherwise the program ends it.
bool is_own_mpi = false;

/// A process that fails must not leave the others waiting for it, and one that ends well is no
/// failure.
void end(int status, void*) {
  if (watch && status != 0) watch->fail(fmt::format("ended with exit status {}", status));
  if (watch && !watch->has_failed()) watch->finish();
  int ended = 0;
  MPI_Finalized(&ended);
  if (is_own_mpi && ended == 0) {
    const bool has_failed = status != 0 || (watch && watch->has_failed());
    if (has_failed) MPI_Abort(MPI_COMM_WORLD, status != 0 ? status : 1);
    MPI_Finalize();
  }
  delete std::exchange(watch, nullptr);
}

std::terminate_handler terminate_before = nullptr;

/// So that the others learn of an exception that nobody has caught.
void terminate() {
  if (watch && std::current_exception()) try {
      throw;
    } catch (const std::exception& error) {
      watch->fail(error.what());
    } catch (...) {
      watch->fail("an exception that says nothing");
    }
  terminate_before();
}

void begin_mpi() {
  int begun = 0;
  MPI_Initialized(&begun);
  int provided = 0;
  if (begun != 0) {
    require_success(MPI_Query_thread(&provided), "Group");
  } else {
    require_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "Group");
    is_own_mpi = true;
  }
  require<IOError>(provided >= MPI_THREAD_SERIALIZED,
                   "Group: this MPI takes calls of one thread alone; begin it by MPI_Init_thread "
                   "with MPI_THREAD_SERIALIZED, or leave that to Group::world()");
  // MPICH asks this one what to do about several requests' errors, whatever communicator is theirs.
  if (is_own_mpi) MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  on_exit(end, nullptr);
  terminate_before = std::set_terminate(terminate);
}

/// All processes watch each other from here on.
void begin_watch(MPI_Comm all, int rank, int size) {
  std::optional<Listener> listener;
  std::string address;
  if (rank == 0) address = listener.emplace().address().text();
  auto length = static_cast<int>(address.size());
  call("Group", [&] { return MPI_Bcast(&length, 1, MPI_INT, 0, all); });
  address.resize(static_cast<std::size_t>(length));
  call("Group", [&] { return MPI_Bcast(address.data(), length, MPI_CHAR, 0, all); });
  watch = rank == 0 ? new Watch(*std::move(listener), size) : new Watch(Address::of(address), rank);
}

/// Where the user has not said how many threads, as many as there are cores for each process of
/// this machine.
void share_cores(MPI_Comm all) {
  cpu_set_t own;
  CPU_ZERO(&own);
  sched_getaffinity(0, sizeof own, &own);
  MPI_Comm here = MPI_COMM_NULL;
  call("Group",
       [&] { return MPI_Comm_split_type(all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here); });
  int processes = 1;
  cpu_set_t together = own;
  call("Group", [&] {
    MPI_Comm_size(here, &processes);
    return MPI_Allreduce(MPI_IN_PLACE, &together, sizeof together, MPI_BYTE, MPI_BOR, here);
  });
  MPI_Comm_free(&here);
  const bool is_said = std::getenv("XGRAD_NUM_THREADS") != nullptr ||
                       std::getenv("OMP_NUM_THREADS") != nullptr ||
                       num_threads() != CPU_COUNT(&own);
  if (!is_said)
    set_num_threads(std::max(1, std::min(CPU_COUNT(&own), CPU_COUNT(&together) / processes)));
}

}  // namespace

std::shared_ptr<Communicator> world() {
  static const std::shared_ptr<Communicator> all = []() -> std::shared_ptr<Communicator> {
    int begun = 0;
    MPI_Initialized(&begun);
    if (begun == 0 && !was_launched()) return nullptr;
    begin_mpi();
    // Apart from what the program itself sends.
    MPI_Comm own = MPI_COMM_NULL;
    require_success(MPI_Comm_dup(MPI_COMM_WORLD, &own), "Group");
    auto made = std::make_shared<OfMPI>(own, own);
    share_cores(own);
    if (made->size() > 1) begin_watch(own, made->rank(), made->size());
    return made->size() > 1 ? made : nullptr;
  }();
  return all;
}

}  // namespace detail
}  // namespace xgrad::distributed
