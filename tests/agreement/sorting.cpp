// sorting.hpp, search.hpp, unique.hpp.
#include <cmath>

#include "kinds.hpp"

namespace agreement {
namespace {

Ours both(const xgrad::Unique& found) { return {found.values, found.inverse, found.counts}; }

void searches(Suite& s) {
  const Inputs sequences{listed({-1, 0, 0, 0.5, 2}),
                         listed({}),
                         listed({1}),
                         listed({-INFINITY, 0, INFINITY}),
                         listed({0, 1, NAN}),
                         integers({-5, 0, 0, (1LL << 53), (1LL << 53) + 1}),
                         listed({0, 1, 2, 5, 6, 7}, xgrad::float64, xgrad::Shape{2, 3}),
                         listed({0, 1, 2}, xgrad::float32),
                         listed({1}, xgrad::float64, xgrad::Shape{})};
  const Inputs values{listed({0, -2, 0.5, 7, -0.0}),
                      listed({NAN, INFINITY, -INFINITY}),
                      listed({}),
                      listed({0.5}, xgrad::float64, xgrad::Shape{}),
                      integers({0, 1, (1LL << 53) + 1}),
                      listed({0, 1, 2, 5, 6, 7, 8, 9}, xgrad::float64, xgrad::Shape{2, 4}),
                      listed({0, 1, 1.5}, xgrad::float32)};
  for (const Input& sequence : sequences)
    for (const bool right : {false, true}) {
      const std::string with = right ? "right" : "";
      for (const Input& value : values) {
        check(
            s, "searchsorted", {sequence, value}, with,
            [=](const Ours& x) { return xgrad::searchsorted(x[0], x[1], {.right = right}); },
            [=](const Theirs& x) { return at::searchsorted(x[0], x[1], false, right); });
        check(
            s, "bucketize", {value, sequence}, with,
            [=](const Ours& x) { return xgrad::bucketize(x[0], x[1], {.right = right}); },
            [=](const Theirs& x) { return at::bucketize(x[0], x[1], false, right); });
      }
      check(
          s, "searchsorted", {sequence}, with + " 0.5",
          [=](const Ours& x) { return xgrad::searchsorted(x[0], 0.5, {.right = right}); },
          [=](const Theirs& x) { return at::searchsorted(x[0], at::Scalar(0.5), false, right); });
    }
}

}  // namespace

void sorting(Suite& s) {
  for (const bool descending : {false, true}) {
    along(
        s, "sort",
        [=](const xgrad::Tensor& x, std::int64_t axis) { return xgrad::sort(x, axis, descending); },
        [=](const at::Tensor& x, std::int64_t axis) {
          return at::sort(x, true, axis, descending);
        });
    along(
        s, "argsort",
        [=](const xgrad::Tensor& x, std::int64_t axis) {
          return xgrad::argsort(x, axis, descending);
        },
        [=](const at::Tensor& x, std::int64_t axis) {
          return at::argsort(x, true, axis, descending);
        });
    // Values alone: of equal ones libtorch's indices are open.
    for (const std::int64_t k : {0, 1, 2, 3, 100, -1})
      along(
          s, "topk",
          [=](const xgrad::Tensor& x, std::int64_t axis) {
            return xgrad::topk(x, k, axis, descending).values;
          },
          [=](const at::Tensor& x, std::int64_t axis) {
            return std::get<0>(at::topk(x, k, axis, descending));
          });
  }
  for (const std::int64_t k : {0, 1, 2, 3, 100, -1})
    along(
        s, "kthvalue",
        [=](const xgrad::Tensor& x, std::int64_t axis) {
          return xgrad::kthvalue(x, k, axis).values;
        },
        [=](const at::Tensor& x, std::int64_t axis) {
          return std::get<0>(at::kthvalue(x, k, axis));
        });
  // Off the tape with us, and without derivatives in libtorch.
  over(
      s, "unique",
      [](const xgrad::Tensor& x) {
        return both(xgrad::unique(x, {.return_inverse = true, .return_counts = true}));
      },
      [](const at::Tensor& x) { return at::_unique2(x, true, true, true); });
  along(
      s, "unique",
      [](const xgrad::Tensor& x, std::int64_t axis) {
        return both(
            xgrad::unique(x, {.return_inverse = true, .return_counts = true, .axis = axis}));
      },
      [](const at::Tensor& x, std::int64_t axis) {
        return at::unique_dim(x, axis, true, true, true);
      });
  over(
      s, "unique_consecutive",
      [](const xgrad::Tensor& x) {
        return both(xgrad::unique_consecutive(x, {.return_inverse = true, .return_counts = true}));
      },
      [](const at::Tensor& x) { return at::unique_consecutive(x, true, true); });
  along(
      s, "unique_consecutive",
      [](const xgrad::Tensor& x, std::int64_t axis) {
        return both(xgrad::unique_consecutive(
            x, {.return_inverse = true, .return_counts = true, .axis = axis}));
      },
      [](const at::Tensor& x, std::int64_t axis) {
        return at::unique_consecutive(x, true, true, axis);
      });
  searches(s);
}

}  // namespace agreement
