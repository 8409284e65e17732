// Losses as modules.

#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// A loss in float64 is what the operation gives, also as a clone; gradients reach the first input.
template <class M, class... Inputs>
void check(const std::string& name, M loss, const Tensor& expected, Tensor x,
           const Inputs&... rest) {
  CAPTURE(name);
  CHECK(loss.type_name() == name);
  loss.to(float64);
  CHECK(equal(loss(x, rest...), expected));
  M copy = nn::clone(loss);
  CHECK(equal(copy(x, rest...), expected));
  x = x.clone().requires_grad_();
  loss(x, rest...).sum().backward();
  CHECK(x.grad().defined());
}

const Tensor& some() {
  static const Tensor x = uniform({6, 4}, 0.1, 0.9, 1);
  return x;
}
const Tensor& other() {
  static const Tensor x = uniform({6, 4}, 0.1, 0.9, 2);
  return x;
}
const Tensor& third() {
  static const Tensor x = uniform({6, 4}, 0.1, 0.9, 3);
  return x;
}
Tensor signs() { return tensor({1., -1., 1., 1., -1., -1.}).to(float64); }
Tensor classes() { return tensor({0, 3, 1, 1, 2, 0}); }
Tensor class_weights() { return tensor({1., 2., 3., 0.5}).to(float64); }

}  // namespace

TEST_CASE("losses of elements are the operations, with their defaults, a reduction or options") {
  const Tensor& x = some();
  const Tensor& y = other();
  const LossOptions sum{.reduction = Reduction::sum};
  check("MSELoss", nn::MSELoss{}, mse_loss(x, y), x, y);
  check("MSELoss", nn::MSELoss{nn::Reduction::sum}, mse_loss(x, y, sum), x, y);
  check("MSELoss", nn::MSELoss{{.reduction = Reduction::none}}, square(x - y), x, y);
  check("L1Loss", nn::L1Loss{}, l1_loss(x, y), x, y);
  check("SmoothL1Loss", nn::SmoothL1Loss{{.beta = 0.3}}, smooth_l1_loss(x, y, {.beta = 0.3}), x, y);
  check("HuberLoss", nn::HuberLoss{{.delta = 0.3}}, huber_loss(x, y, {.delta = 0.3}), x, y);
  check("BCELoss", nn::BCELoss{}, binary_cross_entropy(x, y), x, y);
  check("BCELoss", nn::BCELoss{{.weight = class_weights()}},
        binary_cross_entropy(x, y, {.weight = class_weights()}), x, y);
  check("BCEWithLogitsLoss", nn::BCEWithLogitsLoss{nn::Reduction::sum},
        binary_cross_entropy_with_logits(x, y, {.reduction = Reduction::sum}), x, y);
  check("BCEWithLogitsLoss",
        nn::BCEWithLogitsLoss{{.weight = third(), .pos_weight = class_weights()}},
        binary_cross_entropy_with_logits(x, y, {.weight = third(), .pos_weight = class_weights()}),
        x, y);
  check("KLDivLoss", nn::KLDivLoss{nn::Reduction::batchmean},
        kl_div(x, y, {.reduction = Reduction::batchmean}), x, y);
  check("KLDivLoss", nn::KLDivLoss{{.log_target = true}}, kl_div(x, y, {.log_target = true}), x, y);
  check("PoissonNLLLoss", nn::PoissonNLLLoss{{.log_input = false, .full = true}},
        poisson_nll_loss(x, y, {.log_input = false, .full = true}), x, y);
  check("GaussianNLLLoss", nn::GaussianNLLLoss{{.full = true}},
        gaussian_nll_loss(x, y, third(), {.full = true}), x, y, third());
  check("SoftMarginLoss", nn::SoftMarginLoss{}, soft_margin_loss(x, y), x, y);
}

TEST_CASE("losses of classes are the operations, weights being theirs") {
  const Tensor& x = some();
  const Tensor labels = tensor(
      {{0, 3, -1, 1}, {2, -1, 0, 0}, {3, 2, 1, 0}, {-1, 0, 0, 0}, {1, -1, 0, 0}, {0, -1, 1, 1}});
  check("NLLLoss", nn::NLLLoss{}, nll_loss(x, classes()), x, classes());
  check("NLLLoss", nn::NLLLoss{{.weight = class_weights(), .ignore_index = 1}},
        nll_loss(x, classes(), {.weight = class_weights(), .ignore_index = 1}), x, classes());
  check("CrossEntropyLoss", nn::CrossEntropyLoss{}, cross_entropy(x, classes()), x, classes());
  check("CrossEntropyLoss",
        nn::CrossEntropyLoss{{.weight = class_weights(), .label_smoothing = 0.1}},
        cross_entropy(x, classes(), {.weight = class_weights(), .label_smoothing = 0.1}), x,
        classes());
  check("CrossEntropyLoss", nn::CrossEntropyLoss{nn::Reduction::none},
        cross_entropy(x, softmax(other(), 1), {.reduction = Reduction::none}), x,
        softmax(other(), 1));
  check("MultiMarginLoss", nn::MultiMarginLoss{{.p = 2, .weight = class_weights()}},
        multi_margin_loss(x, classes(), {.p = 2, .weight = class_weights()}), x, classes());
  check("MultiLabelMarginLoss", nn::MultiLabelMarginLoss{}, multilabel_margin_loss(x, labels), x,
        labels);
  check("MultiLabelSoftMarginLoss", nn::MultiLabelSoftMarginLoss{{.weight = class_weights()}},
        multilabel_soft_margin_loss(x, other(), {.weight = class_weights()}), x, other());
  const Tensor steps = log_softmax(normal({5, 2, 4}), 2);
  const Tensor targets = tensor({{1, 2}, {3, 3}}), in = tensor({5, 4}), out = tensor({2, 1});
  check("CTCLoss", nn::CTCLoss{}, ctc_loss(steps, targets, in, out), steps, targets, in, out);
  check("CTCLoss", nn::CTCLoss{{.blank = 2, .reduction = Reduction::none}},
        ctc_loss(steps, tensor({{1, 0}, {3, 3}}), in, out,
                 {.blank = 2, .reduction = Reduction::none}),
        steps, tensor({{1, 0}, {3, 3}}), in, out);
}

TEST_CASE("losses of margins and of several inputs are the operations") {
  const Tensor& x = some();
  const Tensor& y = other();
  const Tensor& z = third();
  const Tensor one = x.select(1, 0), two = y.select(1, 0);
  check("HingeEmbeddingLoss", nn::HingeEmbeddingLoss{{.margin = 0.5}},
        hinge_embedding_loss(one, signs(), {.margin = 0.5}), one, signs());
  check("MarginRankingLoss", nn::MarginRankingLoss{{.margin = 0.5}},
        margin_ranking_loss(one, two, signs(), {.margin = 0.5}), one, two, signs());
  check("CosineEmbeddingLoss", nn::CosineEmbeddingLoss{{.margin = 0.5}},
        cosine_embedding_loss(x, y, signs(), {.margin = 0.5}), x, y, signs());
  check("TripletMarginLoss", nn::TripletMarginLoss{{.margin = 2, .p = 1, .swap = true}},
        triplet_margin_loss(x, y, z, {.margin = 2, .p = 1, .swap = true}), x, y, z);
  int calls = 0;
  const auto distance = [&calls](const Tensor& a, const Tensor& b) {
    ++calls;
    return abs(a - b).sum(-1);
  };
  nn::TripletMarginWithDistanceLoss by_distance{{.distance_function = distance, .margin = 2}};
  CHECK(calls == 0);
  check("TripletMarginWithDistanceLoss", by_distance,
        triplet_margin_with_distance_loss(x, y, z, {.distance_function = distance, .margin = 2}), x,
        y, z);
  CHECK(calls == 8);
}

TEST_CASE("losses by hand") {
  CHECK(nn::MSELoss{}(tensor({1.F, 2.F}), tensor({3.F, 2.F})).item() == 2);
  CHECK(nn::MSELoss{nn::Reduction::sum}(tensor({1.F, 2.F}), tensor({3.F, 2.F})).item() == 4);
  CHECK(nn::L1Loss{}(tensor({1.F, 2.F}), tensor({3.F, 2.F})).item() == 1);
  CHECK(nn::NLLLoss{}(tensor({{-1.F, -3.F}, {-2.F, -5.F}}), tensor({1, 0})).item() == 2.5);
  CHECK(nn::CrossEntropyLoss{}(zeros({3, 8}), tensor({0, 7, 3})).item() ==
        doctest::Approx(std::log(8)));
  CHECK(nn::MarginRankingLoss{}(tensor({1.F}), tensor({3.F}), tensor({1.F})).item() == 2);
}

TEST_CASE("weights of losses are buffers: named, saved, converted and cloned") {
  using Names = std::vector<std::string>;
  const Tensor w = class_weights();
  CHECK(state_of(nn::CrossEntropyLoss{}).empty());
  CHECK(state_of(nn::BCEWithLogitsLoss{}).empty());
  CHECK(state_of(nn::CrossEntropyLoss{{.weight = w}}) == Names{"weight [4]"});
  CHECK(state_of(nn::NLLLoss{{.weight = w}}) == Names{"weight [4]"});
  CHECK(state_of(nn::MultiMarginLoss{{.weight = w}}) == Names{"weight [4]"});
  CHECK(state_of(nn::BCELoss{{.weight = w}}) == Names{"weight [4]"});
  CHECK(state_of(nn::MultiLabelSoftMarginLoss{{.weight = w}}) == Names{"weight [4]"});
  CHECK(state_of(nn::BCEWithLogitsLoss{{.weight = w, .pos_weight = w}}) ==
        Names{"weight [4]", "pos_weight [4]"});

  nn::CrossEntropyLoss loss{{.weight = w.clone()}};
  CHECK(loss.parameters().empty());
  nn::CrossEntropyLoss copy = nn::clone(loss);
  copy.weight.fill_(1);
  CHECK(equal(copy(some(), classes()), cross_entropy(some(), classes())));
  CHECK(equal(loss.weight, w));
  loss.load_state_dict(copy.state_dict());
  CHECK(equal(loss(some(), classes()), cross_entropy(some(), classes())));
  loss.to(float32);
  CHECK(loss(some().to(float32), classes()).dtype() == float32);
  struct Net : nn::ModuleOf<Net> {
    nn::BCEWithLogitsLoss loss =
        add("loss", nn::BCEWithLogitsLoss{{.pos_weight = class_weights()}});
    Tensor forward(const Tensor& x, const Tensor& target) { return loss(x, target); }
  };
  CHECK(state_of(Net()) == Names{"loss.pos_weight [4]"});
  CHECK(equal(Net()(some(), other()),
              binary_cross_entropy_with_logits(some(), other(), {.pos_weight = class_weights()})));
}

TEST_CASE("losses refuse when they are made what the operations refuse") {
  const auto batchmean = nn::Reduction::batchmean;
  CHECK(message_of<ValueError>([&] { nn::MSELoss{batchmean}; }) ==
        "mse_loss: the reduction batchmean is kl_div's alone; mean, sum or none");
  CHECK(message_of<ValueError>([&] { nn::CrossEntropyLoss{batchmean}; }) ==
        "cross_entropy: the reduction batchmean is kl_div's alone; mean, sum or none");
  CHECK(message_of<ValueError>([&] { nn::BCEWithLogitsLoss{batchmean}; }) ==
        "binary_cross_entropy_with_logits: the reduction batchmean is kl_div's alone; mean, sum or "
        "none");
  CHECK(message_of<ValueError>([&] { nn::CTCLoss{batchmean}; }) ==
        "ctc_loss: the reduction batchmean is kl_div's alone; mean, sum or none");
  CHECK(message_of<ValueError>([] { nn::CTCLoss{{.blank = -1}}; }) ==
        "CTCLoss: blank -1 is no class; they count from 0");
  CHECK(message_of<ValueError>([] { nn::SmoothL1Loss{{.beta = -1}}; }) ==
        "smooth_l1_loss: beta is -1; it must not be negative");
  CHECK(message_of<ValueError>([] { nn::HuberLoss{{.delta = std::nan("")}}; }) ==
        "huber_loss: delta is nan; it must be above 0");
  CHECK(message_of<ValueError>([] { nn::TripletMarginLoss{{.margin = 0}}; }) ==
        "triplet_margin_loss: margin is 0; it must be above 0");
  CHECK(message_of<ValueError>([] { nn::TripletMarginWithDistanceLoss{{.margin = -1}}; }) ==
        "triplet_margin_with_distance_loss: margin is -1; it must be above 0");
  CHECK(message_of<ValueError>([] { nn::CrossEntropyLoss{{.label_smoothing = 2}}; }) ==
        "cross_entropy: label_smoothing 2 is not in [0, 1]");
  CHECK(message_of<ValueError>([] { nn::MultiMarginLoss{{.p = 3}}; }) ==
        "multi_margin_loss: p is 3; it must be 1 or 2");
  nn::MSELoss loss;
  CHECK(message_of<ShapeError>([&] { loss(zeros({2}), zeros({3})); }) ==
        "net (MSELoss): mse_loss: input [2] and target [3] differ; reshape one, a loss does not "
        "broadcast");
}

TEST_CASE("cross entropy of a linear layer, in pieces, is that of the whole") {
  const Tensor target = tensor({{0, 3, 1}, {1, -100, 2}, {4, 4, 0}, {2, 1, -100}});
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    for (const std::int64_t rows : {0, 1, 5, 12}) {
      CAPTURE(static_cast<int>(reduction));
      CAPTURE(rows);
      nn::LinearCrossEntropyLoss loss{
          7, 5, {.label_smoothing = 0.1, .reduction = reduction, .rows = rows}};
      loss.to(float64);
      const Tensor x = normal({4, 3, 7}).requires_grad_();
      const Tensor y = loss(x, target);
      const Tensor weight = loss.weight.detach().clone().requires_grad_();
      const Tensor bias = loss.bias.detach().clone().requires_grad_();
      const Tensor whole = x.detach().clone().requires_grad_();
      const Tensor expected =
          cross_entropy(reshape(linear(whole, weight, bias), {12, 5}), reshape(target, {12}),
                        {.label_smoothing = 0.1, .reduction = reduction});
      CHECK(y.shape() == (reduction == Reduction::none ? Shape{4, 3} : Shape{}));
      // Sums of 12 numbers near 1 in another order.
      CHECK(allclose(reshape(y, {-1}), reshape(expected, {-1}), 0, 1e-14));
      square(y).sum().backward();
      square(expected).sum().backward();
      // Of up to 100 products each, and the factor of the square.
      CHECK(allclose(x.grad(), whole.grad(), 0, 1e-12));
      CHECK(allclose(loss.weight.grad(), weight.grad(), 0, 1e-12));
      CHECK(allclose(loss.bias.grad(), bias.grad(), 0, 1e-12));
    }
}

TEST_CASE("cross entropy of a linear layer: names, no examples, errors") {
  using Names = std::vector<std::string>;
  nn::LinearCrossEntropyLoss loss{7, 5, {.reduction = Reduction::sum}};
  CHECK(state_of(loss) == Names{"weight [5, 7]", "bias [5]"});
  CHECK(state_of(nn::LinearCrossEntropyLoss{7, 5, {.bias = false}}) == Names{"weight [5, 7]"});
  CHECK(loss(zeros({0, 7}), zeros({0}, {.dtype = int64})).item() == 0);
  CHECK(nn::clone(loss)(zeros({7}), tensor(3)).dim() == 0);
  CHECK(message_of<ShapeError>([&] {
          loss(zeros({2, 6}), tensor({1, 1}));
        }) ==
        "net (LinearCrossEntropyLoss): LinearCrossEntropyLoss: input [2, 6] and target [2]; they "
        "must be [..., 7] and [...]");
  CHECK(message_of<DTypeError>([&] {
          loss(zeros({2, 7}), zeros({2}));
        }) ==
        "net (LinearCrossEntropyLoss): LinearCrossEntropyLoss: target classes are float32, they "
        "must be int64");
  CHECK(message_of<ValueError>([] {
          nn::LinearCrossEntropyLoss{7, 0};
        }) == "LinearCrossEntropyLoss: 7 features and 0 classes; both must be positive");
  CHECK(message_of<ValueError>([] {
          nn::LinearCrossEntropyLoss{7, 5, {.rows = -1}};
        }) == "LinearCrossEntropyLoss: -1 rows at a time; give one or more, or 0");
  CHECK(message_of<ValueError>([] {
          nn::LinearCrossEntropyLoss{7, 5, {.label_smoothing = 2}};
        }) == "cross_entropy: label_smoothing 2 is not in [0, 1]");
}
