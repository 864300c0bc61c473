// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/inspect/profile/recording.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace newtape::inspect::detail {

/// Passes what happens on the thread to the recording.
class ProfileRecording::Observer final : public OpObserver {
 public:
  explicit Observer(ProfileRecording& to) : to_(to) {}
  void on_op(const Op& op, SourceLocation location, const Array&) noexcept override {
    to_.leave_sweep();
    const auto layer = to_.layer_stack_.empty() ? 0 : to_.layer_stack_.back().layer;
    to_.count(op, layer, ProfileKind::forward, to_.probe_.count > 0 ? to_.probe_.first : to_.last_, location);
  }
  void on_pullback_begin(const Op&, SourceLocation) noexcept override {
    // The next pullback of a sweep begins where the one before ended.
    if (!to_.in_sweep_) to_.restart();
    to_.in_sweep_ = true;
    to_.probe_.timed = false;
  }
  void on_pullback_end(const Op& op, SourceLocation location) noexcept override {
    to_.count(op, to_.backward_layer_, ProfileKind::backward, to_.last_, location);
  }

 private:
  ProfileRecording& to_;
};

ProfileRecording::ProfileRecording(const ProfilerOptions& options)
    : options_(options), probe_before_(std::exchange(newtape::detail::allocation_probe, &probe_)) {
  // Memory that is not written yet costs nothing, and growing would copy events in the midst of a measurement.
  events.reserve(static_cast<std::size_t>(std::clamp<std::int64_t>(options.max_events, 0, 1 << 20)));
  begin_nanoseconds = newtape::detail::steady_nanoseconds();
  begin = last_ = newtape::detail::ticks();
  observer_ = std::make_unique<Observer>(*this);
}

ProfileRecording::~ProfileRecording() { stop(); }

void ProfileRecording::stop() noexcept {
  if (!std::exchange(running, false)) return;
  end = newtape::detail::ticks();
  observer_ = {};
  newtape::detail::allocation_probe = probe_before_;
  for (auto& hook : hooks_) hook.remove();
}

/// Counts what happened from `start` until now.
void ProfileRecording::count(const Op& op, std::int32_t layer, ProfileKind kind, ProfileTime start,
                             SourceLocation location) noexcept {
  // The counters of two processors may differ by a few ticks.
  const auto now = std::max(newtape::detail::ticks(), start);
  const auto name = index_of(op);
  const auto seconds = static_cast<double>(now - start);
  const auto multiply_adds = newtape::detail::multiply_adds - multiply_adds_before_;
  for (ProfileEntry* const e : {&ops[name], &layers[static_cast<std::size_t>(layer)]}) {
    e->calls += kind == ProfileKind::forward ? 1 : 0;
    (kind == ProfileKind::forward ? e->seconds : e->backward_seconds) += seconds;
    e->bytes += probe_.bytes;
    e->multiply_adds += multiply_adds;
  }
  add_event({kind, static_cast<std::int32_t>(name), layer, start, now, probe_.bytes, multiply_adds, location});
  clear(now);
}

void ProfileRecording::add_event(const ProfileEvent& event) noexcept {
  if (std::ssize(events) < options_.max_events) {
    try {
      events.push_back(event);
      return;
    } catch (const std::bad_alloc&) {  // counted below
    }
  }
  ++dropped;
}

void ProfileRecording::leave_sweep() noexcept {
  backward_layer_ = 0;
  in_sweep_ = false;
  probe_.timed = true;
}

void ProfileRecording::restart() noexcept { clear(std::max(newtape::detail::ticks(), last_)); }

void ProfileRecording::clear(ProfileTime now) noexcept {
  last_ = now;
  probe_.clear();
  multiply_adds_before_ = newtape::detail::multiply_adds;
}

std::size_t ProfileRecording::index_of(const Op& op) noexcept {
  const auto find = [&](const Op* wanted) {
    auto at = (reinterpret_cast<std::uintptr_t>(wanted) >> 4) % op_index_.size();
    while (op_index_[at].first != nullptr && op_index_[at].first != wanted) at = (at + 1) % op_index_.size();
    return at;
  };
  auto at = find(&op);
  if (op_index_[at].first != nullptr) return op_index_[at].second;
  try {
    if (2 * (indexed_ + 1) > op_index_.size()) {
      auto before = std::vector<std::pair<const Op*, std::size_t>>(2 * op_index_.size());
      before.swap(op_index_);
      for (const auto& entry : before) {
        if (entry.first != nullptr) op_index_[find(entry.first)] = entry;
      }
      at = find(&op);
    }
    ops.push_back({op.name()});
  } catch (const std::bad_alloc&) {
    return 0;
  }
  op_index_[at] = {&op, ops.size() - 1};
  ++indexed_;
  return ops.size() - 1;
}

double ProfileRecording::seconds_per_tick() const noexcept {
  if (running) return scale_.seconds_per_tick();
  if (final_scale_ == 0) final_scale_ = scale_.seconds_per_tick();  // the same for all that is asked
  return final_scale_;
}

double ProfileRecording::seconds() const noexcept {
  return static_cast<double>((running ? newtape::detail::ticks() : end) - begin) * seconds_per_tick();
}

std::vector<ProfileEntry> ProfileRecording::entries(const std::vector<ProfileEntry>& of) const {
  auto all = of;
  const double unit = seconds_per_tick();
  for (auto& e : all) e.seconds *= unit, e.backward_seconds *= unit;
  return all;
}

void ProfileRecording::add_range(std::string name, ProfileTime start) {
  if (!running) return;
  auto at = std::find(ranges.begin(), ranges.end(), name);
  if (at == ranges.end()) at = ranges.insert(at, std::move(name));
  restart();
  add_event({ProfileKind::range, static_cast<std::int32_t>(at - ranges.begin()), 0, start, last_, 0, 0, {}});
}

void ProfileRecording::enter_layer(std::int32_t layer) {
  // A layer that is still active was left by an exception, as were those inside it.
  const auto stale = std::find_if(layer_stack_.begin(), layer_stack_.end(), [&](auto& l) { return l.layer == layer; });
  layer_stack_.erase(stale, layer_stack_.end());
  leave_sweep();
  restart();
  layer_stack_.push_back({layer, last_});
}

void ProfileRecording::leave_layer(std::int32_t layer, const Tensor& output) {
  while (!layer_stack_.empty() && layer_stack_.back().layer != layer) layer_stack_.pop_back();
  if (layer_stack_.empty()) return;
  add_event({ProfileKind::layer, layer, layer, layer_stack_.back().start, last_, 0, 0, {}});
  layer_stack_.pop_back();
  // The result of a container may be that of its last layer, to which the pullbacks before it belong.
  if (!output.defined() || !output.requires_grad() || output.is_leaf() || output.node().get() == last_result_) return;
  last_result_ = output.node().get();
  output.register_hook([self = weak_from_this(), layer](const Tensor&) {
    if (const auto recording = self.lock()) recording->backward_layer_ = layer;
    return Tensor();
  });
}

void ProfileRecording::watch(const nn::ModuleBase& model) {
  std::vector<nn::ModuleBase> seen;
  for (const auto& [path, module] : model.named_modules()) {
    if (std::find(seen.begin(), seen.end(), module) != seen.end()) continue;
    seen.push_back(module);
    const auto layer = static_cast<std::int32_t>(layers.size());
    layers.push_back({path.empty() ? std::string(module.type()) : path});
    // `stop` removes these hooks, so that they may hold this pointer. They are copied at every call, without an
    // allocation as they are small.
    hooks_.push_back(module.register_forward_pre_hook(
        [this, layer](const nn::ModuleBase&, std::span<const Tensor>) { enter_layer(layer); }));
    hooks_.push_back(module.register_forward_hook(
        [this, layer](const nn::ModuleBase&, std::span<const Tensor>, const Tensor& output) {
          leave_layer(layer, output);
          return Tensor();
        }));
  }
  restart();
}

}  // namespace newtape::inspect::detail
