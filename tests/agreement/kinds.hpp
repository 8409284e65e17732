#pragma once
// Awkward inputs, by kinds of operations: a line in a family's file names an operation, both
// functions and its kind, and it is tried on all of the kind's inputs.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agreement.hpp"

namespace agreement {

// ---- inputs

/// Values in [low, high) from a stream of their own.
Input random(const xgrad::Shape& shape, xgrad::DType dtype = xgrad::float64, double low = -3,
             double high = 3, std::uint64_t seed = 1);
/// Whole numbers in [low, high): many of them equal.
Input whole(const xgrad::Shape& shape, xgrad::DType dtype, std::int64_t low, std::int64_t high,
            std::uint64_t seed = 1);
/// One value everywhere.
Input filled(const xgrad::Shape& shape, double value, xgrad::DType dtype = xgrad::float64);
/// The values as given, along one axis or in a shape.
Input listed(const std::vector<double>& values, xgrad::DType dtype = xgrad::float64,
             std::optional<xgrad::Shape> shape = {});
Input integers(const std::vector<std::int64_t>& values, xgrad::DType dtype = xgrad::int64,
               std::optional<xgrad::Shape> shape = {});
Input bools(const std::vector<bool>& values, std::optional<xgrad::Shape> shape = {});
/// x with one element, in row-major order, replaced.
Input with_value(const Input& x, std::int64_t place, double value);

/// The same values lying otherwise in memory: transposed, every other one, and (other values)
/// expanded.
Inputs lying_otherwise(const Input& matrix);

inline constexpr std::array all_dtypes{xgrad::float32, xgrad::float64, xgrad::bfloat16,
                                       xgrad::float16, xgrad::int64,   xgrad::int32,
                                       xgrad::uint8,   xgrad::boolean};
inline constexpr std::array floating_dtypes{xgrad::float64, xgrad::float32, xgrad::bfloat16,
                                            xgrad::float16};

/// ±0, kinks, whole numbers and halves, the largest and the smallest ones, ±∞, NaN.
const std::vector<double>& awkward();
/// A few of those, to make pairs of.
const std::vector<double>& awkward_few();
/// Integers near 0, 2³¹, 2⁵³ and 2⁶³.
const std::vector<std::int64_t>& awkward_integers();
/// No axes, one, several; extents of 1 and of 0.
const std::vector<xgrad::Shape>& shapes();

// ---- kinds

using OurUnary = xgrad::Tensor (*)(const xgrad::Tensor&);
using TheirUnary = at::Tensor (*)(const at::Tensor&);
/// Of each value: each awkward one in every floating dtype, awkward integers, shapes, layouts.
void unary(Suite& suite, const std::string& operation, OurUnary f, TheirUnary g);

using OurBinary = xgrad::Tensor (*)(const xgrad::Operand&, const xgrad::Operand&);
using TheirBinary = at::Tensor (*)(const at::Tensor&, const at::Tensor&);
/// Of pairs of values: awkward pairs, broadcasting, every pair of dtypes, numbers on either side.
void binary(Suite& suite, const std::string& operation, OurBinary f, TheirBinary g);

using OurReduction = xgrad::Tensor (*)(const xgrad::Tensor&, const xgrad::Axes&, bool);
using TheirReduction = at::Tensor (*)(const at::Tensor&, const std::vector<std::int64_t>&, bool);
/// Over all axes (a list of none) or some.
void reduction(Suite& suite, const std::string& operation, OurReduction f, TheirReduction g);

/// Tensors that functions along an axis find awkward: ties, NaN, infinities, zeros, shapes, dtypes.
Inputs along_inputs();
/// Along each axis of those and one that they have not: f(x, axis).
template <class F, class G>
void along(Suite& suite, const std::string& operation, F f, G g) {
  for (const Input& input : along_inputs())
    for (const std::int64_t axis : {-1, 0, 1})
      check(
          suite, operation, {input}, "axis " + std::to_string(axis),
          [=](const Ours& x) { return f(x[0], axis); },
          [=](const Theirs& x) { return g(x[0], axis); });
}
template <class F>
void along(Suite& suite, const std::string& operation, F f) {
  along(suite, operation, f, f);
}
/// On the same inputs as they are: f(x).
template <class F, class G>
void over(Suite& suite, const std::string& operation, F f, G g) {
  for (const Input& input : along_inputs())
    check(
        suite, operation, {input}, "", [=](const Ours& x) { return f(x[0]); },
        [=](const Theirs& x) { return g(x[0]); });
}
template <class F>
void over(Suite& suite, const std::string& operation, F f) {
  over(suite, operation, f, f);
}

/// Tensors of all shapes, dtypes and layouts to be rearranged.
Inputs arranged_inputs();
template <class F, class G>
void arranged(Suite& suite, const std::string& operation, const std::string& with, F f, G g) {
  for (const Input& input : arranged_inputs())
    check(
        suite, operation, {input}, with, [=](const Ours& x) { return f(x[0]); },
        [=](const Theirs& x) { return g(x[0]); });
}
/// f(x), the arguments behind x being in the lambda and in `with`.
template <class F>
void arranged(Suite& suite, const std::string& operation, const std::string& with, F f) {
  arranged(suite, operation, with, f, f);
}

/// Pairs of vectors, matrices and batches that fit a product, and pairs that do not.
std::vector<Inputs> factors();
/// f(a, b)
template <class F, class G>
void product(Suite& suite, const std::string& operation, F f, G g) {
  for (const Inputs& pair : factors())
    check(
        suite, operation, pair, "", [=](const Ours& x) { return f(x[0], x[1]); },
        [=](const Theirs& x) { return g(x[0], x[1]); });
}
template <class F>
void product(Suite& suite, const std::string& operation, F f) {
  product(suite, operation, f, f);
}

/// Matrices and batches of them: square or not, regular, singular, symmetric, empty, with NaN.
Inputs matrix_inputs();
template <class F, class G>
void matrix(Suite& suite, const std::string& operation, F f, G g) {
  for (const Input& input : matrix_inputs())
    check(
        suite, operation, {input}, "", [=](const Ours& x) { return f(x[0]); },
        [=](const Theirs& x) { return g(x[0]); });
}
template <class F>
void matrix(Suite& suite, const std::string& operation, F f) {
  matrix(suite, operation, f, f);
}

/// Pairs of values and targets in [low, high], and what a loss finds awkward.
std::vector<Inputs> loss_inputs(double low, double high);
/// f(x, target, reduction), each by each reduction.
template <class F, class G>
void loss(Suite& suite, const std::string& operation, const std::vector<Inputs>& inputs, F f, G g) {
  constexpr std::array<std::pair<xgrad::Reduction, std::int64_t>, 3> reductions{
      {{xgrad::Reduction::mean, at::Reduction::Mean},
       {xgrad::Reduction::sum, at::Reduction::Sum},
       {xgrad::Reduction::none, at::Reduction::None}}};
  constexpr const char* names[] = {"mean", "sum", "none"};
  for (const Inputs& pair : inputs)
    for (std::size_t i = 0; i < reductions.size(); ++i)
      check(
          suite, operation, pair, names[i],
          [=, r = reductions[i].first](const Ours& x) { return f(x, r); },
          [=, r = reductions[i].second](const Theirs& x) { return g(x, r); });
}

}  // namespace agreement
