#pragma once
// An optimiser is its formula. What is not, groups, rates, what is remembered, saving, checks and
// one parallel pass over all parameters, is here. README.md shows one of a user's own, in 20 lines.

#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/storage.hpp>
#include <xgrad/optim/optimizer.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// Something that an optimiser remembers of each parameter from step to step. It is there from when
/// update() first asks for it, and saved under its name, the group and the parameter's number in
/// it: "velocity.0.3".
struct Memory {
  const char* name;
  /// What it is in the beginning, of any shape and dtype.
  Tensor (*first)(const Tensor& parameter);
  bool is_like_parameter = false;  ///< of its shape, and converted where it is
};
/// Zeros of the parameter's shape and dtype. `name` must live as long as the program (a literal).
Memory like_parameter(const char* name);
/// The number of steps that a parameter took, as "step", which Slot::step() goes by.
Memory step_count();

namespace detail {

/// Loops over elements, to run on all threads in one pass. They lie in memory from the pool, so
/// that a step asks malloc for nothing.
class Pass {
 public:
  /// Adds run(begin, end) over parts of [0, n).
  template <class F>
  void add(std::int64_t n, const F& run) {
    static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= room,
                  "the function that each() is given holds numbers, by value, and not many");
    Loop& loop = next();
    loop.n = n;
    loop.run = [](const void* f, std::int64_t begin, std::int64_t end) {
      (*static_cast<const F*>(f))(begin, end);
    };
    new (loop.function.data()) F{run};
  }
  void run() const;

 private:
  static constexpr std::size_t room = 192;
  struct Loop {
    std::int64_t n;
    void (*run)(const void* function, std::int64_t begin, std::int64_t end);
    alignas(std::max_align_t) std::array<std::byte, room> function;
  };

  Loop& next();
  Loop* loops() const;

  Ref<Storage> memory_;
  std::size_t count_ = 0;
};

/// Calls block(f, begin, end, sums) for blocks of [0, n) on all threads and adds up their `count`
/// sums.
void sum_blocks(std::int64_t n, std::size_t count, const void* f,
                void (*block)(const void* f, std::int64_t begin, std::int64_t end, double* sums),
                double* total);

double sum_of(const float* terms, std::int64_t n);
double sum_of(const double* terms, std::int64_t n);

// What an element is made of lies at its own place in each array. This is said to the compiler,
// which would otherwise compare where they end, and leave five arrays alone.

/// f(x, ±g, m…) for each element.
template <class T, class F, std::same_as<T>... M>
void for_elements(const F& f, T sign, std::int64_t n, T* __restrict x, const T* __restrict g,
                  M* __restrict... m) {
  const F own = f;  // not behind a pointer that the writes might reach
  for (std::int64_t i = 0; i < n; ++i) own(x[i], sign * g[i], m[i]...);
}

/// The same of an f that gives `Count` terms.
template <class T, class F, std::size_t Count, std::size_t Few, std::same_as<T>... M>
void terms_of(const F& f, T sign, std::int64_t n, std::array<std::array<T, Few>, Count>& terms,
              T* __restrict x, const T* __restrict g, M* __restrict... m) {
  const F own = f;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::array<T, Count> all = own(x[i], sign * g[i], m[i]...);
    for (std::size_t k = 0; k < Count; ++k) terms[k][static_cast<std::size_t>(i)] = all[k];
  }
}

/// What is remembered of every parameter, by groups.
class Memories {
 public:
  explicit Memories(std::vector<Memory> kinds) : kinds_(std::move(kinds)) {}

  const std::vector<Memory>& kinds() const noexcept { return kinds_; }
  void add_group(std::size_t parameters) {
    groups_.push_back({parameters, std::vector<Tensor>(parameters * kinds_.size())});
  }
  std::size_t groups() const noexcept { return groups_.size(); }
  std::size_t parameters(std::size_t group) const { return groups_[group].parameters; }
  /// Undefined until it is asked for.
  Tensor& at(std::size_t group, std::size_t parameter, std::size_t kind) {
    return groups_[group].kept[parameter * kinds_.size() + kind];
  }
  /// The number of the kind of this name; ValueError for another.
  std::size_t kind(const char* optimizer, std::string_view name) const;

 private:
  struct Group {
    std::size_t parameters;
    std::vector<Tensor> kept;
  };
  std::vector<Memory> kinds_;
  std::vector<Group> groups_;
};

}  // namespace detail

/// A parameter that takes a step, its gradient, and what is remembered of it.
class Slot {
 public:
  const Tensor& parameter() const noexcept { return parameter_; }
  /// In row-major order, off the tape.
  const Tensor& gradient() const noexcept { return gradient_; }
  /// −1 where the options say `maximize`, by which each() and sums() have multiplied the gradient;
  /// 1 otherwise.
  double sign() const noexcept { return sign_; }
  /// Whether there is something to remember under this name yet.
  bool has(std::string_view memory) const;
  /// What is remembered under a name that the optimiser was made with; ValueError for another.
  const Tensor& operator[](std::string_view memory);
  /// The number of this step for this parameter, from 1.
  std::int64_t step();

  /// f(x, g, m…) for every element of the parameter, its gradient (times sign()) and memories like
  /// the parameter, called with a T&, a T and T&… of their type: what f makes of x and m… stays.
  /// All parameters' elements go in one pass over all threads, when every update() has returned. f
  /// holds numbers alone, by value. ValueError where a memory is not like the parameter.
  template <class F, std::same_as<Tensor>... M>
  void each(const F& f, const M&... memories) {
    (require_like_parameter(memories), ...);
    if (parameter_.dtype() == float32)
      add<float>(f, memories...);
    else
      add<double>(f, memories...);
  }

  /// Sums over all elements of what f(x, g, m…) gives, a std::array<T, Count>: at once, for a step
  /// that goes by norms. f is as for each(). Added up in float64 by blocks: the same bits on any
  /// number of threads.
  template <std::size_t Count, class F, std::same_as<Tensor>... M>
  std::array<double, Count> sums(const F& f, const M&... memories) {
    (require_like_parameter(memories), ...);
    return parameter_.dtype() == float32 ? sums_of<float, Count>(f, memories...)
                                         : sums_of<double, Count>(f, memories...);
  }

 private:
  template <class Options>
  friend class OptimizerOf;
  Slot(const char* optimizer, const Tensor& parameter, const Tensor& gradient, double sign,
       detail::Memories& memories, std::size_t group, std::size_t number, detail::Pass& pass)
      : optimizer_(optimizer),
        parameter_(parameter),
        gradient_(gradient),
        sign_(sign),
        memories_(memories),
        group_(group),
        number_(number),
        pass_(pass) {}

  void require_like_parameter(const Tensor& memory) const;

  template <class T, class F, class... M>
  void add(const F& f, const M&... memories) {
    pass_.add(
        parameter_.numel(),
        [f, sign = static_cast<T>(sign_), x = parameter_.mutable_data<T>(), g = gradient_.data<T>(),
         ... m = memories.template mutable_data<T>()](std::int64_t begin, std::int64_t end) {
          detail::for_elements(f, sign, end - begin, x + begin, g + begin, (m + begin)...);
        });
  }

  template <class T, std::size_t Count, class F, class... M>
  std::array<double, Count> sums_of(const F& f, const M&... memories) {
    std::array<double, Count> total{};
    const auto block = [f, sign = static_cast<T>(sign_), x = parameter_.mutable_data<T>(),
                        g = gradient_.data<T>(), ... m = memories.template mutable_data<T>()](
                           std::int64_t begin, std::int64_t end, double* to) {
      constexpr std::int64_t few = 1024;  // whose terms stay in the cache
      std::array<std::array<T, few>, Count> terms;
      std::fill_n(to, Count, 0.);
      for (std::int64_t i = begin; i < end; i += few) {
        const std::int64_t count = end - i < few ? end - i : few;
        detail::terms_of(f, sign, count, terms, x + i, g + i, (m + i)...);
        for (std::size_t k = 0; k < Count; ++k) to[k] += detail::sum_of(terms[k].data(), count);
      }
    };
    detail::sum_blocks(
        parameter_.numel(), Count, &block,
        [](const void* own, std::int64_t begin, std::int64_t end, double* to) {
          (*static_cast<const decltype(block)*>(own))(begin, end, to);
        },
        total.data());
    return total;
  }

  const char* optimizer_;
  const Tensor& parameter_;
  const Tensor& gradient_;
  double sign_;
  detail::Memories& memories_;
  std::size_t group_;
  std::size_t number_;
  detail::Pass& pass_;
};

namespace detail {

inline double& rate(double& lr) { return lr; }
inline double& rate(Required& lr) { return lr.value(); }

/// What the gradient is multiplied by.
template <class Options>
double sign_of(const Options& options) {
  if constexpr (requires { static_cast<bool>(options.maximize); })
    return options.maximize ? -1 : 1;
  else
    return 1;
}

/// Options that a function require_valid() refuses, where there is one.
template <class Options>
void check_options(const Options& options) {
  if constexpr (requires { require_valid(options); }) require_valid(options);
}

/// ValueError where parameters came or went since the optimiser was made.
void require_same_groups(const char* optimizer, bool same);
/// Before any parameter takes a step: ValueError where x, its gradient or what is remembered of it
/// no longer fit; GraphError where nobody but the optimiser has x, because its module was replaced.
void check_step(const char* optimizer, const Tensor& x, std::size_t index, Memories& memories,
                std::size_t group, std::size_t number);
/// Memories like the parameter, converted where it was.
void convert_memories(const Tensor& x, Memories& memories, std::size_t group, std::size_t number);
/// One step more, where steps are counted.
void count_step(Memories& memories, std::size_t group, std::size_t number);
/// The entries of one group's parameters.
void add_entries(std::vector<StateEntry>& entries, const std::vector<Tensor>& parameters,
                 Memories& memories, std::size_t group);
/// Bytes that a step reads and writes of these parameters.
double bytes_of_step(const std::vector<Tensor>& parameters, const Memories& memories);

}  // namespace detail

/// An optimiser of parameters in groups. Options is an aggregate with an `lr`; a bool `maximize`
/// among them turns the gradient round; where there is a function require_valid(const Options&),
/// options at which it throws are refused when they are given and before each step.
template <class Options>
class OptimizerOf : public Optimizer {
 public:
  struct Group {
    std::vector<Tensor> parameters;
    Options options;
  };

  using Optimizer::step;
  void step() override {
    require_ready();
    const profiler::Scope scope(name_, [&] {
      profiler::Work work;
      for (const Group& group : groups_)
        work.bytes += detail::bytes_of_step(group.parameters, memories_);
      return work;
    });
    const NoGradGuard guard;
    detail::Pass pass;
    each_with_gradient([&](const Group& group, std::size_t i, std::size_t j) {
      const Tensor& x = group.parameters[j];
      detail::convert_memories(x, memories_, i, j);
      const Tensor g = detail::gradient_of(x);
      Slot slot(name_, x, g, detail::sign_of(group.options), memories_, i, j, pass);
      update(group.options, slot);
    });
    pass.run();
    each_with_gradient(
        [&](const Group&, std::size_t i, std::size_t j) { detail::count_step(memories_, i, j); });
  }

  /// The groups, their options to change between steps. Their parameters stay as many: a step
  /// throws a ValueError otherwise.
  std::vector<Group>& groups() noexcept { return groups_; }

  /// One group more, with the options of the first until they are changed:
  ///
  ///     optim::AdamW optimizer(net.backbone.parameters(), {.lr = 1e-5});
  ///     optimizer.add_group(net.head.parameters()).options.lr = 1e-3;
  Group& add_group(std::vector<Tensor> parameters) {
    require_parameters("add_group");
    check_groups();
    groups_.push_back({std::move(parameters), groups_.front().options});
    try {
      check_parameters();
      memories_.add_group(groups_.back().parameters.size());
    } catch (...) {
      groups_.pop_back();
      throw;
    }
    return groups_.back();
  }

 protected:
  /// `name`, which stands in messages, must live as long as the program (a literal).
  OptimizerOf(const char* name, std::vector<Group> groups, std::vector<Memory> memories)
      : name_(name), groups_(std::move(groups)), memories_(std::move(memories)) {
    check_parameters();
    for (const Group& group : groups_) {
      detail::check_options(group.options);
      memories_.add_group(group.parameters.size());
    }
  }

  /// One parameter's step, off the tape. What is not written by Slot::each() is done at once.
  virtual void update(const Options& options, Slot& slot) = 0;

  void require_ready() override {
    require_gradients(name_);
    check_groups();
    check_step();
  }
  void visit(const std::function<void(Tensor&)>& f) override {
    for (Group& group : groups_)
      for (Tensor& x : group.parameters) f(x);
  }
  void visit_rates(const std::function<void(double&)>& f) override {
    for (Group& group : groups_) f(detail::rate(group.options.lr));
  }
  void visit_momenta(const std::function<void(double&)>& f) override {
    for (Group& group : groups_) {
      if constexpr (requires { f(group.options.betas[0]); })
        f(group.options.betas[0]);
      else if constexpr (requires { f(group.options.momentum); })
        f(group.options.momentum);
    }
  }
  std::vector<detail::StateEntry> state() override {
    check_groups();
    std::vector<detail::StateEntry> entries;
    for (std::size_t i = 0; i < groups_.size(); ++i)
      detail::add_entries(entries, groups_[i].parameters, memories_, i);
    return entries;
  }

 private:
  template <class F>
  void each_with_gradient(const F& f) {
    for (std::size_t i = 0; i < groups_.size(); ++i)
      for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j)
        if (groups_[i].parameters[j].grad().defined()) f(groups_[i], i, j);
  }

  void check_parameters() const {
    std::vector<std::vector<Tensor>> parameters;
    for (const Group& group : groups_) parameters.push_back(group.parameters);
    detail::check_parameters(name_, parameters);
  }

  void check_groups() const {
    bool same = groups_.size() == memories_.groups();
    for (std::size_t i = 0; same && i < groups_.size(); ++i)
      same = groups_[i].parameters.size() == memories_.parameters(i);
    detail::require_same_groups(name_, same);
  }

  void check_step() {
    std::size_t index = 0;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      detail::check_options(groups_[i].options);
      for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j, ++index) {
        const Tensor& x = groups_[i].parameters[j];
        if (x.grad().defined()) detail::check_step(name_, x, index, memories_, i, j);
      }
    }
  }

  const char* name_;
  std::vector<Group> groups_;
  detail::Memories memories_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
