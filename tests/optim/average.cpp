#include <xgrad/optim/average.hpp>

#include <algorithm>
#include <cmath>

#include "support.hpp"

using namespace support;
using optim::MovingAverage;

TEST_CASE("an average worked out by hand, read back and swapped") {
  Tensor x = tensor({4., 8.}, {.requires_grad = true});
  const Tensor count = full({}, 3, {.dtype = int64});
  MovingAverage average({{"x", x}, {"count", count}});
  x.detach().fill_(0);
  average.update(0.75);
  CHECK(average.state_dict().size() == 1);
  CHECK(equal(average.state_dict()[0].second, tensor({3., 6.})));
  average.swap();
  CHECK(equal(x.detach(), tensor({3., 6.})));
  average.swap();
  CHECK(equal(x.detach(), tensor({0., 0.})));
  average.copy_to_tensors();
  CHECK(equal(x.detach(), tensor({3., 6.})));
}

TEST_CASE("an average over many updates is off by no more than it says") {
  constexpr double decay = 0.999;
  const Tensor x = full({1}, 1.0);
  MovingAverage average({{"x", x}});
  double exact = 1;
  double largest = 1;
  for (int step = 0; step < 20'000; ++step) {
    const auto value = static_cast<float>(1 + std::sin(step) / 3 - step * 2e-5);
    x.detach().fill_(static_cast<double>(value));
    average.update(decay);
    exact = decay * exact + (1 - decay) * static_cast<double>(value);
    largest = std::max(largest, static_cast<double>(value));
  }
  average.copy_to_tensors();
  CHECK(std::abs(x.item() - exact) <= 0x1p-23 / (1 - decay) * largest);
}

TEST_CASE("its state goes to another and back") {
  const Tensor x = tensor({4., 8.});
  MovingAverage one({{"x", x}});
  x.detach().fill_(0);
  MovingAverage other({{"x", x}});
  other.load_state_dict(one.state_dict());
  other.copy_to_tensors();
  CHECK(equal(x, tensor({4., 8.})));
  CHECK_THROWS_AS(other.load_state_dict({}), ValueError);
  CHECK(message_of<ValueError>([&] {
          other.load_state_dict({{"y", x}});
        }).find("unexpected: y") != std::string::npos);
}

TEST_CASE("what cannot be averaged is an error") {
  CHECK_THROWS_AS(MovingAverage(NamedTensors{}), ValueError);
  MovingAverage average({{"x", tensor({1.})}});
  CHECK_THROWS_AS(average.update(1.5), ValueError);
}
