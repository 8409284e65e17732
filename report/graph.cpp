#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/report/graph.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <memory>
#include <numeric>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xgrad::report {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// What a program prints when fed `input`; nothing unless it ends with 0. Input and output are
/// files, so that neither side waits for the other.
std::optional<std::string> filtered(std::vector<std::string> command, std::string_view input) {
  const std::unique_ptr<std::FILE, Close> in(std::tmpfile());
  const std::unique_ptr<std::FILE, Close> out(std::tmpfile());
  if (!in || !out || std::fwrite(input.data(), 1, input.size(), in.get()) != input.size())
    return {};
  std::rewind(in.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || waitpid(child, &status, 0) != child) return {};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};

  std::string output;
  std::array<char, 4096> buffer{};
  std::fseek(out.get(), 0, SEEK_SET);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), out.get()))
    output.append(buffer.data(), got);
  return output;
}

// ---- our own drawing

/// A vertex, or a place where a long arrow passes a layer.
struct Place {
  std::optional<std::size_t> vertex;
  double width;
  double x = 0;  // of the middle
  std::size_t layer = 0;
  std::vector<std::size_t> above;  // places it leads to
};

class Layout {
 public:
  explicit Layout(const TapeGraph& graph)
      : graph_(beginning_of(graph)), left_out_(graph.vertices.size() - graph_.vertices.size()) {
    rank();
    place();
    order();
    spread();
  }

  std::string draw() const {
    const double below = static_cast<double>(layers_.size()) * layer_height;
    const double height = below + (left_out_ > 0 ? layer_height / 2 : 0);
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
        "height=\"{:.0f}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"11\">\n",
        width_, height, width_, height);
    for (const Place& from : places_)
      for (const std::size_t to : from.above) out += arrow(from, places_[to]);
    for (const Place& at : places_)
      if (at.vertex) out += box(at, graph_.vertices[*at.vertex]);
    if (left_out_ > 0)
      out += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">… {} more</text>\n", width_ / 2,
          below + 11, nn::detail::with_commas(static_cast<std::int64_t>(left_out_)));
    return out + "</svg>\n";
  }

 private:
  static constexpr double layer_height = 62;
  static constexpr double box_height = 36;
  static constexpr double gap = 14;

  /// What lies next to the result: nobody can look at more, nor has a browser room for it.
  static TapeGraph beginning_of(const TapeGraph& graph) {
    constexpr std::size_t most = 1000;
    if (graph.vertices.size() <= most) return graph;
    TapeGraph part{{graph.vertices.begin(), graph.vertices.begin() + most}, {}};
    std::ranges::copy_if(graph.arrows, std::back_inserter(part.arrows),
                         [](const auto& arrow) { return arrow.from < most && arrow.to < most; });
    return part;
  }

  static double middle(const Place& place) {
    return (static_cast<double>(place.layer) + 0.5) * layer_height;
  }

  /// The layer of a vertex: one below the lowest that uses it. Arrows of a tape lead from an
  /// argument to its use, and a graph has no cycles, so vertices can be taken once all uses are.
  void rank() {
    ranks_.assign(graph_.vertices.size(), 0);
    std::vector<std::size_t> uses(graph_.vertices.size(), 0);
    std::vector<std::vector<std::size_t>> arguments(graph_.vertices.size());
    for (const auto& [from, to] : graph_.arrows) {
      ++uses[from];
      arguments[to].push_back(from);
    }
    std::vector<std::size_t> ready;
    for (std::size_t v = 0; v < uses.size(); ++v)
      if (uses[v] == 0) ready.push_back(v);
    while (!ready.empty()) {
      const std::size_t v = ready.back();
      ready.pop_back();
      for (const std::size_t argument : arguments[v]) {
        ranks_[argument] = std::max(ranks_[argument], ranks_[v] + 1);
        if (--uses[argument] == 0) ready.push_back(argument);
      }
    }
  }

  void add(Place made) {
    layers_.resize(std::max(layers_.size(), made.layer + 1));
    layers_[made.layer].push_back(places_.size());
    places_.push_back(std::move(made));
  }

  /// One place for each vertex, and one wherever arrows from it pass a layer.
  void place() {
    for (std::size_t v = 0; v < graph_.vertices.size(); ++v) {
      const auto& vertex = graph_.vertices[v];
      const int text =
          std::max(text_width(vertex.name, 13.2), text_width(xgrad::to_string(vertex.shape), 13.2));
      add({v, text + 24.0, 0, ranks_[v], {}});
    }
    std::vector<std::vector<std::size_t>> uses(graph_.vertices.size());
    for (const auto& [from, to] : graph_.arrows) uses[from].push_back(to);
    for (std::size_t v = 0; v < uses.size(); ++v)
      if (!uses[v].empty()) connect(v, std::move(uses[v]));
  }

  /// Arrows from one vertex share a way up through the layers, which each leaves below its end:
  /// of a weight that all steps use, ways of their own would pass each layer once for every step.
  void connect(std::size_t from, std::vector<std::size_t> uses) {
    std::ranges::stable_sort(uses, {}, [this](std::size_t use) { return ranks_[use]; });
    auto next = uses.begin();
    std::vector<std::size_t> above;
    const auto take_ends_above = [&](std::size_t layer) {
      for (; next != uses.end() && ranks_[*next] + 1 == layer; ++next) above.push_back(*next);
    };
    for (std::size_t layer = ranks_[uses.front()] + 1; layer < ranks_[from]; ++layer) {
      take_ends_above(layer);
      add({{}, 6, 0, layer, std::exchange(above, {places_.size()})});
    }
    take_ends_above(ranks_[from]);
    places_[from].above = std::move(above);
  }

  /// Puts every place near what it leads to: sorted by the mean position of those.
  void order() {
    std::vector<double> position(places_.size(), 0);
    for (auto& layer : layers_) {
      std::vector<std::pair<double, std::size_t>> keyed;
      for (const std::size_t p : layer) {
        double sum = 0;
        for (const std::size_t a : places_[p].above) sum += position[a];
        const auto count = static_cast<double>(std::max<std::size_t>(places_[p].above.size(), 1));
        keyed.emplace_back(sum / count, p);
      }
      std::ranges::stable_sort(keyed, {}, &std::pair<double, std::size_t>::first);
      for (std::size_t i = 0; i < layer.size(); ++i) {
        layer[i] = keyed[i].second;
        position[layer[i]] = static_cast<double>(i);
      }
    }
  }

  void spread() {
    std::vector<double> widths;
    for (const auto& layer : layers_)
      widths.push_back(std::accumulate(layer.begin(), layer.end(), gap, [&](double w, auto p) {
        return w + places_[p].width + gap;
      }));
    for (const double width : widths) width_ = std::max(width_, width);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      double x = (width_ - widths[i]) / 2 + gap;
      for (const std::size_t p : layers_[i]) {
        places_[p].x = x + places_[p].width / 2;
        x += places_[p].width + gap;
      }
    }
  }

  static std::string arrow(const Place& from, const Place& to) {
    const double start = middle(from) - (from.vertex ? box_height / 2 : 0);
    const double end = middle(to) + (to.vertex ? box_height / 2 + 6 : 0);
    const double bend = (start + end) / 2;
    std::string out = fmt::format(
        "<path fill=\"none\" stroke=\"black\" d=\"M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {2:.1f} "
        "{3:.1f} {4:.1f}\"/>\n",
        from.x, start, bend, to.x, end);
    if (to.vertex)
      out += fmt::format(
          "<polygon fill=\"black\" stroke=\"black\" points=\"{:.1f},{:.1f} {:.1f},{:.1f} "
          "{:.1f},{:.1f}\"/>\n",
          to.x, end - 6, to.x - 3, end, to.x + 3, end);
    return out;
  }

  static std::string box(const Place& at, const TapeGraph::Vertex& vertex) {
    const double y = middle(at);
    const bool leaf = vertex.kind == TapeGraph::Kind::leaf;
    const double round = vertex.kind == TapeGraph::Kind::operation ? box_height / 2 : 2;
    std::string out = fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" rx=\"{}\" fill=\"{}\" "
        "stroke=\"black\" stroke-width=\"{}\"/>\n",
        at.x - at.width / 2, y - box_height / 2, at.width, box_height, round,
        leaf ? "#dbe9f6" : "none", vertex.kind == TapeGraph::Kind::result ? 2 : 1);
    for (const auto& [text, dy] :
         {std::pair(vertex.name, -3.0), std::pair(xgrad::to_string(vertex.shape), 11.0)})
      out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", at.x,
                         y + dy, detail::escaped(text));
    return out;
  }

  TapeGraph graph_;
  std::size_t left_out_;  // vertices
  std::vector<std::size_t> ranks_;
  std::vector<Place> places_;
  std::vector<std::vector<std::size_t>> layers_;  // the result's layer first
  double width_ = 0;
};

}  // namespace

std::optional<std::string> graphviz_svg(const TapeGraph& graph) {
  auto drawn = filtered({"dot", "-Tsvg"}, to_dot(graph));
  if (!drawn) return {};
  // The XML prolog and DOCTYPE in front have no place inside a page, and the DOCTYPE names a
  // network address.
  const auto begin = drawn->find("<svg");
  if (begin == std::string::npos) return {};
  return drawn->substr(begin);
}

std::string layered_svg(const TapeGraph& graph) { return Layout(graph).draw(); }

std::string svg(const TapeGraph& graph) {
  constexpr std::size_t most = 500;  // Graphviz takes minutes for thousands of vertices
  if (graph.vertices.size() > most) return layered_svg(graph);
  if (auto drawn = graphviz_svg(graph)) return *std::move(drawn);
  return layered_svg(graph);
}

Network describe(nn::Module& net, const Shape& input_shape) {
  Network result{nn::summary(net, input_shape), {}, {}};
  const nn::EvalGuard eval(net);
  const auto parameters = net.parameters();
  const bool wide = !parameters.empty() && parameters.front().dtype() == float64;
  Tensor input = zeros(input_shape, {.dtype = wide ? float64 : float32, .requires_grad = true});
  input.set_name("input");
  result.graph = tape_graph(net(input).set_name("output"));
  result.drawing = svg(result.graph);
  return result;
}

}  // namespace xgrad::report
