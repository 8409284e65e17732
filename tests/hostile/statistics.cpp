// Reductions, scans and products.

#include <xgrad/ops/rules.hpp>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: statistics") {
  using Reducing = Tensor (*)(const Tensor&, const Axes&, bool);
  std::vector<Row> rows;
  for (const auto& [name, f] : std::vector<std::pair<std::string, Reducing>>{
           {"amax", amax}, {"amin", amin}, {"nansum", nansum}, {"nanmean", nanmean}})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const Axes axes = from.axes({1});
                      Arguments::use(f(x, axes, from.flag()));
                    }});
  rows.push_back({"std", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const Axes axes = from.axes({1});
                    const std::int64_t correction = from.size(1);
                    Arguments::use(xgrad::std(x, axes, correction, from.flag()));
                  }});
  for (const auto& [name, f] : {std::pair("var_mean", &var_mean), std::pair("std_mean", &std_mean)})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const Axes axes = from.axes({1});
                      const std::int64_t correction = from.size(1);
                      const auto [spread, mean] = f(x, axes, correction, from.flag());
                      Arguments::use({spread, mean});
                    }});
  rows.push_back({"norm", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const Scalar p = from.scalar();
                    const Axes axes = from.axes({1});
                    Arguments::use(norm(x, p, axes, from.flag()));
                  }});
  rows.push_back({"aminmax", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const std::int64_t axis = from.size(1);
                    const auto [low, high] = aminmax(x, axis, from.flag());
                    Arguments::use({low, high});
                  }});
  rows.push_back({"quantile", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double q = from.real();
                    const std::int64_t axis = from.size(1);
                    const bool keepdim = from.flag();
                    Arguments::use(quantile(x, q, axis, keepdim, from.text("midpoint")));
                  }});
  rows.push_back({"quantile", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(quantile(x, from.tensor({1})));
                  }});
  rows.push_back({"median", [](Arguments& from) { Arguments::use(median(from.tensor({2, 3}))); }});
  rows.push_back({"nanmedian", [](Arguments& from) {
                    Arguments::use(nanmedian(from.tensor({2, 3})));
                  }});
  using Choosing = Ranked (*)(const Tensor&, std::int64_t, bool);
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Choosing>>{{"median", median},
                                                     {"nanmedian", nanmedian},
                                                     {"mode", mode},
                                                     {"max", max<std::int64_t>},
                                                     {"min", min<std::int64_t>}})
    for (const DType dtype : {float32, int64})
      rows.push_back({name, [f = f, dtype](Arguments& from) {
                        const Tensor x = from.tensor({2, 3}, dtype);
                        const std::int64_t axis = from.size(1);
                        const auto [chosen, places] = f(x, axis, from.flag());
                        Arguments::use({chosen, places});
                      }});
  sweep(rows);
}

TEST_CASE("hostile: scans") {
  using Scan = Tensor (*)(const Tensor&, std::int64_t);
  using Choosing = Ranked (*)(const Tensor&, std::int64_t);
  std::vector<Row> rows;
  for (const auto& [name, f] : std::vector<std::pair<std::string, Scan>>{
           {"cumsum", cumsum}, {"cumprod", cumprod}, {"logcumsumexp", logcumsumexp}})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      Arguments::use(f(x, from.size(1)));
                    }});
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Choosing>>{{"cummax", cummax}, {"cummin", cummin}})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3}, int64);
                      const auto [best, places] = f(x, from.size(1));
                      Arguments::use({best, places});
                    }});
  rows.push_back({"diff|cat", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const std::int64_t n = from.size(1);
                    const std::int64_t axis = from.size(1);
                    const Tensor before = from.tensor({2, 1});
                    Arguments::use(diff(x, n, axis, before, from.tensor({2, 2})));
                  }});
  rows.push_back({"recurrence", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({2, 3});
                    const std::int64_t axis = from.size(1);
                    Arguments::use(xgrad::detail::recurrence(a, b, axis, from.flag()));
                  }});
  sweep(rows);
}

TEST_CASE("hostile: products of vectors, matrices and tensors") {
  using Binary = Tensor (*)(const Tensor&, const Tensor&);
  using Adding = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, Scalar, Scalar);
  struct Two {
    const char* name;
    Binary f;
    Shape a, b;
  };
  std::vector<Row> rows;
  for (const Two& two :
       {Two{"mm", mm, {2, 3}, {3, 4}}, Two{"bmm", bmm, {2, 2, 3}, {2, 3, 4}},
        Two{"mv", mv, {2, 3}, {3}}, Two{"dot", dot, {3}, {3}}, Two{"vdot", vdot, {3}, {3}},
        Two{"outer|mul", outer, {3}, {4}}, Two{"inner|mul", inner, {2, 3}, {4, 3}},
        Two{"kron|mul", kron, {2, 3}, {2, 2}}})
    rows.push_back({two.name, [two](Arguments& from) {
                      const Tensor a = from.tensor(two.a);
                      Arguments::use(two.f(a, from.tensor(two.b)));
                    }});
  struct Three {
    const char* name;
    Adding f;
    Shape x, a, b;
  };
  for (const Three& three : {Three{"addmm|mm|mul|add", addmm, {2, 4}, {2, 3}, {3, 4}},
                             Three{"baddbmm|bmm|mul|add", baddbmm, {2, 2, 4}, {2, 2, 3}, {2, 3, 4}},
                             Three{"addmv|mv|mul|add", addmv, {2}, {2, 3}, {3}}})
    rows.push_back({three.name, [three](Arguments& from) {
                      const Tensor x = from.tensor(three.x);
                      const Tensor a = from.tensor(three.a);
                      const Tensor b = from.tensor(three.b);
                      const Scalar beta = from.scalar();
                      Arguments::use(three.f(x, a, b, beta, from.scalar()));
                    }});
  rows.push_back({"einsum", [](Arguments& from) {
                    const std::string equation = from.text("ij,ij->j");
                    Arguments::use(einsum(equation, from.tensors({2, 3})));
                  }});
  rows.push_back({"tensordot", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({3, 2});
                    Arguments::use(tensordot(a, b, from.size(1)));
                  }});
  rows.push_back({"tensordot", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({3, 2});
                    const auto axes = from.sizes({0, 1});
                    Arguments::use(tensordot(a, b, axes, from.sizes({1, 0})));
                  }});
  rows.push_back({"cross|mul|sub", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({2, 3});
                    Arguments::use(cross(a, b, from.size(1)));
                  }});
  rows.push_back({"cdist|broadcast|sub", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({4, 3});
                    Arguments::use(cdist(a, b, from.real()));
                  }});
  rows.push_back({"trace", [](Arguments& from) { Arguments::use(trace(from.tensor({2, 3}))); }});
  rows.push_back({"multi_dot", [](Arguments& from) {
                    Arguments::use(multi_dot(from.tensors({2, 2})));
                  }});
  rows.push_back({"chain_matmul", [](Arguments& from) {
                    Arguments::use(chain_matmul(from.tensors({2, 2})));
                  }});
  sweep(rows);
}
