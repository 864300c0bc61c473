// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/nn/module/summary.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace newtape::nn {
namespace {

std::int64_t bytes_of(const auto& cell) {
  return cell.value().size() * static_cast<std::int64_t>(item_size(cell.dtype()));
}

/// The module's own members, without those of modules below it.
std::vector<std::pair<std::string, Parameter>> own(const std::vector<std::pair<std::string, Parameter>>& named) {
  std::vector<std::pair<std::string, Parameter>> result;
  std::copy_if(named.begin(), named.end(), std::back_inserter(result),
               [](const auto& p) { return p.first.find('.') == std::string::npos; });
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

/// Removes hooks and restores training modes at the end of the pass.
struct Observers {
  explicit Observers(const std::vector<std::pair<std::string, ModuleBase>>& all) : modules(all) {
    for (const auto& m : modules) modes.push_back(m.second.is_training());
  }
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;
  ~Observers() {
    for (auto& hook : hooks) hook.remove();
    // Parents come first: train() sets all modules below, which are then set individually.
    for (std::size_t i = 0; i < modules.size(); ++i) modules[i].second.train(modes[i]);
  }

  const std::vector<std::pair<std::string, ModuleBase>>& modules;
  std::vector<bool> modes;
  std::vector<ModuleHook> hooks;
};

/// An active call of a module.
struct Call {
  std::size_t layer;
  std::int64_t start;      ///< counter at the beginning of the call
  std::int64_t below = 0;  ///< multiply-adds in calls of other modules inside this one
};

}  // namespace

Summary summary(const ModuleBase& model, const std::function<void()>& forward) {
  Summary result;
  const auto modules = model.named_modules();
  for (const auto& [path, m] : modules) {
    Summary::Layer layer;
    layer.path = path;
    layer.type = m.type();
    for (const auto& [name, p] : own(m.named_parameters())) {
      layer.parameters += p.size();
      layer.trainable += p.requires_grad() ? p.size() : 0;
      layer.bytes += bytes_of(p);
    }
    for (const auto& [name, b] : m.named_buffers()) {
      if (name.find('.') == std::string::npos) layer.bytes += bytes_of(b);
    }
    result.layers.push_back(std::move(layer));
  }
  for (const auto& p : model.parameters()) {
    result.parameters += p.size();
    result.trainable += p.requires_grad() ? p.size() : 0;
    result.bytes += bytes_of(p);
  }
  for (const auto& b : model.buffers()) result.bytes += bytes_of(b);

  std::vector<Call> calls;
  Observers observers(modules);
  for (std::size_t i = 0; i < modules.size(); ++i) {
    observers.hooks.push_back(
        modules[i].second.register_forward_pre_hook([&calls, i](const ModuleBase&, std::span<const Tensor>) {
          calls.push_back({i, newtape::detail::multiply_adds});
        }));
    observers.hooks.push_back(modules[i].second.register_forward_hook(
        [&, i](const ModuleBase&, std::span<const Tensor>, const Tensor& output) {
          const auto all = newtape::detail::multiply_adds - calls.back().start;
          result.layers[i].multiply_adds += all - calls.back().below;
          if (output.defined()) result.layers[i].outputs.push_back(output.shape());
          calls.pop_back();
          if (!calls.empty()) calls.back().below += all;
          return Tensor();
        }));
  }
  const NoGrad off;
  model.eval();
  const auto start = newtape::detail::multiply_adds;
  forward();
  result.multiply_adds = newtape::detail::multiply_adds - start;
  return result;
}

std::string Summary::to_string() const {
  std::vector<std::array<std::string, 5>> table{{"layer", "output shape", "parameters", "bytes", "multiply-adds"}};
  for (const auto& layer : layers) {
    const auto depth = std::count(layer.path.begin(), layer.path.end(), '.') + (layer.path.empty() ? 0 : 1);
    const std::string name = layer.path.substr(layer.path.rfind('.') + 1);
    std::string shape;
    if (!layer.outputs.empty()) shape = newtape::to_string(layer.outputs.front());
    if (layer.outputs.size() > 1) shape += fmt::format(" x{}", layer.outputs.size());
    std::string count = grouped(layer.parameters);
    if (layer.trainable < layer.parameters) count += layer.trainable == 0 ? " frozen" : " part frozen";
    const auto or_none = [](std::int64_t n) { return n == 0 ? std::string("-") : grouped(n); };
    table.push_back(
        {std::string(2 * static_cast<std::size_t>(depth), ' ') + (name.empty() ? "" : name + ": ") + layer.type, shape,
         layer.parameters == 0 ? "-" : count, or_none(layer.bytes), or_none(layer.multiply_adds)});
  }
  table.push_back({"total", "",
                   grouped(parameters) + (trainable < parameters ? " (" + grouped(trainable) + " trainable)" : ""),
                   grouped(bytes), grouped(multiply_adds)});
  std::array<std::size_t, 5> width{};
  for (const auto& row : table) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::size_t whole = 2 * (width.size() - 1);
  for (const auto w : width) whole += w;
  std::string text;
  for (std::size_t r = 0; r < table.size(); ++r) {
    if (r == 1 || r + 1 == table.size()) text += std::string(whole, '-') + "\n";
    const auto& row = table[r];
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}  {:>{}}\n", row[0], width[0], row[1], width[1], row[2],
                        width[2], row[3], width[3], row[4], width[4]);
  }
  return text;
}

}  // namespace newtape::nn
