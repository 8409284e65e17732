#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/kernels/recurrent.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/recurrence.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace xgrad {

using kernels::Activation;
using kernels::SequenceExtents;

namespace {

/// What one direction of a layer is computed from; undefined where it is not there. x is [steps,
/// batch, features], all else in its place.
using Arguments = std::array<Tensor, 7>;
enum Place : std::size_t { in, h0, c0, w_ih, w_hh, b_ih, b_hh };

/// What it makes: h of all steps and an LSTM's last c, and what its rule is to have.
struct Made {
  Tensor y;
  Tensor c_n;
  Tensor gates;  ///< after their functions
  Tensor aside;  ///< an LSTM's c, what h brings to a GRU's n, of all steps
};

/// The gradients of what x brought and of what h brought to the gates, and of the state.
struct Slopes {
  Tensor of_x;
  Tensor of_h;
  Tensor h0;
  Tensor c0;
};

/// The results' gradients, undefined where nothing asks for one.
using Asked = std::array<Tensor, 2>;

Tensor sum_of(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? a + b : a;
}

template <class T>
const T* values_of(const Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}

/// [steps, batch, count], of nothing yet.
Tensor for_steps(const SequenceExtents& e, std::int64_t count, DType dtype) {
  return Tensor::empty({e.steps, e.batch, count}, dtype);
}

std::int64_t last_place(const SequenceExtents& e) { return e.time(e.steps - 1); }

struct LSTM {
  static constexpr Op op = Op::lstm;
  static constexpr std::int64_t gates = 4;

  static Made forward(const SequenceExtents& e, const Arguments& a) {
    Made m{.y = for_steps(e, e.units, a[in].dtype()),
           .c_n = {},
           .gates = linear(a[in], a[w_ih], sum_of(a[b_ih], a[b_hh])),
           .aside = for_steps(e, e.units, a[in].dtype())};
    dispatch_floating(m.y.dtype(), name(op), [&]<class T>() {
      kernels::lstm(e, a[h0].data<T>(), a[c0].data<T>(), a[w_hh].data<T>(),
                    m.gates.mutable_data<T>(), m.y.mutable_data<T>(), m.aside.mutable_data<T>());
    });
    m.c_n = clone(select(m.aside, 0, last_place(e)));
    return m;
  }

  static Slopes backward(const SequenceExtents& e, const Arguments& a, const Made& m,
                         const Asked& dy) {
    Slopes s{.of_x = for_steps(e, gates * e.units, m.y.dtype()),
             .of_h = {},
             .h0 = Tensor::empty(a[h0].shape(), m.y.dtype()),
             .c0 = Tensor::empty(a[c0].shape(), m.y.dtype())};
    dispatch_floating(m.y.dtype(), name(op), [&]<class T>() {
      kernels::lstm_input(e, a[c0].data<T>(), a[w_hh].data<T>(), m.gates.data<T>(),
                          m.aside.data<T>(), values_of<T>(dy[0]), values_of<T>(dy[1]),
                          s.of_x.mutable_data<T>(), s.h0.mutable_data<T>(), s.c0.mutable_data<T>());
    });
    s.of_h = s.of_x;
    return s;
  }

  /// The same from operations, of one step: the state after it.
  static LSTMState step(const Tensor& x, const Tensor& fed_back, const LSTMState& before) {
    const std::vector<Tensor> gate = chunk(x + fed_back, 4, -1);
    const Tensor c = sigmoid(gate[1]) * before.c + sigmoid(gate[0]) * tanh(gate[2]);
    return {sigmoid(gate[3]) * tanh(c), c};
  }
};

struct GRU {
  static constexpr Op op = Op::gru;
  static constexpr std::int64_t gates = 3;

  static Made forward(const SequenceExtents& e, const Arguments& a) {
    const DType dtype = a[in].dtype();
    Made m{.y = for_steps(e, e.units, dtype),
           .c_n = {},
           .gates = linear(a[in], a[w_ih], a[b_ih]),
           .aside = for_steps(e, e.units, dtype)};
    const Tensor bias = a[b_hh].defined() ? a[b_hh] : zeros({gates * e.units}, {.dtype = dtype});
    dispatch_floating(dtype, name(op), [&]<class T>() {
      kernels::gru(e, a[h0].data<T>(), a[w_hh].data<T>(), bias.data<T>(), m.gates.mutable_data<T>(),
                   m.aside.mutable_data<T>(), m.y.mutable_data<T>());
    });
    return m;
  }

  static Slopes backward(const SequenceExtents& e, const Arguments& a, const Made& m,
                         const Asked& dy) {
    Slopes s{.of_x = for_steps(e, gates * e.units, m.y.dtype()),
             .of_h = for_steps(e, gates * e.units, m.y.dtype()),
             .h0 = Tensor::empty(a[h0].shape(), m.y.dtype()),
             .c0 = {}};
    dispatch_floating(m.y.dtype(), name(op), [&]<class T>() {
      kernels::gru_input(e, a[h0].data<T>(), a[w_hh].data<T>(), m.gates.data<T>(),
                         m.aside.data<T>(), m.y.data<T>(), values_of<T>(dy[0]),
                         s.of_x.mutable_data<T>(), s.of_h.mutable_data<T>(),
                         s.h0.mutable_data<T>());
    });
    return s;
  }

  static LSTMState step(const Tensor& x, const Tensor& fed_back, const LSTMState& before) {
    const std::vector<Tensor> of_x = chunk(x, 3, -1);
    const std::vector<Tensor> of_h = chunk(fed_back, 3, -1);
    const Tensor z = sigmoid(of_x[1] + of_h[1]);
    const Tensor n = tanh(of_x[2] + sigmoid(of_x[0] + of_h[0]) * of_h[2]);
    return {(1 - z) * n + z * before.h, {}};
  }
};

template <Activation f>
struct RNN {
  static constexpr Op op = f == Activation::tanh ? Op::rnn_tanh : Op::rnn_relu;
  static constexpr std::int64_t gates = 1;

  static Made forward(const SequenceExtents& e, const Arguments& a) {
    Made m{
        .y = linear(a[in], a[w_ih], sum_of(a[b_ih], a[b_hh])), .c_n = {}, .gates = {}, .aside = {}};
    dispatch_floating(m.y.dtype(), name(op), [&]<class T>() {
      kernels::rnn(f, e, a[h0].data<T>(), a[w_hh].data<T>(), m.y.mutable_data<T>());
    });
    return m;
  }

  static Slopes backward(const SequenceExtents& e, const Arguments& a, const Made& m,
                         const Asked& dy) {
    Slopes s{.of_x = for_steps(e, e.units, m.y.dtype()),
             .of_h = {},
             .h0 = Tensor::empty(a[h0].shape(), m.y.dtype()),
             .c0 = {}};
    dispatch_floating(m.y.dtype(), name(op), [&]<class T>() {
      kernels::rnn_input(f, e, a[w_hh].data<T>(), m.y.data<T>(), values_of<T>(dy[0]),
                         s.of_x.mutable_data<T>(), s.h0.mutable_data<T>());
    });
    s.of_h = s.of_x;
    return s;
  }

  static LSTMState step(const Tensor& x, const Tensor& fed_back, const LSTMState&) {
    return {f == Activation::tanh ? tanh(x + fed_back) : relu(x + fed_back), {}};
  }
};

/// y and an LSTM's c, as one list.
std::vector<Tensor> results_of(const LSTMState& s) {
  return s.c.defined() ? std::vector{s.h, s.c} : std::vector{s.h};
}

/// A direction of a layer from operations that are recorded.
template <class Cell>
std::vector<Tensor> by_operations(const SequenceExtents& e, const Arguments& a) {
  const Tensor x = linear(a[in], a[w_ih], a[b_ih]);
  std::vector<Tensor> h(static_cast<std::size_t>(e.steps));
  LSTMState state{a[h0], a[c0]};
  for (std::int64_t k = 0; k < e.steps; ++k) {
    const std::int64_t t = e.time(k);
    state = Cell::step(select(x, 0, t), linear(state.h, a[w_hh], a[b_hh]), state);
    h[static_cast<std::size_t>(t)] = state.h;
  }
  return results_of({stack(h), state.c});
}

/// The gradients of by_operations(), themselves recorded.
template <class Cell>
Arguments recorded_gradients(const SequenceExtents& e, Arguments a, std::span<const Tensor> dys,
                             const Needs& needs) {
  std::vector<Tensor> inputs, outputs, slopes;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (needs[i]) {
      // A tensor of its own, on which no other argument depends.
      a[i] = reshape(a[i], a[i].shape());
      inputs.push_back(a[i]);
    }
  const std::vector<Tensor> results = by_operations<Cell>(e, a);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (dys[i].defined()) {
      outputs.push_back(results[i]);
      slopes.push_back(dys[i]);
    }
  const std::vector<Tensor> found =
      grad(outputs, inputs, {.grad_outputs = slopes, .create_graph = true});
  Arguments d;
  auto next = found.begin();
  for (std::size_t i = 0; i < a.size(); ++i)
    if (needs[i]) d[i] = *next++;
  return d;
}

/// Σ of_h ⊗ what came back, over all steps.
Tensor fed_back_gradient(const SequenceExtents& e, const Tensor& of_h, const Tensor& first,
                         const Tensor& y) {
  const Tensor d = matmul(select(of_h, 0, e.time(0)).t(), first);
  if (e.steps == 1) return d;
  const std::int64_t begin = e.reverse ? 0 : 1, rows = (e.steps - 1) * e.batch;
  const Tensor later = slice(of_h, 0, begin, begin + e.steps - 1);
  const Tensor before = slice(y, 0, 1 - begin, e.steps - begin);
  return d + matmul(reshape(later, {rows, of_h.size(2)}).t(), reshape(before, {rows, e.units}));
}

template <class Cell>
Arguments gradients(const SequenceExtents& e, const Arguments& given, const Made& made,
                    std::span<const Tensor> dys, const Needs& needs) {
  Arguments a;
  std::ranges::transform(given, a.begin(),
                         [](const Tensor& x) { return x.defined() ? in_rows(x) : x; });
  Asked asked;
  for (std::size_t i = 0; i < dys.size(); ++i)
    if (dys[i].defined()) asked[i] = in_rows(dys[i]);
  const Slopes s = [&] {
    const profiler::Scope scope(name(Cell::op), [&] {
      return profiler::work_on({&made.y, &a[w_hh]}, 2.0 * static_cast<double>(a[w_hh].size(0)));
    });
    return Cell::backward(e, a, made, asked);
  }();
  const std::int64_t rows = e.steps * e.batch;
  const Tensor of_x = reshape(s.of_x, {rows, a[w_ih].size(0)});
  Arguments d;
  d[h0] = s.h0;
  d[c0] = s.c0;
  if (needs[in]) d[in] = reshape(matmul(of_x, a[w_ih]), a[in].shape());
  if (needs[w_ih]) d[w_ih] = matmul(of_x.t(), reshape(a[in], {rows, a[in].size(2)}));
  if (needs[b_ih]) d[b_ih] = sum(of_x, 0);
  if (needs[w_hh]) d[w_hh] = fed_back_gradient(e, s.of_h, a[h0], made.y);
  if (needs[b_hh]) d[b_hh] = sum(s.of_h, {0, 1});
  return d;
}

/// One direction of a layer: y [steps, batch, units], and an LSTM's c after the last step.
template <class Cell>
std::vector<Tensor> layer(const Arguments& a, bool reverse) {
  const SequenceExtents e{a[in].size(0), a[in].size(1), a[w_hh].size(0) / Cell::gates,
                          a[w_hh].size(1), reverse};
  Made made = no_grad([&] {
    Arguments rows;
    std::ranges::transform(a, rows.begin(),
                           [](const Tensor& x) { return x.defined() ? in_rows(x) : x; });
    const profiler::Scope scope(name(Cell::op), [&] {
      return profiler::work_on({&a[in], &a[w_ih], &a[w_hh]}, 0);
    });
    return Cell::forward(e, rows);
  });
  std::vector<Tensor> results = results_of({made.y, made.c_n});
  std::vector<Saved> kept;
  for (const Tensor& x : a) kept.push_back(saved(x));
  const auto arguments = [kept] {
    Arguments all;
    std::ranges::transform(kept, all.begin(), [](const Saved& x) { return x(); });
    return all;
  };
  const Saved y = saved_result(made.y);
  made.y = made.c_n = {};
  return record(Cell::op, std::move(results),
                wrt_all(std::span<const Tensor>(a),
                        fused(
                            [=](std::span<Tensor> dys, const Needs& needs) {
                              Made whole = made;
                              whole.y = y();
                              return gradients<Cell>(e, arguments(), whole, dys, needs);
                            },
                            [=](std::span<Tensor> dys, const Needs& needs) {
                              return recorded_gradients<Cell>(e, arguments(), dys, needs);
                            })));
}

/// An LSTM's layer whose h is w_hr h.
std::vector<Tensor> projected(Arguments a, const Tensor& w_hr, bool reverse) {
  const Tensor x = a[in];
  std::vector<Tensor> h(static_cast<std::size_t>(x.size(0)));
  for (std::int64_t k = 0; k < x.size(0); ++k) {
    const std::int64_t t = reverse ? x.size(0) - 1 - k : k;
    a[in] = slice(x, 0, t, t + 1);
    const std::vector<Tensor> made = layer<LSTM>(a, false);
    a[h0] = linear(select(made[0], 0, 0), w_hr);
    a[c0] = made[1];
    h[static_cast<std::size_t>(t)] = a[h0];
  }
  return {stack(h), a[c0]};
}

void require_floating(const char* operation, const Tensor& input) {
  require<DTypeError>(is_floating(input.dtype()), "{}: takes floating tensors, got {}", operation,
                      input.dtype());
}

/// That an argument is as the others ask for.
void require_like(const char* operation, const std::string& what, const Tensor& x,
                  const Shape& expected, const Tensor& input) {
  require<ValueError>(x.defined(), "{}: {} is undefined", operation, what);
  require<ShapeError>(x.shape() == expected, "{}: {} is {}; expected {}", operation, what,
                      x.shape(), expected);
  require<DTypeError>(x.dtype() == input.dtype(),
                      "{}: {} is {}, the input {}; convert one with x.to()", operation, what,
                      x.dtype(), input.dtype());
}

/// What w_ih, the first weight, says of the units.
std::int64_t units_of(const char* operation, const char* what, std::int64_t gates, const Tensor& w,
                      std::int64_t features) {
  require<ValueError>(w.defined(), "{}: {} is undefined", operation, what);
  const std::int64_t rows = w.dim() > 0 ? w.size(0) : 0;
  require<ShapeError>(w.dim() == 2 && rows > 0 && rows % gates == 0 && w.size(1) == features,
                      "{}: {} is {}; expected [{}units, {}]", operation, what, w.shape(),
                      gates == 1 ? "" : fmt::format("{} · ", gates), features);
  return rows / gates;
}

/// Those of 16 bits as float32.
Tensor widened(const Tensor& x) { return x.defined() && is_half(x.dtype()) ? to(x, float32) : x; }
Tensor narrowed(const Tensor& x, DType dtype) {
  return x.defined() && x.dtype() != dtype ? to(x, dtype) : x;
}

/// The state before a step: what is given, or zeros.
template <class Cell>
LSTMState given_or_zeros(const char* operation, const LSTMState& hx, const Shape& h, const Shape& c,
                         const Tensor& input) {
  constexpr bool has_memory = Cell::gates == 4;
  const auto check = [&](const char* what, const Tensor& x, const Shape& shape) {
    if (!x.defined()) return zeros(shape, {.dtype = input.dtype()});
    require_like(operation, what, x, shape, input);
    return x;
  };
  return {check(has_memory ? "hx.h" : "hx", hx.h, h),
          has_memory ? check("hx.c", hx.c, c) : Tensor()};
}

template <class Cell>
LSTMState cell(const char* operation, const Tensor& input, const LSTMState& hx, const Tensor& wi,
               const Tensor& wh, const Tensor& bi, const Tensor& bh) {
  const detail::Running running(operation, input);
  require_floating(operation, input);
  require<ShapeError>(input.dim() == 1 || input.dim() == 2,
                      "{}: input {} must be [batch, features] or [features]", operation,
                      input.shape());
  const std::int64_t units = units_of(operation, "w_ih", Cell::gates, wi, input.size(-1));
  const std::int64_t rows = Cell::gates * units;
  require_like(operation, "w_ih", wi, {rows, input.size(-1)}, input);
  require_like(operation, "w_hh", wh, {rows, units}, input);
  for (const auto& [what, b] : {std::pair("b_ih", &bi), std::pair("b_hh", &bh)})
    if (b->defined()) require_like(operation, what, *b, {rows}, input);
  Shape shape = input.shape();
  shape.back() = units;
  const LSTMState state = given_or_zeros<Cell>(operation, hx, shape, shape, input);
  const auto batch = [&](const Tensor& x) {
    return x.defined() && x.dim() == 1 ? unsqueeze(x, 0) : x;
  };
  Arguments a{unsqueeze(batch(input), 0), batch(state.h), batch(state.c), wi, wh, bi, bh};
  std::ranges::transform(a, a.begin(), widened);
  const std::vector<Tensor> made = layer<Cell>(a, false);
  const auto result = [&](const Tensor& x) { return narrowed(reshape(x, shape), input.dtype()); };
  return {result(made[0]), made.size() > 1 ? result(made[1]) : Tensor()};
}

/// Of a whole network.
struct Plan {
  const char* operation;
  const RecurrentOptions& options;
  bool reverse = false;
  std::int64_t units = 0;
  std::int64_t out = 0;  ///< values of h

  std::int64_t directions() const { return options.bidirectional ? 2 : 1; }
  std::size_t each() const {
    return 2 + (options.has_biases ? 2 : 0) + (options.proj_size > 0 ? 1 : 0);
  }
};

void check_options(const char* operation, const RecurrentOptions& o, bool has_projection) {
  require<ValueError>(o.num_layers > 0, "{}: num_layers is {}; it must be positive", operation,
                      o.num_layers);
  require<ValueError>(o.dropout >= 0 && o.dropout <= 1, "{}: dropout is {}, it must lie in [0, 1]",
                      operation, o.dropout);
  require<ValueError>(o.proj_size >= 0, "{}: proj_size is {}; it must not be negative", operation,
                      o.proj_size);
  require<ValueError>(has_projection || o.proj_size == 0,
                      "{}: proj_size is {}; lstm alone has projections", operation, o.proj_size);
}

/// Checks the list, and completes the plan by what its first weight says.
void check_parameters(Plan& plan, std::int64_t gates, const Tensor& input,
                      const std::vector<Tensor>& params) {
  const char* const operation = plan.operation;
  const RecurrentOptions& o = plan.options;
  const auto each = static_cast<std::int64_t>(plan.each());
  const std::int64_t count = (Size(o.num_layers, operation) * plan.directions() * each).value();
  const std::string with = o.proj_size > 0 ? fmt::format(" with proj_size {}", o.proj_size) : "";
  require<ValueError>(static_cast<std::int64_t>(params.size()) == count,
                      "{}: {} parameters; {} layers in {} directions{} have {}, {} each", operation,
                      params.size(), o.num_layers, plan.directions(), with, count, each);
  const std::int64_t features = input.size(-1);
  plan.units = units_of(operation, "w_ih_l0", gates, params[0], features);
  plan.out = o.proj_size > 0 ? o.proj_size : plan.units;
  require<ValueError>(o.proj_size < plan.units,
                      "{}: proj_size is {}; it must be below the {} units", operation, o.proj_size,
                      plan.units);
  const std::int64_t rows = gates * plan.units;
  std::vector<std::pair<const char*, Shape>> expected{{"w_ih", {}}, {"w_hh", {rows, plan.out}}};
  if (o.has_biases) expected.insert(expected.end(), {{"b_ih", {rows}}, {"b_hh", {rows}}});
  if (o.proj_size > 0) expected.push_back({"w_hr", {plan.out, plan.units}});
  for (std::size_t i = 0; i < params.size(); ++i) {
    const std::size_t block = i / expected.size();
    const auto layer = static_cast<std::int64_t>(block) / plan.directions();
    expected[0].second = {rows, layer == 0 ? features : plan.out * plan.directions()};
    const auto& [what, shape] = expected[i % expected.size()];
    const bool reverse = o.bidirectional && block % 2 == 1;
    require_like(operation, fmt::format("{}_l{}{}", what, layer, reverse ? "_reverse" : ""),
                 params[i], shape, input);
  }
}

/// Layer after layer over x [steps, batch, features], from and to states [layers · directions,
/// batch, …].
template <class Cell>
LSTMOutput run_layers(const Plan& plan, Tensor x, const LSTMState& hx,
                      const std::vector<Tensor>& params) {
  const RecurrentOptions& o = plan.options;
  std::vector<Tensor> h, c;
  for (std::int64_t layer_number = 0; layer_number < o.num_layers; ++layer_number) {
    std::vector<Tensor> outputs;
    for (std::int64_t direction = 0; direction < plan.directions(); ++direction) {
      const bool reverse = plan.reverse || direction == 1;
      const std::size_t place = h.size();
      const auto which = static_cast<std::int64_t>(place);
      const auto* const p = params.data() + place * plan.each();
      const Tensor none;
      const Arguments a{x,
                        select(hx.h, 0, which),
                        hx.c.defined() ? select(hx.c, 0, which) : none,
                        p[0],
                        p[1],
                        o.has_biases ? p[2] : none,
                        o.has_biases ? p[3] : none};
      const std::vector<Tensor> made =
          o.proj_size > 0 ? projected(a, p[plan.each() - 1], reverse) : layer<Cell>(a, reverse);
      outputs.push_back(made[0]);
      h.push_back(select(made[0], 0, reverse ? 0 : -1));
      if (made.size() > 1) c.push_back(made[1]);
    }
    x = outputs.size() == 1 ? outputs[0] : cat(outputs, -1);
    if (layer_number + 1 < o.num_layers)
      x = dropout(x, {.p = o.dropout, .training = o.training, .generator = o.generator});
  }
  return {x, {stack(h), c.empty() ? Tensor() : stack(c)}};
}

template <class Cell>
LSTMOutput sequence(const Tensor& input, const LSTMState& hx, const std::vector<Tensor>& given,
                    const RecurrentOptions& o, bool reverse = false) {
  const char* const operation = name(Cell::op);
  const detail::Running running(operation, input);
  require_floating(operation, input);
  const bool batched = input.dim() == 3;
  const bool turned = batched && o.batch_first;
  require<ShapeError>(batched || input.dim() == 2,
                      "{}: input {} must be [{}, features], or [steps, features]", operation,
                      input.shape(), o.batch_first ? "batch, steps" : "steps, batch");
  check_options(operation, o, Cell::gates == 4);
  Plan plan{operation, o, reverse};
  check_parameters(plan, Cell::gates, input, given);
  require<ShapeError>(input.size(turned ? 1 : 0) > 0, "{}: input {} has no steps", operation,
                      input.shape());
  Shape h{o.num_layers * plan.directions(), plan.out};
  if (batched) h.insert(1, input.size(turned ? 0 : 1));
  Shape c = h;
  c.back() = plan.units;
  const LSTMState state = given_or_zeros<Cell>(operation, hx, h, c, input);

  const auto batch = [&](const Tensor& x) { return x.defined() && !batched ? unsqueeze(x, 1) : x; };
  const auto entered = [&](const Tensor& x) { return widened(batch(x)); };
  std::vector<Tensor> params(given.size());
  std::ranges::transform(given, params.begin(), widened);
  const Tensor x = entered(input);
  const LSTMOutput y = run_layers<Cell>(plan, turned ? transpose(x, 0, 1) : x,
                                        {entered(state.h), entered(state.c)}, params);
  const auto left = [&](const Tensor& made) {
    if (!made.defined()) return made;
    return narrowed(batched ? made : squeeze(made, 1), input.dtype());
  };
  return {left(turned ? transpose(y.output, 0, 1) : y.output), {left(y.state.h), left(y.state.c)}};
}

}  // namespace

LSTMState lstm_cell(const Tensor& input, const LSTMState& hx, const Tensor& w_ih,
                    const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
  return cell<LSTM>("lstm_cell", input, hx, w_ih, w_hh, b_ih, b_hh);
}
Tensor gru_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih, const Tensor& b_hh) {
  return cell<GRU>("gru_cell", input, {hx, {}}, w_ih, w_hh, b_ih, b_hh).h;
}
Tensor rnn_tanh_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  return cell<RNN<Activation::tanh>>("rnn_tanh_cell", input, {hx, {}}, w_ih, w_hh, b_ih, b_hh).h;
}
Tensor rnn_relu_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  return cell<RNN<Activation::relu>>("rnn_relu_cell", input, {hx, {}}, w_ih, w_hh, b_ih, b_hh).h;
}

LSTMOutput recur(Op op, const Tensor& input, const LSTMState& hx, const std::vector<Tensor>& params,
                 const RecurrentOptions& options, bool reverse) {
  switch (op) {
    case Op::lstm:
      return sequence<LSTM>(input, hx, params, options, reverse);
    case Op::gru:
      return sequence<GRU>(input, hx, params, options, reverse);
    case Op::rnn_relu:
      return sequence<RNN<Activation::relu>>(input, hx, params, options, reverse);
    default:
      return sequence<RNN<Activation::tanh>>(input, hx, params, options, reverse);
  }
}

LSTMOutput lstm(const Tensor& input, const LSTMState& hx, const std::vector<Tensor>& params,
                const RecurrentOptions& options) {
  return recur(Op::lstm, input, hx, params, options);
}
RNNOutput gru(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
              const RecurrentOptions& options) {
  const LSTMOutput y = recur(Op::gru, input, {hx, {}}, params, options);
  return {y.output, y.state.h};
}
RNNOutput rnn_tanh(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
                   const RecurrentOptions& options) {
  const LSTMOutput y = recur(Op::rnn_tanh, input, {hx, {}}, params, options);
  return {y.output, y.state.h};
}
RNNOutput rnn_relu(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
                   const RecurrentOptions& options) {
  const LSTMOutput y = recur(Op::rnn_relu, input, {hx, {}}, params, options);
  return {y.output, y.state.h};
}

}  // namespace xgrad
