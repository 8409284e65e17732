// Random numbers of all distributions, and values made in other ways.

#include <algorithm>
#include <array>
#include <span>

#include "hostile.hpp"

using namespace hostile;

namespace {

Generator& generator() {
  static Generator own(3);
  return own;
}

}  // namespace

TEST_CASE("hostile: distributions") {
  sweep({
      {"rand_like",
       [](Arguments& from) {
         Arguments::use(rand_like(from.tensor({2, 3})));
       }},
      {"randn_like",
       [](Arguments& from) {
         Arguments::use(randn_like(from.tensor({2, 3})));
       }},
      {"randint_like",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, int64);
         const std::int64_t low = from.size(0);
         Arguments::use(randint_like(x, low, from.size(9)));
       }},
      {"bernoulli",
       [](Arguments& from) {
         Arguments::use(bernoulli(from.tensor({1, 2}), &generator()));
       }},
      {"bernoulli",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, int64);
         Arguments::use(bernoulli(x, from.real()));
       }},
      {"multinomial",
       [](Arguments& from) {
         const Tensor weights = from.tensor({2, 3});
         const std::int64_t samples = from.size(2);
         Arguments::use(multinomial(weights, samples, from.flag()));
       }},
      {"multinomial",
       [](Arguments& from) {
         const Tensor weights = from.tensor({4});
         Arguments::use(weights.multinomial(from.size(2), true));
       }},
      {"normal",
       [](Arguments& from) {
         const Tensor mean = from.tensor({2, 3});
         Arguments::use(normal(mean, from.tensor({3})));
       }},
      {"normal",
       [](Arguments& from) {
         const Tensor mean = from.tensor({2, 3});
         Arguments::use(normal(mean, from.real()));
       }},
      {"normal",
       [](Arguments& from) {
         const double mean = from.real();
         Arguments::use(normal(mean, from.tensor({2, 3})));
       }},
      {"normal",
       [](Arguments& from) {
         const double mean = from.real(1);
         const double std = from.real();
         Arguments::use(normal(mean, std, from.shape({2, 3})));
       },
       true},
      {"poisson",
       [](Arguments& from) {
         Arguments::use(poisson(from.tensor({2, 3})));
       }},
  });
}

TEST_CASE("hostile: random numbers in place") {
  sweep({
      {"uniform_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const double low = from.real(0);
         Arguments::use(x.uniform_(low, from.real(1)));
       }},
      {"normal_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const double mean = from.real(0);
         Arguments::use(x.normal_(mean, from.real(1)));
       }},
      {"exponential_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(x.exponential_(from.real(1)));
       }},
      {"bernoulli_",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, int64);
         Arguments::use(x.bernoulli_(from.real()));
       }},
      {"bernoulli_",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 2});
         Arguments::use(x.bernoulli_(from.tensor({2})));
       }},
  });
}

TEST_CASE("hostile: values made in other ways") {
  const auto options = [](Arguments& from) {
    return TensorOptions{.dtype = from.flag() ? int64 : float64};
  };
  alignas(8) static std::array<double, 6> memory{};
  sweep({
      {"empty_like",
       [](Arguments& from) {
         empty_like(from.tensor({2, 3}));
       }},
      {"logspace",
       [=](Arguments& from) {
         const Scalar start = from.scalar(0);
         const Scalar end = from.scalar(2);
         const std::int64_t steps = from.size(3);
         const double base = from.real(2);
         Arguments::use(logspace(start, end, steps, base, options(from)));
       },
       true},
      {"tril_indices",
       [](Arguments& from) {
         const std::int64_t row = from.size(3);
         const std::int64_t col = from.size(4);
         Arguments::use(tril_indices(row, col, from.size(0)));
       }},
      {"triu_indices",
       [](Arguments& from) {
         const std::int64_t row = from.size(3);
         const std::int64_t col = from.size(4);
         Arguments::use(triu_indices(row, col, from.size(0)));
       }},
      // Not looked at: where the memory ends, the function cannot know.
      {"from_blob|shape",
       [=](Arguments& from) {
         from_blob(memory.data(), from.shape({2, 3}), options(from));
       }},
      {"from_blob|shape",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         const std::vector<std::int64_t> steps = from.sizes({3, 1});
         const auto first = std::span(steps).first(std::min<std::size_t>(steps.size(), 8));
         from_blob(memory.data(), shape, Strides(first), options(from));
       }},
  });
}
