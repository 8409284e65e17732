#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/muon.hpp>

#include <cmath>

namespace xgrad::optim {
namespace {

/// f(i) for every element, on all threads.
template <class F>
void each(std::int64_t n, F f) {
  kernels::parallel_for(n, kernels::grain_of(0.2), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

double frobenius_norm(const Tensor& x) { return std::sqrt(sum(square(x.detach())).item()); }

/// One step on x [rows, columns], rows ≤ columns, as it is in memory or as its transpose; the three
/// others are room for intermediate results.
template <class T>
void newton_schulz(std::int64_t rows, std::int64_t columns, bool transposed, T* x, T* a, T* b,
                   T* product) {
  constexpr auto linear = static_cast<T>(3.4445);
  constexpr auto cubic = static_cast<T>(-4.7750);
  constexpr auto quintic = static_cast<T>(2.0315);
  const std::int64_t step = transposed ? rows : columns;
  kernels::gemm<T>(rows, rows, columns, {x, step, transposed}, {x, step, !transposed}, a, rows);
  kernels::gemm<T>(rows, rows, rows, {a, rows}, {a, rows}, b, rows);
  each(rows * rows, [=](std::int64_t i) { b[i] = cubic * a[i] + quintic * b[i]; });
  // B is symmetric, so (B X)ᵀ = Xᵀ B.
  if (transposed) {
    kernels::gemm<T>(columns, rows, rows, {x, step}, {b, rows}, product, step);
  } else {
    kernels::gemm<T>(rows, columns, rows, {b, rows}, {x, step}, product, step);
  }
  each(rows * columns, [=](std::int64_t i) { x[i] = linear * x[i] + product[i]; });
}

/// v ← μ v + g; the direction to be orthogonalised, of v's shape.
template <class T>
Tensor gather(const MuonOptions& o, const Slot& slot, const Tensor& velocity) {
  Tensor direction = Tensor::empty(velocity.shape(), velocity.dtype());
  each(velocity.numel(),
       [momentum = static_cast<T>(o.momentum), sign = static_cast<T>(slot.sign()),
        nesterov = o.nesterov, gradients = slot.gradient().data<T>(),
        v = velocity.mutable_data<T>(), d = direction.mutable_data<T>()](std::int64_t i) {
         const T g = sign * gradients[i];
         v[i] = momentum * v[i] + g;
         d[i] = nesterov ? g + momentum * v[i] : v[i];
       });
  return direction;
}

}  // namespace

Tensor orthogonalize(const Tensor& g, int steps) {
  const xgrad::detail::Running running("orthogonalize", g);
  constexpr int most = 1000;  // it has long converged, or never will
  require<ValueError>(steps >= 0 && steps <= most,
                      "orthogonalize: {} steps; there must be from 0 to {}", steps, most);
  require<DTypeError>(is_floating(g.dtype()), "orthogonalize: takes float32 or float64, got {}",
                      g.dtype());
  require<ShapeError>(g.dim() == 2, "orthogonalize: {} is not a matrix", g.shape());
  const NoGradGuard guard;
  const bool transposed = g.size(0) > g.size(1);
  const std::int64_t rows = std::min(g.size(0), g.size(1));
  const std::int64_t columns = std::max(g.size(0), g.size(1));
  Tensor x = g.detach() / (frobenius_norm(g) + 1e-7);
  Tensor a = Tensor::empty({rows, rows}, g.dtype());
  Tensor b = Tensor::empty({rows, rows}, g.dtype());
  Tensor product = Tensor::empty({rows, columns}, g.dtype());
  dispatch_floating(g.dtype(), "orthogonalize", [&]<class T>() {
    for (int i = 0; i < steps; ++i)
      newton_schulz<T>(rows, columns, transposed, x.mutable_data<T>(), a.mutable_data<T>(),
                       b.mutable_data<T>(), product.mutable_data<T>());
  });
  return x;
}

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const MuonOptions& o) {
  detail::require_not_negative("Muon", "lr", o.lr);
  detail::require_fraction("Muon", "momentum", o.momentum);
  require<ValueError>(o.steps > 0, "Muon: {} steps; there must be one at least", o.steps);
  detail::require_not_negative("Muon", "weight_decay", o.weight_decay);
}
#pragma GCC visibility pop

template class OptimizerOf<MuonOptions>;

Muon::Muon(std::vector<Tensor> parameters, const MuonOptions& options)
    : Muon(std::vector<Group>{{std::move(parameters), options}}) {}

Muon::Muon(std::vector<Group> given)
    : OptimizerOf("Muon", std::move(given), {like_parameter("velocity")}) {
  std::size_t index = 0;
  for (const Group& group : groups())
    for (const Tensor& x : group.parameters) {
      require<ShapeError>(x.dim() >= 2,
                          "Muon: {} {} is not a matrix; leave biases and gains to SGD",
                          detail::called(x, index), x.shape());
      ++index;
    }
}

void Muon::update(const MuonOptions& o, Slot& slot) {
  const Tensor& x = slot.parameter();
  const Tensor& velocity = slot["velocity"];
  double scale = 1 - o.lr * o.weight_decay;
  if (o.normalize)
    scale *= std::sqrt(static_cast<double>(x.size(0))) / std::max(frobenius_norm(x), 1e-12);
  dispatch_floating(x.dtype(), "Muon", [&]<class T>() {
    const Tensor direction = gather<T>(o, slot, velocity);
    const Tensor along = orthogonalize(flatten(direction, 1), o.steps);
    each(x.numel(), [scale = static_cast<T>(scale), rate = static_cast<T>(double(o.lr)),
                     u = along.data<T>(), values = x.mutable_data<T>()](std::int64_t k) {
      values[k] = scale * values[k] - rate * u[k];
    });
  });
}

}  // namespace xgrad::optim
