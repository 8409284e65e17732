// Losses of classes: of one for each example, and of several.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/softmax.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduced.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include <optional>

namespace xgrad {

using detail::reduced;

namespace {

std::size_t class_axis(const char* operation, const Tensor& x) {
  require<ShapeError>(x.dim() > 0, "{}: a scalar has no class axis", operation);
  return x.dim() == 1 ? 0 : 1;
}

void check_weight(const char* operation, const Tensor& weight, std::int64_t classes, DType dtype) {
  if (!weight.defined()) return;
  require<ShapeError>(weight.shape() == Shape{classes},
                      "{}: weight {} for {} classes; it must be [{}]", operation, weight.shape(),
                      classes, classes);
  require<DTypeError>(weight.dtype() == dtype, "{}: weight is {}, the input {}", operation,
                      weight.dtype(), dtype);
}

/// The targets made safe to look up, and how much each counts (undefined: all 1).
struct Targets {
  Tensor classes;
  Tensor weight;
  Tensor counted;  // bool; undefined if none is ignored
};

Targets prepare(const char* operation, const Tensor& x, const Tensor& target, const Tensor& weight,
                std::optional<std::int64_t> ignore_index) {
  const std::size_t axis = class_axis(operation, x);
  const std::int64_t classes = x.shape()[axis];
  Shape expected = x.shape();
  expected.erase(axis);
  require<DTypeError>(target.dtype() == int64,
                      "{}: target classes are {}, they must be int64 (or, as probabilities in "
                      "cross_entropy, floating)",
                      operation, target.dtype());
  require<ShapeError>(target.shape() == expected,
                      "{}: target {} does not fit input {}; it must be {}", operation,
                      target.shape(), x.shape(), expected);
  check_weight(operation, weight, classes, x.dtype());
  const Tensor rows = in_rows(target);
  const std::int64_t* values = rows.data<std::int64_t>();
  bool ignored = false;
  for (std::int64_t i = 0; i < target.numel(); ++i) {
    ignored |= values[i] == ignore_index;
    require<ValueError>(values[i] == ignore_index || (values[i] >= 0 && values[i] < classes),
                        "{}: target {} at position {} is no class; there are {} (0 to {})",
                        operation, values[i], i, classes, classes - 1);
  }
  Targets result{.classes = target, .weight = {}, .counted = {}};
  if (ignored) {
    result.counted = target != *ignore_index;
    result.classes = where(result.counted, target, 0);
    result.weight = to(result.counted, x.dtype());
  }
  if (weight.defined()) {
    const Tensor own =
        reshape(index_select(weight, 0, reshape(result.classes, {target.numel()})), target.shape());
    result.weight = ignored ? own * result.weight : own;
  }
  return result;
}

Tensor weighted(const char* operation, const Tensor& losses, const Targets& targets,
                Reduction reduction) {
  if (!targets.weight.defined()) return reduced(operation, losses, reduction);
  // An ignored entry counts for nothing even where its loss is infinite.
  const Tensor finite = targets.counted.defined() ? where(targets.counted, losses, 0) : losses;
  const Tensor counted = finite * targets.weight;
  if (reduction != Reduction::mean) return reduced(operation, counted, reduction);
  return sum(counted) / sum(targets.weight);
}

Tensor picked(const Tensor& log_probabilities, const Tensor& classes) {
  const auto axis = static_cast<std::int64_t>(class_axis("nll_loss", log_probabilities));
  return squeeze(gather(log_probabilities, axis, unsqueeze(classes, axis)), axis);
}

}  // namespace

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const NllLossOptions& options) {
  const detail::Running running("nll_loss", log_probabilities, target);
  require<DTypeError>(is_floating(log_probabilities.dtype()),
                      "nll_loss: log_probabilities are {}, they must be floating",
                      log_probabilities.dtype());
  const Targets targets =
      prepare("nll_loss", log_probabilities, target, options.weight, options.ignore_index);
  return weighted("nll_loss", -picked(log_probabilities, targets.classes), targets,
                  options.reduction);
}

namespace {

/// Weights of the classes in the shape that multiplies logits.
Tensor class_weights(const Tensor& weight, const Tensor& logits, std::size_t axis) {
  Shape shape;
  for (std::size_t i = axis; i < logits.shape().size(); ++i)
    shape.push_back(i == axis ? logits.shape()[axis] : 1);
  return reshape(weight, shape);
}

Tensor with_probabilities(const Tensor& logits, const Tensor& target,
                          const CrossEntropyOptions& options) {
  const std::size_t axis = class_axis("cross_entropy", logits);
  const std::int64_t classes = logits.shape()[axis];
  require<ShapeError>(target.shape() == logits.shape(),
                      "cross_entropy: target probabilities {} do not fit logits {}; the shapes "
                      "must be equal (target classes are int64)",
                      target.shape(), logits.shape());
  require<DTypeError>(target.dtype() == logits.dtype(),
                      "cross_entropy: target probabilities are {}, the logits {}", target.dtype(),
                      logits.dtype());
  check_weight("cross_entropy", options.weight, classes, logits.dtype());
  const double mix = options.label_smoothing;
  const Tensor wanted = mix > 0 ? target * (1 - mix) + mix / static_cast<double>(classes) : target;
  const auto along = static_cast<std::int64_t>(axis);
  Tensor terms = wanted * log_softmax(logits, along);
  if (options.weight.defined()) terms = terms * class_weights(options.weight, logits, axis);
  return reduced("cross_entropy", -sum(terms, along), options.reduction);
}

// For logits [N, C] and targets that all count alike.  y = −Σ q ln p with p the softmax and
// q = (1 − s) [c = target] + s / C, over N for the mean;  dL/dx = (p − q) dL/dy
Tensor cross_entropy_rows(const Tensor& logits, const Tensor& target, double smoothing,
                          double scale) {
  const kernels::Rows rows{logits.size(0), logits.size(1)};
  const Tensor lp = no_grad([&] { return log_softmax(logits, 1); });
  const Tensor classes = in_rows(target);
  const kernels::SmoothedTargets targets{classes.data<std::int64_t>(), smoothing};
  const Tensor y = compute<Types::floating>(
      Op::cross_entropy, Shape{},
      [&]<class T>(const T* values, T* sum) {
        *sum = static_cast<T>(scale * kernels::cross_entropy(rows, values, targets));
      },
      lp);
  // factor · (p − q)
  const auto difference = [rows, smoothing, t = saved(classes)](const Tensor& log_probabilities,
                                                                double factor) {
    const kernels::SmoothedTargets wanted{t().data<std::int64_t>(), smoothing};
    return compute<Types::floating>(
        "cross_entropy_input", log_probabilities.shape(),
        [&]<class T>(const T* values, T* dx) {
          kernels::cross_entropy_input(rows, values, wanted, static_cast<T>(factor), dx);
        },
        log_probabilities);
  };
  return record(
      Op::cross_entropy, y,
      wrt(logits, fused([lp, difference,
                         scale](const Tensor& dy) { return difference(lp, scale * dy.item()); },
                        [lp, difference, scale, x = saved(logits)](const Tensor& dy) {
                          // A function of x: the constant q is what is left of it where p is known.
                          const Tensor p = softmax(x(), 1);
                          const Tensor q = no_grad([&] { return exp(lp) - difference(lp, 1); });
                          return (p - q) * (dy * scale);
                        })));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options) {
  const detail::Running running("cross_entropy", logits, target);
  const double mix = options.label_smoothing;
  require<ValueError>(mix >= 0 && mix <= 1, "cross_entropy: label_smoothing {} is not in [0, 1]",
                      mix);
  require<DTypeError>(is_floating(logits.dtype()),
                      "cross_entropy: logits are {}, they must be floating", logits.dtype());
  if (is_half(logits.dtype())) {
    CrossEntropyOptions wide = options;
    if (wide.weight.defined()) wide.weight = to(wide.weight, float32);
    const Tensor wanted = is_floating(target.dtype()) ? to(target, float32) : target;
    return in_float32([&](const Tensor& x) { return cross_entropy(x, wanted, wide); }, logits);
  }
  if (is_floating(target.dtype())) return with_probabilities(logits, target, options);

  const std::size_t axis = class_axis("cross_entropy", logits);
  const Targets targets =
      prepare("cross_entropy", logits, target, options.weight, options.ignore_index);
  if (logits.dim() == 2 && logits.numel() > 0 && !targets.weight.defined() &&
      (options.reduction == Reduction::mean || options.reduction == Reduction::sum))
    return cross_entropy_rows(
        logits, target, mix,
        options.reduction == Reduction::mean ? 1 / static_cast<double>(logits.size(0)) : 1);
  const Tensor log_probabilities = log_softmax(logits, static_cast<std::int64_t>(axis));
  const Tensor hard = weighted("cross_entropy", -picked(log_probabilities, targets.classes),
                               targets, options.reduction);
  if (mix == 0) return hard;

  // The uniform part: every class counts with its own weight; the mean is over the same number.
  Tensor terms = -log_probabilities;
  if (options.weight.defined()) terms = terms * class_weights(options.weight, logits, axis);
  Tensor each = mean(terms, static_cast<std::int64_t>(axis));
  if (targets.counted.defined()) each = where(targets.counted, each, 0);
  const bool over_weight = options.reduction == Reduction::mean && targets.weight.defined();
  const Tensor uniform = over_weight ? sum(each) / sum(targets.weight)
                                     : reduced("cross_entropy", each, options.reduction);
  return (1 - mix) * hard + mix * uniform;
}

// y = w[t] Σ max(0, m − x[t] + x[i])ᵖ / C over i ≠ t
Tensor multi_margin_loss(const Tensor& x, const Tensor& target,
                         const MultiMarginLossOptions& options) {
  const detail::Running running("multi_margin_loss", x, target);
  require<DTypeError>(is_floating(x.dtype()), "multi_margin_loss: input is {}; it must be floating",
                      x.dtype());
  require<ShapeError>(x.dim() == 1 || x.dim() == 2,
                      "multi_margin_loss: input {}; it must be [N, classes] or [classes]",
                      x.shape());
  const double p = options.p;
  require<ValueError>(p == 1 || p == 2, "multi_margin_loss: p is {}; it must be 1 or 2", p);
  require_number("multi_margin_loss", "margin", options.margin);
  const Targets targets = prepare("multi_margin_loss", x, target, options.weight, {});
  const Tensor classes = unsqueeze(target, -1);
  const Tensor own = gather(x, -1, classes);
  const Tensor missing = relu(options.margin - own + x);
  const Tensor others = where(classes == arange(x.size(-1)), 0, missing);
  const Tensor each = mean(p == 1 ? others : square(others), -1);
  return reduced("multi_margin_loss", targets.weight.defined() ? each * targets.weight : each,
                 options.reduction);
}

namespace {

/// How often each class is in the targets, up to the first −1 of each row; in x's dtype.
Tensor counts_of(const Tensor& x, const Tensor& target) {
  const std::int64_t classes = x.size(-1);
  const Tensor rows = in_rows(target);
  const std::int64_t* const values = rows.data<std::int64_t>();
  Tensor counts = zeros(x.shape(), {.dtype = float64});
  double* const to = counts.mutable_data<double>();
  for (std::int64_t row = 0; row < target.numel(); row += classes)
    for (std::int64_t i = row; i < row + classes && values[i] != -1; ++i) {
      require<ValueError>(values[i] >= 0 && values[i] < classes,
                          "multilabel_margin_loss: target {} at position {} is no class; there are "
                          "{} (0 to {}), and -1 after the last",
                          values[i], i, classes, classes - 1);
      ++to[row + values[i]];
    }
  return xgrad::to(counts, x.dtype());
}

}  // namespace

// y = Σ n[j] max(0, 1 − (x[j] − x[i])) / C over i with n[i] = 0, n being the counts of the target
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("multilabel_margin_loss", x, target);
  require<DTypeError>(is_floating(x.dtype()) && target.dtype() == int64,
                      "multilabel_margin_loss: input is {} and target {}; they must be floating "
                      "and int64",
                      x.dtype(), target.dtype());
  require<ShapeError>(
      (x.dim() == 1 || x.dim() == 2) && x.shape() == target.shape(),
      "multilabel_margin_loss: input {} and target {}; both must be [N, classes] or "
      "[classes]",
      x.shape(), target.shape());
  const Tensor counts = counts_of(x, target);
  const Tensor missing = relu(1 - (unsqueeze(x, -1) - unsqueeze(x, -2)));
  const Tensor others = where(unsqueeze(counts, -2) == 0, missing, 0) * unsqueeze(counts, -1);
  return reduced("multilabel_margin_loss", mean(sum(others, -1), -1), options.reduction);
}

}  // namespace xgrad
