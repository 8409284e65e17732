#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/page.hpp>
#include <xgrad/report/record.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::report::detail {
namespace {

constexpr std::size_t most_cells = 20;  // of a confusion matrix in numbers; larger is a picture

constexpr std::size_t most_rows = 30;  // of a table shown whole; longer ones scroll

constexpr const char* style = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2128;--quiet:#59636e;--rule:#d5dae0;
--card:#f6f8fa;--leaf:#dbe9f6;--link:#0054a0}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6e9ec;--quiet:#9aa4af;
--rule:#3a424c;--card:#1c2229;--leaf:#25405c;--link:#7db8ea}
svg .line-0{stroke:#4da3d9}svg .line-1{stroke:#f28444}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:74rem;padding:1rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-top:1px solid var(--rule);padding-top:1rem}
h3{font-size:1rem;margin:1rem 0 .4rem}
p{margin:.4rem 0}a{color:var(--link)}
.lead{font-size:1.15rem}.quiet,figcaption{color:var(--quiet);font-size:.875rem}
.state{display:inline-block;background:var(--card);border:1px solid var(--rule);
border-radius:.4rem;padding:.2rem .6rem}
.numbers{display:flex;flex-wrap:wrap;gap:.7rem;margin:1rem 0;padding:0}
.numbers div{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;
padding:.5rem .9rem}
.numbers dt{color:var(--quiet);font-size:.8rem}.numbers dd{margin:0;font-size:1.3rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1rem}
.plots figure{margin:0;max-width:36rem}.plots svg{width:100%;height:auto;display:block}
svg text.ink{fill:var(--ink)}svg path.ink{stroke:var(--ink)}svg .rule{stroke:var(--rule)}
.scroll{overflow:auto}.tall{max-height:42rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid var(--rule)}
th{font-weight:600}.scroll>table{width:max-content}
td.word,th.word{text-align:left}.word>div,.heat th>div{max-width:24rem;overflow-wrap:anywhere}
.heat td,.heat th{padding:.3rem .4rem;min-width:2rem;border:1px solid var(--paper)}
.heat td,.heat thead th{text-align:center}.heat thead th{vertical-align:bottom}
.heat thead .turned{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem}
.heat .right{background:rgb(0 84 147/var(--a))}.heat .wrong{background:rgb(224 92 0/var(--a))}
.heat .none{background:var(--card)}.heat .strong{color:#fff}.heat .zero{color:var(--quiet)}
.heat th>div{max-width:9rem}.key{max-width:34rem}
.picture{max-width:100%;height:auto;background:#fff}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(7.5rem,1fr));gap:.9rem;
margin:.6rem 0}
.tiles figure{margin:0}.tiles figcaption{line-height:1.35;overflow-wrap:anywhere}
.tiles img{width:100%;max-width:7rem;height:auto;image-rendering:pixelated;display:block;margin-bottom:.25rem}
summary{cursor:pointer;margin:.6rem 0;font-weight:600}
.side{display:flex;flex-wrap:wrap;gap:1.5rem 2.5rem;align-items:flex-start}
.side>*{min-width:0;max-width:100%}
.graph{max-height:90rem}.graph svg{max-width:100%;height:auto}
.graph svg text{fill:var(--ink)}.graph svg [stroke="black"]{stroke:var(--ink)}
.graph svg [fill="black"]{fill:var(--ink)}.graph svg [fill="#dbe9f6"]{fill:var(--leaf)}
footer{margin-top:2.5rem;border-top:1px solid var(--rule);padding-top:.8rem}
footer li{display:inline-block;margin-right:1rem}footer ul{padding:0;margin:.3rem 0}
@media(max-width:34rem){body{padding:.75rem}.heat{font-size:.7rem}
.heat td,.heat th{padding:.25rem .1rem;min-width:1.5rem}
table{font-size:.75rem}.word>div{max-width:10rem}.heat th>div{max-width:6rem}
th,td{padding:.2rem .28rem}
.tiles{grid-template-columns:repeat(auto-fill,minmax(6.2rem,1fr))}}
)css";

std::string html(const Table& table) {
  std::string out = fmt::format("<div class=\"scroll{}\"><table>\n",
                                table.rows.size() > most_rows ? " tall" : "");
  const auto add_row = [&](const std::vector<std::string>& row, const char* tag) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      if (i < table.words) {
        out += fmt::format("<{0} class=\"word\"><div>{1}</div></{0}>", tag, escaped(row[i]));
      } else {
        out += fmt::format("<{0}>{1}</{0}>", tag, escaped(row[i]));
      }
    out += "</tr>\n";
  };
  out += "<thead>";
  add_row(table.header, "th");
  out += "</thead><tbody>\n";
  for (const auto& row : table.rows) add_row(row, "td");
  out += "</tbody></table></div>\n";
  if (!table.note.empty()) out += fmt::format("<p class=\"quiet\">{}</p>\n", escaped(table.note));
  return out;
}

std::string section(const std::string& title, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escaped(title), content);
}

std::string image(const Picture& picture, const std::string& alt, const char* css_class = "") {
  return fmt::format(
      "<img{} alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">",
      *css_class ? fmt::format(" class=\"{}\"", css_class) : "", escaped(alt), picture.width(),
      picture.height(), base64(picture.png()));
}

std::string html(const Grid& grid) {
  std::string out =
      fmt::format("<p class=\"quiet\">{}</p>\n<div class=\"tiles\">\n", escaped(grid.note));
  for (const Tile& tile : grid.tiles) {
    std::string caption, alt;
    for (const std::string& line : tile.caption) {
      caption += (caption.empty() ? "" : "<br>") + escaped(line);
      alt += (alt.empty() ? "" : ", ") + line;
    }
    out += fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", image(tile.picture, alt),
                       caption);
  }
  return out + "</div>\n";
}

std::string heat_cell(const ConfusionMatrix& matrix, std::size_t t, std::size_t p, double largest) {
  const std::int64_t count = matrix.count(t, p);
  const std::int64_t support = matrix.support(t);
  if (support == 0) return fmt::format("<td class=\"none zero\">{}</td>", count);
  const double share = static_cast<double>(count) / static_cast<double>(support);
  // As in heat_map(): the square root lets rare confusions be seen beside the most frequent.
  const double alpha = t == p ? share : largest > 0 ? std::sqrt(share / largest) : 0;
  return fmt::format("<td class=\"{}{}\" style=\"--a:{:.2f}\">{}</td>", t == p ? "right" : "wrong",
                     count == 0    ? " zero"
                     : alpha > 0.6 ? " strong"
                                   : "",
                     alpha, count);
}

std::string heat_table(const ConfusionMatrix& matrix) {
  const auto& classes = matrix.classes();
  const double largest = largest_confusion(matrix);
  std::string out = "<div class=\"scroll\"><table class=\"heat\">\n<thead><tr><th></th>";
  // Short names stand upright.
  const bool turned = std::ranges::any_of(classes, [](const auto& c) { return c.size() > 3; });
  for (const auto& name : classes)
    out += fmt::format("<th scope=\"col\"><span{}>{}</span></th>",
                       turned ? " class=\"turned\"" : "", escaped(name));
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t t = 0; t < classes.size(); ++t) {
    out += fmt::format("<tr><th scope=\"row\"><div>{}</div></th>", escaped(classes[t]));
    for (std::size_t p = 0; p < classes.size(); ++p) out += heat_cell(matrix, t, p, largest);
    out += "</tr>\n";
  }
  return out + fmt::format(
                   "</tbody></table></div>\n<p class=\"quiet key\">Rows: the true class; columns: "
                   "what it was taken for. Blue: the part of the row that is right. Orange: the "
                   "part that is mistaken; the darkest is {}.</p>\n",
                   percent(largest));
}

std::string confusion(const ConfusionMatrix& matrix) {
  std::string out = "<div class=\"side\"><div>\n";
  if (matrix.classes().size() <= most_cells) {
    out += heat_table(matrix);
  } else {
    out += image(heat_map(matrix), "confusion matrix", "picture") +
           "<p class=\"quiet\">Rows: the true class; columns: what it was taken for. Full size: "
           "confusion.png.</p>\n";
  }
  const Table pairs = confused_pairs(matrix, 10);
  out += "</div>\n";
  if (!pairs.rows.empty()) out += "<div><h3>" + pairs.title + "</h3>\n" + html(pairs) + "</div>\n";
  return out + "</div>\n";
}

std::string numbers(const Evaluation& evaluation) {
  const ConfusionMatrix& matrix = evaluation.matrix;
  std::string out = "<dl class=\"numbers\">";
  const auto add = [&](const char* name, const std::string& value) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
  };
  const auto in_percent = [](const std::optional<double>& value) {
    return value ? percent(*value) : "–";
  };
  add("accuracy", in_percent(matrix.accuracy()));
  add("right", fmt::format("{} of {}", nn::detail::with_commas(matrix.right()),
                           nn::detail::with_commas(matrix.total())));
  if (evaluation.top5) add("among the first 5", in_percent(evaluation.top5));
  add("cross entropy", shown(evaluation.loss));
  add("macro F1", shown(matrix.macro().f1));
  add("calibration error", in_percent(evaluation.calibration.error));
  return out + "</dl>\n";
}

std::string curves(const std::vector<Plot>& plots) {
  std::string out = "<div class=\"plots\">\n";
  for (const Plot& plot : plots) out += "<figure>" + svg(plot) + "</figure>\n";
  return out + "</div>\n";
}

std::string network(const Network& net) {
  return "<div class=\"side\"><div>\n" + html(network_table(net.summary)) +
         "</div>\n<div class=\"graph scroll\">\n" + net.drawing + "</div></div>\n";
}

/// The figures, the long series of feature maps folded together at the end.
std::string figures(const std::vector<Grid>& grids) {
  std::string out, maps;
  for (const Grid& grid : grids)
    if (grid.name.starts_with("feature-maps"))
      maps += fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(grid.title),
                          html(grid));
    else
      out += section(grid.title, html(grid));
  return maps.empty() ? out : out + section("Feature maps of the first test image", maps);
}

std::string head(const Run& run, const WriteOptions& options) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      // Nothing is fetched from anywhere, whatever a label may contain.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n";
  if (options.refresh_seconds > 0)
    out += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", options.refresh_seconds);
  return out + fmt::format(
                   "<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n"
                   "</head>\n<body>\n",
                   escaped(run.title), style);
}

std::string links(const std::vector<std::string>& files) {
  std::string out = "<p class=\"quiet\">Beside this page:</p>\n<ul>\n";
  for (const auto& file : files)
    out += fmt::format("<li><a href=\"{0}\">{0}</a></li>\n", escaped(file));
  return out + "</ul>\n";
}

}  // namespace

std::string page(const Run& run, const std::vector<std::string>& files,
                 const WriteOptions& options) {
  std::string out = head(run, options);
  out += fmt::format("<header>\n<h1>{}</h1>\n", escaped(run.title));
  if (const auto line = summary_line(run); !line.empty())
    out += fmt::format("<p class=\"lead\">{}</p>\n", escaped(line));
  if (!run.state.empty()) out += fmt::format("<p class=\"state\">{}</p>\n", escaped(run.state));
  out += "</header>\n<main>\n";
  if (run.evaluation) out += numbers(*run.evaluation);
  if (!run.history.empty()) out += section("Training", curves(run.history.plots()));
  if (run.evaluation) {
    out += section("Confusion matrix", confusion(run.evaluation->matrix));
    const Table classes = class_table(*run.evaluation);
    out += section(classes.title, html(classes));
  }
  out += figures(run.figures);
  if (run.evaluation) out += figures(run.evaluation->figures);
  if (run.evaluation)
    out += section("Calibration", curves({reliability_plot(run.evaluation->calibration)}));
  if (run.network) out += section("Network", network(*run.network));
  out += section("Configuration and machine", html(configuration_table(run)));
  if (!run.timing.empty()) out += section("Timing", html(timing_table(run)));
  out += "</main>\n<footer>\n";
  if (!files.empty()) out += links(files);
  return out + "</footer>\n</body>\n</html>\n";
}

}  // namespace xgrad::report::detail
