#pragma once
// Probability distributions as torch.distributions has them:
//
//     const distributions::Normal normal{mean, std};
//     const Tensor x = normal.rsample({16});           // [16, …], with a gradient in mean and std
//     const Tensor loss = -normal.log_prob(target).mean();

#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// A tensor, or a number that takes on the dtype of the tensors beside it.
class Value {
 public:
  Value() = default;
  Value(const Tensor& x) : tensor_(x) {}     // NOLINT: Normal{mean, 1} is meant to work
  Value(Scalar number) : number_(number) {}  // NOLINT
  template <Number T>
  Value(T number) : number_(number) {}  // NOLINT

  bool is_given() const noexcept { return number_.has_value() || tensor_.defined(); }
  const Tensor& tensor() const noexcept { return tensor_; }
  const std::optional<Scalar>& number() const noexcept { return number_; }

 private:
  Tensor tensor_;
  std::optional<Scalar> number_;
};

struct Options {
  /// ValueError for parameters outside of their range, and for values outside of the support.
  bool validate_args = true;
};

/// What all distributions have. Their parameters broadcast: batch_shape() is what they make
/// together, a distribution for each place; event_shape() is that of one sample of one of them.
/// They are of float32 or float64 (DTypeError for 16 bits), float32 where all are numbers, and may
/// require gradients, which all results but those of sample() have. ValueError for what a
/// distribution has not.
///
/// A distribution of your own overrides what it has of the virtual functions, and calls shape_as().
class Distribution {
 public:
  virtual ~Distribution() = default;

  const char* name() const noexcept { return name_; }
  const Shape& batch_shape() const noexcept { return batch_shape_; }
  const Shape& event_shape() const noexcept { return event_shape_; }
  /// Of the parameters, and int64 of Categorical: numbers of another kind become it as values.
  DType dtype() const noexcept { return dtype_; }
  virtual bool has_rsample() const noexcept { return false; }

  /// Samples of shape + batch_shape + event_shape, off the tape. The same seed gives the same bits,
  /// on any number of threads. nullptr: the default generator. ShapeError for a negative extent.
  Tensor sample(const Shape& shape = {}, Generator* generator = nullptr) const;
  /// The same numbers on the tape: as functions of the parameters, the randomness being fixed.
  Tensor rsample(const Shape& shape = {}, Generator* generator = nullptr) const;

  /// The logarithm of the density, or of the probability of whole numbers: of the broadcast shape
  /// of the value and batch_shape + event_shape, less the event's axes.
  Tensor log_prob(const Value& value) const;
  /// The probability of at most this much, and its inverse.
  Tensor cdf(const Value& value) const;
  Tensor icdf(const Value& probability) const;

  virtual Tensor entropy() const;  ///< in nats
  virtual Tensor mean() const;
  virtual Tensor mode() const;
  virtual Tensor variance() const;
  Tensor stddev() const;

 protected:
  /// `name` must live as long as the program (a literal).
  explicit Distribution(const char* name, const Options& options = {}) noexcept
      : name_(name), validates_(options.validate_args) {}
  Distribution(const Distribution&) = default;
  Distribution& operator=(const Distribution&) = default;

  struct Parameter;  // parameters.hpp
  /// Fills in the parameters and makes their shape that of the batch.
  void take(std::initializer_list<Parameter> parameters);
  /// `dtype` is what values of other kinds become.
  void shape_as(const Shape& batch, const Shape& event, DType dtype);
  /// Makes the batch's last axis one of the event.
  void shape_as_vectors();
  bool validates() const noexcept { return validates_; }

 private:
  /// ValueError unless all of these may be samples.
  virtual void check_support(const Tensor& value) const;
  /// Samples of this shape, on the tape where has_rsample(). Here the quantiles of uniform numbers.
  virtual Tensor draw(const Shape& shape, Generator* generator) const;
  virtual Tensor log_density(const Tensor& value) const = 0;
  virtual Tensor cumulative(const Tensor& value) const;
  virtual Tensor quantile(const Tensor& probability) const;

  Tensor drawn(const Shape& shape, Generator* generator) const;
  Tensor as_value(const Value& value) const;

  const char* name_;
  bool validates_;
  DType dtype_ = float32;
  Shape batch_shape_;
  Shape event_shape_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
