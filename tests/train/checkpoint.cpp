// Checkpoints that are damaged, missing, or written by two.

#include <xgrad/nn/state.hpp>
#include <xgrad/report/live.hpp>
#include <xgrad/train/checkpoint.hpp>

#include <cmath>
#include <cstdio>

#include "support.hpp"
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using train::Checkpoint;
using train::CheckpointFile;
namespace fs = std::filesystem;
namespace report = xgrad::report;

namespace {

const report::Configuration settings{{"batch", "16"}, {"seed", "0"}};

Checkpoint checkpoint_at(std::int64_t iteration) {
  Checkpoint result{.iteration = iteration, .seconds = {{"forward", 1.5}}};
  result.tensors.emplace_back("net/weight", full({3}, static_cast<double>(iteration)));
  result.history.add("loss", 1, 0.5);
  result.means = {{"loss", {.count = 1, .value = 0.5}}};
  result.log_bytes = 100;
  return result;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What stands on standard error while f runs.
template <class F>
std::string complaints(const TemporaryDirectory& directory, const F& f) {
  const std::string path = directory.file("err");
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  REQUIRE(std::freopen(path.c_str(), "w", stderr) != nullptr);
  f();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  return bytes_of(path);
}

/// A directory with the checkpoints of iterations 1 and 2.
struct Two {
  TemporaryDirectory directory;
  std::string folder = directory.file("kept");
  std::string last = folder + "/checkpoint.safetensors";
  std::string previous = folder + "/checkpoint.previous.safetensors";

  Two() {
    CheckpointFile file(folder, settings, 0);
    file.write(checkpoint_at(1));
    file.write(checkpoint_at(2));
  }

  /// The iteration to go on from, and what is said about it.
  std::int64_t read(std::string& told) const {
    std::int64_t iteration = -1;
    told = complaints(directory, [&] {
      CheckpointFile file(folder, settings, 0);
      if (const auto there = file.read()) iteration = there->iteration;
    });
    return iteration;
  }
};

}  // namespace

TEST_CASE("the last checkpoint and the one before it are kept") {
  const Two two;
  std::string told;
  CHECK(two.read(told) == 2);
  CHECK(told.empty());
  CHECK(std::distance(fs::directory_iterator(two.folder), {}) == 2);
  fs::rename(two.previous, two.last);
  CHECK(two.read(told) == 1);
  fs::remove(two.last);
  CHECK(two.read(told) == -1);
  CHECK(told.empty());
}

TEST_CASE("whatever bit of a checkpoint is turned, the one before it takes its place") {
  const Two two;
  const std::string good = bytes_of(two.last);
  // Every bit of the first bytes, the length and the checksums; then one of every third byte.
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += bit < 8 * 64 ? 1 : 8 * 3 + 1) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    write_file(two.last, bad);
    CAPTURE(bit);
    std::string told;
    CHECK(two.read(told) == 1);
    CHECK(told.starts_with("warning: "));
    CHECK(told.ends_with("; the training goes on from the checkpoint before it, " + two.previous +
                         "\n"));
  }
  for (std::size_t length = 0; length < good.size(); length += 37) {
    write_file(two.last, good.substr(0, length));
    std::string told;
    CHECK(two.read(told) == 1);
  }
}

TEST_CASE("a training that was killed between two names goes on from the one before") {
  const Two two;
  fs::rename(two.last, two.folder + "/checkpoint.next.safetensors");
  std::string told;
  CHECK(two.read(told) == 1);
  CHECK(told == "warning: " + two.last +
                    " is not there; the training goes on from the checkpoint before it, " +
                    two.previous + "\n");
}

TEST_CASE("a damaged checkpoint never takes the place of the whole one before it") {
  const Two two;
  write_file(two.last, "damaged");
  const std::string whole = bytes_of(two.previous);
  complaints(two.directory, [&] {
    CheckpointFile file(two.folder, settings, 0);
    REQUIRE(file.read()->iteration == 1);
    CHECK(file.source() == two.previous);
    file.write(checkpoint_at(3));
    CHECK(bytes_of(two.previous) == whole);
    file.write(checkpoint_at(4));
    CHECK(bytes_of(two.previous) != whole);
  });
  std::string told;
  CHECK(two.read(told) == 4);
}

TEST_CASE("where both are damaged both are told") {
  const Two two;
  write_file(two.last, "damaged");
  write_file(two.previous, "");
  CheckpointFile file(two.folder, settings, 0);
  CHECK(message_of<IOError>([&] { file.read(); }) ==
        "load: " + two.last +
            ": has 7 bytes, too few for a header; and the checkpoint before it: "
            "load: " +
            two.previous + ": has 0 bytes, too few for a header");
}

TEST_CASE("a checkpoint of other settings is refused, not replaced by the one before") {
  const Two two;
  CheckpointFile file(two.folder, {{"batch", "16"}, {"seed", "1"}}, 0);
  CHECK(message_of<ValueError>([&] { file.read(); }) ==
        two.last +
            " is of another run; name another directory, or give the same settings:\n"
            "  seed: 0 there, 1 here");
}

TEST_CASE("a checkpoint's words may be hostile") {
  const Two two;
  fs::remove(two.previous);
  const std::string deep(200'000, '[');
  const std::string text = R"({"iteration":1,"seed":0,"position":0,"seconds":)";
  for (const auto& [words, problem] : std::vector<std::pair<nn::Metadata, std::string>>{
           {{{"settings", deep}, {"training", "{}"}},
            " is damaged: JSON nested deeper than 8 levels"},
           {{{"settings", R"([["batch","16"],["seed","0"]])"}, {"training", text + deep}},
            " is damaged: JSON nested deeper than 8 levels"},
           {{{"settings", R"([["batch","16"],["seed","0"]])"},
             {"training", R"({"iteration":"\u001b[2J"})"}},
            " is damaged: iteration is \"\\u001b[2J\""},
           {{{"settings", "[]"}}, " is of another run"},
           {{}, " is no checkpoint of a training"}}) {
    nn::save({{"x", ones({1})}}, two.last, {.metadata = words});
    CheckpointFile file(two.folder, settings, 0);
    std::string told;
    try {
      file.read();
    } catch (const Error& error) {
      told = error.what();
    }
    CHECK(told.substr(0, two.last.size() + problem.size()) == two.last + problem);
  }
}

TEST_CASE("numbers of a checkpoint that are none are told") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("checkpoint.safetensors");
  const auto problem = [&](const std::string& iteration, const Tensor& curve) {
    const std::string training = R"({"iteration":)" + iteration +
                                 R"(,"seed":1,"position":2,"seconds":[],)"
                                 R"("means":{"loss":{"count":1,"value":2}},"log_bytes":0})";
    nn::save({{"history/exact/loss", curve}}, path,
             {.metadata = {{"settings", "[]"}, {"training", training}}});
    return message_of<IOError>([&] { CheckpointFile(directory.path(), {}, 60).read(); });
  };
  const Tensor curve = zeros({2, 1}, {.dtype = float64});
  CHECK(problem("7", curve) == "");
  for (const char* wrong : {"7.5", "true", "-1"})
    CHECK(problem(wrong, curve) == path + " is damaged: iteration is " + wrong);
  CHECK(problem("7", full({2, 1}, std::nan(""), {.dtype = float64})) ==
        path + " is damaged: History: 'loss' at step nan; steps are finite");
  CHECK(problem("7", zeros({5})) ==
        path + " is damaged: the curve 'loss' is float32 [5], not steps and values");
}

TEST_CASE("two trainings do not share a directory of checkpoints") {
  const Two two;
  const CheckpointFile first(two.folder, settings, 0);
  CHECK(message_of<IOError>([&] { CheckpointFile(two.folder, settings, 0); }) ==
        "checkpoint: another training writes to " + two.folder +
            "; wait for its end, or name another directory");
}

TEST_CASE("a log goes on behind its lines, and behind nothing else") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log");
  const auto go_on = [&](std::uint64_t keep) {
    return message_of<IOError>([&] {
      report::JsonLines log(path, keep);
      log.write({{"b", 2.0}});
      log.finish();
    });
  };
  const std::string line = "{\"a\":1}\n";
  for (const char* rest : {"", "{\"b\":7}\n", "{\"b\""}) {
    write_file(path, line + rest);
    CHECK(go_on(line.size()) == "");
    CHECK(bytes_of(path) == line + "{\"b\":2.0}\n");
  }
  for (const std::string& wrong : {line.substr(0, 5), line + "{}", std::string()}) {
    write_file(path, wrong);
    CHECK(go_on(line.size() + 1) ==
          fmt::format("log: {}: of its {} bytes the first {} are no lines of the run that goes on; "
                      "move it away or name another file",
                      path, wrong.size(), line.size() + 1));
    CHECK(bytes_of(path) == wrong);
  }
}
