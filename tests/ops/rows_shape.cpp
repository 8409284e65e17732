#include "ops/table.hpp"

namespace table {
namespace {

Row of(const char* name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

Row pair(const char* name, const Shape& shape, const Shape& source,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(shape), normal(source, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

}  // namespace

template <>
Rows rows<Op::reshape>() {
  return {of("given", {2, 6},
             [](const Tensor& x) {
               return reshape(x, {3, 4});
             }),
          of("inferred", {2, 6},
             [](const Tensor& x) {
               return reshape(x, {4, -1});
             }),
          of("scalar", {},
             [](const Tensor& x) {
               return reshape(x, {1, 1});
             }),
          of("empty", {0, 3}, [](const Tensor& x) {
            return reshape(x, {3, 0, 2});
          })};
}

template <>
Rows rows<Op::flatten>() {
  return {of("all", {2, 3, 4}, [](const Tensor& x) { return flatten(x); }),
          of("from 1", {2, 3, 4}, [](const Tensor& x) { return flatten(x, 1); }),
          of("middle", {2, 3, 4, 2}, [](const Tensor& x) { return flatten(x, 1, 2); }),
          of("scalar", {}, [](const Tensor& x) { return flatten(x); })};
}

template <>
Rows rows<Op::transpose>() {
  return {of("matrix", {3, 5}, [](const Tensor& x) { return transpose(x, 0, 1); }),
          of("outer", {2, 3, 4}, [](const Tensor& x) { return transpose(x, 0, -1); }),
          of("large", {37, 41}, [](const Tensor& x) { return x.t(); })};
}

template <>
Rows rows<Op::permute>() {
  return {of("cycle", {2, 3, 4},
             [](const Tensor& x) {
               return permute(x, {1, 2, 0});
             }),
          of("nhwc", {2, 3, 4, 5},
             [](const Tensor& x) {
               return permute(x, {0, 2, 3, 1});
             }),
          of("ones", {1, 3, 1},
             [](const Tensor& x) {
               return permute(x, {2, 1, 0});
             }),
          of("empty", {2, 0, 3}, [](const Tensor& x) {
            return permute(x, {2, 0, 1});
          })};
}

template <>
Rows rows<Op::contiguous>() {
  return {of("of a view", {3, 5}, [](const Tensor& x) { return contiguous(x.t()); }),
          of("of what is", {3, 5}, [](const Tensor& x) { return contiguous(x) * 2; })};
}

template <>
Rows rows<Op::squeeze>() {
  return {of("all", {1, 3, 1}, [](const Tensor& x) { return squeeze(x); }),
          of("one", {1, 3, 1}, [](const Tensor& x) { return squeeze(x, -1); }),
          of("none", {2, 3}, [](const Tensor& x) { return squeeze(x, 0); })};
}

template <>
Rows rows<Op::unsqueeze>() {
  return {of("front", {2, 3}, [](const Tensor& x) { return unsqueeze(x, 0); }),
          of("back", {2, 3}, [](const Tensor& x) { return unsqueeze(x, -1); }),
          of("scalar", {}, [](const Tensor& x) { return unsqueeze(x, 0); })};
}

template <>
Rows rows<Op::expand>() {
  return {of("rows", {1, 3},
             [](const Tensor& x) {
               return expand(x, {4, 3});
             }),
          of("columns", {3, 1},
             [](const Tensor& x) {
               return expand(x, {2, 3, 4});
             }),
          of("scalar", {},
             [](const Tensor& x) {
               return expand(x, {2, 2});
             }),
          of("kept", {3, 1},
             [](const Tensor& x) {
               return expand(x, {-1, 2});
             }),
          of("same", {2, 3},
             [](const Tensor& x) {
               return expand(x, {2, 3});
             }),
          of("to nothing", {1, 3}, [](const Tensor& x) {
            return expand(x, {0, 3});
          })};
}

template <>
Rows rows<Op::cat>() {
  return {{"axis 0", {normal({2, 3}), normal({1, 3}, 2)}, [](const Inputs& x) { return cat(x); }},
          {"axis 1",
           {normal({2, 3}), normal({2, 1}, 2), normal({2, 0}, 3)},
           [](const Inputs& x) { return cat(x, 1); }},
          {"twice", {normal({2, 2})}, [](const Inputs& x) {
             return cat({x[0], x[0] * x[0]}, -1);
           }}};
}

template <>
Rows rows<Op::stack>() {
  return {{"axis 0", {normal({2, 3}), normal({2, 3}, 2)}, [](const Inputs& x) { return stack(x); }},
          {"last", {normal({2}), normal({2}, 2)}, [](const Inputs& x) { return stack(x, -1); }},
          {"scalars", {normal({}), normal({}, 2)}, [](const Inputs& x) { return stack(x); }}};
}

template <>
Rows rows<Op::split>() {
  return {of("even", {4, 2},
             [](const Tensor& x) {
               const auto pieces = split(x, 2);
               return pieces[1] * pieces[0];
             }),
          of("sizes", {2, 5},
             [](const Tensor& x) {
               return split(x, std::vector<std::int64_t>{1, 3, 1}, 1)[1];
             }),
          of("one of one", {2, 3}, [](const Tensor& x) { return split(x, 3, 1)[0]; }),
          of("an empty piece", {2, 3}, [](const Tensor& x) {
            const auto pieces = split(x, std::vector<std::int64_t>{2, 0, 1}, 1);
            return cat({pieces[2], pieces[1], pieces[0]}, 1);
          })};
}

template <>
Rows rows<Op::chunk>() {
  return {of("uneven", {5, 2}, [](const Tensor& x) { return chunk(x, 2)[1]; }),
          of("axis 1", {2, 6}, [](const Tensor& x) { return chunk(x, 3, -1)[2]; })};
}

template <>
Rows rows<Op::unbind>() {
  return {of("rows", {3, 2},
             [](const Tensor& x) {
               const auto rows = unbind(x);
               return rows[2] * rows[0];
             }),
          of("columns", {2, 3}, [](const Tensor& x) { return unbind(x, -1)[1]; }),
          of("to scalars", {2}, [](const Tensor& x) { return unbind(x)[1]; }),
          of("middle", {2, 2, 3}, [](const Tensor& x) {
            const auto parts = unbind(x, 1);
            return stack({parts[1], parts[0]});
          })};
}

template <>
Rows rows<Op::slice>() {
  return {of("leading", {5, 3}, [](const Tensor& x) { return slice(x, 0, 1, 4); }),
          of("inner", {3, 5}, [](const Tensor& x) { return slice(x, 1, 1, 4); }),
          of("step", {3, 7}, [](const Tensor& x) { return slice(x, -1, 1, 7, 3); }),
          of("negative", {6}, [](const Tensor& x) { return slice(x, 0, -4, -1); }),
          of("empty", {3, 4}, [](const Tensor& x) { return slice(x, 1, 3, 2); }),
          of("select", {3, 4}, [](const Tensor& x) { return x[1]; })};
}

template <>
Rows rows<Op::slice_scatter>() {
  return {
      pair("step", {7, 2}, {3, 2},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x, s, 0, 1, {}, 2); }),
      pair("inner", {2, 5}, {2, 3},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x, s, 1, 2); }),
      pair("from the back", {6}, {3},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x, s, -1, -4, -1); }),
      pair("all of one", {1, 3}, {1, 3},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x, s); }),
      pair("of a temporary", {2, 3}, {2, 1},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x * 2, s * s, 1, 1, 2); }),
      pair("nothing", {2, 5}, {2, 0},
           [](const Tensor& x, const Tensor& s) { return slice_scatter(x, s, 1, 3, 2); })};
}

template <>
Rows rows<Op::select_scatter>() {
  return {pair("row", {3, 4}, {4},
               [](const Tensor& x, const Tensor& s) { return select_scatter(x, s, 0, 1); }),
          pair("last column", {3, 4}, {3},
               [](const Tensor& x, const Tensor& s) { return select_scatter(x, s, -1, -1); }),
          pair("to a scalar", {2}, {},
               [](const Tensor& x, const Tensor& s) { return select_scatter(x, s, 0, 1); })};
}

template <>
Rows rows<Op::pad>() {
  return {of("last", {2, 3},
             [](const Tensor& x) {
               return pad(x, {1, 2});
             }),
          of("two axes", {2, 3},
             [](const Tensor& x) {
               return pad(x, {0, 1, 2, 0}, 7);
             }),
          of("none", {2, 3}, [](const Tensor& x) { return pad(x, {}); }),
          of("one is cut", {3, 4},
             [](const Tensor& x) {
               return pad(x, {-1, 2, 1, -2});
             }),
          of("all are cut", {3, 4},
             [](const Tensor& x) {
               return pad(x, {-1, -2});
             }),
          of("reflect", {2, 3, 4},
             [](const Tensor& x) {
               return pad(x, {3, 1, 2, -1}, "reflect");
             }),
          of("replicate", {2, 1, 2, 3},
             [](const Tensor& x) {
               return pad(x, {2, 0, 4, 1}, "replicate");
             }),
          of("circular", {1, 2, 2, 3},
             [](const Tensor& x) {
               return pad(x, {1, 3, 0, 2, -1, 1}, "circular");
             }),
          of("reflect, an axis of one left alone", {2, 1, 3},
             [](const Tensor& x) {
               return pad(x, {1, 1, 0, 0}, "reflect");
             }),
          of("circular, no images", {0, 2, 3},
             [](const Tensor& x) {
               return pad(x, {1, 1}, "circular");
             }),
          of("empty", {0, 2}, [](const Tensor& x) {
            return pad(x, {1, 1, 1, 1});
          })};
}

template <>
Rows rows<Op::flip>() {
  return {of("last", {2, 3}, [](const Tensor& x) { return flip(x, -1); }),
          of("both", {2, 3, 2},
             [](const Tensor& x) {
               return flip(x, {0, 2});
             }),
          of("empty", {0, 2}, [](const Tensor& x) { return flip(x, 0); })};
}

template <>
Rows rows<Op::index_select>() {
  return {of("repeated", {4, 2},
             [](const Tensor& x) {
               return index_select(x, 0, tensor({3, 0, 3}));
             }),
          of("last", {2, 3, 4},
             [](const Tensor& x) {
               return index_select(x, -1, tensor({1, 0}));
             }),
          of("none", {3, 2},
             [](const Tensor& x) { return index_select(x, 0, zeros({0}, {.dtype = int64})); })};
}

template <>
Rows rows<Op::index_add>() {
  return {pair("repeated", {5, 2}, {3, 2},
               [](const Tensor& x, const Tensor& s) {
                 return index_add(x, 0, tensor({3, 0, 3}), s);
               }),
          pair("middle", {2, 3, 3}, {2, 2, 3},
               [](const Tensor& x, const Tensor& s) {
                 return index_add(x, 1, tensor({2, 0}), s, -0.5);
               }),
          pair("of a temporary", {4}, {2},
               [](const Tensor& x, const Tensor& s) {
                 return index_add(x * 2, -1, tensor({1, 1}), s * s);
               }),
          pair("none", {3, 2}, {0, 2}, [](const Tensor& x, const Tensor& s) {
            return index_add(x, 0, zeros({0}, {.dtype = int64}), s);
          })};
}

template <>
Rows rows<Op::gather>() {
  return {of("rows", {3, 4},
             [](const Tensor& x) {
               return gather(x, 1, tensor({{0, 3}, {1, 1}, {2, 0}}));
             }),
          of("columns", {3, 4},
             [](const Tensor& x) {
               return gather(x, 0, tensor({{2, 0, 1, 1}}));
             }),
          of("fewer rows", {3, 4, 2},
             [](const Tensor& x) {
               return gather(x, 1, tensor({{{0, 3}}, {{1, 1}}}));
             }),
          of("none", {3, 4}, [](const Tensor& x) {
            return gather(x, 1, zeros({3, 0}, {.dtype = int64}));
          })};
}

namespace {

/// Rows of what puts a source where gather would have read.
Rows scattered(const std::function<Tensor(Tensor, std::int64_t, const Tensor&, const Tensor&)>& f) {
  return {pair("rows", {2, 4}, {2, 2},
               [f](const Tensor& x, const Tensor& s) {
                 return f(x, 1, tensor({{0, 3}, {1, 1}}), s);
               }),
          pair("columns", {3, 4}, {1, 4},
               [f](const Tensor& x, const Tensor& s) {
                 return f(x, 0, tensor({{2, 0, 1, 1}}), s);
               }),
          pair("often", {2}, {5},
               [f](const Tensor& x, const Tensor& s) {
                 return f(x, -1, tensor({1, 0, 1, 1, 0}), s);
               }),
          pair("a part of the source", {3, 4, 2}, {2, 3, 2},
               [f](const Tensor& x, const Tensor& s) {
                 return f(x, 1, tensor({{{0}, {3}}, {{1}, {2}}}), s);
               }),
          pair("of a temporary", {1, 3}, {1, 2},
               [f](const Tensor& x, const Tensor& s) {
                 return f(x * 2, 1, tensor({{2, 0}}), s * s);
               }),
          pair("none", {3, 4}, {3, 0}, [f](const Tensor& x, const Tensor& s) {
            return f(x, 1, zeros({3, 0}, {.dtype = int64}), s);
          })};
}

}  // namespace

template <>
Rows rows<Op::scatter>() {
  Rows rows = scattered([](Tensor x, auto axis, const Tensor& index, const Tensor& s) {
    return scatter(std::move(x), axis, index, s);
  });
  rows.push_back(of("a number", {2, 3}, [](const Tensor& x) {
    return scatter(x, 1, tensor({{0, 2}, {1, 1}}), 1.5);
  }));
  return rows;
}

template <>
Rows rows<Op::scatter_add>() {
  return scattered([](Tensor x, auto axis, const Tensor& index, const Tensor& s) {
    return scatter_add(std::move(x), axis, index, s);
  });
}

namespace {

Rows over_axes(const std::function<Tensor(const Tensor&, const Axes&, bool)>& f) {
  Rows result;
  struct Case {
    Shape shape;
    Axes axes;
    bool keepdim;
  };
  const std::vector<Case> cases{{{3, 4}, {}, false},
                                {{3, 4}, 0, false},
                                {{3, 4}, 1, true},
                                {{2, 3, 4}, 1, false},
                                {{2, 3, 4}, {0, 2}, false},
                                {{2, 3, 2, 2}, {0, -1, 2}, true},
                                {{1, 5}, 0, false},
                                {{}, {}, false},
                                {{5, 1}, 1, true},
                                {{0, 3}, 1, false},
                                {{2, 3, 4}, {0, 1, 2}, true},
                                {{40}, 0, false}};
  for (const Case& c : cases)
    result.push_back({to_string(c.shape) + " over " + to_string(c.axes),
                      {normal(c.shape)},
                      [f, c](const Inputs& x) { return f(x[0], c.axes, c.keepdim); }});
  return result;
}

}  // namespace

template <>
Rows rows<Op::sum>() {
  Rows rows = over_axes([](auto& x, auto& axes, bool keep) { return sum(x, axes, keep); });
  rows.push_back(of("no elements", {0, 3}, [](const Tensor& x) { return sum(x, 0); }));
  return rows;
}

template <>
Rows rows<Op::mean>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return mean(x, axes, keep); });
}

template <>
Rows rows<Op::var>() {
  Rows rows{of("all", {3, 4}, [](const Tensor& x) { return var(x); }),
            of("biased", {3, 4}, [](const Tensor& x) { return var(x, 0, 0); }),
            of("kept", {2, 3, 4}, [](const Tensor& x) {
              return var(x, {0, 2}, 1, true);
            })};
  return rows;
}

template <>
Rows rows<Op::prod>() {
  Rows rows = over_axes([](auto& x, auto& axes, bool keep) { return prod(x, axes, keep); });
  rows.pop_back();  // a product of 40 numbers is too small for differences
  rows.push_back(of("no elements", {0, 3}, [](const Tensor& x) { return prod(x, 0); }));
  rows.push_back({"one zero",
                  {tensor({2., 0., 3., -1.5}, {.dtype = float64})},
                  [](const Inputs& x) { return prod(x[0]); }});
  rows.push_back({"two zeros",
                  {tensor({{2., 0., 3.}, {0., 0., 1.}}, {.dtype = float64})},
                  [](const Inputs& x) { return prod(x[0], 1); }});
  return rows;
}

template <>
Rows rows<Op::max>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return max(x, axes, keep); });
}

template <>
Rows rows<Op::min>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return min(x, axes, keep); });
}

template <>
Rows rows<Op::logsumexp>() {
  return over_axes([](auto& x, auto& axes, bool keep) { return logsumexp(x, axes, keep); });
}

}  // namespace table
