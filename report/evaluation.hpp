#pragma once
#include <xgrad/datasets/views.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/report/figures.hpp>
#include <xgrad/report/metrics.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// An example that the classifier got wrong.
struct Mistake {
  std::int64_t index;  ///< in the data set
  std::int64_t target;
  std::int64_t predicted;
  double probability;         ///< of the class predicted
  double target_probability;  ///< of the class that is right
};

/// What a classifier says of a data set. Measures are those of <xgrad/report/metrics.hpp>.
struct Evaluation {
  ConfusionMatrix matrix;
  Tensor probabilities = {};                    ///< [N, C]
  Tensor target = {};                           ///< int64 [N]
  std::optional<double> loss = {};              ///< mean cross entropy
  std::optional<double> top5 = {};              ///< where there are more than 5 classes
  std::vector<std::optional<double>> auc = {};  ///< of each class against the rest
  Calibration calibration = {};
  std::vector<Mistake> mistakes = {};  ///< the most confident first
  /// Mistakes, saliency, filters of the first layer, feature maps, where inputs are images.
  std::vector<Grid> figures = {};
};

struct EvaluateOptions {
  std::int64_t batch_size = 500;
  /// Turns the data set's images into [0, 1] for pictures: the opposite of its normalisation.
  /// Without it each image is stretched from its smallest to its largest value.
  datasets::Transform to_picture = {};
  /// Ways to look at each example, whose scores are averaged; none: the example as it is.
  std::vector<datasets::View> views = {};
  std::int64_t most_mistakes = 24;  ///< shown as pictures
};

/// Runs the data set through the network, in evaluation mode, off the tape. The network gives
/// scores [N, C], one for each of `classes`; targets are int64 [N]. ShapeError, ValueError where
/// they do not fit; ValueError naming the first example whose scores are NaN (or infinite, so that
/// its probabilities are): a net that diverged predicts nothing.
Evaluation evaluate(nn::Module& net, const datasets::AnyDataset& data,
                    const std::vector<std::string>& classes, const EvaluateOptions& options = {});

/// The filters of the network's first layer, where it sees images of shape `image` [C, H, W]: of a
/// convolution, or of a fully connected layer on the flattened image.
std::optional<Grid> first_filters(const nn::Module& net, const Shape& image);

}  // namespace xgrad::report

#pragma GCC visibility pop
