#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/image.hpp>
#include <xgrad/ops/ops.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_HDR
#define STBI_NO_PNM  // leaves memory as it was where a file breaks off
#include <stb/stb_image.h>

namespace xgrad::datasets {

Tensor read_image(const std::string& path, std::int64_t channels) {
  require<ValueError>(channels == 1 || channels == 3, "read_image: {} channels; it gives 1 or 3",
                      channels);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (file == nullptr) xgrad::detail::raise_errno("read_image: cannot read", path);
  int width = 0;
  int height = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_file(file.get(), &width, &height, nullptr, static_cast<int>(channels)),
      stbi_image_free);
  require<IOError>(pixels != nullptr, "read_image: {} is no picture that can be read: {}", path,
                   stbi_failure_reason());
  Tensor image = Tensor::empty({height, width, channels}, float32);
  std::transform(pixels.get(), pixels.get() + image.numel(), image.mutable_data<float>(),
                 [](stbi_uc value) { return static_cast<float>(value) / 255; });
  return image.permute({2, 0, 1});
}

}  // namespace xgrad::datasets
