#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/tangents.hpp>
#include <xgrad/func/jacobian.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/shape.hpp>

namespace xgrad::detail {
namespace {

/// 1 at one place, 0 elsewhere.
Tensor unit(const Tensor& like, std::int64_t place) {
  const Tensor e = zeros_like(like);
  e.alias(Shape{}, place).fill_(1);
  return e;
}

Shape joined(const Shape& first, const Shape& second) {
  Shape both = first;
  for (const std::int64_t extent : second) both.push_back(extent);
  return both;
}

std::int64_t count(const char* operation, const std::vector<Tensor>& list) {
  Size sum(0, operation);
  for (const Tensor& x : list) sum = sum + x.numel();
  return sum.value();
}

/// The derivatives of each result in each input, one part of them after the other.
class Parts {
 public:
  Parts(const Evaluation& at, std::int64_t axis) : at_(at), axis_(axis) {
    parts_.resize(at.results().size());
    for (auto& of_result : parts_) of_result.resize(at.inputs().size());
  }

  /// Adds a row or column; undefined is 0, of the shape of `like`.
  void add(std::size_t result, std::size_t input, Tensor part, const Tensor& like) {
    at_.require_dependence(part, result, input);
    parts_[result][input].push_back(part.defined() ? std::move(part) : zeros_like(like));
  }

  Blocks put_together() const {
    const Running running(at_.operation());
    Blocks blocks(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (std::size_t j = 0; j < parts_[i].size(); ++j) {
        const Tensor &y = at_.results()[i], &x = at_.inputs()[j];
        const Shape shape = joined(y.shape(), x.shape());
        blocks[i].push_back(parts_[i][j].empty() ? zeros(shape, {.dtype = y.dtype()})
                                                 : reshape(stack(parts_[i][j], axis_), shape));
      }
    return blocks;
  }

 private:
  const Evaluation& at_;
  std::int64_t axis_;  // along which they lie
  std::vector<std::vector<std::vector<Tensor>>> parts_;
};

Blocks by_rows(const Evaluation& at) {
  const auto &x = at.inputs(), &y = at.results();
  Parts rows(at, 0);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::int64_t place = 0; place < y[i].numel(); ++place) {
      std::vector<Tensor> u(y.size());
      u[i] = unit(y[i], place);
      const std::vector<Tensor> row = at.gradients(u);
      for (std::size_t j = 0; j < x.size(); ++j) rows.add(i, j, row[j], x[j]);
    }
  return rows.put_together();
}

Blocks by_columns(const Evaluation& at) {
  const auto &x = at.inputs(), &y = at.results();
  Tangents tangents(y, at.options().create_graph);
  Parts columns(at, -1);
  for (std::size_t j = 0; j < x.size(); ++j)
    for (std::int64_t place = 0; place < x[j].numel(); ++place) {
      std::vector<Tensor> v(x.size());
      v[j] = unit(x[j], place);
      const std::vector<Tensor> column = tangents.along(x, v);
      for (std::size_t i = 0; i < y.size(); ++i) columns.add(i, j, column[i], y[i]);
    }
  return columns.put_together();
}

Blocks jacobian(const char* operation, const TensorFunction& f, const std::vector<Tensor>& x,
                const JacobianOptions& options) {
  const Evaluation at(operation, f, x,
                      {.create_graph = options.create_graph, .strict = options.strict});
  const GradModeGuard mode(options.create_graph);
  const bool forward = options.strategy == Strategy::automatic
                           ? count(operation, at.inputs()) < count(operation, at.results())
                           : options.strategy == Strategy::forward_mode;
  return forward ? by_columns(at) : by_rows(at);
}

/// f's gradient in its arguments, on the tape. Puts f's value into `value`.
TensorFunction gradient_of(const char* operation, const TensorFunction& f, bool strict,
                           Tensor* value = nullptr) {
  return [=, &f](const std::vector<Tensor>& x) {
    const std::vector<Tensor> y = f(x);
    require<ValueError>(y.size() == 1, "{}: the function gives {} tensors; it must give one value",
                        operation, y.size());
    require<ValueError>(y[0].defined(), "{}: result 0 is undefined", operation);
    require<DTypeError>(is_floating(y[0].dtype()), "{}: result 0 is {}, which has no derivative",
                        operation, y[0].dtype());
    require<ShapeError>(y[0].numel() == 1,
                        "{}: the function gives {}; second derivatives are of one value, those of "
                        "more are a jacobian() of the gradient",
                        operation, y[0].shape());
    if (value != nullptr) *value = y[0];
    std::vector<Tensor> gradients(x.size());
    if (y[0].requires_grad()) gradients = grad(y, x, {.create_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < x.size(); ++i) {
      require<GraphError>(gradients[i].defined() || !strict,
                          "{}: the function does not depend on tensor {}, which .strict forbids",
                          operation, i);
      if (!gradients[i].defined()) gradients[i] = zeros_like(x[i]);
    }
    return gradients;
  };
}

Hvp<std::vector<Tensor>> product(const char* operation, const TensorFunction& f,
                                 const std::vector<Tensor>& x, const std::vector<Tensor>& v,
                                 const DerivativeOptions& options, bool forward) {
  Tensor value;
  const Evaluation at(operation, gradient_of(operation, f, options.strict, &value), x, options);
  check_directions(operation, "tensor", at.inputs(), v);
  Hvp<std::vector<Tensor>> found{.value = {}, .product = forward ? at.along(v) : at.back(v)};
  found.value = options.create_graph ? value : value.detach();
  return found;
}

}  // namespace

Blocks jacobian(const TensorFunction& f, const std::vector<Tensor>& x,
                const JacobianOptions& options) {
  return jacobian("jacobian", f, x, options);
}

Blocks hessian(const TensorFunction& f, const std::vector<Tensor>& x,
               const JacobianOptions& options) {
  JacobianOptions of_gradient = options;
  if (options.strategy == Strategy::automatic) of_gradient.strategy = Strategy::forward_mode;
  return jacobian("hessian", gradient_of("hessian", f, options.strict), x, of_gradient);
}

Hvp<std::vector<Tensor>> hvp(const TensorFunction& f, const std::vector<Tensor>& x,
                             const std::vector<Tensor>& v, const DerivativeOptions& options) {
  return product("hvp", f, x, v, options, true);
}

Hvp<std::vector<Tensor>> vhp(const TensorFunction& f, const std::vector<Tensor>& x,
                             const std::vector<Tensor>& v, const DerivativeOptions& options) {
  return product("vhp", f, x, v, options, false);
}

}  // namespace xgrad::detail
