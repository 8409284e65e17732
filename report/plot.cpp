#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/plot.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::report {
namespace {

constexpr double width = 480;
constexpr double height = 300;
constexpr double font_size = 13;
constexpr std::size_t most_named = 9;  // lines in the legend

// Told apart by people with any colour vision: Okabe and Ito 2008, "Color Universal Design".
constexpr const char* palette[] = {"#0072b2", "#d55e00", "#009e73",
                                   "#cc79a7", "#e69f00", "#56b4e9"};

double text_pixels(const std::string& text) { return report::text_width(text, 1.2 * font_size); }

std::string text_at(double x, double y, const std::string& anchor, const std::string& text,
                    const std::string& more = "") {
  return fmt::format(
      "<text class=\"ink\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" "
      "fill=\"#222\"{}>{}</text>\n",
      x, y, anchor, more, detail::escaped(text));
}

/// A range of values on an axis, and where its ticks are.
struct Axis {
  double low;
  double high;
  bool log;
  std::vector<double> ticks;

  Axis(double from, double to, bool is_log, bool cover) : low(from), high(to), log(is_log) {
    // An axis that begins close to 0 begins there.
    if (!log && low > 0 && low < 0.05 * high) low = 0;
    if (!(low <= high)) {  // nothing to show
      low = log ? 1 : 0;
      high = log ? 10 : 1;
    }
    if (low == high) {
      using Limits = std::numeric_limits<double>;
      const double room = log ? 2 : low == 0 ? 1 : std::max(std::abs(low) / 10, Limits::min());
      low =
          log ? std::max(low / room, Limits::denorm_min()) : std::max(low - room, Limits::lowest());
      high = std::min(log ? high * room : high + room, Limits::max());
    }
    ticks = log ? detail::log_ticks(low, high) : detail::ticks(low, high, 5);
    if (cover) {
      low = std::min(low, ticks.front());
      high = std::max(high, ticks.back());
    }
    std::erase_if(ticks, [&](double t) { return t < low || t > high; });
  }

  /// Where a value lies, from 0 to 1.
  double at(double value) const {
    if (log) return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
    const double scale = std::isfinite(high - low) ? 1 : 0.5;
    return (scale * value - scale * low) / (scale * high - scale * low);
  }
};

class Drawing {
 public:
  explicit Drawing(const Plot& plot)
      : plot_(plot),
        x_(extent(false)),
        y_(extent(true)),
        colours_(colours()),
        legend_(legend_rows()) {
    double widest = 0;
    for (const double t : y_.ticks) widest = std::max(widest, text_pixels(label(t)));
    left_ = 34 + widest;
    top_ = 32 + 18 * static_cast<double>(legend_.size());
  }

  std::string draw() const {
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-label=\"{}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"{}\">\n",
        width, height, detail::escaped(plot_.title), font_size);
    out += text_at(width / 2, 18, "middle", plot_.title, " font-weight=\"bold\"");
    out += legend() + axes();
    for (const bool faint : {true, false})
      for (std::size_t i = 0; i < plot_.curves.size(); ++i)
        if (plot_.curves[i].faint == faint) out += curve(plot_.curves[i], colour_of(i));
    return out + "</svg>\n";
  }

 private:
  bool shown(const Line& line, std::size_t i) const {
    const double y = line.y[i];
    return std::isfinite(line.x[i]) && std::isfinite(y) && (!plot_.log_y || y > 0);
  }

  Axis extent(bool vertical) const {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Line& line : plot_.curves) {
      require<ValueError>(line.x.size() == line.y.size(), "plot '{}': line '{}' has {} x for {} y",
                          plot_.title, line.name, line.x.size(), line.y.size());
      for (std::size_t i = 0; i < line.x.size(); ++i)
        if (shown(line, i)) {
          low = std::min(low, vertical ? line.y[i] : line.x[i]);
          high = std::max(high, vertical ? line.y[i] : line.x[i]);
        }
    }
    return Axis(low, high, vertical && plot_.log_y, vertical);
  }

  /// Of each line. A faint one has the colour of the line after it, whose raw values it shows.
  std::vector<std::size_t> colours() const {
    std::vector<std::size_t> result;
    std::size_t strong = 0;
    for (const Line& line : plot_.curves) {
      result.push_back(strong % std::size(palette));
      strong += !line.faint;
    }
    return result;
  }
  std::size_t colour_of(std::size_t line) const { return colours_[line]; }

  /// Indices of the named lines, as many in a row as fit.
  std::vector<std::vector<std::size_t>> legend_rows() const {
    std::vector<std::vector<std::size_t>> rows;
    double used = width;
    for (std::size_t i = 0; i < std::min(plot_.curves.size(), most_named); ++i) {
      const double wide = entry_width(i);
      if (rows.empty() || used + wide > width - 20) {
        rows.emplace_back();
        used = 0;
      }
      rows.back().push_back(i);
      used += wide;
    }
    return plot_.curves.size() > 1 ? rows : decltype(rows){};
  }

  std::string name_of(std::size_t line) const {
    const std::size_t more = plot_.curves.size() - std::min(plot_.curves.size(), most_named);
    if (more == 0 || line + 1 < most_named) return plot_.curves[line].name;
    return fmt::format("{} and {} more", plot_.curves[line].name, more);
  }

  double entry_width(std::size_t line) const { return 34 + text_pixels(name_of(line)); }

  std::string stroke(std::size_t colour, bool faint) const {
    return fmt::format("class=\"line-{}\" stroke=\"{}\" fill=\"none\" stroke-width=\"{}\"{}",
                       colour, palette[colour], faint ? 1 : 1.8,
                       faint ? " stroke-opacity=\"0.35\"" : "");
  }

  std::string legend() const {
    std::string out;
    double y = 38;
    for (const auto& row : legend_) {
      double x = width / 2;
      for (const std::size_t i : row) x -= entry_width(i) / 2;
      for (const std::size_t i : row) {
        out += fmt::format("<path {} d=\"M{:.1f} {:.1f}h18\"/>\n",
                           stroke(colour_of(i), plot_.curves[i].faint), x, y - 4);
        out += text_at(x + 22, y, "start", name_of(i));
        x += entry_width(i);
      }
      y += 18;
    }
    return out;
  }

  static std::string label(double tick) {
    const double size = std::abs(tick);
    if (size >= 1e6 && size < 1e9) return fmt::format("{:g}M", tick / 1e6);
    if (size >= 1e4 && size < 1e6) return fmt::format("{:g}k", tick / 1e3);
    return fmt::format("{:.6g}", tick);
  }

  double px(double x) const { return left_ + x_.at(x) * (width - 16 - left_); }
  double py(double y) const { return bottom_ - y_.at(y) * (bottom_ - top_); }

  std::string axes() const {
    std::string out;
    for (const double t : y_.ticks) {
      out += fmt::format("<path class=\"rule\" stroke=\"#ddd\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n",
                         left_, py(t), width - 16);
      out += text_at(left_ - 6, py(t) + 4, "end", label(t));
    }
    for (const double t : x_.ticks) {
      out += fmt::format("<path class=\"ink\" stroke=\"#222\" d=\"M{:.1f} {:.1f}v5\"/>\n", px(t),
                         bottom_);
      // A label at the very edge leans inwards, so that nothing of it is cut off.
      const double half = text_pixels(label(t)) / 2;
      out += text_at(std::min(px(t), width - 2 - half), bottom_ + 18, "middle", label(t));
    }
    out += fmt::format(
        "<path class=\"ink\" stroke=\"#222\" fill=\"none\" d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\"/>\n",
        left_, top_, bottom_, width - 16);
    out += text_at((left_ + width - 16) / 2, height - 6, "middle", plot_.x_label);
    return out + text_at(14, (top_ + bottom_) / 2, "middle", plot_.y_label,
                         fmt::format(" transform=\"rotate(-90 14 {:.1f})\"", (top_ + bottom_) / 2));
  }

  std::string curve(const Line& line, std::size_t colour) const {
    std::string path;
    bool pen_down = false;
    for (const std::size_t i : visible(line)) {
      if (!shown(line, i)) {
        pen_down = false;
        continue;
      }
      path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', px(line.x[i]), py(line.y[i]));
      pen_down = true;
    }
    std::size_t points = 0;
    for (std::size_t i = 0; i < line.y.size(); ++i) points += shown(line, i);
    if (points == 1) path += "h0.1";  // a single point is seen as a dot
    const char* caps = " stroke-linejoin=\"round\" stroke-linecap=\"round\"";
    return path.empty()
               ? ""
               : fmt::format("<path {}{} d=\"{}\"/>\n", stroke(colour, line.faint), caps, path);
  }

  /// The points worth drawing: of each pixel column the lowest, the highest, and any gap.
  std::vector<std::size_t> visible(const Line& line) const {
    constexpr std::size_t columns = 400;
    std::vector<std::size_t> chosen;
    const std::size_t n = line.y.size();
    const std::size_t each = std::max<std::size_t>(n / columns, 1);
    for (std::size_t begin = 0; begin < n; begin += each) {
      std::size_t low = begin, high = begin;
      const std::size_t end = std::min(begin + each, n);
      for (std::size_t i = begin; i < end; ++i) {
        if (!shown(line, i)) {
          low = high = i;
          break;
        }
        if (line.y[i] < line.y[low]) low = i;
        if (line.y[i] > line.y[high]) high = i;
      }
      chosen.push_back(std::min(low, high));
      if (low != high) chosen.push_back(std::max(low, high));
    }
    return chosen;
  }

  static constexpr double bottom_ = height - 46;

  const Plot& plot_;
  Axis x_;
  Axis y_;
  std::vector<std::size_t> colours_;
  std::vector<std::vector<std::size_t>> legend_;
  double left_ = 0;
  double top_ = 0;
};

}  // namespace

namespace detail {

std::vector<double> ticks(double low, double high, int count) {
  const double rough = high / count - low / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5., 2., 1.})
    if (factor * power >= rough * 0.99) step = factor * power;
  // A range of denormal numbers, or one narrower than they are apart.
  if (!(step > 0 && std::max(std::abs(low), std::abs(high)) / step < 0x1p53)) return {low, high};
  std::vector<double> result;
  const auto first = static_cast<std::int64_t>(std::floor(low / step + 1e-9));
  const auto last = static_cast<std::int64_t>(std::ceil(high / step - 1e-9));
  for (std::int64_t i = first; i <= last; ++i) result.push_back(static_cast<double>(i) * step);
  std::erase_if(result, [](double tick) { return !std::isfinite(tick); });
  return result;
}

std::vector<double> log_ticks(double low, double high) {
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = std::min(static_cast<int>(std::ceil(std::log10(high) - 1e-9)), 308);
  const int every = std::max(1, (last - first + 5) / 6);  // not more labels than there is room for
  std::vector<double> result;
  for (int power = first; power <= last; power += every) {
    const double decade = std::pow(10, std::max(power, -323));  // below it is 0
    result.push_back(decade);
    if (last - first <= 2 && power < last)
      for (const double factor : {2., 5.}) result.push_back(factor * decade);
  }
  if (result.back() * (1 + 1e-9) < high)
    result.push_back(std::pow(10, std::min(std::log10(result.back()) + every, 308.0)));
  return result;
}

}  // namespace detail

std::string svg(const Plot& plot) { return Drawing(plot).draw(); }

}  // namespace xgrad::report
