// Command lines of the training programs, one argument a line.

#include "command_line.hpp"

#include <vector>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words{"train"};
  for (fuzz::Input input(data, size); !input.empty();) words.push_back(input.up_to('\n'));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const examples::Program program{.description = "Trains nothing",
                                  .nets = {{"baseline", ""}, {"fast", ""}},
                                  .save = "x.safetensors",
                                  .offers_fashion = true,
                                  .holds_out = true,
                                  .pieces = {"flip", "views"},
                                  .run = [](const examples::Options&) { return 0; }};
  examples::start(program, static_cast<int>(words.size()), arguments.data());
  return 0;
}
