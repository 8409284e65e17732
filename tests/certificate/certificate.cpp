// certificate DIRECTORY: measures every row of the table, writes index.html and certificate.json.

#define DOCTEST_CONFIG_IMPLEMENT
#include "certificate.hpp"

#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "ops/table.hpp"
#include <fmt/format.h>
#include <unistd.h>

using namespace table;  // NOLINT

namespace certificate {

double worst(double a, double b) { return std::isnan(a) || a > b ? a : b; }

namespace {

/// The same values, with others between them in memory.
Tensor strided(const Tensor& x) { return select(stack({x, x + 1}, -1), -1, 0); }

Inputs differentiated(const Row& row, bool in_views) {
  Inputs inputs;
  for (const Tensor& x : row.inputs) {
    const bool floating = is_floating(x.dtype());
    inputs.push_back(in_views && floating ? strided(x) : x);
  }
  return inputs;
}

/// The result and all gradients, in one dtype, as float64.
Inputs everything(const Row& row, DType dtype) {
  const Inputs inputs = leaves(row, dtype);
  const Tensor y = row.f(inputs);
  y.backward(normal(y.shape(), 11).to(y.dtype()));
  Inputs all{y.detach().to(float64)};
  for (const Tensor& x : inputs)
    if (x.requires_grad() && x.grad().defined()) all.push_back(x.grad().to(float64));
  return all;
}

double largest(const Tensor& x) { return x.numel() > 0 ? max(abs(x)).item() : 0; }

double float32_error(const Row& row) {
  const Inputs narrow = everything(row, float32);
  const Inputs wide = everything(row, float64);
  double error = 0;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const double size = largest(wide[i]);
    if (size > 0) error = worst(error, largest(narrow[i] - wide[i]) / size);
  }
  return error;
}

Measured measured(const Row& row) {
  return {row.name, certify(row.f, differentiated(row, false)),
          certify(row.f, differentiated(row, true), {.steps = {}}), float32_error(row)};
}

std::vector<Operation> measure_all() {
  const bool on_terminal = isatty(STDERR_FILENO) != 0;
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < operation_names.size(); ++i) {
    const Op op = static_cast<Op>(i);
    operations.push_back({operation_names[i], is_composed(op), {}});
    for (const Row& row : rows_of(op)) operations.back().rows.push_back(measured(row));
    if (on_terminal) std::fprintf(stderr, "\r%zu of %zu operations", i + 1, operation_names.size());
  }
  if (on_terminal) std::fprintf(stderr, "\n");
  return operations;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{} cannot be written", file.string()));
}

}  // namespace
}  // namespace certificate

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto operations = certificate::measure_all();
  certificate::write(directory / "certificate.json", certificate::json(operations));
  certificate::write(directory / "index.html", certificate::page(operations));
  std::printf("The certificate: file://%s\n",
              std::filesystem::absolute(directory / "index.html").c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "certificate: %s\n", error.what());
  return 1;
}
