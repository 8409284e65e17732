// reduce.hpp, statistics.hpp, scan.hpp.
#include <cmath>
#include <limits>

#include "kinds.hpp"

namespace agreement {
namespace {

using List = std::vector<std::int64_t>;
using xgrad::Axes;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// No axes are all of them, of which libtorch's rules have other counts where they are a list.
at::OptionalIntArrayRef some_or_all(const List& axes) {
  return axes.empty() ? at::OptionalIntArrayRef() : at::OptionalIntArrayRef(axes);
}

template <double p>
void norms(Suite& s) {
  reduction(
      s, "norm",
      [](const xgrad::Tensor& x, const Axes& axes, bool keepdim) {
        return xgrad::norm(x, p, axes, keepdim);
      },
      [](const at::Tensor& x, const List& axes, bool keepdim) {
        return at::linalg_vector_norm(x, p, some_or_all(axes), keepdim);
      });
}

}  // namespace

void reductions(Suite& s) {
  reduction(s, "sum", xgrad::sum, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::sum(x, axes, keepdim);
  });
  reduction(s, "mean", xgrad::mean, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::mean(x, axes, keepdim);
  });
  reduction(
      s, "var",
      [](const xgrad::Tensor& x, const Axes& axes, bool keepdim) {
        return xgrad::var(x, axes, 1, keepdim);
      },
      [](const at::Tensor& x, const List& axes, bool keepdim) {
        return at::var(x, some_or_all(axes), 1 == 1, keepdim);
      });
  reduction(
      s, "var",
      [](const xgrad::Tensor& x, const Axes& axes, bool keepdim) {
        return xgrad::var(x, axes, 0, keepdim);
      },
      [](const at::Tensor& x, const List& axes, bool keepdim) {
        return at::var(x, some_or_all(axes), 0 == 1, keepdim);
      });
  reduction(
      s, "std",
      [](const xgrad::Tensor& x, const Axes& axes, bool keepdim) {
        return xgrad::std(x, axes, 1, keepdim);
      },
      [](const at::Tensor& x, const List& axes, bool keepdim) {
        return at::std(x, some_or_all(axes), 1 == 1, keepdim);
      });
  norms<2.0>(s);
  norms<1.0>(s);
  norms<0.0>(s);
  norms<3.0>(s);
  norms<0.5>(s);
  norms<-1.0>(s);
  norms<infinity>(s);
  norms<-infinity>(s);
  over(s, "prod", [](const auto& x) { return prod(x); });
  along(s, "prod", [](const auto& x, std::int64_t axis) { return prod(x, axis, false); });
  reduction(s, "amax", xgrad::amax, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::amax(x, axes, keepdim);
  });
  reduction(s, "amin", xgrad::amin, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::amin(x, axes, keepdim);
  });
  over(s, "max", [](const auto& x) { return max(x); });
  over(s, "min", [](const auto& x) { return min(x); });
  along(s, "max", [](const auto& x, std::int64_t axis) { return max(x, axis); });
  along(s, "min", [](const auto& x, std::int64_t axis) { return min(x, axis, true); });
  reduction(s, "logsumexp", xgrad::logsumexp,
            [](const at::Tensor& x, const List& axes, bool keepdim) {
              if (!axes.empty()) return at::logsumexp(x, axes, keepdim);
              List all;
              for (std::int64_t i = 0; i < x.dim(); ++i) all.push_back(i);
              return at::logsumexp(x, all, keepdim);
            });
  over(s, "argmax", [](const auto& x) { return argmax(x); });
  over(s, "argmin", [](const auto& x) { return argmin(x); });
  along(s, "argmax", [](const auto& x, std::int64_t axis) { return argmax(x, axis); });
  along(s, "argmin", [](const auto& x, std::int64_t axis) { return argmin(x, axis, true); });
}

void statistics(Suite& s) {
  along(
      s, "var_mean",
      [](const xgrad::Tensor& x, std::int64_t axis) { return xgrad::var_mean(x, axis); },
      [](const at::Tensor& x, std::int64_t axis) {
        return at::var_mean(x, at::IntArrayRef(axis));
      });
  along(
      s, "std_mean",
      [](const xgrad::Tensor& x, std::int64_t axis) { return xgrad::std_mean(x, axis, 0); },
      [](const at::Tensor& x, std::int64_t axis) {
        return at::std_mean(x, at::IntArrayRef(axis), false);
      });
  over(s, "var_mean", [](const auto& x) { return var_mean(x); });
  over(s, "std_mean", [](const auto& x) { return std_mean(x); });
  over(s, "aminmax", [](const auto& x) { return aminmax(x); });
  along(s, "aminmax", [](const auto& x, std::int64_t axis) { return aminmax(x, axis, true); });
  over(s, "median", [](const auto& x) { return median(x); });
  along(s, "median", [](const auto& x, std::int64_t axis) { return median(x, axis); });
  over(s, "nanmedian", [](const auto& x) { return nanmedian(x); });
  along(s, "nanmedian", [](const auto& x, std::int64_t axis) { return nanmedian(x, axis, true); });
  along(s, "mode", [](const auto& x, std::int64_t axis) { return mode(x, axis); });
  for (const char* const word : {"linear", "lower", "higher", "nearest", "midpoint", "else"})
    for (const double q : {0.0, 0.3, 0.5, 1.0, 1.5, double(NAN)}) {
      over(s, "quantile", [=](const auto& x) { return quantile(x, q, {}, false, word); });
      along(s, "quantile",
            [=](const auto& x, std::int64_t axis) { return quantile(x, q, axis, true, word); });
    }
  for (const Input& q : {listed({0.2, 0.5, 0.9}), listed({0.25}, xgrad::float64, xgrad::Shape{}),
                         listed({}), listed({0.5, 2}), listed({0.5}, xgrad::float32)})
    for (const Input& x : along_inputs())
      check(s, "quantile", {x, q}, [](const auto& x) { return quantile(x[0], x[1], 0); });
  reduction(s, "nansum", xgrad::nansum, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::nansum(x, axes, keepdim);
  });
  reduction(s, "nanmean", xgrad::nanmean, [](const at::Tensor& x, const List& axes, bool keepdim) {
    return at::nanmean(x, axes, keepdim);
  });
}

void scans(Suite& s) {
  along(s, "cumsum", [](const auto& x, std::int64_t axis) { return cumsum(x, axis); });
  along(s, "cumprod", [](const auto& x, std::int64_t axis) { return cumprod(x, axis); });
  along(s, "cummax", [](const auto& x, std::int64_t axis) { return cummax(x, axis); });
  along(s, "cummin", [](const auto& x, std::int64_t axis) { return cummin(x, axis); });
  along(s, "logcumsumexp", [](const auto& x, std::int64_t axis) { return logcumsumexp(x, axis); });
  for (const std::int64_t n : {0, 1, 2, 5, -1})
    along(s, "diff", [n](const auto& x, std::int64_t axis) { return diff(x, n, axis); });
  for (const Input& x : along_inputs())
    for (const Input& edge :
         {random({3, 1}), random({3, 0}), random({2, 1}), random({}), random({3})})
      check(s, "diff", {x, edge}, [](const auto& x) { return diff(x[0], 1, -1, x[1], x[1]); });
  s.no_counterpart("recurrence", "the rule of cumprod, ours alone");
}

}  // namespace agreement
