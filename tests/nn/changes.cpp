// Nets that change while they run: by hooks, under guards, by what is assigned to them.

#include <xgrad/nn/nn.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "support.hpp"

using namespace support;

namespace {

const auto nothing = [](const nn::Module&, const Tensor&, const Tensor&) {};

/// A net of nets, this many levels deep, built from its inside out.
nn::Sequential nested(std::size_t levels) {
  nn::Sequential net;
  for (std::size_t i = 1; i < levels; ++i) {
    nn::Sequential outer;
    outer.push_back(std::move(net));
    net = std::move(outer);
  }
  return net;
}

}  // namespace

TEST_CASE("a forward hook may remove itself and others, and register more") {
  nn::ReLU layer;
  std::string calls;
  std::vector<HookHandle> handles(4);
  const auto hook = [&](char name, const std::function<void()>& change) {
    return [&calls, name, change](const nn::Module&, const Tensor&, const Tensor&) {
      calls += name;
      change();
    };
  };
  const auto more = [&] { layer.register_forward_hook(hook('m', [] {})); };
  handles[0] = layer.register_forward_hook(hook('a', [&] { handles[0].remove(); }));
  handles[1] = layer.register_forward_hook(hook('b', [&] {
    handles[2].remove();
    for (int i = 0; i < 20; ++i) more();
  }));
  handles[2] = layer.register_forward_hook(hook('c', [] {}));
  handles[3] = layer.register_forward_hook(hook('d', [&] { handles[1].remove(); }));
  layer(ones({1}));
  CHECK(calls == "abd");
  calls.clear();
  layer(ones({1}));
  CHECK(calls == "d" + std::string(20, 'm'));
}

TEST_CASE("what a removed hook holds is let go, at once or when it returns") {
  nn::ReLU layer;
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = held;
  HookHandle handle;
  int seen = 0;
  handle = layer.register_forward_hook(
      [&, own = std::move(held)](const auto&, const auto&, const auto&) {
        handle.remove();
        seen = *own;
      });
  layer(ones({1}));
  CHECK(seen == 7);
  CHECK(watched.expired());
}

TEST_CASE("a hook may end the module it is called by") {
  auto net = std::make_unique<nn::Sequential>(nn::Linear{2, 2}, nn::Linear{2, 2});
  net->register_forward_hook([&](const auto&, const auto&, const auto&) { net.reset(); });
  CHECK((*net)(ones({1, 2})).shape() == Shape{1, 2});
  CHECK(net == nullptr);
}

TEST_CASE("a hook that throws stops the call, names its module, and leaves the net usable") {
  nn::Sequential net{nn::ReLU{}, nn::ReLU{}};
  HookHandle handle = net.child(1).register_forward_hook(
      [](const auto&, const auto&, const auto&) { throw ValueError("stop: enough"); });
  CHECK(message_of<ValueError>([&] { net(ones({1})); }) == "net.1 (ReLU): stop: enough");
  handle.remove();
  handle = net.child(1).register_forward_hook(
      [](const auto&, const auto&, const auto&) { throw std::runtime_error("foreign"); });
  CHECK(message_of<std::runtime_error>([&] { net(ones({1})); }) == "foreign");
  handle.remove();
  CHECK(net(ones({1})).item() == 1);
  CHECK(message_of<ShapeError>([] {
          nn::Linear{2, 3}(zeros({4}));
        }).starts_with("net (Linear)"));  // no call of before is left
}

TEST_CASE("parts may come, and the net be assigned, while it is called") {
  nn::Sequential net{nn::ReLU{}, nn::ReLU{}};
  HookHandle growing =
      net.child(0).register_forward_hook([&](const auto&, const auto&, const auto&) {
        for (int i = 0; i < 50; ++i) net.push_back(nn::ReLU{});
      });
  CHECK(net(ones({1})).item() == 1);
  CHECK(net.child_count() == 52);
  growing.remove();

  struct Replaced : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{2, 2});
    bool replaces = true;
    Tensor forward(const Tensor& x) override {
      if (replaces) *this = Replaced(false);
      return fc(x);
    }
    explicit Replaced(bool r = true) : replaces(r) {}
  };
  Replaced replaced;
  const Tensor before = replaced.fc.weight;
  CHECK(replaced(ones({1, 2})).shape() == Shape{1, 2});
  CHECK(replaced.parameters()[0].impl() != before.impl());
  CHECK(replaced(ones({1, 2})).shape() == Shape{1, 2});
  nn::Sequential list{nn::ReLU{}, nn::ReLU{}, nn::ReLU{}};
  CHECK(message_of<ValueError>([&] { list.child(3); }) ==
        "child: Sequential has no part 3, there are 3");
}

TEST_CASE("apply() visits the parts that were there, whatever its function adds") {
  nn::Sequential net{nn::Sequential{nn::ReLU{}, nn::ReLU{}}, nn::ReLU{}};
  int visits = 0;
  net.apply([&](nn::Module& module) {
    ++visits;
    if (auto* list = dynamic_cast<nn::Sequential*>(&module))
      for (int i = 0; i < 20; ++i) list->push_back(nn::ReLU{});
    else
      for (int i = 0; i < 20; ++i) net.push_back(nn::ReLU{});
  });
  CHECK(visits == 5);
  CHECK(net.child_count() == 2 + 3 * 20 + 20);
}

TEST_CASE("a guard outlives whatever becomes of its net") {
  nn::Sequential net{nn::Dropout{0.5}, nn::ReLU{}};
  {
    const nn::EvalGuard guard(net);
    for (int i = 0; i < 100; ++i) net.push_back(nn::ReLU{});
    CHECK_FALSE(net.is_training());
    CHECK(net.child(2).is_training());  // came later
    const nn::Sequential copy = nn::clone(net);
    CHECK_FALSE(copy.is_training());
  }
  CHECK(net.is_training());
  CHECK(net.child(0).is_training());
  nn::Sequential moved;
  {
    const nn::EvalGuard guard(net);
    nn::Sequential taken = std::move(net);
    CHECK_FALSE(taken.is_training());
    CHECK_FALSE(taken.child(0).is_training());
    moved = std::move(taken);
  }
  CHECK(moved.is_training());
  CHECK(moved.child(0).is_training());
  nn::Sequential third{nn::ReLU{}, nn::ReLU{}};
  {
    const nn::EvalGuard guard(third);
    third = nn::Sequential{nn::Linear{2, 2}, nn::Linear{2, 2}};
    CHECK_FALSE(third.is_training());
  }
  CHECK(third.is_training());
  std::optional<nn::Sequential> gone(std::in_place, nn::ReLU{}, nn::ReLU{});
  const nn::EvalGuard guard(*gone);
  gone.reset();
}

TEST_CASE("under a guard train() and eval() set the mode that comes back") {
  nn::Sequential net{nn::ReLU{}, nn::ReLU{}};
  {
    const nn::EvalGuard guard(net);
    net.train();
    CHECK_FALSE(net.is_training());
    net.child(1).eval();
  }
  CHECK(net.is_training());
  CHECK(net.child(0).is_training());
  CHECK_FALSE(net.child(1).is_training());
}

TEST_CASE("empty functions are refused where they are given") {
  nn::ReLU layer;
  CHECK(message_of<ValueError>([&] { layer.register_forward_hook({}); }) ==
        "register_forward_hook: the hook is empty; give it a function");
  CHECK(message_of<ValueError>([&] { layer.apply({}); }) == "apply: the function is empty");
}

TEST_CASE("what is added to itself is a copy") {
  nn::Sequential net;
  net.push_back(nn::Linear{2, 2});
  net.push_back(net);
  CHECK(net.named_modules().size() == 3);
  CHECK(net.parameters().size() == 2);
  CHECK(net(ones({1, 2})).shape() == Shape{1, 2});
}

TEST_CASE("modules may lie 1000 levels deep, built from either end") {
  nn::Sequential net = nested(nn::Module::most_levels);
  CHECK(net.named_modules().size() == nn::Module::most_levels - 1);
  nn::Sequential outer;
  const std::string message = "add: '0' would put a module 1001 levels deep; 1000 are the most";
  CHECK(message_of<ValueError>([&] { outer.push_back(net); }) == message);
  CHECK(outer.child_count() == 0);

  nn::Sequential top;
  nn::Sequential* lowest = &top;
  for (std::size_t i = 1; i < nn::Module::most_levels; ++i) {
    lowest->push_back(nn::Sequential{});
    lowest = dynamic_cast<nn::Sequential*>(&lowest->child(0));
  }
  CHECK(message_of<ValueError>([&] { lowest->push_back(nn::ReLU{}); }) == message);
  CHECK(top.named_modules().size() == nn::Module::most_levels - 1);
  CHECK(top(ones({1})).item() == 1);
  const nn::Sequential copy = nn::clone(top);
  CHECK(copy.named_modules().size() == nn::Module::most_levels - 1);
}

TEST_CASE("modules that were moved from say so, as a net's part too") {
  const std::string moved = "module: used after it was moved from";
  nn::Linear layer{2, 2};
  const nn::Linear taken = std::move(layer);
  for (const auto& use :
       std::vector<std::function<void()>>{[&] {
                                            layer(ones({1, 2}));
                                          },
                                          [&] { layer.parameters(); },
                                          [&] { layer.named_buffers(); },
                                          [&] { layer.children(); },
                                          [&] { layer.child_count(); },
                                          [&] { layer.child(0); },
                                          [&] { layer.named_modules(); },
                                          [&] { layer.apply([](nn::Module&) {}); },
                                          [&] { layer.parameter_count(); },
                                          [&] { layer.train(); },
                                          [&] { layer.is_training(); },
                                          [&] { layer.to(float64); },
                                          [&] { layer.requires_grad_(); },
                                          [&] { layer.zero_grad(); },
                                          [&] { layer.state_dict(); },
                                          [&] { layer.load_state_dict({}); },
                                          [&] { layer.register_forward_hook(nothing); },
                                          [&] { (void)layer.add("a", nn::ReLU{}); },
                                          [&] { (void)layer.add_parameter("a", ones({1})); },
                                          [&] { (void)layer.add_buffer("a", ones({1})); },
                                          [&] { nn::Sequential{}.push_back(layer); },
                                          [&] { const nn::EvalGuard guard(layer); },
                                          [&] {
                                            nn::summary(layer, {1, 2});
                                          }})
    CHECK(message_of<ValueError>(use).find(moved) != std::string::npos);

  nn::Sequential net{nn::Linear{2, 2}, nn::ReLU{}};
  const nn::Linear part = std::move(dynamic_cast<nn::Linear&>(net.child(0)));
  for (const auto& use : std::vector<std::function<void()>>{
           [&] {
             net(ones({1, 2}));
           },
           [&] { net.parameters(); }, [&] { net.train(); }, [&] { net.named_modules(); },
           [&] { const nn::EvalGuard guard(net); }, [&] { nn::Sequential{}.push_back(net); }})
    CHECK(message_of<ValueError>(use).find(moved) != std::string::npos);
}
