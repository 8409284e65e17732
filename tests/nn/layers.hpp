#pragma once
// What tests of layers share.

#include <xgrad/nn/nn.hpp>

#include <concepts>
#include <string>
#include <vector>

#include "support.hpp"

namespace support {

/// "weight [4, 3]" of each parameter and buffer.
inline std::vector<std::string> state_of(const nn::Module& module) {
  std::vector<std::string> result;
  for (const auto& [name, x] : module.state_dict())
    result.push_back(name + ' ' + to_string(x.shape()));
  return result;
}

/// A layer in float64 is `f(layer, x)`, by itself, in a Sequential and as a clone, whose parameters
/// are its own; gradients reach all of the parameters.
template <std::derived_from<nn::Module> M, class F>
void check_layer(const std::string& name, M layer, const Tensor& x, const F& f) {
  CAPTURE(name);
  CHECK(layer.type_name() == name);
  layer.to(float64);
  for (const Tensor& parameter : layer.parameters()) CHECK(parameter.dtype() == float64);
  manual_seed(1);
  const Tensor expected = f(layer, x);
  manual_seed(1);
  CHECK(equal(layer(x), expected));
  M copy = nn::clone(layer);
  const auto own = layer.parameters(), copied = copy.parameters();
  REQUIRE(own.size() == copied.size());
  for (std::size_t i = 0; i < own.size(); ++i) CHECK(own[i].impl() != copied[i].impl());
  manual_seed(1);
  CHECK(equal(copy(x), expected));
  nn::Sequential net{nn::Identity{}, layer};
  manual_seed(1);
  const Tensor y = net(x);
  CHECK(equal(y, expected));
  CHECK(net.parameter_count() == layer.parameter_count());
  if (own.empty()) return;
  y.sum().backward();
  for (const Tensor& parameter : net.parameters()) CHECK(parameter.grad().defined());
}

}  // namespace support
