#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/module_state.hpp>
#include <xgrad/nn/parametrizations.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn {
namespace {

using detail::ModuleState;
using detail::PartKind;

constexpr const char* place = "parametrizations";  // as PyTorch calls the part that has them

/// What a member is computed from, and how.
class Parametrization : public Module {
 public:
  /// The member's value. What changes with each call in training does so where `in_call`.
  virtual Tensor compute(bool in_call) = 0;
  /// The original that becomes the parameter again.
  virtual const Tensor& kept() const = 0;
};
using Parametrizations = ModuleDict<Parametrization>;

class WeightNorm final : public Parametrization {
 public:
  WeightNorm(const Tensor& weight, std::optional<std::int64_t> axis)
      : axis_(axis),
        g_(add_parameter("original0", no_grad([&] { return norm_of(weight); }))),
        v_(add_parameter("original1", weight)) {}

  Tensor compute(bool) override {
    const xgrad::detail::Running running("weight_norm", v_);
    return v_ * (g_ / norm_of(v_));
  }
  const Tensor& kept() const override { return v_; }

 private:
  Tensor norm_of(const Tensor& v) const {
    if (!axis_) return norm(v);
    Axes others;
    for (std::int64_t i = 0; i < v.dim(); ++i)
      if (i != (*axis_ + v.dim()) % v.dim()) others.push_back(i);
    return others.empty() ? abs(v) : norm(v, 2, others, true);
  }

  std::optional<std::int64_t> axis_;
  Parameter g_;
  Parameter v_;
};

/// [h, w] with the given axis as rows.
Tensor as_matrix(const Tensor& weight, std::int64_t axis) {
  return flatten(transpose(weight, 0, axis), 1);
}

class SpectralNorm final : public Parametrization {
 public:
  using Options = utils::parametrizations::SpectralNormOptions;

  SpectralNorm(const Tensor& weight, const Options& options)
      : options_(options),
        original_(add_parameter("original", weight)),
        vectors_(Module::add("0", Vectors(weight, options))) {
    const NoGradGuard guard;
    if (weight.dim() > 1) iterate(as_matrix(weight, options_.axis), 15);
  }

  Tensor compute(bool in_call) override {
    const xgrad::detail::Running running("spectral_norm", original_);
    if (original_.dim() == 1) return normalize(original_, {.axis = 0, .eps = options_.eps});
    const Tensor w = as_matrix(original_, options_.axis);
    if (in_call && is_training())
      no_grad([&] { iterate(w.detach(), options_.n_power_iterations); });
    // The next call changes u and v.
    const Tensor u = vectors_.u.clone();
    const Tensor v = vectors_.v.clone();
    return original_ / dot(u, mv(w, v));
  }
  const Tensor& kept() const override { return original_; }

 private:
  struct Vectors : Module {
    Buffer u, v;

    Vectors(const Tensor& weight, const Options& options) {
      if (weight.dim() == 1) return;
      const NoGradGuard guard;
      const Tensor w = as_matrix(weight.detach(), options.axis);
      u = add_buffer("_u", unit(w, 0, options.eps));
      v = add_buffer("_v", unit(w, 1, options.eps));
    }

    static Tensor unit(const Tensor& w, std::int64_t axis, double eps) {
      return normalize(randn({w.size(axis)}, {.dtype = w.dtype()}), {.axis = 0, .eps = eps});
    }
  };

  void iterate(const Tensor& w, int times) {
    for (int i = 0; i < times; ++i) {
      vectors_.u.copy_(normalize(mv(w, vectors_.v), {.axis = 0, .eps = options_.eps}));
      vectors_.v.copy_(normalize(mv(w.t(), vectors_.u), {.axis = 0, .eps = options_.eps}));
    }
  }

  Options options_;
  Parameter original_;
  Vectors vectors_;
};

/// As linear algebra takes it, which has nothing of 16 bits.
Tensor for_linalg(const Tensor& x) { return is_half(x.dtype()) ? x.to(float32) : x; }

/// Q of A = Q R where R has a positive diagonal: one that depends on A alone.
Tensor orthogonalised(const Tensor& a) {
  const auto [q, r] = linalg::qr(a);
  const Tensor signs = where(diagonal(r, 0, -2, -1) < 0, -1, 1).to(a.dtype());
  return q * unsqueeze(signs, -2);
}

class Orthogonal final : public Parametrization {
 public:
  Orthogonal(const Tensor& weight, bool cayley)
      : cayley_(cayley),
        is_wide_(weight.size(-2) < weight.size(-1)),
        base_(Module::add("0", Base(upright(weight.detach())))),
        original_(add_parameter("original", weight)) {
    original_.set_data(zeros_like(weight));
  }

  Tensor compute(bool) override {
    const xgrad::detail::Running running("orthogonal", original_);
    const Tensor x = tril(upright(for_linalg(original_)));
    const std::int64_t rows = x.size(-2);
    const std::int64_t columns = x.size(-1);
    Shape rest = x.shape();
    rest[rest.size() - 1] = rows - columns;
    const Tensor square =
        rows == columns ? x : cat({x, zeros(rest, {.dtype = x.dtype()})}, x.dim() - 1);
    const Tensor a = square - transpose(square, -2, -1);
    const Tensor q = matmul(for_linalg(base_.base), cayley_ ? cayley_of(a) : linalg::matrix_exp(a));
    return upright(slice(q, -1, 0, columns)).to(original_.dtype());
  }
  const Tensor& kept() const override { return original_; }

 private:
  struct Base : Module {
    Buffer base;

    explicit Base(const Tensor& given) {
      const NoGradGuard guard;
      const Tensor weight = for_linalg(given);
      Shape rest = weight.shape();
      rest[rest.size() - 1] = weight.size(-2) - weight.size(-1);
      const Tensor others = randn(rest, {.dtype = weight.dtype()});
      base = add_buffer("base",
                        orthogonalised(cat({weight, others}, weight.dim() - 1)).to(given.dtype()));
    }
  };

  /// As many rows as columns or more; its own inverse.
  Tensor upright(const Tensor& x) const { return is_wide_ ? transpose(x, -2, -1) : x; }

  static Tensor cayley_of(const Tensor& a) {
    const Tensor one = eye(a.size(-1), {}, {.dtype = a.dtype()});
    return linalg::solve(one - a / 2, one + a / 2);
  }

  bool cayley_;
  bool is_wide_;
  Base base_;
  Parameter original_;
};

Parametrization& parametrization_of(ModuleState& state, const std::string& name) {
  const ModuleState::Entry* const all = state.find(place);
  return static_cast<Parametrizations&>(state.module_at(*all))[name];
}

/// Those of the module, made where there are none.
Parametrizations& parametrizations_of(const char* operation, Module& module) {
  ModuleState& state = *ModuleState::of(module);
  const ModuleState::Entry* const entry = state.find(place);
  if (entry == nullptr) return ModuleState::own(module, place, Parametrizations{});
  auto* const all = entry->kind == PartKind::module
                        ? dynamic_cast<Parametrizations*>(&state.module_at(*entry))
                        : nullptr;
  require<ValueError>(all != nullptr, "{}: {} has a part '{}' of its own; call it otherwise",
                      operation, module.type_name(), place);
  return *all;
}

/// The parameter that is to be computed.
Tensor parameter_to_compute(const char* operation, const Module& module, const std::string& name) {
  ModuleState& state = *ModuleState::of(module);
  const ModuleState::Entry* const entry = state.find(name);
  const bool computed = entry != nullptr && entry->kind == PartKind::computed;
  require<ValueError>(!computed,
                      "{}: '{}' of {} is computed already; remove_parametrizations() first",
                      operation, name, module.type_name());
  const bool found = entry != nullptr && entry->kind == PartKind::parameter;
  require<ValueError>(found && state.tensor_at(*entry).defined(), "{}: {} has no parameter '{}'",
                      operation, module.type_name(), name);
  return state.tensor_at(*entry);
}

/// Makes the member what `made` computes.
template <class P>
void compute_from(const char* operation, Module& module, const std::string& name,
                  const Tensor& weight, bool trained, P made) {
  ModuleState& state = *ModuleState::of(module);
  Parametrizations& all = parametrizations_of(operation, module);
  all.add(name, std::move(made));
  Parametrization& added = all[name];
  added.train(module.is_training());
  for (const auto& [path, x] : added.named_parameters())
    x.requires_grad_(trained).set_name(fmt::format("{}{}.{}.{}", state.path(), place, name, path));
  weight.set_grad({});
  state.find(name)->kind = PartKind::computed;
  state.computes = true;
  state.compute_parts(false);
}

std::int64_t checked_axis(const char* operation, const Tensor& weight, std::int64_t axis) {
  require<ShapeError>(axis >= -weight.dim() && axis < weight.dim(),
                      "{}: axis {} of a weight {}; it has {} axes", operation, axis, weight.shape(),
                      weight.dim());
  return axis < 0 ? axis + weight.dim() : axis;
}

}  // namespace

namespace utils {

void parametrizations::weight_norm(Module& module, const std::string& name,
                                   const WeightNormOptions& options) {
  constexpr const char* operation = "weight_norm";
  const Tensor weight = parameter_to_compute(operation, module, name);
  const bool trained = weight.requires_grad();
  if (options.axis) checked_axis(operation, weight, *options.axis);
  compute_from(operation, module, name, weight, trained, WeightNorm(weight, options.axis));
}

void parametrizations::spectral_norm(Module& module, const std::string& name,
                                     const SpectralNormOptions& options) {
  constexpr const char* operation = "spectral_norm";
  const Tensor weight = parameter_to_compute(operation, module, name);
  const bool trained = weight.requires_grad();
  require<ValueError>(options.n_power_iterations > 0,
                      "{}: {} power iterations; it must be positive", operation,
                      options.n_power_iterations);
  require<ValueError>(options.eps > 0, "{}: eps is {}, it must be positive", operation,
                      options.eps);
  SpectralNormOptions checked = options;
  checked.axis = checked_axis(operation, weight, options.axis);
  compute_from(operation, module, name, weight, trained, SpectralNorm(weight, checked));
}

void parametrizations::orthogonal(Module& module, const std::string& name,
                                  const OrthogonalOptions& options) {
  constexpr const char* operation = "orthogonal";
  const Tensor weight = parameter_to_compute(operation, module, name);
  const bool trained = weight.requires_grad();
  const bool cayley = options.orthogonal_map == "cayley";
  require<ValueError>(cayley || options.orthogonal_map == "matrix_exp",
                      "{}: there is no map '{}'; matrix_exp or cayley", operation,
                      options.orthogonal_map);
  require<ShapeError>(weight.dim() >= 2, "{}: weight {} is no matrix", operation, weight.shape());
  compute_from(operation, module, name, weight, trained, Orthogonal(weight, cayley));
}

bool parametrize::is_parametrized(const Module& module, const std::optional<std::string>& name) {
  return std::ranges::any_of(ModuleState::of(module)->entries, [&](const auto& entry) {
    return entry.kind == PartKind::computed && (!name || entry.name == *name);
  });
}

void parametrize::remove_parametrizations(Module& module, const std::string& name) {
  require<ValueError>(is_parametrized(module, name),
                      "remove_parametrizations: '{}' of {} is not computed", name,
                      module.type_name());
  ModuleState& state = *ModuleState::of(module);
  const Tensor value = no_grad([&] { return parametrization_of(state, name).compute(false); });
  const Tensor kept = parametrization_of(state, name).kept();
  kept.set_data(value.clone());
  kept.set_grad({});
  kept.set_name(state.path() + name);
  ModuleState::Entry& entry = *state.find(name);
  static_cast<Tensor&>(state.tensor_at(entry)) = kept;
  entry.kind = PartKind::parameter;
  entry.computed = {};
  Module& all = state.module_at(*state.find(place));
  ModuleState::of(all)->erase(name);
  if (all.child_count() == 0) state.erase(place);
  state.computes = is_parametrized(module);
}

}  // namespace utils

namespace detail {

void ModuleState::compute_parts(bool in_call) {
  for (Entry& entry : entries) {
    if (entry.kind != PartKind::computed) continue;
    Tensor& member = tensor_at(entry);
    if (entry.computed.defined() && entry.computed.impl() != member.impl())
      raise<GraphError>(
          "{}: another tensor was assigned to '{}', which is computed from {}.{}; change those, or "
          "remove_parametrizations() first",
          module->type_name(), entry.name, place, entry.name);
    member = entry.computed = parametrization_of(*this, entry.name).compute(in_call);
  }
}

}  // namespace detail
}  // namespace xgrad::nn
