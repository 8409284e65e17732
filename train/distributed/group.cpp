#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributed/communicator.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/shape.hpp>

#include <array>
#include <cstdio>
#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace xgrad::distributed {

void detail::Communicator::agree_to_do(const char* operation, const std::string& details) {
  agree(operation, fmt::format("{}: the processes do not do the same", operation),
        details.empty() ? operation : fmt::format("{} {}", operation, details));
}

namespace {

using detail::Communicator;
using detail::Numbers;
using detail::numbers_of;
using detail::numbers_to_read;
using detail::Transfer;

std::string_view name_of(Reduce reduce) {
  constexpr std::array names{"sum", "mean", "min", "max"};
  return names[static_cast<std::size_t>(reduce)];
}

void check_given(const char* operation, const Tensor& x) {
  if (!x.defined()) xgrad::detail::throw_undefined(operation);
}

void check_written(const char* operation, const Tensor& x) {
  check_given(operation, x);
  xgrad::detail::require_changeable(x, operation);
}

void check_reduced(const char* operation, const Tensor& x, Reduce reduce) {
  require<DTypeError>(x.dtype() != boolean, "{}: takes numbers, not bool", operation);
  require<DTypeError>(reduce != Reduce::mean || is_floating(x.dtype()),
                      "{}: the mean is of floating tensors, not {}", operation, x.dtype());
}

/// Has a transfer keep its tensor, and do what is left when it has ended.
class Finished : public Transfer {
 public:
  Finished(std::unique_ptr<Transfer> transfer, Tensor held, std::function<void()> finish)
      : transfer_(std::move(transfer)), held_(std::move(held)), finish_(std::move(finish)) {}

  void wait() override {
    transfer_->wait();
    if (finish_) std::exchange(finish_, nullptr)();
  }
  bool is_done() override { return transfer_->is_done(); }

 private:
  std::unique_ptr<Transfer> transfer_;
  Tensor held_;
  std::function<void()> finish_;
};

/// Begins f on x's values in rows, which are copied back to a view when it has ended.
template <class F>
Work begin(const Tensor& x, const F& f, std::function<void(const Tensor&)> finish = {}) {
  const Tensor rows = x.is_contiguous() ? x.detach() : xgrad::detail::in_rows(x.detach());
  return Work(std::make_unique<Finished>(f(numbers_of(rows)), rows, [x = x.detach(), rows, finish] {
    const NoGradGuard guard;
    if (finish) finish(rows);
    if (!x.is_contiguous()) x.copy_(rows);
  }));
}

}  // namespace

Work::Work(std::unique_ptr<detail::Transfer> transfer) : transfer_(std::move(transfer)) {}
Work::Work(Work&&) noexcept = default;
Work& Work::operator=(Work&& other) noexcept {
  std::swap(transfer_, other.transfer_);
  return *this;
}
Work::~Work() {
  try {
    wait();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

void Work::wait() {
  if (transfer_) std::exchange(transfer_, nullptr)->wait();
}

bool Work::is_done() { return !transfer_ || transfer_->is_done(); }

Group::Group(std::shared_ptr<detail::Communicator> communicator)
    : communicator_(std::move(communicator)) {}

Group Group::world() { return Group(detail::world()); }

int Group::rank() const noexcept { return communicator_ ? communicator_->rank() : 0; }
int Group::size() const noexcept { return communicator_ ? communicator_->size() : 1; }

Group Group::split(int color, int key) const {
  require<ValueError>(color >= 0, "split: color is {}; it must not be negative", color);
  return communicator_ ? Group(communicator_->split(color, key)) : *this;
}

void Group::barrier() const {
  if (communicator_) communicator_->agree_to_do("barrier");
}

void Group::require_same(const std::string& what, const std::string& value) const {
  if (communicator_)
    communicator_->agree("require_same", what + " differs between the processes", value);
}

namespace {

void check_rank(const char* operation, const char* which, int rank, int size) {
  require<ValueError>(rank >= 0 && rank < size, "{}: {} is rank {}; there are {}", operation, which,
                      rank, size == 1 ? "no others than 0" : fmt::format("0 to {}", size - 1));
}

void check_other(const char* operation, const char* which, int rank, int tag, const Group& group) {
  check_rank(operation, which, rank, group.size());
  require<ValueError>(rank != group.rank(), "{}: {} is rank {}, which is this process", operation,
                      which, rank);
  require<ValueError>(tag >= 0, "{}: tag is {}; it must not be negative", operation, tag);
}

}  // namespace

void Group::broadcast(const Tensor& x, int root) const { ibroadcast(x, root).wait(); }

Work Group::ibroadcast(const Tensor& x, int root) const {
  const xgrad::detail::Running running("broadcast", x);
  check_written("broadcast", x);
  check_rank("broadcast", "root", root, size());
  if (!communicator_) return {};
  communicator_->agree_to_do("broadcast", fmt::format("{} {} from {}", x.dtype(), x.shape(), root));
  return begin(x, [&](const Numbers& values) {
    return communicator_->broadcast("broadcast", values, root);
  });
}

void Group::all_reduce(const Tensor& x, Reduce reduce) const { iall_reduce(x, reduce).wait(); }

Work Group::iall_reduce(const Tensor& x, Reduce reduce) const {
  const xgrad::detail::Running running("all_reduce", x);
  check_written("all_reduce", x);
  check_reduced("all_reduce", x, reduce);
  if (!communicator_) return {};
  communicator_->agree_to_do("all_reduce",
                             fmt::format("{} {} to the {}", x.dtype(), x.shape(), name_of(reduce)));
  std::function<void(const Tensor&)> finish;
  if (reduce == Reduce::mean)
    finish = [count = size()](const Tensor& sum) { sum.copy_(sum / count); };
  return begin(
      x,
      [&](const Numbers& values) {
        return communicator_->all_reduce("all_reduce", values, reduce);
      },
      finish);
}

namespace {

/// What an operation writes besides: ShapeError, DTypeError where it does not fit.
void check_result(const char* operation, const char* name, const Tensor& x, const Shape& shape,
                  DType dtype) {
  check_written(operation, x);
  require<ShapeError>(x.shape() == shape, "{}: {} is {}; it must be {}", operation, name, x.shape(),
                      shape);
  require<DTypeError>(x.dtype() == dtype, "{}: {} is {}; it must be {}", operation, name, x.dtype(),
                      dtype);
}

Shape gathered_shape(const Tensor& x, int size) {
  Shape shape = x.shape();
  shape.insert(0, size);
  return shape;
}

Shape part_shape(const Tensor& x, int size) {
  require<ShapeError>(x.dim() > 0 && x.size(0) == size,
                      "reduce_scatter: x is {}; it must have a part for each of {} processes",
                      x.shape(), size);
  Shape shape = x.shape();
  shape.erase(0);
  return shape;
}

}  // namespace

Tensor Group::all_gather(const Tensor& x) const {
  check_given("all_gather", x);
  Tensor all = Tensor::empty(gathered_shape(x, size()), x.dtype());
  iall_gather(x, all).wait();
  return all;
}

Work Group::iall_gather(const Tensor& x, const Tensor& all) const {
  const xgrad::detail::Running running("all_gather", x);
  check_given("all_gather", x);
  check_result("all_gather", "all", all, gathered_shape(x, size()), x.dtype());
  const NoGradGuard guard;
  if (!communicator_) {
    all.detach().select(0, 0).copy_(x.detach());
    return {};
  }
  communicator_->agree_to_do("all_gather", fmt::format("{} {}", x.dtype(), x.shape()));
  const Tensor rows = xgrad::detail::in_rows(x.detach());
  return begin(
      all,
      [&](const Numbers& to) {
        return communicator_->all_gather("all_gather", numbers_to_read(rows), to);
      },
      [rows](const Tensor&) {});  // which is read until then
}

Tensor Group::reduce_scatter(const Tensor& x, Reduce reduce) const {
  check_given("reduce_scatter", x);
  Tensor part = Tensor::empty(part_shape(x, size()), x.dtype());
  ireduce_scatter(x, part, reduce).wait();
  return part;
}

Work Group::ireduce_scatter(const Tensor& x, const Tensor& part, Reduce reduce) const {
  const xgrad::detail::Running running("reduce_scatter", x);
  check_given("reduce_scatter", x);
  check_reduced("reduce_scatter", x, reduce);
  check_result("reduce_scatter", "part", part, part_shape(x, size()), x.dtype());
  const NoGradGuard guard;
  if (!communicator_) {
    part.detach().copy_(x.detach().select(0, 0));
    return {};
  }
  communicator_->agree_to_do("reduce_scatter",
                             fmt::format("{} {} to the {}", x.dtype(), x.shape(), name_of(reduce)));
  const Tensor rows = xgrad::detail::in_rows(x.detach());
  return begin(
      part,
      [&](const Numbers& to) {
        return communicator_->reduce_scatter("reduce_scatter", numbers_to_read(rows), to, reduce);
      },
      [rows, count = reduce == Reduce::mean ? size() : 1](const Tensor& sum) {
        if (count > 1) sum.copy_(sum / count);
      });
}

void Group::send(const Tensor& x, int to, int tag) const { isend(x, to, tag).wait(); }
void Group::recv(const Tensor& x, int from, int tag) const { irecv(x, from, tag).wait(); }

Work Group::isend(const Tensor& x, int to, int tag) const {
  const xgrad::detail::Running running("send", x);
  check_given("send", x);
  check_other("send", "to", to, tag, *this);
  const Tensor rows = xgrad::detail::in_rows(x.detach());
  return Work(std::make_unique<Finished>(
      communicator_->send("send", numbers_to_read(rows), to, tag), rows, std::function<void()>()));
}

Work Group::irecv(const Tensor& x, int from, int tag) const {
  const xgrad::detail::Running running("recv", x);
  check_written("recv", x);
  check_other("recv", "from", from, tag, *this);
  return begin(
      x, [&](const Numbers& values) { return communicator_->recv("recv", values, from, tag); });
}

Tensor all_reduce(const Tensor& x, const Group& group) {
  const xgrad::detail::Running running("all_reduce", x);
  Tensor y = no_grad([&] {
    Tensor sum = x.detach().clone();
    group.all_reduce(sum);
    return sum;
  });
  return record("all_reduce", std::move(y),
                wrt(x, [group](const Tensor& dy) { return all_reduce(dy, group); }));
}

}  // namespace xgrad::distributed
