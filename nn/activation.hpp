#pragma once
#include <xgrad/nn/module_of.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// xgrad::relu, in the memory of a temporary.
class ReLU : public ModuleOf<ReLU> {
 public:
  Tensor forward(Tensor x);
};

/// xgrad::gelu.
class GELU : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

/// xgrad::sigmoid.
class Sigmoid : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

/// xgrad::tanh.
class Tanh : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

/// xgrad::softmax along `axis`, which may count from the back.
class Softmax : public Module {
 public:
  explicit Softmax(std::int64_t axis) : axis_(axis) {}
  Tensor forward(const Tensor& x) override;

 private:
  std::int64_t axis_;
};

/// xgrad::log_softmax along `axis`, which may count from the back.
class LogSoftmax : public Module {
 public:
  explicit LogSoftmax(std::int64_t axis) : axis_(axis) {}
  Tensor forward(const Tensor& x) override;

 private:
  std::int64_t axis_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
