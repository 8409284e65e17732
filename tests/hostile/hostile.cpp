#include "hostile.hpp"

#include <xgrad/autograd/sanitized.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <sstream>

#include <climits>
#include <sys/resource.h>

// What no machine has memory for must be refused on every machine, however much it has: a program
// of its own limits. The sanitizer's own operator new would end the program.

#ifdef XGRAD_SANITIZED
extern "C" const char* __asan_default_options() {  // NOLINT: the sanitizer looks for this name
  return "allocator_may_return_null=1:max_allocation_size_mb=256";
}
void* operator new(std::size_t bytes) {
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return std::malloc(bytes > 0 ? bytes : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());  // NOLINT

namespace hostile {
namespace {

constexpr std::uint64_t seed = 16;
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t two_31 = std::int64_t{1} << 31;
constexpr std::int64_t two_32 = std::int64_t{1} << 32;
constexpr std::int64_t two_62 = std::int64_t{1} << 62;
constexpr std::array hostile_sizes{lowest,          std::int64_t{-1}, std::int64_t{0},
                                   std::int64_t{1}, std::int64_t{2},  two_31,
                                   two_32,          two_62,           largest};
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The call that is under way, for the handlers of what ends the program.
std::array<char, 400> current{};

void tell_current() {
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, current.data(), std::strlen(current.data()));
}

void tell_and_end(int signal) {
  tell_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void prepare_once() {
  static const bool prepared = [] {
#ifndef XGRAD_SANITIZED
    const rlimit limit{std::size_t{3} << 29, std::size_t{3} << 29};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    for (const int signal : {SIGSEGV, SIGFPE, SIGABRT}) std::signal(signal, tell_and_end);
#endif
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell_current);
    std::signal(SIGALRM, tell_and_end);
    return true;
  }();
  REQUIRE(prepared);
}

template <class T>
std::string words(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}
std::string words(Extents<2> pair) { return words(pair[0]) + "x" + words(pair[1]); }
std::string words(const std::string& text) {
  return "'" + text.substr(0, 20) + "' of " + words(text.size());
}
std::string words(const Tensor& x) {
  return x.defined() ? words(x.dtype()) + words(x.shape()) : "undefined";
}
template <class T>
std::string words(const std::vector<T>& list) {
  std::string out = "{";
  for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), 4); ++i) {
    const T value = list[i];
    out += (i > 0 ? ", " : "") + words(value);
  }
  return out + "} of " + words(list.size());
}

}  // namespace

template <class T>
T Arguments::choose(const std::vector<Option<T>>& options) {
  const std::size_t position = options_.size();
  options_.push_back(options.size());
  std::size_t chosen = 0;
  for (const Deviation& deviation : deviations_)
    if (deviation.position == position) chosen = deviation.option;
  const Option<T>& option = options[chosen];
  described_ += (position > 0 ? ", " : "") + words(option.value);
  if (chosen > 0) number_ = option.number;
  return option.value;
}

std::int64_t Arguments::size(std::int64_t usual) {
  std::vector<Option<std::int64_t>> options{{usual, {}}};
  for (const std::int64_t value : hostile_sizes) options.push_back({value, words(value)});
  return choose(options);
}

std::size_t Arguments::count(std::size_t usual) {
  std::vector<Option<std::size_t>> options{{usual, {}}};
  for (const std::int64_t value : hostile_sizes) {
    const auto given = static_cast<std::size_t>(value);
    options.push_back({given, words(given)});
  }
  return choose(options);
}

int Arguments::integer(int usual) {
  std::vector<Option<int>> options{{usual, {}}};
  for (const int value : {INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX - 1, INT_MAX})
    options.push_back({value, words(value)});
  return choose(options);
}

double Arguments::real(double usual) {
  return choose<double>({{usual, {}},
                         {std::numeric_limits<double>::quiet_NaN(), "nan"},
                         {infinity, "inf"},
                         {-infinity, "-inf"},
                         {-0.0, "0"},
                         {1e308, "1e+308"},
                         {-1e308, "-1e+308"},
                         {-1, "-1"},
                         {5e-324, "5e-324"}});
}

bool Arguments::flag(bool usual) { return choose<bool>({{usual, {}}, {!usual, {}}}); }

Scalar Arguments::scalar(Scalar usual) {
  std::vector<Option<Scalar>> options{{usual, {}}, {true, {}}};
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity, -0.0, 1e308, -1.0, 5e-324})
    options.push_back({value, value == 0 ? "0" : words(Scalar(value))});
  for (const std::int64_t value : hostile_sizes) options.push_back({value, words(value)});
  return choose(options);
}

Extents<2> Arguments::pair(Extents<2> usual) {
  std::vector<Option<Extents<2>>> options{{usual, {}}};
  for (const std::int64_t value : hostile_sizes)
    for (const Extents<2> given :
         {Extents<2>(value, usual[1]), Extents<2>(usual[0], value), Extents<2>(value)})
      options.push_back({given, {}});
  return choose(options);
}

Shape Arguments::shape(const Shape& usual) {
  std::vector<Option<Shape>> options{{usual, {}}};
  for (const Shape& given : {Shape{}, Shape{0}, Shape{-1}, Shape{lowest}, Shape{largest},
                             Shape{two_62, 0}, Shape{two_31, two_31}, Shape{two_62, two_62, 0},
                             Shape{1, 1, 1, 1, 1, 1, 1, 1}, Shape{-1, -1}})
    options.push_back({given, {}});
  for (std::size_t axis = 0; axis < usual.size(); ++axis)
    for (const std::int64_t value : hostile_sizes) {
      Shape given = usual;
      given[axis] = value;
      options.push_back({given, {}});
    }
  return choose(options);
}

Axes Arguments::axes(const Axes& usual) {
  std::vector<Option<Axes>> options{{usual, {}}};
  for (const Axes& given : {Axes{}, Axes{0, 0}, Axes{0, -1, 1}, Axes{0, 1, 2, 3, 4, 5, 6, 7}})
    options.push_back({given, {}});
  for (const std::int64_t value : hostile_sizes) options.push_back({Axes(value), {}});
  return choose(options);
}

std::vector<std::int64_t> Arguments::sizes(const std::vector<std::int64_t>& usual) {
  using List = std::vector<std::int64_t>;
  std::vector<Option<List>> options{{usual, {}}};
  for (const List& given : {List{}, List{largest, largest, 4}, List(1000, 0), List(9, 1)})
    options.push_back({given, {}});
  for (std::size_t i = 0; i < usual.size(); ++i)
    for (const std::int64_t value : hostile_sizes) {
      List given = usual;
      given[i] = value;
      options.push_back({given, {}});
    }
  return choose(options);
}

std::vector<double> Arguments::reals(const std::vector<double>& usual) {
  using List = std::vector<double>;
  std::vector<Option<List>> options{{usual, {}}, {List{}, {}}, {List(1000, 1.0), {}}};
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity, 0.0,
                             -0.0, 1e308, -1e308, 5e-324})
    for (std::size_t i = 0; i < usual.size(); ++i) {
      List given = usual;
      given[i] = value;
      options.push_back({given, {}});
    }
  return choose(options);
}

std::string Arguments::text(const std::string& usual) {
  std::vector<Option<std::string>> options{{usual, {}}};
  for (const std::string& given :
       {std::string(), std::string(is_long() ? 1'000'000 : 50'000, 'm'), std::string("a\nb"),
        std::string("\x1b[31mred"), std::string("a\0b", 3), std::string("\xff\xfe\xc0"),
        std::string("a/../b.c"), std::string("<&\"'>{}%s")})
    options.push_back({given, {}});
  return choose(options);
}

std::vector<std::string> Arguments::texts(const std::vector<std::string>& usual) {
  using List = std::vector<std::string>;
  return choose<List>({{usual, {}},
                       {List{}, {}},
                       {List{""}, {}},
                       {List(300, "many"), {}},
                       {List(usual.size(), std::string(100'000, 'm')), {}},
                       {List(usual.size(), "\xff\n\x1b"), {}}});
}

Tensor Arguments::tensor(const Shape& usual, DType dtype) {
  const auto counted = [](const Shape& shape, DType type) {
    return arange(shape.numel()).reshape(shape).to(type);
  };
  std::vector<Option<Tensor>> options{{counted(usual, dtype), {}}};
  const auto add = [&](const Tensor& x) { options.push_back({x, {}}); };
  add(Tensor());
  for (const DType other : {float32, float64, int64, boolean}) add(counted(usual, other));
  for (const std::int64_t value : {lowest, largest}) add(full(usual, value, {.dtype = int64}));
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), infinity, -1e308})
    add(full(usual, value, {.dtype = is_floating(dtype) ? dtype : float64}));
  for (const Shape& shape :
       {Shape{}, Shape{2}, Shape{1, 1, 1, 1, 1}, Shape{two_62, 0}, Shape{0, largest}})
    add(zeros(shape, {.dtype = dtype}));
  for (std::size_t axis = 0; axis < usual.size(); ++axis)
    for (const std::int64_t extent : {0, 1, 7}) {
      Shape shape = usual;
      shape[axis] = extent;
      add(zeros(shape, {.dtype = dtype}));
    }
  if (is_floating(dtype)) add(ones(usual, {.dtype = dtype, .requires_grad = true}));
  return choose(options);
}

Tensor Arguments::index(const Shape& usual) {
  std::vector<Option<Tensor>> options{{zeros(usual, {.dtype = int64}), {}}};
  for (const std::int64_t value : hostile_sizes)
    options.push_back({full(usual, value, {.dtype = int64}), {}});
  const auto add = [&](const Tensor& x) { options.push_back({x, {}}); };
  add(Tensor());
  for (const DType other : {float32, boolean}) add(zeros(usual, {.dtype = other}));
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{1, 1, 1, 1, 1}, Shape{two_62, 0}})
    add(zeros(shape, {.dtype = int64}));
  return choose(options);
}

std::vector<Tensor> Arguments::tensors(const Shape& usual) {
  using List = std::vector<Tensor>;
  const Tensor one = zeros(usual);
  std::vector<Option<List>> options{{List{one, one}, {}}, {List{}, {}}, {List{one}, {}}};
  for (const Tensor& other :
       {Tensor(), one.to(int64), zeros({}), zeros({7}), zeros({two_62, 0}), zeros({0, largest})}) {
    options.push_back({List{one, other}, {}});
    options.push_back({List{other, one}, {}});
    options.push_back({List{other, other}, {}});
  }
  return choose(options);
}

void Arguments::use(const Tensor& x) {
  const std::string shown = to_string(x);
  CHECK(shown.starts_with("tensor("));
}
void Arguments::use(const std::vector<Tensor>& list) {
  for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), 8); ++i) use(list[i]);
}

namespace {

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> result;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, '|');) result.push_back(name);
  return result;
}

/// One call; what is wrong with what came of it, if anything.
std::optional<std::string> attempt(const Row& row, Arguments& arguments, bool tells_number) {
  const std::vector<std::string> names = split(row.names);
  try {
    row.call(arguments);
    return {};
  } catch (const Error& error) {
    const std::string message = error.what();
    const bool named = std::ranges::any_of(
        names, [&](const std::string& name) { return message.starts_with(name + ":"); });
    if (!named) return "another name: " + message;
    // What is too much is told in bytes, or by what it was computed to.
    const bool speaks_of_size = std::ranges::any_of(
        std::array{"no memory", "too large", "more elements"},
        [&](const char* words) { return message.find(words) != std::string::npos; });
    if (tells_number && !speaks_of_size && message.find(arguments.number()) == std::string::npos)
      return "the number is not told: " + message;
    return {};
  } catch (const std::exception& error) {
    return std::string("a foreign exception: ") + error.what();
  }
}

/// The number of calls.
int sweep_row(const Row& row) {
  int calls = 0;
  const auto check = [&](const std::vector<Arguments::Deviation>& deviations) {
    ++calls;
    Arguments arguments(deviations);
    std::string call = row.names;
    for (const auto& [position, option] : deviations)
      call += " " + words(position) + ":" + words(option);
    const std::size_t length = std::min(call.size(), current.size() - 2);
    std::copy_n(call.begin(), length, current.begin());
    current[length] = '\n';
    current[length + 1] = 0;
    alarm(60);
    const auto wrong = attempt(row, arguments, deviations.size() == 1 && !row.computes);
    alarm(0);
    if (wrong) FAIL_CHECK(row.names << "(" << arguments.described() << "): " << *wrong);
    if (deviations.empty()) return arguments.options();
    return std::vector<std::size_t>();
  };
  const std::vector<std::size_t> options = check({});
  std::vector<std::vector<Arguments::Deviation>> pairs;
  for (std::size_t i = 0; i < options.size(); ++i)
    for (std::size_t a = 1; a < options[i]; ++a) {
      check({{i, a}});
      for (std::size_t j = i + 1; j < options.size(); ++j)
        for (std::size_t b = 1; b < options[j]; ++b) pairs.push_back({{i, a}, {j, b}});
    }
  constexpr std::size_t few = 120;
  if (pairs.size() > few && !is_long()) {
    Generator generator(seed);
    for (std::size_t i = 0; i < few; ++i)
      std::swap(pairs[i], pairs[i + generator.below(pairs.size() - i)]);
    pairs.resize(few);
  }
  for (const auto& pair : pairs) check(pair);
  return calls;
}

}  // namespace

void add_binary(std::vector<Row>& rows, const std::string& name,
                Tensor (*f)(const Operand&, const Operand&)) {
  rows.push_back({name, [f](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    Arguments::use(f(a, from.tensor({2, 3})));
                  }});
  rows.push_back({name, [f](Arguments& from) {
                    const Tensor a = from.tensor({2, 3}, int64);
                    Arguments::use(f(a, from.scalar()));
                  }});
  rows.push_back({name, [f](Arguments& from) {
                    const Scalar a = from.scalar();
                    Arguments::use(f(a, from.tensor({2, 3})));
                  }});
}

void sweep(const std::vector<Row>& rows) {
  prepare_once();
  const char* only = std::getenv("XGRAD_HOSTILE");
  int calls = 0;
  std::size_t done = 0;
  for (const Row& row : rows) {
    if (only != nullptr && split(row.names).front() != only) continue;
    // As usual it must succeed: a row that always throws would tell nothing.
    Arguments usual;
    try {
      row.call(usual);
    } catch (const std::exception& error) {
      FAIL_CHECK(row.names << " with its usual arguments: " << std::string(error.what()));
      continue;
    }
    calls += sweep_row(row);
    ++done;
  }
  MESSAGE(done << " functions, " << calls << " calls, seed " << seed);
}

}  // namespace hostile
