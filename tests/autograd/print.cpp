#include <algorithm>
#include <cmath>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {
std::string shown(const Tensor& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}
}  // namespace

TEST_CASE("tensors print as PyTorch's do") {
  CHECK(shown(tensor({{1., 2.5}, {-3., 4.}})) ==
        "tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]])");
  CHECK(shown(tensor({1., 2.})) == "tensor([1., 2.])");
  CHECK(shown(tensor({1, -20})) == "tensor([  1, -20])");
  CHECK(shown(tensor({true, false})) == "tensor([ True, False])");
  CHECK(shown(tensor(3.5)) == "tensor(3.5000)");
  CHECK(shown(tensor({1.}, {.dtype = float64})) == "tensor([1.], dtype=float64)");
  CHECK(shown(tensor({1.}, {.requires_grad = true})) == "tensor([1.], requires_grad=True)");
  CHECK(shown(tensor({1.}, {.requires_grad = true}) * 2) == "tensor([2.], grad_fn=<mul>)");
  CHECK(shown(tensor({1e-5, 1000.})) == "tensor([1.0000e-05, 1.0000e+03])");
  CHECK(shown(tensor({NAN, 1.5})) == "tensor([   nan, 1.5000])");
  CHECK(shown(tensor({-NAN, 1.5})) == "tensor([   nan, 1.5000])");
  CHECK(shown(zeros({0})) == "tensor([])");
  CHECK(shown(zeros({0, 3})) == "tensor([], size=[0, 3])");
  CHECK(shown(zeros({2, 1, 1})) == "tensor([[[0.]],\n\n        [[0.]]])");
  CHECK(shown(Tensor()) == "tensor(undefined)");
}

TEST_CASE("powers of ten are written where fixed digits would not do, from PyTorch's bounds on") {
  const auto wide = [](std::initializer_list<double> numbers) {
    const std::string text = shown(from_vector(std::vector<double>(numbers)));
    return text.substr(0, text.find(", dtype"));
  };
  CHECK(wide({1, 1000}) == "tensor([   1., 1000.]");
  CHECK(wide({1, 1000.5}) == "tensor([1.0000e+00, 1.0005e+03]");
  CHECK(wide({2, 2001}) == "tensor([2.0000e+00, 2.0010e+03]");
  CHECK(wide({1e8}) == "tensor([100000000.]");
  CHECK(wide({1e8 + 1}) == "tensor([1.0000e+08]");
  CHECK(wide({1e-4}) == "tensor([0.0001]");
  CHECK(wide({0.99e-4}) == "tensor([9.9000e-05]");
  CHECK(wide({0, 0}) == "tensor([0., 0.]");
}

TEST_CASE("large tensors show their edges, long rows are folded") {
  CHECK(shown(arange(2000)) == "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])");
  const std::string text = shown(zeros({100, 100}));
  CHECK(std::count(text.begin(), text.end(), '\n') == 6);
  CHECK(shown(arange(40)).find('\n') != std::string::npos);
}
