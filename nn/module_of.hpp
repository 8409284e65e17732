#pragma once
// Modules whose forward() takes and gives what it likes:
//
//     struct Attention : nn::ModuleOf<Attention> {
//       struct Output {
//         Tensor values, weights;
//       };
//       nn::Linear out = add("out", nn::Linear{64, 64});
//       Output forward(const Tensor& q, const Tensor& k, const Tensor& v, const Options& o = {});
//     };
//     auto [values, weights] = attention(q, k, v, {.causal = true});

#include <xgrad/nn/module.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// A forward() of other arguments hides Module's virtual one, which is what ModuleOf is for; the
// warning comes at each class that derives from it, where no header could hold it back but so.
#pragma GCC diagnostic ignored "-Woverloaded-virtual"

#pragma GCC visibility push(default)

namespace xgrad::nn {

namespace detail {

// ---- the tensors in what a module is given and gives, for its hooks

struct AnyField {
  template <class T>
  operator T() const;  // NOLINT: it stands for any field
};

/// How many fields an aggregate has, up to 9.
template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (sizeof...(Fields) < 9 && requires { T{Fields()..., AnyField()}; })
    return field_count<T, Fields..., AnyField>();
  else
    return sizeof...(Fields);
}

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

template <class T>
concept OptionalLike = requires(T& value) {
  value.has_value();
  *value;
};

template <class T>
void collect_tensors(T& value, Places& to);

template <class... T>
void collect_all(Places& to, T&... values) {
  (collect_tensors(values, to), ...);
}

template <class T>
void collect_fields(T& value, Places& to) {
  constexpr std::size_t count = field_count<std::remove_const_t<T>>();
  if constexpr (count == 1) {
    auto& [a] = value;
    collect_all(to, a);
  } else if constexpr (count == 2) {
    auto& [a, b] = value;
    collect_all(to, a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = value;
    collect_all(to, a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = value;
    collect_all(to, a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = value;
    collect_all(to, a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = value;
    collect_all(to, a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    collect_all(to, a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    collect_all(to, a, b, c, d, e, f, g, h);
  }
}

/// Tensors, ranges, tuples and optionals of them, and structs of up to 8 fields; nothing of others.
template <class T>
void collect_tensors(T& value, Places& to) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::derived_from<Plain, Tensor>) {
    to.add(value);
  } else if constexpr (std::ranges::range<T>) {
    if constexpr (std::derived_from<std::ranges::range_value_t<T>, Tensor>)
      for (auto&& x : value) {
        if constexpr (std::is_lvalue_reference_v<std::ranges::range_reference_t<T>>)
          to.add(x);
        else
          to.add(std::as_const(x));
      }
  } else if constexpr (TupleLike<Plain>) {
    std::apply([&](auto&... fields) { collect_all(to, fields...); }, value);
  } else if constexpr (OptionalLike<T>) {
    if (value.has_value()) collect_tensors(*value, to);
  } else if constexpr (std::is_aggregate_v<Plain>) {
    collect_fields(value, to);
  }
}

template <class T>
constexpr bool may_hold_tensors() {
  if constexpr (std::derived_from<T, Module>)
    return false;
  else if constexpr (std::ranges::range<T>)
    return std::derived_from<std::ranges::range_value_t<T>, Tensor>;
  else
    return std::derived_from<T, Tensor> || TupleLike<T> || OptionalLike<T> ||
           std::is_aggregate_v<T>;
}

/// An argument on its way to forward(). Hooks see and replace what is in it, where it is the call's
/// own, or in a copy that takes its place.
template <class Argument>
class Passed {
  using Plain = std::remove_cvref_t<Argument>;
  static constexpr bool is_copied = std::is_lvalue_reference_v<Argument> &&
                                    std::is_const_v<std::remove_reference_t<Argument>> &&
                                    std::copy_constructible<Plain> && may_hold_tensors<Plain>();

 public:
  explicit Passed(Argument&& given) : given_(given) {}

  void collect(Places& to) {
    if constexpr (is_copied)
      collect_tensors(own_.emplace(given_), to);
    else if constexpr (std::is_lvalue_reference_v<Argument>)
      collect_tensors(std::as_const(given_), to);
    else
      collect_tensors(given_, to);
  }

  Argument&& get() {
    if constexpr (is_copied)
      if (own_) return *own_;
    return static_cast<Argument&&>(given_);
  }

 private:
  struct Nothing {};
  std::remove_reference_t<Argument>& given_;
  [[no_unique_address]] std::conditional_t<is_copied, std::optional<Plain>, Nothing> own_;
};

template <class Argument>
using AsConst = std::conditional_t<std::is_lvalue_reference_v<Argument>,
                                   const std::remove_reference_t<Argument>&, Argument&&>;

// ---- what forward() takes, where it is one function

template <class Function>
struct ArgumentsOf;
template <class Result, class Owner, class... Arguments>
struct ArgumentsOf<Result (Owner::*)(Arguments...)> {
  using type = std::tuple<Arguments...>;
};
template <class Result, class Owner, class... Arguments>
struct ArgumentsOf<Result (Owner::*)(Arguments...) const> {
  using type = std::tuple<Arguments...>;
};

template <class Self>
concept HasOneForward = requires {
  &Self::forward;
};
template <class Self>
using ForwardArguments = typename ArgumentsOf<decltype(&Self::forward)>::type;
template <class Self, std::size_t i>
using ForwardArgument = std::tuple_element_t<i, ForwardArguments<Self>>;

template <class Self, std::size_t count>
concept ForwardTakes = HasOneForward<Self> && std::tuple_size_v<ForwardArguments<Self>>
== count;
/// Whether ModuleOf has no call of `count` arguments of their own types: some are left to their
/// defaults, forward() is several, or there are none or more than it spells out.
template <class Self, std::size_t count>
concept ForwardTakesOthers = !ForwardTakes<Self, count> || count == 0 || (count > 5);

}  // namespace detail

/// The base of a module `Self` whose forward() has any arguments and any result; with the same
/// guard, paths and hooks as Module's. Where it can be called with one tensor and gives one, it is
/// also called through Module, as by a Sequential. A forward() that takes its tensor by value may
/// compute in its memory where its caller gives it away.
template <class Self>
class ModuleOf : public Module {
 public:
  /// Self::forward(arguments…).
  template <class... A, class S = Self>
  requires detail::ForwardTakesOthers<S, sizeof...(A)>
  auto operator()(A&&... arguments) {
    // A variable is not forward()'s to change, unless that asks for it.
    if constexpr (requires(S & self) {
                    self.forward(static_cast<detail::AsConst<A>>(arguments)...);
                  })
      return guarded<detail::AsConst<A>...>(static_cast<detail::AsConst<A>>(arguments)...);
    else
      return guarded<A...>(std::forward<A>(arguments)...);
  }

  // Of all its arguments, each of its own type, so that one in braces knows what it is.
  template <class S = Self>
  requires detail::ForwardTakes<S, 1>
  auto operator()(detail::ForwardArgument<S, 0> a) {
    return guarded<decltype(a)>(std::forward<decltype(a)>(a));
  }
  template <class S = Self>
  requires detail::ForwardTakes<S, 2>
  auto operator()(detail::ForwardArgument<S, 0> a, detail::ForwardArgument<S, 1> b) {
    return guarded<decltype(a), decltype(b)>(std::forward<decltype(a)>(a),
                                             std::forward<decltype(b)>(b));
  }
  template <class S = Self>
  requires detail::ForwardTakes<S, 3>
  auto operator()(detail::ForwardArgument<S, 0> a, detail::ForwardArgument<S, 1> b,
                  detail::ForwardArgument<S, 2> c) {
    return guarded<decltype(a), decltype(b), decltype(c)>(
        std::forward<decltype(a)>(a), std::forward<decltype(b)>(b), std::forward<decltype(c)>(c));
  }
  template <class S = Self>
  requires detail::ForwardTakes<S, 4>
  auto operator()(detail::ForwardArgument<S, 0> a, detail::ForwardArgument<S, 1> b,
                  detail::ForwardArgument<S, 2> c, detail::ForwardArgument<S, 3> d) {
    return guarded<decltype(a), decltype(b), decltype(c), decltype(d)>(
        std::forward<decltype(a)>(a), std::forward<decltype(b)>(b), std::forward<decltype(c)>(c),
        std::forward<decltype(d)>(d));
  }
  template <class S = Self>
  requires detail::ForwardTakes<S, 5>
  auto operator()(detail::ForwardArgument<S, 0> a, detail::ForwardArgument<S, 1> b,
                  detail::ForwardArgument<S, 2> c, detail::ForwardArgument<S, 3> d,
                  detail::ForwardArgument<S, 4> e) {
    return guarded<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e)>(
        std::forward<decltype(a)>(a), std::forward<decltype(b)>(b), std::forward<decltype(c)>(c),
        std::forward<decltype(d)>(d), std::forward<decltype(e)>(e));
  }

 private:
  template <class... Arguments>
  auto guarded(Arguments&&... arguments) {
    Self& self = static_cast<Self&>(*this);
    using Result = decltype(self.forward(std::forward<Arguments>(arguments)...));
    static_assert(!std::is_void_v<Result>, "forward() gives something");
    std::tuple<detail::Passed<Arguments>...> passed(std::forward<Arguments>(arguments)...);
    std::optional<std::decay_t<Result>> result;
    const auto forward = [&] {
      std::apply([&](auto&... each) { result.emplace(self.forward(each.get()...)); }, passed);
    };
    const auto inputs = [&](detail::Places& to) {
      std::apply([&](auto&... each) { (each.collect(to), ...); }, passed);
    };
    const auto outputs = [&](detail::Places& to) { detail::collect_tensors(*result, to); };
    call(std::ref(forward), std::ref(inputs), std::ref(outputs));
    return std::move(*result);
  }

  Tensor forward_one(Tensor x) final {
    Self& self = static_cast<Self&>(*this);
    if constexpr (requires {
                    { self.forward(std::move(x)) } -> std::convertible_to<Tensor>;
                  })
      return self.forward(std::move(x));
    else
      throw_takes_others();
  }
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
