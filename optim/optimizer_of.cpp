#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/optim/optimizer_of.hpp>

#include <algorithm>

namespace xgrad::optim {

Memory like_parameter(const char* name) {
  return {name, [](const Tensor& x) { return Tensor::empty(x.shape(), x.dtype()).fill_(0); }, true};
}

Memory step_count() {
  return {"step", [](const Tensor&) { return Tensor::empty({}, int64).fill_(0); }};
}

namespace detail {

Pass::Loop* Pass::loops() const { return reinterpret_cast<Loop*>(memory_->own()); }

Pass::Loop& Pass::next() {
  static_assert(std::is_trivially_copyable_v<Loop>);
  constexpr std::size_t few = 16;
  const bool is_full = count_ == 0 || (count_ >= few && (count_ & (count_ - 1)) == 0);
  if (is_full) {
    const auto more = Storage::allocate(std::max(few, 2 * count_) * sizeof(Loop));
    if (count_ > 0) std::copy_n(loops(), count_, reinterpret_cast<Loop*>(more->own()));
    memory_ = more;
  }
  return *new (loops() + count_++) Loop;
}

void Pass::run() const {
  xgrad::detail::parallel_pieces(
      count_, xgrad::detail::grain_of(0.3), [&](std::size_t i) { return loops()[i].n; },
      [&](std::size_t i, std::int64_t begin, std::int64_t end) {
        const Loop& loop = loops()[i];
        loop.run(loop.function.data(), begin, end);
      });
}

void sum_blocks(std::int64_t n, std::size_t count, const void* f,
                void (*block)(const void* f, std::int64_t begin, std::int64_t end, double* sums),
                double* total) {
  constexpr std::int64_t size = xgrad::detail::terms_together;
  const std::int64_t blocks = (n + size - 1) / size;
  if (blocks <= 1) return block(f, 0, n, total);
  const auto memory = Storage::allocate(static_cast<std::size_t>(blocks) * count * sizeof(double));
  auto* const sums = reinterpret_cast<double*>(memory->own());
  const auto width = static_cast<std::int64_t>(count);
  xgrad::detail::parallel_for(blocks, xgrad::detail::grain_of(0.3 * size),
                              [&](std::int64_t begin, std::int64_t end) {
                                for (std::int64_t i = begin; i < end; ++i)
                                  block(f, i * size, std::min(n, (i + 1) * size), sums + i * width);
                              });
  std::fill_n(total, count, 0.);
  for (std::int64_t i = 0; i < blocks; ++i)
    for (std::size_t k = 0; k < count; ++k)
      total[k] += sums[i * width + static_cast<std::int64_t>(k)];
}

namespace {

template <class T>
double sum_of_terms(const T* terms, std::int64_t n) {
  double total = 0;
  kernels::sum_lanes<1, double>(
      n, &total, [terms](std::int64_t i, std::size_t) { return static_cast<double>(terms[i]); });
  return total;
}

}  // namespace

double sum_of(const float* terms, std::int64_t n) { return sum_of_terms(terms, n); }
double sum_of(const double* terms, std::int64_t n) { return sum_of_terms(terms, n); }

std::size_t Memories::kind(const char* optimizer, std::string_view name) const {
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    if (kinds_[i].name == name) return i;
  raise<ValueError>("{}: it was not made to remember '{}'; name it where OptimizerOf is made",
                    optimizer, name);
}

void require_same_groups(const char* optimizer, bool same) {
  if (!same)
    raise<ValueError>(
        "{}: parameters were added to its groups or taken out of them; make the optimiser anew",
        optimizer);
}

// Only what is wrong is put into words: a step must not allocate.
void check_step(const char* optimizer, const Tensor& x, std::size_t index, Memories& memories,
                std::size_t group, std::size_t number) {
  check_step(optimizer, x, index);
  for (std::size_t kind = 0; kind < memories.kinds().size(); ++kind) {
    const Tensor& kept = memories.at(group, number, kind);
    if (!kept.defined() || !memories.kinds()[kind].is_like_parameter || kept.shape() == x.shape())
      continue;
    raise<ValueError>("{}: {} is {}, and was {} at the step before; make the optimiser anew",
                      optimizer, called(x, index), x.shape(), kept.shape());
  }
}

void convert_memories(const Tensor& x, Memories& memories, std::size_t group, std::size_t number) {
  for (std::size_t kind = 0; kind < memories.kinds().size(); ++kind) {
    Tensor& kept = memories.at(group, number, kind);
    if (!kept.defined() || !memories.kinds()[kind].is_like_parameter || kept.dtype() == x.dtype())
      continue;
    const Tensor converted = Tensor::empty(x.shape(), x.dtype());
    kept = converted.copy_(kept);
  }
}

void count_step(Memories& memories, std::size_t group, std::size_t number) {
  for (std::size_t kind = 0; kind < memories.kinds().size(); ++kind) {
    if (memories.kinds()[kind].name != std::string_view(step_count().name)) continue;
    const Tensor& count = memories.at(group, number, kind);
    if (count.defined()) ++*count.mutable_data<std::int64_t>();
  }
}

void add_entries(std::vector<StateEntry>& entries, const std::vector<Tensor>& parameters,
                 Memories& memories, std::size_t group) {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    for (std::size_t kind = 0; kind < memories.kinds().size(); ++kind) {
      const Memory& memory = memories.kinds()[kind];
      const Tensor& x = parameters[i];
      const Tensor like = memory.is_like_parameter ? x : memory.first(x);
      entries.push_back({fmt::format("{}.{}.{}", memory.name, group, i),
                         &memories.at(group, i, kind), like.shape(), like.dtype(), x.impl()});
    }
}

double bytes_of_step(const std::vector<Tensor>& parameters, const Memories& memories) {
  const auto like = std::ranges::count_if(memories.kinds(), &Memory::is_like_parameter);
  double bytes = 0;
  for (const Tensor& x : parameters)
    bytes += profiler::work_on({&x}).bytes * static_cast<double>(3 + 2 * like);
  return bytes;
}

}  // namespace detail

bool Slot::has(std::string_view memory) const {
  return memories_.at(group_, number_, memories_.kind(optimizer_, memory)).defined();
}

const Tensor& Slot::operator[](std::string_view memory) {
  const std::size_t kind = memories_.kind(optimizer_, memory);
  Tensor& kept = memories_.at(group_, number_, kind);
  if (!kept.defined()) kept = memories_.kinds()[kind].first(parameter_);
  return kept;
}

std::int64_t Slot::step() { return (*this)[step_count().name].item<std::int64_t>() + 1; }

void Slot::require_like_parameter(const Tensor& memory) const {
  if (memory.shape() == parameter_.shape() && memory.dtype() == parameter_.dtype()) return;
  raise<ValueError>("{}: each() was given {} {} beside a parameter {} {}", optimizer_,
                    memory.dtype(), memory.shape(), parameter_.dtype(), parameter_.shape());
}

}  // namespace xgrad::optim
