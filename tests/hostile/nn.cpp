// Networks and optimisers. Not here: files (tests/nn/state), hooks and copies of modules
// (tests/nn/module, handles), EvalGuard.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <cmath>

#include "hostile.hpp"

using namespace hostile;

namespace {

Tensor leaf(const Shape& shape) {
  Tensor x = ones(shape, {.requires_grad = true});
  x.set_grad(ones(shape));
  return x;
}

nn::Linear named(const std::string& name, const std::string& parameter) {
  struct Net : nn::Module {
    Tensor forward(const Tensor& x) override { return x; }
  } net;
  const auto own = net.add_parameter(parameter, zeros({2}));
  return net.add(name, nn::Linear{2, 3});
}

}  // namespace

TEST_CASE("hostile: layers") {
  sweep({
      {"Linear",
       [](Arguments& from) {
         const std::int64_t in = from.size(3);
         const std::int64_t out = from.size(2);
         nn::Linear layer{in, out, {.bias = from.flag(true)}};
       }},
      {"net (Linear)",
       [](Arguments& from) {
         Arguments::use(nn::Linear{3, 2}(from.tensor({2, 3})));
       }},
      {"Conv2d",
       [](Arguments& from) {
         const std::int64_t in = from.size(4);
         const std::int64_t out = from.size(6);
         const Extents<2> kernel = from.pair(3);
         nn::Conv2d layer{in, out, kernel, {.groups = from.size(2)}};
       }},
      {"net (Conv2d)|Conv2d",
       [](Arguments& from) {
         const Extents<2> stride = from.pair(1);
         const Extents<2> padding = from.pair(1);
         nn::Conv2d layer{
             4, 6, 3, {.stride = stride, .padding = padding, .dilation = from.pair(1)}};
         Arguments::use(layer(from.tensor({1, 4, 5, 5})));
       }},
      {"BatchNorm",
       [](Arguments& from) {
         const std::int64_t channels = from.size(3);
         nn::BatchNorm2d layer{channels, {.affine = from.flag(true)}};
       }},
      {"net (BatchNorm2d)|BatchNorm",
       [](Arguments& from) {
         const double eps = from.real(1e-5);
         const double momentum = from.real(0.1);
         nn::BatchNorm2d layer{3, {.eps = eps, .momentum = momentum}};
         if (from.flag()) layer.num_batches_tracked.fill_(INT64_MAX);
         if (from.flag()) layer.eval();
         const NoGradGuard guard;
         Arguments::use(layer(from.tensor({2, 3, 4, 4})));
       }},
      {"net (BatchNorm1d)",
       [](Arguments& from) {
         Arguments::use(nn::BatchNorm1d{3}(from.tensor({4, 3})));
       }},
      {"net (MaxPool2d)|MaxPool2d",
       [](Arguments& from) {
         const Extents<2> kernel = from.pair(2);
         nn::MaxPool2d layer{kernel, {.stride = from.pair(2)}};
         Arguments::use(layer(from.tensor({1, 2, 4, 4})));
       }},
      {"net (AvgPool2d)|AvgPool2d",
       [](Arguments& from) {
         const Extents<2> kernel = from.pair(2);
         nn::AvgPool2d layer{kernel, {.stride = from.pair(2)}};
         Arguments::use(layer(from.tensor({1, 2, 4, 4})));
       }},
      {"net (Flatten)",
       [](Arguments& from) {
         const std::int64_t start = from.size(1);
         nn::Flatten layer{start, from.size(2)};
         Arguments::use(layer(from.tensor({2, 3, 4})));
       }},
      {"Dropout", [](Arguments& from) { nn::Dropout layer{from.real()}; }},
      {"net (Dropout)",
       [](Arguments& from) {
         Arguments::use(nn::Dropout{}(from.tensor({2, 3})));
       }},
      {"net (ReLU)",
       [](Arguments& from) {
         Arguments::use(nn::ReLU{}(from.tensor({2, 3})));
       }},
      {"net (GELU)",
       [](Arguments& from) {
         Arguments::use(nn::GELU{}(from.tensor({2, 3})));
       }},
      {"net (Sigmoid)",
       [](Arguments& from) {
         Arguments::use(nn::Sigmoid{}(from.tensor({2, 3})));
       }},
      {"net (Tanh)",
       [](Arguments& from) {
         Arguments::use(nn::Tanh{}(from.tensor({2, 3})));
       }},
      {"net (Softmax)",
       [](Arguments& from) {
         nn::Softmax layer{from.size(1)};
         Arguments::use(layer(from.tensor({2, 3})));
       }},
      {"net (LogSoftmax)",
       [](Arguments& from) {
         nn::LogSoftmax layer{from.size(1)};
         Arguments::use(layer(from.tensor({2, 3})));
       }},
      {"net (Identity)",
       [](Arguments& from) {
         Arguments::use(nn::Identity{}(from.tensor({2, 3})));
       }},
      {"net.0 (Linear)",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}, nn::ReLU{}};
         Arguments::use(net(from.tensor({2, 3})));
       }},
      {"add|add_parameter",
       [](Arguments& from) {
         const std::string name = from.text("part");
         named(name, from.text("own"));
       }},
      {"add_parameter|requires_grad_",
       [](Arguments& from) {
         nn::Module net;
         const auto part = net.add_parameter("own", from.tensor({2}));
       }},
      {"add_buffer|detach",
       [](Arguments& from) {
         nn::Module net;
         const auto part = net.add_buffer("own", from.tensor({2}));
       }},
      {"child",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}, nn::ReLU{}};
         net.child(from.count(1));
       }},
      {"load_state_dict|shape",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const Tensor weight = from.tensor({2, 3});
         const std::string name = from.text("bias");
         layer.load_state_dict({{"weight", weight}, {name, from.tensor({2})}});
       }},
      {"load_state_dict|shape",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const Tensor weight = from.tensor({2, 3});
         const std::string prefix = from.text("fc.");
         const std::string by = from.text("");
         const bool skips = from.flag();
         layer.load_state_dict(
             {{"fc.weight", weight}},
             {.strict = false, .prefixes = {{prefix, by}}, .skip_mismatched = skips});
       }},
      {"insert",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}, nn::ReLU{}};
         net.insert(from.count(1), nn::ReLU{});
       }},
      {"ParameterList|add_parameter|requires_grad_",
       [](Arguments& from) {
         nn::ParameterList list;
         list.push_back(from.tensor({2}));
         Arguments::use(list[from.count(0)]);
       }},
      {"ParameterDict|add|add_parameter|requires_grad_",
       [](Arguments& from) {
         nn::ParameterDict dict;
         const std::string name = from.text("own");
         dict.add(name, from.tensor({2}));
         Arguments::use(dict[from.text("own")]);
       }},
      {"weight_norm",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const std::string name = from.text("weight");
         nn::utils::parametrizations::weight_norm(layer, name, {.axis = from.size(1)});
         layer(ones({1, 3}));
       }},
      {"spectral_norm",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const std::string name = from.text("weight");
         const double eps = from.real(1e-12);
         const std::int64_t axis = from.size(1);
         nn::utils::parametrizations::spectral_norm(layer, name, {.eps = eps, .axis = axis});
         layer(ones({1, 3}));
       }},
      {"orthogonal",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         const std::string name = from.text("weight");
         const std::string map = from.text("cayley");
         nn::utils::parametrizations::orthogonal(layer, name, {.orthogonal_map = map});
         layer(ones({1, 3}));
       }},
      {"remove_parametrizations",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         nn::utils::parametrizations::weight_norm(layer);
         nn::utils::parametrize::remove_parametrizations(layer, from.text("weight"));
       }},
      {"parameters_to_vector",
       [](Arguments& from) { Arguments::use(nn::utils::parameters_to_vector(from.tensors({2}))); }},
      {"vector_to_parameters|copy_",
       [](Arguments& from) {
         const Tensor vector = from.tensor({4});
         nn::utils::vector_to_parameters(vector, from.tensors({2}));
       }},
      {"summary|zeros|net|net.0 (Linear)|shape",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}, nn::ReLU{}};
         to_string(nn::summary(net, from.shape({2, 3})));
       }},
      {"summary", [](Arguments& from) { nn::detail::with_commas(from.size()); }},
  });
}

TEST_CASE("hostile: initialisers") {
  using Plain = Tensor (*)(Tensor);
  using Gained = Tensor (*)(Tensor, double, Generator*);
  std::vector<Row> rows;
  rows.push_back({"eye_", [](Arguments& from) {
                    Arguments::use(nn::init::eye_(from.tensor({2, 3})));
                  }});
  rows.push_back({"calculate_gain", [](Arguments& from) {
                    const std::string name = from.text("leaky_relu");
                    nn::init::calculate_gain(name, from.real(0.01));
                  }});
  rows.push_back({.names = "kaiming_normal_|calculate_gain",
                  .call =
                      [](Arguments& from) {
                        const Tensor x = from.tensor({2, 3});
                        const double a = from.real(0);
                        const std::string mode = from.text("fan_out");
                        Arguments::use(nn::init::kaiming_normal_(x, {.a = a, .mode = mode}));
                      },
                  .computes = true});
  rows.push_back({"orthogonal_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3, 2});
                    Arguments::use(nn::init::orthogonal_(x, from.real(1)));
                  }});
  rows.push_back({"trunc_normal_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double mean = from.real(0);
                    const double std = from.real(1);
                    const double a = from.real(-2);
                    Arguments::use(nn::init::trunc_normal_(x, mean, std, a, from.real(2)));
                  }});
  rows.push_back({"sparse_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double sparsity = from.real(0.5);
                    Arguments::use(nn::init::sparse_(x, sparsity, from.real(1)));
                  }});
  for (const auto& [name, f] : std::vector<std::pair<std::string, Plain>>{
           {"zeros_", nn::init::zeros_}, {"ones_", nn::init::ones_}, {"dirac_", nn::init::dirac_}})
    rows.push_back({name, [f = f](Arguments& from) {
                      Arguments::use(f(from.tensor({2, 3, 3, 3})));
                    }});
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Gained>>{{"kaiming_normal_", nn::init::kaiming_normal_},
                                                   {"kaiming_uniform_", nn::init::kaiming_uniform_},
                                                   {"xavier_normal_", nn::init::xavier_normal_},
                                                   {"xavier_uniform_", nn::init::xavier_uniform_}})
    rows.push_back({.names = name,
                    .call =
                        [f = f](Arguments& from) {
                          const Tensor x = from.tensor({2, 3, 3, 3});
                          Arguments::use(f(x, from.real(1), nullptr));
                        },
                    .computes = true});
  rows.push_back({"fans", [](Arguments& from) { nn::init::fans(from.tensor({2, 3, 3, 3})); }});
  rows.push_back({"constant_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(nn::init::constant_(x, from.real()));
                  }});
  rows.push_back({"normal_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double mean = from.real(0);
                    Arguments::use(nn::init::normal_(x, mean, from.real(1)));
                  }});
  rows.push_back({"uniform_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double low = from.real(0);
                    Arguments::use(nn::init::uniform_(x, low, from.real(1)));
                  }});
  rows.push_back({"assignment_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double fan = from.real(75);
                    Arguments::use(nn::init::assignment_(x, fan, from.real(1)));
                  }});
  rows.push_back({"default_", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(nn::init::default_(x, from.size(3)));
                  }});
  rows.push_back({"whitening_", [](Arguments& from) {
                    const Tensor weight = from.tensor({8, 1, 2, 2});
                    const Tensor images = from.tensor({4, 1, 5, 5});
                    Arguments::use(nn::init::whitening_(weight, images, from.real(1e-3)));
                  }});
  sweep(rows);
}

TEST_CASE("hostile: optimisers") {
  sweep({
      {"SGD",
       [](Arguments& from) {
         const double lr = from.real();
         const double momentum = from.real();
         const double dampening = from.real(0);
         const double decay = from.real();
         const Tensor x = leaf({2, 3});  // which somebody else has too
         optim::SGD sgd({x}, {.lr = lr,
                              .momentum = momentum,
                              .dampening = dampening,
                              .weight_decay = decay,
                              .nesterov = from.flag()});
         sgd.step();
       }},
      {"SGD",
       [](Arguments& from) {
         optim::SGD sgd(
             from.flag() ? std::vector<Tensor>{} : std::vector{from.flag() ? Tensor() : leaf({2})},
             {.lr = 1});
       }},
      {"SGD",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});  // which somebody else has too
         optim::SGD sgd({x}, {.lr = 0.1});
         sgd.set_lr(from.real());
         sgd.step();
       }},
      {"set_learning_rates|SGD",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});  // which somebody else has too
         optim::SGD sgd({x}, {.lr = 0.1});
         sgd.set_learning_rates(from.reals({0.1}));
         sgd.step();
       }},
      {"load_state_dict",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});  // which somebody else has too
         optim::SGD sgd({x}, {.lr = 0.1, .momentum = 0.9});
         sgd.step();
         const std::string name = sgd.state_dict().front().first;
         sgd.load_state_dict({{from.text(name), from.tensor({2, 3})}});
       }},
      {"Muon|orthogonalize",
       [](Arguments& from) {
         const double lr = from.real();
         const double momentum = from.real();
         const int steps = from.integer(3);
         const double decay = from.real();
         const Tensor x = leaf({2, 3});
         optim::Muon muon({x},
                          {.lr = lr, .momentum = momentum, .steps = steps, .weight_decay = decay});
         muon.step();
       }},
      {"orthogonalize",
       [](Arguments& from) {
         const Tensor g = from.tensor({2, 3});
         Arguments::use(optim::orthogonalize(g, from.integer(3)));
       }},
      {"MovingAverage",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         optim::MovingAverage average(NamedTensors{{from.text(), x}});
         average.update(from.real());
         average.copy_to_tensors();
       }},
      {"grad_norm",
       [](Arguments& from) { optim::grad_norm({from.flag() ? Tensor() : leaf({2})}); }},
      {"clip_grad_norm_",
       [](Arguments& from) {
         const std::vector<Tensor> parameters{from.flag() ? Tensor() : leaf({2})};
         optim::clip_grad_norm_(parameters, from.real());
       }},
      {"clip_grad_value_",
       [](Arguments& from) {
         const std::vector<Tensor> parameters{from.flag() ? Tensor() : leaf({2})};
         optim::clip_grad_value_(parameters, from.real());
       }},
      {"linear",
       [](Arguments& from) {
         const double first = from.real();
         const double last = from.real();
         const auto schedule = optim::schedule::linear(first, last, from.real());
         schedule(from.real());
       }},
      {"triangle",
       [](Arguments& from) {
         const double first = from.real();
         const double peak = from.real();
         const auto schedule = optim::schedule::triangle(first, peak, from.real());
         schedule(from.real());
       }},
      {"cosine",
       [](Arguments& from) {
         const double warmup = from.real();
         const auto schedule = optim::schedule::cosine(warmup, from.real());
         schedule(from.real());
       }},
      {.names = "Scheduler|SGD",
       .call =
           [](Arguments& from) {
             const Tensor x = leaf({2, 3});  // which somebody else has too
             optim::SGD sgd({x}, {.lr = 0.1});
             optim::Scheduler scheduler(sgd, optim::schedule::linear(from.real()));
             scheduler.set(from.real());
             sgd.step();
           },
       .computes = true},
  });
}

TEST_CASE("beyond its ends a schedule stays what it is there") {
  for (const auto& schedule :
       {optim::schedule::linear(0.5, 0.25, 0.75), optim::schedule::triangle(0.5, 0.25, 0.125),
        optim::schedule::cosine(0.25, 0.125)}) {
    CHECK(schedule(-1) == schedule(0));
    CHECK(schedule(-INFINITY) == schedule(0));
    CHECK(schedule(2) == schedule(1));
    CHECK(schedule(INFINITY) == schedule(1));
  }
}
