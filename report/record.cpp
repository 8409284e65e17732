#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/record.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace xgrad::report::detail {

using nn::detail::with_commas;

std::string csv(const Table& table) {
  std::string out;
  const auto add_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      if (row[i].find_first_of(",\"\r\n") == std::string::npos) {
        out += row[i];
        continue;
      }
      out += '"';
      for (const char c : row[i]) out += c == '"' ? std::string("\"\"") : std::string(1, c);
      out += '"';
    }
    out += "\r\n";
  };
  add_row(table.header);
  for (const auto& row : table.rows) add_row(row);
  return out;
}

std::string shown(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", unsigned_nan(*value)) : "–";
}

Table configuration_table(const Run& run) {
  Table table{"configuration", "Configuration", {"setting", "value"}, {}, {}, 2};
  for (const auto& [name, value] : run.configuration) table.rows.push_back({name, value});
  const Machine& machine = run.machine;
  table.rows.push_back({"processor", machine.processor});
  table.rows.push_back(
      {"cores, threads used", fmt::format("{}, {}", machine.cores, machine.threads)});
  table.rows.push_back({"system", machine.system});
  table.rows.push_back({"compiler", machine.compiler});
  table.rows.push_back({"xgrad", machine.xgrad});
  return table;
}

Table timing_table(const Run& run) {
  Table table{"timing", "Timing", {"part", "seconds"}, {}};
  for (const auto& [part, seconds] : run.timing)
    table.rows.push_back({part, fmt::format("{:.2f}", unsigned_nan(seconds))});
  return table;
}

Table network_table(const nn::Summary& summary) {
  Table table{"network", "Layers", {"layer", "type", "output", "parameters"}, {}, {}, 2};
  table.rows.push_back({"input", "", xgrad::to_string(summary.input), ""});
  for (const auto& layer : summary.layers)
    table.rows.push_back(
        {layer.path, layer.type, xgrad::to_string(layer.output), with_commas(layer.parameters)});
  table.rows.push_back({"in all", "", "", with_commas(summary.parameters)});
  return table;
}

Table class_table(const Evaluation& evaluation) {
  const ConfusionMatrix& matrix = evaluation.matrix;
  Table table{"classes",
              "Each class",
              {"class", "precision", "recall", "F1", "ROC AUC", "examples", "predicted"},
              {},
              "Precision: of what was predicted as the class, the part that is it. Recall: of the "
              "examples of the class, the part that was found. F1: their harmonic mean. – is not "
              "defined: nothing was predicted as the class, or it does not occur. Means leave out "
              "what is not defined."};
  const auto add = [&](const std::string& name, const ClassScores& scores, const std::string& auc,
                       std::int64_t support, std::int64_t predicted) {
    table.rows.push_back({name, shown(scores.precision), shown(scores.recall), shown(scores.f1),
                          auc, with_commas(support), with_commas(predicted)});
  };
  double sum = 0;
  int defined = 0;
  for (std::size_t c = 0; c < matrix.classes().size(); ++c) {
    const auto& auc = evaluation.auc[c];
    add(matrix.classes()[c], matrix.scores(c), shown(auc), matrix.support(c), matrix.predicted(c));
    sum += auc.value_or(0);
    defined += auc.has_value();
  }
  std::optional<double> mean_auc;
  if (defined > 0) mean_auc = sum / defined;
  add("macro mean", matrix.macro(), shown(mean_auc), matrix.total(), matrix.total());
  add("weighted mean", matrix.weighted(), "", matrix.total(), matrix.total());
  add("micro mean", matrix.micro(), "", matrix.total(), matrix.total());
  return table;
}

Table confusion_table(const ConfusionMatrix& matrix) {
  Table table{"confusion", "Confusion matrix", {"true \\ predicted"}, {}};
  const auto& classes = matrix.classes();
  table.header.insert(table.header.end(), classes.begin(), classes.end());
  for (std::size_t t = 0; t < classes.size(); ++t) {
    table.rows.push_back({classes[t]});
    for (std::size_t p = 0; p < classes.size(); ++p)
      table.rows.back().push_back(std::to_string(matrix.count(t, p)));
  }
  return table;
}

Table confused_pairs(const ConfusionMatrix& matrix, std::size_t most) {
  struct Pair {
    std::size_t target;
    std::size_t predicted;
    std::int64_t count;
  };
  const auto& classes = matrix.classes();
  std::vector<Pair> pairs;
  for (std::size_t t = 0; t < classes.size(); ++t)
    for (std::size_t p = 0; p < classes.size(); ++p)
      if (t != p && matrix.count(t, p) > 0) pairs.push_back({t, p, matrix.count(t, p)});
  std::ranges::stable_sort(pairs, std::ranges::greater(), &Pair::count);
  pairs.resize(std::min(pairs.size(), most));
  Table table{"confused", "Most confused", {"true", "taken for", "times", "of the class"}, {}, {},
              2};
  for (const auto& [t, p, count] : pairs)
    table.rows.push_back(
        {classes[t], classes[p], with_commas(count),
         percent(static_cast<double>(count) / static_cast<double>(matrix.support(t)))});
  return table;
}

Table calibration_table(const Calibration& calibration) {
  Table table{"calibration",
              "Calibration",
              {"confidence above", "to", "examples", "mean confidence", "accuracy"},
              {},
              {},
              0};
  for (const auto& bin : calibration.bins)
    table.rows.push_back({fmt::format("{:.2f}", bin.low), fmt::format("{:.2f}", bin.high),
                          with_commas(bin.count), shown(bin.confidence), shown(bin.accuracy)});
  return table;
}

Table mistake_table(const Evaluation& evaluation) {
  Table table{"mistakes",
              "Mistakes",
              {"example", "class", "its probability", "predicted", "its probability"},
              {},
              {},
              0};
  const auto& classes = evaluation.matrix.classes();
  for (const Mistake& m : evaluation.mistakes)
    table.rows.push_back({std::to_string(m.index), classes[static_cast<std::size_t>(m.target)],
                          shown(m.target_probability),
                          classes[static_cast<std::size_t>(m.predicted)], shown(m.probability)});
  return table;
}

Table history_table(const History& history) {
  Table table{"history", "History", {"series", "step", "value"}, {}};
  for (const auto& series : history.series())
    for (std::size_t i = 0; i < series.steps.size(); ++i)
      table.rows.push_back({series.name, fmt::format("{}", series.steps[i]),
                            fmt::format("{:.8g}", unsigned_nan(series.values[i]))});
  return table;
}

std::vector<Table> tables(const Run& run) {
  std::vector<Table> all{configuration_table(run)};
  if (!run.timing.empty()) all.push_back(timing_table(run));
  if (!run.history.empty()) all.push_back(history_table(run.history));
  if (run.network) all.push_back(network_table(run.network->summary));
  if (run.evaluation) {
    all.push_back(class_table(*run.evaluation));
    all.push_back(confusion_table(run.evaluation->matrix));
    all.push_back(calibration_table(run.evaluation->calibration));
    all.push_back(mistake_table(*run.evaluation));
  }
  return all;
}

Plot reliability_plot(const Calibration& calibration) {
  Line measured{"measured", {}, {}};
  for (const auto& bin : calibration.bins)
    if (bin.accuracy) {
      measured.x.push_back(*bin.confidence);
      measured.y.push_back(*bin.accuracy);
    }
  return {.name = "calibration",
          .title = "Can its confidence be believed?",
          .x_label = "confidence",
          .y_label = "accuracy",
          .curves = {std::move(measured), {"perfect", {0, 1}, {0, 1}}}};
}

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json json_of(const ClassScores& scores) {
  return {{"precision", json_of(scores.precision)},
          {"recall", json_of(scores.recall)},
          {"f1", json_of(scores.f1)}};
}

Json json_of(const Evaluation& evaluation) {
  const ConfusionMatrix& matrix = evaluation.matrix;
  Json out{{"examples", matrix.total()},
           {"right", matrix.right()},
           {"accuracy", json_of(matrix.accuracy())},
           {"loss", json_of(evaluation.loss)},
           {"top5_accuracy", json_of(evaluation.top5)},
           {"calibration_error", json_of(evaluation.calibration.error)},
           {"macro", json_of(matrix.macro())},
           {"weighted", json_of(matrix.weighted())},
           {"micro", json_of(matrix.micro())}};
  Json& classes = out["classes"] = Json::array();
  Json& confusion = out["confusion"] = Json::array();
  for (std::size_t t = 0; t < matrix.classes().size(); ++t) {
    Json entry{{"name", matrix.classes()[t]},
               {"examples", matrix.support(t)},
               {"predicted", matrix.predicted(t)}};
    entry.update(json_of(matrix.scores(t)));
    entry["auc"] = json_of(evaluation.auc[t]);
    classes.push_back(std::move(entry));
    Json row = Json::array();
    for (std::size_t p = 0; p < matrix.classes().size(); ++p) row.push_back(matrix.count(t, p));
    confusion.push_back(std::move(row));
  }
  return out;
}

Json json_of(const nn::Summary& summary) {
  Json layers = Json::array();
  for (const auto& layer : summary.layers)
    layers.push_back({{"name", layer.path},
                      {"type", layer.type},
                      {"output", std::vector(layer.output.begin(), layer.output.end())},
                      {"parameters", layer.parameters}});
  return {{"input", std::vector(summary.input.begin(), summary.input.end())},
          {"layers", std::move(layers)},
          {"parameters", summary.parameters},
          {"trainable", summary.trainable}};
}

/// To six digits: curves are the bulk of the file.
Json rounded(double value) {
  // Not std::stod, which throws for denormal numbers.
  const std::string text = fmt::format("{:.6g}", value);
  return std::isfinite(value) ? Json(std::strtod(text.c_str(), nullptr)) : Json(nullptr);
}

Json json_of(const History& history) {
  Json out = Json::object();
  for (const auto& series : history.series()) {
    Json values = Json::array();
    for (const double value : series.values) values.push_back(rounded(value));
    out[series.name] = {{"step", series.steps}, {"value", std::move(values)}};
  }
  return out;
}

}  // namespace

std::string json(const Run& run) {
  Json out{{"title", run.title}, {"summary", summary_line(run)}, {"state", run.state}};
  out["configuration"] = Json::object();
  for (const auto& [name, value] : run.configuration) out["configuration"][name] = value;
  out["machine"] = {{"processor", run.machine.processor}, {"cores", run.machine.cores},
                    {"threads", run.machine.threads},     {"system", run.machine.system},
                    {"compiler", run.machine.compiler},   {"xgrad", run.machine.xgrad}};
  if (run.network) out["network"] = json_of(run.network->summary);
  if (run.evaluation) out["test"] = json_of(*run.evaluation);
  out["last"] = Json::object();
  for (const auto& series : run.history.series())
    out["last"][series.name] = json_of(series.values.back());
  out["history"] = json_of(run.history);
  out["timing"] = Json::object();
  for (const auto& [part, seconds] : run.timing) out["timing"][part] = seconds;
  // A line for each part of the run. Labels that are not UTF-8 are written with U+FFFD rather than
  // not at all.
  std::string text;
  for (const auto& [key, value] : out.items())
    text += fmt::format("{}\"{}\": {}", text.empty() ? "{\n" : ",\n", key,
                        value.dump(-1, ' ', false, Json::error_handler_t::replace));
  return text + "\n}\n";
}

}  // namespace xgrad::report::detail
