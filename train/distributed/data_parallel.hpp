#pragma once
// A network trained by several processes, each on its part of every batch:
//
//     const auto group = distributed::Group::world();
//     distributed::DataParallel parallel(net, group);
//     datasets::DataLoader loader(data, {.batch_size = 64, .shuffle = true, .drop_last = true,
//                                        .seed = 0, .part = parallel.part()});
//     for (const auto& [x, y] : loader) {
//       optimizer.zero_grad();
//       const Tensor loss = parallel.backward(
//           [&](const Tensor& x, const Tensor& y) { return cross_entropy(net(x), y); }, x, y);
//       optimizer.step();
//     }

#include <xgrad/autograd/hooks.hpp>
#include <xgrad/distributed/group.hpp>
#include <xgrad/nn/batch_parallel.hpp>
#include <xgrad/nn/module.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::distributed {

struct DataParallelOptions {
  /// Each batch is cut into so many equal shards, whatever the number of processes, which is no
  /// larger. Each shard's gradient is worked out by itself, and the shards are added in one binary
  /// tree: any number of processes gives the same bits.
  int shards = 8;
  /// Instead, each process takes its part of a batch as a whole, and MPI adds these in an order of
  /// its own: larger pieces of work, and other last bits for another number of processes.
  bool fast = false;
  /// Parameters may be without a gradient; otherwise they are a ValueError that names them.
  bool allow_unused = false;
  /// Sends gradients as another dtype, such as bfloat16: half as much goes over the network, and 8
  /// bits of each number are kept at each addition. With `fast` alone.
  std::optional<DType> send_as = {};
  /// Bytes of gradients that are sent together: the last layers' first, while the pass goes on.
  std::int64_t first_bucket = std::int64_t{1} << 20;
  std::int64_t bucket = std::int64_t{25} << 20;
};

/// Gives all processes the weights of rank 0, and from then on adds up their gradients. Buffers
/// (batch norm's running statistics) become the mean over the shards, each of which starts from the
/// same; integers the first shard's. Random numbers of the default generator (dropout) are drawn
/// anew for each shard, from the generator's state and the shard's number: processes must have
/// seeded it alike. In `fast` mode SyncBatchNorm layers normalise by the whole batch.
///
/// ValueError, on all processes, where one has another network (names, shapes, dtypes), other
/// options or another state of the default generator; where there are more processes than shards.
/// The network must outlive this.
class DataParallel final : public nn::BatchParallel {
 public:
  DataParallel(nn::Module& net, const Group& group, const DataParallelOptions& options = {});
  ~DataParallel() override;
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  const Group& group() const noexcept;
  nn::BatchPart part() const override;
  bool is_first() const override { return group().rank() == 0; }
  std::string description() const override;

  /// loss(rows…) is the mean loss of some rows of this process's part of the batch, and is called
  /// for each of its shards. Adds the gradient of the whole batch's mean loss to grad() of the
  /// parameters, and returns that loss, off the tape, the same everywhere. All processes call it.
  /// ValueError where the rows are no multiple of this process's shards. An error on one process is
  /// told to the others, whose next operation of the group throws.
  template <class Loss, std::convertible_to<const Tensor&>... Rows>
  requires(sizeof...(Rows) > 0) Tensor backward(const Loss& loss, const Rows&... rows) {
    const std::int64_t count = rows_of({rows...});
    return backward(count, [&](std::int64_t begin, std::int64_t end) -> Tensor {
      return loss(rows_between(rows, begin, end)...);
    });
  }
  Tensor backward(std::int64_t rows,
                  const std::function<Tensor(std::int64_t begin, std::int64_t end)>& loss) override;
  // Any other pass through the network is a GraphError, as its gradients would be one process's.

  /// While it lives, passes are this process's own, and what they leave in grad() is added up by
  /// the next backward() after it. With `fast` alone: ValueError otherwise.
  class [[nodiscard]] NoSync {
   public:
    explicit NoSync(DataParallel& parallel);
    ~NoSync();
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    DataParallel& parallel_;
  };
  NoSync no_sync() { return NoSync(*this); }

  std::vector<std::int64_t> sum(const std::vector<std::int64_t>& counts) override;
  NamedTensors from_first(const NamedTensors& tensors) override;
  void require_same(const std::string& what, const std::string& value) override;

 private:
  struct State;

  static std::int64_t rows_of(std::initializer_list<std::reference_wrapper<const Tensor>> rows);
  static Tensor rows_between(const Tensor& rows, std::int64_t begin, std::int64_t end);

  std::unique_ptr<State> state_;
};

}  // namespace xgrad::distributed

#pragma GCC visibility pop
