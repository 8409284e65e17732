// script_xgrad.cpp in libtorch's words.
#include <cstdlib>

#include <torch/torch.h>
namespace nn = torch::nn;

struct NetImpl : nn::Module {
  nn::Conv2d conv1{nullptr}, conv2{nullptr};
  nn::Linear fc{nullptr};

  NetImpl() {
    conv1 = register_module("conv1", nn::Conv2d(nn::Conv2dOptions(1, 16, 5).padding(2)));
    conv2 = register_module("conv2", nn::Conv2d(nn::Conv2dOptions(16, 16, 5).padding(2)));
    fc = register_module("fc", nn::Linear(16 * 7 * 7, 10));
  }

  torch::Tensor forward(const torch::Tensor& images) {
    auto x = torch::max_pool2d(torch::relu(conv1(images)), 2);
    x = torch::max_pool2d(torch::relu(conv2(x)), 2);
    return fc(x.flatten(1));
  }
};
TORCH_MODULE(Net);

int main() {
  torch::manual_seed(0);
  auto train = torch::data::datasets::MNIST(std::getenv("XGRAD_MNIST"))
                   .map(torch::data::transforms::Stack<>());
  auto loader = torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      std::move(train), torch::data::DataLoaderOptions().batch_size(64));
  Net net;
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  for (auto& batch : *loader) {
    optimizer.zero_grad();
    auto loss = nn::functional::cross_entropy(net(batch.data), batch.target);
    loss.backward();
    optimizer.step();
    break;
  }
}
