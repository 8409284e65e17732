#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tangents.hpp>
#include <xgrad/func/evaluation.hpp>
#include <xgrad/ops/create.hpp>

namespace xgrad::detail {

Tensor argument(const char* operation, const Tensor& x, bool create_graph) {
  if (!create_graph || !x.requires_grad()) return x.detach().requires_grad_();
  return record(operation, x.detach(), wrt(x, [](const Tensor& dy) { return dy; }));
}

void check_floating(const char* operation, const char* what, const std::vector<Tensor>& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    require<ValueError>(list[i].defined(), "{}: {} {} is undefined", operation, what, i);
    require<DTypeError>(is_floating(list[i].dtype()), "{}: {} {} is {}, which has no derivative",
                        operation, what, i, list[i].dtype());
  }
}

void check_directions(const char* operation, const char* of, const std::vector<Tensor>& x,
                      const std::vector<Tensor>& v) {
  require<ValueError>(x.size() == v.size(), "{}: {} {}s but {} directions", operation, x.size(), of,
                      v.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    require<ValueError>(v[i].defined(), "{}: direction {} is undefined", operation, i);
    require<ShapeError>(v[i].shape() == x[i].shape(), "{}: direction {} has shape {}, its {} {}",
                        operation, i, v[i].shape(), of, x[i].shape());
    require<DTypeError>(v[i].dtype() == x[i].dtype(), "{}: direction {} is {}, its {} {}",
                        operation, i, v[i].dtype(), of, x[i].dtype());
  }
}

namespace {

/// One that nobody else sees, unless it is on the tape: a rule may hand on what it was given.
Tensor own(Tensor x) {
  return x.requires_grad() || x.storage()->is_unique() ? x : x.detach().clone();
}

}  // namespace

Evaluation::Evaluation(const char* operation, const TensorFunction& f, const std::vector<Tensor>& x,
                       const DerivativeOptions& options)
    : operation_(operation), options_(options) {
  require<ValueError>(!x.empty(), "{}: no tensors", operation);
  check_floating(operation, "tensor", x);
  const EnableGradGuard recording;
  for (const Tensor& each : x) x_.push_back(argument(operation, each, options.create_graph));
  y_ = f(x_);
  check_floating(operation, "result", y_);
}

std::vector<Tensor> Evaluation::values() const {
  std::vector<Tensor> values;
  for (const Tensor& y : y_) values.push_back(options_.create_graph ? y : y.detach());
  return values;
}

void Evaluation::require_dependence(const Tensor& found, std::size_t result,
                                    std::size_t input) const {
  require<GraphError>(found.defined() || !options_.strict,
                      "{}: result {} does not depend on tensor {}, which .strict forbids",
                      operation_, result, input);
}

std::vector<Tensor> Evaluation::along(const std::vector<Tensor>& v) const {
  check_directions(operation_, "tensor", x_, v);
  const GradModeGuard mode(options_.create_graph);
  std::vector<Tensor> tangents = Tangents(y_, options_.create_graph).along(x_, v);
  for (std::size_t i = 0; i < tangents.size(); ++i) {
    require<GraphError>(tangents[i].defined() || !options_.strict,
                        "{}: result {} does not depend on any of the tensors, which .strict "
                        "forbids",
                        operation_, i);
    tangents[i] = tangents[i].defined() ? own(std::move(tangents[i])) : zeros_like(y_[i]);
  }
  return tangents;
}

std::vector<Tensor> Evaluation::gradients(const std::vector<Tensor>& u) const {
  std::vector<Tensor> outputs;
  GradOptions pass{
      .retain_graph = true, .create_graph = options_.create_graph, .allow_unused = true};
  for (std::size_t i = 0; i < y_.size(); ++i)
    if (u[i].defined() && y_[i].requires_grad()) {
      outputs.push_back(y_[i]);
      pass.grad_outputs.push_back(u[i]);
    }
  return outputs.empty() ? std::vector<Tensor>(x_.size()) : grad(outputs, x_, pass);
}

std::vector<Tensor> Evaluation::back(const std::vector<Tensor>& u) const {
  std::vector<Tensor> directions = u;
  for (std::size_t i = 0; i < u.size() && i < y_.size(); ++i)
    if (!u[i].defined() && y_[i].numel() == 1) directions[i] = ones_like(y_[i]);
  check_directions(operation_, "result", y_, directions);
  std::vector<Tensor> found = gradients(directions);
  const GradModeGuard mode(options_.create_graph);
  for (std::size_t i = 0; i < found.size(); ++i) {
    require<GraphError>(found[i].defined() || !options_.strict,
                        "{}: no result depends on tensor {}, which .strict forbids", operation_, i);
    if (!found[i].defined()) found[i] = zeros_like(x_[i]);
  }
  return found;
}

}  // namespace xgrad::detail
