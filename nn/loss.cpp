#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/func/checkpoint.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn {

Tensor detail::no_examples(LossInput kind) {
  switch (kind) {
    case numbers:
      return Tensor::empty({0});
    case rows:
      return Tensor::empty({0, 1});
    case classes:
      return Tensor::empty({0}, int64);
    case labels:
      return Tensor::empty({0, 1}, int64);
    case steps:
      break;
  }
  return Tensor::empty({1, 0, 1});
}

BCEWithLogitsLoss::BCEWithLogitsLoss(const BinaryCrossEntropyWithLogitsOptions& options)
    : WeightedLoss(options) {
  if (options.pos_weight.defined()) pos_weight = add_buffer("pos_weight", options.pos_weight);
  options_.pos_weight = {};
}
BCEWithLogitsLoss::BCEWithLogitsLoss(Reduction reduction) : WeightedLoss(reduction) {}

Tensor BCEWithLogitsLoss::forward(const Tensor& logits, const Tensor& target) {
  BinaryCrossEntropyWithLogitsOptions options = options_;
  options.weight = weight;
  options.pos_weight = pos_weight;
  return binary_cross_entropy_with_logits(logits, target, options);
}

CTCLoss::CTCLoss(const CtcLossOptions& options) : Loss(options) {
  require<ValueError>(options.blank >= 0, "CTCLoss: blank {} is no class; they count from 0",
                      options.blank);
}
CTCLoss::CTCLoss(Reduction reduction) : Loss(reduction) {}

LinearCrossEntropyLoss::LinearCrossEntropyLoss(std::int64_t features, std::int64_t classes,
                                               const LinearCrossEntropyOptions& options)
    : options_(options) {
  require<ValueError>(features > 0 && classes > 0,
                      "LinearCrossEntropyLoss: {} features and {} classes; both must be positive",
                      features, classes);
  require<ValueError>(options.rows >= 0,
                      "LinearCrossEntropyLoss: {} rows at a time; give one or more, or 0",
                      options.rows);
  cross_entropy(Tensor::empty({0, 1}), Tensor::empty({0}, int64),
                {.label_smoothing = options.label_smoothing, .reduction = options.reduction});
  const xgrad::detail::Running running("LinearCrossEntropyLoss");
  weight = add_parameter("weight", init::default_(Tensor::empty({classes, features}), features));
  if (options.bias)
    bias = add_parameter("bias", init::default_(Tensor::empty({classes}), features));
}

/// The losses of some rows after the other: of each, or their sum.
std::vector<Tensor> LinearCrossEntropyLoss::pieces(const Tensor& x, const Tensor& target) const {
  constexpr std::int64_t logits = 1 << 20;
  const std::int64_t rows =
      options_.rows > 0 ? options_.rows : std::max<std::int64_t>(1, logits / weight.size(0));
  const CrossEntropyOptions of_piece{
      .ignore_index = options_.ignore_index,
      .label_smoothing = options_.label_smoothing,
      .reduction = options_.reduction == Reduction::none ? Reduction::none : Reduction::sum};
  std::vector<Tensor> losses;
  std::int64_t begin = 0;
  do {
    const std::int64_t end = begin + std::min(rows, x.size(0) - begin);
    const auto loss = [w = Tensor(weight), b = Tensor(bias), t = target.slice(0, begin, end),
                       of_piece](const Tensor& some) {
      return cross_entropy(linear(some, w, b), t, of_piece);
    };
    losses.push_back(checkpoint(loss, x.slice(0, begin, end)));
    begin = end;
  } while (begin < x.size(0));
  return losses;
}

Tensor LinearCrossEntropyLoss::forward(const Tensor& x, const Tensor& target) {
  const xgrad::detail::Running running("LinearCrossEntropyLoss", x, target);
  Shape examples = x.shape();
  if (!examples.empty()) examples.erase(examples.size() - 1);
  require<ShapeError>(x.dim() > 0 && x.size(-1) == weight.size(1) && target.shape() == examples,
                      "LinearCrossEntropyLoss: input {} and target {}; they must be [..., {}] and "
                      "[...]",
                      x.shape(), target.shape(), weight.size(1));
  require<DTypeError>(target.dtype() == int64,
                      "LinearCrossEntropyLoss: target classes are {}, they must be int64",
                      target.dtype());
  const std::int64_t count = target.numel();
  const std::vector<Tensor> losses =
      pieces(reshape(x, {count, weight.size(1)}), reshape(target, {count}));
  if (options_.reduction == Reduction::none) return reshape(cat(losses), examples);
  const Tensor total = sum(stack(losses));
  if (options_.reduction == Reduction::sum) return total;
  return total / sum(target != options_.ignore_index).to(total.dtype());
}

}  // namespace xgrad::nn
