// A file of CIFAR-10's test images. An input is the number of records of 3,073 bytes that the file
// is filled up to, and how the file begins; no number: the file as it is.

#include <xgrad/datasets/cifar10.hpp>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  fuzz::Input input(data, size);
  constexpr std::size_t record = 3073;
  const std::size_t records = input.byte() % 4;
  std::string bytes = input.rest();
  if (records > 0) bytes.resize(records * record);
  folder.put("test_batch.bin", bytes);
  fuzz::only_errors([] { xgrad::datasets::CIFAR10({.split = "test", .root = folder.path()}); });
  return 0;
}
