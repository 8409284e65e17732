// Checkpoints of trainings, in whole files: how these break is the safetensors
// target's. An input is a line of settings, a line of numbers, a curve's name on a line and its
// values.

#include <xgrad/nn/state.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/train/checkpoint.hpp>

#include <algorithm>
#include <vector>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static xgrad::train::CheckpointFile file(folder.path(), {{"batch", "64"}}, 60);
  fuzz::Input input(data, size);
  const std::string settings = input.up_to('\n'), training = input.up_to('\n');
  const std::string name = input.up_to('\n'), bytes = input.rest();
  std::vector<double> values(bytes.size() / sizeof(double) / 2 * 2);
  std::copy_n(bytes.data(), values.size() * sizeof(double), reinterpret_cast<char*>(values.data()));
  fuzz::only_errors([&] {
    const xgrad::Shape shape{2, static_cast<std::int64_t>(values.size() / 2)};
    const auto curve = xgrad::from_vector(values, shape, {.dtype = xgrad::float64});
    xgrad::nn::save({{name, curve}}, folder.path() + "/checkpoint.safetensors",
                    {.metadata = {{"settings", settings}, {"training", training}}});
    file.read();
  });
  return 0;
}
