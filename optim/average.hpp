#pragma once
#include <xgrad/optim/optimizer.hpp>

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

  /// average ← decay · average + (1 − decay) · tensor. ValueError unless 0 ≤ decay ≤ 1.
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

 private:
  std::vector<detail::StateEntry> state();
  /// f(tensor, average) for each, as float or double arrays and how many.
  template <class F>
  void visit(const F& f);

  std::vector<std::string> names_;
  std::vector<Tensor> tensors_;
  std::vector<Tensor> averages_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
