#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/nn/packed_form.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace xgrad::nn::utils::rnn {
namespace {

using Counts = std::vector<std::int64_t>;

std::int64_t count_of(const Counts& values) { return static_cast<std::int64_t>(values.size()); }
std::int64_t at(const Counts& values, std::int64_t i) {
  return values[static_cast<std::size_t>(i)];
}

/// Lists of rows take as much as this: refused where there is no such memory, as of sequences
/// without elements whose lengths are no real ones.
void require_room(const char* operation, const Counts& counts) {
  Size rows(0, operation);
  for (const std::int64_t count : counts) rows = rows + count;
  static_cast<void>(Tensor::empty({rows.value()}, int64));
}

/// Rows in which sequences lie: step t of sequence b in first[b] + t · step.
struct Places {
  Counts first;
  std::int64_t step = 1;

  /// Of a batch of so many steps.
  static Places in_batch(std::int64_t batch, std::int64_t steps, bool batch_first) {
    Places places{Counts(static_cast<std::size_t>(batch)), batch_first ? 1 : batch};
    for (std::int64_t b = 0; b < batch; ++b)
      places.first[static_cast<std::size_t>(b)] = batch_first ? b * steps : b;
    return places;
  }
  /// One sequence after the other.
  static Places in_turn(const Counts& lengths) {
    Places places{lengths};
    std::exclusive_scan(lengths.begin(), lengths.end(), places.first.begin(), std::int64_t{0});
    return places;
  }

  /// Row by row of what is packed, where that row lies here.
  Tensor of_packed(const PackedForm& form) const {
    Counts rows;
    for (std::int64_t t = 0; t < form.steps(); ++t)
      for (std::int64_t i = 0; i < at(form.sizes, t); ++i)
        rows.push_back(at(first, at(form.order, i)) + t * step);
    return from_vector(rows);
  }
  /// The same of sequences one after the other.
  Tensor of_turns(const Counts& lengths) const {
    Counts rows;
    for (std::int64_t b = 0; b < count_of(lengths); ++b)
      for (std::int64_t t = 0; t < at(lengths, b); ++t) rows.push_back(at(first, b) + t * step);
    return from_vector(rows);
  }
};

PackedForm form_of_lengths(const char* operation, const Counts& lengths, bool enforce_sorted) {
  PackedForm form{{}, Counts(lengths.size())};
  std::iota(form.order.begin(), form.order.end(), std::int64_t{0});
  std::ranges::stable_sort(form.order, std::ranges::greater(),
                           [&](std::int64_t b) { return at(lengths, b); });
  if (enforce_sorted && !std::ranges::is_sorted(lengths, std::ranges::greater())) {
    const auto longer = std::ranges::adjacent_find(lengths, std::ranges::less());
    raise<ValueError>(
        "{}: sequence {} is longer than the one before it; sort them, the longest first, or set "
        "enforce_sorted = false",
        operation, longer - lengths.begin() + 1);
  }
  std::int64_t going_on = count_of(lengths);
  for (std::int64_t t = 0; t < at(lengths, form.order.front()); ++t) {
    while (at(lengths, at(form.order, going_on - 1)) <= t) --going_on;
    form.sizes.push_back(going_on);
  }
  return form;
}

PackedSequence pack(const char* operation, const Tensor& rows, const Places& places,
                    const Counts& lengths, bool enforce_sorted) {
  require_room(operation, lengths);
  const PackedForm form = form_of_lengths(operation, lengths, enforce_sorted);
  PackedSequence packed{
      index_select(rows, 0, places.of_packed(form)), from_vector(form.sizes), {}, {}};
  if (enforce_sorted) return packed;
  Counts undone(form.order.size());
  for (std::int64_t i = 0; i < count_of(form.order); ++i)
    undone[static_cast<std::size_t>(at(form.order, i))] = i;
  packed.sorted_indices = from_vector(form.order);
  packed.unsorted_indices = from_vector(undone);
  return packed;
}

/// [steps, batch, …] or [batch, steps, …] of `rows`, each put where `at` says.
Tensor batch_of(const char* operation, const Tensor& rows, const Tensor& where, std::int64_t batch,
                std::int64_t steps, bool batch_first, const Scalar& padding_value) {
  Shape shape = rows.shape();
  shape[0] = (Size(batch, operation) * steps).value();
  const Tensor padded =
      index_put(full(shape, padding_value, {.dtype = rows.dtype()}), {where}, rows);
  shape[0] = batch_first ? batch : steps;
  shape.insert(1, batch_first ? steps : batch);
  return reshape(padded, shape);
}

/// The lengths of sequences [length, …], which must be alike otherwise.
Counts lengths_of(const char* operation, const std::vector<Tensor>& sequences) {
  require<ValueError>(!sequences.empty(), "{}: no sequences", operation);
  const Tensor& first = sequences.front();
  Counts lengths;
  for (const Tensor& x : sequences) {
    const std::size_t i = lengths.size();
    require<ShapeError>(x.dim() > 0, "{}: sequence {} is a scalar; it must be [length, …]",
                        operation, i);
    Shape expected = first.shape();
    if (x.dim() == first.dim()) expected[0] = x.size(0);
    require<ShapeError>(
        x.shape() == expected,
        "{}: sequence {} has shape {}, the first {}; they may differ in axis 0 only", operation, i,
        x.shape(), first.shape());
    require<DTypeError>(x.dtype() == first.dtype(), "{}: sequence {} is {}, the first {}",
                        operation, i, x.dtype(), first.dtype());
    lengths.push_back(x.size(0));
  }
  return lengths;
}

Counts integers_of(const char* operation, const char* what, const Tensor& x) {
  require<ValueError>(x.defined(), "{}: {} is undefined", operation, what);
  require<DTypeError>(x.dtype() == int64, "{}: {} must be int64, got {}", operation, what,
                      x.dtype());
  require<ShapeError>(x.dim() == 1, "{}: {} {} must have one axis", operation, what, x.shape());
  return x.to_vector<std::int64_t>();
}

}  // namespace

PackedForm form_of(const char* operation, const PackedSequence& packed) {
  const xgrad::detail::Running running(operation, packed.data);
  PackedForm form{integers_of(operation, "batch_sizes", packed.batch_sizes), {}};
  const Counts& sizes = form.sizes;
  require<ValueError>(!sizes.empty(), "{}: batch_sizes is empty", operation);
  require<ValueError>(sizes.back() > 0 && std::ranges::is_sorted(sizes, std::ranges::greater()),
                      "{}: batch_sizes must be positive and never grow", operation);
  Size rows(0, operation);
  for (const std::int64_t size : sizes) rows = rows + size;
  require<ShapeError>(packed.data.dim() > 0 && packed.data.size(0) == rows.value(),
                      "{}: data {} does not have the {} rows of batch_sizes", operation,
                      packed.data.shape(), rows.value());
  require_room(operation, sizes);
  const bool sorted = packed.sorted_indices.defined();
  require<ValueError>(sorted == packed.unsorted_indices.defined(),
                      "{}: sorted_indices and unsorted_indices come together or not at all",
                      operation);
  if (!sorted) {
    form.order.resize(static_cast<std::size_t>(form.batch()));
    std::iota(form.order.begin(), form.order.end(), std::int64_t{0});
    return form;
  }
  form.order = integers_of(operation, "sorted_indices", packed.sorted_indices);
  const Counts undone = integers_of(operation, "unsorted_indices", packed.unsorted_indices);
  bool fit = count_of(form.order) == form.batch() && count_of(undone) == form.batch();
  for (std::int64_t i = 0; fit && i < form.batch(); ++i) {
    const std::int64_t b = at(form.order, i);
    fit = b >= 0 && b < form.batch() && at(undone, b) == i;
  }
  require<ValueError>(fit,
                      "{}: sorted_indices and unsorted_indices must be orders of {} sequences that "
                      "undo each other",
                      operation, form.batch());
  return form;
}

PackedSequence pack_padded_sequence(const Tensor& x, const Counts& lengths,
                                    const PackOptions& options) {
  constexpr const char* operation = "pack_padded_sequence";
  const xgrad::detail::Running running(operation, x);
  const bool batch_first = options.batch_first;
  require<ShapeError>(x.dim() >= 2, "{}: input {} must be [{}, …]", operation, x.shape(),
                      batch_first ? "batch, steps" : "steps, batch");
  const std::int64_t batch = x.size(batch_first ? 0 : 1);
  const std::int64_t steps = x.size(batch_first ? 1 : 0);
  require<ValueError>(count_of(lengths) == batch && batch > 0,
                      "{}: {} lengths for {} sequences; each has one", operation, lengths.size(),
                      batch);
  for (std::int64_t b = 0; b < batch; ++b)
    require<ValueError>(at(lengths, b) > 0 && at(lengths, b) <= steps,
                        "{}: the length of sequence {} is {}, it must lie in [1, {}]", operation, b,
                        at(lengths, b), steps);
  return pack(operation, flatten(x, 0, 1), Places::in_batch(batch, steps, batch_first), lengths,
              options.enforce_sorted);
}

PackedSequence pack_padded_sequence(const Tensor& x, const Tensor& lengths,
                                    const PackOptions& options) {
  return pack_padded_sequence(x, integers_of("pack_padded_sequence", "lengths", lengths), options);
}

PackedSequence pack_sequence(const std::vector<Tensor>& sequences,
                             const PackSequenceOptions& options) {
  constexpr const char* operation = "pack_sequence";
  const xgrad::detail::Running running(operation, sequences);
  const Counts lengths = lengths_of(operation, sequences);
  for (std::size_t i = 0; i < lengths.size(); ++i)
    require<ValueError>(lengths[i] > 0, "{}: sequence {} has no steps", operation, i);
  return pack(operation, cat(sequences), Places::in_turn(lengths), lengths, options.enforce_sorted);
}

Tensor pad_sequence(const std::vector<Tensor>& sequences, const PadOptions& options) {
  constexpr const char* operation = "pad_sequence";
  const xgrad::detail::Running running(operation, sequences);
  const Counts lengths = lengths_of(operation, sequences);
  const std::int64_t batch = count_of(lengths);
  const std::int64_t steps = std::ranges::max(lengths);
  require_room(operation, lengths);
  const Places places = Places::in_batch(batch, steps, options.batch_first);
  return batch_of(operation, cat(sequences), places.of_turns(lengths), batch, steps,
                  options.batch_first, options.padding_value);
}

PaddedSequence pad_packed_sequence(const PackedSequence& packed, const PadPackedOptions& options) {
  constexpr const char* operation = "pad_packed_sequence";
  const xgrad::detail::Running running(operation, packed.data);
  const PackedForm form = form_of(operation, packed);
  const std::int64_t steps = options.total_length.value_or(form.steps());
  require<ValueError>(steps >= form.steps(),
                      "{}: total_length is {}, the longest sequence has {} steps", operation, steps,
                      form.steps());
  const Places places = Places::in_batch(form.batch(), steps, options.batch_first);
  Counts lengths(form.order.size());
  for (const std::int64_t size : form.sizes)
    for (std::int64_t i = 0; i < size; ++i) ++lengths[static_cast<std::size_t>(at(form.order, i))];
  return {batch_of(operation, packed.data, places.of_packed(form), form.batch(), steps,
                   options.batch_first, options.padding_value),
          from_vector(lengths)};
}

}  // namespace xgrad::nn::utils::rnn
