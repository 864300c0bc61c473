// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/capture/plan.hpp>

#include <newtape/core/runtime/random.hpp>

#include <map>
#include <string>
#include <utility>

/// Records the calls of this thread into a CallPlan while they are executed.
namespace newtape::core {

/// Arrays are known by the memory that they occupy: every allocation while recording, and every result of a recorded
/// call, is a block of the plan; other arrays are constants, which the plan keeps. Memory that a function wrote without
/// recording it cannot be used, nor can elements be read that another run may change: these raise ValueError, or, if
/// the recorder is `tolerant`, are noted as the reason for which the plan must not be run.
class PlanRecorder final : public CallRecorder {
 public:
  PlanRecorder(CallPlan& plan, bool tolerant) : CallRecorder(false), plan_(plan), tolerant_(tolerant) {}

  /// The function does what cannot be recorded.
  void refuse(const std::string& what);
  /// The plan must not be run, for a reason that is no error.
  void give_up(const std::string& reason);
  /// The stack frame that calls the function; objects below it are local to the function.
  void enter(const void* frame) noexcept { frame_ = reinterpret_cast<std::uintptr_t>(frame); }
  bool is_local(const void* object) const noexcept;
  /// The first of what was refused; empty if the plan is valid.
  const std::string& failure() const noexcept { return failure_; }

  /// The block of an argument.
  int add_input(const Array& x, int index);
  /// The block of a state that has the value `x` now.
  int add_state(const Array& x, int index);
  /// Before something outside of the plan writes the state's memory: a copy for the arrays that still refer to it.
  void preserve(int memory);
  /// The state is at `x` now. Arrays at the place that it left are those of the copy.
  void move_state(int memory, const Array& x);

  /// Where `x` is, for reading.
  PlanOperand operand(const Array& x);
  /// Whether `x` is an array on the block.
  bool is_on(const Array& x, int memory) const;
  /// A call that is made again as it is, on `in`.
  void add_host(std::string_view op, std::vector<PlanOperand> in, std::function<void(Operands)> call, int state = -1);
  /// Executes a function that is not recorded. Arrays that it allocates cannot be operands.
  void run_host(const std::function<void()>& call);
  /// Whether the generators are where the recorded draws left them.
  bool generators_are_known() const;
  /// Generators that were drawn from, with their states at the start.
  const std::vector<std::pair<Generator*, Generator>>& generators() const noexcept { return generators_; }

  Array elementwise(std::string_view op, kernels::Kernel kernel, Operands in, DType dtype,
                    const std::function<Array()>& run) override;
  Array computed(std::string_view op, Operands in, const std::function<Array()>& run, Compute compute) override;
  std::vector<Array> recorded(std::string_view op, Operands in, Call call) override;
  void updated(std::string_view op, std::span<Array* const> targets, Operands in, Update update) override;
  Array drawn(std::string_view op, Generator& generator, std::function<Array()> draw) override;
  bool decided(std::string_view op, Operands in, Test test) override;
  Array filled(const Shape& shape, double value, DType dtype) override;
  Array empty(const Shape& shape, DType dtype) override;
  void constant(const Array& x) override;
  void adopted(const Array& x) override;
  void accessed(const Array& x) override;

 private:
  struct Range {
    std::uintptr_t end;
    int memory;
  };
  using Ranges = std::map<std::uintptr_t, Range>;

  std::vector<PlanOperand> operands(Operands in);
  PlanOperand result(const Array& y, Operands in);
  PlanOperand target(const Array& y);
  PlanOperand place(const Array& x, int memory, std::uintptr_t start) const;
  const Range* find(const Array& x, std::uintptr_t* start) const;
  int insert(const Array& x, PlanMemory memory);
  void forget(std::uintptr_t begin, std::uintptr_t end);
  /// Runs a call with one result, and adds its step.
  Array one_result(PlanStep step, Operands in, const std::function<Array()>& run);
  Array empty_result(Array y);

  CallPlan& plan_;
  Ranges ranges_;  ///< by first address
  std::string last_op_;
  bool tolerant_;
  std::uintptr_t frame_ = 0;
  bool in_host_ = false;
  std::string failure_;
  std::vector<std::pair<Generator*, Generator>> generators_;
  std::map<int, int> copies_;        ///< of states, by their memory
  std::vector<Generator> drawn_to_;  ///< the state after the last draw of each
};

}  // namespace newtape::core
