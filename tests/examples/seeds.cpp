// The examples' networks start with the same weights from the same seed with any compiler: the
// numbers below were written by g++, and the suite runs with clang++ too.

#include <xgrad/autograd/random.hpp>

#include <memory>

#include "networks.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// The first value of each parameter of a network that is made from seed 1.
std::vector<double> first_values(const std::string& name) {
  manual_seed(1);
  std::vector<double> result;
  for (const Tensor& x : examples::make_network(name)->parameters())
    result.push_back(values(x).front());
  return result;
}

// Compilers may round a weight differently: once in a fused multiplication and addition.
void check_first_values(const std::string& name, const std::vector<double>& expected) {
  const auto found = first_values(name);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK_MESSAGE(found[i] == doctest::Approx(expected[i]).epsilon(1e-6), name, " ", i);
}

}  // namespace

TEST_CASE("the same seed gives the examples' networks the same weights") {
  check_first_values("assignment-mnist", {0.156103656, -0.165368244, 0.00949661154, -0.0141895413,
                                          -0.00665812846, 0.00736338738});
  check_first_values("assignment-cifar10", {0.00977026578, 0, 0.00485430891, 0, -0.01403384, 0});
  check_first_values("vgg 1 4 8", {0.260172755, 1, 0, -0.0936671719, 1, 0, -0.124695241, 1, 0,
                                   -0.114283733, 1, 0, -0.206413895, 0.0705045536});
  check_first_values("airbench 32 48 64",
                     {0.225316226, 0.0424306206, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1,
                      0,           0.36344105});
}
