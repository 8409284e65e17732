// Every operation on values that lie in every way they can: the result and the gradients are those
// of float64, which always lies in rows.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/rules.hpp>

#include <array>

#include "ops/table.hpp"

namespace table {
namespace {

/// How the values of a tensor may lie.
enum class Lie {
  plain,
  blocked,
  offset,           ///< from an odd place of another storage on
  part_of_blocked,  ///< the last images of a storage in blocks
  other_blocks,     ///< in blocks of other extents
  turned,           ///< the last axis before the others
  stepped           ///< every second value of the last axis of another
};
constexpr std::array contiguous_lies{Lie::plain, Lie::blocked, Lie::offset, Lie::part_of_blocked,
                                     Lie::other_blocks};
constexpr std::array lies{Lie::plain,        Lie::blocked, Lie::offset, Lie::part_of_blocked,
                          Lie::other_blocks, Lie::turned,  Lie::stepped};

/// The blocks that `numel` values may lie in, which are not theirs; none where it has no divisor.
Shape other_blocks(std::int64_t numel) {
  const std::int64_t block = channel_block();
  return numel % (4 * block) == 0 ? Shape{2, block, 1, numel / (2 * block)} : Shape{};
}

/// The values of x, a float32 tensor in rows, so lying; plain where they cannot.
Tensor lying(const Tensor& x, Lie lie) {
  const Shape& shape = x.shape();
  const bool may_be_blocked = blockable(shape, x.dtype());
  if (lie == Lie::blocked && may_be_blocked) return arranged(clone(x), Layout::blocked);
  if (lie == Lie::offset)
    return cat({zeros({3}), x.reshape({x.numel()})}).slice(0, 3).reshape(shape);
  if (lie == Lie::part_of_blocked && may_be_blocked)
    return arranged(cat({x.slice(0, 0, 1), x}), Layout::blocked).slice(0, 1);
  if (lie == Lie::part_of_blocked && x.numel() > 0) {
    // Anything may be part of an image: from its third value on.
    const std::int64_t plane = x.numel() + 2;
    const std::int64_t block = channel_block();
    const Tensor all = cat({zeros({2}), x.reshape({x.numel()}), zeros({(block - 1) * plane})});
    return arranged(all.reshape({1, block, plane, 1}), Layout::blocked)
        .reshape({block * plane})
        .slice(0, 2, plane)
        .reshape(shape);
  }
  if (lie == Lie::other_blocks && !other_blocks(x.numel()).empty())
    return arranged(clone(x).reshape(other_blocks(x.numel())), Layout::blocked).reshape(shape);
  if (lie == Lie::turned && x.dim() > 1) {
    Axes forth;
    for (std::int64_t axis = 1; axis < x.dim(); ++axis) forth.push_back(axis);
    forth.push_back(0);
    Axes back{x.dim() - 1};
    for (std::int64_t axis = 0; axis + 1 < x.dim(); ++axis) back.push_back(axis);
    return clone(x.permute(forth)).permute(back);
  }
  if (lie == Lie::stepped && x.dim() > 0) {
    Tensor wide = stack({x, full_like(x, 99)}, -1).flatten(-2);
    return wide.slice(-1, 0, {}, 2);
  }
  return clone(x);
}

struct Everything {
  Tensor y;
  Inputs gradients;
};

/// The result and the gradients of what `given` are, which become leaves.
Everything everything(const Row& row, const Inputs& given, const Tensor& dy) {
  Inputs inputs;
  for (const Tensor& x : given)
    inputs.push_back(is_floating(x.dtype()) ? x.detach().requires_grad_() : x);
  const Tensor y = row.f(inputs);
  y.backward(dy.to(y.dtype()));
  Everything all{y.detach(), {}};
  for (const Tensor& x : inputs) all.gradients.push_back(x.requires_grad() ? x.grad() : Tensor());
  return all;
}

/// Rounding of float32, amplified by the sums over some thousand values.
bool close(const Tensor& x, const Tensor& exact) {
  const double scale = exact.numel() > 0 ? max(abs(exact)).item() + 1e-3 : 1;
  return x.shape() == exact.shape() && allclose(x.to(float64), exact, 0, 2e-5 * scale);
}

std::string shown(const std::vector<Lie>& how) {
  std::string text;
  for (const Lie lie : how) text += std::to_string(static_cast<int>(lie)) + " ";
  return text;
}

/// One row: what it must give, and its arguments in rows.
class Case {
 public:
  explicit Case(const Row& row) : row_(row) {
    Inputs wide;
    for (const Tensor& x : row.inputs) {
      const bool floating = is_floating(x.dtype());
      narrow_.push_back(floating ? x.to(float32) : x);
      wide.push_back(floating ? narrow_.back().to(float64) : x);
    }
    const Shape shape = no_grad([&] { return row.f(narrow_).shape(); });
    dy_ = normal(shape, 21).to(float32);
    exact_ = everything(row, wide, dy_.to(float64));
  }

  std::size_t size() const { return narrow_.size(); }

  /// Compares, input i lying as how[i] and the gradient as `of_dy`.
  void check(const std::vector<Lie>& how, Lie of_dy) const {
    Inputs inputs;
    for (std::size_t i = 0; i < size(); ++i)
      inputs.push_back(is_floating(narrow_[i].dtype()) ? lying(narrow_[i], how[i]) : narrow_[i]);
    const Tensor dy = lying(dy_, of_dy);
    const Everything found = everything(row_, inputs, dy);
    CAPTURE(shown(how));
    CAPTURE(static_cast<int>(of_dy));
    CHECK(close(found.y, exact_.y));
    for (std::size_t i = 0; i < size(); ++i) {
      CAPTURE(i);
      REQUIRE(found.gradients[i].defined() == exact_.gradients[i].defined());
      if (found.gradients[i].defined()) CHECK(close(found.gradients[i], exact_.gradients[i]));
      CHECK(equal(inputs[i], narrow_[i]));
    }
    CHECK(equal(dy, dy_));
  }

 private:
  const Row& row_;
  Inputs narrow_;
  Tensor dy_;
  Everything exact_;
};

}  // namespace

TEST_CASE("every operation has rows on images in blocks") {
  for (std::size_t i = 0; i < operation_names.size(); ++i) {
    CAPTURE(std::string(operation_names[i]));
    CHECK_FALSE(image_rows(static_cast<Op>(i)).empty());
  }
}

TEST_CASE("however inputs and gradients lie, results and gradients are those of float64") {
  for_each_row_of(image_rows, [](Op, const Row& row) {
    const Case all(row);
    for (const Lie lie : lies) {
      all.check(std::vector<Lie>(all.size(), Lie::plain), lie);
      all.check(std::vector<Lie>(all.size(), Lie::blocked), lie);
      all.check(std::vector<Lie>(all.size(), lie), Lie::plain);
      for (std::size_t i = 0; i < all.size() && all.size() > 1; ++i) {
        std::vector<Lie> how(all.size(), Lie::plain);
        how[i] = lie;
        all.check(how, Lie::plain);
      }
    }
  });
}

namespace {

using Function = std::function<Tensor(const Tensor&)>;

/// Whose gradients come in blocks, in rows, or as the given ones lie.
std::vector<Function> uses() {
  const Tensor weight = normal({32, 32, 3, 3}, 4) * 0.2;
  return {[](const Tensor& x) { return relu(x); },
          [](const Tensor& x) {
            return permute(x, {3, 1, 2, 0});
          },
          [](const Tensor& x) { return x.flatten(1); },
          [](const Tensor& x) { return slice(x, 1, 3, 20); },
          [](const Tensor& x) { return max_pool2d(x, 2); },
          [weight](const Tensor& x) { return conv2d(x, weight.to(x.dtype()), {}, {.padding = 1}); },
          [](const Tensor& x) { return batch_norm(x, {}, {}, {}, {}, {.training = true}); }};
}

/// The gradient of x in what two of its uses give together, in one pass or in two.
Tensor gradient_of_uses(Tensor x, const Function& f, const Function& g, bool at_once) {
  x.set_grad({});
  const Tensor a = f(x);
  const Tensor b = g(x);
  const Tensor da = normal(a.shape(), 5).to(x.dtype());
  const Tensor db = normal(b.shape(), 6).to(x.dtype());
  if (at_once) {
    backward({a, b}, {da, db});
  } else {
    a.backward(da);
    b.backward(db);
  }
  return x.grad();
}

}  // namespace

TEST_CASE("gradients that come in blocks and in rows add up, within a pass and over passes") {
  const Tensor plain = normal({2, 32, 6, 4}, 1).to(float32);
  const auto all = uses();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j)
      for (const bool at_once : {true, false}) {
        CAPTURE(i);
        CAPTURE(j);
        CAPTURE(at_once);
        const Tensor exact =
            gradient_of_uses(plain.to(float64).requires_grad_(), all[i], all[j], at_once);
        for (const Lie lie : {Lie::plain, Lie::blocked, Lie::other_blocks, Lie::turned}) {
          CAPTURE(static_cast<int>(lie));
          const Tensor x = lying(plain, lie).detach().requires_grad_();
          CHECK(close(gradient_of_uses(x, all[i], all[j], at_once), exact));
        }
      }
}

TEST_CASE("one storage is convolved as images of several extents, in any order") {
  const std::vector<Shape> shapes{
      {2, 32, 8, 8}, {2, 128, 4, 4}, {8, 32, 4, 4}, {2, 32, 4, 16}, {1, 64, 8, 8}};
  const auto convolved = [](const Tensor& images) {
    const Tensor weight = normal({32, images.size(1), 3, 3}, 4).to(images.dtype()) * 0.1;
    return conv2d(images, weight, {}, {.padding = 1});
  };
  const Tensor values_of_all = normal({2 * 32 * 8 * 8}, 1).to(float32);
  for (const Lie lie : contiguous_lies) {
    CAPTURE(static_cast<int>(lie));
    for (const Shape& first : shapes) {
      CAPTURE(first);
      const Tensor x = lying(values_of_all.reshape(first), lie);
      for (int round = 0; round < 2; ++round)
        for (const Shape& shape : shapes) {
          CAPTURE(shape);
          const Tensor exact = convolved(values_of_all.to(float64).reshape(shape));
          CHECK(close(convolved(x.reshape(shape)), exact));
          CHECK(close(relu(x.reshape(shape)), relu(values_of_all.to(float64).reshape(shape))));
        }
      CHECK(equal(x.reshape(values_of_all.shape()), values_of_all));
    }
  }
}

TEST_CASE("a change in place changes that value alone, however the values lie and were read") {
  const Shape shape{3, 32, 3, 5};
  const Tensor plain = normal(shape, 1).to(float32);
  struct Change {
    const char* name;
    std::function<void(Tensor&)> f;
  };
  const std::vector<Change> changes{
      {"one value", [](Tensor& x) { x.mutable_data<float>()[77] = 42; }},
      {"an image", [](Tensor& x) { x[1].fill_(42); }},
      {"a channel of an image", [](Tensor& x) { x[2][7].fill_(42); }},
      {"a row", [](Tensor& x) { x[0][31][2].copy_(arange(5).to(float32)); }},
      {"two images", [](Tensor& x) { x.slice(0, 1).copy_(x.slice(0, 0, 2).clone()); }},
      {"images that overlap", [](Tensor& x) { x.slice(0, 1).copy_(x.slice(0, 0, 2)); }},
      {"as a matrix",
       [](Tensor& x) {
         x.reshape({96, 15})[50].zero_();
       }},
      {"all", [](Tensor& x) { x.copy_(x * 2); }},
  };
  const Tensor weight = normal({16, 32, 3, 3}, 4).to(float32) * 0.1;
  using Read = std::function<void(const Tensor&)>;
  const std::vector<Read> reads{[](const Tensor&) {}, [](const Tensor& x) { x.data<float>(); },
                                [&](const Tensor& x) { conv2d(x, weight); },
                                [](const Tensor& x) {
                                  arranged(x.reshape({3, 16, 6, 5}), Layout::blocked);
                                }};
  for (const Change& change : changes)
    for (const Lie lie : contiguous_lies)
      for (std::size_t read = 0; read < reads.size(); ++read) {
        CAPTURE(change.name);
        CAPTURE(static_cast<int>(lie));
        CAPTURE(read);
        Tensor right = clone(plain);
        change.f(right);
        Tensor x = lying(plain, lie);
        const Tensor flat = x.reshape({x.numel()});
        const Tensor same = x;
        reads[read](x);
        change.f(x);
        CHECK(equal(x, right));
        CHECK(equal(flat, right.reshape({right.numel()})));
        CHECK(equal(relu(same), relu(right)));
        CHECK(close(conv2d(same, weight), conv2d(right.to(float64), weight.to(float64))));
        // And once more, what was read in between being out of date.
        change.f(x);
        change.f(right);
        CHECK(equal(x, right));
        CHECK(close(conv2d(same, weight), conv2d(right.to(float64), weight.to(float64))));
      }
}

TEST_CASE("a temporary's memory that was read in either order is read anew after work in it") {
  const Tensor plain = normal({2, 32, 3, 5}, 1).to(float32);
  const Tensor weight = normal({16, 32, 3, 3}, 4).to(float32) * 0.1;
  for (const Lie lie : contiguous_lies) {
    CAPTURE(static_cast<int>(lie));
    Tensor x = lying(plain, lie);
    x.data<float>();
    arranged(x, Layout::blocked);
    const Tensor y = relu(std::move(x));
    CHECK(equal(y, relu(plain)));
    CHECK(close(conv2d(y, weight), conv2d(relu(plain.to(float64)), weight.to(float64))));
    Tensor dy = lying(plain, lie);
    dy.data<float>();
    arranged(dy, Layout::blocked);
    for (const Lie of_sign : lies) {
      const Tensor sign = lying(-plain, of_sign);
      const Tensor masked = xgrad::detail::mask_positive(Tensor(dy), sign);
      CHECK(equal(masked, xgrad::detail::mask_positive(plain, -plain)));
      Tensor own = lying(plain, lie);
      CHECK(equal(xgrad::detail::mask_positive(std::move(own), sign),
                  xgrad::detail::mask_positive(plain, -plain)));
    }
  }
}

TEST_CASE("what is put or added into a temporary is right however that and the source lie") {
  const Tensor plain = normal({2, 32, 3, 5}, 1).to(float32);
  const Tensor values = normal({2, 32, 3, 5}, 2).to(float32);
  const Tensor index = tensor({1, 0});
  const Tensor places = index.reshape({2, 1, 1, 1}).expand(plain.shape());
  const auto agree = [&](const auto& f) {
    const Tensor right = f(Tensor(plain), values);
    for (const Lie lie : lies)
      for (const Lie of_values : lies) {
        CAPTURE(static_cast<int>(lie));
        CAPTURE(static_cast<int>(of_values));
        Tensor own = lying(plain, lie);
        own.to_vector<float>();  // read in rows before
        const Tensor found = f(std::move(own), lying(values, of_values));
        CHECK(equal(found, right));
        CHECK(equal(relu(found), relu(right)));
      }
  };
  agree([&](Tensor x, const Tensor& s) { return index_add(std::move(x), 0, index, s); });
  agree([&](Tensor x, const Tensor& s) { return scatter_add(std::move(x), 0, places, s); });
  agree([&](Tensor x, const Tensor& s) { return scatter(std::move(x), 0, places, s); });
  agree([&](Tensor x, const Tensor& s) {
    return slice_scatter(std::move(x), s.slice(1, 3, 20), 1, 5, 22);
  });
}

}  // namespace table
