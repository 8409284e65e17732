#pragma once
#include <xgrad/optim/lr_scheduler.hpp>

#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct ReduceLROnPlateauOptions {
  std::string mode = "min";            ///< the metric is to fall, or "max": to rise
  double factor = 0.1;                 ///< in [0, 1)
  std::int64_t patience = 10;          ///< steps in a row that may be no better
  double threshold = 1e-4;             ///< by how much better counts
  std::string threshold_mode = "rel";  ///< in parts of the best metric, or "abs"
  std::int64_t cooldown = 0;           ///< steps after a reduction of which none counts as bad
  PerGroup min_lr = 0.;
  double eps = 1e-8;  ///< a smaller reduction is left out
};

/// Times `factor` when a metric gets no better: step(metric) after each validation. A metric of NaN
/// is no better than any.
class ReduceLROnPlateau : public SchedulerBase {
 public:
  /// ValueError for options outside their ranges.
  explicit ReduceLROnPlateau(Optimizer& optimizer, ReduceLROnPlateauOptions options = {});

  /// ValueError where groups were added, unless one `min_lr` is for all.
  void step(double metric);
  /// The best metric there was, infinite before the first.
  double best() const noexcept { return best_; }
  /// How many steps in a row were no better.
  std::int64_t num_bad_epochs() const noexcept { return bad_; }

 protected:
  std::vector<detail::Remembered> state() override;

 private:
  bool is_better(double metric) const;
  std::vector<double> min_lrs() const;

  ReduceLROnPlateauOptions options_;
  double best_;
  std::int64_t bad_ = 0;
  std::int64_t cooldown_ = 0;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
