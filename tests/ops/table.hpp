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

/// Whether the operation is put together from others and records no node of its own name.
bool is_composed(Op op);

}  // namespace table
