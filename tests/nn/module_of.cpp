// Modules whose forward() takes and gives what it likes.

#include <xgrad/nn/nn.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

struct Options {
  bool twice = false;
  double scale = 1;
};

struct Mix : nn::ModuleOf<Mix> {
  struct Output {
    Tensor sum, difference;
    std::optional<Tensor> extra;
  };
  nn::Linear fc = add("fc", nn::Linear{3, 3});

  Output forward(const Tensor& a, const Tensor& b, const Options& o = {}) {
    const Tensor left = fc(a) * o.scale;
    return {left + b, left - b, o.twice ? std::optional(left * 2) : std::nullopt};
  }
};

struct Cell : nn::ModuleOf<Cell> {
  nn::Linear in = add("in", nn::Linear{3, 2});
  nn::Linear back = add("back", nn::Linear{2, 2});
  std::pair<Tensor, std::vector<Tensor>> forward(const Tensor& x, std::vector<Tensor> state) {
    state.push_back(tanh(in(x) + back(state.back())));
    return {state.back(), state};
  }
};

struct Net : nn::Module {
  Mix mix = add("mix", Mix{});
  Cell cell = add("cell", Cell{});
  Tensor forward(const Tensor& x) override {
    const auto [sum, difference, extra] = mix(x, x, {.twice = true});
    return cell(sum * *extra, {zeros({x.size(0), 2})}).first + sum_of(difference);
  }
  static Tensor sum_of(const Tensor& x) { return sum(x); }
};

struct Square : nn::ModuleOf<Square> {
  Tensor forward(Tensor x) const { return square(x); }
};

/// Several functions, and one of any type.
struct Many : nn::ModuleOf<Many> {
  Tensor forward(const Tensor& x) { return x + 1; }
  Tensor forward(const Tensor& x, double by) { return x * by; }
};
struct Any : nn::ModuleOf<Any> {
  template <class T>
  T forward(const T& x) {
    return x;
  }
};

}  // namespace

TEST_CASE("forward() of any signature, called with all of its arguments or fewer") {
  Mix mix;
  const Tensor a = normal({2, 3}).to(float32);
  const Tensor b = ones({2, 3});
  const Tensor left = mix.fc(a);
  const auto [sum, difference, extra] = mix(a, b);
  CHECK(equal(sum, left + b));
  CHECK(equal(difference, left - b));
  CHECK_FALSE(extra.has_value());
  CHECK(equal(*mix(a, b, {.twice = true, .scale = 3}).extra, left * 3 * 2));
  const Options options{.scale = 2};
  CHECK(equal(mix(a, b, options).sum, left * 2 + b));
  Cell cell;
  const auto [y, states] = cell(a, {zeros({2, 2})});
  CHECK(states.size() == 2);
  CHECK(equal(states[1], y));
  CHECK(Many()(ones({2})).data<float>()[0] == 2);
  CHECK(Many()(ones({2}), 3.).data<float>()[0] == 3);
  CHECK(Any()(std::string("as it is")) == "as it is");
}

TEST_CASE("forward() of no arguments, and of more than most have") {
  struct Prompt : nn::ModuleOf<Prompt> {
    nn::Parameter tokens = add_parameter("tokens", ones({2}));
    Tensor forward() { return tokens * 2; }
  } prompt;
  struct Six : nn::ModuleOf<Six> {
    Tensor forward(const Tensor& a, const Tensor& b, double c, double d, double e, double f) {
      return a * (c + d) + b * (e + f);
    }
  } six;
  int seen = 0;
  const auto count = [&](const nn::Module&, const Tensor&, const Tensor&) { ++seen; };
  prompt.register_forward_hook(count);
  six.register_forward_hook(count);
  CHECK(values(prompt()) == std::vector<double>{2, 2});
  CHECK(values(six(ones({1}), ones({1}), 1, 2, 3, 4)) == std::vector<double>{10});
  CHECK(seen == 2);
}

TEST_CASE("it is trained, named and guarded as other modules are") {
  Net net;
  CHECK(net.parameters().size() == 6);
  CHECK(net.named_parameters()[2].first == "cell.in.weight");
  net(ones({2, 3})).sum().backward();
  for (const Tensor& x : net.parameters()) CHECK(x.grad().defined());
  CHECK(message_of<ShapeError>([&] {
          net(ones({2, 4}));
        }).starts_with("net.mix.fc (Linear): linear: input [2, 4] does not fit"));
  CHECK(message_of<ShapeError>([&] {
          net.mix(ones({2, 3}), ones({2, 2}));
        }).starts_with("net (Mix): add: shapes [2, 3] and [2, 2]"));
  struct Forgot : nn::ModuleOf<Forgot> {
    Mix mix;
    Tensor forward(const Tensor& x) { return mix(x, x).sum; }
  };
  CHECK_THROWS_AS(Forgot()(ones({1, 3})), GraphError);
  Net copy = nn::clone(net);
  copy.eval();
  CHECK_FALSE(copy.mix.fc.is_training());
  CHECK(equal(copy(ones({1, 3})), net(ones({1, 3}))));
}

TEST_CASE("hooks see all inputs and all outputs") {
  Net net;
  std::vector<Tensor> in, out;
  const auto remember = [&](const nn::Module&, std::span<const Tensor> inputs,
                            std::span<const Tensor> outputs) {
    in.assign(inputs.begin(), inputs.end());
    out.assign(outputs.begin(), outputs.end());
  };
  HookHandle handle = net.mix.register_call_hook(remember);
  Tensor first_in, first_out;
  net.mix.register_forward_hook([&](const nn::Module& module, const Tensor& x, const Tensor& y) {
    CHECK(module.type_name() == "Mix");
    first_in = x;
    first_out = y;
  });
  const Tensor x = normal({2, 3}).to(float32);
  net(x);
  REQUIRE(in.size() == 2);
  REQUIRE(out.size() == 3);
  CHECK(in[1].impl() == x.impl());
  CHECK(allclose(out[0] - x, out[1] + x));
  CHECK(first_in.impl() == in[0].impl());
  CHECK(first_out.impl() == out[0].impl());
  handle.remove();
  net.cell.register_call_hook(remember);
  net(x);
  CHECK(in.size() == 2);   // of the state one
  CHECK(out.size() == 3);  // and two of what it is now
  CHECK(message_of<ValueError>([&] { net.register_call_hook({}); }) ==
        "register_call_hook: the hook is empty; give it a function");
}

TEST_CASE("with one tensor it is a module like any other; with more it is called by itself") {
  nn::Sequential net{Square{}, nn::Linear{3, 3}};
  CHECK(equal(net[0](full({1, 3}, 3.F)), full({1, 3}, 9.F)));
  CHECK(net(ones({1, 3})).shape() == Shape{1, 3});
  nn::Module& one = net[0];
  one.register_forward_hook(
      [](const auto&, const Tensor& x, const Tensor& y) { CHECK(equal(square(x), y)); });
  net(ones({1, 3}));
  Mix mix;
  nn::Module& base = mix;
  CHECK(message_of<GraphError>([&] {
          base(ones({1, 3}));
        }) ==
        "net (Mix): Mix: its forward() does not take one tensor and give one; call it by itself, "
        "not through a Module or a Sequential");
}

TEST_CASE("a temporary that is given away may be computed in") {
  nn::ReLU relu;
  Tensor x = normal({64}).to(float32) * 1;
  const float* const memory = x.data<float>();
  const NoGradGuard guard;
  CHECK(relu(std::move(x)).data<float>() == memory);
  const Tensor kept = normal({64}).to(float32);
  CHECK(relu(kept).data<float>() != kept.data<float>());
  nn::Module& base = relu;
  Tensor again = kept * 1;
  const float* const other = again.data<float>();
  CHECK(base(std::move(again)).data<float>() == other);
}
