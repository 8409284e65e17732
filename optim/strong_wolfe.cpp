#include <xgrad/optim/strong_wolfe.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace xgrad::optim::detail {
namespace {

constexpr double sufficient = 1e-4;  // c₁
constexpr double flat = 0.9;         // c₂
constexpr int most_trials = 25;

/// Where the cubic through both losses and slopes is least, within [least, most]; their middle
/// where it has no minimum (Nocedal and Wright, equation 3.59).
double least_of_cubic(const Point& a, const Point& b, double least, double most) {
  const Point& left = a.t <= b.t ? a : b;
  const Point& right = a.t <= b.t ? b : a;
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  const double middle = (least + most) / 2;
  if (!(square >= 0)) return middle;
  const double d2 = std::sqrt(square);
  const double t = right.t - (right.t - left.t) *
                                 ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2));
  return std::isfinite(t) ? std::clamp(t, least, most) : middle;
}

/// What is known while it is searched.
class Search {
 public:
  Search(const std::function<Point(double t)>& at, const Point& start, double longest,
         double tolerance_change)
      : at_(at), start_(start), longest_(longest), tolerance_change_(tolerance_change) {}

  SearchResult run(double t) {
    if (!expand(t)) shrink();
    return {ends_[low_], evaluations_};
  }

 private:
  Point evaluate(double t) {
    ++evaluations_;
    Point there = at_(t);
    // No search, and no step after it, goes on from where there is no slope.
    if (!std::isfinite(there.slope)) there.loss = std::numeric_limits<double>::quiet_NaN();
    return there;
  }
  bool is_too_high(const Point& p) const {
    return !(p.loss <= start_.loss + sufficient * p.t * start_.slope);
  }
  bool is_flat(const Point& p) const { return std::abs(p.slope) <= -flat * start_.slope; }
  void find_low() { low_ = ends_[0].loss <= ends_[1].loss || std::isnan(ends_[1].loss) ? 0 : 1; }

  /// Goes on until a minimum is between the ends; whether a point was found on the way.
  bool expand(double t) {
    Point before = start_;
    Point now = evaluate(t);
    for (; trials_ < most_trials; ++trials_) {
      const bool rises = trials_ > 1 && now.loss >= before.loss;
      if (is_too_high(now) || rises) break;
      if (is_flat(now)) {
        ends_ = {now, now};
        return true;
      }
      if (now.slope >= 0) break;
      const double next =
          least_of_cubic(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
      before = std::exchange(now, evaluate(next));
    }
    ends_ = {trials_ == most_trials ? start_ : before, now};
    find_low();
    return false;
  }

  /// Where to try next. The cubic may stay at one end: not twice.
  double next() {
    const auto [least, most] = std::minmax(ends_[0].t, ends_[1].t);
    const double t = least_of_cubic(ends_[0], ends_[1], least, most);
    const double margin = 0.1 * (most - least);
    const bool is_near = std::min(most - t, t - least) < margin;
    const bool is_inside = !was_near_ && t < most && t > least;
    was_near_ = is_near && is_inside;
    if (!is_near || is_inside) return t;
    return std::abs(t - most) < std::abs(t - least) ? most - margin : least + margin;
  }

  void shrink() {
    while (trials_ < most_trials &&
           std::abs(ends_[1].t - ends_[0].t) * longest_ >= tolerance_change_) {
      const Point now = evaluate(next());
      ++trials_;
      Point& low = ends_[low_];
      Point& high = ends_[1 - low_];
      if (is_too_high(now) || now.loss >= low.loss) {
        high = now;
        find_low();
        continue;
      }
      const bool is_found = is_flat(now);
      if (!is_found && now.slope * (high.t - low.t) >= 0) high = low;
      low = now;
      if (is_found) return;
    }
  }

  const std::function<Point(double t)>& at_;
  const Point& start_;
  double longest_;
  double tolerance_change_;
  std::array<Point, 2> ends_;
  std::size_t low_ = 0;
  std::int64_t evaluations_ = 0;
  int trials_ = 0;
  bool was_near_ = false;
};

}  // namespace

SearchResult strong_wolfe(const std::function<Point(double t)>& at, const Point& start, double t,
                          double longest, double tolerance_change) {
  return Search(at, start, longest, tolerance_change).run(t);
}

}  // namespace xgrad::optim::detail
