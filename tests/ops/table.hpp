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

/// The rows of an operation: a specialisation for each, in rows_*.cpp. One that has none does not
/// link, and the linker names it.
template <Op>
Rows rows();
#define PRIMITIVE(name) \
  template <>           \
  Rows rows<Op::name>();
#define COMPOSED PRIMITIVE
#include <xgrad/ops/operations.def>
#undef COMPOSED
#undef PRIMITIVE

/// The same, known at run time.
Rows rows_of(Op op);

/// Rows on images whose channels fill blocks, so that in float32 they may lie in them: the
/// operation's own on such inputs where it takes them.
Rows image_rows(Op op);

/// The inputs of a row in one dtype, the floating ones as leaves.
Inputs leaves(const Row& row, DType dtype);

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
  for_each_row_of(rows_of, f);
}

}  // namespace table
