#pragma once
// Internal: what distributions are made of, and the ranges of their parameters and values.

#include <xgrad/distributions/discrete.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/logic.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>

namespace xgrad::distributions {

/// What has to hold of each value.
struct Constraint {
  const char* must;
  Tensor (*holds)(const Tensor& x);
};

inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline const Constraint real{"be a number", [](const Tensor& x) { return x == x; }};
inline const Constraint finite{"be finite", [](const Tensor& x) { return isfinite(x); }};
inline const Constraint positive{"be positive", [](const Tensor& x) { return x > 0; }};
inline const Constraint positive_finite{"be positive and finite",
                                        [](const Tensor& x) { return (x > 0) & (x < infinity); }};
inline const Constraint nonnegative{"be 0 or more", [](const Tensor& x) { return x >= 0; }};
inline const Constraint nonnegative_finite{
    "be 0 or more and finite", [](const Tensor& x) { return (x >= 0) & (x < infinity); }};
inline const Constraint probability{"lie in [0, 1]",
                                    [](const Tensor& x) { return (x >= 0) & (x <= 1); }};
inline const Constraint positive_probability{"lie in (0, 1]",
                                             [](const Tensor& x) { return (x > 0) & (x <= 1); }};
inline const Constraint binary{"be 0 or 1", [](const Tensor& x) { return (x == 0) | (x == 1); }};
inline const Constraint count{"be a whole number from 0 on", [](const Tensor& x) {
                                return (x >= 0) & (x < infinity) & (x == x.floor());
                              }};

/// ValueError that names the first value of x, which broadcasts to `holds`, where it does not hold.
void require_all(const char* distribution, const std::string& what, const Tensor& holds,
                 const std::string& must, const Tensor& x);
inline void require_all(const char* distribution, const std::string& what, const Tensor& x,
                        const Constraint& constraint) {
  require_all(distribution, what, constraint.holds(x), constraint.must, x);
}

/// What require_all() calls an argument of log_prob() and cdf().
inline constexpr const char* a_value = "a value";

struct Distribution::Parameter {
  const char* name;
  const Value& given;
  Tensor& into;
  const Constraint& range;
};

/// As a tensor, of `dtype` where it is not floating; a fraction stays one.
Tensor as_tensor(const Value& value, DType dtype);

/// `shape` followed by `more`.
Shape joined(const Shape& shape, const Shape& more);
/// The extents of `shape` from `first` to before `last`.
Shape part_of(const Shape& shape, std::size_t first, std::size_t last);

/// Uniform in (0, 1): neither bound occurs.
Tensor open_uniform(const Shape& shape, DType dtype, Generator* generator);

/// The sum over the last so many axes.
Tensor sum_last(const Tensor& x, std::int64_t axes);
/// Logarithms with a very low, finite one for −∞, so that 0 times it is 0.
Tensor bounded(const Tensor& logarithms);
/// ValueError unless one of the two is given.
void require_one(const char* distribution, const ProbsOrLogits& given);

/// ValueError unless a count is one that float64 holds, as is every smaller one.
void require_total_count(const char* distribution, std::int64_t total_count);
/// ValueError where to draw them one by one would take minutes.
void require_few(const char* distribution, std::int64_t total_count);

/// a ln(1 + x), and 0 where a is 0 and x is −1.
Tensor xlog1py(const Tensor& a, const Tensor& x);

/// f of these in float64, rounded at the end: for what is the small difference of large numbers.
template <class F, std::same_as<Tensor>... X>
Tensor in_float64(const F& f, const X&... x) {
  DType dtype = float32;
  ((dtype = promote(dtype, x.dtype())), ...);
  return to(f(to(x, float64)...), dtype);
}

/// The smallest normal positive number, the largest below 1 and the lowest of a dtype.
double smallest(DType dtype);
double below_one(DType dtype);
double lowest(DType dtype);

}  // namespace xgrad::distributions
