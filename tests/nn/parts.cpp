// A member is the part itself: wherever the module and its members are copied, moved and assigned.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <array>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

struct Scale : nn::Module {
  double by;
  int calls = 0;
  explicit Scale(double factor = 2) : by(factor) {}
  Tensor forward(const Tensor& x) override {
    ++calls;
    return x * by;
  }
};

struct Block : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{2, 2});
  Scale scale = add("scale", Scale{3});
  Tensor forward(const Tensor& x) override { return scale(fc(x)); }
};

struct Net : nn::Module {
  Block one = add("one", Block{});
  std::optional<Scale> extra;
  std::array<Block, 2> pair{add("a", Block{}), add("b", Block{})};
  std::vector<nn::Linear> layers;
  nn::Linear head;
  nn::Parameter gain = add_parameter("gain", ones({2}));

  explicit Net(bool has_extra = true) : head(add("head", nn::Linear{2, 2})) {
    if (has_extra) extra = add("extra", Scale{0.5});
    for (int i = 0; i < 5; ++i)  // it grows on the way
      layers.push_back(add("layer" + std::to_string(i), nn::Linear{2, 2}));
  }

  Tensor forward(const Tensor& x) override {
    Tensor y = one(x);
    if (extra) y = (*extra)(y);
    for (Block& block : pair) y = block(y);
    for (nn::Linear& layer : layers) y = layer(y);
    return head(y) * gain;
  }
};

/// The parts that are found by name are the members that forward() calls.
void check_members(Net& net) {
  std::vector<nn::Module*> members{&net.one, &net.one.fc, &net.one.scale};
  for (Block& block : net.pair)
    for (nn::Module* part : {static_cast<nn::Module*>(&block), static_cast<nn::Module*>(&block.fc),
                             static_cast<nn::Module*>(&block.scale)})
      members.push_back(part);
  members.push_back(&net.head);
  if (net.extra) members.push_back(&*net.extra);
  for (nn::Linear& layer : net.layers) members.push_back(&layer);
  std::vector<nn::Module*> found;
  for (const auto& [path, module] : net.named_modules()) found.push_back(module);
  CHECK(found == members);

  std::vector<const void*> tensors{net.gain.impl()};
  for (nn::Module* member : members)
    if (auto* linear = dynamic_cast<nn::Linear*>(member)) {
      tensors.push_back(linear->weight.impl());
      tensors.push_back(linear->bias.impl());
    }
  std::vector<const void*> trained;
  for (const Tensor& x : net.parameters()) trained.push_back(x.impl());
  CHECK(trained == tensors);

  const int before = net.one.scale.calls;
  net.apply([](nn::Module& module) {
    if (auto* scale = dynamic_cast<Scale*>(&module)) scale->calls += 10;
  });
  net(ones({1, 2}));
  CHECK(net.one.scale.calls == before + 11);
}

template <class M>
concept Sliceable = requires(const M& module) {
  nn::Module(module);
};

}  // namespace

TEST_CASE("members are parts, plain ones and those in containers") {
  Net net;
  std::vector<std::string> names;
  for (const auto& [name, module] : net.children()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"one", "a", "b", "head", "extra", "layer0", "layer1",
                                          "layer2", "layer3", "layer4"});
  check_members(net);
  Net without(false);
  check_members(without);
}

TEST_CASE("parts follow their members through copies, moves and assignments") {
  for (const bool extra : {true, false})
    for (const bool other_extra : {true, false}) {
      CAPTURE(extra);
      CAPTURE(other_extra);
      Net net(extra);
      Net copy = net;
      check_members(copy);
      check_members(net);
      Net own = nn::clone(net);
      check_members(own);
      CHECK(own.head.weight.impl() != net.head.weight.impl());
      CHECK(copy.head.weight.impl() == net.head.weight.impl());
      Net moved = std::move(copy);
      check_members(moved);
      Net other(other_extra);
      moved = other;
      check_members(moved);
      check_members(other);
      moved = std::move(other);
      check_members(moved);
      moved = Net(extra);
      check_members(moved);
      std::swap(moved, own);
      check_members(moved);
      check_members(own);
      std::vector<Net> nets;
      for (int i = 0; i < 5; ++i) nets.push_back(net);
      nets.erase(nets.begin() + 1);
      for (Net& each : nets) check_members(each);
      std::optional<Net> held(net);
      held = std::move(nets[2]);
      check_members(*held);
      const auto on_heap = std::make_unique<Net>(*held);
      check_members(*on_heap);
      nn::Sequential list;
      list.push_back(net).push_back(std::move(*held));
      nn::Sequential copied = list;
      check_members(dynamic_cast<Net&>(copied[0]));
      check_members(dynamic_cast<Net&>(copied[1]));
      check_members(net);
    }
}

TEST_CASE("a head is replaced by assigning it") {
  Net net;
  optim::SGD body(net.one.parameters(), {.lr = 0.1});
  net.head = nn::Linear{2, 7};
  net.gain = nn::Linear{1, 7}.bias;
  check_members(net);
  CHECK(net(ones({3, 2})).shape() == Shape{3, 7});
  CHECK(net.head.weight.name() == "head.weight");
  bool found = false;
  for (const auto& [name, x] : net.named_parameters())
    if (name == "head.weight") found = x.impl() == net.head.weight.impl();
  CHECK(found);
  net.one.fc = nn::Linear{2, 2, {.bias = false}};
  CHECK(net.one.fc.weight.name() == "one.fc.weight");
  CHECK(net.one.parameters().size() == 1);
  net.pair[1] = Block{};
  net.layers[2] = nn::Linear{2, 2};
  net.extra = Scale{7};
  CHECK(net(ones({3, 2})).shape() == Shape{3, 7});
  net.one.fc = nn::Linear{2, 2};
  check_members(net);
}

TEST_CASE("a weight is shared by assigning it, and trained once") {
  struct Tied : nn::Module {
    nn::Linear encoder = add("encoder", nn::Linear{4, 4});
    nn::Linear decoder = add("decoder", nn::Linear{4, 4});
    Tensor forward(const Tensor& x) override { return decoder(relu(encoder(x))); }
  };
  Tied net;
  net.decoder.weight = net.encoder.weight;
  CHECK(net.parameters().size() == 3);
  optim::SGD optimizer(net.parameters(), {.lr = 0.1});
  net(ones({1, 4})).sum().backward();
  optimizer.step();
  CHECK(net.decoder.weight.impl() == net.encoder.weight.impl());
  Tied copy = nn::clone(net);
  CHECK(copy.decoder.weight.impl() == copy.encoder.weight.impl());
  CHECK(copy.decoder.weight.impl() != net.encoder.weight.impl());
  CHECK(copy.parameters().size() == 3);
}

TEST_CASE("fields are copied, with the copy") {
  Block block;
  block.scale.by = 7;
  Block copy = block;
  copy.scale.by = 1;
  CHECK(block.scale.by == 7);
  nn::Sequential list;
  list.push_back(block);
  CHECK(dynamic_cast<Block&>(list[0]).scale.by == 7);
  CHECK(dynamic_cast<Block&>(nn::clone(list)[0]).scale.by == 7);
}

TEST_CASE("a module is not cut down to its base") {
  CHECK_FALSE(Sliceable<Net>);
  CHECK_FALSE(std::is_copy_constructible_v<nn::Module>);
  CHECK_FALSE(std::is_copy_assignable_v<nn::Module>);
  CHECK_FALSE(std::is_move_assignable_v<nn::Module>);
  CHECK(std::is_copy_constructible_v<Net>);
  CHECK(std::is_nothrow_move_constructible_v<nn::Linear>);
}

TEST_CASE("a part that is no member any more is told") {
  struct Careless : nn::Module {
    Careless() { (void)add("fc", nn::Linear{2, 2}); }
    Tensor forward(const Tensor& x) override { return x; }
  };
  Careless careless;
  const std::string gone =
      "Careless: its part 'fc' is gone: what add() gives is to be a member that is copied and "
      "moved "
      "with the module, as in nn::Linear fc = add(\"fc\", …); lists of modules are in a "
      "std::vector, or in nn::Sequential and nn::ModuleList";
  CHECK(message_of<GraphError>([&] { careless.parameters(); }) == gone);
  CHECK(message_of<GraphError>([&] { careless.train(); }) == gone);
  CHECK(message_of<GraphError>([&] { careless(ones({1})); }).ends_with(gone));

  // One that copies share is no part of the copy.
  struct Sharing : nn::Module {
    std::shared_ptr<nn::Linear> fc = std::make_shared<nn::Linear>(add("fc", nn::Linear{2, 2}));
    Tensor forward(const Tensor& x) override { return (*fc)(x); }
  };
  Sharing sharing;
  CHECK(sharing.parameters().size() == 2);
  Sharing copy = sharing;
  CHECK_THROWS_AS(copy.parameters(), GraphError);
  CHECK(sharing(ones({1, 2})).shape() == Shape{1, 2});

  Net net;
  net.layers.pop_back();
  CHECK(message_of<GraphError>([&] { net.parameters(); }).starts_with("Net: its part 'layer4'"));
  Block block;
  {
    const nn::Linear taken = std::move(block.fc);
    CHECK_THROWS_AS(block(ones({1, 2})), Error);
  }
  CHECK_THROWS_AS(block.parameters(), GraphError);
}

TEST_CASE("a copy constructor of one's own may make parts anew") {
  struct Fresh : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{2, 2});
    nn::Linear kept = add("kept", nn::Linear{2, 2});
    Fresh() = default;
    Fresh(const Fresh& other) : nn::Module(other), kept(other.kept) {}
    Tensor forward(const Tensor& x) override { return kept(fc(x)); }
  };
  Fresh fresh;
  Fresh copy = fresh;
  CHECK(copy.fc.weight.impl() != fresh.fc.weight.impl());
  CHECK(copy.kept.weight.impl() == fresh.kept.weight.impl());
  CHECK(copy.parameters().size() == 4);
  CHECK(copy(ones({1, 2})).shape() == Shape{1, 2});
}

TEST_CASE("what a module calls is its own, or shares all that is trained with it") {
  struct Copies : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{2, 2});
    Tensor forward(const Tensor& x) override {
      nn::Linear same = fc;
      return same(x);
    }
  };
  CHECK(Copies()(ones({1, 2})).shape() == Shape{1, 2});
  struct Clones : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{2, 2});
    Tensor forward(const Tensor& x) override { return nn::clone(fc)(x); }
  };
  CHECK_THROWS_AS(Clones()(ones({1, 2})), GraphError);
}

TEST_CASE("lists and dictionaries of modules own them") {
  struct Tower : nn::Module {
    nn::ModuleList<nn::Linear> layers = add("layers", nn::ModuleList<nn::Linear>{});
    nn::ModuleDict<> by_name = add("by_name", nn::ModuleDict<>{});
    explicit Tower(int depth) {
      for (int i = 0; i < depth; ++i) layers.push_back(nn::Linear{2, 2});
      by_name.add("scale", Scale{3}).add("fc", nn::Linear{2, 2});
    }
    Tensor forward(const Tensor& x) override {
      Tensor y = x;
      for (std::size_t i = 0; i < layers.size(); ++i) y = layers[i](y);
      return by_name["scale"](by_name["fc"](y));
    }
  };
  Tower tower(3);
  CHECK(tower.parameters().size() == 8);
  CHECK(tower.named_parameters()[2].first == "layers.1.weight");
  CHECK(tower.named_parameters()[6].first == "by_name.fc.weight");
  CHECK(tower.layers[1].weight.shape() == Shape{2, 2});
  CHECK(tower.by_name.contains("fc"));
  CHECK_FALSE(tower.by_name.contains("cf"));
  CHECK(message_of<ValueError>([&] { tower.by_name["cf"]; }) ==
        "child: ModuleDict has no part 'cf'");
  CHECK(message_of<ValueError>([&] { tower.layers[3]; }).ends_with("has no part 3, there are 3"));
  Tower copy = nn::clone(tower);
  CHECK(equal(copy(ones({1, 2})), tower(ones({1, 2}))));
  CHECK(copy.layers[0].weight.impl() != tower.layers[0].weight.impl());
  tower.layers[0] = nn::Linear{2, 2};
  CHECK(tower.parameters()[0].impl() == tower.layers[0].weight.impl());
  nn::Sequential named;
  named.add("first", nn::Linear{2, 3}).add("second", nn::Linear{3, 1});
  CHECK(named.named_parameters()[2].first == "second.weight");
  CHECK(named(ones({4, 2})).shape() == Shape{4, 1});
}
