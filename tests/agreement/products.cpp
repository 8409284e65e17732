// matmul.hpp, products.hpp.
#include "kinds.hpp"

namespace agreement {
namespace {

using xgrad::Shape;

struct Scales {
  double beta, alpha;
};

void added(Suite& s) {
  const std::vector<Inputs> matrices{
      {random({2, 4}), random({2, 3}), random({3, 4})},
      {random({4}), random({2, 3}), random({3, 4})},
      {random({}), random({2, 3}), random({3, 4})},
      {random({2, 1}), random({2, 3}), random({3, 4})},
      {filled({2, 4}, NAN), random({2, 3}), random({3, 4})},
      {random({2, 4}), random({2, 0}), random({0, 4})},
      {random({3, 4}), random({2, 3}), random({3, 4})},
      {whole({2, 2}, xgrad::int64, 0, 5), whole({2, 2}, xgrad::int64, 0, 5),
       whole({2, 2}, xgrad::int64, 0, 5)},
      {random({2, 4}, xgrad::float32), random({2, 3}), random({3, 4})}};
  const auto each = [&](const std::string& operation, const std::vector<Inputs>& inputs, auto f) {
    for (const Inputs& x : inputs)
      for (const Scales& scales : {Scales{1, 1}, {0, 1}, {0.5, -2}, {1, 0}})
        check(
            s, operation, x,
            "beta " + std::to_string(scales.beta) + " alpha " + std::to_string(scales.alpha),
            [=](const Ours& x) { return f(x, scales.beta, scales.alpha); },
            [=](const Theirs& x) { return f(x, scales.beta, scales.alpha); });
  };
  each("addmm", matrices,
       [](const auto& x, double b, double a) { return addmm(x[0], x[1], x[2], b, a); });
  each("addmv",
       {{random({2}), random({2, 3}), random({3})},
        {random({}), random({2, 3}), random({3})},
        {random({1}), random({2, 3}), random({3})},
        {filled({2}, NAN), random({2, 3}), random({3})},
        {random({2}), random({2, 0}), random({0})},
        {random({3}), random({2, 3}), random({3})},
        {random({0}), random({0, 3}), random({3})}},
       [](const auto& x, double b, double a) { return addmv(x[0], x[1], x[2], b, a); });
  each("baddbmm",
       {{random({5, 2, 4}), random({5, 2, 3}), random({5, 3, 4})},
        {random({4}), random({5, 2, 3}), random({5, 3, 4})},
        {random({}), random({5, 2, 3}), random({5, 3, 4})},
        {filled({5, 2, 4}, NAN), random({5, 2, 3}), random({5, 3, 4})},
        {random({0, 2, 4}), random({0, 2, 3}), random({0, 3, 4})},
        {random({5, 2, 4}), random({5, 2, 0}), random({5, 0, 4})},
        {random({2, 4}), random({2, 3}), random({3, 4})}},
       [](const auto& x, double b, double a) { return baddbmm(x[0], x[1], x[2], b, a); });
}

void equations(Suite& s) {
  const auto each = [&](const std::vector<const char*>& list, const Inputs& inputs) {
    for (const char* const equation : list)
      check(
          s, "einsum", inputs, equation, [=](const Ours& x) { return xgrad::einsum(equation, x); },
          [=](const Theirs& x) { return at::einsum(equation, x); });
  };
  each({"ii", "ii->i", "ij->ji", "ij", "ji", "ij->", "...->...", "i...->...", "ij->i", "iij->i",
        "->", "ij->k", "ij->ii", "i j -> j i", "iJ", "..."},
       {random({3, 3})});
  each({"ij,jk->ik", "ij,jk", "ij,kj->ik", "ij,ij->", "ij,ij->ij", "ij,kl->ijkl", "...i,...i->...",
        "ij,jk,kl->il", "ij,j->i", "ij->ij,jk"},
       {random({3, 3}), random({3, 3}, xgrad::float64, -3, 3, 2)});
  each({"bij,bjk->bik", "b...,b...->b", "...ij,...jk->...ik", "bij,cjk->bcik"},
       {random({2, 3, 4}), random({2, 4, 3})});
  each({"ij,jk->ik"}, {random({2, 1}), random({3, 4})});
  each({"ij,jk->ik"}, {random({2, 0}), random({0, 4})});
  each({"ij,jk->ik"}, {random({2, 3}), random({4, 4})});
  each({"ij,jk->ik"}, {whole({2, 3}, xgrad::int64, 0, 5), whole({3, 2}, xgrad::int64, 0, 5)});
  each({",->", ",i->i"}, {random({}), random({})});
  each({"ij,jk,kl->il", "ij,jk,kl->", "ab,bc,ca->"},
       {random({3, 3}), random({3, 3}), random({3, 3})});
}

}  // namespace

void products(Suite& s) {
  product(s, "matmul", [](const auto& a, const auto& b) { return matmul(a, b); });
  product(s, "mm", [](const auto& a, const auto& b) { return mm(a, b); });
  product(s, "bmm", [](const auto& a, const auto& b) { return bmm(a, b); });
  product(s, "mv", [](const auto& a, const auto& b) { return mv(a, b); });
  product(s, "dot", [](const auto& a, const auto& b) { return dot(a, b); });
  product(s, "vdot", [](const auto& a, const auto& b) { return vdot(a, b); });
  product(s, "outer", [](const auto& a, const auto& b) { return outer(a, b); });
  product(s, "inner", [](const auto& a, const auto& b) { return inner(a, b); });
  product(s, "kron", [](const auto& a, const auto& b) { return kron(a, b); });
  product(
      s, "cross", [](const xgrad::Tensor& a, const xgrad::Tensor& b) { return xgrad::cross(a, b); },
      [](const at::Tensor& a, const at::Tensor& b) { return at::linalg_cross(a, b); });
  product(
      s, "cross",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) { return xgrad::cross(a, b, 0); },
      [](const at::Tensor& a, const at::Tensor& b) { return at::linalg_cross(a, b, 0); });
  product(
      s, "linear",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) { return xgrad::linear(a, b); },
      [](const at::Tensor& a, const at::Tensor& b) { return at::linear(a, b); });
  product(
      s, "linear",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::linear(a, b, xgrad::select(b, -1, 0));
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::linear(a, b, at::select(b, -1, 0));
      });
  product(
      s, "multi_dot",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::multi_dot({a, b, a});
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::linalg_multi_dot({a, b, a});
      });
  product(
      s, "multi_dot",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::multi_dot({a, b});
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::linalg_multi_dot({a, b});
      });
  product(
      s, "chain_matmul",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::chain_matmul({a, b});
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::chain_matmul({a, b});
      });
  product(
      s, "tensordot",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::tensordot(a, b, {-1}, {0});
      },
      [](const at::Tensor& a, const at::Tensor& b) { return at::tensordot(a, b, {-1}, {0}); });
  product(
      s, "tensordot",
      [](const xgrad::Tensor& a, const xgrad::Tensor& b) {
        return xgrad::tensordot(a, b, {0, 1}, {1, 0});
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::tensordot(a, b, {0, 1}, {1, 0});
      });
  for (const double p : {0.0, 0.5, 1.0, 2.0, 3.0, double(INFINITY), -1.0})
    product(s, "cdist", [=](const auto& a, const auto& b) { return cdist(a, b, p); });
  for (const double p : {1.0, 2.0, 3.0}) {
    check(
        s, "cdist", {filled({2, 3}, 1), filled({4, 3}, 1)}, "p " + std::to_string(p),
        [=](const Ours& x) { return xgrad::cdist(x[0], x[1], p); },
        [=](const Theirs& x) { return at::cdist(x[0], x[1], p); });
    check(
        s, "cdist", {random({30, 3}), random({28, 3}, xgrad::float64, -3, 3, 2)},
        "p " + std::to_string(p), [=](const Ours& x) { return xgrad::cdist(x[0], x[1], p); },
        [=](const Theirs& x) { return at::cdist(x[0], x[1], p); });
  }
  matrix(s, "trace", [](const auto& x) { return trace(x); });
  added(s);
  equations(s);
}

}  // namespace agreement
