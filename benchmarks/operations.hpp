#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serve.hpp"
#include "works.hpp"

/// Operations by themselves, forward, and most of them forward and backward.
void add_operations(bench::Works& all);

namespace bench {

/// The works of one side, which says what its tensors are: Side::Tensor, Shape and NoGradGuard,
/// empty(shape), data(x), numel(x), magnitude(x), clear_gradient(x), and empty_like(x).
template <class Side>
struct Operations {
  using Tensor = typename Side::Tensor;
  using Shape = typename Side::Shape;
  using Tensors = std::vector<Tensor>;
  using Function = std::function<Tensor(const Tensors&)>;

  static Tensor filled(Tensor x, std::uint64_t seed) {
    fill(Side::data(x), Side::numel(x), seed);
    return x;
  }

  static std::shared_ptr<Tensors> inputs(const std::vector<Shape>& shapes) {
    auto result = std::make_shared<Tensors>();
    for (const Shape& shape : shapes)
      result->push_back(filled(Side::empty(shape), result->size() + 1));
    return result;
  }

  /// f of tensors filled with numbers, off the tape.
  static Prepared forward(const std::vector<Shape>& shapes, const Function& f) {
    auto x = inputs(shapes);
    auto y = std::make_shared<Tensor>();
    return {[=] {
              const typename Side::NoGradGuard guard;
              *y = f(*x);
            },
            [=] { return Side::magnitude(*y); }};
  }

  /// The same and its gradient.
  static Prepared trained(const std::vector<Shape>& shapes, const Function& f) {
    auto list = inputs(shapes);
    for (Tensor& x : *list) x.requires_grad_();
    auto upstream = std::make_shared<Tensor>();
    return {[=] {
              for (Tensor& x : *list) Side::clear_gradient(x);
              const Tensor y = f(*list);
              if (!upstream->defined()) *upstream = filled(Side::empty_like(y), 99);
              y.backward(*upstream);
            },
            [=] {
              double sum = 0;
              for (const Tensor& x : *list) sum += Side::magnitude(x.grad());
              return sum;
            }};
  }

  /// Both of them, as two works.
  static void add(Works& all, const std::string& name, const std::vector<Shape>& shapes,
                  const Function& f) {
    all[name] = [=] { return forward(shapes, f); };
    all[name + " with backward"] = [=] { return trained(shapes, f); };
  }
};

/// The i-th of scattered whole numbers from 0 to end − 1.
inline std::int64_t place(std::int64_t i, std::int64_t end) { return i * 7919 % end; }

}  // namespace bench
