// Derivatives of functions, of tensors that nobody would differentiate in.

#include <xgrad/func/func.hpp>
#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;

namespace {

Tensor squared(const Tensor& x) { return x * x; }
Tensor energy(const Tensor& x) { return (x * x).sum(); }

}  // namespace

TEST_CASE("hostile: derivatives of functions") {
  sweep({
      {"jvp|mul",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const auto found = jvp(squared, x, from.tensor({2, 3}), {.create_graph = from.flag()});
         Arguments::use(found.tangent);
       }},
      {"jvp|mul|add",
       [](Arguments& from) {
         const auto x = from.tensors({2});
         const auto f = [](const std::vector<Tensor>& list) {
           Tensor sum = list.front() * list.front();
           for (const Tensor& each : list) sum = sum + each;
           return std::vector<Tensor>{sum};
         };
         Arguments::use(jvp(f, x, from.tensors({2})).tangent);
       }},
      {"linearize|mul",
       [](Arguments& from) {
         const auto [y, along] = linearize(squared, from.tensor({2, 3}));
         Arguments::use(along(from.tensor({2, 3})));
       }},
      {"vjp|mul",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(vjp(squared, x, from.tensor({2, 3}), {.strict = from.flag()}).gradient);
       }},
      {"jacobian|mul",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const auto strategy = from.flag() ? Strategy::forward_mode : Strategy::automatic;
         Arguments::use(jacobian(squared, x, {.create_graph = from.flag(), .strategy = strategy}));
       }},
      {"hessian|mul|sum",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const auto strategy = from.flag() ? Strategy::reverse_mode : Strategy::automatic;
         Arguments::use(hessian(energy, x, {.strict = from.flag(), .strategy = strategy}));
       }},
      {"hvp|mul|sum",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(hvp(energy, x, from.tensor({2, 3})).product);
       }},
      {"vhp|mul|sum",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(vhp(energy, x, from.tensor({2, 3})).product);
       }},
      {"grad|mul|sum",
       [](Arguments& from) {
         Arguments::use(grad(energy)(from.tensor({2, 3})));
       }},
      {"grad_and_value|mul|sum",
       [](Arguments& from) {
         Arguments::use(grad_and_value(energy)(from.tensor({2, 3})).gradient);
       }},
      {"per_sample_grad|mul|sum",
       [](Arguments& from) {
         const auto f = [](const Tensor& w, const Tensor& x) { return (w * x).sum(); };
         const Tensor w = from.tensor({3});
         Arguments::use(per_sample_grad(f)(w, from.tensor({2, 3})));
       }},
      {"checkpoint|mul",
       [](Arguments& from) {
         Arguments::use(checkpoint(squared, from.tensor({2, 3})));
       }},
      {"certify|mul",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, float64);
         CertifyOptions options;
         options.eps = from.real(1e-5);
         options.steps = from.reals({1e-3});
         certify(squared, {x}, options);
       }},
      {"functional_call|net (Linear)",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const Tensor weight = from.tensor({2, 3});
         Arguments::use(functional_call(layer, {{from.text("weight"), weight}}, ones({4, 3})));
       }},
  });
}
