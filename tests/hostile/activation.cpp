// Activations.

#include "hostile.hpp"

using namespace hostile;

namespace {

Row of_one(const char* name, Tensor (*f)(const Tensor&)) {
  return {name, [f](Arguments& from) { Arguments::use(f(from.tensor({2, 4}))); }};
}

Row of_number(const char* name, Tensor (*f)(const Tensor&, double)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor({2, 4});
            Arguments::use(f(x, from.real()));
          }};
}

Row along(const char* name, Tensor (*f)(const Tensor&, std::int64_t)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor({2, 4});
            Arguments::use(f(x, from.size(1)));
          }};
}

}  // namespace

TEST_CASE("hostile: activations") {
  sweep({
      of_one("selu", selu),
      of_one("silu", silu),
      of_one("mish", mish),
      of_one("logsigmoid", logsigmoid),
      of_one("softsign", softsign),
      of_one("relu6", relu6),
      of_one("hardsigmoid", hardsigmoid),
      of_one("hardswish", hardswish),
      of_one("tanhshrink", tanhshrink),
      of_number("leaky_relu", leaky_relu),
      of_number("elu", elu),
      of_number("celu", celu),
      of_number("softshrink|clamp|le|ge|where|fill_", softshrink),
      of_number("hardshrink|clamp|le|ge|where|fill_", hardshrink),
      along("glu", glu),
      along("softmin", softmin),
      {"softplus",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4});
         const double beta = from.real();
         Arguments::use(softplus(x, beta, from.real(20)));
       }},
      {"hardtanh|clamp|le|ge|where|fill_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4});
         const double low = from.real(-1);
         Arguments::use(hardtanh(x, low, from.real(1)));
       }},
      {"threshold|clamp|le|ge|where|fill_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4});
         const double threshold = from.real();
         Arguments::use(xgrad::threshold(x, threshold, from.real(2)));
       }},
      {"prelu",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4});
         Arguments::use(prelu(x, from.tensor({4})));
       }},
      {"gelu",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 4});
         const std::string approximate = from.text("tanh");
         Arguments::use(gelu(x, approximate));
       }},
  });
}
