#include "ops/table.hpp"

#include <xgrad/func/jvp.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>

namespace table {

namespace {

void collect_names(const Tensor& result, std::set<std::string>& names) {
  for (const Node* node : xgrad::detail::nodes_behind({&result, 1})) names.insert(node->name());
}

}  // namespace

TEST_CASE("every operation has rows, and they use it") {
  for (std::size_t i = 0; i < operation_names.size(); ++i) {
    const Op op = static_cast<Op>(i);
    CAPTURE(std::string(operation_names[i]));
    std::set<std::string> names;
    CHECK_FALSE(rows_of(op).empty());
    for (const Row& row : rows_of(op)) collect_names(row.f(leaves(row, float64)), names);
    if (!is_composed(op)) CHECK(names.contains(operation_names[i]));
  }
}

TEST_CASE("first derivatives agree with central differences") {
  for_each_row([](Op, const Row& row) {
    std::ostringstream report;
    CHECK_MESSAGE(gradcheck(row.f, row.inputs, {.report = &report}), report.str());
  });
}

TEST_CASE("second derivatives agree with central differences") {
  for_each_row([](Op, const Row& row) {
    std::ostringstream report;
    CHECK_MESSAGE(gradgradcheck(row.f, row.inputs, {.report = &report}), report.str());
  });
}

TEST_CASE("forward mode agrees with central differences and with backward mode") {
  for_each_row([](Op, const Row& row) {
    const Inputs inputs = leaves(row, float64);
    Inputs x, v;
    for (const Tensor& input : inputs)
      if (input.requires_grad()) {
        x.push_back(input);
        v.push_back(normal(input.shape(), 50 + x.size()));
      }
    const auto f = [&](const Inputs& moved) {
      Inputs all;
      std::size_t next = 0;
      for (const Tensor& input : inputs)
        all.push_back(input.requires_grad() ? moved[next++] : input);
      return row.f(all);
    };
    const Tensor tangent = jvp(f, x, v).tangent;
    const Tensor y = row.f(inputs);
    CHECK(tangent.shape() == y.shape());
    CHECK(tangent.dtype() == y.dtype());

    constexpr double eps = 1e-5;
    const auto moved = [&](double step) {
      const NoGradGuard guard;
      Inputs there;
      for (std::size_t i = 0; i < x.size(); ++i) there.push_back(x[i].detach() + step * v[i]);
      return f(there);
    };
    const Tensor difference = (moved(eps) - moved(-eps)) / (2 * eps);
    const double scale = y.numel() > 0 ? max(abs(tangent)).item() + 1 : 1;
    CHECK(allclose(tangent, difference, 0, 1e-6 * scale));

    const Tensor u = normal(y.shape(), 49);
    const Inputs by_backward = grad({y}, x, {.grad_outputs = {u}, .allow_unused = true});
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (by_backward[i].defined()) sum += (by_backward[i] * v[i]).sum().item();
    CHECK(std::abs((tangent * u).sum().item() - sum) <= 1e-10 * (std::abs(sum) + scale));
  });
}

namespace {

/// The result and all gradients of one row, in one dtype, as float64.
Inputs everything(const Row& row, DType dtype) {
  const Inputs inputs = leaves(row, dtype);
  const Tensor y = row.f(inputs);
  Generator generator(11);
  y.backward(rand(y.shape(), {.dtype = float64, .generator = &generator}).to(y.dtype()));
  Inputs all{y.detach()};
  for (const Tensor& x : inputs)
    if (x.requires_grad() && x.grad().defined()) all.push_back(x.grad());
  return all;
}

}  // namespace

TEST_CASE("float32 agrees with float64, forward and backward") {
  for_each_row([](Op, const Row& row) {
    const Inputs narrow = everything(row, float32);
    const Inputs wide = everything(row, float64);
    REQUIRE(narrow.size() == wide.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
      CAPTURE(i);
      REQUIRE(narrow[i].shape() == wide[i].shape());
      // Rounding of float32 (6e-8), amplified by the few dozen operations of a row.
      const double scale = wide[i].numel() > 0 ? max(abs(wide[i])).item() + 1e-3 : 1;
      CHECK(allclose(narrow[i].to(float64), wide[i], 0, 5e-6 * scale));
    }
  });
}

namespace {

/// What is seen of a larger or another tensor, with the values of x.
struct View {
  const char* name;
  Tensor (*of)(const Tensor& x);
};

/// With axes in the opposite order in memory.
Tensor turned(const Tensor& x) {
  Axes order;
  for (std::int64_t axis = x.dim(); axis-- > 0;) order.push_back(axis);
  return clone(x.permute(order)).permute(order);
}

/// Every third value of the first axis and every second of the last, from the second on.
Tensor stepped(const Tensor& x) {
  if (x.dim() == 0) return x;
  Tensor wide = x;
  for (const std::int64_t axis : {0, -1}) {
    const Tensor other = full_like(wide, x.dtype() == boolean ? 1 : 77);
    const std::int64_t after = axis == 0 ? 1 : wide.dim();
    wide = stack(axis == 0 ? Inputs{other, wide, other} : Inputs{other, wide}, after)
               .flatten(after - 1, after);
  }
  return wide.slice(0, 1, {}, 3).slice(-1, 1, {}, 2);
}

/// The middle of a larger tensor.
Tensor offset(const Tensor& x) {
  const std::vector<std::int64_t> border(2 * static_cast<std::size_t>(x.dim()), 2);
  Tensor y = pad(x, border, 1);
  for (std::int64_t axis = 0; axis < x.dim(); ++axis) y = y.slice(axis, 2, 2 + x.size(axis));
  return y;
}

/// Not x: one element of its first axis, again and again.
Tensor repeated(const Tensor& x) {
  return x.dim() > 0 && x.size(0) > 1 ? clone(x.slice(0, 0, 1)).expand(x.shape()) : x;
}

constexpr std::array views{View{"turned", turned}, View{"stepped", stepped}, View{"offset", offset},
                           View{"repeated", repeated}};

}  // namespace

TEST_CASE("on views every operation gives what it gives on copies of them") {
  for_each_row([](Op, const Row& row) {
    for (const View& view : views)
      for (const DType dtype : {float64, float32}) {
        CAPTURE(std::string(view.name));
        CAPTURE(dtype);
        Inputs seen, copied;
        for (const Tensor& x : row.inputs) {
          const bool floating = is_floating(x.dtype());
          seen.push_back(view.of(floating ? x.to(dtype) : x).detach());
          copied.push_back(clone(seen.back()));
          if (floating) seen.back().requires_grad_();
          if (floating) copied.back().requires_grad_();
        }
        const Tensor y = row.f(seen);
        const Tensor expected = row.f(copied);
        const Tensor dy = view.of(normal(y.shape(), 48).to(y.dtype()));
        y.backward(dy);
        expected.backward(clone(dy));
        const auto close = [](const Tensor& a, const Tensor& b) {
          const double scale = b.numel() > 0 ? max(abs(b)).item() + 1e-3 : 1;
          const double rounding = b.dtype() == float32 ? 5e-6 : 1e-13;
          return a.shape() == b.shape() && allclose(a, b, 0, rounding * scale);
        };
        CHECK(close(y.detach(), expected.detach()));
        for (std::size_t i = 0; i < seen.size(); ++i) {
          CAPTURE(i);
          REQUIRE(seen[i].grad().defined() == copied[i].grad().defined());
          if (!seen[i].grad().defined()) continue;
          CHECK(close(seen[i].grad(), copied[i].grad()));
          CHECK(seen[i].grad().is_contiguous());
        }
      }
  });
}

TEST_CASE("gradients that are all zero-size or of broadcast inputs have the inputs' shapes") {
  for_each_row([](Op, const Row& row) {
    const Inputs inputs = leaves(row, float64);
    const Tensor y = row.f(inputs);
    y.backward(ones_like(y));
    for (const Tensor& x : inputs)
      if (x.grad().defined()) CHECK(x.grad().shape() == x.shape());
  });
}

TEST_CASE("a second pass over one graph takes the gradient as it then is") {
  for_each_row([](Op, const Row& row) {
    const Inputs inputs = leaves(row, float64);
    const Tensor y = row.f(inputs);
    const Tensor fresh = row.f(inputs);
    Generator generator(12);
    Tensor dy = rand(y.shape(), {.dtype = float64, .generator = &generator});
    const auto pass = [&](const Tensor& result, const BackwardOptions& options) {
      for (const Tensor& x : inputs) x.set_grad({});
      result.backward(dy, options);
      Inputs gradients;
      for (const Tensor& x : inputs) gradients.push_back(x.grad());
      return gradients;
    };
    pass(y, {.retain_graph = true});
    dy.copy_(dy * -3 + 1);  // the same tensor, of other values
    const Inputs second = pass(y, {});
    const Inputs right = pass(fresh, {});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(i);
      REQUIRE(second[i].defined() == right[i].defined());
      if (right[i].defined()) CHECK(equal(second[i], right[i]));
    }
  });
}

namespace {

/// Gradients of a row whose inputs of one shape are one leaf, so that they are summed; with hooks
/// on all its nodes and leaves, retain_grad and anomaly detection, or nothing of that.
Inputs gradients_of_shared(const Row& row, bool watched) {
  Inputs inputs = leaves(row, float32);
  for (Tensor& x : inputs)
    for (const Tensor& other : inputs)
      if (other.requires_grad() && x.requires_grad() && other.shape() == x.shape()) {
        x = other;
        break;
      }
  std::optional<AnomalyMode> anomaly;
  if (watched) anomaly.emplace();
  Tensor y = row.f(inputs);
  Generator generator(13);
  const Tensor dy = randn(y.shape(), {.dtype = y.dtype(), .generator = &generator});
  int calls = 0;
  if (watched) {
    for (Node* node : xgrad::detail::nodes_behind({&y, 1}))
      node->register_hook([&](std::vector<Tensor>&, std::span<const Tensor>) { ++calls; });
    for (Tensor& x : inputs)
      if (x.requires_grad()) x.register_hook([](const Tensor& g) { return g; });
    y.retain_grad();
  }
  y.backward(dy);
  CHECK((calls > 0) == watched);
  Inputs gradients;
  for (const Tensor& x : inputs) gradients.push_back(x.grad());
  return gradients;
}

}  // namespace

TEST_CASE("watching a backward pass does not change a bit of it") {
  for_each_row([](Op, const Row& row) {
    const Inputs alone = gradients_of_shared(row, false);
    const Inputs watched = gradients_of_shared(row, true);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      CAPTURE(i);
      REQUIRE(alone[i].defined() == watched[i].defined());
      if (alone[i].defined()) CHECK(equal(alone[i], watched[i]));
    }
  });
}

TEST_CASE("no row leaves memory behind: the tape has no cycles") {
  for_each_row([](Op, const Row& row) {
    const auto before = memory::statistics().blocks_in_use;
    {
      const Inputs inputs = leaves(row, float64);
      const Tensor y = row.f(inputs);  // dropped without a backward pass
      const Tensor z = row.f(inputs);
      Inputs wanted;
      for (const Tensor& x : inputs)
        if (x.requires_grad()) wanted.push_back(x);
      grad({z}, wanted,
           {.grad_outputs = {ones_like(z)}, .create_graph = true, .allow_unused = true});
    }
    CHECK(memory::statistics().blocks_in_use == before);
  });
}

}  // namespace table
