#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// Parts [first, last) of `of` equal parts of each batch: those of one process.
struct BatchPart {
  std::int64_t first = 0;
  std::int64_t last = 1;
  std::int64_t of = 1;

  bool is_whole() const noexcept { return first == 0 && last == of; }
  /// Where it begins and ends in a batch of so many rows, a multiple of `of`.
  std::int64_t begin(std::int64_t batch) const noexcept { return batch / of * first; }
  std::int64_t end(std::int64_t batch) const noexcept { return batch / of * last; }
};

/// What shares batches among processes, as train::fit asks it to: distributed::DataParallel is one.
class BatchParallel {
 public:
  virtual ~BatchParallel() = default;

  virtual BatchPart part() const = 0;
  /// Whether this process is the one that prints and writes files.
  virtual bool is_first() const = 0;
  /// How gradients are added, for a reader.
  virtual std::string description() const = 0;
  /// Has `loss` work out the mean loss of rows [begin, end) of this process's `rows`, perhaps piece
  /// by piece, and adds the whole batch's gradient to grad(). The whole batch's loss, off the tape.
  virtual Tensor backward(
      std::int64_t rows,
      const std::function<Tensor(std::int64_t begin, std::int64_t end)>& loss) = 0;
  /// Of all processes.
  virtual std::vector<std::int64_t> sum(const std::vector<std::int64_t>& counts) = 0;
  /// What the process that is_first() gives, on all of them.
  virtual NamedTensors from_first(const NamedTensors& tensors) = 0;
  /// ValueError, on all of them, where processes give another `value`: of a seed, a data set's
  /// size.
  virtual void require_same(const std::string& what, const std::string& value) = 0;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
