#pragma once
// Internal: what a group stands on. mpi.cpp has it from MPI; without, there is none.

#include <xgrad/autograd/tensor.hpp>
#include <xgrad/distributed/group.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace xgrad::distributed::detail {

/// So many numbers in memory.
struct Numbers {
  void* data;
  std::int64_t count;
  DType dtype;
};

/// Of a tensor in rows, to be written.
inline Numbers numbers_of(const Tensor& rows) {
  Numbers result{nullptr, rows.numel(), rows.dtype()};
  dispatch(rows.dtype(), [&]<class T>() { result.data = rows.mutable_data<T>(); });
  return result;
}

/// What is read; MPI takes it as what is written.
inline Numbers numbers_to_read(const Tensor& rows) {
  Numbers result{nullptr, rows.numel(), rows.dtype()};
  dispatch(rows.dtype(), [&]<class T>() { result.data = const_cast<T*>(rows.data<T>()); });
  return result;
}

/// What goes on. Ending it waits.
struct Transfer {
  virtual ~Transfer() = default;
  virtual void wait() = 0;
  virtual bool is_done() = 0;
};

struct Communicator {
  virtual ~Communicator() = default;

  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;
  virtual std::shared_ptr<Communicator> split(int color, int key) = 0;
  /// ValueError, on all of them, where not all processes say the same: the complaint, and who says
  /// what.
  virtual void agree(const char* operation, const std::string& complaint,
                     const std::string& said) = 0;
  /// On an operation that all do, as far as others see of it.
  void agree_to_do(const char* operation, const std::string& details = {});
  /// This process ends with an error: nobody is to wait for it any more.
  virtual void fail(const std::string& what) noexcept = 0;

  using Going = std::unique_ptr<Transfer>;
  // `operation` is what messages call it: a literal.
  virtual Going broadcast(const char* operation, const Numbers& x, int root) = 0;
  virtual Going all_reduce(const char* operation, const Numbers& x,
                           Reduce reduce) = 0;  // mean: sum
  /// `to` has the numbers of all.
  virtual Going all_gather(const char* operation, const Numbers& from, const Numbers& to) = 0;
  /// `from` has numbers for all.
  virtual Going reduce_scatter(const char* operation, const Numbers& from, const Numbers& to,
                               Reduce reduce) = 0;
  virtual Going send(const char* operation, const Numbers& x, int to, int tag) = 0;
  virtual Going recv(const char* operation, const Numbers& x, int from, int tag) = 0;
};

/// Of all processes; null where there is one.
std::shared_ptr<Communicator> world();

}  // namespace xgrad::distributed::detail
