#pragma once
// The table that every operation is checked by: its function, on sample inputs.

#include <xgrad/ops/operation.hpp>

#include <functional>
#include <string>
#include <vector>

#include "support.hpp"

namespace table {

using namespace support;  // NOLINT

using Inputs = std::vector<Tensor>;

struct Row {
  std::string name;
  Inputs inputs;  ///< float64 ones are differentiated
  std::function<Tensor(const Inputs&)> f;
};
using Rows = std::vector<Row>;

/// The rows of an operation. Its switch has a case for each: an operation without one does not
/// compile.
Rows rows(Op op);

// The rows, by kind.
Rows unary_rows(Op op);
Rows binary_rows(Op op);
Rows shape_rows(Op op);
Rows index_rows(Op op);
Rows reduce_rows(Op op);
Rows matmul_rows(Op op);
Rows conv_rows(Op op);
Rows pool_rows(Op op);
Rows norm_rows(Op op);
Rows loss_rows(Op op);

/// Rows on images whose channels fill blocks, so that in float32 they may lie in them.
Rows image_rows(Op op);

/// Whether the operation is put together from others and records no node of its own name.
bool is_composed(Op op);

/// The inputs of a row in one dtype, the floating ones as leaves.
Inputs leaves(const Row& row, DType dtype);

/// Every node that `result` was computed by, once.
std::vector<Node*> nodes_of(const Tensor& result);

/// Calls f(op, row) for every row that `of` gives.
template <class Of, class F>
void for_each_row_of(const Of& of, const F& f) {
  for (std::size_t i = 0; i < operation_names.size(); ++i)
    for (const Row& row : of(static_cast<Op>(i))) {
      CAPTURE(std::string(operation_names[i]));
      CAPTURE(row.name);
      f(static_cast<Op>(i), row);
    }
}

/// The same for every row of the table.
template <class F>
void for_each_row(const F& f) {
  for_each_row_of(rows, f);
}

}  // namespace table
