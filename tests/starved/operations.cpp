// Memory runs out in operations, training steps and what is written and read.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/muon.hpp>
#include <xgrad/optim/sgd.hpp>

#include <memory>
#include <optional>
#include <sstream>

#include "starved/starved.hpp"
#include "support.hpp"

#ifndef XGRAD_SANITIZED

using namespace support;
using starved::attack;
using starved::Digest;

namespace {

/// Values of a stream of their own, the same in every run.
Tensor numbers(const Shape& shape, std::uint64_t seed = 1, DType dtype = float32) {
  Generator generator(seed);
  return randn(shape, {.dtype = dtype, .generator = &generator});
}

/// The gradients of sum(f(leaves)²).
template <class F>
void differentiate(Digest& digest, std::vector<Tensor> leaves, const F& f) {
  for (Tensor& leaf : leaves) leaf.requires_grad_();
  const Tensor y = f(leaves);
  (y * y).sum().backward();
  digest.add(y);
  for (const Tensor& leaf : leaves) digest.add(leaf.grad());
}

}  // namespace

TEST_CASE("tensors, their printing and their copies") {
  attack("create", {.run = [](Digest& digest) {
           digest.add(zeros({1000}));
           digest.add(arange(10).to(float32));
           digest.add(numbers({30, 40}).clone());
         }});
  attack("print", {.run = [](Digest& digest) {
           std::ostringstream text;
           text << numbers({3, 4}) << eye(3);
           digest.add(to_string(numbers({2, 2, 2})));
         }});
  attack("error", {.run = [](Digest& digest) {
           digest.add(message_of<ShapeError>([] { numbers({2, 3}) + numbers({4}); }));
         }});
}

TEST_CASE("elementwise operations and products, forward and backward") {
  attack("elementwise", {.run = [](Digest& digest) {
           differentiate(digest, {numbers({8, 5}), numbers({5}, 2)},
                         [](const auto& x) { return relu(x[0] + x[1]) * x[0] / (exp(x[1]) + 1); });
         }});
  for (const DType dtype : {float32, float64})
    attack("matmul " + std::string(name(dtype)), {.run = [dtype](Digest& digest) {
             differentiate(digest, {numbers({40, 30}, 1, dtype), numbers({30, 20}, 2, dtype)},
                           [](const auto& x) { return matmul(x[0], x[1]); });
           }});
  attack("many terms", {.run = [](Digest& digest) {
           digest.add(matmul(numbers({3, 20000}), numbers({20000, 2})));
         }});
}

TEST_CASE("convolutions by each kernel, forward and backward") {
  struct Case {
    const char* name;
    Shape x, weight;
    DType dtype;
  };
  for (const Case& one : {Case{"winograd", {2, 32, 16, 16}, {32, 32, 3, 3}, float32},
                          Case{"oneDNN", {2, 16, 9, 9}, {16, 16, 3, 3}, float32},
                          Case{"oneDNN, reordered", {2, 3, 9, 9}, {10, 3, 5, 5}, float32},
                          Case{"products", {2, 6, 9, 9}, {4, 6, 3, 3}, float32},
                          Case{"products float64", {2, 3, 9, 9}, {8, 3, 3, 3}, float64}})
    attack(std::string("conv2d by ") + one.name, {.run = [one](Digest& digest) {
             differentiate(digest,
                           {numbers(one.x, 1, one.dtype), numbers(one.weight, 2, one.dtype),
                            numbers({one.weight[0]}, 3, one.dtype)},
                           [](const auto& x) { return conv2d(x[0], x[1], x[2]); });
           }});
}

TEST_CASE("operations on two threads") {
  attack("two threads",
         {.prepare =
              [] {
                set_num_threads(2);
                exp(zeros({1000, 1000}));  // OpenMP's thread is there: it ends the program without
              },
          .run =
              [](Digest& digest) {
                differentiate(digest, {numbers({4, 6, 40, 40}), numbers({4, 6, 3, 3}, 2)},
                              [](const auto& x) { return relu(conv2d(x[0], x[1], Tensor())); });
                differentiate(digest, {numbers({300, 300}, 1, float64)},
                              [](const auto& x) { return exp(matmul(x[0], x[0])); });
              }});
}

TEST_CASE("layers and losses, forward and backward") {
  attack("pooling and norms", {.run = [](Digest& digest) {
           differentiate(digest, {numbers({4, 16, 8, 8})}, [](const auto& x) {
             nn::BatchNorm2d norm{16};
             return avg_pool2d(max_pool2d(norm(x[0]), 2), 2);
           });
         }});
  attack("softmax and cross entropy", {.run = [](Digest& digest) {
           differentiate(digest, {numbers({6, 3})}, [](const auto& x) {
             const Tensor target = zeros({6}, {.dtype = int64});
             return cross_entropy(x[0], target) + softmax(x[0], 1) + log_softmax(x[0], 0);
           });
         }});
}

#endif
