#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/report/live.hpp>

#include "checkpoint.hpp"
#include "training.hpp"

namespace examples {

/// What a training run leaves behind: the page, live while it goes on, and the log.
class Journal {
 public:
  /// Goes on from a checkpoint, if there is one. IOError where page or log cannot be written.
  Journal(xgrad::nn::Module& net, xgrad::Shape image, xgrad::report::Run run,
          const Options& options, const Checkpoint* from);

  xgrad::report::Run& run() { return run_; }

  /// Measured at an iteration, for the curves and the log alike.
  void add(const std::string& name, std::int64_t iteration, double value,
           xgrad::report::History::Kind kind = xgrad::report::History::Kind::exact);
  /// The values of an iteration are complete.
  void end_iteration(const std::string& state);
  /// Notes what it needs to go on.
  void note(Checkpoint& checkpoint);
  /// Writes the final page and the end of the log; the page's path if there is one.
  std::optional<std::string> finish(const std::string& state,
                                    const xgrad::report::JsonLines::Fields& result);

 private:
  xgrad::nn::Module& net_;
  xgrad::Shape image_;
  xgrad::report::Run run_;
  std::string directory_;
  std::optional<xgrad::report::LivePage> page_;
  std::optional<xgrad::report::JsonLines> log_;
  xgrad::report::JsonLines::Fields fields_;
};

}  // namespace examples
