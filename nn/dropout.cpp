#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/ops/dropout.hpp>

namespace xgrad::nn {

Dropout::Dropout(double p) : p_(p) {
  require<ValueError>(p >= 0 && p <= 1, "Dropout: p is {}, it must lie in [0, 1]", p);
}

Tensor Dropout::forward(const Tensor& x) {
  return dropout(x, {.p = p_, .training = is_training()});
}

}  // namespace xgrad::nn
