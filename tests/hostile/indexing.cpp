// The operations that rearrange, index and sort.

#include "hostile.hpp"

using namespace hostile;
using xgrad::indexing::Ellipsis;
using xgrad::indexing::None;
using xgrad::indexing::Slice;

namespace {

void use(const Ranked& ranked) {
  Arguments::use(ranked.values);
  Arguments::use(ranked.indices);
}

void use(const Unique& found) {
  Arguments::use(found.values);
  Arguments::use(found.inverse);
  Arguments::use(found.counts);
}

}  // namespace

TEST_CASE("hostile: arrangements") {
  sweep({
      {"unflatten|reshape",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 6});
         const std::int64_t axis = from.size(1);
         Arguments::use(unflatten(x, axis, from.shape({2, 3})));
       }},
      {"movedim",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Axes source = from.axes({1, 0});
         Arguments::use(movedim(x, source, from.axes({0, 1})));
       }},
      {"swapaxes",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         const std::int64_t axis = from.size(1);
         Arguments::use(swapaxes(x, axis, from.size(2)));
       }},
      {"repeat",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(repeat(x, from.shape({2, 1})));
       }},
      {"tile",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(tile(x, from.shape({2})));
       }},
      {"narrow",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t axis = from.size(1);
         const std::int64_t start = from.size(1);
         Arguments::use(narrow(x, axis, start, from.size(1)));
       }},
      {"roll",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Axes shifts = from.axes({1, 2});
         Arguments::use(roll(x, shifts, from.axes({0, 1})));
       }},
      {"rot90",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t k = from.size(1);
         Arguments::use(rot90(x, k, from.axes({0, 1})));
       }},
      {"diag",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(diag(x, from.size(1)));
       }},
      {"diag of a vector|diag",
       [](Arguments& from) {
         const Tensor x = from.tensor({3});
         Arguments::use(diag(x, from.size(1)));
       }},
      {"diagonal",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t offset = from.size(1);
         const std::int64_t axis = from.size(0);
         Arguments::use(diagonal(x, offset, axis, from.size(1)));
       }},
      {"diagonal_scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor source = from.tensor({2});
         const std::int64_t offset = from.size(1);
         const std::int64_t axis = from.size(0);
         Arguments::use(diagonal_scatter(x, source, offset, axis, from.size(1)));
       }},
      {"diag_embed",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t offset = from.size(1);
         const std::int64_t axis = from.size(0);
         Arguments::use(diag_embed(x, offset, axis, from.size(1)));
       }},
      {"tril",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(tril(x, from.size(1)));
       }},
      {"triu",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(triu(x, from.size(1)));
       }},
      {"unfold",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5});
         const std::int64_t axis = from.size(1);
         const std::int64_t size = from.size(2);
         Arguments::use(unfold(x, axis, size, from.size(1)));
       }},
      {"meshgrid",
       [](Arguments& from) {
         const std::vector<Tensor> list = from.tensors({2});
         Arguments::use(meshgrid(list, from.text("xy")));
       }},
      {"broadcast_to|expand",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 3});
         Arguments::use(broadcast_to(x, from.shape({2, 3})));
       }},
      {"broadcast_tensors",
       [](Arguments& from) {
         Arguments::use(broadcast_tensors(from.tensors({2, 3})));
       }},
      {"atleast_1d", [](Arguments& from) { Arguments::use(atleast_1d(from.tensor({2}))); }},
      {"atleast_2d", [](Arguments& from) { Arguments::use(atleast_2d(from.tensor({2}))); }},
      {"atleast_3d", [](Arguments& from) { Arguments::use(atleast_3d(from.tensor({2}))); }},
      {"vstack|cat",
       [](Arguments& from) {
         Arguments::use(vstack(from.tensors({2, 3})));
       }},
      {"hstack|cat",
       [](Arguments& from) {
         Arguments::use(hstack(from.tensors({2, 3})));
       }},
  });
}

TEST_CASE("hostile: indices between brackets") {
  sweep({
      {"index",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3, 2});
         const std::int64_t start = from.size(0);
         const std::int64_t stop = from.size(2);
         const Slice slice(start, stop, from.size(1));
         Arguments::use(index(x, {slice, Ellipsis, from.size(1)}));
       }},
      {"index by tensors|index",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const Tensor rows = from.index({2});
         Arguments::use(index(x, {rows, None, from.index({2})}));
       }},
      {"index by a mask|index",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(index(x, {from.tensor({2, 3}, boolean)}));
       }},
      {"index_put",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const Tensor rows = from.index({2});
         const Tensor put = from.tensor({2, 2});
         const std::int64_t stop = from.size(3);
         Arguments::use(index_put(x, {rows, Slice(1, stop)}, put, from.flag()));
       },
       true},
      {"index_put a number|index_put",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3}, int64);
         const Tensor rows = from.index({2});
         Arguments::use(index_put(x, {rows}, from.scalar()));
       }},
      {"index_put_",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const Tensor rows = from.index({2});
         const Tensor put = from.tensor({2, 2});
         const std::int64_t stop = from.size(3);
         Arguments::use(index_put_(x, {rows, Slice(1, stop)}, put, from.flag()));
       },
       true},
      {"index_put_ a part|index_put_",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3}, int64);
         const std::int64_t row = from.size(1);
         Arguments::use(index_put_(x, {row}, from.scalar()));
       }},
  });
}

TEST_CASE("hostile: look-ups") {
  sweep({
      {"index_copy",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({3});
         Arguments::use(index_copy(x, axis, index, from.tensor({2, 3}, int64)));
       }},
      {"index_fill",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({3});
         Arguments::use(index_fill(x, axis, index, from.scalar()));
       }},
      {"scatter_reduce",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({2, 3});
         const Tensor source = from.tensor({2, 3}, int64);
         const std::string reduce = from.text("amax");
         Arguments::use(scatter_reduce(x, axis, index, source, reduce, from.flag()));
       }},
      {"scatter_reduce to a product|scatter_reduce",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5});
         const Tensor index = from.index({2, 3});
         const Tensor source = from.tensor({2, 3});
         Arguments::use(scatter_reduce(x, 1, index, source, "prod", from.flag()));
       }},
      {"scatter_reduce to a mean|scatter_reduce",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const Tensor index = from.index({2, 3});
         const Tensor source = from.tensor({2, 3}, int64);
         Arguments::use(scatter_reduce(x, 1, index, source, "mean", from.flag()));
       }},
      {"take",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(take(x, from.index({2, 4})));
       }},
      {"take_along_dim",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor index = from.index({2, 4});
         Arguments::use(take_along_dim(x, index, from.size(1)));
         Arguments::use(take_along_dim(x, index));
       },
       true},
      {"repeat_interleave",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t repeats = from.size(2);
         Arguments::use(repeat_interleave(x, repeats, from.size(1)));
         Arguments::use(repeat_interleave(x, repeats));
       }},
      {"repeat_interleave by numbers|repeat_interleave",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor repeats = from.index({3});
         Arguments::use(repeat_interleave(x, repeats, from.size(1)));
       }},
      {"repeat_interleave of numbers|repeat_interleave",
       [](Arguments& from) { Arguments::use(repeat_interleave(from.index({3}))); }},
      {"one_hot",
       [](Arguments& from) {
         const Tensor x = from.index({2});
         Arguments::use(one_hot(x, from.size(3)));
       }},
      {"embedding",
       [](Arguments& from) {
         const Tensor weight = from.tensor({4, 3});
         const Tensor indices = from.index({2, 2});
         Arguments::use(embedding(weight, indices, from.size(1)));
       }},
      {"masked_fill",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, int64);
         const Tensor mask = from.tensor({2, 3}, boolean);
         Arguments::use(masked_fill(x, mask, from.scalar()));
       }},
      {"masked_fill with a tensor|masked_fill|where",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor mask = from.tensor({2, 3}, boolean);
         Arguments::use(masked_fill(x, mask, from.tensor({})));
       }},
      {"masked_select",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(masked_select(x, from.tensor({2, 3}, boolean)));
       }},
      {"masked_scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor mask = from.tensor({2, 3}, boolean);
         Arguments::use(masked_scatter(x, mask, from.tensor({7})));
       }},
      {"nonzero",
       [](Arguments& from) {
         Arguments::use(nonzero(from.tensor({2, 3})));
       }},
      {"where",
       [](Arguments& from) {
         Arguments::use(where(from.tensor({2, 3})));
       }},
  });
}

TEST_CASE("hostile: orders") {
  sweep({
      {"sort",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t axis = from.size(1);
         use(sort(x, axis, from.flag()));
       }},
      {"argsort",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t axis = from.size(1);
         Arguments::use(argsort(x, axis, from.flag()));
       }},
      {"topk",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t k = from.size(2);
         const std::int64_t axis = from.size(1);
         const bool largest = from.flag();
         use(topk(x, k, axis, largest, from.flag()));
       }},
      {"kthvalue",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t k = from.size(2);
         const std::int64_t axis = from.size(1);
         use(kthvalue(x, k, axis, from.flag()));
       }},
      {"unique",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         use(unique(x, {.return_inverse = true, .return_counts = true, .axis = from.size(1)}));
         use(unique(x, {.return_inverse = true, .return_counts = true}));
       }},
      {"unique_consecutive",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         use(unique_consecutive(
             x, {.return_inverse = true, .return_counts = true, .axis = from.size(1)}));
         use(unique_consecutive(x, {.return_inverse = true, .return_counts = true}));
       }},
      {"searchsorted",
       [](Arguments& from) {
         const Tensor sequence = from.tensor({2, 3});
         const Tensor values = from.tensor({2, 4});
         Arguments::use(searchsorted(sequence, values, {.right = from.flag()}));
       }},
      {"searchsorted of a number|searchsorted",
       [](Arguments& from) {
         const Tensor sequence = from.tensor({3}, int64);
         Arguments::use(searchsorted(sequence, from.scalar(), {.right = from.flag()}));
       }},
      {"bucketize",
       [](Arguments& from) {
         const Tensor values = from.tensor({2, 4});
         Arguments::use(bucketize(values, from.tensor({3}), {.right = from.flag()}));
       }},
  });
}
