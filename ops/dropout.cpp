#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/operation.hpp>

#include <cmath>

namespace xgrad {

namespace {

/// 0 where u < p, else 1 / (1 − p), or 0 where nothing is kept.
template <class T>
Tensor factors(const Tensor& u, double p) {
  // u < p, which is a double, is the same as u < the float that is next to it above.
  auto least = static_cast<float>(p);
  if (least < p) least = std::nextafter(least, 2.F);
  const T scale = p == 1 ? 0 : static_cast<T>(1 / (1 - p));
  return map<Types::floating, T>(
      "dropout", kernels::Formula{[=](auto v) { return v < least ? T(0) : scale; }}, u);
}

}  // namespace

// y = m x with m = 0 or 1 / (1 − p);  dL/dx = m dL/dy
Tensor dropout(const Tensor& x, const DropoutOptions& options) {
  const detail::Running running("dropout", x);
  const double p = options.p;
  require<ValueError>(p >= 0 && p <= 1, "dropout: p is {}, it must lie in [0, 1]", p);
  if (!options.training || p == 0) return x;
  // Always float32, so that the same seed drops the same elements in any dtype.
  const Tensor draw = rand(x.shape(), {.dtype = float32, .generator = options.generator});
  const Tensor m =
      x.dtype() == float64 ? factors<double>(draw, p) : to(factors<float>(draw, p), x.dtype());
  const Tensor y = no_grad([&] { return x * m; });
  return record(Op::dropout, y,
                wrt(x, elementwise([m = saved(m)](const Tensor& dy) { return dy * m(); })));
}

}  // namespace xgrad
