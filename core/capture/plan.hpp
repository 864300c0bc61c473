// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/block_program.hpp>
#include <newtape/core/fuse/call_forms.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/kernels/slope_pairs.hpp>
#include <newtape/core/runtime/allocation_placement.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A list of calls on planned memory, recorded by PlanRecorder and executed without allocation of its own.
namespace newtape::core {

/// One block of memory that calls of a plan read and write.
struct PlanMemory {
  enum Kind : std::uint8_t {
    scratch,     ///< in the plan's arena, or in memory of the last two kinds before that is written
    input,       ///< an argument, bound at each run
    state,       ///< of a parameter, a buffer or a gradient, bound at each run and after each host call
    constant,    ///< an array that does not change
    next_state,  ///< of the array that becomes the state, bound at each run
    result,      ///< of a result, bound at each run
  };
  Kind kind;
  DType dtype;
  std::int64_t size;             ///< in elements
  int index = -1;                ///< of the input, state or result
  Array held = {};               ///< the array of a constant
  bool defined = true;           ///< false until a recorded call has written it
  bool written_on_host = false;  ///< while it was not defined
  int first = -1, last = -1;     ///< the steps that use it
  int replaced_from = 0;         ///< of a next state: number of the step from which the present value is not needed
  int region = -1;               ///< the block in which scratch memory lies; -1: the arena
  std::int64_t offset = 0;       ///< in bytes, in the region
  std::byte* base = nullptr;

  std::int64_t bytes() const { return size * static_cast<std::int64_t>(item_size(dtype)); }
};

/// An array within a block of memory.
struct PlanOperand {
  int memory = -1;          ///< -1: undefined
  std::int64_t offset = 0;  ///< in elements
  DType dtype = f32;
  Shape shape = {};
  Strides strides = {};

  bool is_contiguous() const;
};

/// Whether one of the operands lies on the block.
inline bool any_on(const std::vector<PlanOperand>& list, int memory) {
  return std::any_of(list.begin(), list.end(), [memory](const PlanOperand& x) { return x.memory == memory; });
}

/// A kernel call of a fused step. Ids: the step's operands, then the results of the calls, in their order.
struct FusedCall {
  std::string op;
  Step call;
  DType dtype;
  int out = -1;  ///< the number of the step's result that it writes; -1: none
};

/// One call, or several kernel calls on elements of one shape.
struct PlanStep {
  enum Kind : std::uint8_t { elementwise, fused, paired, computed, written, recorded, updated, drawn, decided, host };
  Kind kind;
  std::string op;
  std::vector<PlanOperand> in, out;
  kernels::Kernel kernel = nullptr;
  std::vector<FusedCall> calls = {};
  kernels::SlopePair pair = nullptr;
  CallRecorder::Compute compute = {};
  CallRecorder::Call call = {};  ///< also of a draw
  /// Of a call: the number of the allocation that becomes each result, -1 for one that is copied, and the sizes.
  std::vector<std::int64_t> allocations = {};
  CallRecorder::Update update = {};               ///< also of a written step: these only write their targets
  std::shared_ptr<const Residual> residual = {};  ///< of a recorded call
  CallRecorder::Test test = {};
  bool expected = false;
  Generator* generator = nullptr;
  std::function<void(Operands in)> host_call = {};
  int state = -1;          ///< that a host call stores
  int number = 0;          ///< in the recording
  bool preserves = false;  ///< copies a state before it is written

  /// Calls of kernels and of functions that write a given array: these raise no errors, and can be left out.
  bool is_kernel() const {
    return kind == elementwise || kind == fused || kind == paired || kind == computed || kind == written;
  }
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

  /// A state whose next value may be computed in memory that it has afterwards, instead of being copied there.
  struct Replaceable {
    int state;
    int from;  ///< number of the step from which its present value is not needed
  };
  /// Removes calls that need not be made, joins chains of kernels, and lays out the memory. Call once, after the last
  /// step.
  void finish(const std::vector<Replaceable>& states);
  bool finished() const noexcept { return finished_; }

  /// Sets the address of an input, a state, a result or a next state.
  void bind(int memory, void* base);
  /// Whether a call reads or writes the block, or a result is on it.
  bool is_used(int memory) const {
    return !users_[static_cast<std::size_t>(memory)].empty() ||
           std::any_of(kept_.begin(), kept_.end(), [memory](const PlanOperand& y) { return y.memory == memory; });
  }
  /// Whether the block has one value throughout a run, given how often each block is written.
  bool has_one_value(int memory, const std::vector<int>& writes) const;
  /// Blocks of the kinds `result` and `next_state`, to be bound before each run.
  const std::vector<int>& fresh() const noexcept { return fresh_; }
  /// Whether the last run has written to the block, or to what lies in it.
  bool has_written(int memory) const {
    return memories_[static_cast<std::size_t>(memory)].first <= position_ ||
           !residents_[static_cast<std::size_t>(memory)].empty();
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
  /// The most scratch memory that is in use at a time: no arena without other memory could be smaller.
  std::int64_t live_bytes() const noexcept { return live_bytes_; }
  /// Of arrays that were computed when the function was recorded.
  std::int64_t constant_bytes() const noexcept { return constant_bytes_; }
  /// Results that are written over an operand.
  int overwritten() const noexcept { return overwritten_; }

 private:
  /// A step in the form in which it is executed.
  struct Action {
    kernels::Kernel kernel = nullptr;  ///< called directly if set, `repeats` times
    unsigned scalars = 0;
    std::int64_t n = 0, repeats = 1;
    const std::byte* sources[max_operands] = {};
    std::byte* target = nullptr;
    std::int64_t steps[max_operands] = {}, target_step = 0;  ///< bytes from one repetition to the next
    std::optional<BlockProgram> program;
    std::vector<Array> in, out;
    std::vector<const Array*> in_list;
    std::vector<Array*> out_list;
    newtape::detail::AllocationPlacement placement;
    std::vector<newtape::detail::AllocationPlacement::Block> wanted;
  };

  /// How often each block is written by a step.
  std::vector<int> count_writes() const;
  /// A constant of f32 or f64.
  PlanOperand constant_number(DType dtype, double value);
  void simplify();
  void fold_constants();
  void spread_constants();
  void join_equal_calls();
  /// Whether a call was changed.
  bool share_slopes();
  void drop_unread_results();
  void use_residuals();
  void fuse_chains();
  /// The plan with masks in the place of operands of pullbacks of relu, where it could be smaller.
  std::optional<CallPlan> with_masks() const;
  void place(const std::vector<Replaceable>& states);
  void find_lifetimes();
  void find_fresh(const std::vector<Replaceable>& states);
  bool can_be_next_state(const PlanMemory& m, int memory, std::size_t store, int replaced_from) const;
  void overwrite_operands();
  void lay_out();
  void find_users();
  void prepare(std::size_t step);
  void choose_kernel_call(const PlanStep& step, Action& action) const;
  void make_program(const PlanStep& step, Action& action) const;
  void set_addresses(const PlanStep& step, Action& action) const;
  std::byte* address(const PlanOperand& x) const;
  void set_base(std::size_t memory, std::byte* base);
  bool execute(const PlanStep& step, Action& action);
  bool call_again(const PlanStep& step, Action& action);

  std::vector<PlanMemory> memories_;
  std::vector<Array> roots_;  ///< of each memory, flat
  std::vector<PlanStep> steps_;
  std::vector<Action> actions_;
  std::vector<PlanOperand> kept_;
  std::vector<std::vector<int>> users_;      ///< steps that use each memory
  std::vector<std::vector<int>> residents_;  ///< scratch memory in each memory
  std::vector<int> fresh_;
  Array arena_;
  std::int64_t arena_bytes_ = 0, live_bytes_ = 0, constant_bytes_ = 0;
  int overwritten_ = 0;
  int position_ = -1;  ///< the step that is executed, or was last
  std::size_t recorded_steps_ = 0;
  bool finished_ = false;
};

}  // namespace newtape::core
