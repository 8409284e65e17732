#include <xgrad/ops/rules.hpp>

#include <limits>

#include "ops/table.hpp"

namespace table {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

Row of(const char* name, const Shape& shape, const Function& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}
Row of_positive(const char* name, const Shape& shape, const Function& f) {
  return {name, {uniform(shape, 0.5, 2)}, [f](const Inputs& x) { return f(x[0]); }};
}

/// Reductions over some of the axes.
Rows over_axes(const std::function<Tensor(const Tensor&, const Axes&, bool)>& f) {
  return {of("all", {3, 4}, [f](const Tensor& x) { return f(x, {}, false); }),
          of("columns", {3, 4}, [f](const Tensor& x) { return f(x, 0, false); }),
          of("kept", {2, 3, 4}, [f](const Tensor& x) { return f(x, 1, true); }),
          of("several", {2, 3, 4},
             [f](const Tensor& x) {
               return f(x, {0, 2}, false);
             }),
          of("nothing", {0, 3}, [f](const Tensor& x) { return f(x, 1, false); })};
}

/// What is done along one axis.
Rows along(const std::function<Tensor(const Tensor&, std::int64_t)>& f) {
  return {of("rows", {3, 4}, [f](const Tensor& x) { return f(x, 1); }),
          of("columns", {3, 4}, [f](const Tensor& x) { return f(x, 0); }),
          of("the middle", {2, 5, 3}, [f](const Tensor& x) { return f(x, -2); }),
          of("one", {4, 1}, [f](const Tensor& x) { return f(x, 1); }),
          of("a scalar", {}, [f](const Tensor& x) { return f(x, 0); }),
          of("nothing", {0, 3}, [f](const Tensor& x) { return f(x, 1); })};
}

}  // namespace

template <>
Rows rows<Op::std>() {
  Rows rows =
      over_axes([](auto& x, auto& axes, bool keep) { return xgrad::std(x, axes, 1, keep); });
  rows.push_back(of("biased", {3, 4}, [](const Tensor& x) { return xgrad::std(x, 1, 0); }));
  return rows;
}

template <>
Rows rows<Op::var_mean>() {
  return over_axes([](auto& x, auto& axes, bool keep) {
    const auto [v, m] = var_mean(x, axes, 1, keep);
    return v * m;
  });
}

template <>
Rows rows<Op::std_mean>() {
  return over_axes([](auto& x, auto& axes, bool keep) {
    const auto [s, m] = std_mean(x, axes, 0, keep);
    return s * m;
  });
}

template <>
Rows rows<Op::amax>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return amax(x, axes, keep); });
}

template <>
Rows rows<Op::amin>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return amin(x, axes, keep); });
}

template <>
Rows rows<Op::aminmax>() {
  return along([](const Tensor& x, std::int64_t axis) {
    if (x.dim() == 0) return aminmax(x).max;
    const auto [low, high] = aminmax(x, axis);
    return high * high - low;
  });
}

template <>
Rows rows<Op::norm>() {
  Rows rows = over_axes([](auto& x, auto& axes, bool keep) { return norm(x, 2, axes, keep); });
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (const double p : {0., 1., 3., 2.5, inf, -inf})
    rows.push_back(of("another p", {3, 4}, [p](const Tensor& x) { return norm(x, p, 1, true); }));
  for (const double p : {0.5, 1.5, -1.})
    rows.push_back(
        of_positive("p below 2", {3, 4}, [p](const Tensor& x) { return norm(x, p, 0); }));
  rows.push_back(of("a scalar", {}, [](const Tensor& x) { return norm(x); }));
  return rows;
}

template <>
Rows rows<Op::median>() {
  Rows rows =
      along([](const Tensor& x, std::int64_t axis) { return median(x, axis, true).values; });
  rows.push_back(of("all", {3, 4}, [](const Tensor& x) { return median(x); }));
  return rows;
}

template <>
Rows rows<Op::nanmedian>() {
  Rows rows = along([](const Tensor& x, std::int64_t axis) { return nanmedian(x, axis).values; });
  rows.push_back(of("all", {5}, [](const Tensor& x) { return nanmedian(x); }));
  return rows;
}

template <>
Rows rows<Op::quantile>() {
  Rows rows;
  for (const char* how : {"linear", "lower", "higher", "nearest", "midpoint"}) {
    rows.push_back(
        of(how, {3, 5}, [how](const Tensor& x) { return quantile(x, 0.3, 1, true, how); }));
    rows.push_back(of(how, {2, 3}, [how](const Tensor& x) {
      const Tensor q = tensor({0.2, 0.9, 1.}, {.dtype = x.dtype()});
      return quantile(x, q, 0, false, how);
    }));
  }
  rows.push_back(of("all", {3, 4}, [](const Tensor& x) { return quantile(x, 0.5); }));
  rows.push_back({"of q too", {normal({4, 3}), normal({3}, 2)}, [](const Inputs& x) {
                    return quantile(x[0], 0.4 + 0.2 * sigmoid(x[1]), 0);
                  }});
  return rows;
}

template <>
Rows rows<Op::mode>() {
  return along([](const Tensor& x, std::int64_t axis) { return mode(x, axis, true).values; });
}

template <>
Rows rows<Op::nansum>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return nansum(x, axes, keep); });
}

template <>
Rows rows<Op::nanmean>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return nanmean(x, axes, keep); });
}

template <>
Rows rows<Op::cumsum>() {
  Rows rows = along([](const Tensor& x, std::int64_t axis) { return cumsum(x, axis); });
  rows.push_back(of("runs", {150}, [](const Tensor& x) { return cumsum(x, 0); }));
  rows.push_back(of("runs of rows", {70, 2}, [](const Tensor& x) { return cumsum(x, 0); }));
  rows.push_back(of("no elements of it", {3, 0}, [](const Tensor& x) { return cumsum(x, 1); }));
  return rows;
}

template <>
Rows rows<Op::cumprod>() {
  Rows rows = along([](const Tensor& x, std::int64_t axis) { return cumprod(x, axis); });
  rows.push_back({"zeros",
                  {tensor({{2., 0., 3., -1.5}, {0., 0., 1., 2.}}, {.dtype = float64})},
                  [](const Inputs& x) { return cumprod(x[0], 1); }});
  return rows;
}

template <>
Rows rows<Op::cummax>() {
  return along([](const Tensor& x, std::int64_t axis) { return cummax(x, axis).values; });
}

template <>
Rows rows<Op::cummin>() {
  return along([](const Tensor& x, std::int64_t axis) { return cummin(x, axis).values; });
}

template <>
Rows rows<Op::logcumsumexp>() {
  return along([](const Tensor& x, std::int64_t axis) { return logcumsumexp(x, axis); });
}

template <>
Rows rows<Op::diff>() {
  return {of("rows", {3, 4}, [](const Tensor& x) { return diff(x); }),
          of("twice, columns", {4, 3}, [](const Tensor& x) { return diff(x, 2, 0); }),
          of("none", {3}, [](const Tensor& x) { return diff(x, 0) * 2; }),
          of("more than there are", {3}, [](const Tensor& x) { return diff(x, 5); }),
          {"between others",
           {normal({2, 3}), normal({2, 1}, 2), normal({2, 2}, 3)},
           [](const Inputs& x) { return diff(x[0], 1, -1, x[1], x[2]); }}};
}

template <>
Rows rows<Op::recurrence>() {
  Rows rows;
  for (const bool backward : {false, true}) {
    rows.push_back({"rows", {normal({2, 5}), normal({2, 5}, 2)}, [backward](const Inputs& x) {
                      return xgrad::detail::recurrence(x[0], x[1], 1, backward);
                    }});
    rows.push_back({"columns", {normal({4, 3}), normal({4, 3}, 2)}, [backward](const Inputs& x) {
                      return xgrad::detail::recurrence(x[0], x[1], 0, backward);
                    }});
  }
  return rows;
}

}  // namespace table
