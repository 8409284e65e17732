// The same seed gives the same weights, in whichever order a compiler evaluates arguments.

#include <xgrad/nn/nn.hpp>

#include "support.hpp"

using namespace support;

TEST_CASE("layers in braces are made in the order in which they stand") {
  manual_seed(3);
  const nn::Linear first{4, 4};
  const nn::Conv2d second{4, 4, 3};
  const nn::Linear third{4, 4};
  manual_seed(3);
  const nn::Sequential net{nn::Linear{4, 4}, nn::Conv2d{4, 4, 3}, nn::Linear{4, 4}};
  const auto weights = net.parameters();
  REQUIRE(weights.size() == 6);
  CHECK(values(weights[0]) == values(first.weight));
  CHECK(values(weights[1]) == values(first.bias));
  CHECK(values(weights[2]) == values(second.weight));
  CHECK(values(weights[3]) == values(second.bias));
  CHECK(values(weights[4]) == values(third.weight));
  CHECK(values(weights[5]) == values(third.bias));
}
