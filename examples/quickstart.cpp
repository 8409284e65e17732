#include <xgrad/xgrad.hpp>

#include <cstdio>
namespace nn = xgrad::nn;

struct Net : nn::Module {
  nn::Conv2d conv1 = add("conv1", nn::Conv2d{1, 16, 5, {.padding = 2}});
  nn::Conv2d conv2 = add("conv2", nn::Conv2d{16, 16, 5, {.padding = 2}});
  nn::Linear fc = add("fc", nn::Linear{16 * 7 * 7, 10});

  xgrad::Tensor forward(const xgrad::Tensor& images) override {
    auto x = xgrad::max_pool2d(xgrad::relu(conv1(images)), 2);
    x = xgrad::max_pool2d(xgrad::relu(conv2(x)), 2);
    return fc(x.flatten(1));
  }
};

int main() try {
  xgrad::manual_seed(0);
  auto train = xgrad::datasets::MNIST({.split = "train"});
  xgrad::datasets::DataLoader loader(train, {.batch_size = 64, .shuffle = true});
  Net net;
  xgrad::optim::SGD optimizer(net.parameters(), {.lr = 0.05, .momentum = 0.9});
  double total = 0;
  int batches = 0;
  for (auto [images, labels] : loader) {
    optimizer.zero_grad();
    auto loss = xgrad::cross_entropy(net(images), labels);
    loss.backward();
    optimizer.step();
    total += loss.item();
    if (++batches % 100 == 0) std::printf("batch %d: loss %.4f\n", batches, loss.item());
  }
  std::printf("trained on %d batches, mean loss %.4f\n", batches, total / batches);
} catch (const xgrad::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
