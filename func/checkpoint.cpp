#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/inner.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/func/checkpoint.hpp>
#include <xgrad/func/evaluation.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <optional>

namespace xgrad::detail {
namespace {

bool leads_to(const Edge& edge, const Edge& other) {
  return edge.node ? edge.node.get() == other.node.get() && edge.result == other.result
                   : !other.node && edge.leaf.impl() == other.leaf.impl();
}

/// What is needed to compute a function again.
struct Replay {
  TensorFunction f;
  std::vector<Saved> x;
  Generator::State random;
};

/// A function's arguments to differentiate in, and its results.
struct Run {
  std::vector<Tensor> x;
  std::vector<Tensor> y;
  std::uint64_t since = 0;  ///< its nodes have higher numbers
};

Run run(const TensorFunction& f, const std::vector<Tensor>& x, bool create_graph) {
  Run made;
  for (const Tensor& each : x)
    made.x.push_back(
        each.defined() && each.requires_grad() ? argument("checkpoint", each, create_graph) : each);
  made.since = last_sequence();
  const EnableGradGuard recording;
  made.y = f(made.x);
  return made;
}

/// The results that were computed from anything that requires a gradient.
std::vector<Tensor> recorded(const std::vector<Tensor>& y) {
  std::vector<Tensor> list;
  std::ranges::copy_if(y, std::back_inserter(list),
                       [](const Tensor& each) { return each.defined() && each.requires_grad(); });
  return list;
}

/// Argument number `input` of the function, or what it captured.
struct Source {
  std::optional<std::size_t> input;
};

/// What the function made for itself (a gradient that it takes inside) nobody will ask for.
void drop_own_leaves(std::vector<Edge>& edges, std::vector<Source>& sources) {
  for (std::size_t i = edges.size(); i-- > 0;) {
    if (edges[i].node || sources[i].input || !edges[i].leaf.impl()->is_unique()) continue;
    edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(i));
    sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

class CheckpointNode final : public Node {
 public:
  CheckpointNode(std::span<const Tensor> results, std::vector<Edge> edges,
                 std::vector<Source> sources, Replay replay)
      : Node("checkpoint", results, true),
        edges_(std::move(edges)),
        sources_(std::move(sources)),
        replay_(std::move(replay)) {}

  std::span<const Edge> edges() const noexcept override { return edges_; }
  void release_saved() noexcept override { replay_.reset(); }

  void gradients(std::span<Tensor> dys, Receiver& to) override {
    const bool create_graph = is_grad_enabled();
    const Run again = run_again(create_graph);
    const std::vector<Tensor> y = recorded(again.y);
    check(y);
    std::vector<Edge> edges;
    for (std::size_t i = 0; i < edges_.size(); ++i)
      edges.push_back(sources_[i].input ? Edge(again.x[*sources_[i].input]) : edges_[i]);
    check_same(edges, edges_behind(y, again.since));

    std::vector<Tensor> found = gradients_behind(y, dys, again.since, edges, create_graph);
    for (std::size_t i = edges_.size(); i-- > 0;)
      if (to[i])
        to.receive(i, found[i].defined() ? std::move(found[i])
                                         : zeros(edges_[i].shape(), {.dtype = edges_[i].dtype()}));
  }

 private:
  Run run_again(bool create_graph) {
    std::vector<Tensor> x;
    for (const Saved& each : replay_->x) x.push_back(each());
    Generator random;
    random.set_state(replay_->random);
    const DefaultGeneratorScope scope(random);
    const CurrentNodeGuard outside(nullptr);  // f's operations are no part of a rule
    return run(replay_->f, x, create_graph);
  }

  void check(const std::vector<Tensor>& y) const {
    require<GraphError>(y.size() == result_count(),
                        "checkpoint: the function gave {} results on the tape and {} when it was "
                        "computed again; it must do the same both times",
                        result_count(), y.size());
    for (std::size_t i = 0; i < y.size(); ++i)
      require<GraphError>(y[i].shape() == result(i).shape && y[i].dtype() == result(i).dtype,
                          "checkpoint: the function gave {} {} and {} {} when it was computed "
                          "again; it must do the same both times",
                          result(i).dtype, result(i).shape, y[i].dtype(), y[i].shape());
  }

  /// A function that reads other tensors than before would give others their gradients.
  void check_same(const std::vector<Edge>& before, const std::vector<Edge>& now) const {
    for (const Edge& edge : before)
      require<GraphError>(
          std::ranges::any_of(now, [&](const Edge& other) { return leads_to(edge, other); }),
          "checkpoint: the function depended on a tensor {} and does not when it is computed "
          "again; it must read the same both times (inside functional_call(), checkpoint the call)",
          edge.shape());
  }

  std::vector<Edge> edges_;
  std::vector<Source> sources_;  // of each edge
  std::optional<Replay> replay_;
};

}  // namespace

std::vector<Tensor> checkpoint(const TensorFunction& call,
                               const std::function<TensorFunction()>& keep,
                               const std::vector<Tensor>& x) {
  if (!is_grad_enabled()) return call(x);
  Replay replay{.f = {}, .x = {}, .random = default_generator().state()};
  for (const Tensor& each : x) replay.x.push_back(saved(each));
  std::vector<Edge> edges;
  std::vector<Source> sources;
  std::vector<Tensor> y;
  {
    Run first = run(call, x, false);
    for (const Edge& edge : edges_behind(recorded(first.y), first.since)) {
      const auto input = std::ranges::find_if(first.x, [&](const Tensor& each) {
        return each.defined() && each.requires_grad() && leads_to(edge, Edge(each));
      });
      const auto number = static_cast<std::size_t>(input - first.x.begin());
      const bool is_input = number < x.size();
      edges.push_back(is_input ? Edge(x[number]) : edge);
      sources.push_back({is_input ? std::optional(number) : std::nullopt});
    }
    y = std::move(first.y);
  }
  std::vector<Tensor> results;
  for (Tensor& each : y) {
    if (!each.defined() || !each.requires_grad()) continue;
    each = each.detach();
    results.push_back(each);
  }
  if (results.empty()) return y;
  drop_own_leaves(edges, sources);
  replay.f = keep();
  attach_all(results, Ref<Node>(new CheckpointNode(results, std::move(edges), std::move(sources),
                                                   std::move(replay))));
  return y;
}

}  // namespace xgrad::detail
