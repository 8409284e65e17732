#pragma once
// Processes that work together, started by mpirun on one machine or on many:
//
//     const distributed::Group group = distributed::Group::world();
//     group.all_reduce(x);  // x is the sum over all processes
//     if (group.rank() == 0) std::cout << …;
//
// It is MPI (MPI: A Message-Passing Interface Standard, 3.1) where xgrad was built with it. A
// program that was started without mpirun, or built without MPI, is a group of one process: what
// all do together is then done already.

#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad::distributed {

/// How values at one place are made one. The mean is of floating tensors.
enum class Reduce : std::uint8_t { sum, mean, min, max };

/// Whether xgrad was built with MPI.
bool is_available() noexcept;

namespace detail {
struct Communicator;
struct Transfer;
}  // namespace detail

/// What goes on while the program does something else. Nobody reads or writes the tensor until
/// wait() has returned. Dropping it waits, and writes what went wrong to standard error.
class [[nodiscard]] Work {
 public:
  Work() = default;
  explicit Work(std::unique_ptr<detail::Transfer> transfer);
  Work(Work&&) noexcept;
  Work& operator=(Work&&) noexcept;
  ~Work();

  /// IOError where MPI tells of one.
  void wait();
  bool is_done();

 private:
  std::unique_ptr<detail::Transfer> transfer_;
};

/// Processes with numbers from 0, their ranks. Copies are one group.
///
/// What all processes do together, all call in the same order, with tensors of one shape and dtype:
/// another operation, shape or dtype somewhere is a ValueError everywhere, before anything is sent.
/// Tensors may be views; those that are written must not require a gradient (GraphError, as for
/// copy_()), nor be bool (DTypeError). IOError where MPI tells of an error. One thread at a time
/// uses a group.
class Group {
 public:
  /// All processes that mpirun started. IOError where MPI cannot begin. The first call begins it,
  /// unless the program did; at the end of the program it is ended, or, where main() gives another
  /// status than 0, the other processes are. Where neither XGRAD_NUM_THREADS nor OMP_NUM_THREADS is
  /// set, nor set_num_threads() was called, it shares this machine's cores among its processes.
  static Group world();

  int rank() const noexcept;
  int size() const noexcept;
  /// The processes that give the same `color`, ranked by `key` and, where that is equal, as here.
  Group split(int color, int key = 0) const;

  /// Waits until all are here.
  void barrier() const;
  /// ValueError, on all of them, where processes give another `value`, which says who gives what:
  /// of what must be the same everywhere, such as a seed or the size of a data set.
  void require_same(const std::string& what, const std::string& value) const;
  /// x becomes that of `root`. ValueError for a rank that there is not.
  void broadcast(const Tensor& x, int root = 0) const;
  /// x becomes the sum (or whatever else) of all processes' x. The order of the sum is MPI's own:
  /// it depends on the number of processes, and so do the last bits. Numbers of 16 bits are added
  /// in float32 and rounded at each step.
  void all_reduce(const Tensor& x, Reduce reduce = Reduce::sum) const;
  /// All processes' x, in the order of ranks: [size, …].
  Tensor all_gather(const Tensor& x) const;
  /// Of all processes' x [size, …] the sum, cut along the first axis: part `rank`. ShapeError for
  /// another first extent.
  Tensor reduce_scatter(const Tensor& x, Reduce reduce = Reduce::sum) const;

  /// To and from one process, in the order of sending for each `tag`, which is not negative. The
  /// receiver's tensor has the shape and the dtype of the sender's: one of another size is an
  /// IOError. ValueError for a rank that there is not, or the own one.
  void send(const Tensor& x, int to, int tag = 0) const;
  void recv(const Tensor& x, int from, int tag = 0) const;

  /// The same, and the program goes on meanwhile, once all processes have come.
  Work ibroadcast(const Tensor& x, int root = 0) const;
  Work iall_reduce(const Tensor& x, Reduce reduce = Reduce::sum) const;
  /// `all` [size, …] becomes what all_gather() gives, `part` what reduce_scatter() does:
  /// ShapeError, DTypeError where they do not fit.
  Work iall_gather(const Tensor& x, const Tensor& all) const;
  Work ireduce_scatter(const Tensor& x, const Tensor& part, Reduce reduce = Reduce::sum) const;
  Work isend(const Tensor& x, int to, int tag = 0) const;
  Work irecv(const Tensor& x, int from, int tag = 0) const;

  /// For xgrad's own rooms; null for a process that is alone.
  const std::shared_ptr<detail::Communicator>& communicator() const noexcept {
    return communicator_;
  }

 private:
  explicit Group(std::shared_ptr<detail::Communicator> communicator);

  std::shared_ptr<detail::Communicator> communicator_;
};

/// The sum of all processes' x, on the tape: its gradient is the sum of theirs. All processes run
/// its backward rule, too, in the same order among such sums.
Tensor all_reduce(const Tensor& x, const Group& group);

}  // namespace xgrad::distributed

#pragma GCC visibility pop
