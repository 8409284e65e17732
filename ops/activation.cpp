#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/operands.hpp>

#include <numbers>
#include <utility>

namespace xgrad {

using kernels::Formula;

namespace {

// NaN compares false and must stay NaN.
const Formula rectified{[](auto v) { return v < 0 ? decltype(v)(0) : v; }};
const Formula masked{[](auto v, auto s) { return s <= 0 ? decltype(v)(0) : v; }};

// y = max(x, 0);  dL/dx = 0 where y ≤ 0, else dL/dy: at NaN too
Tensor relu_recorded(const Tensor& x, const Tensor& y) {
  return record(Op::relu, y, wrt(x, [y = saved_result(y)](Tensor dy) {
                  return mask_positive(std::move(dy), y());
                }));
}

// y = 0 where s ≤ 0, else x;  dL/dx = 0 where s ≤ 0, else dL/dy
Tensor mask_recorded(const Tensor& x, const Tensor& sign_of, const Tensor& y) {
  return record(Op::mask_positive, y, wrt(x, [s = saved(sign_of)](Tensor dy) {
                  return mask_positive(std::move(dy), s());
                }));
}

void check_mask(const Tensor& x, const Tensor& sign_of) {
  require<ShapeError>(x.shape() == sign_of.shape(), "mask_positive: shapes {} and {} differ",
                      x.shape(), sign_of.shape());
  require<DTypeError>(x.dtype() == sign_of.dtype(), "mask_positive: {} and {} differ", x.dtype(),
                      sign_of.dtype());
}

/// Φ(x), the normal distribution's cumulative function.
constexpr auto cumulative = [](const auto& v) {
  using T = typename std::decay_t<decltype(v)>::value_type;
  return T(0.5) + T(0.5) * xt::erf(v * static_cast<T>(std::numbers::sqrt2 / 2));
};

constexpr double density_at_0 = std::numbers::inv_sqrtpi * std::numbers::sqrt2 / 2;  // 1/√(2π)

/// dy (Φ(x) + x φ(x)) in one pass.
Tensor gelu_gradient(const Tensor& x, const Tensor& dy) {
  const Layout layout = common_layout(x, dy);
  const Tensor in = arranged(x, layout);
  const Tensor slope = arranged(dy, layout);
  Tensor dx = empty_like(in);
  const profiler::Scope scope("gelu", [&] { return profiler::work_on({&x, &dy, &dx}, 1); });
  dispatch_floating(x.dtype(), "gelu", [&]<class T>() {
    const T* v = own_data<T>(in);
    const T* d = own_data<T>(slope);
    T* out = own_data<T>(dx);
    kernels::parallel_for(dx.numel(), kernels::worthwhile, [=](auto begin, auto end) {
      const auto a = kernels::adapt(v + begin, end - begin);
      auto target = kernels::adapt(out + begin, end - begin);
      xt::noalias(target) =
          kernels::adapt(d + begin, end - begin) *
          (cumulative(a) + a * static_cast<T>(density_at_0) * xt::exp(a * a * T(-0.5)));
    });
  });
  return dx;
}

}  // namespace

// y = x Φ(x);  dL/dx = (Φ(x) + x φ(x)) dL/dy
Tensor gelu(const Tensor& x) {
  const Tensor y =
      map_floating("gelu", x, kernels::Expression{[](const auto& v) { return v * cumulative(v); }});
  return record(Op::gelu, y, wrt(x, [x = saved(x)](const Tensor& dy) {
                  if (!is_grad_enabled()) return gelu_gradient(x(), dy);
                  const Tensor area = 0.5 + 0.5 * erf(x() * (std::numbers::sqrt2 / 2));
                  return dy * (area + x() * density_at_0 * exp(-0.5 * square(x())));
                }));
}

Tensor relu(const Tensor& x) { return relu_recorded(x, map_numeric("relu", x, rectified)); }

Tensor relu(Tensor&& x) {
  if (!takes_memory(x)) return relu(std::as_const(x));
  const Tensor y = map_numeric_in_place("relu", x, rectified);
  return relu_recorded(x, y);
}

Tensor mask_positive(const Tensor& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  return mask_recorded(x, sign_of, combine("mask_positive", x, sign_of, masked));
}

Tensor mask_positive(Tensor&& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  if (!takes_memory(x) || !lie_alike(x, sign_of)) return mask_positive(std::as_const(x), sign_of);
  return mask_recorded(x, sign_of, combine_in_place("mask_positive", x, sign_of, masked));
}

}  // namespace xgrad
