#pragma once
#include <xgrad/nn/module.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// Words that stand in a file beside the tensors, such as what they belong to.
using Metadata = std::map<std::string, std::string>;

struct SaveOptions {
  /// Rounds float32 values to the nearest of half precision, 11 significant bits: half the size.
  /// ValueError where one is beyond its range, ±65504.
  bool half = false;
  Metadata metadata = {};
};

/// What a file holds, and by name what belongs to a part of it.
struct Loaded : StateDict {
  using StateDict::operator[];
  /// The tensors of names that begin with `part` and a dot, without these. ValueError where there
  /// are none, and no empty state was saved there.
  StateDict operator[](std::string_view part) const;

  Metadata metadata;
};

/// Writes tensors to a file in the safetensors format (github.com/huggingface/safetensors). The
/// file is complete or not there, whatever happens meanwhile, a power cut included: it is written
/// beside, brought to the disk and renamed. Of several that save to one path the last wins, and
/// whoever loads meanwhile gets one of them whole. The metadata "xgrad.crc32" holds checksums, with
/// which load() tells damage. Before anything is written: ValueError for an undefined tensor, a
/// name that comes twice or is not UTF-8, "__metadata__" and "xgrad.crc32", names that are not to
/// be had, and names of more than the format's 100 MB. IOError where writing fails.
void save(const StateDict& values, const std::string& path, const SaveOptions& options = {});
/// Reads such a file. Every value becomes the same number in a dtype of xgrad's: F16, BF16 and
/// those of 8 bits (F8_E4M3, F8_E5M2, F8_E8M0) float32; I8, U8, I16, U16, I32, U32 and U64 int64.
/// IOError names what is wrong with the file and where: a tensor of another dtype, a U64 beyond
/// int64, a BOOL that is neither 0 nor 1, a name that comes twice, tensors that overlap or leave
/// gaps, a checksum that is not right; files of other programs (.pt) by what they are. Time and
/// memory follow the size of the file, whatever numbers are in it.
Loaded load(const std::string& path);
/// Of these tensors alone, in this order; the others may be of any dtype. IOError likewise, and
/// where the file has no such tensor.
StateDict load(const std::string& path, const std::vector<std::string>& names);

/// All that a file holds, of one moment, though another may take its place meanwhile.
struct File {
  StateDict tensors;
  Metadata metadata;
  bool checked;  ///< it had checksums, and they were right
};
/// IOError as load().
File load_file(const std::string& path);

/// The names of a file's tensors, as they stand there.
std::vector<std::string> tensor_names(const std::string& path);
/// What was given as metadata; reads the beginning of the file alone. IOError likewise.
Metadata load_metadata(const std::string& path);

void save(const Module& module, const std::string& path, const SaveOptions& options = {});
/// Throws the IOError that save() would if the file cannot be made at all, and leaves nothing
/// behind: for the beginning of a long training.
void require_writable(const std::string& path);
/// Loads into `module`; see Module::load_state_dict.
LoadReport load(Module& module, const std::string& path, const LoadOptions& options = {});

/// Several states in one file, each tensor behind its state's name and a dot, with the names of the
/// states as "xgrad.part.…" in the metadata; load(path)["model"] is one of them again. ValueError
/// for a dot in a state's name:
///
///     save({{"model", net.state_dict()}, {"optimizer", optimizer.state_dict()}}, path);
void save(const std::vector<std::pair<std::string, StateDict>>& parts, const std::string& path,
          const SaveOptions& options = {});

/// One tensor, in a file of its own where it is called "tensor".
void save(const Tensor& x, const std::string& path, const SaveOptions& options = {});
/// Makes x the only tensor of a file, whatever it is called; IOError where there are not one.
void load(Tensor& x, const std::string& path);

}  // namespace xgrad::nn

namespace xgrad {
// As PyTorch calls them in C++.
using nn::load;
using nn::save;
}  // namespace xgrad

#pragma GCC visibility pop
