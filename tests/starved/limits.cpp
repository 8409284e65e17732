// Threads, files and address space that run out.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/idx.hpp>
#include <xgrad/datasets/image.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/optim/sgd.hpp>
#include <xgrad/report/report.hpp>

#include <cstdlib>

#include "datasets/files.hpp"
#include "starved/starved.hpp"
#include <fcntl.h>
#include <sys/resource.h>

#ifndef XGRAD_SANITIZED  // address space is theirs

using namespace support;
using starved::in_child;
using starved::limit_memory;
using starved::Outcome;

namespace {

constexpr std::int64_t megabyte = 1 << 20;

datasets::TensorDataset examples() {
  Generator generator(1);
  return {randn({24, 4, 10, 10}, {.generator = &generator}), zeros({24}, {.dtype = int64})};
}

std::int64_t batches_of(datasets::DataLoader& loader) {
  std::int64_t count = 0;
  for (const auto& batch : loader) count += batch.data.defined() ? 1 : 0;
  return count;
}

/// Opens files until no more can be opened.
void use_up_files() {
  const rlimit few{40, 40};
  setrlimit(RLIMIT_NOFILE, &few);
  while (open("/dev/null", O_RDONLY) >= 0) {
  }
}

/// Some steps of a small net, by as many kernels as there are, and a file of it.
void train_and_save(const std::string& path) {
  manual_seed(1);
  nn::Sequential net{nn::Conv2d{4, 32, 3, {.padding = 1}},
                     nn::BatchNorm2d{32},
                     nn::ReLU{},
                     nn::Conv2d{32, 32, 3, {.padding = 1}},
                     nn::MaxPool2d{2},
                     nn::Flatten{},
                     nn::Linear{32 * 5 * 5, 3}};
  optim::SGD optimizer(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  datasets::DataLoader loader(examples(), {.batch_size = 8, .seed = 1, .workers = 2});
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [data, target] : loader) {
      optimizer.zero_grad();
      cross_entropy(net(data), target).backward();
      optimizer.step();
    }
  net.to(float64);
  no_grad([&] { return net(examples().batch(std::vector<std::int64_t>{0, 1}).data.to(float64)); });
  nn::save(net, path);
}

}  // namespace

TEST_CASE("threads that cannot be started: set_num_threads") {
  const Outcome outcome = in_child([] {
    set_num_threads(1);
    const Tensor x = ones({200, 200});
    // Compiles its kernel, for which ended threads leave no room: the C library keeps their heaps.
    matmul(x, x);
    limit_memory(300 * megabyte);  // of which the stack of a thread takes 8
    const std::string message = message_of<Error>([] { set_num_threads(500); });
    if (!message.starts_with("set_num_threads: 500 threads are asked for, but the system starts no "
                             "more than ") ||
        !message.ends_with(": Resource temporarily unavailable") || num_threads() != 1)
      throw std::runtime_error(message);
    if (matmul(x, x).sum().item() != 8e6) throw std::runtime_error("wrong product");
  });
  CHECK(outcome.failure == "");
  CHECK(outcome.error == "");
}

TEST_CASE("threads that cannot be started: workers of a loader") {
  const Outcome outcome = in_child([] {
    limit_memory(300 * megabyte);
    datasets::DataLoader many(examples(), {.batch_size = 8, .workers = 20000});
    const std::string message = message_of<Error>([&] { many.begin(); });
    if (!message.starts_with("DataLoader: cannot start worker ") ||
        !message.ends_with(" of 20000: Resource temporarily unavailable"))
      throw std::runtime_error(message);
    datasets::DataLoader few(examples(), {.batch_size = 8, .workers = 2});
    if (batches_of(few) != 3) throw std::runtime_error("wrong batches");
  });
  CHECK(outcome.failure == "");
  CHECK(outcome.error == "");
}

TEST_CASE("OpenBLAS without memory for its buffers: an error, not a wait without end") {
  const Outcome outcome = in_child([] {
    limit_memory(60 * megabyte);
    set_num_threads(1);
    nn::init::whitening_(zeros({24, 3, 2, 2}), rand({8, 3, 6, 6}));
  });
  CHECK(outcome.failure == "");
  CHECK(outcome.error == "whitening_: no memory for 134217728 bytes of OpenBLAS's buffers");
}

TEST_CASE("no more files can be opened: the error names the file") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  write_file(path, files::idx_images(3));
  nn::Linear net{2, 3};
  const std::string saved = directory.file("net");
  nn::save(net, saved);
  const std::vector<std::pair<std::string, std::function<void()>>> attempts{
      {path, [&] { datasets::read_idx(path, path); }},
      {path, [&] { datasets::read_image(path); }},
      {XGRAD_PICTURES "/rgb.jpg", [&] { datasets::read_image(XGRAD_PICTURES "/rgb.jpg"); }},
      {path,
       [&] {
         datasets::read_tar(
             path, 10, [](const auto&) { return true; }, [](const auto&, const auto&) {});
       }},
      {saved, [&] { nn::load(saved); }},
      {saved, [&] { nn::save(net, saved); }},
      {directory.file("log"), [&] { report::JsonLines(directory.file("log")); }},
      {directory.file("out"), [&] { report::write(report::Run(), directory.file("out")); }}};
  for (const auto& attempt : attempts) {
    const std::string& name = attempt.first;
    const Outcome outcome = in_child([&attempt] {
      use_up_files();
      attempt.second();
    });
    CHECK(outcome.failure == "");
    CHECK_MESSAGE(outcome.error.find(name) != std::string::npos, name, ": ", outcome.error);
    CHECK_MESSAGE(outcome.error.find("Too many open files") != std::string::npos, outcome.error);
  }
}

TEST_CASE("training in little memory ends well or with an error") {
  const char* const setting = std::getenv("XGRAD_STARVED_RUNS");
  const int runs = setting != nullptr ? std::atoi(setting) : 12;
  constexpr std::uint64_t seed = 16;
  Generator generator(seed);
  const TemporaryDirectory directory;
  int finished = 0, errors = 0;
  for (int run = 0; run < runs; ++run) {
    const auto bytes = static_cast<std::int64_t>(generator.below(500 * megabyte));
    const std::string path = directory.file(std::to_string(run));
    const Outcome outcome = in_child([&] {
      limit_memory(bytes);
      train_and_save(path);
    });
    CHECK_MESSAGE(outcome.failure == "", "run ", run, ", ", bytes, " bytes: ", outcome.failure);
    (outcome.error.empty() ? finished : errors) += outcome.failure.empty() ? 1 : 0;
    if (std::filesystem::exists(path)) CHECK_NOTHROW(nn::load(path));
    CHECK(std::filesystem::exists(path) == (outcome.error.empty() && outcome.failure.empty()));
  }
  MESSAGE("seed ", seed, ": ", runs, " runs, ", finished, " finished, ", errors, " errors");
}

#endif
