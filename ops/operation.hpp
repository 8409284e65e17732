#pragma once
// Internal: the names of the differentiable operations, and how they get on the tape.

#include <xgrad/autograd/function.hpp>

#include <array>
#include <string_view>

namespace xgrad {

// Every differentiable operation, once. The table in tests/ops must have a row for each: its switch
// over this enum does not compile otherwise.
// clang-format off
#define XGRAD_OPERATIONS(X)                                                                       \
  X(add) X(sub) X(mul) X(div) X(neg) X(abs) X(exp) X(log) X(sqrt) X(square) X(tanh) X(sigmoid)    \
  X(erf) X(erfc) X(gelu)                                                                          \
  X(pow) X(clamp) X(maximum) X(minimum) X(where) X(to) X(clone) X(relu) X(mask_positive)          \
  X(sum) X(mean) X(var) X(prod) X(max) X(min) X(logsumexp)                                        \
  X(reshape) X(flatten) X(transpose) X(permute) X(squeeze) X(unsqueeze) X(expand) X(cat) X(stack) \
  X(split) X(chunk) X(unbind) X(slice) X(embed) X(pad) X(flip)                                              \
  X(index_select) X(index_embed) X(gather) X(scatter)                                             \
  X(matmul) X(linear) X(conv2d) X(conv2d_input) X(conv2d_weight)                                  \
  X(max_pool2d) X(avg_pool2d) X(avg_pool2d_input)                                                 \
  X(softmax) X(log_softmax) X(nll_loss) X(cross_entropy) X(mse_loss) X(dropout) \
  X(batch_norm)
// clang-format on

enum class Op : unsigned char {
#define XGRAD_ENUMERATOR(name) name,
  XGRAD_OPERATIONS(XGRAD_ENUMERATOR)
#undef XGRAD_ENUMERATOR
};

inline constexpr std::array operation_names = {
#define XGRAD_NAME(name) #name,
    XGRAD_OPERATIONS(XGRAD_NAME)
#undef XGRAD_NAME
};

constexpr const char* name(Op op) noexcept { return operation_names[static_cast<std::size_t>(op)]; }

template <class Results, class... Arguments>
auto record(Op op, Results results, Arguments... arguments) {
  return record(name(op), std::move(results), std::move(arguments)...);
}

}  // namespace xgrad
