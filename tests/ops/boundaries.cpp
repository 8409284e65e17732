// Sizes around every constant in the kernels that reduce, map, copy and index, against loops, with
// 1 to 8 threads. Most numbers are whole, so that sums are exact in whatever order they are taken.

#include "ops/boundaries.hpp"

#include <xgrad/ops/rules.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace {

using namespace boundaries;  // NOLINT

// ---- reductions

/// [outer, n, inner], reduced over the middle.
struct Block {
  std::int64_t outer, n, inner;
  Shape shape() const { return {outer, n, inner}; }
};

/// out[o, i] = what f makes of the terms, one after the other.
std::vector<double> reduced(const Block& b, const std::vector<double>& x,
                            const std::function<double(const std::vector<double>&)>& f) {
  std::vector<double> result;
  std::vector<double> terms(static_cast<std::size_t>(b.n));
  for (std::int64_t o = 0; o < b.outer; ++o)
    for (std::int64_t i = 0; i < b.inner; ++i) {
      for (std::int64_t k = 0; k < b.n; ++k)
        terms[static_cast<std::size_t>(k)] =
            x[static_cast<std::size_t>((o * b.n + k) * b.inner + i)];
      result.push_back(f(terms));
    }
  return result;
}

double total(const std::vector<double>& v) {
  double sum = 0;
  for (const double value : v) sum += value;
  return sum;
}

double square_total(const std::vector<double>& v) {
  double sum = 0;
  for (const double value : v) sum += value * value;
  return sum;
}

bool within(const Tensor& found, const std::vector<double>& right, double tolerance) {
  const auto v = values(found);
  if (v.size() != right.size()) return false;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (!(std::abs(v[i] - right[i]) <= tolerance * (1 + std::abs(right[i])))) return false;
  return true;
}

void check_reductions(const Block& b, DType dtype, const std::vector<int>& threads) {
  CAPTURE(b.outer);
  CAPTURE(b.n);
  CAPTURE(b.inner);
  CAPTURE(name(dtype));
  const Tensor x = whole(b.shape(), 9, 1, dtype);
  const auto v = values(x);
  const auto sums = reduced(b, v, total);
  const auto most = reduced(b, v, [](const auto& t) { return *std::ranges::max_element(t); });
  const auto least = reduced(b, v, [](const auto& t) { return *std::ranges::min_element(t); });
  const auto place = [](auto find) {
    return
        [find](const std::vector<double>& t) { return static_cast<double>(find(t) - t.begin()); };
  };
  const auto first_most =
      reduced(b, v, place([](const auto& t) { return std::ranges::max_element(t); }));
  const auto first_least =
      reduced(b, v, place([](const auto& t) { return std::ranges::min_element(t); }));
  const auto n = static_cast<double>(b.n);
  std::vector<double> means = sums;
  for (double& mean : means) mean /= n;
  const auto variances = reduced(b, v, [n](const auto& t) {
    const double mean = total(t) / n;
    return square_total(t) / n - mean * mean;
  });
  for (const int count : threads) {
    const Threads guard(count);
    CAPTURE(count);
    CHECK(values(sum(x, 1)) == sums);
    CHECK(values(amax(x, 1)) == most);
    CHECK(values(amin(x, 1)) == least);
    CHECK(values(argmax(x, 1)) == first_most);
    CHECK(values(argmin(x, 1)) == first_least);
    if (!is_floating(dtype)) continue;
    const double unit = dtype == float32 ? 0x1p-24 : 0x1p-53;
    CHECK(within(mean(x, 1), means, 2 * unit));
    CHECK(within(var(x, 1, 0), variances, 80 * unit));
  }
}

}  // namespace

TEST_CASE(
    "reductions of every length to 67 and around the kernels' constants, in rows and columns") {
  // Lanes, runs, blocks of them, and the parts of threads.
  for (const std::int64_t n : lengths({128, 256, 512, 1024, 2048, 4096, 8192}))
    for (const Block& b : {Block{1, n, 1}, {3, n, 1}, {1, n, 3}, {2, n, 5}})
      for (const DType dtype : {float32, float64, int64})
        if (n < 300 || dtype == float32) check_reductions(b, dtype, {2});
  for (const std::int64_t n : around({64, 256, 512}))
    for (const std::int64_t inner : around({16, 32, 64, 128}))
      check_reductions({1, n, inner}, float32, {3});
}

TEST_CASE("reductions that threads share, around the sizes of their parts") {
  for (const std::int64_t n : around({32768, 65536, 98304})) {
    check_reductions({1, n, 1}, float32, thread_counts());
    check_reductions({2, n, 1}, float64, {3, 8});
    check_reductions({1, n, 3}, float32, {1, 2, 5});
  }
  // Many columns: stripes of 128 to 2048.
  for (const std::int64_t columns : around({128, 2048, 4096}))
    for (const std::int64_t rows : {3, 65, 257})
      check_reductions({1, rows, columns}, float32, {1, 2, 3, 8});
  for (const std::int64_t rows : around({32768 / 40}))
    check_reductions({rows, 40, 1}, float32, {2, 5});
}

TEST_CASE("the mean rounds once on both sides of 256 terms") {
  // 0.1 is off by as much as its sums show.
  for (const std::int64_t n : around({255, 256, 257, 512})) {
    CAPTURE(n);
    const Tensor x = full({n}, 0.1, {.dtype = float32});
    CHECK(std::abs(mean(x).item() - x.data<float>()[0]) <= 40 * 0x1p-24 * 0.1);
    const Tensor column = full({n, 3}, 0.1, {.dtype = float32});
    CHECK(within(mean(column, 0), std::vector<double>(3, static_cast<double>(0.1F)),
                 40 * 0x1p-24 * 0.1));
  }
}

// ---- maps

namespace {

/// Whether found[i] = right(i) for all.
template <class T, class F>
std::int64_t first_wrong(const Tensor& found, const F& right) {
  const Tensor rows = found.contiguous();
  const T* const v = rows.data<T>();
  for (std::int64_t i = 0; i < found.numel(); ++i)
    if (v[i] != right(i)) return i;
  return -1;
}

/// Some of each kind of map, on n values from `offset` of a storage on.
template <class T>
void check_maps(std::int64_t n, std::int64_t offset) {
  CAPTURE(n);
  CAPTURE(offset);
  const DType dtype = dtype_of<T>();
  const Tensor x = whole({n + offset}, 50, 1, dtype).slice(0, offset);
  const Tensor d = whole({n + offset}, 50, 2, dtype).slice(0, offset);
  const T* const a = x.data<T>();
  const T* const b = d.data<T>();
  CHECK(first_wrong<T>(-x, [=](auto i) { return -a[i]; }) == -1);
  CHECK(first_wrong<T>(relu(x), [=](auto i) { return a[i] < 0 ? T(0) : a[i]; }) == -1);
  CHECK(first_wrong<T>(square(x), [=](auto i) { return a[i] * a[i]; }) == -1);
  CHECK(first_wrong<T>(x + d, [=](auto i) { return a[i] + b[i]; }) == -1);
  CHECK(first_wrong<T>(x - 3, [=](auto i) { return a[i] - 3; }) == -1);
  CHECK(first_wrong<T>(3 - x, [=](auto i) { return 3 - a[i]; }) == -1);
  CHECK(first_wrong<T>(clamp(x, -7, 9), [=](auto i) { return std::clamp(a[i], T(-7), T(9)); }) ==
        -1);
  CHECK(first_wrong<T>(where(x > d, x, d), [=](auto i) { return std::max(a[i], b[i]); }) == -1);
  CHECK(first_wrong<bool>(x < d, [=](auto i) { return a[i] < b[i]; }) == -1);
  CHECK(first_wrong<T>(xgrad::detail::mask_positive(x, d),
                       [=](auto i) { return b[i] <= 0 ? T(0) : a[i]; }) == -1);
  CHECK(first_wrong<T>(sqrt(square(x)), [=](auto i) { return std::abs(a[i]); }) == -1);
  CHECK(first_wrong<std::int64_t>(to(x, int64),
                                  [=](auto i) { return static_cast<std::int64_t>(a[i]); }) == -1);
}

}  // namespace

TEST_CASE("maps of every length to 67 and around the parts of threads, from any place on") {
  for (const std::int64_t n : lengths({128, 256, 1024}))
    for (const std::int64_t offset : {0, 1, 3}) {
      check_maps<float>(n, offset);
      check_maps<double>(n, offset);
    }
  for (const int count : thread_counts()) {
    const Threads guard(count);
    CAPTURE(count);
    for (const std::int64_t n : around({32768, 65536})) check_maps<float>(n, 1);
    check_maps<double>(98305, 0);
  }
}

TEST_CASE("what is written past the caches, from 16 MB on, is what is written through them") {
  const Threads guard(1);
  constexpr std::int64_t floats = 4 << 20;
  for (const std::int64_t n : {floats - 1, floats, floats + 1, floats + 255, floats + 257}) {
    CAPTURE(n);
    Tensor x = Tensor::empty({n + 1}, float32);
    float* const to = x.mutable_data<float>();
    for (std::int64_t i = 0; i <= n; ++i) to[i] = static_cast<float>(i % 1021 - 500);
    for (const std::int64_t offset : {0, 1}) {
      const Tensor part = x.slice(0, offset, offset + n);
      const float* const a = to + offset;
      CHECK(first_wrong<float>(-part, [=](auto i) { return -a[i]; }) == -1);
      CHECK(first_wrong<float>(relu(part), [=](auto i) { return std::max(a[i], 0.0F); }) == -1);
    }
    Tensor temporary = x * 1;
    const float* const memory = temporary.data<float>();
    const Tensor y = relu(std::move(temporary));
    CHECK(y.data<float>() == memory);
    CHECK(first_wrong<float>(y, [=](auto i) { return std::max(to[i], 0.0F); }) == -1);
  }
  for (const std::int64_t n : {floats / 2 - 1, floats / 2, floats / 2 + 129}) {
    CAPTURE(n);
    const Tensor x = arange(n, {.dtype = float64});
    CHECK(first_wrong<double>(-x, [](auto i) { return -static_cast<double>(i); }) == -1);
  }
}

TEST_CASE("broadcast maps around the rows that threads share") {
  struct Case {
    Shape a, b;
  };
  for (const std::int64_t n : {1, 2, 3, 8, 15, 16, 17, 33, 64})
    for (const std::int64_t rows : around({32768 / n + 1, 2 * (32768 / n + 1)})) {
      const Shape full{rows, n};
      for (const Case& item : {Case{full, {n}}, {{n}, full}, {full, {rows, 1}}, {{rows, 1}, {n}}}) {
        CAPTURE(item.a);
        CAPTURE(item.b);
        const Tensor a = whole(item.a, 50, 1);
        const Tensor b = whole(item.b, 50, 2);
        const auto at = [n](const Tensor& x, std::int64_t i) {
          const bool has_rows = x.dim() == 2;
          const bool has_columns = x.shape().back() == n;
          const std::int64_t row = has_rows ? i / n : 0;
          return x.data<float>()[row * (has_columns ? n : 1) + (has_columns ? i % n : 0)];
        };
        const int count = thread_counts()[static_cast<std::size_t>((rows + n) % 5)];
        const Threads guard(count);
        CAPTURE(count);
        CHECK(first_wrong<float>(a - b, [&](auto i) { return at(a, i) - at(b, i); }) == -1);
        CHECK(first_wrong<float>(where(a > b, a, b),
                                 [&](auto i) { return std::max(at(a, i), at(b, i)); }) == -1);
      }
    }
}

// ---- copies

namespace {

/// Numbers that differ from their neighbours, whichever they are.
Tensor drawn(const Shape& shape, DType dtype) {
  Generator generator(5);
  return randint(0, dtype == boolean ? 2 : 30000, shape, {.generator = &generator}).to(dtype);
}

/// Whether found[r, c] = from(r, c) for all.
template <class F>
bool is_matrix_of(const Tensor& found, const F& from) {
  return dispatch(found.dtype(), [&]<class T>() {
    const Tensor matrix = found.contiguous();
    const T* v = matrix.data<T>();
    for (std::int64_t r = 0; r < found.size(0); ++r)
      for (std::int64_t c = 0; c < found.size(1); ++c, ++v)
        if (static_cast<double>(*v) != from(r, c)) return false;
    return true;
  });
}

void check_copies(std::int64_t rows, std::int64_t columns, DType dtype) {
  CAPTURE(rows);
  CAPTURE(columns);
  CAPTURE(name(dtype));
  const Tensor x = drawn({rows, columns}, dtype);
  const std::vector<double> v = values(x);
  const auto at = [&](std::int64_t r, std::int64_t c) {
    return v[static_cast<std::size_t>(r * columns + c)];
  };
  CHECK(is_matrix_of(x.t(), [&](auto r, auto c) { return at(c, r); }));
  CHECK(is_matrix_of(flip(x, {0, 1}),
                     [&](auto r, auto c) { return at(rows - 1 - r, columns - 1 - c); }));
  CHECK(is_matrix_of(slice(x, 1, 0, columns, 2), [&](auto r, auto c) { return at(r, 2 * c); }));
  CHECK(is_matrix_of(cat({x, x.slice(1, 0, 1)}, 1),
                     [&](auto r, auto c) { return at(r, c == columns ? 0 : c); }));
  CHECK(is_matrix_of(slice_scatter(zeros({rows, 2 * columns}, {.dtype = dtype}), x, 1, 1, {}, 2),
                     [&](auto r, auto c) { return c % 2 == 1 ? at(r, c / 2) : 0; }));
  // Three axes: matrices one after the other, and one that is put together from two axes.
  const Tensor three = stack({x, x}, 2);
  CHECK(is_matrix_of(permute(three, {1, 2, 0}).reshape({2 * columns, rows}),
                     [&](auto r, auto c) { return at(c, r / 2); }));
  CHECK(is_matrix_of(permute(three, {2, 1, 0}).reshape({2 * columns, rows}),
                     [&](auto r, auto c) { return at(c, r % columns); }));
}

}  // namespace

TEST_CASE("copies in another order around their tiles of 16 and 64, in items of 1, 4 and 8 bytes") {
  const std::vector<std::int64_t> sizes{1, 2, 15, 16, 17, 33, 63, 64, 65, 81};
  for (const std::int64_t rows : sizes)
    for (const std::int64_t columns : sizes)
      for (const DType dtype : {boolean, float32, float64}) check_copies(rows, columns, dtype);
  for (const int count : thread_counts()) {
    const Threads guard(count);
    CAPTURE(count);
    check_copies(257, 129, float32);
    check_copies(33, 1000, float64);
    check_copies(1000, 33, float32);
  }
}

TEST_CASE("copies of transposed matrices from 4 MB on, which are written past the caches") {
  for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1024, 1024}, {1023, 1024}, {1024, 1025}, {1040, 1024}, {2048, 528}})
    for (const int count : {1, 3}) {
      const Threads guard(count);
      const Tensor x = drawn({rows, columns}, float32);
      const float* const v = x.data<float>();
      const auto right = [v, n = columns, m = rows](std::int64_t i) {
        return v[i % m * n + i / m];
      };
      CHECK(first_wrong<float>(x.t(), right) == -1);
    }
}

// ---- indices

TEST_CASE("indexed sums around the 64 terms that a number takes, and the squares of them") {
  for (const std::int64_t n : lengths({128, 4096, 8192}))
    for (const std::int64_t targets : {std::int64_t{1}, std::int64_t{3}, n, n + 1})
      for (const std::int64_t width : {1, 3}) {
        if (n > 200 && width == 3 && targets > 3) continue;
        CAPTURE(n);
        CAPTURE(targets);
        CAPTURE(width);
        Generator generator(6);
        // Most go to one target, so that it is put aside and put aside again.
        const Tensor index =
            minimum(randint(0, 2 * targets, {n}, {.generator = &generator}), targets - 1);
        const Tensor x = whole({n, width}, 9);
        std::vector<double> sums(static_cast<std::size_t>(targets * width));
        const auto v = values(x);
        const auto* const to = index.data<std::int64_t>();
        for (std::int64_t i = 0; i < n; ++i)
          for (std::int64_t j = 0; j < width; ++j)
            sums[static_cast<std::size_t>(to[i] * width + j)] +=
                v[static_cast<std::size_t>(i * width + j)];
        const Tensor none = zeros({targets, width});
        CHECK(values(index_add(none, 0, index, x)) == sums);
        const Tensor wide = expand(index.reshape({n, 1}), {n, width});
        CHECK(values(scatter_add(none, 0, wide, x)) == sums);
        CHECK(values(scatter_add(none.t(), 1, wide.t(), x.t()).t()) == sums);
        // What is there already is added to.
        const Tensor some = whole({targets, width}, 9);
        const Tensor added = from_vector(sums, some.shape()) + some.to(float64);
        CHECK(equal(index_add(some, 0, index, x).to(float64), added));
        CHECK(equal(scatter_add(some, 0, wide, x).to(float64), added));
        // The last of several stays.
        auto last = values(some);
        for (std::int64_t i = 0; i < n * width; ++i)
          last[static_cast<std::size_t>(to[i / width] * width + i % width)] =
              v[static_cast<std::size_t>(i)];
        CHECK(values(scatter(some, 0, wide, x)) == last);
        CHECK(values(scatter(some.t(), 1, wide.t(), x.t()).t()) == last);
        const Tensor from = from_vector(sums, Shape{targets, width}).to(float32);
        CHECK(equal(index_select(from, 0, index), gather(from, 0, wide)));
        CHECK(is_matrix_of(gather(from, 0, wide), [&](auto r, auto c) {
          return sums[static_cast<std::size_t>(to[r] * width + c)];
        }));
      }
}

TEST_CASE("gathered and scattered values that threads share") {
  for (const std::int64_t rows : around({8192 / 5 + 1, 2 * (8192 / 5 + 1)}))
    for (const int count : thread_counts()) {
      const Threads guard(count);
      CAPTURE(rows);
      CAPTURE(count);
      Generator generator(7);
      const Tensor index = randint(0, 7, {rows, 5}, {.generator = &generator});
      const Tensor x = whole({rows, 7}, 9);
      const auto* const to = index.data<std::int64_t>();
      const float* const v = x.data<float>();
      const auto right = [=](auto i) { return v[i / 5 * 7 + to[i]]; };
      const Tensor taken = gather(x, 1, index);
      CHECK(first_wrong<float>(taken, right) == -1);
      std::vector<double> sums(static_cast<std::size_t>(rows * 7));
      for (std::int64_t i = 0; i < rows * 5; ++i)
        sums[static_cast<std::size_t>(i / 5 * 7 + to[i])] += static_cast<double>(right(i));
      CHECK(values(scatter_add(zeros({rows, 7}), 1, index, taken)) == sums);
      const Tensor source = whole({rows, 5}, 5);
      auto last = values(x);
      for (std::int64_t i = 0; i < rows * 5; ++i)
        last[static_cast<std::size_t>(i / 5 * 7 + to[i])] =
            static_cast<double>(source.data<float>()[i]);
      CHECK(values(scatter(x, 1, index, source)) == last);
    }
}
