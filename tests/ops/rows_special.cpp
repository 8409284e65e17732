#include "ops/table.hpp"

namespace table {
namespace {

using Unary = Tensor (*)(const Tensor&);

/// f of values between its kinks and poles.
Rows within(const std::function<Tensor(const Tensor&)>& f, double low, double high) {
  Rows rows;
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{1, 4, 1}, Shape{0, 3}})
    rows.push_back(
        {to_string(shape), {uniform(shape, low, high)}, [f](const Inputs& x) { return f(x[0]); }});
  return rows;
}

/// The same on either side of a pole.
Rows beside(const std::function<Tensor(const Tensor&)>& f) {
  Rows rows = within(f, 0.8, 3);
  rows.push_back({"below 0", {uniform({6}, -1.7, -1.3)}, [f](const Inputs& x) { return f(x[0]); }});
  return rows;
}

/// On both sides of 0.
Rows bessel(Unary f) {
  Rows rows = within(f, -1.5, -0.2);
  rows.push_back({"above 0", {uniform({6}, 0.2, 3)}, [f](const Inputs& x) { return f(x[0]); }});
  return rows;
}

}  // namespace

template <>
Rows rows<Op::logit>() {
  Rows rows = within([](const Tensor& x) { return logit(x); }, 0.2, 0.8);
  rows.push_back({"held inside", {uniform({8}, -0.4, 1.4)}, [](const Inputs& x) {
                    return logit(x[0], 0.25);
                  }});
  return rows;
}

template <>
Rows rows<Op::erfinv>() {
  return within(erfinv, -0.8, 0.8);
}

template <>
Rows rows<Op::lgamma>() {
  return beside([](const Tensor& x) { return lgamma(x); });
}

template <>
Rows rows<Op::digamma>() {
  return beside(digamma);
}

template <>
Rows rows<Op::polygamma>() {
  Rows rows = beside([](const Tensor& x) { return polygamma(1, x); });
  for (Row& row : beside([](const Tensor& x) { return polygamma(2, x); }))
    rows.push_back(std::move(row));
  return rows;
}

template <>
Rows rows<Op::i0>() {
  return bessel(i0);
}

template <>
Rows rows<Op::i0e>() {
  return bessel(i0e);
}

template <>
Rows rows<Op::i1>() {
  return bessel(i1);
}

template <>
Rows rows<Op::i1e>() {
  return bessel(i1e);
}

template <>
Rows rows<Op::sinc>() {
  Rows rows = within(sinc, -1.6, -0.5);
  rows.push_back(
      {"near 0", {uniform({6}, -5e-4, 5e-4)}, [](const Inputs& x) { return sinc(x[0]); }});
  return rows;
}

}  // namespace table
