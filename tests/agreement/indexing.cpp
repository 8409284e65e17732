// index.hpp, indexing.hpp, lookup.hpp, masked.hpp.
#include "kinds.hpp"
#include <ATen/TensorIndexing.h>

namespace agreement {
namespace {

using xgrad::Shape;
using xgrad::Tensor;

/// Indices: repeated, negative, beyond the end, none, of other dtypes and numbers of axes.
Inputs index_inputs() {
  return {integers({0, 2, 1}),
          integers({1, 1, 1}),
          integers({0}),
          integers({}),
          integers({-1, 0}),
          integers({3}),
          integers({1, 0}, xgrad::int32),
          integers({1, 0}, xgrad::uint8),
          integers({1}, xgrad::int64, Shape{}),
          listed({1, 0}),
          integers({0, 1, 2, 0}, xgrad::int64, Shape{2, 2}),
          integers({1LL << 62}),
          integers({0, 1, 0, 1, 0, 1}, xgrad::int64, Shape{2, 3}),
          integers({}, xgrad::int64, Shape{0, 3})};
}

Inputs indexed() {
  Inputs inputs{random({3}),
                random({3, 4}),
                random({3, 2, 3}),
                random({}),
                random({0}),
                random({3, 0}),
                random({1, 3}),
                whole({3, 3}, xgrad::int64, 0, 9),
                filled({3, 3}, 1, xgrad::boolean),
                random({3, 3}, xgrad::float32)};
  for (const Input& input : lying_otherwise(random({3, 3}))) inputs.push_back(input);
  return inputs;
}

/// What is put somewhere: of the shape of the index, larger, smaller, of another dtype.
Inputs sources() {
  return {random({3}),
          random({2}, xgrad::float64, -3, 3, 2),
          random({3, 4}),
          random({3, 3}),
          random({2, 3}),
          random({4, 4}),
          random({}),
          random({1}),
          random({0}),
          random({3, 2, 3}),
          whole({3, 3}, xgrad::int64, 0, 9),
          random({3, 3}, xgrad::float32)};
}

/// f(x, axis, index) for x, axes and indices.
template <class F>
void by_index(Suite& s, const std::string& operation, F f) {
  for (const Input& x : indexed())
    for (const Input& index : index_inputs())
      for (const std::int64_t axis : {0, 1, -1, 5})
        check(
            s, operation, {x, index}, "axis " + std::to_string(axis),
            [=](const Ours& x) { return f(x[0], axis, x[1]); },
            [=](const Theirs& x) { return f(x[0], axis, x[1]); });
}

/// Whether several values may come to one place, of which libtorch keeps any.
bool is_repeated(const Input& index) {
  return index.tensor.numel() > 2 && index.what.find(" 0 2 1") == std::string::npos &&
         index.what.find(" 0 1 2 0") == std::string::npos;
}

/// f(x, axis, index, source); indices that come once where the answer would be open.
template <class F>
void by_index_and_source(Suite& s, const std::string& operation, bool repeated, F f,
                         const std::string& with = "") {
  for (const Input& x : indexed())
    for (const Input& index : index_inputs()) {
      if (!repeated && is_repeated(index)) continue;
      for (const Input& source : sources())
        for (const std::int64_t axis : {0, -1})
          check(
              s, operation, {x, index, source}, "axis " + std::to_string(axis) + with,
              [=](const Ours& x) { return f(x[0], axis, x[1], x[2]); },
              [=](const Theirs& x) { return f(x[0], axis, x[1], x[2]); });
    }
}

using OurIndices = xgrad::indexing::Indices;
using TheirIndices = std::vector<at::indexing::TensorIndex>;

/// What stands between brackets, as both have it.
struct Brackets {
  std::string what;
  std::function<OurIndices(const Ours&)> ours;
  std::function<TheirIndices(const Theirs&)> theirs;
};

std::vector<Brackets> brackets() {
  namespace a = xgrad::indexing;
  namespace b = at::indexing;
  return {
      {"1", [](const Ours&) { return OurIndices{1}; },
       [](const Theirs&) { return TheirIndices{1}; }},
      {"-4", [](const Ours&) { return OurIndices{-4}; },
       [](const Theirs&) { return TheirIndices{-4}; }},
      {"None, 1",
       [](const Ours&) {
         return OurIndices{a::None, 1};
       },
       [](const Theirs&) {
         return TheirIndices{b::None, 1};
       }},
      {"..., 0",
       [](const Ours&) {
         return OurIndices{a::Ellipsis, 0};
       },
       [](const Theirs&) {
         return TheirIndices{b::Ellipsis, 0};
       }},
      {"1::2, None, ...",
       [](const Ours&) {
         return OurIndices{a::Slice(1, a::None, 2), a::None, a::Ellipsis};
       },
       [](const Theirs&) {
         return TheirIndices{b::Slice(1, b::None, 2), b::None, b::Ellipsis};
       }},
      {"true", [](const Ours&) { return OurIndices{true}; },
       [](const Theirs&) { return TheirIndices{true}; }},
      {"false", [](const Ours&) { return OurIndices{false}; },
       [](const Theirs&) { return TheirIndices{false}; }},
      {"index", [](const Ours& x) { return OurIndices{x[1]}; },
       [](const Theirs& x) { return TheirIndices{x[1]}; }},
      {":, index",
       [](const Ours& x) {
         return OurIndices{a::Slice(), x[1]};
       },
       [](const Theirs& x) {
         return TheirIndices{b::Slice(), x[1]};
       }},
      {"index, index",
       [](const Ours& x) {
         return OurIndices{x[1], x[1]};
       },
       [](const Theirs& x) {
         return TheirIndices{x[1], x[1]};
       }},
      {"index, :, index",
       [](const Ours& x) {
         return OurIndices{x[1], a::Slice(), x[1]};
       },
       [](const Theirs& x) {
         return TheirIndices{x[1], b::Slice(), x[1]};
       }},
      {"0, :, index",
       [](const Ours& x) {
         return OurIndices{0, a::Slice(), x[1]};
       },
       [](const Theirs& x) {
         return TheirIndices{0, b::Slice(), x[1]};
       }},
      {"index, ..., 0",
       [](const Ours& x) {
         return OurIndices{x[1], a::Ellipsis, 0};
       },
       [](const Theirs& x) {
         return TheirIndices{x[1], b::Ellipsis, 0};
       }},
      {"x > 0", [](const Ours& x) { return OurIndices{xgrad::gt(x[0], 0)}; },
       [](const Theirs& x) { return TheirIndices{at::gt(x[0], 0)}; }},
      {"none", [](const Ours&) { return OurIndices{}; },
       [](const Theirs&) { return TheirIndices{}; }},
  };
}

void in_brackets(Suite& s) {
  Inputs all = index_inputs();
  all.push_back(bools({true, false, true}));
  all.push_back(bools({false, false, false}));
  all.push_back(bools({true, false}));
  all.push_back(bools({true}, Shape{}));
  all.push_back(bools({true, false, true, false, true, false, false, true, true}, Shape{3, 3}));
  for (const Input& x : indexed())
    for (const Input& index : all)
      for (const Brackets& one : brackets()) {
        check(
            s, "index", {x, index}, one.what,
            [=](const Ours& x) { return xgrad::index(x[0], one.ours(x)); },
            [=](const Theirs& x) { return x[0].index(one.theirs(x)); });
        for (const bool accumulate : {false, true})
          check(
              s, "index_put", {x, index}, one.what + (accumulate ? " accumulated" : ""),
              [=](const Ours& x) {
                return xgrad::index_put(x[0], one.ours(x),
                                        xgrad::full({}, 2, {.dtype = x[0].dtype()}), accumulate);
              },
              [=](const Theirs& x) {
                const at::Tensor value = at::full({}, 2, x[0].options().requires_grad(false));
                if (!accumulate) return x[0].clone().index_put_(one.theirs(x), value);
                // libtorch's own way to accumulate takes no slices: by places in the flat tensor.
                const at::Tensor places =
                    at::arange(x[0].numel()).view(x[0].sizes()).index(one.theirs(x)).flatten();
                return at::index_put(x[0].flatten(), {c10::optional<at::Tensor>(places)}, value,
                                     true)
                    .view(x[0].sizes());
              });
      }
}

void by_mask(Suite& s) {
  const Inputs masks{bools({true, false, true}),
                     bools({false, false, false}),
                     bools({true, true, true, false, false, true, false, true, true}, Shape{3, 3}),
                     bools({true}, Shape{}),
                     bools({false}, Shape{}),
                     bools({true, false, true}, Shape{3, 1}),
                     bools({true, false}),
                     integers({1, 0, 1}, xgrad::uint8),
                     integers({1, 0, 1})};
  for (const Input& x : indexed())
    for (const Input& mask : masks) {
      check(
          s, "masked_fill", {x, mask}, "2.5",
          [](const Ours& x) { return xgrad::masked_fill(x[0], x[1], 2.5); },
          [](const Theirs& x) { return at::masked_fill(x[0], x[1], 2.5); });
      check(s, "masked_select", {x, mask}, [](const auto& x) { return masked_select(x[0], x[1]); });
      for (const Input& source : sources()) {
        check(s, "masked_fill", {x, mask, source},
              [](const auto& x) { return masked_fill(x[0], x[1], x[2]); });
        check(s, "masked_scatter", {x, mask, source},
              [](const auto& x) { return masked_scatter(x[0], x[1], x[2]); });
      }
    }
  over(s, "nonzero", [](const auto& x) { return nonzero(x); });
  over(s, "where", [](const auto& x) { return where(x); });
}

void repeated(Suite& s) {
  for (const Input& x : indexed())
    for (const std::int64_t n : {0, 1, 3, -1}) {
      check(
          s, "repeat_interleave", {x}, std::to_string(n),
          [=](const Ours& x) { return xgrad::repeat_interleave(x[0], n); },
          [=](const Theirs& x) { return at::repeat_interleave(x[0], n); });
      for (const std::int64_t axis : {0, -1, 3})
        check(
            s, "repeat_interleave", {x}, std::to_string(n) + " axis " + std::to_string(axis),
            [=](const Ours& x) { return xgrad::repeat_interleave(x[0], n, axis); },
            [=](const Theirs& x) { return at::repeat_interleave(x[0], n, axis); });
    }
  for (const Input& n : index_inputs()) {
    if (n.what.find("4611686018427387904") != std::string::npos) continue;  // so many are no memory
    check(s, "repeat_interleave", {n}, [](const auto& x) { return repeat_interleave(x[0]); });
    for (const Input& x : indexed())
      for (const std::int64_t axis : {0, -1})
        check(
            s, "repeat_interleave", {x, n}, "axis " + std::to_string(axis),
            [=](const Ours& x) { return xgrad::repeat_interleave(x[0], x[1], axis); },
            [=](const Theirs& x) { return at::repeat_interleave(x[0], x[1], axis); });
    for (const std::int64_t classes : {-1, 0, 1, 3, 5})
      check(s, "one_hot", {n}, std::to_string(classes),
            [=](const auto& x) { return one_hot(x[0], classes); });
  }
}

void embeddings(Suite& s) {
  for (const Input& weight : indexed())
    for (const Input& index : index_inputs()) {
      check(s, "embedding", {weight, index}, [](const auto& x) { return embedding(x[0], x[1]); });
      check(s, "embedding", {weight, index}, "padding_idx 1",
            [](const auto& x) { return embedding(x[0], x[1], 1); });
    }
}

}  // namespace

void indices(Suite& s) {
  by_index(s, "index_select", [](const auto& x, std::int64_t axis, const auto& i) {
    return index_select(x, axis, i);
  });
  by_index(s, "gather",
           [](const auto& x, std::int64_t axis, const auto& i) { return gather(x, axis, i); });
  by_index(s, "take_along_dim", [](const auto& x, std::int64_t axis, const auto& i) {
    return take_along_dim(x, i, axis);
  });
  by_index(s, "take", [](const auto& x, std::int64_t, const auto& i) { return take(x, i); });
  by_index(s, "scatter", [](const auto& x, std::int64_t axis, const auto& i) {
    return scatter(x, axis, i, 2.5);
  });
  by_index(s, "index_fill", [](const auto& x, std::int64_t axis, const auto& i) {
    return index_fill(x, axis, i, 2.5);
  });
  by_index_and_source(s, "index_add", true,
                      [](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
                        return index_add(x, axis, i, y, 2);
                      });
  by_index_and_source(s, "scatter", false,
                      [](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
                        return scatter(x, axis, i, y);
                      });
  by_index_and_source(s, "scatter_add", true,
                      [](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
                        return scatter_add(x, axis, i, y);
                      });
  by_index_and_source(s, "index_copy", false,
                      [](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
                        return index_copy(x, axis, i, y);
                      });
  by_index_and_source(s, "index_fill", true,
                      [](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
                        return index_fill(x, axis, i, y);
                      });
  for (const char* const reduce : {"sum", "prod", "mean", "amax", "amin", "else"})
    for (const bool self : {true, false})
      by_index_and_source(
          s, "scatter_reduce", true,
          [=](const auto& x, std::int64_t axis, const auto& i, const auto& y) {
            return scatter_reduce(x, axis, i, y, reduce, self);
          },
          " " + std::string(reduce) + (self ? "" : " without x"));
  in_brackets(s);
  by_mask(s);
  repeated(s);
  embeddings(s);
}

}  // namespace agreement
