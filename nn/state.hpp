#pragma once
#include <xgrad/nn/module.hpp>

#include <map>
#include <string>
#include <vector>

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
/// beside, brought to the disk and renamed. IOError where that fails; ValueError for an undefined
/// tensor, a name that comes twice or is not UTF-8, and "__metadata__", a name the format keeps for
/// itself.
void save(const StateDict& values, const std::string& path, const SaveOptions& options = {});
/// Reads such a file. Every value becomes the same number in a dtype of xgrad's: F16, BF16 and
/// those of 8 bits (F8_E4M3, F8_E5M2, F8_E8M0) float32; I8, U8, I16, U16, I32, U32 and U64 int64.
/// IOError names what is wrong with the file and where: a tensor of another dtype, a U64 beyond
/// int64, a BOOL that is neither 0 nor 1, a name that comes twice; files of other programs (.pt) by
/// what they are. Sizes are checked before any memory is taken for them.
StateDict load(const std::string& path);
/// Of these tensors alone, in this order; the others may be of any dtype. IOError likewise, and
/// where the file has no such tensor.
StateDict load(const std::string& path, const std::vector<std::string>& names);
/// The names of a file's tensors, as they stand there.
std::vector<std::string> tensor_names(const std::string& path);
/// What was given as metadata; reads the beginning of the file alone. IOError likewise.
Metadata load_metadata(const std::string& path);

void save(const Module& module, const std::string& path, const SaveOptions& options = {});
/// Throws the IOError that save() would if the file cannot be made at all, and leaves nothing
/// behind: for the beginning of a long training.
void require_writable(const std::string& path);
/// Loads into `module`; see Module::load_state_dict.
void load(Module& module, const std::string& path);

}  // namespace xgrad::nn
