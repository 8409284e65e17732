// Norms of each example by itself.

#include <xgrad/ops/layer_norm.hpp>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: norms") {
  sweep({
      {"layer_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Shape shape = from.shape({3});
         const Tensor weight = from.tensor({3});
         const Tensor bias = from.tensor({3});
         Arguments::use(layer_norm(x, shape, weight, bias, from.real()));
       }},
      {"rms_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Shape shape = from.shape({3});
         const Tensor weight = from.tensor({3});
         Arguments::use(rms_norm(x, shape, weight, from.real()));
       }},
      {"group_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4, 3});
         const std::int64_t groups = from.size(2);
         const Tensor weight = from.tensor({4});
         const Tensor bias = from.tensor({4});
         Arguments::use(group_norm(x, groups, weight, bias, from.real()));
       }},
      {"instance_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         const Tensor mean = from.tensor({3});
         const Tensor var = from.tensor({3});
         const Tensor weight = from.tensor({3});
         const Tensor bias = from.tensor({3});
         const bool own = from.flag(true);
         const double momentum = from.real();
         const NoGradGuard guard;
         Arguments::use(
             instance_norm(x, mean, var, weight, bias,
                           {.use_input_stats = own, .momentum = momentum, .eps = from.real()}));
       }},
      {"local_response_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         const std::int64_t size = from.size(2);
         const double alpha = from.real();
         const double beta = from.real();
         Arguments::use(
             local_response_norm(x, size, {.alpha = alpha, .beta = beta, .k = from.real()}));
       }},
      {"normalize|norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const double p = from.real();
         const std::int64_t axis = from.size(1);
         Arguments::use(normalize(x, {.p = p, .axis = axis, .eps = from.real()}));
       }},
  });
}
