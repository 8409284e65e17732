#include <xgrad/optim/average.hpp>

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
