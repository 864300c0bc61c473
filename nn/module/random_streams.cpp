// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/random_streams.hpp>

#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

namespace newtape::nn {

namespace {

bool is_number(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void collect_names(const std::string& path, const ModuleBase& module,
                   std::vector<std::pair<std::string, ModuleBase>>& all) {
  if (std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.second == module; })) return;
  all.emplace_back(path, module);
  std::map<std::string, int> counts;  // of the types among the children at positions
  for (const auto& [name, child] : module.children()) {
    std::string key = name;
    if (is_number(name)) {
      const std::string type(child.type());
      key = type + "#" + std::to_string(counts[type]++);
    }
    collect_names(path.empty() ? key : path + "." + key, child, all);
  }
}

/// The streams of a model's calls.
class CallStreams {
 public:
  explicit CallStreams(const Generator& generator) : base_{generator.seed(), {}} {}

  void enter(const std::string& name, const ModuleBase& module) {
    if (name.empty() && !stack_.empty()) {  // the model itself: its last call ended with an exception
      default_generator() = stack_.front().before;
      stack_.clear();
    }
    const std::string key = name + (module.is_training() ? "" : " in evaluation");
    const Generator own = stream(key);
    stack_.push_back({std::exchange(default_generator(), own), {own.seed(), {}}});
  }

  void leave() {
    if (stack_.empty()) return;
    default_generator() = stack_.back().before;
    stack_.pop_back();
  }

 private:
  /// A running call: the seed of its stream, and how often it has called which modules.
  struct Call {
    std::uint64_t seed;
    std::map<std::string, std::uint64_t> calls;
  };
  struct Frame {
    Generator before;
    Call call;
  };

  Generator stream(const std::string& key) {
    Call& parent = stack_.empty() ? base_ : stack_.back().call;
    const auto seed = default_generator().seed();
    if (newtape::detail::recomputing_checkpoint() && seed != parent.seed) {
      // The call that contained the checkpoint is over; the restored generator has its seed.
      if (seed == outside_ || repeated_.count(key) != 0) {
        raise<ValueError>("use_random_streams: it is unknown which call of a module a checkpoint recomputes",
                          "a checkpoint within the forward of the model, which calls the module once", key);
      }
      return Generator(seed).fork(key).fork(0);
    }
    if (stack_.empty()) outside_ = seed;
    const auto count = parent.calls[key]++;
    if (count > 0 && !stack_.empty()) repeated_.insert(key);
    return Generator(parent.seed).fork(key).fork(count);
  }

  Call base_;
  std::uint64_t outside_ = 0;  ///< seed of the default generator around calls of the model
  std::vector<Frame> stack_;
  std::set<std::string> repeated_;  ///< modules that a parent has called more than once
};

}  // namespace

std::vector<std::pair<std::string, ModuleBase>> stream_names(const ModuleBase& model) {
  std::vector<std::pair<std::string, ModuleBase>> all;
  collect_names("", model, all);
  return all;
}

std::vector<std::string> redraw_initial_values(const ModuleBase& model, const Generator& generator) {
  auto* recorded = RecordDraws::current();
  std::vector<std::string> others;
  std::vector<Parameter> done;
  for (const auto& [path, module] : stream_names(model)) {
    for (const auto& [name, parameter] : module.named_parameters()) {
      if (name.find('.') != std::string::npos) continue;  // a child's
      if (std::find(done.begin(), done.end(), parameter) != done.end()) continue;
      done.push_back(parameter);
      const std::string key = path.empty() ? name : path + "." + name;
      if (recorded != nullptr && recorded->redraw(parameter, generator.fork(key))) continue;
      const auto& value = parameter.value();
      if (value.size() > 0 && core::max(value).item() != core::min(value).item()) others.push_back(key);
    }
  }
  return others;
}

void use_random_streams(const ModuleBase& model, const Generator& generator) {
  const auto streams = std::make_shared<CallStreams>(generator);
  for (const auto& [path, module] : stream_names(model)) {
    module.register_forward_pre_hook(
        [streams, name = path](const ModuleBase& m, std::span<const Tensor>) { streams->enter(name, m); });
    module.register_forward_hook([streams](const ModuleBase&, std::span<const Tensor>, const Tensor&) {
      streams->leave();
      return Tensor();
    });
  }
}

}  // namespace newtape::nn
