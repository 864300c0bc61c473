// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A list of calls on planned memory, recorded by PlanRecorder and executed without allocation of its own.
namespace newtape::core {

/// One block of memory that calls of a plan read and write.
struct PlanMemory {
  enum Kind : std::uint8_t {
    scratch,   ///< in the plan's arena
    input,     ///< an argument, bound at each run
    state,     ///< of a parameter, a buffer or a gradient, bound at each run and after each host call
    constant,  ///< an array that does not change
  };
  Kind kind;
  DType dtype;
  std::int64_t size;             ///< in elements
  int index = -1;                ///< of the input or state
  Array held = {};               ///< the array of a constant
  bool defined = true;           ///< false until a recorded call has written it
  bool written_on_host = false;  ///< while it was not defined
  int first = -1, last = -1;     ///< the steps that use it
  std::int64_t offset = 0;       ///< in bytes, in the arena
  std::byte* base = nullptr;
};

/// An array within a block of memory.
struct PlanOperand {
  int memory = -1;          ///< -1: undefined
  std::int64_t offset = 0;  ///< in elements
  DType dtype = f32;
  Shape shape;
  Strides strides;
};

/// One call.
struct PlanStep {
  enum Kind : std::uint8_t { elementwise, computed, recorded, updated, drawn, decided, host };
  Kind kind;
  std::string op;
  std::vector<PlanOperand> in, out;
  kernels::Kernel kernel = nullptr;
  CallRecorder::Compute compute = {};
  CallRecorder::Call call = {};  ///< also of a draw
  CallRecorder::Update update = {};
  CallRecorder::Test test = {};
  bool expected = false;
  Generator* generator = nullptr;
  std::function<void(Operands in)> host_call = {};
  int state = -1;          ///< that a host call stores
  bool preserves = false;  ///< copies a state before it is written
};

class CallPlan {
 public:
  int add_memory(PlanMemory memory);
  void add_step(PlanStep step);
  /// Keeps an operand's memory until the end of a run.
  void keep(const PlanOperand& x) { kept_.push_back(x); }
  const std::vector<PlanOperand>& kept() const noexcept { return kept_; }
  /// Removes the steps that store the state, and copies of its memory. False when other steps read either.
  bool erase_state(int state, int memory);

  /// Removes calls that need not be made, and lays out the arena. Call once, after the last step.
  void finish();
  bool finished() const noexcept { return finished_; }

  /// Sets the address of an input or a state.
  void bind(int memory, void* base);
  /// Whether a call reads or writes the block, or a result is on it.
  bool is_used(int memory) const {
    return !users_[static_cast<std::size_t>(memory)].empty() ||
           std::any_of(kept_.begin(), kept_.end(), [memory](const PlanOperand& y) { return y.memory == memory; });
  }
  /// Executes the calls. False when a test of values has another result than in the recording: nothing after it was
  /// executed.
  bool run();

  /// The array of an operand, on the plan's memory: valid until the next bind of it.
  Array array(const PlanOperand& x) const;

  const std::vector<PlanStep>& steps() const noexcept { return steps_; }
  std::vector<PlanMemory>& memories() noexcept { return memories_; }
  const std::vector<PlanMemory>& memories() const noexcept { return memories_; }
  /// Before calls were removed.
  std::size_t recorded_steps() const noexcept { return recorded_steps_; }
  std::int64_t arena_bytes() const noexcept { return arena_bytes_; }
  /// The sum of all scratch memory, without reuse.
  std::int64_t scratch_bytes() const noexcept;

 private:
  /// A step in the form in which it is executed.
  struct Action {
    kernels::Kernel kernel = nullptr;  ///< called directly if set
    unsigned scalars = 0;
    std::int64_t n = 0;
    const void* sources[3] = {};
    void* target = nullptr;
    std::vector<Array> in, out;
    std::vector<const Array*> in_list;
    std::vector<Array*> out_list;
  };

  void simplify();
  void fold_constants();
  void join_equal_calls();
  void drop_unread_results();
  void find_lifetimes();
  void lay_out();
  void prepare(std::size_t step);
  void prepare_kernel(const PlanStep& step, Action& action) const;
  bool execute(const PlanStep& step, Action& action);

  std::vector<PlanMemory> memories_;
  std::vector<Array> roots_;  ///< of each memory, flat
  std::vector<PlanStep> steps_;
  std::vector<Action> actions_;
  std::vector<PlanOperand> kept_;
  std::vector<std::vector<int>> users_;  ///< steps that use each memory
  Array arena_;
  std::int64_t arena_bytes_ = 0;
  std::size_t recorded_steps_ = 0;
  bool finished_ = false;
};

}  // namespace newtape::core
