#include "ops/rows_images.hpp"

namespace table::on_images {
namespace {

/// Of images and, beside them, something of another shape.
Row with(const char* name, const Shape& other,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(images), normal(other, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

Tensor some_channels() { return reshape(remainder(arange(channels), 3) == 1, {channels, 1, 1}); }

Rows reduced_images() {
  Generator generator(8);
  const Tensor index = randint(0, channels, {batch, 5, height, width}, {.generator = &generator});
  Rows rows;
  for (const char* reduce : {"sum", "prod", "mean", "amax"})
    rows.push_back(with(reduce, images, [=](const Tensor& x, const Tensor& s) {
      return scatter_reduce(x, 1, index, s, reduce);
    }));
  return rows;
}

}  // namespace

Rows arranged_images(Op op) {
  switch (op) {
    case Op::embedding:
      return {of_images("images as rows", [](const Tensor& x) {
        return embedding(x.flatten(1), tensor({3, 0, 3}));
      })};
    case Op::index_copy:
      return {with("images", {2, channels, height, width}, [](const Tensor& x, const Tensor& s) {
        return index_copy(x, 0, tensor({3, 1}), s);
      })};
    case Op::scatter_reduce:
      return reduced_images();
    case Op::masked_fill:
      return {
          of_images("channels", [](const Tensor& x) { return masked_fill(x, some_channels(), 2); }),
          with("channels, with a scalar", {}, [](const Tensor& x, const Tensor& v) {
            return masked_fill(x, some_channels(), v);
          })};
    case Op::masked_scatter:
      return {with("channels", images, [](const Tensor& x, const Tensor& s) {
        return masked_scatter(x, some_channels(), s);
      })};
    case Op::diag:
      return {of_images("images as rows", [](const Tensor& x) { return diag(x.flatten(1), 5); })};
    case Op::diagonal_scatter:
      return {with("planes", {batch, channels, height}, [](const Tensor& x, const Tensor& s) {
        return diagonal_scatter(x, s, 1, 2, 3);
      })};
    case Op::repeat:
      return {of_images("channels", [](const Tensor& x) { return repeat(x, {1, 2, 1, 1}); })};
    case Op::tensordot:
      return {with("channels and rows", images, [](const Tensor& x, const Tensor& y) {
        return tensordot(x, y, {1, 2}, {1, 2});
      })};
    default:
      return {with("rows of images", images, [](const Tensor& x, const Tensor& y) {
        return cat(meshgrid({x[1][30][2], y[2][1][0]}));
      })};
  }
}

}  // namespace table::on_images
