// Packed sequences, and recurrent layers on them.

#include <xgrad/nn/nn.hpp>

#include <vector>

#include "support.hpp"

using namespace support;
using namespace nn::utils::rnn;

namespace {

using Lengths = std::vector<std::int64_t>;

/// Sequences of these lengths, of 3 features.
std::vector<Tensor> sequences_of(const Lengths& lengths) {
  std::vector<Tensor> all;
  for (const std::int64_t length : lengths) all.push_back(normal({length, 3}, all.size() + 1));
  return all;
}

LSTMState state_of(const Tensor& h) { return {h, {}}; }
LSTMState state_of(const LSTMState& state) { return state; }
LSTMState last_of(const RNNOutput& y) { return {y.h_n, {}}; }
LSTMState last_of(const LSTMOutput& y) { return y.state; }
LSTMState last_of(const nn::PackedRNNOutput& y) { return {y.h_n, {}}; }
LSTMState last_of(const nn::PackedLSTMOutput& y) { return y.state; }

bool close(const Tensor& a, const Tensor& b) { return allclose(a, b, 1e-12, 1e-13); }

/// What is packed gives what each sequence gives by itself: values, last states and gradients.
template <class Net, class State>
void check_packed(Net net, const Lengths& lengths, const State& before) {
  net.to(float64);
  std::vector<Tensor> sequences = sequences_of(lengths);
  for (Tensor& x : sequences) x.requires_grad_();
  const auto packed = net(pack_sequence(sequences, {.enforce_sorted = false}), before);
  const LSTMState last = last_of(packed);
  const auto [padded, found] = pad_packed_sequence(packed.output);
  CHECK(found.template to_vector<std::int64_t>() == lengths);

  Tensor loss_packed = sum(square(padded)) + sum(last.h);
  if (last.c.defined()) loss_packed = loss_packed + sum(last.c);
  Tensor loss = zeros({}, {.dtype = float64});
  const LSTMState given = state_of(before);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto b = static_cast<std::int64_t>(i);
    const auto own = [&](const Tensor& x) { return x.defined() ? x.select(1, b) : x; };
    const auto single = [&] {
      if constexpr (Net::has_memory)
        return net(sequences[i], {own(given.h), own(given.c)});
      else
        return net(sequences[i], own(given.h));
    }();
    const LSTMState alone = last_of(single);
    CHECK(close(padded.select(1, b).slice(0, 0, lengths[i]), single.output));
    CHECK(equal(padded.select(1, b).slice(0, lengths[i]),
                zeros_like(padded.select(1, b).slice(0, lengths[i]))));
    CHECK(close(last.h.select(1, b), alone.h));
    loss = loss + sum(square(single.output)) + sum(alone.h);
    if (!alone.c.defined()) continue;
    CHECK(close(last.c.select(1, b), alone.c));
    loss = loss + sum(alone.c);
  }

  std::vector<Tensor> leaves = net.parameters();
  leaves.insert(leaves.end(), sequences.begin(), sequences.end());
  for (const Tensor* x : {&given.h, &given.c})
    if (x->defined()) leaves.push_back(*x);
  const std::vector<Tensor> a = grad({loss_packed}, leaves);
  const std::vector<Tensor> b = grad({loss}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) CHECK(close(a[i], b[i]));
}

}  // namespace

TEST_CASE("packed sequences go step by step, the longest first") {
  const Tensor x = tensor({{{1., 2.}, {3., 4.}, {5., 6.}}, {{7., 8.}, {0., 0.}, {0., 0.}}});
  const PackedSequence packed = pack_padded_sequence(x, {3, 1}, {.batch_first = true});
  CHECK(values(packed.data) == std::vector<double>{1, 2, 7, 8, 3, 4, 5, 6});
  CHECK(packed.batch_sizes.to_vector<std::int64_t>() == Lengths{2, 1, 1});
  CHECK_FALSE(packed.sorted_indices.defined());
  const PackedSequence turned = pack_padded_sequence(x.transpose(0, 1), tensor({3, 1}));
  CHECK(equal(turned.data, packed.data));

  const PackedSequence sorted =
      pack_padded_sequence(x.flip({0}), {1, 3}, {.batch_first = true, .enforce_sorted = false});
  CHECK(equal(sorted.data, packed.data));
  CHECK(sorted.sorted_indices.to_vector<std::int64_t>() == Lengths{1, 0});
  CHECK(sorted.unsorted_indices.to_vector<std::int64_t>() == Lengths{1, 0});
}

TEST_CASE("padding undoes packing") {
  const Lengths lengths{2, 5, 1, 3};
  const std::vector<Tensor> sequences = sequences_of(lengths);
  for (const bool batch_first : {false, true}) {
    const Tensor padded = pad_sequence(sequences, {.batch_first = batch_first});
    CHECK(padded.shape() == (batch_first ? Shape{4, 5, 3} : Shape{5, 4, 3}));
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const Tensor own = padded.select(batch_first ? 0 : 1, static_cast<std::int64_t>(i));
      CHECK(equal(own.slice(0, 0, lengths[i]), sequences[i]));
      CHECK(sum(abs(own.slice(0, lengths[i]))).item() == 0);
    }
    const PackedSequence a = pack_padded_sequence(
        padded, lengths, {.batch_first = batch_first, .enforce_sorted = false});
    const PackedSequence b = pack_sequence(sequences, {.enforce_sorted = false});
    CHECK(equal(a.data, b.data));
    CHECK(equal(a.batch_sizes, b.batch_sizes));
    CHECK(equal(a.sorted_indices, b.sorted_indices));
    CHECK(equal(a.unsorted_indices, b.unsorted_indices));
    const auto [back, found] = pad_packed_sequence(a, {.batch_first = batch_first});
    CHECK(equal(back, padded));
    CHECK(found.to_vector<std::int64_t>() == lengths);
  }
}

TEST_CASE("padding has any value, dtype and length") {
  const Tensor padded =
      pad_sequence({tensor({1, 2, 3}), tensor({4})}, {.batch_first = true, .padding_value = -1});
  CHECK(padded.dtype() == int64);
  CHECK(padded.to_vector<std::int64_t>() == Lengths{1, 2, 3, 4, -1, -1});
  const PackedSequence packed = pack_sequence({tensor({1., 2.}), tensor({3.})});
  const auto [long_one, lengths] =
      pad_packed_sequence(packed, {.padding_value = 9, .total_length = 3});
  CHECK(long_one.shape() == Shape{3, 2});
  CHECK(values(long_one) == std::vector<double>{1, 3, 2, 9, 9, 9});
  CHECK(pad_sequence({zeros({0, 2}), zeros({1, 2})}).shape() == Shape{1, 2, 2});
}

TEST_CASE("gradients pass packing and padding, to what is there alone") {
  const Tensor x = normal({4, 3, 2});
  CHECK(gradcheck(
      [](const Tensor& padded) {
        const PackedSequence packed =
            pack_padded_sequence(padded, {2, 4, 1}, {.enforce_sorted = false});
        return pad_packed_sequence({square(packed.data), packed.batch_sizes, packed.sorted_indices,
                                    packed.unsorted_indices},
                                   {.padding_value = 3})
            .padded;
      },
      {x}));
  CHECK(gradcheck(
      [](const Tensor& a, const Tensor& b) {
        return square(pad_sequence({a, b}));
      },
      {normal({2, 2}), normal({3, 2})}));
}

TEST_CASE("recurrent layers give packed sequences what each gets by itself") {
  const auto before = [](std::int64_t places, std::int64_t batch, std::int64_t units,
                         std::uint64_t seed) {
    return normal({places, batch, units}, seed).requires_grad_();
  };
  const Lengths mixed{2, 5, 1, 5, 3};
  check_packed(nn::LSTM{3, 4, {.num_layers = 2, .bidirectional = true}}, mixed,
               LSTMState{before(4, 5, 4, 8), before(4, 5, 4, 9)});
  check_packed(nn::LSTM{3, 4, {.bidirectional = true, .proj_size = 2}}, mixed,
               LSTMState{before(2, 5, 2, 8), before(2, 5, 4, 9)});
  check_packed(nn::GRU{3, 4, {.num_layers = 2, .bidirectional = true}}, mixed, Tensor());
  check_packed(nn::GRU{3, 4}, {4, 4, 4}, before(1, 3, 4, 8));
  check_packed(nn::RNN{3, 4, {.bidirectional = true}}, {1}, Tensor());
  check_packed(nn::RNN{3, 4, {.nonlinearity = nn::Nonlinearity::relu, .bias = false}}, {3, 2, 1},
               before(1, 3, 4, 8));
}

TEST_CASE("a packed output is packed as its input is") {
  nn::GRU net{3, 4, {.batch_first = true}};
  const PackedSequence x = pack_padded_sequence(normal({2, 3, 3}).to(float32), {1, 3},
                                                {.batch_first = true, .enforce_sorted = false});
  const auto [y, h] = net(x);
  CHECK(y.data.shape() == Shape{4, 4});
  CHECK(y.data.dtype() == float32);
  CHECK(equal(y.batch_sizes, x.batch_sizes));
  CHECK(equal(y.unsorted_indices, x.unsorted_indices));
  const auto [padded, lengths] = pad_packed_sequence(y, {.batch_first = true});
  CHECK(equal(h[0][0], padded[0][0]));
  CHECK(equal(h[0][1], padded[1][2]));
}

TEST_CASE("16 bits are computed with as float32") {
  nn::LSTM net{3, 4, {.bidirectional = true}};
  net.to(float16);
  const Tensor x = normal({5, 1, 3}).to(float16);
  const auto [packed, last] = net(pack_padded_sequence(x, Lengths{5}));
  const auto [plain, state] = net(x);
  CHECK(packed.data.dtype() == float16);
  CHECK(equal(packed.data, plain.squeeze({1})));
  CHECK(equal(last.c, state.c));
}

TEST_CASE("packed sequences of 16 bits need weights of theirs, as others do") {
  nn::GRU net{3, 4};
  const PackedSequence x = pack_padded_sequence(normal({2, 1, 3}).to(bfloat16), Lengths{2});
  CHECK(message_of<DTypeError>([&] { net(x); }) ==
        "net (GRU): GRU: weights are float32, the input bfloat16; convert one with x.to()");
  net.to(float16);
  CHECK(message_of<DTypeError>([&] { net(x); }) ==
        "net (GRU): GRU: weights are float16, the input bfloat16; convert one with x.to()");
  net.to(bfloat16);
  CHECK(net(x).output.data.dtype() == bfloat16);
}

TEST_CASE("packing refuses what does not fit") {
  const Tensor x = zeros({3, 2, 1});
  CHECK(message_of<ShapeError>([] { pack_padded_sequence(zeros({3}), {1}); }) ==
        "pack_padded_sequence: input [3] must be [steps, batch, …]");
  CHECK(message_of<ValueError>([&] { pack_padded_sequence(x, {3}); }) ==
        "pack_padded_sequence: 1 lengths for 2 sequences; each has one");
  CHECK(message_of<ValueError>([&] {
          pack_padded_sequence(x, {3, 4});
        }) == "pack_padded_sequence: the length of sequence 1 is 4, it must lie in [1, 3]");
  CHECK(message_of<ValueError>([&] {
          pack_padded_sequence(x, {3, 0});
        }) == "pack_padded_sequence: the length of sequence 1 is 0, it must lie in [1, 3]");
  CHECK(message_of<ValueError>([&] {
          pack_padded_sequence(x, {2, 3});
        }) ==
        "pack_padded_sequence: sequence 1 is longer than the one before it; sort them, the longest "
        "first, or set enforce_sorted = false");
  CHECK(message_of<DTypeError>([&] {
          pack_padded_sequence(x, tensor({3., 2.}));
        }) == "pack_padded_sequence: lengths must be int64, got float32");
  CHECK(message_of<ValueError>([] { pad_sequence({}); }) == "pad_sequence: no sequences");
  CHECK(message_of<ShapeError>([] {
          pad_sequence({zeros({2, 3}), zeros({2, 4})});
        }) ==
        "pad_sequence: sequence 1 has shape [2, 4], the first [2, 3]; they may differ in axis 0 "
        "only");
  CHECK(message_of<ShapeError>([] { pack_sequence({zeros({})}); }) ==
        "pack_sequence: sequence 0 is a scalar; it must be [length, …]");
  CHECK(message_of<ValueError>([] {
          pack_sequence({zeros({0, 3})});
        }) == "pack_sequence: sequence 0 has no steps");
  CHECK(message_of<DTypeError>([] {
          pack_sequence({zeros({2}), tensor({1})});
        }) == "pack_sequence: sequence 1 is int64, the first float32");
}

TEST_CASE("a packed sequence made by hand is checked") {
  const Tensor data = zeros({3, 3});
  const auto message = [&](const PackedSequence& x) {
    return message_of<Error>([&] { pad_packed_sequence(x); });
  };
  CHECK(message({data, {}, {}, {}}) == "pad_packed_sequence: batch_sizes is undefined");
  CHECK(message({data, tensor({1, 2}), {}, {}}) ==
        "pad_packed_sequence: batch_sizes must be positive and never grow");
  CHECK(message({data, tensor({2, 2}), {}, {}}) ==
        "pad_packed_sequence: data [3, 3] does not have the 4 rows of batch_sizes");
  CHECK(message({data, tensor({2, 1}), tensor({0, 1}), {}}) ==
        "pad_packed_sequence: sorted_indices and unsorted_indices come together or not at all");
  CHECK(message({data, tensor({2, 1}), tensor({0, 0}), tensor({0, 1})}) ==
        "pad_packed_sequence: sorted_indices and unsorted_indices must be orders of 2 sequences "
        "that undo each other");
  CHECK(message_of<ValueError>([&] {
          pad_packed_sequence({data, tensor({2, 1}), {}, {}}, {.total_length = 1});
        }) == "pad_packed_sequence: total_length is 1, the longest sequence has 2 steps");
  nn::GRU net{2, 4};
  CHECK(message_of<ShapeError>([&] {
          net(PackedSequence{data, tensor({2, 1}), {}, {}});
        }) == "net (GRU): GRU: packed data [3, 3] must be [rows, 2]");
  nn::GRU fits{3, 4};
  CHECK(message_of<ShapeError>([&] {
          fits(PackedSequence{data, tensor({2, 1}), {}, {}}, zeros({1, 3, 4}));
        }) == "net (GRU): GRU: hx is [1, 3, 4]; expected [1, 2, 4]");
}
