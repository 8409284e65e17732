// Lists of modules and of parameters.

#include <xgrad/nn/nn.hpp>

#include <string>
#include <type_traits>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

std::vector<std::string> child_names(const nn::Module& net) {
  std::vector<std::string> names;
  for (const auto& [name, child] : net.named_children()) names.push_back(name);
  return names;
}

std::vector<std::string> types(const nn::Sequential& net) {
  std::vector<std::string> names;
  for (const nn::Module& layer : net) names.push_back(layer.type_name());
  return names;
}

std::vector<std::string> parameter_names(const nn::Module& net) {
  std::vector<std::string> names;
  for (const auto& [name, x] : net.named_parameters()) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

/// Of any number of lists.
struct Net : nn::Module {
  nn::ParameterList gains = add("gains", nn::ParameterList{ones({2}), full({2}, 2.F)});
  nn::ParameterDict shifts = add("shifts", nn::ParameterDict{{"first", zeros({2})}});
  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (const nn::Parameter& gain : gains) y = y * gain;
    return y + shifts["first"];
  }
};

}  // namespace

TEST_CASE("a Sequential of one module") {
  nn::Sequential one{nn::Linear{3, 2}};
  CHECK(one.size() == 1);
  CHECK(parameter_names(one) == Names{"0.weight", "0.bias"});
  CHECK(one(ones({1, 3})).shape() == Shape{1, 2});
  // A Sequential is copied, not put into another.
  nn::Sequential same{one};
  CHECK(parameter_names(same) == Names{"0.weight", "0.bias"});
  CHECK(same[0].parameters()[0].impl() == one[0].parameters()[0].impl());
  const nn::Sequential again{nn::Sequential{nn::ReLU{}}};
  CHECK(types(again) == Names{"ReLU"});
  nn::Sequential outer;
  outer.push_back(one);
  CHECK(parameter_names(outer) == Names{"0.0.weight", "0.0.bias"});
  const nn::Sequential two{one, nn::ReLU{}};
  CHECK(types(two) == Names{"Sequential", "ReLU"});
  CHECK_FALSE(std::is_convertible_v<nn::Linear, nn::Sequential>);
}

TEST_CASE("a Sequential of modules with names") {
  nn::Sequential net{{"fc1", nn::Linear{3, 4}}, {"act", nn::ReLU{}}, {"fc2", nn::Linear{4, 2}}};
  CHECK(child_names(net) == Names{"fc1", "act", "fc2"});
  CHECK(net(ones({1, 3})).shape() == Shape{1, 2});
  CHECK(net.child("fc2").parameters()[0].name() == "fc2.weight");
  const nn::Sequential single{{"fc", nn::Linear{3, 4}}};
  CHECK(child_names(single) == Names{"fc"});
  CHECK(message_of<ValueError>([] {
          nn::Sequential{{"a", nn::ReLU{}}, {"a", nn::ReLU{}}};
        }) == "add: Sequential has a part named 'a' already");
  // In the order in which they stand.
  manual_seed(3);
  const nn::Linear first{2, 2};
  const nn::Linear second{2, 2};
  manual_seed(3);
  const nn::Sequential named{{"b", nn::Linear{2, 2}}, {"a", nn::Linear{2, 2}}};
  CHECK(equal(named.parameters()[0], first.weight));
  CHECK(equal(named.parameters()[2], second.weight));
}

TEST_CASE("lists are gone over") {
  nn::Sequential net{nn::Linear{2, 2}, nn::ReLU{}};
  std::size_t i = 0;
  for (nn::Module& layer : net) CHECK(&layer == &net[i++]);
  CHECK(i == 2);
  CHECK(types(nn::Sequential{}).empty());

  nn::ModuleList<nn::Linear> list;
  list.push_back(nn::Linear{2, 3}).push_back(nn::Linear{3, 4});
  Tensor x = ones({1, 2});
  for (nn::Linear& layer : list) x = layer(x);
  CHECK(x.shape() == Shape{1, 4});

  nn::ModuleDict<nn::Linear> dict;
  dict.add("b", nn::Linear{2, 1}).add("a", nn::Linear{2, 5});
  Names names;
  for (const auto& [name, layer] : dict) {
    names.push_back(name);
    CHECK(&layer == &dict[name]);
  }
  CHECK(names == Names{"b", "a"});
}

TEST_CASE("what is inserted takes its number, and those behind it the next ones") {
  nn::Sequential net{nn::Linear{2, 2}, nn::Linear{2, 3}};
  const Tensor last = net[1].parameters()[0];
  net.insert(1, nn::ReLU{});
  CHECK(types(net) == Names{"Linear", "ReLU", "Linear"});
  CHECK(parameter_names(net) == Names{"0.weight", "0.bias", "2.weight", "2.bias"});
  CHECK(last.name() == "2.weight");
  net.insert(3, nn::Tanh{}).insert(0, nn::Linear{4, 2});
  CHECK(types(net) == Names{"Linear", "Linear", "ReLU", "Linear", "Tanh"});
  CHECK(last.name() == "3.weight");
  CHECK(net(ones({1, 4})).shape() == Shape{1, 3});
  CHECK(types(nn::clone(net)) == types(net));
  CHECK(message_of<ValueError>([&] { net.insert(6, nn::ReLU{}); }) ==
        "insert: Sequential has 5 parts, there is no place 6 among them");
  nn::Sequential named{{"a", nn::ReLU{}}};
  CHECK(message_of<ValueError>([&] { named.insert(0, nn::ReLU{}); }) ==
        "insert: part 0 of Sequential is named 'a'; a place among others is for parts that are "
        "named by their numbers");
  CHECK(net.size() == 5);

  struct Outer : nn::Module {
    nn::ModuleList<nn::Linear> layers = add("layers", nn::ModuleList<nn::Linear>{});
  } outer;
  outer.layers.push_back(nn::Linear{2, 2}).insert(0, nn::Linear{3, 2});
  CHECK(outer.layers[0].weight.shape() == Shape{2, 3});
  CHECK(parameter_names(outer) ==
        Names{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"});
  CHECK(outer.layers[1].weight.name() == "layers.1.weight");
}

TEST_CASE("a list is extended by copies that share their parameters") {
  nn::Sequential net{nn::Linear{2, 2}, nn::ReLU{}};
  const nn::Sequential other{{"x", nn::Linear{2, 3}}, {"y", nn::Dropout{0.5}}};
  net.extend(other);
  CHECK(child_names(net) == Names{"0", "1", "2", "3"});
  CHECK(net[2].parameters()[0].impl() == other[0].parameters()[0].impl());
  CHECK(other.size() == 2);
  net.eval();
  CHECK(other.is_training());
  net.extend(nn::Sequential{nn::Linear{3, 2}});
  net.extend(net);
  CHECK(types(net) == Names{"Linear", "ReLU", "Linear", "Dropout", "Linear", "Linear", "ReLU",
                            "Linear", "Dropout", "Linear"});
  CHECK(net(ones({1, 2})).shape() == Shape{1, 2});
  CHECK(net.parameters().size() == 6);
  nn::ModuleList<nn::Linear> list;
  list.push_back(nn::Linear{1, 1}).extend(list).extend(list);
  CHECK(list.size() == 4);
}

TEST_CASE("parameters in lists are a module's, and stay so in copies") {
  Net net;
  CHECK(parameter_names(net) == Names{"gains.0", "gains.1", "shifts.first"});
  for (int i = 0; i < 20; ++i) net.gains.push_back(ones({2}));  // it grows on the way
  net.gains.extend({full({2}, 3.F)});
  net.shifts.add("second", ones({2}));
  CHECK(net.gains.size() == 23);
  CHECK(values(net(ones({2}))) == std::vector<double>{6, 6});
  net(ones({2})).sum().backward();
  CHECK(values(net.gains[1].grad()) == std::vector<double>{3, 3});
  CHECK(net.shifts["first"].grad().defined());
  CHECK(net.shifts.contains("second"));
  CHECK_FALSE(net.shifts.contains("third"));
  for (const auto& [name, x] : net.shifts) CHECK(x.impl() == net.shifts[name].impl());

  Net same = net;
  Net own = nn::clone(net);
  CHECK(parameter_names(own) == parameter_names(net));
  CHECK(same.gains[22].impl() == net.gains[22].impl());
  CHECK(own.gains[22].impl() != net.gains[22].impl());
  CHECK(own.parameters()[22].impl() == own.gains[22].impl());
  no_grad([&] { own.gains[1].fill_(0); });
  CHECK(values(own(ones({2}))) == std::vector<double>{0, 0});
  CHECK(values(net(ones({2}))) == std::vector<double>{6, 6});
  own.load_state_dict(net.state_dict());
  CHECK(values(own(ones({2}))) == std::vector<double>{6, 6});

  CHECK(message_of<ValueError>([&] { net.gains[23]; }) ==
        "ParameterList: there is no parameter 23, there are 23");
  CHECK(message_of<ValueError>([&] { net.shifts["third"]; }) ==
        "ParameterDict: there is no parameter 'third'");
  CHECK(message_of<ValueError>([&] { net.shifts.add("second", ones({1})); }) ==
        "add: ParameterDict has a part named 'second' already");
  CHECK(net.shifts.size() == 2);
}

TEST_CASE("buffers are listed, and converted with the parameters") {
  nn::Sequential net{nn::Linear{2, 2}, nn::BatchNorm1d{2}};
  const auto buffers = net.buffers();
  REQUIRE(buffers.size() == 3);
  CHECK(buffers[0].name() == net.named_buffers()[0].second.name());
  net.to(bfloat16);
  CHECK(net.parameters()[0].dtype() == bfloat16);
  CHECK(net.buffers()[0].dtype() == bfloat16);
  CHECK(net.buffers()[2].dtype() == int64);
  net.to(float32).to(float16);
  CHECK(net.parameters()[0].dtype() == float16);
}
