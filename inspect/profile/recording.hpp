// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/core/runtime/allocation_probe.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/owner.hpp>
#include <newtape/core/runtime/tick_clock.hpp>
#include <newtape/inspect/profile/profiler.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect::detail {

using ProfileTime = std::int64_t;  ///< ticks

enum class ProfileKind : std::uint8_t { forward, backward, layer, range };

struct ProfileEvent {
  ProfileKind kind;
  std::int32_t name;   ///< index of an operation, a layer or a range
  std::int32_t layer;  ///< index
  ProfileTime start;
  ProfileTime end;
  std::int64_t bytes;
  std::int64_t multiply_adds;
  SourceLocation location;
};

/// What a profiler records on its thread. Hooks in graphs refer to it weakly.
class ProfileRecording : public std::enable_shared_from_this<ProfileRecording> {
 public:
  explicit ProfileRecording(const ProfilerOptions& options);
  ~ProfileRecording();
  ProfileRecording(const ProfileRecording&) = delete;
  ProfileRecording& operator=(const ProfileRecording&) = delete;

  void stop() noexcept;
  /// Registers hooks on the model.
  void watch(const nn::ModuleBase& model);
  void add_range(std::string name, ProfileTime start);
  /// What was allocated before does not belong to the next operation.
  void restart() noexcept;

  /// Seconds from the construction to `stop`, or until now.
  double seconds() const noexcept;
  double seconds_per_tick() const noexcept;
  /// With their times in seconds.
  std::vector<ProfileEntry> entries(const std::vector<ProfileEntry>& of) const;

  ProfileTime begin, end{};
  std::int64_t begin_nanoseconds;  ///< of the steady clock
  bool running = true;
  // Times of these are in ticks.
  std::vector<ProfileEntry> ops{{"(other)"}};  ///< the first: those for which there was no memory
  std::vector<ProfileEntry> layers{{"-"}};     ///< the first: outside of all layers
  std::vector<std::string> ranges;
  std::vector<ProfileEvent> events;
  std::int64_t dropped = 0;  ///< events beyond the limit

 private:
  class Observer;
  struct ActiveLayer {
    std::int32_t layer;
    ProfileTime start;
  };

  void count(const Op& op, std::int32_t layer, ProfileKind kind, ProfileTime start, SourceLocation location) noexcept;
  void add_event(const ProfileEvent& event) noexcept;
  void clear(ProfileTime now) noexcept;
  void leave_sweep() noexcept;
  std::size_t index_of(const Op& op) noexcept;
  void enter_layer(std::int32_t layer);
  void leave_layer(std::int32_t layer, const Tensor& output);

  ProfilerOptions options_;
  newtape::detail::TickScale scale_;
  mutable double final_scale_ = 0;  ///< seconds of a tick, after `stop`
  newtape::detail::AllocationProbe probe_{};
  newtape::detail::AllocationProbe* probe_before_;
  std::int64_t multiply_adds_before_ = newtape::detail::multiply_adds;
  ProfileTime last_;  ///< the end of the last event
  bool in_sweep_ = false;
  /// Operations and their indices, by the address: open addressing in a table of a power of two, at most half full.
  std::vector<std::pair<const Op*, std::size_t>> op_index_ = std::vector<std::pair<const Op*, std::size_t>>(128);
  std::size_t indexed_ = 0;
  std::vector<ActiveLayer> layer_stack_;
  std::int32_t backward_layer_ = 0;
  const void* last_result_ = nullptr;  ///< the node of the last layer's result; only compared
  std::vector<nn::ModuleHook> hooks_;
  newtape::detail::Owner<Observer> observer_;
};

}  // namespace newtape::inspect::detail
