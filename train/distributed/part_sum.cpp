#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/distributed/part_sum.hpp>

#include <type_traits>

namespace xgrad::distributed::detail {
namespace {

constexpr const char* operation = "DataParallel";

/// to += from, numbers of 16 bits in float32.
void add_rows(const Tensor& to, const Tensor& from) {
  dispatch(to.dtype(), [&]<class T>() {
    using Value = std::conditional_t<(sizeof(T) < 4), float, T>;
    T* const sum = to.mutable_data<T>();
    const T* const x = from.data<T>();
    for (std::int64_t i = 0; i < to.numel(); ++i)
      sum[i] = T(static_cast<Value>(sum[i]) + static_cast<Value>(x[i]));
  });
}

Numbers slice(const Tensor& row, std::int64_t first, std::int64_t count) {
  return numbers_of(row.alias({count}, first));
}

}  // namespace

void Nodes::add(Parts node, Tensor row) {
  nodes_.emplace_back(node, std::move(row));
  while (nodes_.size() > 1) {
    auto& [left, sum] = nodes_[nodes_.size() - 2];
    const auto& [right, other] = nodes_.back();
    if (!are_siblings(root_, left, right)) return;
    add_rows(sum, other);
    left.end = right.end;
    nodes_.pop_back();
  }
}

Tensor PartSum::finish() {
  if (!all_) return take();
  return exchanged(std::exchange(own_, Nodes(root_)));
}

Tensor PartSum::take() { return std::exchange(own_, Nodes(root_)).present().front().second; }

Tensor PartSum::exchanged(const Nodes& own) const {
  const int rank = all_->rank();
  const int size = all_->size();
  Tensor row = own.present().front().second;
  const std::int64_t width = row.numel() / size;
  std::vector<Communicator::Going> going;
  // In the order of ranks, which is that of the parts.
  std::vector<std::pair<Parts, Tensor>> nodes;
  for (int other = 0; other < size; ++other) {
    std::vector<Parts> theirs;
    add_nodes(root_, parts_of(root_.end, other, size), theirs);
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      Tensor part = Tensor::empty({width}, row.dtype());
      if (other == rank)
        part.copy_(own.present()[i].second.alias({width}, rank * width));
      else
        going.push_back(all_->recv(operation, slice(part, 0, width), other, static_cast<int>(i)));
      nodes.emplace_back(theirs[i], std::move(part));
    }
  }
  for (int step = 1; step < size; ++step) {
    const int other = (rank + step) % size;  // not all to the same one at once
    for (std::size_t i = 0; i < own.present().size(); ++i)
      going.push_back(all_->send(operation, slice(own.present()[i].second, other * width, width),
                                 other, static_cast<int>(i)));
  }
  for (const auto& transfer : going) transfer->wait();
  Nodes sum(root_);
  for (auto& [node, part] : nodes) sum.add(node, std::move(part));
  all_->all_gather(operation, slice(sum.present().front().second, 0, width), slice(row, 0, width))
      ->wait();
  return row;
}

}  // namespace xgrad::distributed::detail
