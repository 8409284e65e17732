// State that does not fit a module in all, and under other names.

#include <xgrad/nn/nn.hpp>

#include <limits>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

struct Net : nn::Module {
  nn::Sequential features = add("features", nn::Sequential{nn::Linear{4, 3}, nn::ReLU{}});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{3});
  nn::Linear fc = add("fc", nn::Linear{3, 2});
  Tensor forward(const Tensor& x) override { return fc(norm(features(x))); }
};

/// Of the same forms, with `value` everywhere.
nn::StateDict filled(const nn::Module& net, double value) {
  nn::StateDict result;
  for (const auto& [name, x] : net.state_dict()) result.emplace_back(name, full_like(x, value));
  return result;
}

bool has(const nn::StateDict& values, const std::string& name) {
  for (const auto& entry : values)
    if (entry.first == name) return true;
  return false;
}

bool is_all(const Tensor& x, double value) { return equal(x, full_like(x, value)); }

}  // namespace

TEST_CASE("not strict: what is there is loaded, the rest stays and is reported") {
  Net net;
  const Tensor fc_before = net.fc.weight.detach().clone();
  nn::StateDict values = filled(net, 5);
  std::erase_if(values, [](const auto& entry) { return entry.first == "fc.weight"; });
  values.emplace_back("head.weight", zeros({7, 3}));
  values.emplace_back("head.bias", zeros({}));
  const nn::LoadReport report = net.load_state_dict(values, {.strict = false});
  CHECK(equal(net.fc.weight.detach(), fc_before));
  CHECK(is_all(net.fc.bias.detach(), 5));
  CHECK(is_all(net.features[0].parameters()[0].detach(), 5));
  CHECK(net.norm.num_batches_tracked.item() == 5);
  CHECK(report.loaded == std::vector<std::string>{"features.0.weight", "features.0.bias",
                                                  "norm.weight", "norm.bias", "fc.bias",
                                                  "norm.running_mean", "norm.running_var",
                                                  "norm.num_batches_tracked"});
  CHECK(to_string(report) ==
        "loaded 8 of 9 tensors; missing: fc.weight [2, 3]; unexpected: head.weight [7, 3], "
        "head.bias []");
  std::ostringstream stream;
  stream << report;
  CHECK(stream.str() == to_string(report));
  CHECK(net.fc.weight.requires_grad());
}

TEST_CASE("strict, as by default: everything or nothing") {
  Net net;
  const nn::StateDict values = filled(net, 3);
  CHECK(to_string(net.load_state_dict(values)) == "loaded 9 of 9 tensors");
  nn::StateDict part = filled(net, 4);
  std::erase_if(part, [](const auto& e) { return e.first == "norm.num_batches_tracked"; });
  CHECK(message_of<ValueError>([&] { net.load_state_dict(part); }) ==
        "load_state_dict: Net does not match:\n  missing: norm.num_batches_tracked []");
  for (const auto& [name, x] : net.state_dict()) CHECK(is_all(x, 3));
}

TEST_CASE("shapes and dtypes that differ are errors, unless they are to be skipped") {
  Net net;
  nn::StateDict values = filled(net, 2);
  values[0].second = zeros({4, 4});
  values[6].second = zeros({3}, {.dtype = float64});
  REQUIRE(values[6].first == "norm.running_mean");
  const std::string told =
      "load_state_dict: Net does not match:\n"
      "  shape: features.0.weight is [3, 4] here and [4, 4] in what is loaded\n"
      "  dtype: norm.running_mean is float32 here and float64 in what is loaded";
  CHECK(message_of<ValueError>([&] { net.load_state_dict(values); }) == told);
  CHECK(message_of<ValueError>([&] { net.load_state_dict(values, {.strict = false}); }) == told);
  CHECK_FALSE(is_all(net.fc.weight.detach(), 2));
  const auto report = net.load_state_dict(values, {.skip_mismatched = true});
  CHECK(to_string(report) ==
        "loaded 7 of 9 tensors; mismatched: features.0.weight [3, 4] here, [4, 4] given, "
        "norm.running_mean float32 here, float64 given");
  CHECK(report.mismatched[0].own == Shape{3, 4});
  CHECK(report.mismatched[1].given_dtype == float64);
  CHECK(is_all(net.fc.weight.detach(), 2));
  CHECK(is_all(net.norm.running_mean, 0));
  values.pop_back();
  CHECK(message_of<ValueError>([&] { net.load_state_dict(values, {.skip_mismatched = true}); }) ==
        "load_state_dict: Net does not match:\n  missing: norm.num_batches_tracked []");
}

TEST_CASE("prefixes: the first that fits is replaced, once") {
  Net net;
  nn::StateDict values;
  for (const auto& [name, x] : filled(net, 6))
    values.emplace_back(name.starts_with("features.") ? "backbone." + name.substr(9) : name, x);
  REQUIRE(has(values, "backbone.0.weight"));
  net.load_state_dict(values, {.prefixes = {{"backbone.", "features."}, {"norm.", "norm."}}});
  for (const auto& [name, x] : net.state_dict()) CHECK(is_all(x, 6));

  // In front of all, and away from all.
  struct Outer : nn::Module {
    Net net = add("net", Net{});
  } outer;
  outer.load_state_dict(filled(net, 7), {.prefixes = {{"", "net."}}});
  CHECK(is_all(outer.net.fc.weight.detach(), 7));
  net.load_state_dict(outer.state_dict(), {.prefixes = {{"net.", ""}}});
  CHECK(is_all(net.fc.weight.detach(), 7));
  // What a prefix made is not renamed again, and where several fit the first is taken.
  const nn::StateDict twice{{"a.a.weight", full({2, 3}, 8.F)}, {"a.bias", full({2}, 9.F)}};
  nn::Linear fc{3, 2};
  const auto report = fc.load_state_dict(twice, {.strict = false, .prefixes = {{"a.", ""}}});
  CHECK(to_string(report) ==
        "loaded 1 of 2 tensors; missing: weight [2, 3]; unexpected: a.weight [2, 3]");
  fc.load_state_dict(twice, {.prefixes = {{"a.a.", ""}, {"a.", ""}}});
  CHECK(is_all(fc.weight.detach(), 8));
}

TEST_CASE("two layers change places") {
  struct Pair : nn::Module {
    nn::Linear a = add("a", nn::Linear{2, 2});
    nn::Linear b = add("b", nn::Linear{2, 2});
  } net;
  const Pair before = nn::clone(net);
  net.load_state_dict(net.state_dict(), {.prefixes = {{"a.", "b."}, {"b.", "a."}}});
  CHECK(equal(net.a.weight, before.b.weight));
  CHECK(equal(net.b.weight, before.a.weight));
}

TEST_CASE("a prefix that nothing has, and a file that has nothing of the module, are told") {
  nn::Linear fc{3, 2};
  const nn::StateDict values{{"module.weight", zeros({2, 3})}, {"module.bias", zeros({2})}};
  CHECK(message_of<ValueError>([&] {
          fc.load_state_dict(values, {.prefixes = {{"module.", ""}, {"net.", ""}}});
        }) ==
        "load_state_dict: no name is left that begins with the prefix 'net.'; the first is "
        "module.weight");
  CHECK(message_of<ValueError>([&] {
          fc.load_state_dict({}, {.strict = false, .prefixes = {{"", "net."}}});
        }) == "load_state_dict: no name is left that begins with the prefix ''; nothing is given");
  CHECK(message_of<ValueError>([&] { fc.load_state_dict(values, {.strict = false}); }) ==
        "load_state_dict: none of the 2 tensors given is one of Linear's 2; the first are "
        "'module.weight' and 'weight'; prefixes rename what is given");
  CHECK(to_string(fc.load_state_dict({}, {.strict = false})) ==
        "loaded 0 of 2 tensors; missing: weight [2, 3], bias [2]");
  // Two names that become one.
  CHECK(message_of<ValueError>([&] {
          fc.load_state_dict({{"weight", zeros({2, 3})}, {"old.weight", zeros({2, 3})}},
                             {.strict = false, .prefixes = {{"old.", ""}}});
        }) == "load_state_dict: Linear does not match:\n  twice: weight [2, 3]");
}

TEST_CASE("a file is loaded in the same ways") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("net.safetensors");
  const Net net;
  nn::save(filled(net, 1), path);
  nn::Linear fc{3, 2};
  const auto report = nn::load(fc, path, {.strict = false, .prefixes = {{"fc.", ""}}});
  CHECK(report.loaded == std::vector<std::string>{"weight", "bias"});
  CHECK(report.unexpected.size() == 7);
  CHECK(is_all(fc.weight.detach(), 1));
}

TEST_CASE("of many names a report shows the first") {
  nn::StateDict values{{"weight", zeros({1, 1})}};
  for (int i = 0; i < 30; ++i) values.emplace_back("x" + std::to_string(i), zeros({}));
  nn::Linear fc{1, 1, {.bias = false}};
  const std::string told = to_string(fc.load_state_dict(values, {.strict = false}));
  CHECK(told.starts_with("loaded 1 of 1 tensors; unexpected: x0 [], x1 [], "));
  CHECK(told.ends_with(", x19 [], and 10 more"));
}

namespace {

struct Tied : nn::Module {
  nn::Embedding embedding = add("embedding", nn::Embedding{5, 3});
  nn::Linear head = add("head", nn::Linear{3, 5, {.bias = false}});
  Tied() { head.weight = embedding.weight; }
};

}  // namespace

TEST_CASE("a tied weight is saved once, and loaded under any of its names") {
  const Tensor values = arange(15.).view({5, 3});
  Tied net;
  REQUIRE(net.state_dict().size() == 1);
  for (const char* const name : {"embedding.weight", "head.weight"}) {
    net.head.weight.detach().fill_(0);
    CHECK(to_string(net.load_state_dict({{name, values}})) == "loaded 1 of 1 tensors");
    CHECK(equal(net.embedding.weight.detach(), values));
    CHECK(net.head.weight.impl() == net.embedding.weight.impl());
  }
  Tensor with_nan = values.clone();
  with_nan.mutable_data<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  for (const Tensor& both : {values, with_nan})
    CHECK_NOTHROW(net.load_state_dict({{"head.weight", both}, {"embedding.weight", both.clone()}}));
  const Tensor parts = arange(30.).view({2, 5, 3});
  CHECK_THROWS_AS(net.load_state_dict({{"head.weight", parts.select(0, 0)},
                                       {"embedding.weight", parts.select(0, 1)}}),
                  ValueError);
  net.load_state_dict({{"embedding.weight", values}});
  for (const nn::LoadOptions& options : {nn::LoadOptions{}, nn::LoadOptions{.strict = false}})
    CHECK(
        message_of<ValueError>([&] {
          net.load_state_dict({{"head.weight", values + 1}, {"embedding.weight", values}}, options);
        }) ==
        "load_state_dict: Tied does not match:\n  tied: embedding.weight and head.weight are one "
        "tensor here, and two in what is loaded");
  CHECK(equal(net.embedding.weight.detach(), values));
}
