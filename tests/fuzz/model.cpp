// Files of trained networks, by what they say of themselves.

#include "model.hpp"

#include "safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const std::string path = folder.put("x.safetensors", fuzz::safetensors({data, size}));
  fuzz::only_errors([&] { examples::load_model(path); });
  return 0;
}
