#pragma once
#include <xgrad/distributions/distribution.hpp>

#include <concepts>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// A distribution whose last `axes` axes of the batch are of one event, their parts independent:
/// log_prob() and entropy() are summed over them.
///
///     const distributions::Independent pictures{distributions::Bernoulli({.logits = x}), 3};
///
/// ShapeError unless the batch has as many.
class Independent : public Distribution {
 public:
  template <std::derived_from<Distribution> Base>
  Independent(Base base, std::int64_t axes, const Options& options = {})
      : Independent(std::make_shared<const Base>(std::move(base)), axes, options) {}
  Independent(std::shared_ptr<const Distribution> base, std::int64_t axes,
              const Options& options = {});

  const Distribution& base() const noexcept { return *base_; }
  std::int64_t axes() const noexcept { return axes_; }

  bool has_rsample() const noexcept override { return base_->has_rsample(); }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  std::shared_ptr<const Distribution> base_;
  std::int64_t axes_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
