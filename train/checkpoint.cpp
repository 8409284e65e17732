#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/train/checkpoint.hpp>
#include <xgrad/train/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace xgrad::train {

using nlohmann::ordered_json;
using report::Configuration;
using report::History;
namespace fs = std::filesystem;

namespace {

constexpr const char* exact = "history/exact/";
constexpr const char* noisy = "history/noisy/";

/// Steps and values, [2, n].
Tensor to_tensor(const History::Series& series) {
  std::vector<double> both = series.steps;
  both.insert(both.end(), series.values.begin(), series.values.end());
  const auto n = static_cast<std::int64_t>(series.steps.size());
  return from_vector(both, Shape{2, n}, {.dtype = float64});
}

NamedTensors to_tensors(const History& history) {
  NamedTensors result;
  for (const auto& series : history.series())
    result.emplace_back((series.kind == History::Kind::noisy ? noisy : exact) + series.name,
                        to_tensor(series));
  return result;
}

void add_series(const std::string& path, History& history, const std::string& name,
                History::Kind kind, const Tensor& both) try {
  if (both.dtype() != float64 || both.dim() != 2 || both.size(0) != 2)
    throw ValueError(fmt::format("the curve '{}' is {} {}, not steps and values", excerpt(name),
                                 xgrad::name(both.dtype()), to_string(both.shape())));
  const auto values = both.to_vector<double>();
  const std::size_t n = values.size() / 2;
  for (std::size_t i = 0; i < n; ++i) history.add(name, values[i], values[n + i], kind);
} catch (const ValueError& error) {
  throw IOError(fmt::format("{} is damaged: {}", path, error.what()));
}

ordered_json to_json(const report::RunningMean::State& mean) {
  return {{"count", mean.count}, {"value", mean.value}};
}

/// A number that counts; the JSON library would make one of 2.5 and of true.
std::uint64_t count_of(const ordered_json& json, const char* name) {
  const ordered_json& value = json.at(name);
  if (!value.is_number_unsigned())
    throw IOError(fmt::format("{} is {}", name, excerpt(value.dump())));
  return value.get<std::uint64_t>();
}

report::RunningMean::State mean_from(const ordered_json& json) {
  return {static_cast<std::int64_t>(count_of(json, "count")), json.at("value").get<double>()};
}

ordered_json means_of(const Checkpoint& checkpoint) {
  ordered_json result = ordered_json::object();
  for (const auto& [name, mean] : checkpoint.means) result[name] = to_json(mean);
  return result;
}

std::string to_text(const Checkpoint& checkpoint) {
  return ordered_json{{"iteration", checkpoint.iteration},      {"seed", checkpoint.random.seed},
                      {"position", checkpoint.random.position}, {"seconds", checkpoint.seconds},
                      {"means", means_of(checkpoint)},          {"log_bytes", checkpoint.log_bytes}}
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string text_of(const Configuration& settings) {
  return ordered_json(settings).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Checkpoint from_text(const std::string& text) {
  const auto json = parse_json(text);
  Checkpoint result;
  result.iteration = static_cast<std::int64_t>(count_of(json, "iteration"));
  result.random = {count_of(json, "seed"), count_of(json, "position")};
  json.at("seconds").get_to(result.seconds);
  for (const auto& [name, mean] : json.at("means").items())
    result.means.emplace_back(name, mean_from(mean));
  result.log_bytes = count_of(json, "log_bytes");
  return result;
}

/// "  batch: 64 there, 16 here" for each setting that differs.
std::string differences(const Configuration& there, const Configuration& here) {
  const auto value_in = [](const Configuration& settings, const std::string& name) {
    const auto found = std::ranges::find(settings, name, &Configuration::value_type::first);
    return found == settings.end() ? std::string("not set") : found->second;
  };
  std::string result;
  for (const auto& [name, value] : here)
    if (const std::string other = value_in(there, name); other != value)
      result += fmt::format("\n  {}: {} there, {} here", name, excerpt(other), value);
  for (const auto& [name, value] : there)
    if (std::ranges::find(here, name, &Configuration::value_type::first) == here.end())
      result += fmt::format("\n  {}: {} there, not set here", excerpt(name), excerpt(value));
  return result;
}

Checkpoint read_file(const std::string& path, const Configuration& settings) {
  const auto file = nn::load_file(path);
  if (!file.checked)
    throw IOError(
        fmt::format("{} has no checksums: it is damaged, or no checkpoint of this version", path));
  Checkpoint result;
  try {
    const auto there = parse_json(file.metadata.at("settings")).get<Configuration>();
    if (const std::string different = differences(there, settings); !different.empty())
      throw ValueError(
          fmt::format("{} is of another run; name another directory, or give the same settings:{}",
                      path, different));
    result = from_text(file.metadata.at("training"));
  } catch (const std::out_of_range&) {
    throw IOError(fmt::format("{} is no checkpoint of a training", path));
  } catch (const nlohmann::json::exception& error) {
    throw IOError(fmt::format("{} is damaged: {}", path, excerpt(error.what())));
  } catch (const IOError& error) {
    throw IOError(fmt::format("{} is damaged: {}", path, error.what()));
  }
  for (const auto& [name, x] : file.tensors) {
    if (name.starts_with(exact)) {
      add_series(path, result.history, name.substr(std::string(exact).size()), History::Kind::exact,
                 x);
    } else if (name.starts_with(noisy)) {
      add_series(path, result.history, name.substr(std::string(noisy).size()), History::Kind::noisy,
                 x);
    } else {
      result.tensors.emplace_back(name, x);
    }
  }
  return result;
}

std::string prefix(const char* kind, std::size_t number) {
  return fmt::format("{}/{}/", kind, number);
}

/// The tensors whose names begin with `prefix`, without it.
NamedTensors part_of(const NamedTensors& tensors, const std::string& prefix) {
  NamedTensors result;
  for (const auto& [name, x] : tensors)
    if (name.starts_with(prefix)) result.emplace_back(name.substr(prefix.size()), x);
  return result;
}

}  // namespace

Checkpoint snapshot(std::int64_t iteration, const nn::Module& net,
                    const std::vector<optim::Optimizer*>& optimizers,
                    const std::vector<Stateful>& others) {
  Checkpoint result{.iteration = iteration, .random = default_generator().state()};
  const auto add = [&result](const std::string& prefix, const NamedTensors& values) {
    for (const auto& [name, x] : values) result.tensors.emplace_back(prefix + name, x);
  };
  add("net/", net.state_dict());
  for (std::size_t i = 0; i < optimizers.size(); ++i)
    add(prefix("optimizer", i), optimizers[i]->state_dict());
  for (std::size_t i = 0; i < others.size(); ++i) add(prefix("other", i), others[i].state_dict());
  return result;
}

void restore(const Checkpoint& from, nn::Module& net,
             const std::vector<optim::Optimizer*>& optimizers,
             const std::vector<Stateful>& others) {
  net.load_state_dict(part_of(from.tensors, "net/"));
  for (std::size_t i = 0; i < optimizers.size(); ++i)
    optimizers[i]->load_state_dict(part_of(from.tensors, prefix("optimizer", i)));
  for (std::size_t i = 0; i < others.size(); ++i)
    others[i].load_state_dict(part_of(from.tensors, prefix("other", i)));
  default_generator().set_state(from.random);
}

DirectoryLock::DirectoryLock(const std::string& directory)
    : file_(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  // Some file systems have no locks.
  if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  close(file_);
  throw IOError(fmt::format(
      "checkpoint: another training writes to {}; wait for its end, or name another directory",
      directory));
}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) close(file_);
}

CheckpointFile::CheckpointFile(const std::string& directory, Configuration settings,
                               double every_seconds)
    : path_(directory + "/checkpoint.safetensors"),
      previous_(directory + "/checkpoint.previous.safetensors"),
      next_(directory + "/checkpoint.next.safetensors"),
      settings_(std::move(settings)),
      every_(every_seconds) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    throw IOError(
        fmt::format("checkpoint: cannot make the directory {}: {}", directory, error.message()));
  nn::require_writable(path_);
  lock_.emplace(directory);
}

std::optional<Checkpoint> CheckpointFile::read() {
  std::error_code none;
  const bool has_previous = fs::exists(previous_, none);
  std::string problem = path_ + " is not there";
  source_ = path_;
  if (fs::exists(path_, none)) {
    try {
      auto result = read_file(path_, settings_);
      is_whole_ = true;
      return result;
    } catch (const IOError& error) {
      if (!has_previous) throw;
      problem = error.what();
    }
  }
  if (!has_previous) return {};
  try {
    source_ = previous_;
    auto result = read_file(previous_, settings_);
    fmt::print(stderr, "warning: {}; the training goes on from the checkpoint before it, {}\n",
               problem, previous_);
    return result;
  } catch (const IOError& error) {
    throw IOError(fmt::format("{}; and the checkpoint before it: {}", problem, error.what()));
  }
}

void CheckpointFile::write(const Checkpoint& checkpoint) {
  NamedTensors all = checkpoint.tensors;
  for (auto& entry : to_tensors(checkpoint.history)) all.push_back(std::move(entry));
  try {
    nn::save(all, next_,
             {.metadata = {{"settings", text_of(settings_)}, {"training", to_text(checkpoint)}}});
    // A damaged one must not take the place of the one before it, which then is all there is.
    if (is_whole_) fs::rename(path_, previous_);
    is_whole_ = false;
    fs::rename(next_, path_);
    is_whole_ = true;
    warned_ = false;
  } catch (const IOError& error) {
    warn(error.what());
  } catch (const fs::filesystem_error& error) {
    warn(error.what());
  }
  last_ = Clock::now();
}

void CheckpointFile::warn(const char* what) {
  if (std::exchange(warned_, true)) return;
  fmt::print(stderr, "warning: no checkpoint: {}; the training goes on\n", what);
}

}  // namespace xgrad::train
