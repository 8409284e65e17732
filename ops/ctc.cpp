#include <xgrad/autograd/backward.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/ctc.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pad.hpp>
#include <xgrad/ops/reduced.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace xgrad {
namespace {

using Labels = std::vector<std::int64_t>;

/// What a batch is to be: of each example its steps and its labels.
struct Batch {
  std::int64_t blank;
  bool zero_infinity;
  std::vector<std::int64_t> steps;
  std::vector<Labels> labels;

  std::int64_t size() const { return static_cast<std::int64_t>(steps.size()); }
  std::int64_t steps_of(std::int64_t n) const { return steps[static_cast<std::size_t>(n)]; }
  const Labels& labels_of(std::int64_t n) const { return labels[static_cast<std::size_t>(n)]; }
};

/// The lengths of the examples, each at most `most`.
std::vector<std::int64_t> lengths_in(const char* what, const Tensor& given, std::int64_t examples,
                                     std::int64_t most) {
  require<DTypeError>(given.dtype() == int64, "ctc_loss: {} are {}; they must be int64", what,
                      given.dtype());
  require<ShapeError>(given.dim() <= 1 && given.numel() == examples,
                      "ctc_loss: {} {} for {} examples; one is needed for each", what,
                      given.shape(), examples);
  std::vector<std::int64_t> lengths = given.to_vector<std::int64_t>();
  for (std::size_t n = 0; n < lengths.size(); ++n)
    require<ValueError>(lengths[n] >= 0 && lengths[n] <= most,
                        "ctc_loss: {} has {} at position {}; it must be from 0 to {}", what,
                        lengths[n], n, most);
  return lengths;
}

/// The labels of the examples, from rows of them or from all in one.
std::vector<Labels> labels_in(const Tensor& x, const Tensor& targets, const Tensor& lengths,
                              std::int64_t blank) {
  const std::int64_t examples = x.size(1);
  const std::int64_t classes = x.size(2);
  require<DTypeError>(targets.dtype() == int64, "ctc_loss: targets are {}; they must be int64",
                      targets.dtype());
  const bool joined = targets.dim() == 1;
  require<ShapeError>(joined || (targets.dim() == 2 && targets.size(0) == examples),
                      "ctc_loss: targets {} for {} examples; they must be [examples, labels], or "
                      "all in a row",
                      targets.shape(), examples);
  const std::int64_t most = targets.size(-1);
  const Labels all = targets.to_vector<std::int64_t>();
  std::vector<Labels> labels;
  std::int64_t next = 0;
  for (const std::int64_t length : lengths_in("target_lengths", lengths, examples, most)) {
    const std::int64_t end = next + length;
    require<ShapeError>(end <= targets.numel(),
                        "ctc_loss: target_lengths add up to more than the {} targets",
                        targets.numel());
    labels.emplace_back(all.begin() + next, all.begin() + end);
    for (const std::int64_t label : labels.back())
      require<ValueError>(label >= 0 && label < classes && label != blank,
                          "ctc_loss: target {} is no label; they are 0 to {}, but for the blank {}",
                          label, classes - 1, blank);
    next = joined ? end : next + most;
  }
  require<ShapeError>(!joined || next == targets.numel(),
                      "ctc_loss: target_lengths add up to {}; there are {} targets in a row", next,
                      targets.numel());
  return labels;
}

template <class T>
kernels::CtcInput<T> example(const T* values, const Shape& shape, std::int64_t n,
                             std::int64_t steps) {
  return {values + n * shape[2], steps, shape[1] * shape[2]};
}

/// Calls f(n) for each example, several at once.
template <class F>
void for_examples(const Batch& batch, const Shape& shape, const F& f) {
  constexpr double place = 40;  // two exponentials, two logarithms
  const double work = place * static_cast<double>(shape[0] + 1);
  kernels::parallel_for(batch.size(), kernels::grain_of(work),
                        [&](std::int64_t begin, std::int64_t end) {
                          for (std::int64_t n = begin; n < end; ++n) f(n);
                        });
}

/// −ln p(labels) of one example, from operations: the recursion of the kernel over the steps. What
/// is not reached has a large number in place of ∞, of which the slopes are 0.
Tensor spelled(const Tensor& x, const Labels& labels, std::int64_t blank) {
  if (x.size(0) == 0) return sum(x);
  constexpr double unreached = -1e30;
  Labels spelling{blank};
  std::vector<bool> skips{false};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    skips.push_back(i > 0 && labels[i] != labels[i - 1]);
    skips.push_back(false);
    spelling.push_back(labels[i]);
    spelling.push_back(blank);
  }
  const auto places = static_cast<std::int64_t>(spelling.size());
  const Tensor p = index_select(x, 1, from_vector(spelling));
  const Tensor may_skip = from_vector(skips);
  const auto later = [&](const Tensor& alpha, std::int64_t by) {
    return slice(pad(alpha, {by, 0}, unreached), 0, 0, places);
  };
  Tensor alpha = where(arange(places) < 2, select(p, 0, 0), unreached);
  for (std::int64_t t = 1; t < x.size(0); ++t) {
    const Tensor skipped = where(may_skip, later(alpha, 2), unreached);
    alpha = logsumexp(stack({alpha, later(alpha, 1), skipped}), 0) + select(p, 0, t);
  }
  return -logsumexp(slice(alpha, 0, -2), 0);
}

/// Σ dy[n] loss[n] from operations, of x.
Tensor weighted_sum(const Tensor& x, const std::vector<bool>& is_spelled, const Tensor& dy,
                    const Batch& batch) {
  Tensor total = sum(x * 0.0);
  for (std::int64_t n = 0; n < batch.size(); ++n) {
    const Tensor own = slice(select(x, 1, n), 0, 0, batch.steps_of(n));
    const Tensor weight = select(dy, 0, n);
    if (is_spelled[static_cast<std::size_t>(n)])
      total = total + weight * spelled(own, batch.labels_of(n), batch.blank);
    else if (!batch.zero_infinity)
      total = total + weight * sum(own * std::numeric_limits<double>::quiet_NaN());
  }
  return total;
}

// y = −ln Σ Π p over the paths that spell the labels;  dL/dx[t, k] = −dL/dy times the probability
// that such a path is at class k at step t. (Graves et al., equations 6 to 8 and 14)
Tensor losses_of(const Tensor& x, const Batch& batch) {
  const Shape shape = x.shape();
  const Tensor raw = compute<Types::floating>(
      Op::ctc_loss, Shape{batch.size()},
      [&]<class T>(const T* values, T* out) {
        for_examples(batch, shape, [&](std::int64_t n) {
          out[n] = static_cast<T>(kernels::ctc_loss(example(values, shape, n, batch.steps_of(n)),
                                                    batch.labels_of(n), batch.blank));
        });
      },
      x);
  std::vector<bool> is_spelled;
  for (const double loss : raw.to_vector<double>()) is_spelled.push_back(std::isfinite(loss));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor y = batch.zero_infinity ? where(raw == infinity, 0, raw) : raw;  // NaN stays
  const auto slopes = [batch, shape](const Tensor& dy, const Tensor& at) {
    return compute<Types::floating>(
        "ctc_loss_input", shape,
        [&]<class T>(const T* values, const T* factors, T* dx) {
          std::fill_n(dx, shape.numel(), T(0));
          for_examples(batch, shape, [&](std::int64_t n) {
            kernels::ctc_loss_input(
                example(values, shape, n, batch.steps_of(n)), batch.labels_of(n), batch.blank,
                static_cast<double>(factors[n]), batch.zero_infinity, dx + n * shape[2]);
          });
        },
        at, dy);
  };
  return record(Op::ctc_loss, y,
                wrt(x, fused([slopes, x = saved(x)](const Tensor& dy) { return slopes(dy, x()); },
                             [batch, is_spelled, x = saved(x)](const Tensor& dy) {
                               const Tensor total = weighted_sum(x(), is_spelled, dy, batch);
                               return grad(total, x(), {.create_graph = true});
                             })));
}

}  // namespace

Tensor ctc_loss(const Tensor& given, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& options) {
  const detail::Running running("ctc_loss", given, targets, input_lengths, target_lengths);
  require<DTypeError>(is_floating(given.dtype()),
                      "ctc_loss: log_probabilities are {}; they must be floating", given.dtype());
  require<ShapeError>(given.dim() == 2 || given.dim() == 3,
                      "ctc_loss: log_probabilities {}; they must be [steps, examples, classes] or "
                      "[steps, classes]",
                      given.shape());
  if (is_half(given.dtype()))
    return in_float32(
        [&](const Tensor& x) {
          return ctc_loss(x, targets, input_lengths, target_lengths, options);
        },
        given);
  const bool alone = given.dim() == 2;
  const Tensor x = alone ? unsqueeze(given, 1) : given;
  const Tensor rows = alone && targets.dim() == 1 ? unsqueeze(targets, 0) : targets;
  require<ValueError>(options.blank >= 0 && options.blank < x.size(2),
                      "ctc_loss: blank {} is no class; there are {}", options.blank, x.size(2));
  const Batch batch{options.blank, options.zero_infinity,
                    lengths_in("input_lengths", input_lengths, x.size(1), x.size(0)),
                    labels_in(x, rows, target_lengths, options.blank)};
  const Tensor losses = losses_of(x, batch);
  if (options.reduction == Reduction::none && alone) return squeeze(losses, 0);
  if (options.reduction != Reduction::mean)
    return detail::reduced("ctc_loss", losses, options.reduction);
  const Tensor lengths = reshape(target_lengths, {batch.size()});
  return mean(losses / to(maximum(lengths, 1), losses.dtype()));
}

}  // namespace xgrad
