#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <cstdint>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// A moving average of tensors that a training changes: of parameters, and of the running
/// statistics of batch norms with them. Used after the training (Polyak and Juditsky, 1992), it is
/// the average of weights; read back every few steps, it is Lookahead (Zhang et al.,
/// arXiv:1907.08610).
///
///     optim::MovingAverage average(net.state_dict());
///     …
///     average.update(0.99);       // after each step
///     …
///     average.copy_to_tensors();  // at the end
class MovingAverage {
 public:
  /// Starts at their present values. Tensors that are not floating are left out. ValueError if
  /// nothing remains.
  explicit MovingAverage(const NamedTensors& tensors);
  // A copy would share the averages.
  MovingAverage(MovingAverage&&) = default;
  MovingAverage& operator=(MovingAverage&&) = default;

  /// average ← decay · average + (1 − decay) · tensor, bit for bit the tensor for a decay of 0.
  /// ValueError unless 0 ≤ decay ≤ 1.
  ///
  /// Each update is rounded, and an average remembers 1 / (1 − decay) of them: of float32 it is off
  /// by up to 2⁻²³ / (1 − decay) of the largest value it has seen, however many updates there were.
  void update(double decay);
  /// tensor ← average.
  void copy_to_tensors();
  /// tensor ↔ average: to evaluate the average, and back.
  void swap();

  /// The averages, under the tensors' names.
  NamedTensors state_dict() { return detail::state_of(state()); }
  void load_state_dict(const NamedTensors& values);

 protected:
  /// One that counts its updates, as "n_averaged" in its state. ValueError where a tensor is called
  /// so.
  static MovingAverage counted(const NamedTensors& tensors);
  /// Calls update() with the decay that this gives for the number of updates before.
  template <class Decay>
  void update_by(const Decay& decay) {
    require_usable();
    const std::int64_t before = n_averaged_.item<std::int64_t>();
    update(decay(static_cast<double>(before)));
    n_averaged_.fill_(before + 1);
  }

 private:
  friend class Lookahead;
  std::vector<detail::StateEntry> state();
  std::size_t size() const noexcept { return tensors_.size(); }
  /// Whether every average is there, which a state of Lookahead's may have left out.
  bool is_whole() const;
  /// Throws what a change of all would, before any.
  void require_usable() const;
  /// f(tensor, average) for each, as float or double arrays and how many.
  template <class F>
  void visit(const F& f);

  std::vector<std::string> names_;
  std::vector<Tensor> tensors_;
  std::vector<Tensor> averages_;
  Tensor n_averaged_;  // undefined where they are not counted
};

struct EMAOptions {
  double decay = 0.999;  ///< in [0, 1]
  /// Begins with smaller decays: after n updates no more than 1 − (1 + n / gamma)^−power.
  bool warmup = false;
  double warmup_gamma = 1;       ///< positive
  double warmup_power = 2. / 3;  ///< positive; 3 / 4 for short trainings

  /// ValueError for options outside their ranges.
  friend void require_valid(const EMAOptions& options);
};

/// The exponential moving average of a net's tensors; its first update takes them as they are.
///
///     optim::EMA ema(net.state_dict(), {.decay = 0.9999, .warmup = true});
///     …
///     ema.update();  // after each step
///     …
///     {
///       const optim::AverageGuard guard(ema);
///       evaluate(net);
///     }
class EMA : public MovingAverage {
 public:
  explicit EMA(const NamedTensors& tensors, const EMAOptions& options = {});
  void update();

 private:
  EMAOptions options_;
};

/// The plain mean of a net's tensors over updates, as at the end of epochs with a large rate:
/// stochastic weight averaging (Izmailov et al., arXiv:1803.05407). Afterwards update_bn()
/// recomputes the running statistics of batch norms.
class SWA : public MovingAverage {
 public:
  explicit SWA(const NamedTensors& tensors);
  void update();
};

/// While one lives, the tensors have their averages' values. Not to be updated meanwhile.
class AverageGuard {
 public:
  /// The average must live as long as this. The errors of swap().
  explicit AverageGuard(MovingAverage& average) : average_(&average) { average.swap(); }
  /// Puts back, unless that cannot be, as where the net was converted meanwhile; restore() tells.
  ~AverageGuard();
  AverageGuard(const AverageGuard&) = delete;
  AverageGuard& operator=(const AverageGuard&) = delete;

  /// Puts back before its end. The errors of swap().
  void restore();

 private:
  MovingAverage* average_;  // null once it is restored
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
