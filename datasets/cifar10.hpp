#pragma once
#include <xgrad/datasets/mnist.hpp>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// Small pictures of ten kinds (Krizhevsky, 2009), binary version: 50,000 training and 10,000 test
/// images of 32x32, three channels. The folder cifar-10-batches-bin or cifar-10-binary.tar.gz, in
/// the directory or its folder "cifar10". IOError for missing or damaged files, ValueError for an
/// unknown split. $XGRAD_CIFAR10_URL replaces the mirror.
class CIFAR10 : public ImageDataset {
 public:
  /// `batches`: how many of the five training files to read, from the first.
  explicit CIFAR10(const ImageDatasetOptions& options = {}, int batches = 5);
};

}  // namespace xgrad::datasets

#pragma GCC visibility pop
