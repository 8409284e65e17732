#include <xgrad/ops/kernels/gemm_tiles.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/recurrent.hpp>
#include <xgrad/ops/kernels/transcendental.hpp>
#include <xgrad/ops/kernels/vector.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace xgrad::kernels {
namespace {

constexpr functions::Sigmoid sigmoid_of;
constexpr functions::Tanh tanh_of;

/// What is worked on at once: rows of the batch, and the columns of some panels.
struct Part {
  std::int64_t row, rows;
  std::int64_t panel, panels_end;
};

/// step(k, part) for the places 0 … count − 1 in order, each for all rows and `panels`. No row
/// waits for another: where the batch has enough of them, each thread takes some from the first
/// step to the last. Otherwise threads share each step's panels. `terms`: of a row's product.
template <class Step>
void for_steps(std::int64_t batch, std::int64_t count, std::int64_t panels, std::int64_t terms,
               const Step& step) {
  if (batch == 0 || panels == 0) return;
  constexpr std::int64_t least_rows = 8;
  const double nanoseconds = product_nanoseconds(1, 1, terms) + 50 * static_cast<double>(panels);
  const double of_row = nanoseconds * static_cast<double>(count);
  const std::int64_t grain = std::max(least_rows, grain_of(of_row));
  if (most_parts(batch, grain) > 1)
    return parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = 0; k < count; ++k) step(k, Part{begin, end - begin, 0, panels});
    });
  const double of_panel = nanoseconds * static_cast<double>(batch) / static_cast<double>(panels);
  for (std::int64_t k = 0; k < count; ++k)
    parallel_for(panels, grain_of(of_panel), [&](std::int64_t begin, std::int64_t end) {
      step(k, Part{0, batch, begin, end});
    });
}

/// A register of a row's values, from one place on.
template <class T>
struct Whole {
  using V = Vector<T, register_bytes / sizeof(T)>;
  std::int64_t at;

  V operator()(const T* row) const {
    V values;
    load(row + at, values);
    return values;
  }
  void put(const V& values, T* row) const { store(values, row + at); }
};

/// The same for the fewer values at the end of a row.
template <class T>
struct Rest {
  using V = typename Whole<T>::V;
  std::int64_t at, count;

  V operator()(const T* row) const {
    V values{};
    for (std::int64_t i = 0; i < count; ++i) values[i] = row[at + i];
    return values;
  }
  void put(const V& values, T* row) const {
    for (std::int64_t i = 0; i < count; ++i) row[at + i] = values[i];
  }
};

/// f(row, at) for the values of a panel's columns in the part's rows, `at` being Whole or Rest.
template <class T, class F>
void for_values(const SequenceExtents& e, const Part& part, std::int64_t panel, const F& f) {
  constexpr std::int64_t size = register_bytes / sizeof(T);
  const std::int64_t end = std::min(e.units, (panel + 1) * Panels<T>::width);
  for (std::int64_t row = part.row; row < part.row + part.rows; ++row) {
    std::int64_t j = panel * Panels<T>::width;
    for (; j + size <= end; j += size) f(row, Whole<T>{j});
    if (j < end) f(row, Rest<T>{j, end - j});
  }
}

/// A tensor [steps, batch, width]: where the row lies that is come to at place k.
template <class T>
struct Places {
  const SequenceExtents& e;
  T* values;
  std::int64_t width;

  T* operator()(std::int64_t k, std::int64_t row) const {
    return values + (e.time(k) * e.batch + row) * width;
  }
  /// Of what a step left for the next one: `first` [batch, width] for the first of them.
  T* before(std::int64_t k, std::int64_t row, T* first) const {
    return k == 0 ? first + row * width : (*this)(k - 1, row);
  }
};
template <class T>
Places(const SequenceExtents&, T*, std::int64_t) -> Places<T>;

/// Where a product goes, from one row on.
template <class T>
struct Target {
  T* values;
  std::int64_t step;  ///< from row to row
  bool adds;
};

/// The way there: at each place, for each panel, what came back is multiplied by each gate's part
/// of w_hh, to(gate, k, row) telling where that goes; then pointwise(k, row, at).
template <std::int64_t gates, class T, class To, class Pointwise>
void go_forward(const SequenceExtents& e, const T* h0, const T* w_hh, const T* y, const To& to,
                const Pointwise& pointwise) {
  const auto weights = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{Panels<T>(
        e.fed_back, e.units,
        {w_hh + static_cast<std::int64_t>(I) * e.units * e.fed_back, e.fed_back, true})...};
  }
  (std::make_index_sequence<gates>());
  const Places h{e, y, e.fed_back};  // of one step alone, nothing comes back from y
  const std::int64_t terms = gates * e.units * e.fed_back;
  for_steps(
      e.batch, e.steps, Panels<T>::count(e.units), terms, [&](std::int64_t k, const Part& part) {
        const Matrix<T> left{h.before(k, part.row, h0), e.fed_back};
        for (std::int64_t panel = part.panel; panel < part.panels_end; ++panel) {
          for (std::size_t gate = 0; gate < gates; ++gate) {
            const auto target = to(static_cast<std::int64_t>(gate), k, part.row);
            weights[gate].multiply(panel, part.rows, left, target.values + panel * Panels<T>::width,
                                   target.step, target.adds);
          }
          for_values<T>(e, part, panel, [&](auto... at) { pointwise(k, at...); });
        }
      });
}

/// The way back: pointwise(k, row, at) from the last place to the first, after dh [batch, units]
/// was given what the step's h brought to the next step: that one's dgates · w_hh, added to what
/// pointwise left in dh if `adds`. At the end dh is the gradient of h0 [batch, fed_back].
template <class T, class Pointwise>
void go_back(const SequenceExtents& e, std::int64_t gates, const T* w_hh, const T* dgates, T* dh,
             bool adds, const Pointwise& pointwise) {
  const std::int64_t width = gates * e.units;
  const Panels<T> weight(width, e.fed_back, {w_hh, e.fed_back});
  const Places slopes{e, dgates, width};
  const auto multiply = [&](std::int64_t k, const Part& part, std::int64_t panel) {
    weight.multiply(panel, part.rows, {slopes(k, part.row), width},
                    dh + part.row * e.fed_back + panel * Panels<T>::width, e.fed_back, adds);
  };
  const std::int64_t terms = width * e.fed_back;
  for_steps(e.batch, e.steps, Panels<T>::count(e.units), terms,
            [&](std::int64_t back, const Part& part) {
              const std::int64_t k = e.steps - 1 - back;
              for (std::int64_t panel = part.panel; panel < part.panels_end; ++panel) {
                if (back > 0) multiply(k + 1, part, panel);
                for_values<T>(e, part, panel, [&](auto... at) { pointwise(k, at...); });
              }
            });
  for_steps(e.batch, 1, Panels<T>::count(e.fed_back), terms, [&](std::int64_t, const Part& part) {
    for (std::int64_t panel = part.panel; panel < part.panels_end; ++panel)
      multiply(0, part, panel);
  });
}

/// The row's part of dy, where there is one.
template <class T, class At>
typename At::V slope_at(const Places<const T>& dy, std::int64_t k, std::int64_t row, const At& at) {
  return dy.values == nullptr ? typename At::V{} : at(dy(k, row));
}

/// values [batch, units] at a row, where there are any.
template <class T, class At>
typename At::V row_of(const T* values, const SequenceExtents& e, std::int64_t row, const At& at) {
  return values == nullptr ? typename At::V{} : at(values + row * e.units);
}

/// x where `by` is above 0 or NaN, 0 elsewhere.
template <class V>
V kept_where(const V& by, const V& x) {
  return by <= 0 ? V{} : x;
}

}  // namespace

// i, f, o = σ(…), g = tanh(…);  c = f c₋₁ + i g,  h = o tanh c
template <class T>
void lstm(const SequenceExtents& e, const T* h0, const T* c0, const T* w_hh, T* gates, T* y, T* c) {
  const std::int64_t n = e.units;
  const Places all{e, gates, 4 * n};
  const Places memory{e, c, n};
  const Places<const T> known{e, c, n};
  const Places out{e, y, n};
  go_forward<4>(
      e, h0, w_hh, y,
      [&](std::int64_t gate, std::int64_t k, std::int64_t row) {
        return Target<T>{all(k, row) + gate * n, 4 * n, true};
      },
      [&](std::int64_t k, std::int64_t row, const auto& at) {
        T* const to = all(k, row);
        const auto i = sigmoid_of(at(to));
        const auto f = sigmoid_of(at(to + n));
        const auto g = tanh_of(at(to + 2 * n));
        const auto o = sigmoid_of(at(to + 3 * n));
        const auto now = f * at(known.before(k, row, c0)) + i * g;
        at.put(i, to);
        at.put(f, to + n);
        at.put(g, to + 2 * n);
        at.put(o, to + 3 * n);
        at.put(now, memory(k, row));
        at.put(o * tanh_of(now), out(k, row));
      });
}

// dh and dc being the gradients of what the step gave:  dc += dh o (1 − tanh² c);  do = dh tanh c,
// di = dc g, df = dc c₋₁, dg = dc i, each times its function's slope;  dc₋₁ = dc f
template <class T>
void lstm_input(const SequenceExtents& e, const T* c0, const T* w_hh, const T* gates, const T* c,
                const T* dy, const T* dc_n, T* dgates, T* dh0, T* dc0) {
  const std::int64_t n = e.units;
  const Places all{e, gates, 4 * n};
  const Places slopes{e, dgates, 4 * n};
  const Places memory{e, c, n};
  const Places asked{e, dy, n};
  go_back(
      e, 4, w_hh, dgates, dh0, false,
      [&]<class At>(std::int64_t k, std::int64_t row, const At& at) {
        const T* const from = all(k, row);
        const auto i = at(from);
        const auto f = at(from + n);
        const auto g = at(from + 2 * n);
        const auto o = at(from + 3 * n);
        const bool is_last = k == e.steps - 1;
        const auto dh = slope_at(asked, k, row, at) + row_of(is_last ? nullptr : dh0, e, row, at);
        const auto curved = tanh_of(at(memory(k, row)));
        const auto dc = row_of(is_last ? dc_n : dc0, e, row, at) + dh * o * (1 - curved * curved);
        T* const to = slopes(k, row);
        at.put(dc * g * i * (1 - i), to);
        at.put(dc * at(memory.before(k, row, c0)) * f * (1 - f), to + n);
        at.put(dc * i * (1 - g * g), to + 2 * n);
        at.put(dh * curved * o * (1 - o), to + 3 * n);
        at.put(dc * f, dc0 + row * n);
      });
}

// r, z = σ(…), n = tanh(x's part + r · h's part);  h = (1 − z) n + z h₋₁
template <class T>
void gru(const SequenceExtents& e, const T* h0, const T* w_hh, const T* b_hh, T* gates, T* hidden,
         T* y) {
  const std::int64_t n = e.units;
  const Places all{e, gates, 3 * n};
  const Places brought{e, hidden, n};
  const Places<const T> known{e, y, n};
  const Places out{e, y, n};
  go_forward<3>(
      e, h0, w_hh, y,
      [&](std::int64_t gate, std::int64_t k, std::int64_t row) {
        if (gate == 2) return Target<T>{brought(k, row), n, false};
        return Target<T>{all(k, row) + gate * n, 3 * n, true};
      },
      [&](std::int64_t k, std::int64_t row, const auto& at) {
        T* const to = all(k, row);
        const auto h = at(brought(k, row)) + at(b_hh + 2 * n);
        const auto r = sigmoid_of(at(to) + at(b_hh));
        const auto z = sigmoid_of(at(to + n) + at(b_hh + n));
        const auto fresh = tanh_of(at(to + 2 * n) + r * h);
        at.put(h, brought(k, row));
        at.put(r, to);
        at.put(z, to + n);
        at.put(fresh, to + 2 * n);
        at.put((1 - z) * fresh + z * at(known.before(k, row, h0)), out(k, row));
      });
}

// dn = dh (1 − z), dz = dh (h₋₁ − n), dr = dn · h's part, each times its function's slope; of h's
// part of n, dn r;  dh₋₁ = dh z + …
template <class T>
void gru_input(const SequenceExtents& e, const T* h0, const T* w_hh, const T* gates,
               const T* hidden, const T* y, const T* dy, T* dgates, T* dhidden, T* dh0) {
  const std::int64_t n = e.units;
  const Places all{e, gates, 3 * n};
  const Places brought{e, hidden, n};
  const Places out{e, y, n};
  const Places asked{e, dy, n};
  const Places of_x{e, dgates, 3 * n};
  const Places of_h{e, dhidden, 3 * n};
  go_back(e, 3, w_hh, dhidden, dh0, true, [&](std::int64_t k, std::int64_t row, const auto& at) {
    const T* const from = all(k, row);
    const auto r = at(from);
    const auto z = at(from + n);
    const auto fresh = at(from + 2 * n);
    const auto dh =
        slope_at(asked, k, row, at) + row_of(k == e.steps - 1 ? nullptr : dh0, e, row, at);
    const auto dn = dh * (1 - z) * (1 - fresh * fresh);
    const auto dz = dh * (at(out.before(k, row, h0)) - fresh) * z * (1 - z);
    const auto dr = dn * at(brought(k, row)) * r * (1 - r);
    for (T* const to : {of_x(k, row), of_h(k, row)}) {
      at.put(dr, to);
      at.put(dz, to + n);
    }
    at.put(dn, of_x(k, row) + 2 * n);
    at.put(dn * r, of_h(k, row) + 2 * n);
    at.put(dh * z, dh0 + row * n);
  });
}

// h = f(…);  with tanh dL/dx = dh (1 − h²), with relu dh where h is not 0
template <class T>
void rnn(Activation f, const SequenceExtents& e, const T* h0, const T* w_hh, T* y) {
  const Places out{e, y, e.units};
  go_forward<1>(
      e, h0, w_hh, y,
      [&](std::int64_t, std::int64_t k, std::int64_t row) {
        return Target<T>{out(k, row), e.units, true};
      },
      [&]<class At>(std::int64_t k, std::int64_t row, const At& at) {
        const auto x = at(out(k, row));
        at.put(f == Activation::tanh ? tanh_of(x) : kept_where(x, x), out(k, row));
      });
}

template <class T>
void rnn_input(Activation f, const SequenceExtents& e, const T* w_hh, const T* y, const T* dy,
               T* dgates, T* dh0) {
  const Places out{e, y, e.units};
  const Places asked{e, dy, e.units};
  const Places slopes{e, dgates, e.units};
  go_back(e, 1, w_hh, dgates, dh0, false,
          [&]<class At>(std::int64_t k, std::int64_t row, const At& at) {
            const auto dh =
                slope_at(asked, k, row, at) + row_of(k == e.steps - 1 ? nullptr : dh0, e, row, at);
            const auto h = at(out(k, row));
            at.put(f == Activation::tanh ? dh * (1 - h * h) : kept_where(h, dh), slopes(k, row));
          });
}

template void lstm(const SequenceExtents&, const float*, const float*, const float*, float*, float*,
                   float*);
template void lstm(const SequenceExtents&, const double*, const double*, const double*, double*,
                   double*, double*);
template void lstm_input(const SequenceExtents&, const float*, const float*, const float*,
                         const float*, const float*, const float*, float*, float*, float*);
template void lstm_input(const SequenceExtents&, const double*, const double*, const double*,
                         const double*, const double*, const double*, double*, double*, double*);
template void gru(const SequenceExtents&, const float*, const float*, const float*, float*, float*,
                  float*);
template void gru(const SequenceExtents&, const double*, const double*, const double*, double*,
                  double*, double*);
template void gru_input(const SequenceExtents&, const float*, const float*, const float*,
                        const float*, const float*, const float*, float*, float*, float*);
template void gru_input(const SequenceExtents&, const double*, const double*, const double*,
                        const double*, const double*, const double*, double*, double*, double*);
template void rnn(Activation, const SequenceExtents&, const float*, const float*, float*);
template void rnn(Activation, const SequenceExtents&, const double*, const double*, double*);
template void rnn_input(Activation, const SequenceExtents&, const float*, const float*,
                        const float*, float*, float*);
template void rnn_input(Activation, const SequenceExtents&, const double*, const double*,
                        const double*, double*, double*);

}  // namespace xgrad::kernels
