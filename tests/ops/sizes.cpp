// Shapes, positions and counts of any size: right numbers or an xgrad::Error, never a product or a
// sum that wraps round, and never a loop over as many nothings as there are.

#include <xgrad/ops/kernels/gemm.hpp>

#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t half = std::int64_t{1} << 62;
constexpr std::initializer_list<std::int64_t> any_number{
    0, 1, 2, 3, 4, 7, half, largest, -1, -2, -3, -half, -largest, lowest, largest - 1};

template <class E, class F>
void check_message(const F& f, const std::string& expected) {
  CHECK(message_of<E>(f) == expected);
}

}  // namespace

TEST_CASE("shapes whose sizes do not fit 63 bits are told, even where an extent is 0") {
  const std::int64_t many = std::int64_t{1} << 32;
  const auto too_many = [](const std::string& operation, const Shape& shape) {
    return operation + ": shape " + to_string(shape) + " has more elements than 63 bits count";
  };
  for (const Shape& shape : {Shape{many, many}, Shape{many, many, 0}, Shape{0, many, many},
                             Shape{many, 0, many}, Shape{largest, 2}})
    for (const auto& [name, make] : std::vector<std::pair<std::string, std::function<Tensor()>>>{
             {"empty", [&] { return empty(shape); }},
             {"zeros", [&] { return zeros(shape, {.dtype = int64}); }},
             {"full", [&] { return full(shape, 2.5); }},
             {"rand", [&] { return rand(shape); }},
             {"randint", [&] { return randint(0, 9, shape); }},
             {"from_vector", [&] { return from_vector(std::vector<float>{}, shape); }}})
      check_message<ShapeError>(make, too_many(name, shape));
  CHECK(empty({half, 0}).numel() == 0);
  check_message<ValueError>([&] { zeros({half}); },
                            "zeros: no memory for shape [4611686018427387904] of float32");
  check_message<ShapeError>(
      [&] {
        zeros({-1, -1});
      },
      "zeros: shape [-1, -1] has a negative extent");
  check_message<ShapeError>([&] { eye(many, many); }, too_many("eye", {many, many}));
  check_message<ValueError>([&] { linspace(0, 1, largest); },
                            "linspace: no memory for shape [9223372036854775807] of float32");
  check_message<ShapeError>(
      [&] {
        zeros({half, 1, 0}) + zeros({1, half, 0});
      },
      too_many("add", {half, half, 0}));
}

TEST_CASE("random whole numbers from all of them") {
  Generator generator(1);
  const Tensor x = randint(lowest, largest, {1000}, {.generator = &generator});
  int negative = 0;
  for (const std::int64_t value : x.to_vector<std::int64_t>()) negative += value < 0;
  // Half of 1000 coins, within 6 standard deviations of 16.
  CHECK(std::abs(negative - 500) < 96);
}

TEST_CASE("a scalar has no axes, and messages say so") {
  const Tensor x = zeros({});
  check_message<ShapeError>([&] { x.size(0); }, "size: axis 0 of a scalar, which has no axes");
  check_message<ShapeError>([&] { slice(x, -1, 0); },
                            "slice: axis -1 of a scalar, which has no axes");
  check_message<ShapeError>([&] { sum(x, 0); }, "sum: axis 0 of a scalar, which has no axes");
}

TEST_CASE("slices of any bounds, and what is put in their place, are those of a plain loop") {
  const Tensor x = arange(4);
  for (const std::int64_t start : any_number)
    for (const std::int64_t end : any_number)
      for (const std::int64_t step : any_number) {
        CAPTURE(start);
        CAPTURE(end);
        CAPTURE(step);
        if (step <= 0) {
          CHECK_THROWS_AS(slice(x, 0, start, end, step), ValueError);
          continue;
        }
        std::vector<double> expected;
        const std::int64_t first = start < 0 ? std::max<std::int64_t>(start, -4) + 4 : start;
        const std::int64_t last = end < 0 ? std::max<std::int64_t>(end, -4) + 4 : end;
        for (std::int64_t i = first; i < std::min<std::int64_t>(last, 4); ++i)
          if ((i - first) % step == 0) expected.push_back(static_cast<double>(i));
        const Tensor part = slice(x, 0, start, end, step);
        CHECK(values(part) == expected);
        auto changed = values(x);
        for (const double i : expected) changed[static_cast<std::size_t>(i)] = -1;
        const Tensor other = slice_scatter(x, zeros_like(part) - 1, 0, start, end, step);
        CHECK(values(other) == changed);
      }
  CHECK(values(slice(zeros({3, 2}), 1, 0, 2, largest)).size() == 3);
}

TEST_CASE("pieces of any size") {
  const Tensor x = arange(5);
  const auto sizes = [](const std::vector<Tensor>& pieces) {
    std::vector<std::int64_t> result;
    for (const Tensor& piece : pieces) result.push_back(piece.numel());
    return result;
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(sizes(split(x, 2)) == Sizes{2, 2, 1});
  CHECK(sizes(split(x, largest)) == Sizes{5});
  CHECK(sizes(split(x, Sizes{5, 0})) == Sizes{5, 0});
  CHECK_THROWS_AS(split(x, Sizes{largest, largest, 7}), ShapeError);
  CHECK(sizes(chunk(x, 2)) == Sizes{3, 2});
  CHECK(sizes(chunk(x, largest)) == Sizes{1, 1, 1, 1, 1});
  CHECK(sizes(chunk(zeros({0}), largest)) == Sizes{0});
  CHECK(split(zeros({largest, 0}), half).size() == 2);
  CHECK(chunk(zeros({largest, 0}), 2)[1].shape() == Shape{half - 1, 0});
}

TEST_CASE("shapes that a caller gives are checked before they are multiplied") {
  const Tensor none = zeros({half, 0});
  check_message<ValueError>(
      [&] {
        reshape(none, {4, half, 0});
      },
      "reshape: a size is too large: 4 * 4611686018427387904 does not fit "
      "63 bits");
  check_message<ValueError>(
      [&] {
        reshape(zeros({4}), {half, 8, -1});
      },
      "reshape: a size is too large: 4611686018427387904 * 8 does not fit "
      "63 bits");
  CHECK(reshape(none, {0, half}).shape() == Shape{0, half});
  CHECK(flatten(none).shape() == Shape{0});
  CHECK(flip(none, {0, 1}).shape() == Shape{half, 0});
  CHECK(permute(none, {1, 0}).shape() == Shape{0, half});
  check_message<ShapeError>(
      [&] {
        expand(zeros({1, half, 0}), {2, half, 0});
      },
      "expand: shape [2, 4611686018427387904, 0] has more elements than 63 bits "
      "count");
  check_message<ValueError>(
      [&] {
        cat({none, none});
      },
      "cat: a size is too large: 4611686018427387904 + 4611686018427387904 "
      "does not fit 63 bits");
  check_message<ValueError>(
      [&] {
        pad(zeros({1}), {largest, 1});
      },
      "pad: a size is too large: 1 + 9223372036854775807 does not fit 63 "
      "bits");
  check_message<ShapeError>(
      [&] {
        pad(zeros({1, 1}), {half, 0, half, 0});
      },
      "pad: shape [4611686018427387905, 4611686018427387905] has more elements "
      "than 63 bits count");
  check_message<ShapeError>(
      [&] {
        pad(none, {0, 2});
      },
      "pad: shape [4611686018427387904, 2] has more elements than 63 bits count");
}

TEST_CASE("indices into tensors of any size") {
  const Tensor index = tensor({0, 1});
  const Tensor one = zeros({1});
  check_message<ValueError>([&] { index_add(one.expand({largest}), 0, index, zeros({2})); },
                            "index_add: no memory for shape [9223372036854775807] of float32");
  check_message<ValueError>([&] { scatter(one.expand({largest}), 0, index, zeros({2})); },
                            "scatter: no memory for shape [9223372036854775807] of float32");
  check_message<ValueError>([&] { scatter_add(one.expand({largest}), 0, index, zeros({2})); },
                            "scatter_add: no memory for shape [9223372036854775807] of float32");
  check_message<ValueError>([&] { slice_scatter(one.expand({largest}), zeros({2}), 0, 0, 2); },
                            "slice_scatter: no memory for shape [9223372036854775807] of float32");
}

TEST_CASE("nothing, however often, takes no time") {
  const std::int64_t many = std::int64_t{1} << 50;
  const Tensor first = tensor({0});
  Tensor x = zeros({many, 3, 0}).requires_grad_();
  CHECK(index_select(x, 1, first).shape() == Shape{many, 1, 0});
  const Tensor none = zeros({many, 4, 0});
  CHECK(index_add(none, 1, first, zeros({many, 1, 0})).shape() == Shape{many, 4, 0});
  CHECK(matmul(zeros({many, 0, 2}), zeros({many, 2, 0})).shape() == Shape{many, 0, 0});
  CHECK(matmul(zeros({0, 2097152, 2097152}), zeros({0, 2097152, 2097152})).numel() == 0);
  CHECK(softmax(x, -1).shape() == x.shape());
  CHECK(softmax(x, 0).shape() == x.shape());
  for (const Tensor& y :
       {softmax(x, -1), log_softmax(x, 2), log_softmax(x, 1), sum(x, 1), mean(x, 1), prod(x, 1),
        permute(x, {2, 0, 1}), flip(x, {0}), slice(x, 0, 5, many - 5, 3), pad(x, {0, 0, 1, 1}),
        square(x) + exp(x), maximum(x, 0), where(x > 0, x, -x), transpose(x, 0, 2), cat({x, x}, 1),
        stack({x, x}, 3), unsqueeze(x, 0)}) {
    x.set_grad({});
    y.backward(ones_like(y));
    CHECK(x.grad().shape() == x.shape());
  }
}

TEST_CASE("a matrix whose rows lie further apart than 32 bits count") {
  const double row[] = {1, 2};
  double product[] = {0, 0};
  const std::int64_t step = (std::int64_t{1} << 32) + 1;
  kernels::gemm<double>(1, 2, 1, {row, step}, {row, 2}, product, 2);
  CHECK(product[0] == 1);
  CHECK(product[1] == 2);
}
