#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/report/evaluation.hpp>

#include <algorithm>

namespace xgrad::report {
namespace {

/// Of scores that are NaN, or infinite where they are highest, no class can be predicted: argmax
/// would name one all the same, and it might be right. `first` is the first example's number.
void require_predictions(const Tensor& probabilities, std::int64_t first) {
  const std::vector<bool> undefined = (probabilities != probabilities).to_vector<bool>();
  const auto bad = std::ranges::find(undefined, true) - undefined.begin();
  require<ValueError>(bad == probabilities.numel(),
                      "evaluate: the scores of example {} are NaN or infinite; no class can be "
                      "predicted of them",
                      first + bad / std::max<std::int64_t>(probabilities.size(1), 1));
}

/// Probabilities [N, C] and targets [N] of the whole data set, and the loss.
void predict(nn::Module& net, const datasets::AnyDataset& data, const EvaluateOptions& options,
             Evaluation& result) {
  const NoGradGuard guard;
  const nn::EvalGuard eval(net);
  const auto classes = static_cast<std::int64_t>(result.matrix.classes().size());
  std::vector<Tensor> probabilities, targets;
  double loss = 0;
  datasets::DataLoader loader(data, {.batch_size = options.batch_size, .seed = 0});
  for (const auto& [inputs, target] : loader) {
    const Tensor scores =
        options.views.empty() ? net(inputs) : datasets::average_views(net, inputs, options.views);
    require<ShapeError>(scores.dim() == 2 && scores.size(1) == classes,
                        "evaluate: the net gives {} for {} classes; it must give [N, {}]",
                        scores.shape(), classes, classes);
    probabilities.push_back(scores.softmax(1));
    require_predictions(probabilities.back(), result.matrix.total());
    targets.push_back(target);
    result.matrix.add(target, scores.argmax(1));
    loss += cross_entropy(scores, target, {.reduction = Reduction::sum}).item();
  }
  result.probabilities = cat(probabilities);
  result.target = cat(targets);
  result.loss = loss / static_cast<double>(data->size());
}

std::vector<Mistake> mistakes_of(const Tensor& probabilities, const Tensor& target) {
  const auto predicted = probabilities.argmax(1).to_vector<std::int64_t>();
  const Tensor wide = xgrad::detail::in_rows(probabilities.to(float64));
  const Tensor rows = xgrad::detail::in_rows(target);
  const std::int64_t classes = wide.size(1);
  const double* p = wide.data<double>();
  const std::int64_t* t = rows.data<std::int64_t>();
  std::vector<Mistake> mistakes;
  for (std::int64_t i = 0; i < target.numel(); ++i) {
    const std::int64_t guess = predicted[static_cast<std::size_t>(i)];
    if (guess != t[i])
      mistakes.push_back({i, t[i], guess, p[i * classes + guess], p[i * classes + t[i]]});
  }
  std::ranges::stable_sort(mistakes, std::ranges::greater(), &Mistake::probability);
  return mistakes;
}

/// The images as pictures.
std::vector<Picture> pictures_of(const Tensor& images, const datasets::Transform& to_picture) {
  std::vector<Picture> pictures;
  const Tensor shown = to_picture ? to_picture(images) : images;
  for (std::int64_t i = 0; i < shown.size(0); ++i)
    pictures.push_back(report::to_picture(shown[i], to_picture ? Range{} : range_of(shown[i])));
  return pictures;
}

void add_pictures(nn::Module& net, const datasets::AnyDataset& data, const EvaluateOptions& options,
                  Evaluation& result) {
  const auto& classes = result.matrix.classes();
  std::vector<std::int64_t> indices;
  for (const Mistake& mistake : result.mistakes)
    if (static_cast<std::int64_t>(indices.size()) < options.most_mistakes)
      indices.push_back(mistake.index);
  Grid mistakes{
      .name = "mistakes",
      .title = "Mistakes, the most confident first",
      .note = fmt::format("{} of {} examples are mistaken{}.", result.mistakes.size(), data->size(),
                          indices.size() < result.mistakes.size()
                              ? fmt::format("; the first {} are shown", indices.size())
                              : "")};
  Grid salience{.name = "saliency",
                .title = "What the mistakes were made by",
                .note =
                    "Saliency: how strongly the score of the predicted class depends on each "
                    "pixel, from none (black) to most (white)."};
  if (!indices.empty()) {
    const Tensor images = data->batch(indices).data;
    const Tensor predicted = [&] {
      std::vector<std::int64_t> numbers;
      for (std::size_t i = 0; i < indices.size(); ++i)
        numbers.push_back(result.mistakes[i].predicted);
      return from_vector(numbers);
    }();
    const Tensor depends = saliency(net, images, predicted).max({1});
    const auto pictures = pictures_of(images, options.to_picture);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const Mistake& m = result.mistakes[i];
      const auto& guess = classes[static_cast<std::size_t>(m.predicted)];
      const auto& right = classes[static_cast<std::size_t>(m.target)];
      mistakes.tiles.push_back(
          {pictures[i],
           {fmt::format("is {}, {:.1f}\u00a0%", right, 100 * m.target_probability),
            fmt::format("taken for {}, {:.1f}\u00a0%", guess, 100 * m.probability)}});
      const Tensor map = depends[static_cast<std::int64_t>(i)];
      salience.tiles.push_back(
          {to_picture(map, {0, range_of(map).high}), {fmt::format("taken for {}", guess)}});
    }
  }
  result.figures.push_back(std::move(mistakes));
  if (!indices.empty()) result.figures.push_back(std::move(salience));
}

}  // namespace

std::optional<Grid> first_filters(const nn::Module& net, const Shape& image) {
  if (image.size() != 3 || (image[0] != 1 && image[0] != 3)) return {};
  const std::int64_t pixels = (Size(image[0], "first_filters") * image[1] * image[2]).value();
  for (const auto& [name, x] : net.named_parameters()) {
    if (x.dim() == 4 && x.size(1) == image[0] && x.size(2) * x.size(3) > 1) {
      Grid grid = filter_grid(x);
      grid.title += " (" + name + ")";
      return grid;
    }
    if (x.dim() == 2 && x.size(1) == pixels) {
      Grid grid = filter_grid(x.detach().reshape({x.size(0), image[0], image[1], image[2]}));
      grid.title += " (" + name + ")";
      return grid;
    }
  }
  return {};
}

Evaluation evaluate(nn::Module& net, const datasets::AnyDataset& data,
                    const std::vector<std::string>& classes, const EvaluateOptions& options) {
  Evaluation result{.matrix = ConfusionMatrix(classes)};
  predict(net, data, options, result);
  const auto count = static_cast<std::int64_t>(classes.size());
  if (count > 5) result.top5 = topk_accuracy(result.probabilities, result.target, 5);
  for (std::int64_t c = 0; c < count; ++c)
    result.auc.push_back(roc_auc(result.probabilities, result.target, c));
  result.calibration = calibration(result.probabilities, result.target);
  result.mistakes = mistakes_of(result.probabilities, result.target);

  const Tensor example = (*data)[0].data;
  const bool images = example.dim() == 3 && (example.size(0) == 1 || example.size(0) == 3);
  if (!images) return result;
  if (auto filters = first_filters(net, example.shape()))
    result.figures.push_back(*std::move(filters));
  add_pictures(net, data, options, result);
  for (Grid& grid : feature_maps(net, example.unsqueeze(0)))
    result.figures.push_back(std::move(grid));
  return result;
}

}  // namespace xgrad::report
