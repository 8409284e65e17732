#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/distributions/independent.hpp>
#include <xgrad/distributions/parameters.hpp>

namespace xgrad::distributions {

Independent::Independent(std::shared_ptr<const Distribution> base, std::int64_t axes,
                         const Options& options)
    : Distribution("Independent", options), base_(std::move(base)), axes_(axes) {
  require<ValueError>(base_ != nullptr, "Independent: the base is missing");
  const Shape& batch = base_->batch_shape();
  if (axes < 0 || axes > std::ssize(batch))
    raise<ShapeError>("Independent: {} axes of a {} whose batch is {}", axes, base_->name(), batch);
  const std::size_t kept = batch.size() - static_cast<std::size_t>(axes);
  shape_as(part_of(batch, 0, kept),
           joined(part_of(batch, kept, batch.size()), base_->event_shape()), base_->dtype());
}

Tensor Independent::entropy() const { return sum_last(base_->entropy(), axes_); }
Tensor Independent::mean() const { return base_->mean(); }
Tensor Independent::mode() const { return base_->mode(); }
Tensor Independent::variance() const { return base_->variance(); }

void Independent::check_support(const Tensor&) const {}  // the base does
Tensor Independent::draw(const Shape& shape, Generator* generator) const {
  const std::size_t own = base_->batch_shape().size() + base_->event_shape().size();
  const Shape samples = part_of(shape, 0, shape.size() - own);
  return is_grad_enabled() && has_rsample() ? base_->rsample(samples, generator)
                                            : base_->sample(samples, generator);
}
Tensor Independent::log_density(const Tensor& x) const {
  return sum_last(base_->log_prob(x), axes_);
}

}  // namespace xgrad::distributions
