// Functions of each value and of pairs of values: arithmetic.hpp, math.hpp, special.hpp.
#include "kinds.hpp"

namespace agreement {
namespace {

using xgrad::Operand;

/// The functions of one value.
void of_one(Suite& s) {
  unary(s, "neg", xgrad::neg, at::neg);
  unary(s, "abs", xgrad::abs, at::abs);
  unary(s, "exp", xgrad::exp, at::exp);
  unary(s, "log", xgrad::log, at::log);
  unary(s, "sqrt", xgrad::sqrt, at::sqrt);
  unary(s, "square", xgrad::square, at::square);
  unary(s, "tanh", xgrad::tanh, at::tanh);
  unary(s, "sigmoid", xgrad::sigmoid, at::sigmoid);
  unary(s, "erf", xgrad::erf, at::erf);
  unary(s, "erfc", xgrad::erfc, at::erfc);
  unary(s, "erfinv", xgrad::erfinv, at::erfinv);
  unary(s, "lgamma", xgrad::lgamma, at::lgamma);
  unary(s, "digamma", xgrad::digamma, at::digamma);
  unary(s, "i0", xgrad::i0, at::i0);
  unary(s, "i0e", xgrad::i0e, at::special_i0e);
  unary(s, "i1", xgrad::i1, at::special_i1);
  unary(s, "i1e", xgrad::i1e, at::special_i1e);
  unary(s, "sinc", xgrad::sinc, at::sinc);
  unary(s, "reciprocal", xgrad::reciprocal, at::reciprocal);
  unary(s, "rsqrt", xgrad::rsqrt, at::rsqrt);
  unary(s, "exp2", xgrad::exp2, at::exp2);
  unary(s, "expm1", xgrad::expm1, at::expm1);
  unary(s, "log2", xgrad::log2, at::log2);
  unary(s, "log10", xgrad::log10, at::log10);
  unary(s, "log1p", xgrad::log1p, at::log1p);
  unary(s, "floor", xgrad::floor, at::floor);
  unary(s, "ceil", xgrad::ceil, at::ceil);
  unary(s, "round", xgrad::round, at::round);
  unary(s, "trunc", xgrad::trunc, at::trunc);
  unary(s, "frac", xgrad::frac, at::frac);
  unary(s, "sin", xgrad::sin, at::sin);
  unary(s, "cos", xgrad::cos, at::cos);
  unary(s, "tan", xgrad::tan, at::tan);
  unary(s, "asin", xgrad::asin, at::asin);
  unary(s, "acos", xgrad::acos, at::acos);
  unary(s, "atan", xgrad::atan, at::atan);
  unary(s, "sinh", xgrad::sinh, at::sinh);
  unary(s, "cosh", xgrad::cosh, at::cosh);
  unary(s, "asinh", xgrad::asinh, at::asinh);
  unary(s, "acosh", xgrad::acosh, at::acosh);
  unary(s, "atanh", xgrad::atanh, at::atanh);
  unary(s, "sign", xgrad::sign, at::sign);
  unary(s, "signbit", xgrad::signbit, at::signbit);
  unary(s, "clone", xgrad::clone, [](const at::Tensor& x) { return at::clone(x); });
  unary(s, "contiguous", xgrad::contiguous, [](const at::Tensor& x) { return x.contiguous(); });
}

/// Those with arguments besides.
void of_one_with_arguments(Suite& s) {
  unary(
      s, "logit", [](const xgrad::Tensor& x) { return xgrad::logit(x); },
      [](const at::Tensor& x) { return at::logit(x); });
  unary(
      s, "logit", [](const xgrad::Tensor& x) { return xgrad::logit(x, 0.1); },
      [](const at::Tensor& x) { return at::logit(x, 0.1); });
  unary(
      s, "polygamma", [](const xgrad::Tensor& x) { return xgrad::polygamma(0, x); },
      [](const at::Tensor& x) { return at::polygamma(0, x); });
  unary(
      s, "polygamma", [](const xgrad::Tensor& x) { return xgrad::polygamma(1, x); },
      [](const at::Tensor& x) { return at::polygamma(1, x); });
  unary(
      s, "polygamma", [](const xgrad::Tensor& x) { return xgrad::polygamma(3, x); },
      [](const at::Tensor& x) { return at::polygamma(3, x); });
  unary(
      s, "round", [](const xgrad::Tensor& x) { return xgrad::round(x, 1); },
      [](const at::Tensor& x) { return at::round(x, 1); });
  unary(
      s, "round", [](const xgrad::Tensor& x) { return xgrad::round(x, -1); },
      [](const at::Tensor& x) { return at::round(x, -1); });
  unary(
      s, "nan_to_num", [](const xgrad::Tensor& x) { return xgrad::nan_to_num(x); },
      [](const at::Tensor& x) { return at::nan_to_num(x); });
  unary(
      s, "nan_to_num", [](const xgrad::Tensor& x) { return xgrad::nan_to_num(x, 1, 2, -3); },
      [](const at::Tensor& x) { return at::nan_to_num(x, 1, 2, -3); });
  unary(
      s, "clamp", [](const xgrad::Tensor& x) { return xgrad::clamp(x, -1, 2); },
      [](const at::Tensor& x) { return at::clamp(x, at::Scalar(-1), at::Scalar(2)); });
  unary(
      s, "clamp", [](const xgrad::Tensor& x) { return xgrad::clamp(x, 0.5, -0.5); },
      [](const at::Tensor& x) { return at::clamp(x, at::Scalar(0.5), at::Scalar(-0.5)); });
  unary(
      s, "clamp", [](const xgrad::Tensor& x) { return xgrad::clamp(x, {}, 0.5); },
      [](const at::Tensor& x) { return at::clamp(x, c10::nullopt, at::Scalar(0.5)); });
  unary(
      s, "clamp_min", [](const xgrad::Tensor& x) { return xgrad::clamp_min(x, 1); },
      [](const at::Tensor& x) { return at::clamp_min(x, 1); });
  unary(
      s, "clamp_max", [](const xgrad::Tensor& x) { return xgrad::clamp_max(x, 1.5); },
      [](const at::Tensor& x) { return at::clamp_max(x, 1.5); });
  unary(
      s, "pow", [](const xgrad::Tensor& x) { return xgrad::pow(x, 2); },
      [](const at::Tensor& x) { return at::pow(x, 2); });
  unary(
      s, "pow", [](const xgrad::Tensor& x) { return xgrad::pow(x, 0.5); },
      [](const at::Tensor& x) { return at::pow(x, 0.5); });
  unary(
      s, "pow", [](const xgrad::Tensor& x) { return xgrad::pow(x, 0); },
      [](const at::Tensor& x) { return at::pow(x, 0); });
  unary(
      s, "pow", [](const xgrad::Tensor& x) { return xgrad::pow(2, x); },
      [](const at::Tensor& x) { return at::pow(2, x); });
  for (const xgrad::DType dtype : all_dtypes)
    for (const xgrad::DType source : all_dtypes)
      check(
          s, "to", {whole({2, 3}, source, 0, 3)}, std::string(xgrad::name(dtype)),
          [=](const Ours& x) { return xgrad::to(x[0], dtype); },
          [=](const Theirs& x) {
            return x[0].to(theirs(xgrad::zeros({}, {.dtype = dtype})).scalar_type());
          });
  for (const double value : awkward())
    for (const xgrad::DType source : floating_dtypes)
      for (const xgrad::DType dtype : all_dtypes)
        check(
            s, "to", {filled({3}, value, source)}, std::string(xgrad::name(dtype)),
            [=](const Ours& x) { return xgrad::to(x[0], dtype); },
            [=](const Theirs& x) {
              return x[0].to(theirs(xgrad::zeros({}, {.dtype = dtype})).scalar_type());
            });
}

/// The functions of two values.
void of_two(Suite& s) {
  binary(s, "add", xgrad::add,
         [](const at::Tensor& a, const at::Tensor& b) { return at::add(a, b); });
  binary(s, "sub", xgrad::sub,
         [](const at::Tensor& a, const at::Tensor& b) { return at::sub(a, b); });
  binary(s, "mul", xgrad::mul, at::mul);
  binary(s, "div", xgrad::div, at::div);
  binary(s, "pow", xgrad::pow, at::pow);
  binary(s, "maximum", xgrad::maximum, at::maximum);
  binary(s, "minimum", xgrad::minimum, at::minimum);
  binary(s, "atan2", xgrad::atan2, at::atan2);
  binary(s, "hypot", xgrad::hypot, at::hypot);
  binary(s, "logaddexp", xgrad::logaddexp, at::logaddexp);
  binary(s, "logaddexp2", xgrad::logaddexp2, at::logaddexp2);
  binary(s, "xlogy", xgrad::xlogy, at::xlogy);
  binary(s, "copysign", xgrad::copysign, at::copysign);
  binary(s, "fmod", xgrad::fmod, at::fmod);
  binary(s, "remainder", xgrad::remainder, at::remainder);
  binary(s, "floor_divide", xgrad::floor_divide, at::floor_divide);
  binary(s, "fmax", xgrad::fmax, at::fmax);
  binary(s, "fmin", xgrad::fmin, at::fmin);
  binary(s, "eq", xgrad::eq, at::eq);
  binary(s, "ne", xgrad::ne, at::ne);
  binary(s, "lt", xgrad::lt, at::lt);
  binary(s, "le", xgrad::le, at::le);
  binary(s, "gt", xgrad::gt, at::gt);
  binary(s, "ge", xgrad::ge, at::ge);
  binary(
      s, "where",
      [](const Operand& a, const Operand& b) {
        return xgrad::where(xgrad::tensor({true, false, true}), a, b);
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::where(theirs(xgrad::tensor({true, false, true})), a, b);
      });
}

using Three = std::vector<Inputs>;

/// Three tensors: awkward values, broadcasting, dtypes.
Three triples() {
  Three all;
  for (const double a : {0.0, -0.0, 1.0, 2.5, -1e300, double(INFINITY), double(NAN)})
    for (const double b : {0.0, 1.0, -2.0, double(INFINITY), double(NAN)})
      for (const double c : {0.0, 0.25, 0.5, 1.0, -3.0, double(-INFINITY), double(NAN)})
        all.push_back({filled({5}, a), filled({5}, b), filled({5}, c)});
  using xgrad::Shape;
  for (const auto& [a, b, c] : {std::tuple{Shape{2, 3}, Shape{3}, Shape{2, 1}},
                                {Shape{}, Shape{2, 3}, Shape{3}},
                                {Shape{0, 3}, Shape{3}, Shape{1}},
                                {Shape{2}, Shape{3}, Shape{2}},
                                {Shape{}, Shape{}, Shape{}}})
    all.push_back(
        {random(a), random(b, xgrad::float64, 1, 3, 2), random(c, xgrad::float64, 1, 3, 3)});
  for (const xgrad::DType a : all_dtypes)
    for (const xgrad::DType b : all_dtypes) {
      all.push_back({whole({3}, a, 1, 5), whole({3}, b, 1, 5, 2), whole({3}, a, 1, 5, 3)});
      all.push_back({whole({3}, a, 1, 5), whole({3}, a, 1, 5, 2), whole({3}, b, 1, 5, 3)});
      all.push_back({whole({3}, a, 1, 5), whole({}, b, 1, 5, 2), whole({}, b, 1, 5, 3)});
    }
  return all;
}

void of_three(Suite& s) {
  for (const Inputs& x : triples()) {
    check(s, "addcmul", x, [](const auto& x) { return addcmul(x[0], x[1], x[2]); });
    check(
        s, "addcmul", x, "value 2.5",
        [](const Ours& x) { return xgrad::addcmul(x[0], x[1], x[2], 2.5); },
        [](const Theirs& x) { return at::addcmul(x[0], x[1], x[2], 2.5); });
    check(s, "addcdiv", x, [](const auto& x) { return addcdiv(x[0], x[1], x[2]); });
    check(
        s, "addcdiv", x, "value 2.5",
        [](const Ours& x) { return xgrad::addcdiv(x[0], x[1], x[2], 2.5); },
        [](const Theirs& x) { return at::addcdiv(x[0], x[1], x[2], 2.5); });
    check(s, "lerp", x, [](const auto& x) { return lerp(x[0], x[1], x[2]); });
    check(
        s, "lerp", x, "number", [](const Ours& x) { return xgrad::lerp(x[0], x[1], 0.75); },
        [](const Theirs& x) { return at::lerp(x[0], x[1], 0.75); });
    check(
        s, "clamp", x, "tensors", [](const Ours& x) { return xgrad::clamp(x[0], x[1], x[2]); },
        [](const Theirs& x) { return at::clamp(x[0], x[1], x[2]); });
    check(
        s, "clamp_min", x, "tensor", [](const Ours& x) { return xgrad::clamp_min(x[0], x[1]); },
        [](const Theirs& x) { return at::clamp_min(x[0], x[1]); });
    check(
        s, "clamp_max", x, "tensor", [](const Ours& x) { return xgrad::clamp_max(x[0], x[1]); },
        [](const Theirs& x) { return at::clamp_max(x[0], x[1]); });
  }
}

}  // namespace

void pointwise(Suite& s) {
  of_one(s);
  of_one_with_arguments(s);
  of_two(s);
  of_three(s);
  s.no_counterpart("mask_positive", "the rule of relu, ours alone");
}

}  // namespace agreement
