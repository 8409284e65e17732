#pragma once
#include <xgrad/nn/module.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

namespace detail {

/// A layer that drops with probability p. ValueError that names it unless 0 ≤ p ≤ 1.
class Dropping : public Module {
 protected:
  Dropping(const char* layer, double p);
  double p_;
};

/// Zeroes whole channels of [N, C, …] or [C, …], with `axes` axes behind. ShapeError for others.
class ChannelDropout : public Dropping {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  ChannelDropout(const char* layer, std::int64_t axes, double p)
      : Dropping(layer, p), layer_(layer), axes_(axes) {}

 private:
  const char* layer_;
  std::int64_t axes_;
};

}  // namespace detail

// All pass their input on where they are not training.

/// Zeroes elements with probability p while training; passes its input on otherwise.
struct Dropout : detail::Dropping {
  explicit Dropout(double p = 0.5) : Dropping("Dropout", p) {}
  Tensor forward(const Tensor& x) override;
};

/// Zeroes channels of [N, C, L] or [C, L] (Tompson et al., arXiv:1411.4280).
struct Dropout1d : detail::ChannelDropout {
  explicit Dropout1d(double p = 0.5) : ChannelDropout("Dropout1d", 1, p) {}
};
/// Zeroes channels of [N, C, H, W] or [C, H, W].
struct Dropout2d : detail::ChannelDropout {
  explicit Dropout2d(double p = 0.5) : ChannelDropout("Dropout2d", 2, p) {}
};
/// Zeroes channels of [N, C, D, H, W] or [C, D, H, W].
struct Dropout3d : detail::ChannelDropout {
  explicit Dropout3d(double p = 0.5) : ChannelDropout("Dropout3d", 3, p) {}
};

/// Sets elements to the least value of selu, −1.7581, with probability p, and scales and shifts all
/// so that a mean of 0 and a variance of 1 stay (Klambauer et al., arXiv:1706.02515). 0 for p = 1.
struct AlphaDropout : detail::Dropping {
  explicit AlphaDropout(double p = 0.5) : Dropping("AlphaDropout", p) {}
  Tensor forward(const Tensor& x) override;
};

/// The same of whole channels of [N, C, …]. ShapeError for fewer than two axes.
struct FeatureAlphaDropout : detail::Dropping {
  explicit FeatureAlphaDropout(double p = 0.5) : Dropping("FeatureAlphaDropout", p) {}
  Tensor forward(const Tensor& x) override;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
