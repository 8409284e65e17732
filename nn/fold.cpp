#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/fold.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/windows.hpp>

namespace xgrad::nn {

Unfold::Unfold(Extents<2> kernel, const FoldOptions& options) : Applied(kernel, options) {
  xgrad::detail::check_window("Unfold", kernel, options);
}

Fold::Fold(Extents<2> output_size, Extents<2> kernel, const FoldOptions& options)
    : Applied(output_size, kernel, options) {
  require<ValueError>(at_least(1, output_size), "Fold: output size {} must be positive",
                      output_size);
  xgrad::detail::check_window("Fold", kernel, options);
}

}  // namespace xgrad::nn
