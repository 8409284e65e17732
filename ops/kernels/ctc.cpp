#include <xgrad/ops/kernels/ctc.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace xgrad::kernels {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// ln(eᵃ + eᵇ)
double log_sum(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  const double larger = std::max(a, b);
  if (larger == minus_infinity) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

/// The labels with blanks before, between and after them.
class Spelling {
 public:
  Spelling(std::span<const std::int64_t> labels, std::int64_t blank)
      : labels_(labels), blank_(blank) {}

  std::int64_t size() const { return 2 * static_cast<std::int64_t>(labels_.size()) + 1; }
  std::int64_t operator[](std::int64_t s) const {
    return s % 2 == 0 ? blank_ : labels_[static_cast<std::size_t>(s / 2)];
  }
  /// Whether a path may come to s from s − 2: over a blank between two labels that differ.
  bool skips_to(std::int64_t s) const {
    return s % 2 == 1 && s > 1 && (*this)[s] != (*this)[s - 2];
  }

 private:
  std::span<const std::int64_t> labels_;
  std::int64_t blank_;
};

/// Of places of the spelling at each step.
class Lattice {
 public:
  Lattice(std::int64_t steps, std::int64_t places)
      : places_(places), values_(static_cast<std::size_t>(steps * places), minus_infinity) {}
  double* operator[](std::int64_t step) {
    return values_.data() + static_cast<std::size_t>(step * places_);
  }

 private:
  std::int64_t places_;
  std::vector<double> values_;
};

template <class T>
double log_probability(const CtcInput<T>& x, std::int64_t step, std::int64_t label) {
  return static_cast<double>(x.values[step * x.stride + label]);
}

// α[t, s] = (α[t−1, s] + α[t−1, s−1] + α[t−1, s−2] where it skips) p[t, s]: of all beginnings of
// paths that end there. (Graves et al., equation 6)
template <class T>
Lattice beginnings(const CtcInput<T>& x, const Spelling& spelling) {
  const std::int64_t places = spelling.size();
  Lattice alpha(x.steps, places);
  for (std::int64_t s = 0; s < std::min<std::int64_t>(places, 2); ++s)
    alpha[0][s] = log_probability(x, 0, spelling[s]);
  for (std::int64_t t = 1; t < x.steps; ++t) {
    const double* const before = alpha[t - 1];
    for (std::int64_t s = 0; s < places; ++s) {
      double sum = before[s];
      if (s > 0) sum = log_sum(sum, before[s - 1]);
      if (spelling.skips_to(s)) sum = log_sum(sum, before[s - 2]);
      alpha[t][s] = sum + log_probability(x, t, spelling[s]);
    }
  }
  return alpha;
}

/// ln of the probability of all paths: those that end at the last label or the blank after it.
double log_total(Lattice& alpha, std::int64_t steps, std::int64_t places) {
  if (steps == 0) return places == 1 ? 0 : minus_infinity;
  const double* const last = alpha[steps - 1];
  return places == 1 ? last[0] : log_sum(last[places - 1], last[places - 2]);
}

}  // namespace

template <class T>
double ctc_loss(const CtcInput<T>& x, std::span<const std::int64_t> labels, std::int64_t blank) {
  const Spelling spelling(labels, blank);
  if (x.steps == 0) return labels.empty() ? 0 : -minus_infinity;
  Lattice alpha = beginnings(x, spelling);
  return -log_total(alpha, x.steps, spelling.size());
}

// β[t, s] is that of all ends of paths that go on from s, without p[t, s]: the probability of the
// paths through s at t is α β. (equations 9 to 11, 14)
template <class T>
void ctc_loss_input(const CtcInput<T>& x, std::span<const std::int64_t> labels, std::int64_t blank,
                    double factor, bool zero_infinity, T* dx) {
  const Spelling spelling(labels, blank);
  const std::int64_t places = spelling.size();
  if (x.steps == 0) return;
  Lattice alpha = beginnings(x, spelling);
  const double total = log_total(alpha, x.steps, places);
  if (total == minus_infinity && zero_infinity) return;
  std::vector<double> beta(static_cast<std::size_t>(places), minus_infinity);
  std::vector<double> after = beta;
  const auto at = [](std::vector<double>& list, std::int64_t s) -> double& {
    return list[static_cast<std::size_t>(s)];
  };
  at(beta, places - 1) = 0;
  if (places > 1) at(beta, places - 2) = 0;
  for (std::int64_t t = x.steps; t-- > 0;) {
    T* const row = dx + t * x.stride;
    for (std::int64_t s = 0; s < places; ++s)
      row[spelling[s]] -= static_cast<T>(factor * std::exp(alpha[t][s] + at(beta, s) - total));
    // β p of this step is what the one before may go on to.
    for (std::int64_t s = 0; s < places; ++s)
      at(after, s) = at(beta, s) + log_probability(x, t, spelling[s]);
    for (std::int64_t s = 0; s < places; ++s) {
      double sum = at(after, s);
      if (s + 1 < places) sum = log_sum(sum, at(after, s + 1));
      if (s + 2 < places && spelling.skips_to(s + 2)) sum = log_sum(sum, at(after, s + 2));
      at(beta, s) = sum;
    }
  }
}

template double ctc_loss(const CtcInput<float>&, std::span<const std::int64_t>, std::int64_t);
template double ctc_loss(const CtcInput<double>&, std::span<const std::int64_t>, std::int64_t);
template void ctc_loss_input(const CtcInput<float>&, std::span<const std::int64_t>, std::int64_t,
                             double, bool, float*);
template void ctc_loss_input(const CtcInput<double>&, std::span<const std::int64_t>, std::int64_t,
                             double, bool, double*);

}  // namespace xgrad::kernels
