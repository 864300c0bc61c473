// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/core/runtime/tick_clock.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/inspect/profile/recording.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace newtape::inspect {
namespace {

/// Sorted by time; entries without calls are left out.
std::vector<ProfileEntry> sorted_entries(std::vector<ProfileEntry> entries) {
  std::erase_if(entries, [](const auto& e) { return e.calls == 0 && e.backward_seconds == 0; });
  newtape::detail::stable_sort(entries, [](const auto& a, const auto& b) {
    return a.seconds + a.backward_seconds > b.seconds + b.backward_seconds;
  });
  return entries;
}

std::string profile_table(const std::string& title, const std::vector<ProfileEntry>& entries, double whole) {
  std::size_t width = title.size();
  for (const auto& e : entries) width = std::max(width, e.name.size());
  std::string text = fmt::format("{:<{}}  {:>8}  {:>11}  {:>11}  {:>6}  {:>10}  {:>12}\n", title, width, "calls",
                                 "forward ms", "backward ms", "share", "MB", "M mult-adds");
  for (const auto& e : entries) {
    text += fmt::format("{:<{}}  {:>8}  {:>11.3f}  {:>11.3f}  {:>5.1f}%  {:>10.2f}  {:>12.2f}\n", e.name, width,
                        e.calls, 1e3 * e.seconds, 1e3 * e.backward_seconds,
                        whole > 0 ? 100 * (e.seconds + e.backward_seconds) / whole : 0,
                        static_cast<double>(e.bytes) / 1e6, static_cast<double>(e.multiply_adds) / 1e6);
  }
  return text;
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Profiler::Profiler(const ProfilerOptions& options) : recording_(std::make_shared<detail::ProfileRecording>(options)) {}

Profiler::Profiler(const nn::ModuleBase& model, const ProfilerOptions& options) : Profiler(options) {
  recording_->watch(model);
}

Profiler::~Profiler() { stop(); }

void Profiler::stop() { recording_->stop(); }

double Profiler::seconds() const { return recording_->seconds(); }
std::vector<ProfileEntry> Profiler::by_op() const { return sorted_entries(recording_->entries(recording_->ops)); }
std::vector<ProfileEntry> Profiler::by_layer() const { return sorted_entries(recording_->entries(recording_->layers)); }

std::string Profiler::to_string() const {
  const auto ops = by_op();
  double measured = 0;
  for (const auto& e : ops) measured += e.seconds + e.backward_seconds;
  const double whole = seconds();
  std::string text = fmt::format("{:.3f} ms, of which {:.3f} ms in operations\n\n", 1e3 * whole, 1e3 * measured);
  text += profile_table("operation", ops, whole);
  if (recording_->layers.size() > 1) text += "\n" + profile_table("layer", by_layer(), whole);
  return text;
}

double Profiler::start_time() const { return 1e-9 * static_cast<double>(recording_->begin_nanoseconds); }

/// Writes the events in the order of their starts, the outer one first: so viewers nest them.
void Profiler::each_event(const TraceOptions& options, const std::function<void(const std::string&)>& write) const {
  constexpr const char* kinds[] = {"forward", "backward", "layer", "range"};
  const auto& r = *recording_;
  // Microseconds with three digits, from rounded nanoseconds: so that what is nested stays so.
  const double unit = 1e9 * r.seconds_per_tick();
  const long long later = std::llround(1e9 * (start_time() - options.origin));
  const auto nanoseconds = [&](detail::ProfileTime t) {
    return later + std::llround(static_cast<double>(t - r.begin) * unit);
  };
  const auto micro = [](long long n) { return fmt::format("{}.{:03}", n / 1000, n % 1000); };
  std::vector<std::size_t> order(r.events.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const auto& a = r.events[i];
    const auto& b = r.events[j];
    // Of equal ones a layer, which was left last, is outside.
    return a.start != b.start ? a.start < b.start : a.end != b.end ? a.end > b.end : i > j;
  });
  write(fmt::format("{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{},\"tid\":1,\"args\":{{\"name\":{}}}}}",
                    options.process, json_text(options.name)));
  for (const auto index : order) {
    const auto& e = r.events[index];
    const auto name = static_cast<std::size_t>(e.name);
    const bool op = e.kind == detail::ProfileKind::forward || e.kind == detail::ProfileKind::backward;
    const std::string& text = op                                     ? r.ops[name].name
                              : e.kind == detail::ProfileKind::layer ? r.layers[name].name
                                                                     : r.ranges[name];
    std::string args;
    if (op) {
      args = fmt::format(",\"args\":{{\"layer\":{},\"bytes\":{},\"multiply_adds\":{},\"at\":{}}}",
                         json_text(r.layers[static_cast<std::size_t>(e.layer)].name), e.bytes, e.multiply_adds,
                         json_text(newtape::to_string(e.location)));
    }
    write(fmt::format(",\n{{\"ph\":\"X\",\"cat\":\"{}\",\"name\":{},\"ts\":{},\"dur\":{},\"pid\":{},\"tid\":1{}}}",
                      kinds[static_cast<std::size_t>(e.kind)], json_text(text), micro(nanoseconds(e.start)),
                      micro(nanoseconds(e.end) - nanoseconds(e.start)), options.process, args));
  }
}

std::string Profiler::trace_events(const TraceOptions& options) const {
  std::string text;
  each_event(options, [&](const std::string& event) { text += event; });
  return text;
}

void Profiler::write_trace(const std::string& path) const {
  data::detail::Output file("Profiler::write_trace", path);
  file.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
  each_event({.origin = start_time()}, [&](const std::string& event) { file.write(event); });
  file.write(fmt::format("\n],\"otherData\":{{\"events left out\":\"{}\"}}}}\n", recording_->dropped));
  file.commit();
}

Profiler::Range::Range(Profiler& profiler, std::string name)
    : profiler_(profiler), name_(std::move(name)), start_(newtape::detail::ticks()) {}

Profiler::Range::~Range() {
  try {
    profiler_.recording_->add_range(std::move(name_), start_);
  } catch (const std::bad_alloc&) {  // one event less
  }
}

}  // namespace newtape::inspect
