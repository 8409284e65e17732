#pragma once
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// A curve: y over x, of one length, x ascending. Values that are not finite (on a logarithmic
/// axis: not positive) leave a gap.
struct Line {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  bool faint = false;  ///< drawn lightly, behind the others: raw values under their mean
};

struct Plot {
  std::string name;  ///< of its file, without the ending
  std::string title;
  std::string x_label;  ///< with the unit
  std::string y_label;
  bool log_y = false;
  std::vector<Line> curves;
};

/// Drawn as SVG with axes, ticks and legend, 480 x 300. Colours are attributes, so that a page may
/// restyle them by the classes "ink", "rule" and "line-0" to "line-5". Long lines are thinned to
/// what can be seen: the extremes of each pixel column stay. ValueError where x and y of a line
/// differ in length.
std::string svg(const Plot& plot);

namespace detail {

/// Round numbers (1, 2 or 5 times a power of ten apart), about `count` of them, that cover
/// [low, high].
std::vector<double> ticks(double low, double high, int count);
/// Powers of ten that cover [low, high], with 2 and 5 between where there are few. Both positive.
std::vector<double> log_ticks(double low, double high);

}  // namespace detail
}  // namespace xgrad::report

#pragma GCC visibility pop
