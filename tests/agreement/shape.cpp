// shape.hpp, arrange.hpp.
#include "kinds.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using List = std::vector<std::int64_t>;

/// Two axes, or two bounds.
struct Two {
  std::int64_t a, b;
};
struct Lists {
  List a, b;
};
/// What slice() takes behind the axis.
struct Cut {
  std::int64_t start;
  std::optional<std::int64_t> end;
  std::int64_t step;
};

std::string text(const Two& two) { return std::to_string(two.a) + " and " + std::to_string(two.b); }
std::string text(const Cut& cut) {
  return "from " + std::to_string(cut.start) + " to " +
         (cut.end ? std::to_string(*cut.end) : "its end") + " in steps of " +
         std::to_string(cut.step);
}

Shape shape_of(const List& list) { return Shape(std::span(list)); }
xgrad::Axes axes_of(const List& list) { return xgrad::Axes(std::span(list)); }
std::string text(const List& list) { return xgrad::to_string(shape_of(list)); }

/// Lists of tensors to be joined.
std::vector<Inputs> joined() {
  std::vector<Inputs> all{{random({2, 3}), random({2, 3})},
                          {random({2, 3}), random({4, 3})},
                          {random({2, 3}), random({2, 1}), random({2, 2})},
                          {random({3})},
                          {random({3}), random({2})},
                          {random({0}), random({2})},
                          {random({0}), random({2, 3})},
                          {random({2, 3}), random({0})},
                          {random({0, 3}), random({2, 3})},
                          {random({}), random({})},
                          {random({}), random({2})},
                          {random({2, 3}), random({3})},
                          {random({2, 3, 4}), random({2, 3, 4})},
                          {random({1, 2, 3}), random({4, 2, 3})},
                          {random({0}), random({0})}};
  for (const xgrad::DType a : all_dtypes)
    for (const xgrad::DType b : all_dtypes)
      all.push_back({whole({2, 3}, a, 0, 5), whole({2, 3}, b, 0, 5)});
  Inputs views = lying_otherwise(random({4, 6}));
  all.push_back(views);
  return all;
}

template <class F, class G>
void join(Suite& s, const std::string& operation, const std::string& with, F f, G g) {
  for (const Inputs& list : joined()) check(s, operation, list, with, f, g);
}
template <class F>
void join(Suite& s, const std::string& operation, const std::string& with, F f) {
  join(s, operation, with, f, f);
}

}  // namespace

void shapes(Suite& s) {
  for (const List& list : std::vector<List>{{-1},
                                            {6},
                                            {3, 2},
                                            {-1, 2},
                                            {0, -1},
                                            {2, -1, 3},
                                            {4, 6},
                                            {},
                                            {1, 1},
                                            {0},
                                            {-1, -1},
                                            {-2},
                                            {24, 1, 1}}) {
    const Shape shape = shape_of(list);
    arranged(
        s, "reshape", text(list), [=](const xgrad::Tensor& x) { return xgrad::reshape(x, shape); },
        [=](const at::Tensor& x) { return at::reshape(x, list); });
    arranged(
        s, "view", text(list), [=](const xgrad::Tensor& x) { return xgrad::view(x, shape); },
        [=](const at::Tensor& x) { return x.view(list); });
    arranged(
        s, "expand", text(list), [=](const xgrad::Tensor& x) { return xgrad::expand(x, shape); },
        [=](const at::Tensor& x) { return x.expand(list); });
  }
  for (const List& list :
       std::vector<List>{{2, 3, 4}, {-1, 3, 4}, {5, 2, 3}, {5, -1, 3}, {2, 4, 6}, {-1}, {0}})
    arranged(
        s, "expand", text(list),
        [=](const xgrad::Tensor& x) { return xgrad::expand(x, shape_of(list)); },
        [=](const at::Tensor& x) { return x.expand(list); });
  for (const Two& ends : {Two{0, -1}, {1, 2}, {0, 0}, {1, 0}, {-2, -1}, {0, 5}})
    arranged(s, "flatten", text(ends), [=](const auto& x) { return flatten(x, ends.a, ends.b); });
  for (const Two& axes : {Two{0, 1}, {-1, 0}, {1, 1}, {0, 0}, {0, 2}, {0, -1}, {3, 0}}) {
    arranged(s, "transpose", text(axes),
             [=](const auto& x) { return transpose(x, axes.a, axes.b); });
    arranged(s, "swapaxes", text(axes), [=](const auto& x) { return swapaxes(x, axes.a, axes.b); });
  }
  for (const List& list :
       std::vector<List>{{0}, {1, 0}, {2, 0, 1}, {-1, 0, 1}, {}, {0, 0}, {0, 1, 2, 3}}) {
    arranged(
        s, "permute", text(list),
        [=](const xgrad::Tensor& x) { return xgrad::permute(x, axes_of(list)); },
        [=](const at::Tensor& x) { return at::permute(x, list); });
    arranged(
        s, "flip", text(list),
        [=](const xgrad::Tensor& x) { return xgrad::flip(x, axes_of(list)); },
        [=](const at::Tensor& x) { return at::flip(x, list); });
  }
  arranged(s, "squeeze", "all", [](const auto& x) { return squeeze(x); });
  for (const std::int64_t axis : {0, 1, -1, 2, -4}) {
    const std::string with = "axis " + std::to_string(axis);
    arranged(s, "squeeze", with, [=](const auto& x) { return squeeze(x, axis); });
    arranged(s, "unsqueeze", with, [=](const auto& x) { return unsqueeze(x, axis); });
    arranged(s, "unbind", with, [=](const auto& x) { return unbind(x, axis); });
    for (const std::int64_t n : {0, 1, 2, 3, 100, -1}) {
      const std::string by = with + " by " + std::to_string(n);
      arranged(
          s, "split", by, [=](const xgrad::Tensor& x) { return xgrad::split(x, n, axis); },
          [=](const at::Tensor& x) { return at::split(x, n, axis); });
      arranged(s, "chunk", by, [=](const auto& x) { return chunk(x, n, axis); });
      arranged(s, "select", by, [=](const auto& x) { return select(x, axis, n); });
      arranged(s, "narrow", by + " from 1", [=](const auto& x) { return narrow(x, axis, 1, n); });
      arranged(s, "narrow", by + " from -2", [=](const auto& x) { return narrow(x, axis, -2, n); });
      arranged(
          s, "unfold", by, [=](const xgrad::Tensor& x) { return xgrad::unfold(x, axis, n, 1); },
          [=](const at::Tensor& x) { return x.unfold(axis, n, 1); });
      arranged(
          s, "unfold", by + " in steps of 2",
          [=](const xgrad::Tensor& x) { return xgrad::unfold(x, axis, n, 2); },
          [=](const at::Tensor& x) { return x.unfold(axis, n, 2); });
    }
    for (const List& sizes : std::vector<List>{{1, 1}, {0, 2}, {1, 2}, {3}, {4, -1}, {}})
      arranged(
          s, "split", with + " in " + text(sizes),
          [=](const xgrad::Tensor& x) { return xgrad::split(x, sizes, axis); },
          [=](const at::Tensor& x) { return at::split_with_sizes(x, sizes, axis); });
    for (const Cut& cut : {Cut{0, {}, 1},
                           {1, {}, 2},
                           {-2, {}, 1},
                           {0, -1, 1},
                           {2, 1, 1},
                           {100, {}, 1},
                           {-100, 100, 3},
                           {0, {}, 0},
                           {0, {}, -1}}) {
      const std::string by = with + " " + text(cut);
      const auto our_slice = [=](const xgrad::Tensor& x) {
        return xgrad::slice(x, axis, cut.start, cut.end, cut.step);
      };
      const auto their_slice = [=](const at::Tensor& x) {
        return at::slice(x, axis, cut.start, theirs_of(cut.end), cut.step);
      };
      arranged(s, "slice", by, our_slice, their_slice);
      arranged(
          s, "slice_scatter", by,
          [=](const xgrad::Tensor& x) {
            return xgrad::slice_scatter(x, 2 * our_slice(x), axis, cut.start, cut.end, cut.step);
          },
          [=](const at::Tensor& x) {
            return at::slice_scatter(x, 2 * their_slice(x), axis, cut.start, theirs_of(cut.end),
                                     cut.step);
          });
    }
    arranged(s, "select_scatter", with,
             [=](const auto& x) { return select_scatter(x, 2 * select(x, axis, -1), axis, -1); });
    join(s, "cat", with, [=](const auto& x) { return cat(x, axis); });
    join(s, "stack", with, [=](const auto& x) { return stack(x, axis); });
  }
  for (const List& padding : std::vector<List>{
           {1, 2}, {0, 1, 2, 0}, {-1, 1}, {-1, -1, 0, 2}, {}, {1}, {-3, -3}, {0, 0, 0, 0, 1, 1}})
    arranged(
        s, "pad", text(padding), [=](const xgrad::Tensor& x) { return xgrad::pad(x, padding, 7); },
        [=](const at::Tensor& x) { return at::pad(x, padding, "constant", 7.0); });
  check(
      s, "cat", {}, "nothing", [](const Ours&) { return xgrad::cat({}); },
      [](const Theirs&) { return at::cat(Theirs{}); });
  check(
      s, "stack", {}, "nothing", [](const Ours&) { return xgrad::stack({}); },
      [](const Theirs&) { return at::stack(Theirs{}); });
}

void arrangements(Suite& s) {
  for (const List& list :
       std::vector<List>{{2, 1}, {-1, 2}, {1, 3}, {3, -1}, {-1, -1}, {0, 5}, {}, {-1}})
    for (const std::int64_t axis : {0, 1, -1, 4})
      arranged(
          s, "unflatten", text(list) + " of axis " + std::to_string(axis),
          [=](const xgrad::Tensor& x) { return xgrad::unflatten(x, axis, shape_of(list)); },
          [=](const at::Tensor& x) { return x.unflatten(axis, list); });
  for (const Lists& axes : std::vector<Lists>{{{0}, {1}},
                                              {{0}, {-1}},
                                              {{0, 1}, {1, 0}},
                                              {{-1}, {0}},
                                              {{0, 1}, {-1, -2}},
                                              {{0, 0}, {1, 0}},
                                              {{0}, {0, 1}},
                                              {{3}, {0}},
                                              {{}, {}}})
    arranged(
        s, "movedim", text(axes.a) + " to " + text(axes.b),
        [=](const xgrad::Tensor& x) { return xgrad::movedim(x, axes_of(axes.a), axes_of(axes.b)); },
        [=](const at::Tensor& x) { return at::movedim(x, axes.a, axes.b); });
  for (const List& list :
       std::vector<List>{{2}, {1, 2}, {2, 1, 3}, {0}, {0, 2, 1}, {}, {-1}, {1, 1, 1, 2}}) {
    arranged(
        s, "repeat", text(list),
        [=](const xgrad::Tensor& x) { return xgrad::repeat(x, shape_of(list)); },
        [=](const at::Tensor& x) { return x.repeat(list); });
    arranged(
        s, "tile", text(list),
        [=](const xgrad::Tensor& x) { return xgrad::tile(x, shape_of(list)); },
        [=](const at::Tensor& x) { return at::tile(x, list); });
  }
  for (const Lists& by : std::vector<Lists>{{{1}, {}},
                                            {{1}, {0}},
                                            {{-7}, {1}},
                                            {{1, 2}, {0, 1}},
                                            {{1, 2}, {0, 0}},
                                            {{1}, {5}},
                                            {{}, {}},
                                            {{1, 2}, {}},
                                            {{1}, {0, 1}},
                                            {{1LL << 62}, {0}}})
    arranged(
        s, "roll", text(by.a) + " along " + text(by.b),
        [=](const xgrad::Tensor& x) { return xgrad::roll(x, axes_of(by.a), axes_of(by.b)); },
        [=](const at::Tensor& x) { return at::roll(x, by.a, by.b); });
  for (const std::int64_t k : {0, 1, 2, 3, -1, 6})
    for (const List& axes : std::vector<List>{{0, 1}, {1, 0}, {-1, 0}, {0, 0}, {0}, {0, 7}})
      arranged(
          s, "rot90", std::to_string(k) + " in " + text(axes),
          [=](const xgrad::Tensor& x) { return xgrad::rot90(x, k, axes_of(axes)); },
          [=](const at::Tensor& x) { return at::rot90(x, k, axes); });
  for (const std::int64_t offset : {0, 1, -1, 2, -2, 100, -100}) {
    const std::string with = "offset " + std::to_string(offset);
    arranged(s, "diag", with, [=](const auto& x) { return diag(x, offset); });
    arranged(s, "tril", with, [=](const auto& x) { return tril(x, offset); });
    arranged(s, "triu", with, [=](const auto& x) { return triu(x, offset); });
    for (const Two& axes : {Two{0, 1}, {-2, -1}, {1, 0}, {0, 0}, {0, 5}}) {
      const std::string plane = with + " of " + text(axes);
      const auto diagonal_of = [=](const auto& x) { return diagonal(x, offset, axes.a, axes.b); };
      arranged(s, "diagonal", plane, diagonal_of);
      arranged(s, "diag_embed", plane,
               [=](const auto& x) { return diag_embed(x, offset, axes.a, axes.b); });
      arranged(s, "diagonal_scatter", plane, [=](const auto& x) {
        return diagonal_scatter(x, 2 * diagonal_of(x), offset, axes.a, axes.b);
      });
    }
  }
  arranged(s, "atleast_1d", "", [](const auto& x) { return atleast_1d(x); });
  arranged(s, "atleast_2d", "", [](const auto& x) { return atleast_2d(x); });
  arranged(s, "atleast_3d", "", [](const auto& x) { return atleast_3d(x); });
  join(s, "vstack", "", [](const auto& x) { return vstack(x); });
  join(s, "hstack", "", [](const auto& x) { return hstack(x); });
  join(s, "broadcast_tensors", "", [](const auto& x) { return broadcast_tensors(x); });
  for (const char* const indexing : {"ij", "xy", "else"})
    join(s, "meshgrid", indexing, [=](const auto& x) { return meshgrid(x, indexing); });
}

}  // namespace agreement
