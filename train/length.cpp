#include <xgrad/train/length.hpp>

#include <algorithm>

namespace xgrad::train {

double Length::progress(std::int64_t done, double spent) const {
  const auto steps = static_cast<double>(done);
  if (!seconds) return std::min(1.0, (steps + 0.5) / static_cast<double>(iterations));
  const double half_a_step = done == 0 ? 0 : spent / steps / 2;
  return std::min(1.0, (spent + half_a_step) / *seconds);
}

bool Length::is_over(std::int64_t done, double spent) const {
  return seconds ? progress(done, spent) >= 1 : done >= iterations;
}

std::int64_t Length::total(std::int64_t done, double spent) const {
  if (!seconds) return iterations;
  const double part = std::max(spent, 1e-3) / *seconds;
  return std::max(done, static_cast<std::int64_t>(static_cast<double>(done) / part));
}

}  // namespace xgrad::train
