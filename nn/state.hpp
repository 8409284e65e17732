#pragma once
#include <xgrad/nn/module.hpp>

#include <map>
#include <string>

namespace xgrad::nn {

/// Words that stand in a file beside the tensors, such as what they belong to.
using Metadata = std::map<std::string, std::string>;

struct SaveOptions {
  /// Rounds float32 values to the nearest of half precision, 11 significant bits: half the size.
  /// ValueError where one is beyond its range, ±65504.
  bool half = false;
  Metadata metadata = {};
};

/// Writes tensors to a file in the safetensors format (github.com/huggingface/safetensors). The
/// file is complete or not there, whatever happens meanwhile, a power cut included: it is written
/// beside, brought to the disk and renamed. IOError where that fails.
void save(const StateDict& values, const std::string& path, const SaveOptions& options = {});
/// Reads such a file; half precision (F16) becomes float32. IOError names what is wrong with it and
/// where; sizes are checked before any memory is taken for them.
StateDict load(const std::string& path);
/// What was given as metadata; reads the beginning of the file alone. IOError likewise.
Metadata load_metadata(const std::string& path);

void save(const Module& module, const std::string& path, const SaveOptions& options = {});
/// Throws the IOError that save() would if the file cannot be made at all, and leaves nothing
/// behind: for the beginning of a long training.
void require_writable(const std::string& path);
/// Loads into `module`; see Module::load_state_dict.
void load(Module& module, const std::string& path);

}  // namespace xgrad::nn
