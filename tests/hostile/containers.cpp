// Modules that hold others, and what works on whole modules.

#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: containers") {
  sweep({
      {"add",
       [](Arguments& from) {
         const std::string first = from.text("fc");
         const std::string second = from.text("act");
         nn::Sequential net{{first, nn::Linear{3, 2}}, {second, nn::ReLU{}}};
         net(ones({1, 3}));
       }},
      {"add|child",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}};
         net.add(from.text("act"), nn::ReLU{});
         net.extend(net);
         net[from.count(1)];
       }},
      {"insert|child",
       [](Arguments& from) {
         nn::ModuleList<nn::Linear> list;
         list.push_back(nn::Linear{3, 2});
         list.insert(from.count(1), nn::Linear{2, 2});
         list.extend(list);
         list[from.count(3)];
       }},
      {"add|child",
       [](Arguments& from) {
         nn::ModuleDict<nn::Linear> dict;
         dict.add(from.text("one"), nn::Linear{3, 2});
         dict.add("other", nn::Linear{3, 2});
         dict.contains(from.text("two"));
         dict[from.text("other")];
       }},
      {"ParameterList|add_parameter|requires_grad_",
       [](Arguments& from) {
         nn::ParameterList list;
         list.extend(from.tensors({2}));
         for (const Tensor& x : list) Arguments::use(x);
       }},
  });
}

TEST_CASE("hostile: functions of modules") {
  namespace utils = nn::utils;
  sweep({
      {"functional_call|net (Linear)",
       [](Arguments& from) {
         nn::Linear net{3, 2};
         const std::string name = from.text("weight");
         const Tensor weight = from.tensor({2, 3});
         Arguments::use(nn::functional_call(net, {{name, weight}}, from.tensor({1, 3})));
       }},
      {"fuse_conv_bn_eval|BatchNorm",
       [](Arguments& from) {
         nn::Conv2d conv{2, 3, 1, {.bias = from.flag()}};
         nn::BatchNorm2d norm{from.size(3),
                              {.eps = from.real(),
                               .affine = from.flag(true),
                               .track_running_stats = from.flag(true)}};
         conv.train(from.flag());
         norm.train(from.flag());
         utils::fuse_conv_bn_eval(conv, norm);
       }},
      {"fuse_linear_bn_eval|BatchNorm",
       [](Arguments& from) {
         nn::Linear linear{2, 3};
         nn::BatchNorm1d norm{from.size(3)};
         linear.train(from.flag());
         norm.train(from.flag());
         Arguments::use(utils::fuse_linear_bn_eval(linear, norm).weight);
       }},
      {"is_parametrized",
       [](Arguments& from) {
         nn::Linear layer{3, 2};
         utils::parametrizations::weight_norm(layer);
         utils::parametrize::is_parametrized(layer, from.text("weight"));
       }},
      {.names = "kaiming_uniform_|calculate_gain",
       .call =
           [](Arguments& from) {
             const Tensor x = from.tensor({2, 3});
             const double a = from.real(0);
             const std::string mode = from.text("fan_in");
             const std::string name = from.text("relu");
             Arguments::use(
                 nn::init::kaiming_uniform_(x, {.a = a, .mode = mode, .nonlinearity = name}));
           },
       .computes = true},
  });
}
