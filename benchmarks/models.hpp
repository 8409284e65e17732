#pragma once
// The models of docs/performance.md, as sizes; both programs build them from their own layers.

#include <cstdint>

#include "serve.hpp"
#include "works.hpp"

namespace bench {

/// Residual network of 18 layers for images of 32x32.
struct ResNetSizes {
  std::int64_t batch = 128, classes = 10;
};
struct EncoderSizes {
  std::int64_t layers = 4, width = 256, heads = 8, hidden = 1024, steps = 128, batch = 32;
};
struct LSTMSizes {
  std::int64_t layers = 2, width = 256, steps = 100, batch = 64;
};
/// A language model of characters.
struct GPTSizes {
  std::int64_t vocabulary = 96, layers = 6, heads = 6, width = 384, steps = 256, batch = 8;
};
/// What an optimiser steps: 10 million numbers as 10 matrices.
inline constexpr std::int64_t matrices = 10, rows = 1000, columns = 1000;

/// Matrices are random, by their order, and biases 0.
void add_models(Works& all);

}  // namespace bench
