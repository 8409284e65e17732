// Losses and distances as modules, made with any options and then called.

#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;

namespace {

Reduction reduction(Arguments& from) {
  const Reduction rest = from.flag() ? Reduction::sum : Reduction::none;
  return from.flag() ? rest : Reduction::mean;
}

/// Made alone, as bad options are to be refused then; and called with what `call` asks for.
template <class Make, class Call>
void add(std::vector<Row>& rows, const std::string& name, const std::string& operation,
         const Make& make, const Call& call) {
  rows.push_back({name + "|" + operation, [make](Arguments& from) { make(from); }});
  rows.push_back({name + "|" + operation + "|net (" + name + ")", [make, call](Arguments& from) {
                    auto loss = make(from);
                    Arguments::use(call(loss, from));
                  }});
}

constexpr auto of_pair = [](auto& loss, Arguments& from) {
  const Tensor x = from.tensor({1, 2});
  return loss(x, from.tensor({1, 2}));
};
constexpr auto of_three = [](auto& loss, Arguments& from) {
  const Tensor a = from.tensor({2, 3});
  const Tensor b = from.tensor({2, 3});
  return loss(a, b, from.tensor({2, 3}));
};
constexpr auto of_classes = [](auto& loss, Arguments& from) {
  const Tensor x = from.tensor({2, 3});
  return loss(x, from.index({2}));
};

}  // namespace

TEST_CASE("hostile: losses of each element as modules") {
  std::vector<Row> rows;
  add(
      rows, "MSELoss", "mse_loss",
      [](Arguments& from) { return nn::MSELoss{{.reduction = reduction(from)}}; }, of_pair);
  add(
      rows, "L1Loss", "l1_loss",
      [](Arguments& from) { return nn::L1Loss{{.reduction = reduction(from)}}; }, of_pair);
  add(
      rows, "SmoothL1Loss", "smooth_l1_loss",
      [](Arguments& from) {
        return nn::SmoothL1Loss{{.reduction = reduction(from), .beta = from.real()}};
      },
      of_pair);
  add(
      rows, "HuberLoss", "huber_loss",
      [](Arguments& from) {
        return nn::HuberLoss{{.reduction = reduction(from), .delta = from.real()}};
      },
      of_pair);
  add(
      rows, "BCELoss", "binary_cross_entropy",
      [](Arguments& from) {
        return nn::BCELoss{{.weight = from.tensor({2}), .reduction = reduction(from)}};
      },
      of_pair);
  add(
      rows, "BCEWithLogitsLoss", "binary_cross_entropy_with_logits",
      [](Arguments& from) {
        return nn::BCEWithLogitsLoss{{.weight = from.tensor({2}),
                                      .reduction = reduction(from),
                                      .pos_weight = from.tensor({2})}};
      },
      of_pair);
  add(
      rows, "KLDivLoss", "kl_div",
      [](Arguments& from) {
        return nn::KLDivLoss{{.reduction = reduction(from), .log_target = from.flag()}};
      },
      of_pair);
  add(
      rows, "PoissonNLLLoss", "poisson_nll_loss",
      [](Arguments& from) {
        return nn::PoissonNLLLoss{{.log_input = from.flag(true),
                                   .full = from.flag(),
                                   .eps = from.real(),
                                   .reduction = reduction(from)}};
      },
      of_pair);
  add(
      rows, "GaussianNLLLoss", "gaussian_nll_loss",
      [](Arguments& from) {
        return nn::GaussianNLLLoss{
            {.full = from.flag(), .eps = from.real(), .reduction = reduction(from)}};
      },
      of_three);
  add(
      rows, "SoftMarginLoss", "soft_margin_loss",
      [](Arguments& from) { return nn::SoftMarginLoss{{.reduction = reduction(from)}}; }, of_pair);
  add(
      rows, "HingeEmbeddingLoss", "hinge_embedding_loss",
      [](Arguments& from) {
        return nn::HingeEmbeddingLoss{{.margin = from.real(), .reduction = reduction(from)}};
      },
      of_pair);
  sweep(rows);
}

TEST_CASE("hostile: losses of classes and of sequences as modules") {
  std::vector<Row> rows;
  add(
      rows, "NLLLoss", "nll_loss",
      [](Arguments& from) {
        return nn::NLLLoss{{.weight = from.tensor({3}),
                            .ignore_index = from.size(-100),
                            .reduction = reduction(from)}};
      },
      of_classes);
  add(
      rows, "CrossEntropyLoss", "cross_entropy",
      [](Arguments& from) {
        return nn::CrossEntropyLoss{{.weight = from.tensor({3}),
                                     .ignore_index = from.size(-100),
                                     .label_smoothing = from.real(),
                                     .reduction = reduction(from)}};
      },
      of_classes);
  add(
      rows, "MultiMarginLoss", "multi_margin_loss",
      [](Arguments& from) {
        return nn::MultiMarginLoss{{.p = from.real(1),
                                    .margin = from.real(),
                                    .weight = from.tensor({3}),
                                    .reduction = reduction(from)}};
      },
      of_classes);
  add(
      rows, "LinearCrossEntropyLoss", "cross_entropy",
      [](Arguments& from) {
        const std::int64_t features = from.size(3);
        const std::int64_t classes = from.size(4);
        return nn::LinearCrossEntropyLoss{features,
                                          classes,
                                          {.bias = from.flag(true),
                                           .ignore_index = from.size(-100),
                                           .label_smoothing = from.real(),
                                           .reduction = reduction(from),
                                           .rows = from.size(1)}};
      },
      of_classes);
  add(
      rows, "MultiLabelMarginLoss", "multilabel_margin_loss",
      [](Arguments& from) { return nn::MultiLabelMarginLoss{{.reduction = reduction(from)}}; },
      [](auto& loss, Arguments& from) {
        const Tensor x = from.tensor({2, 3});
        return loss(x, from.index({2, 3}));
      });
  add(
      rows, "MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss",
      [](Arguments& from) {
        return nn::MultiLabelSoftMarginLoss{
            {.weight = from.tensor({2}), .reduction = reduction(from)}};
      },
      of_pair);
  add(
      rows, "CTCLoss", "ctc_loss",
      [](Arguments& from) {
        return nn::CTCLoss{
            {.blank = from.size(1), .reduction = reduction(from), .zero_infinity = from.flag()}};
      },
      [](auto& loss, Arguments& from) {
        const Tensor x = from.tensor({4, 2, 3});
        const Tensor targets = from.index({2, 2});
        const Tensor steps = from.index({2});
        return loss(x, targets, steps, from.index({2}));
      });
  sweep(rows);
}

TEST_CASE("hostile: losses of margins and distances as modules") {
  std::vector<Row> rows;
  add(
      rows, "MarginRankingLoss", "margin_ranking_loss",
      [](Arguments& from) {
        return nn::MarginRankingLoss{{.margin = from.real(), .reduction = reduction(from)}};
      },
      of_three);
  add(
      rows, "CosineEmbeddingLoss", "cosine_embedding_loss",
      [](Arguments& from) {
        return nn::CosineEmbeddingLoss{{.margin = from.real(), .reduction = reduction(from)}};
      },
      [](auto& loss, Arguments& from) {
        const Tensor a = from.tensor({2, 3});
        const Tensor b = from.tensor({2, 3});
        return loss(a, b, from.tensor({2}));
      });
  add(
      rows, "TripletMarginLoss", "triplet_margin_loss",
      [](Arguments& from) {
        return nn::TripletMarginLoss{{.margin = from.real(),
                                      .p = from.real(2),
                                      .eps = from.real(),
                                      .swap = from.flag(),
                                      .reduction = reduction(from)}};
      },
      of_three);
  add(
      rows, "TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss",
      [](Arguments& from) {
        const Tensor distance = from.tensor({2});
        return nn::TripletMarginWithDistanceLoss{
            {.distance_function = [distance](const Tensor&, const Tensor&) { return distance; },
             .margin = from.real(),
             .swap = from.flag(),
             .reduction = reduction(from)}};
      },
      of_three);
  add(
      rows, "CosineSimilarity", "cosine_similarity",
      [](Arguments& from) {
        const std::int64_t axis = from.size(1);
        return nn::CosineSimilarity(axis, from.real());
      },
      of_pair);
  add(
      rows, "PairwiseDistance", "pairwise_distance",
      [](Arguments& from) {
        const double p = from.real(2);
        const double eps = from.real();
        return nn::PairwiseDistance(p, eps, from.flag());
      },
      of_pair);
  add(
      rows, "Bilinear", "bilinear",
      [](Arguments& from) {
        const std::int64_t in1 = from.size(2);
        const std::int64_t in2 = from.size(2);
        const std::int64_t out = from.size(3);
        return nn::Bilinear(in1, in2, out, {.bias = from.flag(true)});
      },
      of_pair);
  sweep(rows);
}
