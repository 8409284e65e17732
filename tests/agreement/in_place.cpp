// What changes a tensor in place: arithmetic.hpp, indexing.hpp, Tensor itself.
#include <cmath>

#include "kinds.hpp"
#include <ATen/TensorIndexing.h>

namespace agreement {
namespace {

using xgrad::Operand;
using xgrad::Shape;
using xgrad::Tensor;

/// The changed tensors themselves, each a copy of an input, off the tape.
template <class F, class G>
void changed(Suite& s, const std::string& operation, const Inputs& inputs, const std::string& with,
             F f, G g) {
  check(
      s, operation, inputs, with,
      [=](const Ours& x) {
        return xgrad::no_grad([&] {
          const Tensor y = xgrad::clone(x[0].detach());
          f(y, x);
          return y;
        });
      },
      [=](const Theirs& x) {
        const at::NoGradGuard off_the_tape;
        at::Tensor y = x[0].detach().clone();
        g(y, x);
        return y;
      });
}

/// f(x, y) and g(x, y) with y a tensor or a number.
template <class F, class G>
void arithmetic(Suite& s, const std::string& operation, F f, G g) {
  const auto two = [&](const Input& a, const Input& b) {
    changed(
        s, operation, {a, b}, "", [=](const Tensor& y, const Ours& x) { f(y, x[1].detach()); },
        [=](at::Tensor& y, const Theirs& x) { g(y, x[1].detach()); });
  };
  for (const double a : awkward_few())
    for (const double b : awkward_few()) two(filled({3}, a), filled({3}, b));
  for (const xgrad::DType a : all_dtypes) {
    for (const xgrad::DType b : all_dtypes) {
      two(whole({2, 3}, a, 1, 2), whole({2, 3}, b, 1, 2));
      two(whole({2, 3}, a, 1, 2), whole({}, b, 1, 2));
      two(whole({}, a, 1, 2), whole({}, b, 1, 2));
      two(whole({}, a, 1, 2), whole({3}, b, 1, 2));
    }
    const auto beside = [&](const std::string& what, const xgrad::Scalar& ours,
                            const at::Scalar& theirs) {
      changed(
          s, operation, {whole({3}, a, 1, 2)}, what,
          [=](const Tensor& y, const Ours&) { f(y, ours); },
          [=](at::Tensor& y, const Theirs&) { g(y, theirs); });
    };
    beside("2", 2, 2);
    beside("-3", -3, -3);
    beside("300", 300, 300);
    beside("2.5", 2.5, 2.5);
    beside("true", true, true);
    beside("2^53 + 1", (std::int64_t{1} << 53) + 1, (std::int64_t{1} << 53) + 1);
  }
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{{{2, 3}, {3}},
                                                                 {{3}, {2, 3}},
                                                                 {{2, 1}, {2, 3}},
                                                                 {{2, 3}, {2, 1}},
                                                                 {{0, 3}, {3}},
                                                                 {{0}, {1}},
                                                                 {{1}, {0}},
                                                                 {{}, {}},
                                                                 {{2}, {3}},
                                                                 {{2, 3, 4}, {3, 1}}})
    two(random(a), random(b, xgrad::float64, 1, 2, 2));
  const auto part = [&](const std::string& what, const auto& ours, const auto& theirs) {
    changed(
        s, operation, {random({4, 4})}, what,
        [=](const Tensor& y, const Ours&) { f(ours(y), y.select(0, 1)); },
        [=](at::Tensor& y, const Theirs&) {
          at::Tensor view = theirs(y);
          g(view, y.select(0, 1));
        });
  };
  const auto alike = [&](const std::string& what, const auto& view) { part(what, view, view); };
  alike("a row by itself", [](const auto& x) { return x.select(0, 1); });
  alike("another row", [](const auto& x) { return x.select(0, 2); });
  alike("a column by a row", [](const auto& x) { return x.select(1, 2); });
  alike("all by a row", [](const auto& x) { return x; });
  alike("turned", [](const auto& x) { return x.t(); });
  part(
      "expanded",
      [](const Tensor& x) {
        return x.slice(0, 0, 1).expand({4, 4});
      },
      [](const at::Tensor& x) {
        return x.slice(0, 0, 1).expand({4, 4});
      });
}

void of_values(Suite& s) {
  for (const xgrad::DType a : all_dtypes) {
    for (const xgrad::DType b : all_dtypes)
      for (const auto& [to, from] : std::vector<std::pair<Shape, Shape>>{
               {{2, 3}, {2, 3}}, {{}, {}}, {{0}, {0}}, {{2, 3}, {3}}, {{3}, {}}, {{2}, {3}}})
        changed(
            s, "copy_", {whole(to, a, 0, 9), whole(from, b, 0, 9, 2)}, "",
            [](const Tensor& y, const Ours& x) { y.copy_(x[1].detach()); },
            [](at::Tensor& y, const Theirs& x) { y.copy_(x[1].detach()); });
    const auto filled_with = [&](const std::string& what, const xgrad::Scalar& ours,
                                 const at::Scalar& theirs) {
      changed(
          s, "fill_", {whole({2, 3}, a, 0, 9)}, what,
          [=](const Tensor& y, const Ours&) { y.fill_(ours); },
          [=](at::Tensor& y, const Theirs&) { y.fill_(theirs); });
    };
    filled_with("2", 2, 2);
    filled_with("-3", -3, -3);
    filled_with("2.7", 2.7, 2.7);
    filled_with("-2.7", -2.7, -2.7);
    filled_with("300", 300, 300);
    filled_with("true", true, true);
    filled_with("1e300", 1e300, 1e300);
    filled_with("2^53 + 1", (std::int64_t{1} << 53) + 1, (std::int64_t{1} << 53) + 1);
    filled_with("nan", NAN, NAN);
    filled_with("inf", INFINITY, INFINITY);
    changed(
        s, "zero_", {whole({2, 3}, a, 0, 9)}, "", [](const Tensor& y, const Ours&) { y.zero_(); },
        [](at::Tensor& y, const Theirs&) { y.zero_(); });
  }
}

void of_indices(Suite& s) {
  const Inputs indices{integers({0, 2}), integers({-1, 1}),          integers({3}),
                       integers({}),     bools({true, false, true}), bools({false, false, false})};
  for (const Input& x : {random({3, 4}), random({3}), whole({3, 2}, xgrad::int64, 0, 9),
                         random({3, 2}, xgrad::float32)})
    for (const Input& index : indices)
      for (const Input& value :
           {filled({}, 7, x.tensor.dtype()), filled({2, 1}, 7, x.tensor.dtype()),
            filled({2}, 7, x.tensor.dtype()), filled({}, 7, xgrad::bfloat16)})
        for (const bool accumulate : {false, true})
          changed(
              s, "index_put_", {x, index, value}, accumulate ? "accumulated" : "",
              [=](const Tensor& y, const Ours& x) {
                xgrad::index_put_(y, {x[1]}, x[2].detach(), accumulate);
              },
              [=](at::Tensor& y, const Theirs& x) {
                y.index_put_({c10::optional<at::Tensor>(x[1])}, x[2].detach(), accumulate);
              });
}

}  // namespace

void in_place(Suite& s) {
  arithmetic(
      s, "add_", [](const Tensor& x, const Operand& y) { x += y; },
      [](at::Tensor& x, const auto& y) { x.add_(y); });
  arithmetic(
      s, "sub_", [](const Tensor& x, const Operand& y) { x -= y; },
      [](at::Tensor& x, const auto& y) { x.sub_(y); });
  arithmetic(
      s, "mul_", [](const Tensor& x, const Operand& y) { x *= y; },
      [](at::Tensor& x, const auto& y) { x.mul_(y); });
  arithmetic(
      s, "div_", [](const Tensor& x, const Operand& y) { x /= y; },
      [](at::Tensor& x, const auto& y) { x.div_(y); });
  of_values(s);
  of_indices(s);
}

}  // namespace agreement
