// What stands around the rules: several passes over one graph, hooks of all kinds, retain_grad,
// gradients that add up, one leaf as several arguments, temporaries. Every row, in rows of float64
// and, where there are images, in blocks of float32.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/rules.hpp>

#include <optional>

#include "ops/table.hpp"

namespace table {
namespace {

/// f(row, dtype) for the table's rows and those on images.
template <class F>
void for_all(const F& f) {
  for_each_row([&](Op, const Row& row) { f(row, float64); });
  for_each_row_of(image_rows, [&](Op, const Row& row) { f(row, float32); });
}

/// The leaves of a row; images of float32 lie in blocks.
Inputs laid(const Row& row, DType dtype) {
  Inputs inputs = leaves(row, dtype);
  for (Tensor& x : inputs)
    if (blockable(x.shape(), x.dtype())) x = arranged(x.detach(), Layout::blocked).requires_grad_();
  return inputs;
}

Tensor drawn_like(const Tensor& y, std::uint64_t seed) {
  return normal(y.shape(), seed).to(y.dtype());
}

Inputs copies_of(const Inputs& inputs) {
  Inputs copies;
  for (const Tensor& x : inputs) copies.push_back(x.defined() ? clone(x.detach()) : Tensor());
  return copies;
}

Inputs gradients_of(const Inputs& inputs) {
  Inputs gradients;
  for (const Tensor& x : inputs) gradients.push_back(x.requires_grad() ? x.grad() : Tensor());
  return gradients;
}

void clear(const Inputs& inputs) {
  for (const Tensor& x : inputs)
    if (x.requires_grad()) x.set_grad({});
}

/// What a pass over a graph of its own gives.
Inputs fresh(const Row& row, DType dtype, const Tensor& dy) {
  const Inputs inputs = laid(row, dtype);
  row.f(inputs).backward(dy);
  return gradients_of(inputs);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || equal(a, b));
}

void check_same(const Inputs& found, const Inputs& right) {
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(same(found[i], right[i]));
  }
}

}  // namespace

TEST_CASE("passes over one graph are those over fresh ones, and add up in the leaves") {
  for_all([](const Row& row, DType dtype) {
    const Inputs inputs = laid(row, dtype);
    const Inputs before = copies_of(inputs);
    const Tensor y = row.f(inputs);
    const Tensor result = clone(y.detach());
    Inputs sums(inputs.size());
    for (const std::uint64_t pass : {1U, 2U, 3U}) {
      CAPTURE(pass);
      const Tensor dy = drawn_like(y, 30 + pass);
      y.backward(dy, {.retain_graph = pass < 3});
      const Inputs alone = fresh(row, dtype, dy);
      for (std::size_t i = 0; i < sums.size(); ++i)
        if (alone[i].defined()) sums[i] = sums[i].defined() ? sums[i] + alone[i] : alone[i];
      check_same(gradients_of(inputs), sums);
      CHECK(equal(dy, drawn_like(y, 30 + pass)));
    }
    CHECK(equal(y.detach(), result));
    check_same(copies_of(inputs), before);
  });
}

TEST_CASE("a change of one leaf's gradient in place reaches nothing else") {
  for_all([](const Row& row, DType dtype) {
    const Inputs inputs = laid(row, dtype);
    const Inputs before = copies_of(inputs);
    const Tensor y = row.f(inputs);
    const Tensor result = clone(y.detach());
    const Tensor dy = drawn_like(y, 41);
    y.backward(dy, {.retain_graph = true});
    const Inputs alone = copies_of(gradients_of(inputs));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!alone[i].defined()) continue;
      CAPTURE(i);
      inputs[i].grad().fill_(7);
      CHECK(equal(dy, drawn_like(y, 41)));
      CHECK(equal(y.detach(), result));
      for (std::size_t j = i + 1; j < inputs.size(); ++j) CHECK(same(inputs[j].grad(), alone[j]));
    }
    check_same(copies_of(inputs), before);
    // The next pass adds to what is there now, and to nothing where it was taken away.
    y.backward(dy, {.retain_graph = true});
    Inputs more = alone;
    for (Tensor& gradient : more)
      if (gradient.defined()) gradient = gradient + 7;
    for (std::size_t i = 0; i < more.size(); ++i)
      if (more[i].defined()) CHECK(equal(inputs[i].grad(), more[i]));
    clear(inputs);
    y.backward(dy);
    check_same(gradients_of(inputs), alone);
  });
}

TEST_CASE("grad() gives what backward() leaves, and gradients that are nobody else's") {
  for_all([](const Row& row, DType dtype) {
    const Inputs inputs = laid(row, dtype);
    const Tensor y = row.f(inputs);
    const Tensor dy = drawn_like(y, 42);
    Inputs wanted;
    for (const Tensor& x : inputs)
      if (x.requires_grad()) wanted.push_back(x);
    const Inputs found =
        grad({y}, wanted, {.grad_outputs = {dy}, .retain_graph = true, .allow_unused = true});
    for (const Tensor& x : inputs) CHECK_FALSE((x.requires_grad() && x.grad().defined()));
    y.backward(dy);
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(same(found[i], wanted[i].grad()));
    const Inputs values = copies_of(found);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i].defined()) {
        Tensor(found[i]).fill_(7);
        CHECK(equal(dy, drawn_like(y, 42)));
        CHECK(same(wanted[i].grad(), values[i]));
        for (std::size_t j = i + 1; j < found.size(); ++j) CHECK(same(found[j], values[j]));
      }
  });
}

TEST_CASE("hooks that double a gradient double what comes of it, in a leaf and in a result") {
  for_all([](const Row& row, DType dtype) {
    Inputs inputs = laid(row, dtype);
    Tensor y = row.f(inputs);
    const Tensor dy = drawn_like(y, 43);
    const Inputs alone = fresh(row, dtype, dy);
    const auto twice = [](const Tensor& gradient) { return gradient * 2; };
    y.retain_grad();
    y.register_hook(twice);
    std::vector<HookHandle> handles;
    for (Tensor& x : inputs)
      if (x.requires_grad()) handles.push_back(x.register_hook(twice));
    y.backward(dy, {.retain_graph = true});
    if (!y.is_leaf()) CHECK(equal(y.grad(), dy * 2));  // what the hooks made of it
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (alone[i].defined()) {
        CAPTURE(i);
        // Powers of two are exact.
        CHECK(equal(inputs[i].grad(), alone[i] * 4));
      }
    clear(inputs);
    for (HookHandle& handle : handles) handle.remove();
    y.backward(dy, {.retain_graph = true});
    if (!y.is_leaf()) CHECK(equal(y.grad(), dy * 4));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (alone[i].defined()) CHECK(equal(inputs[i].grad(), alone[i] * 2));

    // Node hooks see what the rules gave, and what they put there goes on.
    clear(inputs);
    if (y.is_leaf() || y.grad_fn()->edges().empty()) return;
    const auto edges = y.grad_fn()->edges();
    y.grad_fn()->register_hook([&](std::vector<Tensor>& gradients, std::span<const Tensor> seen) {
      CHECK(equal(seen[y.impl()->result], dy * 2));
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        CHECK(gradients[i].defined() == static_cast<bool>(edges[i]));
        if (gradients[i].defined()) gradients[i] = gradients[i] * 4;
      }
    });
    y.backward(dy);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (alone[i].defined()) CHECK(equal(inputs[i].grad(), alone[i] * 8));
  });
}

TEST_CASE("retain_grad of an argument is the gradient of the leaf behind it") {
  for_all([](const Row& row, DType dtype) {
    const Inputs inputs = laid(row, dtype);
    Inputs middle;
    for (const Tensor& x : inputs)  // the same values, lying alike
      middle.push_back(x.requires_grad() ? clamp(x, -1e9, 1e9) : x);
    for (Tensor& x : middle)
      if (x.requires_grad()) x.retain_grad();
    const Tensor y = row.f(middle);
    const Tensor dy = drawn_like(y, 44);
    y.backward(dy);
    const Inputs alone = fresh(row, dtype, dy);
    check_same(gradients_of(inputs), alone);
    check_same(gradients_of(middle), alone);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (alone[i].defined()) {
        middle[i].grad().fill_(3);
        CHECK(equal(inputs[i].grad(), alone[i]));
      }
    CHECK(equal(dy, drawn_like(y, 44)));
  });
}

TEST_CASE("one leaf as every argument of its shape gets the sum of their gradients") {
  for_all([](const Row& row, DType dtype) {
    Inputs inputs = laid(row, dtype);
    std::vector<std::size_t> first(inputs.size());  // the argument whose leaf it is
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      first[i] = i;
      for (std::size_t j = 0; j < i && first[i] == i; ++j)
        if (inputs[i].requires_grad() && inputs[j].requires_grad() &&
            inputs[j].shape() == inputs[i].shape())
          first[i] = j;
      inputs[i] = inputs[first[i]];
    }
    Row shared = row;
    for (std::size_t i = 0; i < inputs.size(); ++i) shared.inputs[i] = row.inputs[first[i]];
    const Tensor y = row.f(inputs);
    const Tensor dy = drawn_like(y, 45);
    y.backward(dy);
    const Inputs apart = fresh(shared, dtype, dy);
    Inputs sums(inputs.size());
    std::vector<double> scales(inputs.size());  // of the terms: their sum may be 0
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (apart[i].defined()) {
        Tensor& sum = sums[first[i]];
        sum = sum.defined() ? sum + apart[i] : apart[i];
        if (sum.numel() > 0) scales[first[i]] += max(abs(apart[i])).item();
      }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (first[i] != i || !sums[i].defined()) continue;
      CAPTURE(i);
      // Two or three terms, in whichever order.
      const double unit = dtype == float32 ? 0x1p-22 : 0x1p-51;
      CHECK(allclose(inputs[i].grad(), sums[i], unit, unit * scales[i]));
    }
  });
}

namespace {

/// relu of what `part` makes of a row's result, times numbers; `moved` as a temporary that is given
/// up, else by a name.
struct Chain {
  Tensor result;
  Inputs gradients;
};

using Part = std::function<Tensor(const Tensor&)>;

Chain chain(const Row& row, DType dtype, const Part& part, bool moved) {
  const Inputs inputs = laid(row, dtype);
  Tensor y = row.f(inputs);
  Tensor taken = part(y);
  y = {};
  Tensor z;
  if (moved) {
    z = relu(std::move(taken));
  } else {
    z = relu(std::as_const(taken));
  }
  // In another order of axes, so that the gradient comes in rows to what lies in blocks.
  Axes order;
  for (std::int64_t axis = z.dim(); axis-- > 0;) order.push_back(axis);
  const Tensor turned = permute(z, order);
  sum(turned * drawn_like(turned, 46)).backward();
  return {clone(z.detach()), gradients_of(inputs)};
}

}  // namespace

TEST_CASE("a temporary's memory is used where only it is seen: the numbers are those of a copy") {
  const std::vector<Part> parts{
      [](const Tensor& y) { return y; },
      [](const Tensor& y) { return y.reshape({y.numel()}); },
      [](const Tensor& y) { return y.dim() > 0 && y.size(0) > 1 ? y.slice(0, 1) : y; },
      [](const Tensor& y) {
        return y.dim() > 1 && y.size(0) > 0 && y.size(1) > 2 ? y.slice(0, 0, 1).slice(1, 1, 3) : y;
      },
  };
  for_all([&](const Row& row, DType dtype) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      CAPTURE(i);
      const Chain named = chain(row, dtype, parts[i], false);
      const Chain moved = chain(row, dtype, parts[i], true);
      CHECK(equal(moved.result, named.result));
      check_same(moved.gradients, named.gradients);
      // float64 lies in rows and nothing meets.
      const Chain exact = chain(row, float64, parts[i], false);
      const auto close = [](const Tensor& x, const Tensor& right) {
        const double scale = right.numel() > 0 ? max(abs(right)).item() + 1e-3 : 1;
        return allclose(x.to(float64), right.to(float64), 0, 2e-5 * scale);
      };
      CHECK(close(named.result, exact.result));
      for (std::size_t k = 0; k < exact.gradients.size(); ++k)
        if (exact.gradients[k].defined()) CHECK(close(named.gradients[k], exact.gradients[k]));
    }
  });
}

TEST_CASE("after a change of an argument or of the result, gradients are right or an error") {
  for_all([](const Row& row, DType dtype) {
    for (std::size_t i = 0; i <= row.inputs.size(); ++i) {
      CAPTURE(i);  // the last is the result
      const Inputs inputs = laid(row, dtype);
      const Tensor y = row.f(inputs);
      const Tensor dy = drawn_like(y, 47);
      const Inputs right = fresh(row, dtype, dy);
      Tensor changed = (i < inputs.size() ? inputs[i] : y).detach();
      try {
        changed.fill_(1);
      } catch (const ValueError&) {  // what expand() repeats
        continue;
      }
      try {
        y.backward(dy);
      } catch (const GraphError&) {
        continue;
      }
      check_same(gradients_of(inputs), right);
    }
  });
}

TEST_CASE("a temporary whose memory somebody sees is not overwritten") {
  for_all([](const Row& row, DType dtype) {
    const Inputs inputs = laid(row, dtype);
    const auto negative = [&] { return -abs(row.f(inputs)) - 1; };
    const Tensor right = clone(negative().detach());
    {
      Tensor y = negative();
      const Tensor view = y.detach();
      relu(std::move(y));
      CHECK(equal(view, right));
    }
    {
      Tensor y = negative();
      const Tensor flat = y.reshape({y.numel()});
      relu(std::move(y));
      CHECK(equal(flat.detach(), right.reshape({right.numel()})));
    }
    {
      Tensor y = negative();
      const Tensor copy = y;
      xgrad::detail::mask_positive(std::move(y), right);
      CHECK(equal(copy.detach(), right));
    }
  });
}

}  // namespace table
