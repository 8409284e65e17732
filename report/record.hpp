#pragma once
// Internal: a run as tables and as JSON.

#include <xgrad/report/run.hpp>
#include <xgrad/report/table.hpp>

#include <optional>
#include <string>
#include <vector>

namespace xgrad::report::detail {

/// "0.9876", or "–" for what is not defined.
std::string shown(const std::optional<double>& value);

Table configuration_table(const Run& run);
Table timing_table(const Run& run);
Table network_table(const nn::Summary& summary);
Table class_table(const Evaluation& evaluation);
Table confusion_table(const ConfusionMatrix& matrix);
/// The `most` largest counts off the diagonal.
Table confused_pairs(const ConfusionMatrix& matrix, std::size_t most);
Table calibration_table(const Calibration& calibration);
Table mistake_table(const Evaluation& evaluation);
Table history_table(const History& history);

/// Every table that the run has.
std::vector<Table> tables(const Run& run);

/// Confidence against accuracy.
Plot reliability_plot(const Calibration& calibration);

std::string json(const Run& run);

}  // namespace xgrad::report::detail
