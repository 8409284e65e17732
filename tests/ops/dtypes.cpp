// Every dtype: what two meet in, how values are converted, and what operations make of them.

#include <xgrad/nn/nn.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>

#include "ops/table.hpp"

namespace table {
namespace {

constexpr std::array all{float32, float64, bfloat16, float16, int64, int32, uint8, boolean};

/// Unit of the last place of 1.
double epsilon(DType dtype) { return dtype == bfloat16 ? 0x1p-7 : 0x1p-10; }

Tensor converted(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : x.to(dtype); }

}  // namespace

TEST_CASE("any two dtypes meet where PyTorch's torch.promote_types has them") {
  const std::array<std::array<DType, 8>, 8> expected{{
      {float32, float64, float32, float32, float32, float32, float32, float32},
      {float64, float64, float64, float64, float64, float64, float64, float64},
      {float32, float64, bfloat16, float32, bfloat16, bfloat16, bfloat16, bfloat16},
      {float32, float64, float32, float16, float16, float16, float16, float16},
      {float32, float64, bfloat16, float16, int64, int64, int64, int64},
      {float32, float64, bfloat16, float16, int64, int32, int32, int32},
      {float32, float64, bfloat16, float16, int64, int32, uint8, uint8},
      {float32, float64, bfloat16, float16, int64, int32, uint8, boolean},
  }};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j) {
      CAPTURE(all[i]);
      CAPTURE(all[j]);
      const DType meet = expected[i][j];
      CHECK(promote(all[i], all[j]) == meet);
      const Tensor a = ones({2}, {.dtype = all[i]});
      const Tensor b = ones({2}, {.dtype = all[j]});
      CHECK(where(a == b, a, b).dtype() == meet);
      CHECK(values(a == b) == std::vector<double>{1, 1});
      if (meet == boolean) continue;
      CHECK((a + b).dtype() == meet);
      CHECK(values(a + b) == std::vector<double>{2, 2});
      CHECK((a * b).dtype() == meet);
      CHECK(maximum(a, b).dtype() == meet);
      CHECK((a / b).dtype() == (is_floating(meet) ? meet : float32));
    }
}

TEST_CASE("a number takes on the tensor's dtype unless it is of a higher kind") {
  struct Case {
    DType dtype, beside_truth, beside_whole, beside_fraction;
  };
  const std::vector<Case> cases{
      {float32, float32, float32, float32},     {float64, float64, float64, float64},
      {bfloat16, bfloat16, bfloat16, bfloat16}, {float16, float16, float16, float16},
      {int64, int64, int64, float32},           {int32, int32, int32, float32},
      {uint8, uint8, uint8, float32},           {boolean, boolean, int64, float32}};
  for (const Case& c : cases) {
    CAPTURE(c.dtype);
    const Tensor x = ones({2}, {.dtype = c.dtype});
    CHECK(where(x == x, x, true).dtype() == c.beside_truth);
    CHECK((x * 2).dtype() == c.beside_whole);
    CHECK((2 * x).dtype() == c.beside_whole);
    CHECK((x + 0.5).dtype() == c.beside_fraction);
    CHECK(values(x + 0.5) == std::vector<double>{1.5, 1.5});
    CHECK((x > 0.5).dtype() == boolean);
    CHECK(values(x > 0.5) == std::vector<double>{1, 1});
  }
  CHECK(message_of<ValueError>([] { ones({2}, {.dtype = uint8}) * 300; }) ==
        "mul: 300 does not fit uint8");
}

TEST_CASE(
    "a tensor without axes takes on the dtype of one with axes unless it is of a higher kind") {
  const auto meet = [](DType dtype, DType without) {
    const Tensor x = ones({2}, {.dtype = dtype});
    const Tensor y = ones({}, {.dtype = without});
    CHECK((x == y).dtype() == boolean);
    CHECK((y + x).dtype() == (x + y).dtype());
    return (x + y).dtype();
  };
  for (const DType other : all) {
    CAPTURE(other);
    CHECK(meet(float32, other) == float32);
    CHECK(meet(float16, other) == float16);
    const bool higher = is_floating(other);
    CHECK(meet(int32, other) == (higher ? other : int32));
    CHECK(meet(uint8, other) == (higher ? other : uint8));
    if (other != boolean) CHECK(meet(boolean, other) == other);
  }
  // The gradient is of each argument's own dtype.
  const Tensor x = ones({3}, {.requires_grad = true});
  const Tensor y = ones({}, {.dtype = float64, .requires_grad = true});
  (x * y).sum().backward();
  CHECK(x.grad().dtype() == float32);
  CHECK(y.grad().dtype() == float64);
  CHECK(y.grad().item() == 3);
}

TEST_CASE(
    "all 65536 numbers of each half precision survive float32, and what lies between rounds") {
  std::int64_t wrong = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto same = [&](auto number) {
      number.bits = static_cast<std::uint16_t>(bits);
      const float wide = number;
      const decltype(number) back(wide);
      return std::isnan(wide) ? std::isnan(float(back)) : back.bits == number.bits;
    };
    wrong += !same(BFloat16{}) + !same(Float16{});
  }
  CHECK(wrong == 0);

  // Between neighbours: to the nearer one, at the middle to the even one.
  const auto rounds = [&](auto number) {
    std::int64_t bad = 0;
    for (std::uint16_t bits = 0; bits < 0x7BFF; ++bits) {
      auto next = number;
      number.bits = bits;
      next.bits = static_cast<std::uint16_t>(bits + 1);
      const float low = number, high = next;
      const float middle = low / 2 + high / 2;
      const auto to = [](float value) { return decltype(number)(value).bits; };
      if (middle == low || middle == high) continue;  // float32's own denormals
      bad += to(middle) != (bits % 2 == 0 ? bits : next.bits);
      bad += to(std::nextafter(middle, low)) != bits;
      bad += to(std::nextafter(middle, high)) != next.bits;
      bad += to(-middle) != (0x8000 | (bits % 2 == 0 ? bits : next.bits));
    }
    return bad;
  };
  CHECK(rounds(BFloat16{}) == 0);
  CHECK(rounds(Float16{}) == 0);
  CHECK(float(Float16(65519.F)) == 65504);
  CHECK(std::isinf(float(Float16(65520.F))));
  CHECK(float(Float16(-1e30)) == -std::numeric_limits<float>::infinity());
  CHECK(std::isinf(float(BFloat16(std::numeric_limits<float>::max()))));
  CHECK(std::isnan(float(BFloat16(std::bit_cast<float>(0x7F800001U)))));
}

TEST_CASE("values are converted between any two dtypes") {
  const std::vector<double> numbers{0, 1, 2, 7, 100};
  for (const DType from : all)
    for (const DType to : all) {
      CAPTURE(from);
      CAPTURE(to);
      const Tensor x = from_vector(numbers).to(from);
      std::vector<double> expected = numbers;
      if (from == boolean || to == boolean)
        for (double& value : expected) value = value != 0;
      CHECK(values(x.to(to)) == expected);
      Tensor target = zeros({5}, {.dtype = to});
      CHECK(values(target.copy_(x)) == expected);
      CHECK(x.to(to).dtype() == to);
      CHECK(x.to(to).numel() * static_cast<std::int64_t>(item_size(to)) <= 40);
    }
  const Tensor large =
      tensor({-1.0, 300.0, 2147483648.5, std::numeric_limits<double>::quiet_NaN()});
  CHECK(large.to(uint8).to_vector<int>() == std::vector<int>{255, 44, 0, 0});
  CHECK(large.to(int32).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{-1, 300, -2147483648, 0});
  CHECK(tensor({0.3, 0.001}).to(boolean).to_vector<int>() == std::vector<int>{1, 1});
  CHECK(full({}, 1.0F / 3, {.dtype = bfloat16}).item() == 0.333984375);
  CHECK(full({}, 1.0F / 3, {.dtype = float16}).item() == 0.333251953125);
}

TEST_CASE("tensors of every dtype are made, filled, read and printed") {
  for (const DType dtype : all) {
    CAPTURE(dtype);
    const TensorOptions options{.dtype = dtype};
    CHECK(values(zeros({2}, options)) == std::vector<double>{0, 0});
    CHECK(values(full({2}, 1, options)) == std::vector<double>{1, 1});
    CHECK(values(tensor({1, 0}, options)) == std::vector<double>{1, 0});
    CHECK(values(eye(2, {}, options)) == std::vector<double>{1, 0, 0, 1});
    CHECK(values(arange(2, options)) == std::vector<double>{0, 1});
    CHECK(values(from_vector(std::vector<int>{1, 0}, {}, options)) == std::vector<double>{1, 0});
    CHECK(values(randperm(2, options)).size() == 2);
    CHECK(full({}, 1, options).item<int>() == 1);
    CHECK(values(ones({3}, options).slice(0, 0, 3, 2).clone()) == std::vector<double>{1, 1});
    CHECK(values(cat({zeros({1}, options), ones({1}, options)})) == std::vector<double>{0, 1});
    CHECK(equal(ones({2}, options), ones({2}, options)));
    CHECK(all_finite(ones({2}, options)));
    std::ostringstream text;
    text << ones({2}, options);
    const std::string values_shown = dtype == boolean     ? "True, True"
                                     : is_floating(dtype) ? "1., 1."
                                                          : "1, 1";
    const bool is_natural = dtype == float32 || dtype == int64 || dtype == boolean;
    const std::string dtype_shown = is_natural ? "" : ", dtype=" + std::string(name(dtype));
    CHECK(text.str() == "tensor([" + values_shown + "]" + dtype_shown + ")");
    if (dtype == boolean) continue;
    CHECK(values(linspace(0, 4, 3, options)) == std::vector<double>{0, 2, 4});
    CHECK(values(full({}, 2.75, options)) == std::vector<double>{is_floating(dtype) ? 2.75 : 2.0});
    const auto drawn = values(randint(3, 9, {50}, options));
    CHECK(*std::ranges::min_element(drawn) == 3);
    CHECK(*std::ranges::max_element(drawn) == 8);
  }
  for (const DType dtype : {bfloat16, float16}) {
    Generator a(5), b(5);
    CHECK(equal(rand({9}, {.dtype = dtype, .generator = &a}),
                rand({9}, {.generator = &b}).to(dtype)));
    CHECK(equal(randn({9}, {.dtype = dtype, .generator = &a}),
                randn({9}, {.generator = &b}).to(dtype)));
    CHECK(rand({2}, {.dtype = dtype, .requires_grad = true}).requires_grad());
  }
  CHECK(from_vector(std::vector<int>{1}).dtype() == int64);
  CHECK(from_vector(std::vector<std::uint8_t>{1}).dtype() == int64);
  CHECK(message_of<ValueError>([] { full({1}, 300, {.dtype = uint8}); }) ==
        "full: 300 does not fit uint8");
  CHECK(message_of<ValueError>([] { zeros({1}, {.dtype = int32}).fill_(std::int64_t{1} << 31); }) ==
        "fill_: 2147483648 does not fit int32");
  CHECK_THROWS_AS(randint(0, 257, {2}, {.dtype = uint8}), DTypeError);
  CHECK(randint(0, 256, {2}, {.dtype = uint8}).dtype() == uint8);
  CHECK_THROWS_AS(randint(0, 258, {2}, {.dtype = bfloat16}), DTypeError);
  CHECK_THROWS_AS(randperm(2050, {.dtype = float16}), DTypeError);
  CHECK_THROWS_AS(ones({2}, {.dtype = int32}).requires_grad_(), DTypeError);
}

TEST_CASE("small integers wrap around as the lower bits of int64 do") {
  Generator generator(6);
  const Tensor wide = randint(-1000, 1000, {7, 11}, {.generator = &generator});
  const Tensor other = randint(1, 40, {11}, {.generator = &generator});
  for (const DType dtype : {int32, uint8}) {
    CAPTURE(dtype);
    const Tensor x = wide.to(dtype);
    const Tensor y = other.to(dtype);
    const Tensor as_read = x.to(int64);
    const auto same = [&](const Tensor& found, const Tensor& exact) {
      CHECK(found.dtype() == dtype);
      CHECK(equal(found, exact.to(dtype)));
    };
    same(x + y, as_read + other);
    same(x - y, as_read - other);
    same(x * x, as_read * as_read);
    same(-x, -as_read);
    same(abs(x), abs(as_read));
    same(square(x), square(as_read));
    same(sign(x), sign(as_read));
    same(pow(x, 3), pow(as_read, 3));
    same(pow(x, y), pow(as_read, other));
    same(maximum(x, y), maximum(as_read, other));
    same(minimum(x, y), minimum(as_read, other));
    same(clamp(x, 3, 20), clamp(as_read, 3, 20));
    same(relu(x), relu(as_read));
    same(where(x > y, x, y), where(as_read > other, as_read, other));
    same(x.t().slice(0, 0, 11, 2), as_read.t().slice(0, 0, 11, 2));
    same(amax(x, 0), amax(as_read, 0));
    same(min(x), min(as_read));
    same(cat({x, x}), cat({as_read, as_read}));
    same(index_select(x, 1, tensor({3, 0})), index_select(as_read, 1, tensor({3, 0})));
    same(pad(x, {1, 2}, 5), pad(as_read, {1, 2}, 5));
    const Tensor places = tensor({3, 0, 3});
    const Tensor part = x.slice(1, 2, 5);
    const Tensor wide_part = as_read.slice(1, 2, 5);
    same(index_add(x, 1, places, part), index_add(as_read, 1, places, wide_part));
    const Tensor index = places.expand({7, 3});
    same(scatter_add(x, 1, index, part), scatter_add(as_read, 1, index, wide_part));
    same(scatter(x, 1, index, part), scatter(as_read, 1, index, wide_part));
    same(slice_scatter(x, part, 1, 0, 3), slice_scatter(as_read, wide_part, 1, 0, 3));
    same(flip(x, 1), flip(as_read, 1));
    CHECK(equal(x == y, as_read == other));
    CHECK(equal(x < 2.5, as_read < 2.5));
    CHECK(equal(argmax(x, 1), argmax(as_read, 1)));
    // Sums are made in int64, as PyTorch's.
    CHECK(equal(sum(x, 0), sum(as_read, 0)));
    CHECK(equal(prod(x.slice(0, 0, 2), 0), prod(as_read.slice(0, 0, 2), 0)));
    CHECK((x / y).dtype() == float32);
    CHECK_THROWS_AS(mean(x), DTypeError);
    CHECK_THROWS_AS(exp(x), DTypeError);
  }
  // Whole numbers that float32 does not tell apart.
  const Tensor near = tensor({16777217, 16777216}).to(int32);
  CHECK(values(near > 16777216.0) == std::vector<double>{1, 0});
  CHECK(values(16777216.5 > near) == std::vector<double>{0, 1});
}

TEST_CASE("operations of 16 bits are those of float32, rounded") {
  for_each_row([](Op op, const Row& row) {
    if (op == Op::to) return;  // to a dtype of its own
    for (const DType dtype : {bfloat16, float16}) {
      CAPTURE(dtype);
      const auto run = [&](DType computed) {
        Inputs inputs;
        for (const Tensor& x : row.inputs) {
          const bool floating = is_floating(x.dtype());
          inputs.push_back(floating ? converted(x.to(dtype), computed).detach() : x);
          if (floating) inputs.back().requires_grad_();
        }
        const Tensor y = row.f(inputs);
        CHECK(y.dtype() == computed);
        y.backward(converted(normal(y.shape(), 48).to(dtype), computed));
        Inputs found{y.detach()};
        for (const Tensor& x : inputs)
          if (x.requires_grad()) found.push_back(x.grad());
        return found;
      };
      const Inputs exact = run(float32);
      const Inputs rounded = run(dtype);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        CAPTURE(i);
        REQUIRE(exact[i].defined() == rounded[i].defined());
        if (!exact[i].defined()) continue;
        CHECK(rounded[i].dtype() == dtype);
        // Some roundings of what a row computes in steps.
        const double scale = exact[i].numel() > 0 ? max(abs(exact[i])).item() + 1e-2 : 1;
        CHECK(allclose(rounded[i].to(float32), exact[i], 0, 4 * epsilon(dtype) * scale));
      }
    }
  });
}

TEST_CASE("one operation of 16 bits rounds once") {
  const Tensor x = normal({300}, 3).to(bfloat16);
  const Tensor y = normal({300}, 4).to(bfloat16);
  const auto wide = [](const Tensor& t) { return t.to(float32); };
  CHECK(equal(x * y, (wide(x) * wide(y)).to(bfloat16)));
  CHECK(equal(exp(x), exp(wide(x)).to(bfloat16)));
  CHECK(equal(sum(x), sum(wide(x)).to(bfloat16)));
  CHECK(equal(x.var(), wide(x).var().to(bfloat16)));
  const Tensor m = x.reshape({30, 10});
  CHECK(equal(matmul(m, m.t()), matmul(wide(m), wide(m).t()).to(bfloat16)));
  CHECK(equal(softmax(m, 0), softmax(wide(m), 0).to(bfloat16)));
  CHECK(values(ones({70000}, {.dtype = float16}).mean()) == std::vector<double>{1});
}

TEST_CASE("tensors of every dtype are saved and loaded as they are") {
  const TemporaryDirectory directory;
  nn::StateDict state;
  for (const DType dtype : all)
    state.emplace_back(std::string(name(dtype)), uniform({3, 5}, 0, 9, 7).to(dtype));
  nn::save(state, directory.file("all.safetensors"));
  const nn::StateDict loaded = nn::load(directory.file("all.safetensors"));
  REQUIRE(loaded.size() == state.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    CAPTURE(state[i].first);
    const auto found =
        std::ranges::find(loaded, state[i].first, [](const auto& e) { return e.first; });
    REQUIRE(found != loaded.end());
    CHECK(equal(found->second, state[i].second));
  }
}

TEST_CASE("a module of bfloat16 gives what it gives in float32, rounded, and its gradients") {
  nn::Sequential net{nn::Conv2d{3, 8, 3, {.padding = 1}},
                     nn::BatchNorm2d{8},
                     nn::ReLU{},
                     nn::MaxPool2d{2},
                     nn::Flatten{},
                     nn::Linear{32, 5}};
  const Tensor x = normal({6, 3, 4, 4}, 8).to(float32);
  const Tensor target = tensor({0, 1, 2, 3, 4, 0});
  const Tensor wide = cross_entropy(net(x), target);
  net.to(bfloat16);
  const Tensor narrow = cross_entropy(net(x.to(bfloat16)), target);
  CHECK(narrow.dtype() == bfloat16);
  CHECK(std::abs(narrow.item() - wide.item()) < 0.05 * wide.item());
  narrow.backward();
  for (const auto& named : net.named_parameters()) {
    CAPTURE(named.first);
    const Tensor& parameter = named.second;
    CHECK(parameter.grad().dtype() == bfloat16);
    CHECK(all_finite(parameter.grad()));
  }
}

}  // namespace table
