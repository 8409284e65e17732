// Files of tensors.

#include "safetensors.hpp"

#include <xgrad/nn/state.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const std::string path = folder.put("x.safetensors", fuzz::safetensors({data, size}));
  namespace nn = xgrad::nn;
  fuzz::only_errors([&] { nn::load(path); });
  fuzz::only_errors([&] { nn::load_metadata(path); });
  fuzz::only_errors([&] { nn::load(path, nn::tensor_names(path)); });
  return 0;
}
