#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace xgrad::optim {

/// A number without a sensible default: leaving it out of an options list does not compile.
class Required {
 public:
  Required(double value) : value_(value) {}            // NOLINT: {.lr = 0.1} is meant to work
  operator double() const noexcept { return value_; }  // NOLINT

 private:
  double value_;
};

namespace detail {

/// Refuses what would silently train nothing: no tensors, the same one twice (ValueError), results
/// of the tape (GraphError).
void check_parameters(const char* optimizer, const std::vector<std::vector<Tensor>>& groups);

}  // namespace detail

/// Changes parameters along their gradients.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update of every parameter that has a gradient. GraphError if none has.
  virtual void step() = 0;
  /// Clears all gradients, so that the next backward() starts anew.
  void zero_grad();
  /// Sets the learning rate of all groups.
  virtual void set_lr(double lr) = 0;

 protected:
  /// Calls f for every parameter.
  virtual void visit(const std::function<void(Tensor&)>& f) = 0;
  /// Refuses a step in which no parameter has a gradient (GraphError).
  void require_gradients(const char* optimizer);
};

}  // namespace xgrad::optim
