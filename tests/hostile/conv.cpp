#include "hostile/hostile.hpp"

using namespace hostile;

namespace {

Extents<1> one(Arguments& from, std::int64_t usual) { return from.size(usual); }
Extents<3> three(Arguments& from, std::int64_t usual) {
  const std::int64_t depth = from.size(usual);
  const std::int64_t height = from.size(usual);
  return {depth, height, usual};
}

Conv1dOptions options1d(Arguments& from) {
  Conv1dOptions o;
  o.stride = one(from, 1);
  o.padding = one(from, 1);
  o.dilation = one(from, 1);
  o.groups = from.size(1);
  return o;
}

Conv3dOptions options3d(Arguments& from) {
  Conv3dOptions o;
  o.stride = three(from, 1);
  o.padding = three(from, 1);
  o.dilation = three(from, 1);
  o.groups = from.size(1);
  return o;
}

}  // namespace

TEST_CASE("hostile: convolutions over one and three axes") {
  sweep({
      {"conv1d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 5});
         const Tensor weight = from.tensor({4, 3, 3});
         const Tensor bias = from.tensor({4});
         Conv1dOptions o = options1d(from);
         o.bias = from.flag(true);
         Arguments::use(conv1d(x, weight, bias, o));
       }},
      {"conv1d",
       [](Arguments& from) {
         const Tensor x = from.tensor({3, 5});
         const Tensor weight = from.tensor({4, 3, 3});
         Conv1dOptions o;
         o.dilation = one(from, 1);
         o.padding = from.text("same");
         Arguments::use(conv1d(x, weight, {}, o));
       }},
      {"conv1d|pad",
       [](Arguments& from) {
         const Tensor x = from.tensor({3, 5});
         const Tensor weight = from.tensor({4, 3, 3});
         Conv1dOptions o = options1d(from);
         o.padding_mode = from.text("reflect");
         Arguments::use(conv1d(x, weight, {}, o));
       }},
      {"conv1d_input",
       [](Arguments& from) {
         const Tensor dy = from.tensor({2, 4, 5});
         const Tensor weight = from.tensor({4, 3, 3});
         const Shape shape = from.shape({2, 3, 5});
         Arguments::use(conv1d_input(dy, weight, shape, options1d(from)));
       },
       true},  // a gradient does not fit what the number makes
      {"conv1d_weight",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 5});
         const Tensor dy = from.tensor({2, 4, 5});
         const Shape shape = from.shape({4, 3, 3});
         Arguments::use(conv1d_weight(x, dy, shape, options1d(from)));
       },
       true},  // a gradient does not fit what the number makes
      {"conv3d",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 2, 3, 3, 3});
         const Tensor weight = from.tensor({4, 2, 3, 3, 3});
         const Tensor bias = from.tensor({4});
         Arguments::use(conv3d(x, weight, bias, options3d(from)));
       }},
      {"conv3d_input",
       [](Arguments& from) {
         const Tensor dy = from.tensor({1, 4, 3, 3, 3});
         const Tensor weight = from.tensor({4, 2, 3, 3, 3});
         const Shape shape = from.shape({1, 2, 3, 3, 3});
         Arguments::use(conv3d_input(dy, weight, shape, options3d(from)));
       },
       true},  // a gradient does not fit what the number makes
      {"conv3d_weight",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 2, 3, 3, 3});
         const Tensor dy = from.tensor({1, 4, 3, 3, 3});
         const Shape shape = from.shape({4, 2, 3, 3, 3});
         Arguments::use(conv3d_weight(x, dy, shape, options3d(from)));
       },
       true},  // a gradient does not fit what the number makes
  });
}

TEST_CASE("hostile: transposed convolutions") {
  sweep({
      {"conv_transpose1d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 5});
         const Tensor weight = from.tensor({3, 4, 3});
         const Tensor bias = from.tensor({4});
         ConvTranspose1dOptions o;
         o.stride = one(from, 1);
         o.padding = one(from, 1);
         o.output_padding = one(from, 0);
         o.groups = from.size(1);
         o.bias = from.flag(true);
         o.dilation = one(from, 1);
         Arguments::use(conv_transpose1d(x, weight, bias, o));
       }},
      {"conv_transpose2d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4, 4});
         const Tensor weight = from.tensor({3, 4, 3, 3});
         const Tensor bias = from.tensor({4});
         ConvTranspose2dOptions o;
         o.stride = from.pair(2);
         o.padding = from.pair(1);
         o.output_padding = from.pair(1);
         o.groups = from.size(1);
         o.dilation = from.pair(1);
         Arguments::use(conv_transpose2d(x, weight, bias, o));
       }},
      {"conv_transpose3d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 2, 2, 2});
         const Tensor weight = from.tensor({2, 1, 2, 2, 2});
         ConvTranspose3dOptions o;
         o.stride = three(from, 1);
         o.padding = three(from, 0);
         o.output_padding = three(from, 0);
         o.dilation = three(from, 1);
         Arguments::use(conv_transpose3d(x, weight, {}, o));
       }},
  });
}
