#pragma once
#include <xgrad/nn/module.hpp>

#include <string>

namespace xgrad::nn {

/// Writes tensors to a file in the safetensors format (github.com/huggingface/safetensors). The
/// file is complete or not there: it is written beside and renamed. IOError where that fails.
void save(const StateDict& values, const std::string& path);
/// Reads such a file. IOError names what is wrong with it and where; sizes are checked before any
/// memory is taken for them.
StateDict load(const std::string& path);

void save(const Module& module, const std::string& path);
/// Loads into `module`; see Module::load_state_dict.
void load(Module& module, const std::string& path);

}  // namespace xgrad::nn
