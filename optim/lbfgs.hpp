#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <cstdint>
#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// How far LBFGS goes along its direction.
enum class LineSearch : std::uint8_t {
  none,          ///< by the learning rate
  strong_wolfe,  ///< to where the strong Wolfe conditions hold
};

struct LBFGSOptions {
  double lr = 1;                              ///< of the length of the direction, at least 0
  std::int64_t max_iter = 20;                 ///< of one step, at least 1
  std::optional<std::int64_t> max_eval = {};  ///< closures in one step; none: 5/4 max_iter
  double tolerance_grad = 1e-7;     ///< no number of the gradient larger: it is done, at least 0
  double tolerance_change = 1e-9;   ///< no number, or the loss, changes by more: likewise
  std::int64_t history_size = 100;  ///< pairs of changes remembered, 1 to 10 000
  LineSearch line_search_fn = LineSearch::none;
  bool maximize = false;  ///< of the loss

  /// ValueError for options outside their ranges.
  friend void require_valid(const LBFGSOptions& options);
};

/// Newton's method with the inverse Hessian guessed from the last few steps (Nocedal and Wright,
/// Numerical Optimization, algorithm 7.4; as PyTorch has it). For losses that are the same function
/// at each call: all data, no dropout.
///
///     using optim::LineSearch;
///     optim::LBFGS optimizer(net.parameters(), {.line_search_fn = LineSearch::strong_wolfe});
///     optimizer.step([&] {
///       optimizer.zero_grad();
///       const Tensor loss = cross_entropy(net(x), labels);
///       loss.backward();
///       return loss;
///     });
///
/// ValueError where parameters have several dtypes, and where the loss or a gradient is not finite
/// other than in a line search, which turns back. Where the closure throws, the parameters are as
/// the last iteration left them.
class LBFGS : public Optimizer {
 public:
  explicit LBFGS(std::vector<Tensor> parameters, const LBFGSOptions& options = {});

  /// Up to max_iter iterations. Gives the loss before them.
  Tensor step(const Closure& closure) override;
  /// ValueError: it needs a closure.
  void step() override;

  const LBFGSOptions& options() const noexcept { return options_; }

 protected:
  void visit(const std::function<void(Tensor&)>& f) override;
  void visit_rates(const std::function<void(double&)>& f) override;
  std::vector<detail::StateEntry> state() override;
  void require_ready() override;

 private:
  /// As PyTorch names it. Vectors hold all parameters one after another.
  struct State {
    Tensor n_iter, d, t, prev_flat_grad, prev_loss, H_diag;
    std::vector<Tensor> old_dirs, old_stps, ro;  // the oldest first, then undefined ones
  };
  struct Evaluation {
    Tensor loss;
    double value = 0;  ///< what is to become small
    Tensor gradient;
    std::int64_t evaluations = 0;
  };

  std::int64_t numel() const;
  void check_state() const;
  Evaluation evaluate(const Closure& closure);
  Evaluation evaluate_finite(const Closure& closure);
  Tensor direction(State& next, const Tensor& gradient) const;
  void move(const Tensor& d, double t);
  /// How far to go; `now` is what is there then.
  double search(const Closure& closure, const Tensor& d, double t, Evaluation& now);
  /// Whether to go on.
  bool iterate(const Closure& closure, bool is_last, Evaluation& now);
  bool is_flat(const Evaluation& now) const;

  std::vector<Tensor> parameters_;
  LBFGSOptions options_;
  State state_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
