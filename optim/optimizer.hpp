#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/nn/gradient.hpp>

#include <array>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// A learning rate, which has no sensible default: leaving it out of an options list does not
/// compile.
class Required {
 public:
  // Left out altogether, the compiler would say that no constructor fits, and not why.
  template <class Missing = void>
  Required() : value_(0) {
    static_assert(
        !std::is_void_v<Missing>,
        "lr, the learning rate, is missing and has no default; give it, as in {.lr = 0.1}");
  }
  Required(double value) : value_(value) {}            // NOLINT: {.lr = 0.1} is meant to work
  operator double() const noexcept { return value_; }  // NOLINT
  double& value() noexcept { return value_; }

 private:
  double value_;
};

namespace detail {

/// ValueError unless an option of an optimiser is finite and not negative.
void require_not_negative(const char* optimizer, const char* option, double value);
/// ValueError unless it lies in [0, 1).
void require_fraction(const char* optimizer, const char* option, double value);
/// ValueError unless both lie in [0, 1).
void require_betas(const char* optimizer, const std::array<double, 2>& betas);

/// Refuses what would silently train nothing: no tensors, the same one twice (ValueError), results
/// of the tape (GraphError); views that are not contiguous (ValueError); 16 bits (DTypeError).
void check_parameters(const char* optimizer, const std::vector<std::vector<Tensor>>& groups);

using nn::detail::called;
using nn::detail::gradient_of;

/// Before any parameter takes a step: ValueError where x and its gradient do not fit; DTypeError
/// where x has 16 bits by now; GraphError where nobody but the optimiser has x, because its module
/// was replaced.
void check_step(const char* optimizer, const Tensor& x, std::size_t index);

/// A tensor of a state and the name it is saved under.
struct StateEntry {
  std::string name;
  Tensor* value;  ///< undefined until there is something to remember
  Shape shape;
  DType dtype;
  const void* of = nullptr;  ///< the parameter's impl(); null for what is of all together
};

/// What of `entries` is defined, by name, sharing memory.
NamedTensors state_of(const std::vector<StateEntry>& entries);
/// Copies `values` into the entries of their names and undefines the others. ValueError names every
/// value that has no entry, does not fit it or comes twice, and nothing is changed then.
void load_state(const char* owner, const std::vector<StateEntry>& entries,
                const NamedTensors& values);

}  // namespace detail

/// Computes the loss anew: clears the gradients, runs forward and backward, and gives the loss.
using Closure = std::function<Tensor()>;

/// Changes parameters along their gradients. A step is for one thread, while no other computes with
/// the parameters; it changes nothing where it throws. After a move the optimiser that is left
/// throws a ValueError. There are no copies, which would share what is remembered.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  /// One update of every parameter that has a gradient. GraphError if none has.
  virtual void step() = 0;
  /// closure(), then step(): the loss before the step. Some optimisers call the closure several
  /// times. ValueError where it is empty or gives no number.
  virtual Tensor step(const Closure& closure);
  /// Clears all gradients, so that the next backward() starts anew.
  void zero_grad();

  /// Sets the learning rate of all groups.
  void set_lr(double lr);
  /// The learning rate of the first group.
  double lr();
  /// The learning rate of each group.
  std::vector<double> learning_rates();
  /// One for each group (ValueError otherwise).
  void set_learning_rates(const std::vector<double>& rates);
  /// What the schedulers cycle against the rate: of each group the first of its `betas`, or its
  /// `momentum`. Empty where an optimiser has neither.
  std::vector<double> momenta();
  /// One for each group (ValueError otherwise).
  void set_momenta(const std::vector<double>& momenta);

  /// What the optimiser remembers from step to step, such as momentum, sharing memory; its options
  /// are not in it. With the parameters it is all that a training needs to go on as if it had never
  /// stopped. ValueError where other processes have a part of it.
  NamedTensors state_dict();
  /// Copies values in. ValueError, and nothing changed, where they are not of such an optimiser.
  void load_state_dict(const NamedTensors& values);
  /// Whether state_dict() has all of it: not where processes share what they remember
  /// (distributed::ZeroRedundancyOptimizer).
  virtual bool has_whole_state() const { return true; }
  /// Brings all of it to the first process, for state_dict() there. All processes call it.
  virtual void consolidate_state_dict() {}

 protected:
  Optimizer() = default;

  /// Calls f for every parameter.
  virtual void visit(const std::function<void(Tensor&)>& f) = 0;
  /// Calls f for the learning rate of every group.
  virtual void visit_rates(const std::function<void(double&)>& f) = 0;
  /// Calls f for the momentum of every group, where there is one.
  virtual void visit_momenta(const std::function<void(double&)>&) {}
  virtual std::vector<detail::StateEntry> state() = 0;
  /// Throws what a step would, before anything changes.
  virtual void require_ready() {}

  // For an optimiser around others, whose protected members are out of its reach.
  static void visit_inner(Optimizer& inner, const std::function<void(Tensor&)>& f) {
    inner.visit(f);
  }
  static void visit_inner_rates(Optimizer& inner, const std::function<void(double&)>& f) {
    inner.visit_rates(f);
  }
  static void visit_inner_momenta(Optimizer& inner, const std::function<void(double&)>& f) {
    inner.visit_momenta(f);
  }
  /// Under names that begin with `prefix`.
  static std::vector<detail::StateEntry> inner_state(Optimizer& inner, const char* prefix = "");
  static void require_inner_ready(Optimizer& inner) { inner.require_ready(); }
  static std::vector<Tensor> parameters_of(Optimizer& inner);
  static bool has_gradient(Optimizer& inner);

  /// The loss that the closure gives, as a step with one begins.
  static Tensor loss_of(const char* optimizer, const Closure& closure);
  /// What step() says where it cannot do without a closure.
  [[noreturn]] static void throw_needs_closure(const char* optimizer);

  /// Refuses a step in which no parameter has a gradient (GraphError), or one is undefined
  /// (ValueError).
  void require_gradients(const char* optimizer);
  /// Refuses what was moved from (ValueError).
  void require_parameters(const char* operation);

 private:
  friend class SchedulerBase;

  /// A group's rate before the first scheduler changed it, and what the last one left. Schedulers
  /// that are made side by side go by the same rates, unless somebody else set others since.
  struct Scheduled {
    double initial;
    double last;
  };
  std::vector<Scheduled> scheduled_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
