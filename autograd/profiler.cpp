#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace xgrad::profiler {
namespace detail {

std::atomic<bool> active{false};

}  // namespace detail

namespace {

using Clock = std::chrono::steady_clock;

struct Recording {
  xgrad::detail::Mutex mutex;
  std::vector<Event> events;
  std::atomic<Clock::time_point> begin;
  int threads = 0;
  // Of this recording: threads count anew in each, and what began in another is not of this one.
  std::atomic<std::uint64_t> number{0};
};

Recording& recording() {
  static Recording* const instance = new Recording;
  return *instance;
}
[[maybe_unused]] const Recording& made_before_main = recording();

thread_local Scope* innermost = nullptr;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// This thread's number in the recording.
int thread_number(Recording& r) {
  thread_local int number = 0;
  thread_local std::uint64_t of = 0;
  if (of != r.number) {
    of = r.number;
    number = r.threads++;
  }
  return number;
}

}  // namespace

void start() {
  Recording& r = recording();
  const std::lock_guard lock(r.mutex);
  require<ValueError>(!detail::active, "profiler::start: it is on already; stop() ends it");
  r.events.clear();
  r.threads = 0;
  r.begin = Clock::now();
  ++r.number;
  thread_number(r);
  detail::active = true;
}

Profile stop(const Peak& peak) {
  Recording& r = recording();
  const std::lock_guard lock(r.mutex);
  require<ValueError>(detail::active, "profiler::stop: it is not on; start() begins it");
  detail::active = false;
  return {std::exchange(r.events, {}), seconds_since(r.begin), peak};
}

void Scope::begin(const char* name, Work work) {
  Recording& r = recording();
  recording_ = r.number;  // first: where it is this recording's, `begin` is too
  const Node* const caller = xgrad::detail::current_node();
  event_ = new Event{.name = name,
                     .caller = caller != nullptr ? caller->name() : "",
                     .work = std::move(work),
                     .start = seconds_since(r.begin)};
  outer_ = std::exchange(innermost, this);
}

void Scope::end() noexcept {
  Recording& r = recording();
  const std::unique_ptr<Event> event(event_);
  event->elapsed = seconds_since(r.begin) - event->start;
  event->seconds = event->elapsed - inner_seconds_;
  innermost = outer_;
  if (outer_ != nullptr) outer_->inner_seconds_ += event->elapsed;
  try {
    const std::lock_guard lock(r.mutex);
    if (!detail::active || recording_ != r.number) return;
    event->thread = thread_number(r);
    r.events.push_back(std::move(*event));
  } catch (...) {  // without memory an event is lost, not the program
  }
}

Work work_on(std::initializer_list<const Tensor*> tensors, double flops_each) {
  Work work;
  for (const Tensor* x : tensors) {
    work.shapes.push_back(x->shape());
    work.bytes += static_cast<double>(x->numel()) * static_cast<double>(item_size(x->dtype()));
    work.flops = flops_each * static_cast<double>(x->numel());
  }
  return work;
}

namespace {

std::string name_of(const Event& event) {
  std::string name = event.name;
  if (*event.work.kernel != 0) name += fmt::format(" ({})", event.work.kernel);
  if (!event.caller.empty()) name += " of " + event.caller + "'s gradient";
  return name;
}

std::string shapes_of(const Event& event) {
  std::string text;
  for (const Shape& shape : event.work.shapes) text += ' ' + to_string(shape);
  return text;
}

struct Row {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0;
  double flops = 0;
  double bytes = 0;
};

std::vector<Row> rows_of(const std::vector<Event>& events, bool by_shape) {
  std::map<std::string, Row> rows;
  for (const Event& event : events) {
    const std::string name = name_of(event) + (by_shape ? shapes_of(event) : "");
    Row& row = rows[name];
    row.name = name;
    ++row.calls;
    row.seconds += event.seconds;
    row.flops += event.work.flops;
    row.bytes += event.work.bytes;
  }
  std::vector<Row> sorted;
  for (auto& [name, row] : rows) sorted.push_back(std::move(row));
  std::ranges::stable_sort(sorted, std::ranges::greater(), &Row::seconds);
  return sorted;
}

/// "12.3", or "–" where there is nothing to say.
std::string shown(double value) { return value > 0 ? fmt::format("{:.1f}", value) : "–"; }

}  // namespace

std::string Profile::table(bool by_shape) const {
  const auto rows = rows_of(events, by_shape);
  std::size_t width = 20;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  std::string text =
      fmt::format("{:{}} {:>8} {:>10} {:>10} {:>7} {:>9} {:>7} {:>7} {:>7}\n", "operation", width,
                  "calls", "ms", "us each", "share", "GFLOP/s", "peak", "GB/s", "peak");
  const auto of_peak = [](double rate, double most) {
    return rate > 0 && most > 0 ? fmt::format("{:.0f} %", 100 * rate / most) : "–";
  };
  const auto line = [&](const Row& row) {
    const double time = std::max(row.seconds, 1e-12);
    const auto calls = static_cast<double>(std::max<std::int64_t>(row.calls, 1));
    text += fmt::format("{:{}} {:>8} {:>10.3f} {:>10.2f} {:>5.1f} % {:>9} {:>7} {:>7} {:>7}\n",
                        row.name, width, row.calls, 1e3 * row.seconds, 1e6 * row.seconds / calls,
                        100 * row.seconds / seconds, shown(row.flops / time / 1e9),
                        of_peak(row.flops / time, peak.flops), shown(row.bytes / time / 1e9),
                        of_peak(row.bytes / time, peak.bytes));
  };
  Row all{.name = "in all", .seconds = seconds};
  double inside = 0;
  for (const Row& row : rows) {
    line(row);
    inside += row.seconds;
    all.calls += row.calls;
    all.flops += row.flops;
    all.bytes += row.bytes;
  }
  const double rest = std::max(seconds - inside, 0.0);
  text += fmt::format("{:{}} {:>8} {:>10.3f} {:>10} {:>5.1f} %\n", "outside operations", width, "",
                      1e3 * rest, "", 100 * rest / seconds);
  line(all);
  if (peak.flops > 0)
    text += fmt::format("peak: {:.0f} GFLOP/s, {:.1f} GB/s\n", peak.flops / 1e9, peak.bytes / 1e9);
  return text;
}

void Profile::write_trace(const std::string& path) const {
  // Names are the operations' own, or a user's literal: quotes and backslashes are all to escape.
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + '"';
  };
  std::string json = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (const Event& event : events) {
    if (&event != events.data()) json += ",\n";
    json += fmt::format(
        "{{\"name\":{},\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},"
        "\"dur\":{:.3f},\"args\":{{\"shapes\":{},\"flops\":{:.0f},\"bytes\":{:.0f}}}}}",
        quoted(name_of(event)), event.caller.empty() ? "forward" : "backward", event.thread,
        1e6 * event.start, 1e6 * event.elapsed, quoted(shapes_of(event)), event.work.flops,
        event.work.bytes);
  }
  xgrad::detail::write_file("profiler", path, json + "\n]}\n");
}

}  // namespace xgrad::profiler
