#include <array>

#include "ops/table.hpp"

namespace table {

Rows rows_of(Op op) {
#define PRIMITIVE(name) &rows<Op::name>,
#define COMPOSED PRIMITIVE
  static constexpr std::array<Rows (*)(), operation_names.size()> all{
#include <xgrad/ops/operations.def>
  };
#undef COMPOSED
#undef PRIMITIVE
  return all[static_cast<std::size_t>(op)]();
}

Inputs leaves(const Row& row, DType dtype) {
  Inputs copies;
  for (const Tensor& x : row.inputs) {
    copies.push_back(is_floating(x.dtype()) ? clone(x).to(dtype) : x);
    if (is_floating(x.dtype())) copies.back().requires_grad_();
  }
  return copies;
}

}  // namespace table
