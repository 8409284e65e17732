#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/report/metrics.hpp>
#include <xgrad/report/picture.hpp>

#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// A picture with words under it.
struct Tile {
  Picture picture;
  std::vector<std::string> caption = {};  ///< a line each
};

/// Pictures side by side.
struct Grid {
  std::string name;  ///< of its file, without the ending
  std::string title;
  std::string note;  ///< what is seen, and on which scale
  std::vector<Tile> tiles = {};
};

/// The whole grid as one picture, each tile enlarged (by a whole number) to at least `tile` pixels.
Picture draw(const Grid& grid, int tile = 80);

/// Images [N, H, W], [N, 1, H, W] or [N, 3, H, W] with a caption each (or none at all); `range` is
/// stretched from black to white. ShapeError, ValueError where the numbers differ.
Grid image_grid(const Tensor& images, const std::vector<std::string>& captions = {},
                Range range = {});

/// The filters of a convolution's weight [O, I, H, W], or of a first fully connected layer given as
/// that: grey for I = 1, colours for I = 3, otherwise the mean over I in grey. Each filter has a
/// scale of its own, stated under it: its smallest value is black, its largest white.
Grid filter_grid(const Tensor& weight);

/// What the layers of `net` make of one image [1, C, H, W]: a grid for each module whose output has
/// the form [1, C, H, W], at most 32 channels of it, each on its own scale.
std::vector<Grid> feature_maps(nn::Module& net, const Tensor& image);

/// How much each input value matters: |∂score/∂input| of the class `classes[i]` (int64 [N]) for
/// each of `inputs` [N, …], in evaluation mode; gradients of parameters are left alone. (Simonyan,
/// Vedaldi, Zisserman 2013, "Deep Inside Convolutional Networks".)
Tensor saliency(nn::Module& net, const Tensor& inputs, const Tensor& classes);

/// The counts as a table of colours, true classes in rows. On the diagonal blue grows with the
/// fraction of the row that is right; elsewhere orange grows with the fraction that is mistaken,
/// the darkest being the matrix's largest such fraction.
Picture heat_map(const ConfusionMatrix& matrix);

/// The colour of a cell there.
Colour heat(const ConfusionMatrix& matrix, std::size_t target, std::size_t predicted);
/// The largest fraction of a row that is mistaken for one other class.
double largest_confusion(const ConfusionMatrix& matrix);

}  // namespace xgrad::report

#pragma GCC visibility pop
