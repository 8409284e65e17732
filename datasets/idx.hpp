#pragma once
// Internal: the IDX format of MNIST and Fashion-MNIST.

#include <xgrad/datasets/dataset.hpp>

#include <string>

namespace xgrad::datasets {

/// Images and labels from a pair of IDX files, gzip or raw. IOError names the file, the field or
/// offset, what was found and what was expected.
Images read_idx(const std::string& images_path, const std::string& labels_path);

}  // namespace xgrad::datasets
