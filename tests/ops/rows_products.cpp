#include "ops/table.hpp"

namespace table {
namespace {

Row of(const char* name, const Shape& a, const Shape& b,
       const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a), normal(b, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

Row of_three(const char* name, const Shape& a, const Shape& b, const Shape& c,
             const std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a), normal(b, 2), normal(c, 3)}, [f](const Inputs& x) {
            return f(x[0], x[1], x[2]);
          }};
}

Row equation(const char* text, const std::vector<Shape>& shapes) {
  Inputs inputs;
  for (const Shape& shape : shapes) inputs.push_back(normal(shape, 1 + inputs.size()));
  return {text, inputs, [text](const Inputs& x) { return einsum(text, x); }};
}

}  // namespace

template <>
Rows rows<Op::mm>() {
  return {of("matrices", {2, 3}, {3, 4}, mm), of("no terms", {2, 0}, {0, 3}, mm)};
}

template <>
Rows rows<Op::bmm>() {
  return {of("batch", {2, 2, 3}, {2, 3, 4}, bmm), of("no batch", {0, 2, 3}, {0, 3, 4}, bmm)};
}

template <>
Rows rows<Op::mv>() {
  return {of("matrix and vector", {2, 3}, {3}, mv)};
}

template <>
Rows rows<Op::dot>() {
  return {of("vectors", {5}, {5}, dot), of("nothing", {0}, {0}, dot)};
}

template <>
Rows rows<Op::outer>() {
  return {of("vectors", {3}, {4}, outer), of("nothing", {0}, {4}, outer)};
}

template <>
Rows rows<Op::inner>() {
  return {of("vectors", {4}, {4}, inner), of("matrices", {2, 3}, {4, 3}, inner),
          of("a batch", {2, 2, 3}, {3}, inner), of("a number", {}, {2, 3}, inner)};
}

template <>
Rows rows<Op::addmm>() {
  return {of_three("plain", {2, 4}, {2, 3}, {3, 4},
                   [](auto& x, auto& a, auto& b) { return addmm(x, a, b); }),
          of_three("scaled", {4}, {2, 3}, {3, 4},
                   [](auto& x, auto& a, auto& b) { return addmm(x, a, b, 0.5, -2); }),
          of_three("product alone", {1}, {2, 3}, {3, 4},
                   [](auto& x, auto& a, auto& b) { return addmm(x, a, b, 0, 3); })};
}

template <>
Rows rows<Op::baddbmm>() {
  return {of_three("scaled", {2, 1, 4}, {2, 2, 3}, {2, 3, 4},
                   [](auto& x, auto& a, auto& b) { return baddbmm(x, a, b, 0.5, -2); })};
}

template <>
Rows rows<Op::addmv>() {
  return {of_three("scaled", {2}, {2, 3}, {3},
                   [](auto& x, auto& a, auto& b) { return addmv(x, a, b, 0.5, -2); })};
}

template <>
Rows rows<Op::einsum>() {
  return {equation("ij,jk->ik", {{2, 3}, {3, 4}}),
          equation("bhid,bhjd->bhij", {{2, 2, 3, 2}, {2, 2, 4, 2}}),
          equation("ij , kj", {{2, 3}, {4, 3}}),
          equation("ii", {{3, 3}}),
          equation("iji->ji", {{2, 3, 2}}),
          equation("iii->i", {{2, 2, 2}}),
          equation("ij->", {{2, 3}}),
          equation("i,i->i", {{4}, {4}}),
          equation("i,j->ji", {{2}, {3}}),
          equation("...ij,...jk->...ik", {{2, 1, 2, 3}, {3, 3, 2}}),
          equation("i...->...", {{2, 3, 2}}),
          equation("bn,anm,bm->ba", {{2, 3}, {4, 3, 2}, {2, 2}}),
          equation("ij,jk,kl,li->", {{2, 3}, {3, 2}, {2, 4}, {4, 2}}),
          equation("ij,ik,i->jk", {{3, 2}, {3, 4}, {1}}),
          equation("ijk,lmj->iklm", {{2, 3, 2}, {2, 2, 3}}),
          equation("ij,jk->ik", {{2, 0}, {0, 3}}),
          equation(",i->i", {{}, {3}})};
}

template <>
Rows rows<Op::tensordot>() {
  return {of("two axes", {2, 3, 4}, {3, 4, 2}, [](auto& a, auto& b) { return tensordot(a, b); }),
          of("none", {2}, {3},
             [](auto& a, auto& b) {
               return tensordot(a, b, 0) + zeros({2, 3}, {.dtype = a.dtype()});
             }),
          of("named", {2, 3, 4}, {4, 5, 2}, [](auto& a, auto& b) {
            return tensordot(a, b, {2, 0}, {0, -1});
          })};
}

template <>
Rows rows<Op::kron>() {
  return {of("matrices", {2, 3}, {3, 2}, kron), of("a vector and a matrix", {2}, {2, 3}, kron),
          of("a number", {}, {3}, kron)};
}

template <>
Rows rows<Op::cross>() {
  return {of("vectors", {3}, {3}, [](auto& a, auto& b) { return cross(a, b * b); }),
          of("columns", {3, 2}, {3, 1}, [](auto& a, auto& b) { return cross(a, b * b, 0); })};
}

template <>
Rows rows<Op::cdist>() {
  Rows rows{of("few", {3, 4}, {2, 4}, [](auto& a, auto& b) { return cdist(a, b); }),
            of("many", {27, 2}, {3, 2}, [](auto& a, auto& b) { return cdist(a, b); }),
            of("batches", {2, 1, 3, 2}, {3, 2, 2}, [](auto& a, auto& b) { return cdist(a, b); }),
            of("none", {0, 2}, {3, 2}, [](auto& a, auto& b) { return cdist(a, b); }),
            of("no columns", {2, 0}, {3, 0}, [](auto& a, auto& b) { return cdist(a, b); })};
  for (const double p : {0., 1., 3.})
    rows.push_back(of("p", {3, 4}, {2, 4}, [p](auto& a, auto& b) { return cdist(a, b, p); }));
  return rows;
}

template <>
Rows rows<Op::trace>() {
  Rows rows;
  for (const Shape& shape : {Shape{3, 3}, Shape{2, 4}, Shape{4, 2}, Shape{0, 2}})
    rows.push_back(
        {to_string(shape), {normal(shape)}, [](const Inputs& x) { return trace(x[0]); }});
  return rows;
}

template <>
Rows rows<Op::multi_dot>() {
  return {{"matrices",
           {normal({2, 5}), normal({5, 1}, 2), normal({1, 4}, 3), normal({4, 3}, 4)},
           [](const Inputs& x) { return multi_dot(x); }},
          {"between vectors",
           {normal({3}), normal({3, 4}, 2), normal({4}, 3)},
           [](const Inputs& x) { return multi_dot(x); }},
          {"one", {normal({2, 3})}, [](const Inputs& x) { return chain_matmul({x[0] * 2}); }}};
}

}  // namespace table
