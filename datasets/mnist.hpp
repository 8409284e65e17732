#pragma once
#include <xgrad/datasets/dataset.hpp>

#include <string>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

struct ImageDatasetOptions {
  std::string split = "train";  ///< or "test"
  /// Directory with the data; empty: $XGRAD_DATA, else the user's cache.
  std::string root = {};
  Transform transform = {};
  bool download = true;  ///< to the cache, where no directory is named and the files are missing
};

/// Handwritten digits (LeCun, Cortes, Burges): 60,000 training and 10,000 test images of 28x28, one
/// channel. IDX files, gzip or raw, in the directory or its folder "mnist". IOError for missing or
/// damaged files, ValueError for an unknown split. $XGRAD_MNIST_URL replaces the mirrors.
class MNIST : public ImageDataset {
 public:
  explicit MNIST(const ImageDatasetOptions& options = {});
};

/// Pictures of clothes in MNIST's format (Xiao, Rasul, Vollgraf, arXiv:1708.07747); folder
/// "fashion-mnist". Debian's package dataset-fashion-mnist is used where it is installed.
/// $XGRAD_FASHION_MNIST_URL replaces the mirror.
class FashionMNIST : public ImageDataset {
 public:
  explicit FashionMNIST(const ImageDatasetOptions& options = {});
};

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* debian_fashion_mnist = "/usr/share/datasets/fashion-mnist";

}  // namespace xgrad::datasets

#pragma GCC visibility pop
