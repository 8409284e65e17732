#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/report/figures.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::report {
namespace {

constexpr Colour ink{34, 34, 34};
constexpr Colour quiet{100, 100, 100};
constexpr Colour blue{0, 84, 147};
constexpr Colour orange{214, 84, 0};
constexpr double small = 15;
constexpr int line_height = 18;

/// Words in lines of at most `width` pixels.
std::vector<std::string> wrapped(const std::string& text, double size, int width) {
  std::vector<std::string> lines(1);
  std::string word;
  const auto place = [&] {
    if (word.empty()) return;
    const std::string longer = lines.back().empty() ? word : lines.back() + ' ' + word;
    if (lines.back().empty() || text_width(longer, size) <= width) {
      lines.back() = longer;
    } else {
      lines.push_back(word);
    }
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ' || c == '\n')
      place();
    else
      word += c;
  }
  place();
  return lines;
}

/// Where things lie in a drawn grid.
struct GridLayout {
  static constexpr int margin = 16;
  static constexpr int gap = 12;
  static constexpr int most_width = 1000;
  static constexpr int most_caption = 190;

  int cell_width = 0;
  int cell_height = 0;
  int picture_height = 0;
  int columns = 1;
  int rows = 0;
  int width = 0;
  int header = 0;
  int height = 0;
  std::vector<std::string> note;

  GridLayout(const Grid& grid, int tile) {
    constexpr int most_tile = 4096;
    require<ValueError>(tile >= 1 && tile <= most_tile,
                        "draw: tiles of {} pixels; they must have from 1 to {}", tile, most_tile);
    std::size_t lines = 0;
    for (const Tile& t : grid.tiles) {
      const int scale = scale_of(t.picture, tile);
      cell_width = std::max(cell_width, t.picture.width() * scale);
      picture_height = std::max(picture_height, t.picture.height() * scale);
      lines = std::max(lines, t.caption.size());
      for (const auto& line : t.caption)
        cell_width = std::max(cell_width, std::min(text_width(line, small), most_caption));
    }
    cell_height = narrow(picture_height + static_cast<std::int64_t>(lines) * line_height +
                         (lines > 0 ? 6 : 0));
    const int count = narrow(std::max<std::int64_t>(std::ssize(grid.tiles), 1));
    const int fitting = std::clamp((most_width - 2 * margin + gap) / (cell_width + gap), 1, count);
    rows = (count + fitting - 1) / fitting;
    columns = (count + rows - 1) / rows;  // rows of about the same length
    const int body = columns * (cell_width + gap) - gap;
    width = 2 * margin + std::max({body, 480, std::min(text_width(grid.title, 20), most_width)});
    note = wrapped(grid.note, small, width - 2 * margin);
    header = narrow(margin + 28 + line_height * std::ssize(note) + gap);
    height = narrow(header + std::int64_t{rows} * (cell_height + gap) + margin);
  }

  /// What a picture may have, and a little more: it tells what is too much.
  static int narrow(std::int64_t pixels) {
    return static_cast<int>(std::min<std::int64_t>(pixels, 1 << 20));
  }

  static int scale_of(const Picture& picture, int tile) {
    const int larger = std::max(picture.width(), picture.height());
    return std::max(1, (tile + larger - 1) / larger);
  }
};

std::string scale_caption(Range range) {
  return fmt::format("{:.2g} … {:.2g}", range.low, range.high);
}

/// Each of the first `most` channels of [C, H, W] as a tile on its own scale.
std::vector<Tile> channel_tiles(const Tensor& maps, std::int64_t most) {
  std::vector<Tile> tiles;
  for (std::int64_t c = 0; c < std::min(maps.size(0), most); ++c) {
    const Range range = range_of(maps[c]);
    tiles.push_back({to_picture(maps[c], range), {scale_caption(range)}});
  }
  return tiles;
}

}  // namespace

Picture draw(const Grid& grid, int tile) {
  const GridLayout at(grid, tile);
  Picture out(at.width, at.height);
  int y = at.margin + 12;
  out.text(at.margin, y, fitted(grid.title, 20, at.width - 2 * at.margin), 20, ink);
  y += 26;
  for (const auto& line : at.note) {
    out.text(at.margin, y, line, small, quiet);
    y += line_height;
  }
  if (grid.tiles.empty()) out.text(at.margin, at.header, "none", small, quiet);
  for (std::size_t i = 0; i < grid.tiles.size(); ++i) {
    const Tile& t = grid.tiles[i];
    const int column = static_cast<int>(i) % at.columns;
    const int row = static_cast<int>(i) / at.columns;
    const int x = at.margin + column * (at.cell_width + at.gap);
    const int top = at.header + row * (at.cell_height + at.gap);
    const int scale = GridLayout::scale_of(t.picture, tile);
    out.draw(t.picture, x + (at.cell_width - t.picture.width() * scale) / 2,
             top + (at.picture_height - t.picture.height() * scale) / 2, scale);
    int line_y = top + at.picture_height + 6 + line_height / 2;
    for (const auto& line : t.caption) {
      const std::string shown = fitted(line, small, at.cell_width);
      out.text(x + (at.cell_width - text_width(shown, small)) / 2, line_y, shown, small, ink);
      line_y += line_height;
    }
  }
  return out;
}

Grid image_grid(const Tensor& images, const std::vector<std::string>& captions, Range range) {
  const xgrad::detail::Running running("image_grid", images);
  require<ShapeError>(images.dim() == 3 || images.dim() == 4,
                      "image_grid: the images are {}; they must be [N, H, W] or [N, C, H, W]",
                      images.shape());
  const auto count = static_cast<std::size_t>(images.size(0));
  require<ValueError>(captions.empty() || captions.size() == count,
                      "image_grid: {} captions for {} images", captions.size(), count);
  Grid grid{.name = "images", .title = "Images", .note = ""};
  for (std::size_t i = 0; i < count; ++i) {
    Tile tile{to_picture(images[static_cast<std::int64_t>(i)], range)};
    if (!captions.empty()) tile.caption = {captions[i]};
    grid.tiles.push_back(std::move(tile));
  }
  return grid;
}

Grid filter_grid(const Tensor& weight) {
  const xgrad::detail::Running running("filter_grid", weight);
  constexpr std::int64_t most = 64;
  require<ShapeError>(weight.dim() == 4,
                      "filter_grid: the weight is {}; it must be [out, in, H, W]", weight.shape());
  const NoGradGuard guard;
  const std::int64_t in = weight.size(1);
  const bool as_is = in == 1 || in == 3;
  const Tensor filters = as_is ? weight : weight.mean({1}, true);
  Grid grid{.name = "filters", .title = "Filters of the first layer", .note = ""};
  if (in == 3) {
    grid.note = "Each filter in the colours it responds to";
  } else {
    grid.note = as_is ? "Each filter in grey" : "The mean of each filter over its input channels";
  }
  grid.note += ", on a scale of its own: the lowest weight black, the highest white, both below.";
  if (weight.size(0) > most) grid.note += fmt::format(" The first {} of {}.", most, weight.size(0));
  for (std::int64_t i = 0; i < std::min(weight.size(0), most); ++i) {
    const Range range = range_of(filters[i]);
    grid.tiles.push_back({to_picture(filters[i], range), {scale_caption(range)}});
  }
  return grid;
}

std::vector<Grid> feature_maps(nn::Module& net, const Tensor& image) {
  constexpr std::int64_t most = 32;
  if (!image.defined()) xgrad::detail::throw_undefined_argument("feature_maps", 2);
  require<ShapeError>(image.dim() == 4 && image.size(0) == 1,
                      "feature_maps: the image is {}; it must be [1, C, H, W]", image.shape());
  const NoGradGuard guard;
  const nn::EvalGuard eval(net);
  std::vector<Grid> grids;
  HookScope hooks;
  for (const auto& [path, module] : net.named_modules()) {
    if (!module->children().empty()) continue;
    hooks.add(module->register_forward_hook(
        [&, name = path](const nn::Module& self, const Tensor&, const Tensor& y) {
          if (y.dim() != 4 || y.size(0) != 1 || y.size(2) * y.size(3) == 1) return;
          std::string note = "Each channel on a scale of its own, lowest black, highest white.";
          if (y.size(1) > most) note += fmt::format(" The first {} of {}.", most, y.size(1));
          grids.push_back({"feature-maps-" + detail::slug(name),
                           fmt::format("After {} ({})", name, self.type_name()), note,
                           channel_tiles(y[0], most)});
        }));
  }
  net(image);
  return grids;
}

Tensor saliency(nn::Module& net, const Tensor& inputs, const Tensor& classes) {
  if (!inputs.defined()) xgrad::detail::throw_undefined_argument("saliency", 2);
  if (!classes.defined()) xgrad::detail::throw_undefined_argument("saliency", 3);
  require<DTypeError>(is_floating(inputs.dtype()) && classes.dtype() == int64,
                      "saliency: inputs are {} and classes {}; they must be floating and int64",
                      inputs.dtype(), classes.dtype());
  const nn::EvalGuard eval(net);
  const EnableGradGuard recording;
  Tensor x = inputs.detach().clone();
  x.requires_grad_();
  const Tensor scores = net(x);
  require<ShapeError>(scores.dim() == 2 && classes.dim() == 1 && classes.size(0) == scores.size(0),
                      "saliency: the net gives {} for {} classes; it must give [N, classes]",
                      scores.shape(), classes.shape());
  const Tensor chosen = scores.gather(1, classes.unsqueeze(1)).sum();
  return abs(grad(chosen, x));
}

double largest_confusion(const ConfusionMatrix& matrix) {
  double largest = 0;
  for (std::size_t t = 0; t < matrix.classes().size(); ++t) {
    const auto support = static_cast<double>(matrix.support(t));
    for (std::size_t p = 0; p < matrix.classes().size(); ++p)
      if (p != t && support > 0)
        largest = std::max(largest, static_cast<double>(matrix.count(t, p)) / support);
  }
  return largest;
}

namespace {

Colour heat(const ConfusionMatrix& matrix, std::size_t target, std::size_t predicted,
            double largest) {
  const std::int64_t support = matrix.support(target);
  if (support == 0) return {238, 238, 238};  // grey: there was nothing to tell apart
  const double share =
      static_cast<double>(matrix.count(target, predicted)) / static_cast<double>(support);
  if (target == predicted) return mix(white, blue, share);
  return mix(white, orange, largest > 0 ? std::sqrt(share / largest) : 0);
}

}  // namespace

Colour heat(const ConfusionMatrix& matrix, std::size_t target, std::size_t predicted) {
  return heat(matrix, target, predicted, largest_confusion(matrix));
}

Picture heat_map(const ConfusionMatrix& matrix) {
  const auto& classes = matrix.classes();
  constexpr std::int64_t most = 1500;  // of 20 pixels each: as many as a picture holds
  require<ValueError>(std::ssize(classes) <= most, "heat_map: {} classes; at most {} fit a picture",
                      classes.size(), most);
  const auto count = static_cast<int>(classes.size());
  const double size = count <= 20 ? 16 : 11;
  int cell = count <= 20 ? 34 : 20;
  int names = 40;
  for (std::size_t t = 0; t < classes.size(); ++t) {
    names = std::max(names, std::min(text_width(classes[t], size), 160));
    for (std::size_t p = 0; p < classes.size(); ++p)
      cell = std::max(cell, text_width(std::to_string(matrix.count(t, p)), size) + 6);
  }
  const int margin = 16;
  const int left = margin + 26 + names + 8;
  const int top = margin + 26 + names + 8;
  // Column names stand upright, as rows of letters turned by a quarter.
  Picture out(left + count * cell + margin, top + count * cell + margin);
  Picture upright_source(names, cell);
  const double largest = largest_confusion(matrix);
  out.text(left, margin + 10, "predicted", 18, quiet);
  out.text(margin, top - 14, "true", 18, quiet);
  for (int t = 0; t < count; ++t) {
    const auto row = static_cast<std::size_t>(t);
    const std::string name = fitted(classes[row], size, names);
    const int y = top + t * cell + cell / 2;
    out.text(left - 8 - text_width(name, size), y, name, size, ink);
    upright_source.fill(0, 0, names, cell, white);
    upright_source.text(0, cell / 2, name, size, ink);
    for (int x = 0; x < names; ++x)
      for (int v = 0; v < cell; ++v)
        out.set(left + t * cell + v, top - 8 - x, upright_source.at(x, v));
    for (int p = 0; p < count; ++p) {
      const auto column = static_cast<std::size_t>(p);
      const int x = left + p * cell;
      const Colour colour = heat(matrix, row, column, largest);
      out.fill(x, top + t * cell, cell - 1, cell - 1, colour);
      const std::int64_t number = matrix.count(row, column);
      if (number == 0 && count > 20) continue;  // emptiness reads better than a field of zeros
      const std::string text = std::to_string(number);
      const bool dark = colour.red + colour.green + colour.blue < 420;
      out.text(x + (cell - text_width(text, size)) / 2, y, text, size,
               number == 0 ? Colour{170, 170, 170}
               : dark      ? white
                           : ink);
    }
  }
  return out;
}

}  // namespace xgrad::report
