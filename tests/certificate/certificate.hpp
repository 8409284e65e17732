#pragma once
// How well the derivatives of every operation agree with differences.

#include <xgrad/func/certify.hpp>
#include <xgrad/ops/operation.hpp>

#include <string>
#include <vector>

namespace certificate {

/// What was measured of one row of the table.
struct Measured {
  std::string row;
  xgrad::Certificate plain;    ///< of the inputs as they are
  xgrad::Certificate strided;  ///< of views of every second value in memory
  double float32 = 0;  ///< the worst |float32 − float64| over the largest |float64|, of results and
                       ///< gradients
};

struct Operation {
  std::string name;
  bool is_composed = false;
  std::vector<Measured> rows;
};

std::string json(const std::vector<Operation>& operations);
/// A page by itself.
std::string page(const std::vector<Operation>& operations);

/// The largest, or NaN where one is.
double worst(double a, double b);

}  // namespace certificate
