// SPDX-License-Identifier: BSD-3-Clause
// Functions that leave a residual for their pullbacks, in the place of operands and results: these need not be kept then.
#include <newtape/core/capture/plan.hpp>
#include <newtape/core/kernels/named_kernels.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

bool are_equal(const PlanOperand& a, const PlanOperand& b) {
  return a.memory == b.memory && a.offset == b.offset && a.dtype == b.dtype && a.shape == b.shape &&
         a.strides == b.strides;
}

bool is_call_of(const PlanStep& s, std::string_view name) {
  if (s.kind != PlanStep::elementwise || s.op != name) return false;
  const auto k = static_cast<std::size_t>(s.out[0].dtype);
  const auto& all = kernels::find_kernels(name).of;
  return k < std::size(all) && s.kernel == all[k];
}

const PlanOperand& operand_of(const PlanStep& function, int from) {
  return from >= 0 ? function.in[static_cast<std::size_t>(from)] : function.out[static_cast<std::size_t>(-1 - from)];
}

/// Whether the residual of `function` serves the pullback.
bool fits(const PlanStep& pullback, const PlanStep& function) {
  if (function.residual->name != pullback.residual->name) return false;
  const auto& replaced = pullback.residual->replaced;
  return std::all_of(replaced.begin(), replaced.end(), [&](const Residual::Replaced& r) {
    return are_equal(pullback.in[r.operand], operand_of(function, r.from));
  });
}

/// A function and the pullbacks that its residual serves.
struct Family {
  std::size_t function;
  std::vector<std::size_t> pullbacks;
};

class ResidualPass {
 public:
  ResidualPass(CallPlan& plan, std::vector<PlanStep>& steps, std::vector<int> writes)
      : plan_(plan), steps_(steps), writes_(std::move(writes)) {}

  void run() {
    for (const Family& f : find()) {
      const bool rectified = absorb_relu(f);
      use(f, rectified);
    }
  }

 private:
  bool has_one_value(const PlanOperand& x) const { return plan_.has_one_value(x.memory, writes_); }

  std::vector<Family> find() const {
    std::vector<Family> families;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const PlanStep& s = steps_[i];
      if (s.residual == nullptr) continue;
      if (!s.residual->is_of_pullback()) {
        const bool fixed = std::all_of(s.in.begin(), s.in.end(), [&](const auto& x) { return has_one_value(x); }) &&
                           std::all_of(s.out.begin(), s.out.end(),
                                       [&](const auto& y) { return y.is_contiguous() && has_one_value(y); });
        if (fixed) families.push_back({i, {}});
        continue;
      }
      const auto of =
          std::find_if(families.begin(), families.end(), [&](const Family& f) { return fits(s, steps_[f.function]); });
      const bool dense = std::all_of(s.out.begin(), s.out.end(), [](const auto& y) { return y.is_contiguous(); });
      if (of != families.end() && dense) of->pullbacks.push_back(i);
    }
    std::erase_if(families, [](const Family& f) { return f.pullbacks.empty(); });
    return families;
  }

  /// The steps that read the block, and the number of steps if it holds a result of the plan.
  std::vector<std::size_t> readers(int memory) const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const bool updates = steps_[i].kind == PlanStep::updated && any_on(steps_[i].out, memory);
      if (updates || any_on(steps_[i].in, memory)) all.push_back(i);
    }
    if (any_on(plan_.kept(), memory)) all.push_back(steps_.size());
    return all;
  }

  /// If the function follows a relu that nothing else needs than its own pullback, after that of the function: the function
  /// of relu is computed, and relu's pullback before that of the function, at the function's result.
  bool absorb_relu(const Family& f) {
    PlanStep& function = steps_[f.function];
    if (function.residual->write_rectified == nullptr) return false;
    const PlanOperand r = function.in[0], y = function.out[0];
    std::size_t relu = 0;
    while (relu < f.function && (steps_[relu].out.empty() || !are_equal(steps_[relu].out[0], r))) ++relu;
    if (relu == f.function || !is_call_of(steps_[relu], "relu") || !has_one_value(steps_[relu].in[0])) return false;
    if (!steps_[relu].in[0].is_contiguous() || steps_[relu].in[0].shape != r.shape) return false;
    std::vector<std::size_t> expected{f.function}, after;
    for (const std::size_t p : f.pullbacks) {
      const PlanStep& pullback = steps_[p];
      const PlanOperand& d = pullback.out[0];
      const auto readers_of_d = readers(d.memory);
      if (readers_of_d.size() != 1 || readers_of_d[0] == steps_.size() || !has_one_value(d)) return false;
      const PlanStep& next = steps_[readers_of_d[0]];
      if (!is_call_of(next, "relu_grad") || !are_equal(next.in[0], d) || !are_equal(next.in[1], r)) return false;
      if (!next.out[0].is_contiguous() || next.out[0].shape != d.shape || !has_one_value(next.out[0])) return false;
      if (pullback.in[0].shape != y.shape) return false;
      expected.push_back(p);
      expected.push_back(readers_of_d[0]);
      after.push_back(readers_of_d[0]);
    }
    std::sort(expected.begin(), expected.end());
    if (readers(r.memory) != expected) return false;
    function.in[0] = steps_[relu].in[0];
    for (std::size_t k = 0; k < f.pullbacks.size(); ++k) {
      // relu's pullback moves before that of the function, whose step takes its place.
      PlanStep& pullback = steps_[f.pullbacks[k]];
      PlanStep& of_relu = steps_[after[k]];
      const PlanOperand masked = add_block(y);
      PlanOperand result = std::exchange(of_relu.out[0], masked);
      of_relu.in = {pullback.in[0], y};
      pullback.in[0] = masked;
      pullback.out[0] = std::move(result);
      std::swap(pullback, of_relu);
      std::swap(pullback.number, of_relu.number);
      moved_.emplace_back(f.pullbacks[k], after[k]);
    }
    return true;
  }

  PlanOperand add_block(const PlanOperand& like) {
    const int memory =
        plan_.add_memory({.kind = PlanMemory::scratch, .dtype = like.dtype, .size = element_count(like.shape)});
    writes_.push_back(1);
    return {memory, 0, like.dtype, like.shape, contiguous_strides(like.shape)};
  }

  /// Where a pullback is now.
  std::size_t place_of(std::size_t pullback) const {
    for (const auto& [from, to] : moved_) {
      if (from == pullback) return to;
    }
    return pullback;
  }

  void use(const Family& f, bool rectified) {
    PlanStep& function = steps_[f.function];
    const Residual& residual = *function.residual;
    std::vector<std::size_t> pullbacks;
    for (const std::size_t p : f.pullbacks) pullbacks.push_back(place_of(p));
    function.out.push_back(add_block({-1, 0, residual.dtype, residual.shape, {}}));
    const PlanOperand left = function.out.back();
    for (const std::size_t p : pullbacks) {
      PlanStep& s = steps_[p];
      std::vector<PlanOperand> in;
      for (std::size_t k = 0; k < s.in.size(); ++k) {
        const auto is_k = [k](const Residual::Replaced& r) { return r.operand == k; };
        const auto& replaced = s.residual->replaced;
        if (std::none_of(replaced.begin(), replaced.end(), is_k)) in.push_back(s.in[k]);
      }
      in.push_back(left);
      s.in = std::move(in);
      become_written(s, s.residual->write, " from residual");
    }
    become_written(function, rectified ? residual.write_rectified : residual.write,
                   rectified ? " of relu, with residual" : " with residual");
  }

  static void become_written(PlanStep& s, Residual::Write write, const char* suffix) {
    s.kind = PlanStep::written;
    s.op += suffix;
    s.update = std::move(write);
    s.call = {};
    s.allocations.clear();
  }

  CallPlan& plan_;
  std::vector<PlanStep>& steps_;
  std::vector<int> writes_;
  std::vector<std::pair<std::size_t, std::size_t>> moved_;
};

}  // namespace

void CallPlan::use_residuals() { ResidualPass(*this, steps_, count_writes()).run(); }

}  // namespace newtape::core
