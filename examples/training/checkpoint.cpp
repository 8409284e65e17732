#include "checkpoint.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/ops/ops.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "files.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace examples {

using nlohmann::ordered_json;
using xgrad::NamedTensors;
using xgrad::Tensor;
using xgrad::report::Configuration;
using xgrad::report::History;

namespace {

constexpr const char* exact = "history/exact/";
constexpr const char* noisy = "history/noisy/";

/// Steps and values, [2, n].
Tensor to_tensor(const History::Series& series) {
  std::vector<double> both = series.steps;
  both.insert(both.end(), series.values.begin(), series.values.end());
  const auto n = static_cast<std::int64_t>(series.steps.size());
  return xgrad::from_vector(both, xgrad::Shape{2, n}, {.dtype = xgrad::float64});
}

NamedTensors to_tensors(const History& history) {
  NamedTensors result;
  for (const auto& series : history.series())
    result.emplace_back((series.kind == History::Kind::noisy ? noisy : exact) + series.name,
                        to_tensor(series));
  return result;
}

void add_series(const std::string& path, History& history, const std::string& name,
                History::Kind kind, const Tensor& both) {
  if (both.dtype() != xgrad::float64 || both.dim() != 2 || both.size(0) != 2)
    throw xgrad::IOError(fmt::format("{} is damaged: the curve '{}' is {} {}, not steps and values",
                                     path, name, xgrad::name(both.dtype()),
                                     xgrad::to_string(both.shape())));
  const auto values = both.to_vector<double>();
  const std::size_t n = values.size() / 2;
  for (std::size_t i = 0; i < n; ++i) history.add(name, values[i], values[n + i], kind);
}

ordered_json to_json(const xgrad::report::RunningMean::State& mean) {
  return {{"count", mean.count}, {"value", mean.value}};
}

/// A number that counts; the JSON library would make one of 2.5 and of true.
std::uint64_t count_of(const ordered_json& json, const char* name) {
  const ordered_json& value = json.at(name);
  if (!value.is_number_unsigned())
    throw xgrad::IOError(fmt::format("{} is {}", name, value.dump()));
  return value.get<std::uint64_t>();
}

xgrad::report::RunningMean::State mean_from(const ordered_json& json) {
  return {static_cast<std::int64_t>(count_of(json, "count")), json.at("value").get<double>()};
}

std::string to_text(const Checkpoint& checkpoint) {
  return ordered_json{
      {"iteration", checkpoint.iteration},      {"seed", checkpoint.random.seed},
      {"position", checkpoint.random.position}, {"seconds", checkpoint.seconds},
      {"loss", to_json(checkpoint.loss)},       {"accuracy", to_json(checkpoint.accuracy)},
      {"log_bytes", checkpoint.log_bytes}}
      .dump();
}

Checkpoint from_text(const std::string& text) {
  const auto json = ordered_json::parse(text);
  Checkpoint result;
  result.iteration = static_cast<std::int64_t>(count_of(json, "iteration"));
  result.random = {count_of(json, "seed"), count_of(json, "position")};
  json.at("seconds").get_to(result.seconds);
  result.loss = mean_from(json.at("loss"));
  result.accuracy = mean_from(json.at("accuracy"));
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
      result += fmt::format("\n  {}: {} there, {} here", name, other, value);
  for (const auto& [name, value] : there)
    if (std::ranges::find(here, name, &Configuration::value_type::first) == here.end())
      result += fmt::format("\n  {}: {} there, not set here", name, value);
  return result;
}

}  // namespace

CheckpointFile::CheckpointFile(const std::string& directory, Configuration settings,
                               double every_seconds)
    : path_(directory + "/checkpoint.safetensors"),
      settings_(std::move(settings)),
      every_(every_seconds) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    throw xgrad::IOError(
        fmt::format("--checkpoint: cannot make the directory {}: {}", directory, error.message()));
  require_writable(path_, "--checkpoint");
}

std::optional<Checkpoint> CheckpointFile::read() const {
  if (!std::filesystem::exists(path_)) return {};
  const auto words = xgrad::nn::load_metadata(path_);
  Checkpoint result;
  try {
    const auto there = ordered_json::parse(words.at("settings")).get<Configuration>();
    if (const std::string different = differences(there, settings_); !different.empty())
      throw xgrad::ValueError(
          fmt::format("{} is of another run; name another directory, or give the same settings:{}",
                      path_, different));
    result = from_text(words.at("training"));
  } catch (const std::out_of_range&) {
    throw xgrad::IOError(fmt::format("{} is no checkpoint of a training", path_));
  } catch (const nlohmann::json::exception& error) {
    throw xgrad::IOError(fmt::format("{} is damaged: {}", path_, error.what()));
  } catch (const xgrad::IOError& error) {
    throw xgrad::IOError(fmt::format("{} is damaged: {}", path_, error.what()));
  }
  for (auto& [name, x] : xgrad::nn::load(path_)) {
    if (name.starts_with(exact)) {
      add_series(path_, result.history, name.substr(std::string(exact).size()),
                 History::Kind::exact, x);
    } else if (name.starts_with(noisy)) {
      add_series(path_, result.history, name.substr(std::string(noisy).size()),
                 History::Kind::noisy, x);
    } else {
      result.tensors.emplace_back(name, x);
    }
  }
  return result;
}

void CheckpointFile::write(const Checkpoint& checkpoint) {
  NamedTensors all = checkpoint.tensors;
  for (auto& entry : to_tensors(checkpoint.history)) all.push_back(std::move(entry));
  try {
    xgrad::nn::save(all, path_,
                    {.metadata = {{"settings", ordered_json(settings_).dump()},
                                  {"training", to_text(checkpoint)}}});
    warned_ = false;
  } catch (const xgrad::IOError& error) {
    if (!std::exchange(warned_, true))
      fmt::print(stderr, "warning: no checkpoint: {}; the training goes on\n", error.what());
  }
  last_ = Clock::now();
}

}  // namespace examples
