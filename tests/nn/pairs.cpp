// What is done to modules, two after another and in long walks: names, values, gradients, modes and
// results against a plain list of tensors that nobody shares. XGRAD_TEST_LONG walks further.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/sgd.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "support.hpp"

using namespace support;

namespace {

/// One of each: parameters of its own and of layers, one layer in two places, statistics, a mode.
struct Cell : nn::Module {
  nn::Linear first = add("first", nn::Linear{4, 4});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{4});
  nn::Linear twice = add("twice", nn::Linear{4, 4});
  nn::Sequential rest = add("rest", nn::Sequential{twice, nn::ReLU{}, nn::Dropout{0.5}});
  nn::Parameter gain = add_parameter("gain", ones({4}));
  nn::Buffer steps = add_buffer("steps", arange(2));
  Tensor forward(const Tensor& x) override { return twice(rest(norm(first(x)))) * gain; }
};

struct Value {
  std::string name;
  std::string label;  // the tensor's own name: of a buffer the last word alone
  Tensor x;
};

std::string below(const std::string& path) { return path.empty() ? "0" : "0." + path; }

/// What a net of Cells is to be.
struct Plain {
  std::vector<Value> parameters;
  std::vector<Value> buffers;
  std::map<std::string, bool> training;  // by the path of each module
  int repeats = 1;                       // one Cell after itself

  explicit Plain(const nn::Module& net) {
    for (const char* path :
         {"", "0", "0.first", "0.norm", "0.twice", "0.rest", "0.rest.0", "0.rest.1", "0.rest.2"})
      training[path] = true;
    std::map<std::string, Tensor> all;
    for (const auto& [name, x] : net.state_dict()) all[name] = x.detach().clone();
    for (const char* name : {"gain", "first.weight", "first.bias", "norm.weight", "norm.bias",
                             "twice.weight", "twice.bias"})
      parameters.push_back({below(name), below(name), all.at(below(name)).requires_grad_()});
    for (const char* name :
         {"steps", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"})
      buffers.push_back({below(name), std::string(name).substr(std::string(name).rfind('.') + 1),
                         all.at(below(name))});
  }

  Plain cloned() const {
    Plain copy = *this;
    for (auto* kind : {&copy.parameters, &copy.buffers})
      for (Value& value : *kind)
        value.x = value.x.detach().clone().requires_grad_(value.x.requires_grad());
    return copy;
  }

  std::vector<Value*> all() {
    std::vector<Value*> both;
    for (Value& value : parameters) both.push_back(&value);
    for (Value& value : buffers) both.push_back(&value);
    return both;
  }

  bool trains(const std::string& end) const {
    return std::ranges::find_if(training,
                                [&](const auto& mode) { return mode.first.ends_with(end); })
        ->second;
  }

  void nest(bool twice) {
    for (Value& value : parameters) value.label = (twice ? "1." : "0.") + value.name;
    for (Value* value : all()) value->name = below(value->name);
    std::map<std::string, bool> deeper{{"", true}};
    for (const auto& [path, on] : training) {
      deeper[below(path)] = on;
      if (twice) deeper[path.empty() ? "1" : "1." + path] = on;
    }
    if (twice) repeats *= 2;
    training = deeper;
  }

  Tensor forward(const Tensor& input, bool eval = false) {
    const auto p = [this](std::size_t i) { return parameters[i].x; };
    const bool normed = !eval && trains(".norm");
    Tensor x = input;
    for (int i = 0; i < repeats; ++i) {
      Tensor y = batch_norm(linear(x, p(1), p(2)), buffers[1].x, buffers[2].x, p(3), p(4),
                            {.training = normed, .momentum = 0.1, .eps = 1e-5});
      if (normed) buffers[3].x.fill_(buffers[3].x.item<std::int64_t>() + 1);
      y = dropout(relu(linear(y, p(5), p(6))), {.p = 0.5, .training = !eval && trains(".rest.2")});
      x = linear(y, p(5), p(6)) * p(0);
    }
    return x;
  }
};

struct Subject {
  std::optional<nn::Sequential> net;
  Plain plain;
  std::optional<nn::Sequential> alias = {};                   // shares its parameters
  std::vector<std::pair<nn::Sequential, Plain>> others = {};  // which nothing changes any more
  std::uint64_t number = 0;

  explicit Subject(const nn::Sequential& made) : net(made), plain(made) {}

  void replace(nn::Sequential by) { net.emplace(std::move(by)); }
  void leave() {
    others.emplace_back(*net, plain);
    plain = plain.cloned();
    alias.reset();
  }
  /// f of every part whose path ends so.
  template <class F>
  void each_part(const std::string& end, const F& f) {
    for (const auto& [path, module] : net->named_modules())
      if (path.ends_with(end)) f(*module);
  }
  DType dtype() const { return plain.parameters[0].x.dtype(); }
};

Tensor input_of(const Plain& plain, std::uint64_t seed) {
  return normal({6, 4}, seed).to(plain.parameters[0].x.dtype());
}

/// But for roundings, which walks of ten deeds in float32 multiply.
bool close(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const auto found = values(a.detach());
  const auto wanted = values(b.detach());
  double largest = 1;
  for (const double v : wanted) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - wanted[i]) <= 1e-3 * largest)) return false;
  return true;
}

void check_named(const NamedTensors& found, std::vector<Value>& wanted, bool trained) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(wanted[i].name);
    const auto& [name, x] = found[i];
    CHECK(name == wanted[i].name);
    CHECK(x.name() == wanted[i].label);
    CHECK(close(x, wanted[i].x));
    CHECK(x.requires_grad() == (trained && wanted[i].x.requires_grad()));
    REQUIRE(x.grad().defined() == wanted[i].x.grad().defined());
    if (x.grad().defined()) CHECK(close(x.grad(), wanted[i].x.grad()));
  }
}

void check(nn::Sequential net, Plain& plain) {
  check_named(net.named_parameters(), plain.parameters, true);
  check_named(net.named_buffers(), plain.buffers, false);
  std::int64_t count = 0;
  const auto parameters = net.parameters();
  const auto named = net.named_parameters();
  REQUIRE(parameters.size() == named.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    CHECK(parameters[i].impl() == named[i].second.impl());
    count += named[i].second.numel();
  }
  CHECK(net.parameter_count() == count);
  const auto state = net.state_dict();
  const auto wanted = plain.all();
  REQUIRE(state.size() == wanted.size());
  for (std::size_t i = 0; i < state.size(); ++i) CHECK(state[i].first == wanted[i]->name);

  std::map<std::string, bool> training{{"", net.is_training()}};
  for (const auto& [path, module] : net.named_modules()) training[path] = module->is_training();
  CHECK(training == plain.training);

  const Tensor x = input_of(plain, 77);
  {
    const nn::EvalGuard guard(net);
    CHECK(close(net(x), plain.forward(x, true)));
  }
  manual_seed(5);
  const Tensor found = net(x);
  manual_seed(5);
  const Tensor y = plain.forward(x);
  CHECK(close(found, y));
  CHECK(found.requires_grad() == y.requires_grad());
}

void check(Subject& s) {
  check(*s.net, s.plain);
  for (auto& [net, plain] : s.others) check(net, plain);
  if (!s.alias) return;
  const auto own = s.net->parameters();
  const auto same = s.alias->parameters();
  REQUIRE(own.size() == same.size());
  for (std::size_t i = 0; i < own.size(); ++i) CHECK(own[i].impl() == same[i].impl());
}

void convert(Subject& s, DType dtype) {
  s.net->to(dtype);
  for (Value* value : s.plain.all())
    if (is_floating(value->x.dtype()))
      value->x = value->x.detach().to(dtype).clone().requires_grad_(value->x.requires_grad());
}

void require_gradients(Subject& s, bool required, const std::string& part = "") {
  if (part.empty()) s.net->requires_grad_(required);
  s.each_part("." + part, [&](nn::Module& module) { module.requires_grad_(required); });
  for (Value& value : s.plain.parameters)
    if (value.name.find(part) != std::string::npos) value.x.requires_grad_(required);
}

void set_mode(Subject& s, bool on, const std::string& part = "") {
  if (part.empty()) s.net->train(on);
  s.each_part(part, [&](nn::Module& module) { module.train(on); });
  for (auto& [path, training] : s.plain.training)
    if (path.find(part) != std::string::npos) training = on;
}

void take_pass(Subject& s) {
  const Tensor x = input_of(s.plain, ++s.number);
  manual_seed(s.number);
  const Tensor found = (*s.net)(x).square().sum();
  manual_seed(s.number);
  const Tensor wanted = s.plain.forward(x).square().sum();
  if (!found.requires_grad()) return;
  found.backward();
  wanted.backward();
}

void take_step(Subject& s) {
  const auto has_gradient = [](const Tensor& x) { return x.grad().defined(); };
  if (std::ranges::none_of(s.net->parameters(), has_gradient)) return;
  optim::SGD(s.net->parameters(), {.lr = 1e-3}).step();
  for (Value& value : s.plain.parameters)
    if (has_gradient(value.x)) value.x.detach().copy_(value.x.detach() - value.x.grad() * 1e-3);
}

void load_values(Subject& s) {
  nn::StateDict values;
  for (Value* value : s.plain.all()) {
    // A layer's outputs are about as large as its inputs.
    const Tensor other = uniform(value->x.shape(), 0.5, 1.5, ++s.number) *
                         (is_floating(value->x.dtype()) ? 0.25 : 9);
    value->x.detach().copy_(other.to(value->x.dtype()));
    values.emplace_back(value->name, value->x.detach().clone());
  }
  std::ranges::reverse(values);  // names count, not places
  s.net->load_state_dict(values);
}

void save_and_load(Subject& s) {
  const TemporaryDirectory directory;
  nn::save(*s.net, directory.file("net"));
  nn::Sequential other = nn::clone(*s.net);
  for (const auto& [name, x] : other.state_dict()) x.fill_(3);
  s.leave();
  nn::load(other, directory.file("net"));
  s.replace(other);
}

void nest(Subject& s, bool twice) {
  nn::Sequential outer;
  outer.push_back(*s.net);
  if (twice) outer.push_back(*s.net);
  s.plain.nest(twice);
  s.replace(outer);
}

struct Deed {
  const char* name;
  std::function<void(Subject&)> run;
};

const std::vector<Deed>& deeds() {
  static const std::vector<Deed> all{
      {"clone",
       [](Subject& s) {
         nn::Sequential copy = nn::clone(*s.net);
         s.leave();
         s.replace(copy);
       }},
      {"share", [](Subject& s) { s.alias.emplace(*s.net); }},
      {"to float64", [](Subject& s) { convert(s, float64); }},
      {"to float32", [](Subject& s) { convert(s, float32); }},
      {"freeze", [](Subject& s) { require_gradients(s, false); }},
      {"freeze a part", [](Subject& s) { require_gradients(s, false, "first"); }},
      {"unfreeze", [](Subject& s) { require_gradients(s, true); }},
      {"nest", [](Subject& s) { nest(s, false); }},
      {"nest twice", [](Subject& s) { nest(s, true); }},
      {"save and load", save_and_load},
      {"load values", load_values},
      {"eval", [](Subject& s) { set_mode(s, false); }},
      {"eval a part", [](Subject& s) { set_mode(s, false, ".norm"); }},
      {"train", [](Subject& s) { set_mode(s, true); }},
      {"backward", take_pass},
      {"step", take_step},
      {"zero_grad",
       [](Subject& s) {
         s.net->zero_grad();
         for (Value& value : s.plain.parameters) value.x.set_grad({});
       }},
  };
  return all;
}

Subject subject() {
  manual_seed(1);
  nn::Sequential net;
  net.push_back(Cell{});
  return Subject(net);
}

}  // namespace

TEST_CASE("a module is what was done to it, for any two deeds, with gradients and without") {
  for (const bool passed : {false, true})
    for (const Deed& one : deeds())
      for (const Deed& two : deeds()) {
        CAPTURE(passed);
        CAPTURE(one.name);
        CAPTURE(two.name);
        Subject s = subject();
        if (passed) take_pass(s);
        one.run(s);
        two.run(s);
        check(s);
        take_pass(s);
        take_step(s);
        check(s);
      }
}

TEST_CASE("a module is what was done to it, in walks of ten deeds") {
  const unsigned walks = is_long() ? 3000 : 60;
  for (unsigned seed = 0; seed < walks; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Subject s = subject();
    std::string walk;
    for (int i = 0; i < 10; ++i) {
      const Deed& deed = deeds()[random() % deeds().size()];
      // Of sixteen Cells one after another little would be left to compare.
      if (deed.name == std::string("nest twice") && s.plain.repeats > 2) continue;
      walk += std::string(deed.name) + "; ";
      CAPTURE(walk);
      deed.run(s);
      check(s);
    }
  }
}

namespace {

/// The members of a Cell are the parts that it has registered.
void check_members(const Cell& cell) {
  const std::map<std::string, nn::Parameter> members{
      {"gain", cell.gain},
      {"steps", cell.steps},
      {"first.weight", cell.first.weight},
      {"first.bias", cell.first.bias},
      {"norm.weight", cell.norm.weight},
      {"norm.bias", cell.norm.bias},
      {"norm.running_mean", cell.norm.running_mean},
      {"norm.running_var", cell.norm.running_var},
      {"norm.num_batches_tracked", cell.norm.num_batches_tracked},
      {"twice.weight", cell.twice.weight},
      {"twice.bias", cell.twice.bias}};
  auto named = cell.named_parameters();
  for (const auto& buffer : cell.named_buffers()) named.push_back(buffer);
  CHECK(named.size() == members.size());
  for (const auto& part : named) {
    CAPTURE(part.first);
    CHECK(members.at(part.first).impl() == part.second.impl());
  }
  CHECK(cell.rest.parameters()[0].impl() == cell.twice.weight.impl());
  CHECK(cell.rest.parameters()[1].impl() == cell.twice.bias.impl());
}

}  // namespace

TEST_CASE("a module's members and its registered parts stay one, for any two deeds") {
  const std::vector<std::function<void(std::optional<Cell>&)>> all{
      [](auto& c) { c.emplace(nn::clone(*c)); },
      [](auto& c) { c.emplace(Cell(*c)); },
      [](auto& c) { *c = Cell(); },
      [](auto& c) { *c = nn::clone(*c); },
      [](auto& c) {
        Cell moved = std::move(*c);
        c.emplace(std::move(moved));
      },
      [](auto& c) {
        Cell other;
        std::swap(*c, other);
      },
      [](auto& c) { c->to(float64); },
      [](auto& c) { c->requires_grad_(false); },
      [](auto& c) { c->load_state_dict(nn::clone(*c).state_dict()); },
      [](auto& c) {
        nn::Sequential outer;
        outer.push_back(*c);
        const nn::Sequential copy = nn::clone(outer);
        c.emplace(dynamic_cast<const Cell&>(copy.child(0)));
      }};
  for (std::size_t one = 0; one < all.size(); ++one)
    for (std::size_t two = 0; two < all.size(); ++two) {
      CAPTURE(one);
      CAPTURE(two);
      std::optional<Cell> cell{std::in_place};
      all[one](cell);
      all[two](cell);
      check_members(*cell);
      check_members(nn::clone(*cell));
      cell->eval();
      CHECK_FALSE(cell->rest.is_training());
      CHECK_FALSE(cell->norm.is_training());
    }
}
