// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/allocation_probe.hpp>
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/nn/module/summary.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace newtape::nn {
namespace {

std::int64_t bytes_of(const auto& cell) {
  return cell.value().size() * static_cast<std::int64_t>(item_size(cell.dtype()));
}

/// The layer that a module belongs to: the module itself, or the one whose parametrization it is part of.
std::string layer_path(const std::string& path) {
  const std::string container = "parametrizations";
  for (std::size_t at = 0; (at = path.find(container, at)) != std::string::npos; at += container.size()) {
    const auto end = at + container.size();
    if ((at == 0 || path[at - 1] == '.') && (end == path.size() || path[end] == '.')) {
      return path.substr(0, at == 0 ? 0 : at - 1);
    }
  }
  return path;
}

/// The module's own members among those that it names: not of child modules.
template <class Named>
Named own_members(const Named& named, const ModuleBase& module) {
  Named result;
  const auto children = module.children();
  for (const auto& member : named) {
    const bool below = std::any_of(children.begin(), children.end(),
                                   [&](const auto& child) { return member.first.starts_with(child.first + "."); });
    if (!below) result.push_back(member);
  }
  return result;
}

/// 1234567 as 1,234,567.
std::string grouped(std::int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

/// Removes hooks at the end of a pass.
struct Observers {
  explicit Observers(const std::vector<std::pair<std::string, ModuleBase>>& modules) {
    hooks.reserve(2 * modules.size());
  }
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;
  ~Observers() {
    for (auto& hook : hooks) hook.remove();
  }
  std::vector<ModuleHook> hooks;
};

/// Restores training modes.
struct Modes {
  explicit Modes(const std::vector<std::pair<std::string, ModuleBase>>& all) : modules(all) {
    for (const auto& m : modules) modes.push_back(m.second.is_training());
  }
  Modes(const Modes&) = delete;
  Modes& operator=(const Modes&) = delete;
  ~Modes() {
    // Parents come first: train() sets all modules below, which are then set individually.
    for (std::size_t i = 0; i < modules.size(); ++i) modules[i].second.train(modes[i]);
  }
  const std::vector<std::pair<std::string, ModuleBase>>& modules;
  std::vector<bool> modes;
};

/// What a pass measures, at one moment.
struct Reading {
  std::int64_t multiply_adds = newtape::detail::multiply_adds;
  std::int64_t live_bytes = static_cast<std::int64_t>(allocator::stats().live_bytes);
  std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
};

/// Follows the most that is allocated for arrays on this thread, call by call.
class PeakMeter {
 public:
  PeakMeter() : before_(std::exchange(newtape::detail::allocation_probe, &probe_)) {
    probe_.timed = false;
    probe_.tracks_peak = true;
    take();
  }
  ~PeakMeter() { newtape::detail::allocation_probe = before_; }
  PeakMeter(const PeakMeter&) = delete;
  PeakMeter& operator=(const PeakMeter&) = delete;

  /// The most since it was asked last, or at least what is allocated now.
  std::int64_t take() {
    const auto now = allocator::stats().live_bytes;
    return static_cast<std::int64_t>(std::max(now, std::exchange(probe_.peak_bytes, now)));
  }

 private:
  newtape::detail::AllocationProbe probe_{};
  newtape::detail::AllocationProbe* before_;
};

/// An active call of a module.
struct Call {
  std::size_t layer;
  std::int64_t peak = 0;  ///< bytes allocated, until the last look
  Reading start{};
  Reading below{0, 0, {}};  ///< sums over calls of other modules inside this one; time since the epoch
};

/// Adds the differences of a call, without those of calls inside it, to `layer`; with all of them to the call around it.
using Measure = void (*)(Summary::Layer& layer, const Reading& own);

/// What else a pass looks at.
struct LooksAt {
  bool shapes = false;
  bool peaks = false;
};

/// Runs `forward`, and `measure` for each call of a module. Modules of parametrizations belong to their layer.
void run_pass(const std::vector<std::pair<std::string, ModuleBase>>& modules, const std::vector<std::size_t>& layer_of,
              Summary& result, Measure measure, LooksAt looks_at, const std::function<void()>& forward) {
  std::vector<Call> calls;
  std::optional<PeakMeter> meter;
  if (looks_at.peaks) meter.emplace();
  std::int64_t peak_of_pass = 0;
  const std::int64_t at_start = Reading().live_bytes;
  const auto look = [&] {
    if (!meter) return;
    const auto peak = meter->take();
    peak_of_pass = std::max(peak_of_pass, peak);
    if (!calls.empty()) calls.back().peak = std::max(calls.back().peak, peak);
  };
  Observers observers(modules);
  for (std::size_t i = 0; i < modules.size(); ++i) {
    // A module that has two paths counts at the first.
    if (std::any_of(modules.begin(), modules.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const auto& m) { return m.second == modules[i].second; })) {
      continue;
    }
    observers.hooks.push_back(modules[i].second.register_forward_pre_hook(
        [&, layer = layer_of[i]](const ModuleBase&, std::span<const Tensor>) {
          look();
          calls.push_back({layer});
        }));
    const bool is_layer = result.layers[layer_of[i]].path == modules[i].first;
    observers.hooks.push_back(modules[i].second.register_forward_hook(
        [&, is_layer](const ModuleBase&, std::span<const Tensor>, const Tensor& output) {
          const Reading end;
          look();
          const Call call = calls.back();
          calls.pop_back();
          auto& peak = result.layers[call.layer].peak_bytes;
          if (meter) peak = std::max(peak, call.peak - call.start.live_bytes);
          const auto all = end.time - call.start.time;
          const Reading whole{end.multiply_adds - call.start.multiply_adds, end.live_bytes - call.start.live_bytes,
                              std::chrono::steady_clock::time_point(all)};
          measure(result.layers[call.layer],
                  {whole.multiply_adds - call.below.multiply_adds, whole.live_bytes - call.below.live_bytes,
                   std::chrono::steady_clock::time_point(all - call.below.time.time_since_epoch())});
          if (looks_at.shapes && is_layer && output.defined())
            result.layers[call.layer].outputs.push_back(output.shape());
          if (!calls.empty()) {
            calls.back().below.multiply_adds += whole.multiply_adds;
            calls.back().below.live_bytes += whole.live_bytes;
            calls.back().below.time += all;
            calls.back().peak = std::max(calls.back().peak, call.peak);
          }
          return Tensor();
        }));
  }
  forward();
  look();
  if (meter) result.peak_bytes = peak_of_pass - at_start;
}

/// Layers with their parameters and buffers; each cell counts once.
std::vector<std::size_t> list_layers(const std::vector<std::pair<std::string, ModuleBase>>& modules, Summary& result) {
  std::vector<std::size_t> layer_of;
  std::vector<Parameter> parameters;
  std::vector<Buffer> buffers;
  const auto first_time = [](auto& seen, const auto& cell) {
    if (std::find(seen.begin(), seen.end(), cell) != seen.end()) return false;
    seen.push_back(cell);
    return true;
  };
  for (const auto& [path, m] : modules) {
    const std::string owner = layer_path(path);
    auto at = std::find_if(result.layers.begin(), result.layers.end(), [&](const auto& l) { return l.path == owner; });
    if (at == result.layers.end()) {
      Summary::Layer layer;
      layer.path = owner;
      layer.type = m.type();
      at = result.layers.insert(at, std::move(layer));
    }
    layer_of.push_back(static_cast<std::size_t>(at - result.layers.begin()));
    for (const auto& [name, p] : own_members(m.named_parameters(), m)) {
      if (first_time(parameters, p)) {
        at->parameters += p.size();
        at->trainable += p.requires_grad() ? p.size() : 0;
        at->bytes += bytes_of(p);
      } else {
        at->shared += p.size();
      }
    }
    for (const auto& [name, b] : own_members(m.named_buffers(), m)) {
      if (first_time(buffers, b)) at->bytes += bytes_of(b);
    }
  }
  return layer_of;
}

}  // namespace

Summary summary(const ModuleBase& model, const std::function<void()>& forward, const SummaryOptions& options) {
  Summary result;
  const auto modules = model.named_modules();
  const auto layer_of = list_layers(modules, result);
  for (const auto& layer : result.layers) {
    result.parameters += layer.parameters;
    result.trainable += layer.trainable;
    result.bytes += layer.bytes;
  }

  const Modes modes(modules);
  model.eval();
  const auto count = [](Summary::Layer& layer, const Reading& own) { layer.multiply_adds += own.multiply_adds; };
  const auto time = [](Summary::Layer& layer, const Reading& own) {
    layer.seconds += std::chrono::duration<double>(own.time.time_since_epoch()).count();
  };
  const auto keep = [](Summary::Layer& layer, const Reading& own) { layer.kept_bytes += own.live_bytes; };
  {
    const NoGrad off;
    const Reading start;
    run_pass(modules, layer_of, result, count, {.shapes = true}, forward);
    result.multiply_adds = newtape::detail::multiply_adds - start.multiply_adds;
    if (options.measure) run_pass(modules, layer_of, result, time, {}, forward);
  }
  if (options.measure) {
    const GradMode on(true);
    run_pass(modules, layer_of, result, keep, {.peaks = true}, forward);
    for (auto& layer : result.layers) {
      result.seconds += layer.seconds;
      result.kept_bytes += layer.kept_bytes;
      // A container frees the results that its layers hand on.
      layer.kept_bytes = std::max<std::int64_t>(layer.kept_bytes, 0);
    }
  }
  return result;
}

namespace {

/// 1536 as "1.5 KB".
std::string bytes_text(std::int64_t bytes) {
  constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; std::abs(size) >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
  return fmt::format("{:.{}f} {}", size, unit == 0 ? 0 : 1, units[unit]);
}

/// 0.00123 as "1.23 ms".
std::string seconds_text(double seconds) {
  return seconds < 1e-3 ? fmt::format("{:.1f} us", 1e6 * seconds)
         : seconds < 1  ? fmt::format("{:.2f} ms", 1e3 * seconds)
                        : fmt::format("{:.2f} s", seconds);
}

std::vector<std::string> table_row(const Summary::Layer& layer, bool measured) {
  const auto depth = std::count(layer.path.begin(), layer.path.end(), '.') + (layer.path.empty() ? 0 : 1);
  const std::string name = layer.path.substr(layer.path.rfind('.') + 1);
  std::string shape;
  if (!layer.outputs.empty()) shape = newtape::to_string(layer.outputs.front());
  if (layer.outputs.size() > 1) shape += fmt::format(" x{}", layer.outputs.size());
  std::string count = layer.parameters == 0 ? "" : grouped(layer.parameters);
  if (layer.trainable < layer.parameters) count += layer.trainable == 0 ? " frozen" : " part frozen";
  if (layer.shared > 0) count += (count.empty() ? "" : " + ") + grouped(layer.shared) + " shared";
  const auto or_none = [](std::int64_t n) { return n == 0 ? std::string("-") : grouped(n); };
  std::vector<std::string> row{
      std::string(2 * static_cast<std::size_t>(depth), ' ') + (name.empty() ? "" : name + ": ") + layer.type, shape,
      count.empty() ? "-" : count, or_none(layer.bytes), or_none(layer.multiply_adds)};
  if (measured) {
    row.push_back(layer.outputs.empty() ? "-" : seconds_text(layer.seconds));
    row.push_back(layer.kept_bytes == 0 ? "-" : bytes_text(layer.kept_bytes));
    row.push_back(layer.peak_bytes == 0 ? "-" : bytes_text(layer.peak_bytes));
  }
  return row;
}

}  // namespace

std::string Summary::to_string() const {
  const bool measured = seconds > 0;
  std::vector<std::vector<std::string>> table{{"layer", "output shape", "parameters", "bytes", "multiply-adds"}};
  if (measured) table[0].insert(table[0].end(), {"time", "kept for backward", "peak"});
  for (const auto& layer : layers) table.push_back(table_row(layer, measured));
  table.push_back({"total", "",
                   grouped(parameters) + (trainable < parameters ? " (" + grouped(trainable) + " trainable)" : ""),
                   grouped(bytes), grouped(multiply_adds)});
  if (measured)
    table.back().insert(table.back().end(), {seconds_text(seconds), bytes_text(kept_bytes), bytes_text(peak_bytes)});
  std::vector<std::size_t> width(table[0].size());
  for (const auto& row : table) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::size_t whole = 2 * (width.size() - 1);
  for (const auto w : width) whole += w;
  std::string text;
  for (std::size_t r = 0; r < table.size(); ++r) {
    if (r == 1 || r + 1 == table.size()) text += std::string(whole, '-') + "\n";
    for (std::size_t c = 0; c < width.size(); ++c) {
      const std::string padding(width[c] - table[r][c].size(), ' ');
      text += (c == 0 ? "" : "  ") + (c < 2 ? table[r][c] + padding : padding + table[r][c]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace newtape::nn
