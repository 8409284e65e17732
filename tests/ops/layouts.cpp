// Every operation on values that lie in every way they can: the result and the gradients are those
// of float64, which always lies in rows.

#include <xgrad/autograd/layout.hpp>

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
  other_blocks      ///< in blocks of other extents
};
constexpr std::array lies{Lie::plain, Lie::blocked, Lie::offset, Lie::part_of_blocked,
                          Lie::other_blocks};

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

}  // namespace table
