#include "ops/table.hpp"

namespace table {
namespace {

Row of(const char* name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

Row pair(const char* name, const Shape& a, const Shape& b,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a), normal(b, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

/// Makes one tensor of several, each with a part in the result.
Tensor joined(const std::vector<Tensor>& list) {
  Tensor sum = list[0] * 0.5;
  for (std::size_t i = 1; i < list.size(); ++i) sum = sum * list[i] + list[i];
  return sum;
}

}  // namespace

template <>
Rows rows<Op::unflatten>() {
  return {of("given", {2, 6},
             [](const Tensor& x) {
               return unflatten(x, 1, {2, 3});
             }),
          of("inferred", {6, 2},
             [](const Tensor& x) {
               return unflatten(x, 0, {-1, 2, 1});
             }),
          of("empty", {0, 3}, [](const Tensor& x) {
            return unflatten(x, 0, {0, 2});
          })};
}

template <>
Rows rows<Op::movedim>() {
  return {of("one", {2, 3, 4}, [](const Tensor& x) { return movedim(x, 0, -1); }),
          of("two", {2, 3, 4, 2},
             [](const Tensor& x) {
               return movedim(x, {3, 0}, {0, 2});
             }),
          of("none", {2, 0}, [](const Tensor& x) { return movedim(x, 1, 0); })};
}

template <>
Rows rows<Op::swapaxes>() {
  return {of("matrix", {3, 5}, [](const Tensor& x) { return swapaxes(x, 0, 1); }),
          of("outer", {2, 1, 4}, [](const Tensor& x) { return swapaxes(x, 0, -1); })};
}

template <>
Rows rows<Op::repeat>() {
  return {of("both", {2, 3},
             [](const Tensor& x) {
               return repeat(x, {2, 3});
             }),
          of("new axes", {2, 1},
             [](const Tensor& x) {
               return repeat(x, {2, 1, 3});
             }),
          of("once", {2, 3},
             [](const Tensor& x) {
               return repeat(x, {1, 1});
             }),
          of("scalar", {}, [](const Tensor& x) { return repeat(x, {3}); }),
          of("to nothing", {2, 3}, [](const Tensor& x) {
            return repeat(x, {2, 0});
          })};
}

template <>
Rows rows<Op::tile>() {
  return {of("last", {2, 3}, [](const Tensor& x) { return tile(x, {2}); }),
          of("more", {3}, [](const Tensor& x) {
            return tile(x, {2, 2});
          })};
}

template <>
Rows rows<Op::narrow>() {
  return {of("middle", {2, 5}, [](const Tensor& x) { return narrow(x, 1, 1, 3); }),
          of("from the back", {5, 2}, [](const Tensor& x) { return narrow(x, 0, -2, 2); }),
          of("nothing", {2, 5}, [](const Tensor& x) { return narrow(x, -1, 5, 0); })};
}

template <>
Rows rows<Op::roll>() {
  return {of("one axis", {3, 5}, [](const Tensor& x) { return roll(x, 2, 1); }),
          of("two axes", {3, 5},
             [](const Tensor& x) {
               return roll(x, {-1, 7}, {0, 1});
             }),
          of("flat", {3, 5}, [](const Tensor& x) { return roll(x, 4); }),
          of("nothing", {0, 2}, [](const Tensor& x) { return roll(x, 1, 0); }),
          of("not at all", {2, 3}, [](const Tensor& x) { return roll(x, 3, 1); })};
}

template <>
Rows rows<Op::rot90>() {
  Rows rows;
  for (const std::int64_t k : {-1, 0, 1, 2, 3})
    rows.push_back(of("matrix", {2, 3}, [k](const Tensor& x) { return rot90(x, k); }));
  rows.push_back(of("other axes", {2, 3, 4}, [](const Tensor& x) { return rot90(x, 1, {2, 0}); }));
  return rows;
}

template <>
Rows rows<Op::diag>() {
  return {of("matrix", {3, 4}, [](const Tensor& x) { return diag(x, 1); }),
          of("vector", {3}, [](const Tensor& x) { return diag(x, -1); }),
          of("past the end", {3, 4}, [](const Tensor& x) { return diag(x, 5); })};
}

template <>
Rows rows<Op::diagonal>() {
  return {of("main", {3, 4}, [](const Tensor& x) { return diagonal(x); }),
          of("above", {3, 4}, [](const Tensor& x) { return diagonal(x, 2); }),
          of("below", {4, 2}, [](const Tensor& x) { return diagonal(x, -1); }),
          of("batch", {2, 3, 4}, [](const Tensor& x) { return diagonal(x, 1, -1, 0); }),
          of("none", {3, 4}, [](const Tensor& x) { return diagonal(x, -3); })};
}

template <>
Rows rows<Op::diagonal_scatter>() {
  return {pair("main", {3, 4}, {3},
               [](const Tensor& x, const Tensor& s) { return diagonal_scatter(x, s); }),
          pair("batch", {2, 3, 3}, {3, 1},
               [](const Tensor& x, const Tensor& s) { return diagonal_scatter(x, s, 1, 2, 0); }),
          pair("of a temporary", {4, 2}, {2},
               [](const Tensor& x, const Tensor& s) { return diagonal_scatter(x * 2, s * s, -1); }),
          pair("none", {3, 4}, {0},
               [](const Tensor& x, const Tensor& s) { return diagonal_scatter(x, s, 4); })};
}

template <>
Rows rows<Op::diag_embed>() {
  return {of("vector", {3}, [](const Tensor& x) { return diag_embed(x); }),
          of("batch", {2, 3}, [](const Tensor& x) { return diag_embed(x, 1); }),
          of("axes", {2, 3}, [](const Tensor& x) { return diag_embed(x, -2, 0, 2); })};
}

template <>
Rows rows<Op::tril>() {
  return {of("main", {3, 4}, [](const Tensor& x) { return tril(x); }),
          of("batch", {2, 3, 3}, [](const Tensor& x) { return tril(x, -1); }),
          of("empty", {0, 3}, [](const Tensor& x) { return tril(x, 1); })};
}

template <>
Rows rows<Op::triu>() {
  return {of("main", {3, 4}, [](const Tensor& x) { return triu(x); }),
          of("batch", {2, 4, 3}, [](const Tensor& x) { return triu(x, 1); }),
          of("all", {2, 2}, [](const Tensor& x) { return triu(x, -5); })};
}

template <>
Rows rows<Op::unfold>() {
  return {of("overlapping", {7}, [](const Tensor& x) { return unfold(x, 0, 3, 1); }),
          of("steps", {2, 7, 3}, [](const Tensor& x) { return unfold(x, 1, 3, 2); }),
          of("apart", {2, 7}, [](const Tensor& x) { return unfold(x, -1, 2, 3); }),
          of("scalar", {}, [](const Tensor& x) { return unfold(x, 0, 1, 1); }),
          of("nothing", {4}, [](const Tensor& x) { return unfold(x, 0, 0, 2); })};
}

template <>
Rows rows<Op::meshgrid>() {
  return {pair("ij", {2}, {3},
               [](const Tensor& a, const Tensor& b) {
                 return joined(meshgrid({a, b}));
               }),
          pair("xy", {2}, {3},
               [](const Tensor& a, const Tensor& b) {
                 return joined(meshgrid({a, b, a}, "xy"));
               }),
          pair("with a scalar", {}, {3}, [](const Tensor& a, const Tensor& b) {
            return joined(meshgrid({a, b}));
          })};
}

template <>
Rows rows<Op::broadcast_tensors>() {
  return {pair("both ways", {2, 1}, {3},
               [](const Tensor& a, const Tensor& b) {
                 return joined(broadcast_tensors({a, b}));
               }),
          pair("scalar", {}, {2, 2}, [](const Tensor& a, const Tensor& b) {
            return joined(broadcast_tensors({a, b}));
          })};
}

namespace {

Rows of_each_rank(Tensor (*f)(const Tensor&)) {
  Rows rows;
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{2, 1, 2}, Shape{0}})
    rows.push_back(
        {to_string(shape), {normal(shape)}, [f](const Inputs& x) { return f(x[0]) * 2; }});
  return rows;
}

}  // namespace

template <>
Rows rows<Op::atleast_1d>() {
  return of_each_rank(atleast_1d);
}

template <>
Rows rows<Op::atleast_2d>() {
  return of_each_rank(atleast_2d);
}

template <>
Rows rows<Op::atleast_3d>() {
  return of_each_rank(atleast_3d);
}

template <>
Rows rows<Op::vstack>() {
  return {pair("vectors", {3}, {3},
               [](const Tensor& a, const Tensor& b) {
                 return vstack({a, b});
               }),
          pair("a matrix", {2, 3}, {3}, [](const Tensor& a, const Tensor& b) {
            return vstack({a, b});
          })};
}

template <>
Rows rows<Op::hstack>() {
  return {pair("vectors", {3}, {2},
               [](const Tensor& a, const Tensor& b) {
                 return hstack({a, b});
               }),
          pair("scalars", {}, {},
               [](const Tensor& a, const Tensor& b) {
                 return hstack({a, b});
               }),
          pair("matrices", {2, 3}, {2, 1}, [](const Tensor& a, const Tensor& b) {
            return hstack({a, b});
          })};
}

}  // namespace table
