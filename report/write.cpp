#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/report/page.hpp>
#include <xgrad/report/record.hpp>

#include <filesystem>
#include <functional>

namespace xgrad::report {
namespace {

/// Files of one directory, each replaced as a whole.
class Directory {
 public:
  explicit Directory(const std::string& path) : path_(path) {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error)
      raise<IOError>("report: cannot make the directory {}: {}", excerpt(path), error.message());
  }

  std::string write(const std::string& name, const std::string& bytes) {
    const std::string path = (path_ / name).string();
    xgrad::detail::write_file("report", path, bytes);
    names_.push_back(name);
    return path;
  }

  const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::filesystem::path path_;
  std::vector<std::string> names_;
};

void write_figures(const Run& run, Directory& directory) {
  for (const Plot& plot : run.history.plots()) directory.write(plot.name + ".svg", svg(plot));
  for (const Grid& grid : run.figures) directory.write(grid.name + ".png", draw(grid).png());
  if (run.network) {
    directory.write("network.svg", run.network->drawing);
    directory.write("network.dot", to_dot(run.network->graph));
  }
  if (!run.evaluation) return;
  const Evaluation& evaluation = *run.evaluation;
  directory.write("confusion.png", heat_map(evaluation.matrix).png());
  directory.write("calibration.svg", svg(detail::reliability_plot(evaluation.calibration)));
  for (const Grid& grid : evaluation.figures) directory.write(grid.name + ".png", draw(grid).png());
}

}  // namespace

std::string write(const Run& run, const std::string& directory, const WriteOptions& options) {
  Directory out(directory);
  if (options.refresh_seconds == 0) {
    write_figures(run, out);
    for (const detail::Table& table : detail::tables(run))
      out.write(table.name + ".csv", detail::csv(table));
    out.write("run.json", detail::json(run));
  }
  // Last, so that a page that is there has all its files.
  return out.write("index.html", detail::page(run, out.names(), options));
}

std::string write(nn::Module& net, const datasets::AnyDataset& test,
                  const std::vector<std::string>& classes, const std::string& directory,
                  const EvaluateOptions& options) {
  Shape input = (*test)[0].data.shape();
  input.insert(0, 1);
  return write(Run{.title = net.type_name(),
                   .network = describe(net, input),
                   .evaluation = evaluate(net, test, classes, options)},
               directory);
}

}  // namespace xgrad::report
