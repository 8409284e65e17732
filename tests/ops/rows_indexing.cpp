#include "ops/table.hpp"

namespace table {
namespace {

using namespace xgrad::indexing;  // NOLINT: as a user would

Row of(const char* name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

Row pair(const char* name, const Shape& a, const Shape& b,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a), normal(b, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

Tensor none() { return zeros({0}, {.dtype = int64}); }
Tensor mask() { return tensor({{true, false, true}, {false, false, true}}); }

}  // namespace

template <>
Rows rows<Op::index>() {
  return {of("basic", {4, 3, 2},
             [](const Tensor& x) {
               return x.index({Slice(1, None, 2), 0, None});
             }),
          of("ellipsis", {2, 3, 2, 2},
             [](const Tensor& x) {
               return x.index({1, "...", -1});
             }),
          of("rows", {4, 2},
             [](const Tensor& x) {
               return x.index({tensor({3, 0, -1})});
             }),
          of("pairs", {3, 4, 2},
             [](const Tensor& x) {
               return x.index({tensor({{2}, {0}}), tensor({1, -1, 1})});
             }),
          of("middle", {2, 3, 4, 2},
             [](const Tensor& x) {
               return x.index({Slice(), tensor({1, 1}), tensor({{0, 3}})});
             }),
          of("apart", {2, 3, 4},
             [](const Tensor& x) {
               return x.index({tensor({1, 0}), Slice(1), tensor({{0, 3}, {2, 2}})});
             }),
          of("mask", {2, 3, 2}, [](const Tensor& x) { return x.index({mask()}); }),
          of("mask of an axis", {2, 3},
             [](const Tensor& x) {
               return x.index({Ellipsis, tensor({true, false, true})});
             }),
          of("true", {2, 2},
             [](const Tensor& x) {
               return x.index({true, 1});
             }),
          of("false", {2, 2}, [](const Tensor& x) { return x.index({false}); }),
          of("none", {3, 2}, [](const Tensor& x) { return x.index({none()}); })};
}

template <>
Rows rows<Op::index_put>() {
  const auto put = [](const Indices& indices, bool accumulate) {
    return [=](const Tensor& x, const Tensor& v) { return index_put(x, indices, v, accumulate); };
  };
  Rows rows;
  for (const bool accumulate : {false, true}) {
    rows.push_back(pair("repeated rows", {4, 2}, {3, 2}, put({tensor({3, 0, 3})}, accumulate)));
    rows.push_back(
        pair("broadcast", {3, 4, 2}, {2}, put({tensor({2, 0}), Slice(1, 3)}, accumulate)));
    rows.push_back(pair("apart", {2, 3, 4}, {3},
                        put({tensor({1, 0}), Ellipsis, tensor({-1, 2})}, accumulate)));
    rows.push_back(pair("mask", {2, 3}, {3}, put({mask()}, accumulate)));
    rows.push_back(pair("basic", {4, 3}, {1, 1, 2}, put({Slice(0, 4, 2), Slice(1)}, accumulate)));
    rows.push_back(pair("nothing", {3, 2}, {0, 2}, put({none()}, accumulate)));
    rows.push_back(pair("of a temporary", {5}, {2}, [=](const Tensor& x, const Tensor& v) {
      return index_put(x * 2, {tensor({1, 1})}, v * v, accumulate);
    }));
  }
  rows.push_back(of("a number", {3, 2}, [](const Tensor& x) {
    return index_put(x, {tensor({1}), 0}, 1.5);
  }));
  return rows;
}

template <>
Rows rows<Op::index_copy>() {
  return {pair("repeated", {4, 2}, {3, 2},
               [](const Tensor& x, const Tensor& s) {
                 return index_copy(x, 0, tensor({3, 0, 3}), s);
               }),
          pair("last", {2, 4}, {2, 2},
               [](const Tensor& x, const Tensor& s) {
                 return index_copy(x, -1, tensor({1, 2}), s);
               }),
          pair("none", {3, 2}, {0, 2},
               [](const Tensor& x, const Tensor& s) { return index_copy(x, 0, none(), s); })};
}

template <>
Rows rows<Op::index_fill>() {
  return {of("a number", {3, 4},
             [](const Tensor& x) {
               return index_fill(x, 1, tensor({0, 2}), 7);
             }),
          pair("a scalar", {3, 4}, {}, [](const Tensor& x, const Tensor& v) {
            return index_fill(x, 0, tensor({2, 0, 2}), v);
          })};
}

template <>
Rows rows<Op::scatter_reduce>() {
  Rows rows;
  for (const char* reduce : {"sum", "prod", "mean", "amax", "amin"})
    for (const bool self : {true, false}) {
      const auto f = [=](const Tensor& index, std::int64_t axis) {
        return [=](const Tensor& x, const Tensor& s) {
          return scatter_reduce(x, axis, index, s, reduce, self);
        };
      };
      rows.push_back(pair(reduce, {3}, {7}, f(tensor({0, 2, 0, 0, 2, 0, 0}), 0)));
      rows.push_back(pair(reduce, {2, 4}, {3, 3}, f(tensor({{0, 3, 3}, {1, 1, 1}}), 1)));
      rows.push_back(pair(reduce, {3, 2}, {2, 2}, f(tensor({{2, 2}, {2, 0}}), 0)));
      rows.push_back(pair(reduce, {3}, {0}, f(none(), 0)));
    }
  return rows;
}

template <>
Rows rows<Op::take>() {
  return {of("matrix", {2, 3},
             [](const Tensor& x) {
               return take(x, tensor({{0, 5}, {-1, 2}}));
             }),
          of("none", {3}, [](const Tensor& x) { return take(x, none()); })};
}

template <>
Rows rows<Op::take_along_dim>() {
  return {of("broadcast index", {2, 3},
             [](const Tensor& x) {
               return take_along_dim(x, tensor({{2, 0, 1, 2}}), 1);
             }),
          of("broadcast x", {1, 3},
             [](const Tensor& x) {
               return take_along_dim(x, tensor({{2, 0}, {1, 1}}), 1);
             }),
          of("flat", {2, 3}, [](const Tensor& x) {
            return take_along_dim(x, tensor({5, 0, 5}));
          })};
}

template <>
Rows rows<Op::masked_fill>() {
  return {of("a number", {2, 3}, [](const Tensor& x) { return masked_fill(x, mask(), -2.5); }),
          of("broadcast x", {3}, [](const Tensor& x) { return masked_fill(x, mask(), 1); }),
          of("broadcast mask", {4, 3},
             [](const Tensor& x) {
               return masked_fill(x, tensor({true, false, true}), 1);
             }),
          pair("a scalar", {2, 3}, {},
               [](const Tensor& x, const Tensor& v) { return masked_fill(x, mask(), v); })};
}

template <>
Rows rows<Op::masked_select>() {
  return {of("same shape", {2, 3}, [](const Tensor& x) { return masked_select(x, mask()); }),
          of("broadcast x", {2, 1}, [](const Tensor& x) { return masked_select(x, mask()); }),
          of("broadcast mask", {2, 2, 3}, [](const Tensor& x) { return masked_select(x, mask()); }),
          of("nothing", {2}, [](const Tensor& x) { return masked_select(x, x != x); })};
}

template <>
Rows rows<Op::masked_scatter>() {
  return {pair("more than fits", {2, 3}, {2, 2},
               [](const Tensor& x, const Tensor& s) { return masked_scatter(x, mask(), s); }),
          pair("broadcast", {1, 3}, {3},
               [](const Tensor& x, const Tensor& s) { return masked_scatter(x, mask(), s); })};
}

template <>
Rows rows<Op::repeat_interleave>() {
  return {of("flat", {2, 3}, [](const Tensor& x) { return repeat_interleave(x, 2); }),
          of("axis", {2, 3}, [](const Tensor& x) { return repeat_interleave(x, 3, 0); }),
          of("numbers", {2, 3},
             [](const Tensor& x) {
               return repeat_interleave(x, tensor({2, 0, 1}), -1);
             }),
          of("one number", {3}, [](const Tensor& x) { return repeat_interleave(x, tensor({2})); }),
          of("once", {3}, [](const Tensor& x) { return repeat_interleave(x, 1) * 2; }),
          of("never", {2, 3}, [](const Tensor& x) { return repeat_interleave(x, 0, 1); })};
}

template <>
Rows rows<Op::embedding>() {
  return {of("matrix of indices", {4, 3},
             [](const Tensor& w) {
               return embedding(w, tensor({{3, 0}, {3, 3}}));
             }),
          of("one", {4, 3}, [](const Tensor& w) { return embedding(w, tensor(2)); }),
          of("padding elsewhere", {4, 3},
             [](const Tensor& w) {
               return embedding(w, tensor({1, 3, 1}), -2);
             }),
          of("none", {4, 3}, [](const Tensor& w) { return embedding(w, none()); })};
}

namespace {

Rows on_axes(const std::function<Tensor(const Tensor&, std::int64_t)>& f) {
  Rows rows;
  const std::vector<std::pair<Shape, std::int64_t>> cases{
      {{7}, 0}, {{3, 5}, -1}, {{5, 3}, 0}, {{2, 4, 3}, 1}, {{}, 0}, {{3, 1}, 1}};
  for (const auto& [shape, axis] : cases)
    rows.push_back({to_string(shape), {normal(shape)}, [f, axis = axis](const Inputs& x) {
                      return f(x[0], axis);
                    }});
  return rows;
}

}  // namespace

template <>
Rows rows<Op::sort>() {
  Rows rows = on_axes([](const Tensor& x, std::int64_t axis) { return sort(x, axis).values; });
  rows.push_back(of("falling", {3, 5}, [](const Tensor& x) { return sort(x, -1, true).values; }));
  rows.push_back(of("empty", {3, 0}, [](const Tensor& x) { return sort(x).values; }));
  // Apart by more than a central difference moves them.
  rows.push_back({"long", {to(arange(700) * 37 % 701, float64) * 0.01}, [](const Inputs& x) {
                    return sort(x[0]).values;
                  }});
  return rows;
}

template <>
Rows rows<Op::topk>() {
  Rows rows = on_axes([](const Tensor& x, std::int64_t axis) {
    return topk(x, x.dim() == 0 ? 1 : (x.size(axis) + 1) / 2, axis).values;
  });
  rows.push_back(
      of("smallest", {3, 5}, [](const Tensor& x) { return topk(x, 2, 1, false, false).values; }));
  rows.push_back(of("none", {3, 5}, [](const Tensor& x) { return topk(x, 0).values; }));
  return rows;
}

template <>
Rows rows<Op::kthvalue>() {
  Rows rows =
      on_axes([](const Tensor& x, std::int64_t axis) { return kthvalue(x, 1, axis).values; });
  rows.push_back(
      of("kept", {3, 5}, [](const Tensor& x) { return kthvalue(x, 4, 1, true).values; }));
  return rows;
}

}  // namespace table
