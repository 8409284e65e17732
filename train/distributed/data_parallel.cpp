#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/distributed/bucket.hpp>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/jobs.hpp>
#include <xgrad/distributed/part_sum.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <optional>
#include <sstream>

#include <fmt/format.h>

namespace xgrad::distributed {
namespace {

using detail::Bucket;
using detail::Parts;
using detail::PartSum;

/// "fc.weight float32 [10, 20]" and so on.
std::vector<std::string> described(const nn::Module& net) {
  std::vector<std::string> result;
  for (const NamedTensors& list : {net.named_parameters(), net.named_buffers()})
    for (const auto& [name, x] : list)
      result.push_back(fmt::format("{} {} {}", name, x.dtype(), x.shape()));
  return result;
}

/// Gives all the text of rank 0.
std::string of_first(const Group& group, const std::string& text) {
  const Tensor length = Tensor::empty({1}, int64);
  length.fill_(static_cast<std::int64_t>(text.size()));
  group.broadcast(length);
  Tensor bytes = Tensor::empty({length.item<std::int64_t>()}, uint8);
  if (group.rank() == 0) std::ranges::copy(text, bytes.mutable_data<std::uint8_t>());
  group.broadcast(bytes);
  const auto* const first = bytes.data<std::uint8_t>();
  return {first, first + bytes.numel()};
}

/// ValueError, on all processes, that says what differs first.
void require_same_net(const Group& group, const nn::Module& net) {
  const std::vector<std::string> own = described(net);
  const std::string first = of_first(group, fmt::format("{}\n", fmt::join(own, "\n")));
  std::string differs = "as rank 0";
  std::size_t begin = 0;
  std::size_t line = 0;
  for (; begin < first.size() && differs == "as rank 0"; ++line) {
    const std::size_t end = first.find('\n', begin);
    const std::string wanted = first.substr(begin, end - begin);
    const std::string here = line < own.size() ? own[line] : "nothing more";
    if (wanted != here && !(wanted.empty() && own.empty()))
      differs = fmt::format("{}, where rank 0 has {}", here, wanted);
    begin = end + 1;
  }
  if (differs == "as rank 0" && line < own.size())
    differs = fmt::format("{}, where rank 0 has nothing more", own[line]);
  group.require_same("DataParallel: the network", differs);
}

/// Of a part of a batch, whoever computes it.
void seed_part(const Generator::State& at, std::int64_t part) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  constexpr std::uint32_t apart = 0x70617274;  // from the generator's own numbers
  const auto bits =
      philox({low(at.position), high(at.position), low(static_cast<std::uint64_t>(part)), apart},
             {low(at.seed), high(at.seed)});
  default_generator().manual_seed(bits[0] | static_cast<std::uint64_t>(bits[1]) << 32);
}

/// Tensors in buckets, which are sent in their order.
class Buckets {
 public:
  explicit Buckets(std::int64_t multiple) : multiple_(multiple) {}

  struct Place {
    std::size_t bucket, index;
  };
  /// In buckets of their own, of `first` and then `others` bytes; the last tensors first, as their
  /// gradients are.
  std::vector<Place> add(const std::vector<Tensor>& tensors, std::int64_t first,
                         std::int64_t others) {
    std::vector<Place> places(tensors.size());
    const std::size_t begin = buckets_.size();
    for (std::size_t i = tensors.size(); i-- > 0;) {
      const Tensor& x = tensors[i];
      const std::int64_t most = buckets_.size() <= begin + 1 ? first : others;
      if (buckets_.size() == begin || buckets_.back().dtype() != x.dtype() ||
          buckets_.back().bytes() >= most)
        buckets_.emplace_back(x.dtype(), multiple_);
      const std::size_t index = buckets_.back().add(x.shape());
      places[i] = {buckets_.size() - 1, index};
    }
    return places;
  }

  std::size_t count() const { return buckets_.size(); }
  Bucket& operator[](std::size_t i) { return buckets_[i]; }
  void begin() {
    for (Bucket& bucket : buckets_) bucket.begin();
  }
  bool is_missing(const Place& place) const {
    return buckets_[place.bucket].is_missing(place.index);
  }
  void put(const Place& place, const Tensor& x, bool is_given = true) {
    buckets_[place.bucket].put(place.index, x, is_given);
  }

 private:
  std::int64_t multiple_;
  std::vector<Bucket> buckets_ = {};
};

std::string description_of(const DataParallelOptions& options, int processes) {
  if (!options.fast) return fmt::format("{} shards of each batch", options.shards);
  return fmt::format("{} processes, fast{}", processes,
                     options.send_as ? fmt::format(", sent as {}", *options.send_as) : "");
}

std::vector<Tensor> floating_ones(const std::vector<Tensor>& tensors, bool are) {
  std::vector<Tensor> result;
  std::ranges::copy_if(tensors, std::back_inserter(result),
                       [are](const Tensor& x) { return is_floating(x.dtype()) == are; });
  return result;
}

std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const Tensor& x : tensors) result.push_back(x.detach().clone());
  return result;
}

void copy_all(const std::vector<Tensor>& to, const std::vector<Tensor>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
}

}  // namespace

/// What a network's processes share, and what there is of a batch so far.
struct DataParallel::State {
  State(nn::Module& trained, const Group& whole, const DataParallelOptions& chosen);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void begin();
  void run(std::int64_t part, const std::function<Tensor()>& loss);
  void on_ready(std::size_t parameter);
  void take_gradient(std::size_t parameter);
  void check_used() const;
  void give_full();
  void give();
  Tensor total(std::size_t bucket, PartSum& sum);
  Tensor collect();
  void forget();

  nn::Module& net;
  Group group;  // of its own, so that nothing else gets between
  DataParallelOptions options;
  std::int64_t shards;                                // in all; in fast mode one for each process
  Parts own;                                          // of them
  std::vector<Tensor> parameters, buffers, counters;  // counters: buffers that are not floating
  Buckets buckets;
  std::size_t gradient_buckets = 0;  // of them, the first
  std::vector<Buckets::Place> of_parameters, of_buffers, of_loss;
  HookScope hooks;

  // Of a batch.
  std::vector<Tensor> gradients_before, buffers_before, counters_before, counters_after;
  std::vector<PartSum> sums;   // one for each bucket
  std::vector<Tensor> totals;  // of all shards
  std::int64_t part = 0;       // that is being worked out
  std::size_t given = 0;       // of its buckets
  bool is_passing = false;
  bool is_apart = false;   // under no_sync()
  bool keeps_own = false;  // gradients of passes under no_sync() are still to be added up
  std::optional<detail::Jobs> jobs = {};  // none where this process is alone; ends first
};

DataParallel::State::State(nn::Module& trained, const Group& whole,
                           const DataParallelOptions& chosen)
    : net(trained),
      group(whole.split(0, whole.rank())),
      options(chosen),
      shards(chosen.fast ? whole.size() : chosen.shards),
      own(detail::parts_of(shards, whole.rank(), whole.size())),
      parameters(trained.parameters()),
      buffers(floating_ones(trained.buffers(), true)),
      counters(floating_ones(trained.buffers(), false)),
      buckets(PartSum::multiple(whole.size())) {
  std::erase_if(parameters, [](const Tensor& x) { return !x.requires_grad(); });
  require<ValueError>(!parameters.empty(), "DataParallel: the network has nothing to train");
  of_parameters = buckets.add(parameters, options.first_bucket, options.bucket);
  gradient_buckets = buckets.count();
  of_buffers = buckets.add(buffers, options.bucket, options.bucket);
  of_loss = buckets.add({Tensor::empty({}, float64)}, options.bucket, options.bucket);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    hooks.add(parameters[i].register_ready_hook([this, i](const Tensor&) { on_ready(i); }));
  if (group.size() > 1) jobs.emplace();
  const Group norms = group.split(0, group.rank());  // of their own: buckets are sent meanwhile
  net.apply([&](nn::Module& module) {
    auto* const norm = dynamic_cast<nn::SyncBatchNorm*>(&module);
    if (norm == nullptr) return;
    require<ValueError>(options.fast,
                        "DataParallel: the network has a SyncBatchNorm, which looks at a whole "
                        "batch at once; shards are worked out one by one: give {{.fast = true}}");
    norm->set_sum([norms](const Tensor& x) { return all_reduce(x, norms); });
  });
}

DataParallel::State::~State() {
  net.apply([](nn::Module& module) {
    if (auto* const norm = dynamic_cast<nn::SyncBatchNorm*>(&module)) norm->set_sum({});
  });
}

void DataParallel::State::begin() {
  gradients_before.assign(parameters.size(), {});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor gradient = parameters[i].grad();
    if (!gradient.defined()) continue;
    gradients_before[i] = keeps_own ? gradient.clone() : gradient;  // the pass adds to that memory
    if (!keeps_own) parameters[i].set_grad({});
  }
  buffers_before = copies(buffers);
  counters_before = copies(counters);
  sums.assign(buckets.count(), PartSum(group.communicator(), shards));
  totals.assign(buckets.count(), {});
}

/// One shard: its gradient, its buffers and its loss go into the sums.
void DataParallel::State::run(std::int64_t number, const std::function<Tensor()>& loss) {
  part = number;
  given = 0;
  buckets.begin();
  const Tensor value = loss();
  is_passing = true;
  value.backward();
  is_passing = false;
  if (keeps_own)
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].grad().defined()) take_gradient(i);
  if (!options.allow_unused) check_used();
  for (std::size_t i = 0; i < buffers.size(); ++i)
    buckets.put(of_buffers[i], buffers[i], !equal(buffers[i], buffers_before[i]));
  buckets.put(of_loss.front(), value.detach());
  while (given < buckets.count()) give();
  if (part == own.begin) counters_after = copies(counters);
  copy_all(buffers, buffers_before);
  copy_all(counters, counters_before);
}

void DataParallel::State::on_ready(std::size_t parameter) {
  if (is_apart) return;
  require<GraphError>(is_passing && buckets.is_missing(of_parameters[parameter]),
                      "DataParallel: a backward pass of this process alone, whose gradients the "
                      "others would not have: call backward() of the DataParallel, or hold its "
                      "no_sync()");
  take_gradient(parameter);
  give_full();
}

void DataParallel::State::take_gradient(std::size_t parameter) {
  const Tensor& x = parameters[parameter];
  buckets.put(of_parameters[parameter], x.grad());
  x.set_grad({});
}

void DataParallel::State::check_used() const {
  std::string unused;
  const NamedTensors named = net.named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!buckets.is_missing(of_parameters[i])) continue;
    const auto found = std::ranges::find_if(
        named, [&](const auto& entry) { return entry.second.impl() == parameters[i].impl(); });
    unused += fmt::format("{}{}", unused.empty() ? "" : ", ",
                          found == named.end() ? fmt::format("number {}", i) : found->first);
  }
  require<ValueError>(unused.empty(),
                      "DataParallel: the loss does not depend on {}; where that is meant, give "
                      "{{.allow_unused = true}}",
                      unused);
}

void DataParallel::State::give_full() {
  while (given < buckets.count() && buckets[given].is_full()) give();
}

/// Hands the next bucket of this shard to its sum and, with the last shard, to the others.
void DataParallel::State::give() {
  const bool is_last = part + 1 == own.end;
  const auto job = [this, bucket = given, number = part, is_last, row = buckets[given].take()] {
    sums[bucket].add(number, row);
    if (is_last) totals[bucket] = total(bucket, sums[bucket]);
  };
  ++given;
  if (jobs)
    jobs->add(job);
  else
    job();
}

/// The sum over all shards. On the thread of the jobs.
Tensor DataParallel::State::total(std::size_t bucket, PartSum& sum) {
  const profiler::Scope scope("DataParallel::add", [&] {
    return profiler::Work{.shapes = {}, .bytes = static_cast<double>(buckets[bucket].bytes())};
  });
  const auto& all = group.communicator();
  if (!options.fast || !all) return sum.finish();
  const Tensor row = sum.take();
  const bool is_gradient = bucket < gradient_buckets;
  const Tensor sent = row.to(is_gradient ? options.send_as.value_or(row.dtype()) : row.dtype());
  all->all_reduce("DataParallel", detail::numbers_of(sent), Reduce::sum)->wait();
  return sent.to(row.dtype());
}

/// Puts what all have found where it belongs. The loss.
Tensor DataParallel::State::collect() {
  if (jobs) jobs->wait();
  const double share = 1 / static_cast<double>(shards);
  const auto mean = [&](const Buckets::Place& place) {
    return buckets[place.bucket].part(totals[place.bucket], place.index) * share;
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [bucket, index] = of_parameters[i];
    Tensor& before = gradients_before[i];
    if (keeps_own) before = {};  // it is part of what was added up
    if (buckets[bucket].times(totals[bucket], index) > 0) {
      const Tensor gradient = mean(of_parameters[i]);
      before = before.defined() ? before + gradient : gradient;
    }
    parameters[i].set_grad(std::exchange(before, {}));
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const auto& [bucket, index] = of_buffers[i];
    if (buckets[bucket].times(totals[bucket], index) > 0) buffers[i].copy_(mean(of_buffers[i]));
  }
  copy_all(counters, counters_after);
  keeps_own = false;
  Tensor loss = mean(of_loss.front());
  totals.clear();
  return loss;
}

/// As if the batch had not been.
void DataParallel::State::forget() {
  is_passing = false;
  if (jobs) jobs.emplace();
  for (std::size_t i = 0; i < gradients_before.size(); ++i)
    parameters[i].set_grad(gradients_before[i]);
  copy_all(buffers, buffers_before);
  copy_all(counters, counters_before);
}

DataParallel::DataParallel(nn::Module& net, const Group& group,
                           const DataParallelOptions& options) {
  require<ValueError>(options.shards > 0, "DataParallel: shards is {}; it must be positive",
                      options.shards);
  require<ValueError>(options.first_bucket > 0 && options.bucket > 0,
                      "DataParallel: buckets of {} and {} bytes; they must be positive",
                      options.first_bucket, options.bucket);
  require<ValueError>(options.fast || options.shards >= group.size(),
                      "DataParallel: {} shards for {} processes; give each at least one",
                      options.shards, group.size());
  if (options.send_as) {
    require<ValueError>(is_floating(*options.send_as),
                        "DataParallel: send_as is {}, which no gradient is", *options.send_as);
    require<ValueError>(options.fast,
                        "DataParallel: send_as = {} rounds as the number of processes has it; it "
                        "is for {{.fast = true}}",
                        *options.send_as);
  }
  group.require_same(
      "DataParallel: what is asked for",
      fmt::format("{}, buckets {} and {}, unused {}", description_of(options, group.size()),
                  options.first_bucket, options.bucket, options.allow_unused));
  require_same_net(group, net);
  const NoGradGuard guard;
  for (const std::vector<Tensor>& list : {net.parameters(), net.buffers()})
    for (const Tensor& x : list) group.broadcast(x.detach());
  state_ = std::make_unique<State>(net, group, options);
}

DataParallel::~DataParallel() = default;

const Group& DataParallel::group() const noexcept { return state_->group; }

nn::BatchPart DataParallel::part() const {
  return {state_->own.begin, state_->own.end, state_->shards};
}

Tensor DataParallel::backward(
    std::int64_t rows, const std::function<Tensor(std::int64_t begin, std::int64_t end)>& loss) {
  State& state = *state_;
  const std::int64_t parts = state.own.end - state.own.begin;
  require<ValueError>(rows > 0 && rows % parts == 0,
                      "DataParallel: {} rows for the {} shards of this process; a batch must be a "
                      "multiple of {} shards",
                      rows, parts, state.shards);
  require<GraphError>(!state.is_apart, "DataParallel: backward() under its no_sync()");
  const Generator::State random = default_generator().state();
  const std::int64_t each = rows / parts;
  state.group.require_same("DataParallel: the batch",
                           fmt::format("{} rows a shard, random numbers {} of seed {}", each,
                                       random.position, random.seed));
  state.begin();
  Tensor result;
  try {
    for (std::int64_t i = 0; i < parts; ++i) {
      seed_part(random, state.own.begin + i);
      state.run(state.own.begin + i, [&] { return loss(i * each, (i + 1) * each); });
    }
    const NoGradGuard guard;
    result = state.collect();
  } catch (const std::exception& error) {
    if (state.group.communicator()) state.group.communicator()->fail(error.what());
    state.forget();
    default_generator().set_state(random);
    throw;
  }
  default_generator().set_state({random.seed, random.position + 1});
  return result;
}

std::int64_t DataParallel::rows_of(
    std::initializer_list<std::reference_wrapper<const Tensor>> rows) {
  const auto count = [](const Tensor& x) {
    require<ShapeError>(x.defined() && x.dim() > 0,
                        "DataParallel: what backward() is given has rows, one for each example");
    return x.size(0);
  };
  const std::int64_t first = count(*rows.begin());
  for (const Tensor& x : rows)
    require<ShapeError>(count(x) == first, "DataParallel: {} rows and {} rows", first, count(x));
  return first;
}

Tensor DataParallel::rows_between(const Tensor& rows, std::int64_t begin, std::int64_t end) {
  return rows.narrow(0, begin, end - begin);
}

DataParallel::NoSync::NoSync(DataParallel& parallel) : parallel_(parallel) {
  require<ValueError>(parallel.state_->options.fast,
                      "DataParallel: no_sync() adds up as the number of processes has it; it is "
                      "for {{.fast = true}}. Several backward() add up as well");
  parallel.state_->is_apart = true;
  parallel.state_->keeps_own = true;
}

DataParallel::NoSync::~NoSync() { parallel_.state_->is_apart = false; }

std::string DataParallel::description() const {
  return description_of(state_->options, state_->group.size());
}

std::vector<std::int64_t> DataParallel::sum(const std::vector<std::int64_t>& counts) {
  const Tensor x = Tensor::empty({std::ssize(counts)}, int64);
  std::ranges::copy(counts, x.mutable_data<std::int64_t>());
  state_->group.all_reduce(x);
  return x.to_vector<std::int64_t>();
}

NamedTensors DataParallel::from_first(const NamedTensors& tensors) {
  const Group& group = state_->group;
  std::string text;
  for (const auto& [name, x] : tensors) {
    text += fmt::format("{} {}", static_cast<int>(x.dtype()), x.dim());
    for (const std::int64_t extent : x.shape()) text += fmt::format(" {}", extent);
    text += fmt::format(" {}\n", name);
  }
  std::istringstream list(of_first(group, text));
  NamedTensors result;
  int dtype = 0;
  std::int64_t axes = 0;
  while (list >> dtype >> axes) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(axes));
    for (std::int64_t& extent : extents) list >> extent;
    std::string name;
    std::getline(list.ignore(), name);
    const Tensor x = group.rank() == 0 ? tensors[result.size()].second.detach().contiguous()
                                       : Tensor::empty(Shape(extents), static_cast<DType>(dtype));
    group.broadcast(x);
    result.emplace_back(name, x);
  }
  return result;
}

void DataParallel::require_same(const std::string& what, const std::string& value) {
  state_->group.require_same(what, value);
}

}  // namespace xgrad::distributed
