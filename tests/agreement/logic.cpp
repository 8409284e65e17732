// logic.hpp, and the questions of arithmetic.hpp.
#include "kinds.hpp"

namespace agreement {
namespace {

xgrad::Tensor truth(bool value) { return xgrad::tensor(value); }
at::Tensor their_truth(bool value) { return at::scalar_tensor(value, at::kBool); }

/// Pairs that binary() makes, of tensors alone.
template <class F, class G>
void pairs(Suite& s, const std::string& operation, F f, G g) {
  const auto two = [&](const Input& a, const Input& b) {
    check(
        s, operation, {a, b}, "", [f](const Ours& x) { return f(x[0], x[1]); },
        [g](const Theirs& x) { return g(x[0], x[1]); });
  };
  for (const double a : awkward_few())
    for (const double b : awkward_few()) two(filled({3}, a), filled({3}, b));
  for (const xgrad::DType a : all_dtypes)
    for (const xgrad::DType b : all_dtypes) {
      two(whole({2, 3}, a, 0, 2, 1), whole({2, 3}, b, 0, 2, 2));
      two(whole({}, a, 0, 2, 1), whole({3}, b, 0, 2, 2));
    }
  for (const std::int64_t a : awkward_integers())
    for (const std::int64_t b : awkward_integers()) two(integers({a}), integers({b}));
  two(random({2, 3}), random({3}));
  two(random({0, 3}), random({3}));
  two(random({2}), random({3}));
  two(filled({3}, 1), filled({3}, 1 + 5e-6));
  two(filled({3}, 0), filled({3}, 5e-9));
}
template <class F>
void pairs(Suite& s, const std::string& operation, F f) {
  pairs(s, operation, f, f);
}

}  // namespace

void logic(Suite& s) {
  unary(s, "isnan", xgrad::isnan, at::isnan);
  unary(s, "isinf", xgrad::isinf, at::isinf);
  unary(s, "isfinite", xgrad::isfinite, at::isfinite);
  unary(s, "logical_not", xgrad::logical_not, at::logical_not);
  pairs(s, "logical_and", [](const auto& a, const auto& b) { return logical_and(a, b); });
  pairs(s, "logical_or", [](const auto& a, const auto& b) { return logical_or(a, b); });
  pairs(s, "logical_xor", [](const auto& a, const auto& b) { return logical_xor(a, b); });
  pairs(s, "isclose", [](const auto& a, const auto& b) { return isclose(a, b); });
  pairs(s, "isclose", [](const auto& a, const auto& b) { return isclose(a, b, 0.5, 0.1, true); });
  pairs(s, "isclose", [](const auto& a, const auto& b) { return isclose(a, b, -0.5, 0.1); });
  pairs(
      s, "equal",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) { return truth(xgrad::equal(a, b)); },
      [](const at::Tensor& a, const at::Tensor& b) { return their_truth(at::equal(a, b)); });
  pairs(
      s, "allclose",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) { return truth(xgrad::allclose(a, b)); },
      [](const at::Tensor& a, const at::Tensor& b) { return their_truth(at::allclose(a, b)); });
  over(s, "any", [](const auto& x) { return any(x); });
  over(s, "all", [](const auto& x) { return all(x); });
  along(s, "any", [](const auto& x, std::int64_t axis) { return any(x, axis, true); });
  along(s, "any", [](const auto& x, std::int64_t axis) { return any(x, axis, false); });
  along(s, "all", [](const auto& x, std::int64_t axis) { return all(x, axis, true); });
  along(s, "all", [](const auto& x, std::int64_t axis) { return all(x, axis, false); });
  over(s, "count_nonzero", [](const auto& x) { return count_nonzero(x); });
  along(
      s, "count_nonzero",
      [](const xgrad::Tensor& x, std::int64_t axis) { return xgrad::count_nonzero(x, axis); },
      [](const at::Tensor& x, std::int64_t axis) {
        return at::count_nonzero(x, c10::optional<std::int64_t>(axis));
      });
}

}  // namespace agreement
