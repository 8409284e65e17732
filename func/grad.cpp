#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/func/grad.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::detail {

bool is_recorded(const std::vector<Tensor>& arguments) {
  return is_grad_enabled() && std::ranges::any_of(arguments, &Tensor::requires_grad);
}

std::vector<Tensor> arguments(const char* operation, const std::vector<Tensor>& x,
                              bool create_graph) {
  check_floating(operation, "tensor", x);
  std::vector<Tensor> made;
  for (const Tensor& each : x) made.push_back(argument(operation, each, create_graph));
  return made;
}

namespace {

void check_value(const char* operation, const std::vector<Tensor>& y) {
  require<ValueError>(y.size() == 1, "{}: the function gives {} tensors; it must give one value",
                      operation, y.size());
  check_floating(operation, "result", y);
  require<ShapeError>(y[0].numel() == 1,
                      "{}: the function gives {}; a gradient is that of one value, of more there "
                      "are jacobian() and vjp()",
                      operation, y[0].shape());
}

}  // namespace

std::vector<Tensor> gradients_of_value(const char* operation, std::vector<Tensor>& y,
                                       const std::vector<Tensor>& x, bool create_graph) {
  check_value(operation, y);
  std::vector<Tensor> gradients(x.size());
  if (y[0].requires_grad() && !x.empty())
    gradients = grad(y, x, {.create_graph = create_graph, .allow_unused = true});
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = zeros_like(x[i]);
  if (!create_graph) y[0] = y[0].detach();
  return gradients;
}

std::int64_t example_count(const std::vector<Tensor>& batches) {
  constexpr const char* name = "per_sample_grad";
  require<ValueError>(!batches.empty(), "{}: no batches", name);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    require<ValueError>(batches[i].defined(), "{}: batch {} is undefined", name, i);
    require<ShapeError>(batches[i].dim() > 0, "{}: batch {} has no axis of examples", name, i);
    require<ShapeError>(batches[i].size(0) == batches[0].size(0),
                        "{}: batch {} has {} examples, batch 0 has {}", name, i, batches[i].size(0),
                        batches[0].size(0));
  }
  return batches[0].size(0);
}

std::vector<std::vector<Tensor>> places_of_examples(std::int64_t count,
                                                    const std::vector<Tensor>& x) {
  check_floating("per_sample_grad", "tensor", x);
  std::vector<std::vector<Tensor>> places;
  for (std::size_t k = 0; k < x.size(); ++k)
    places.push_back(values_of<Tensor>(count, "per_sample_grad"));
  return places;
}

Tensor example(const Tensor& batch, std::int64_t i) { return batch.slice(0, i, i + 1); }

Tensor stack_examples(const std::vector<Tensor>& gradients, const Tensor& x) {
  if (!gradients.empty()) return stack(gradients);
  Shape shape = x.shape();
  shape.insert(0, 0);
  return zeros(shape, {.dtype = x.dtype()});
}

}  // namespace xgrad::detail
