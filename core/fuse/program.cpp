// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/program.hpp>

#include <newtape/core/fuse/block_program.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/fuse/recorder.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/kernels/named_kernels.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace newtape::core {
namespace {

using kernels::Kernel;

/// Marks the values that `wanted` depends on; operands precede their results.
template <class StepOf>
std::vector<bool> needed_for(std::span<const int> wanted, std::size_t count, const StepOf& step_of) {
  std::vector<bool> needed(count);
  for (const int id : wanted) needed[static_cast<std::size_t>(id)] = true;
  for (std::size_t id = count; id-- > 0;) {
    const Step* step = needed[id] ? step_of(id) : nullptr;
    for (int k = 0; step != nullptr && k < step->count; ++k) needed[static_cast<std::size_t>(step->in[k])] = true;
  }
  return needed;
}

/// How each value is obtained for given inputs: a scalar known in advance, or a kernel call per block.
class Lowered {
 public:
  Lowered(const std::vector<Value>& values, std::span<const int> wanted, std::span<const Array> inputs)
      : values_(values), inputs_(inputs), same_as_(values.size()), scalar_(values.size()), steps_(values.size()) {
    const auto needed = needed_for(wanted, values.size(), [&](std::size_t id) {
      return values[id].kind == Value::step ? &values[id].made : nullptr;
    });
    for (std::size_t id = 0; id < values.size(); ++id) {
      same_as_[id] = static_cast<int>(id);
      if (needed[id]) lower(id);
    }
  }

  /// The representative of value `id`: itself or an equal earlier value.
  int same_as(int id) const { return same_as_[static_cast<std::size_t>(id)]; }
  /// The element of a uniform value, or null.
  const std::byte* scalar(int id) const { return scalar_[static_cast<std::size_t>(id)]; }
  const Step* step(std::size_t id) const { return steps_[id].count == 0 ? nullptr : &steps_[id]; }
  DType dtype(int id) const { return values_[static_cast<std::size_t>(id)].dtype; }
  const Value& value(int id) const { return values_[static_cast<std::size_t>(id)]; }

 private:
  struct Cell {
    alignas(8) std::byte bytes[8];
  };

  void lower(std::size_t id) {
    const Value& v = values_[id];
    if (v.kind == Value::input) {
      const Array& x = inputs_[static_cast<std::size_t>(v.index)];
      if (is_uniform(x)) scalar_[id] = static_cast<const std::byte*>(x.raw());
      return;
    }
    if (v.kind == Value::constant) {
      scalar_[id] = static_cast<const std::byte*>(v.one.raw());
      return;
    }
    Step step = v.made;
    bool known = true;
    const void* in[max_operands];
    for (int k = 0; k < step.count; ++k) {
      step.in[k] = same_as(step.in[k]);
      in[k] = scalar(step.in[k]);
      known = known && in[k] != nullptr;
    }
    if (known) {
      cells_.push_back(std::make_unique<Cell>());
      step.kernel(in, cells_.back()->bytes, 1, 0);
      scalar_[id] = cells_.back()->bytes;
      return;
    }
    if (!simplify(step, v.dtype)) {
      steps_[id] = step;
    } else {
      same_as_[id] = step.in[0];
    }
  }

  /// Products with 1 and -1 (from pullbacks of sums) are replaced exactly by a copy or a negation. True if no step
  /// remains.
  bool simplify(Step& step, DType dtype) const {
    const auto t = static_cast<int>(dtype);
    if (!is_floating(dtype) || step.kernel != kernels::kernels_of<"mul">().of[t]) return false;
    for (const int k : {0, 1}) {
      const std::byte* s = scalar(step.in[k]);
      if (s == nullptr) continue;
      double factor = 0;
      if (dtype == f32) {
        float narrow = 0;
        std::memcpy(&narrow, s, sizeof narrow);
        factor = narrow;
      } else {
        std::memcpy(&factor, s, sizeof factor);
      }
      if (factor != 1 && factor != -1) continue;
      step = {kernels::kernels_of<"neg">().of[t], 1, {step.in[1 - k]}};
      return factor == 1;
    }
    return false;
  }

  const std::vector<Value>& values_;
  std::span<const Array> inputs_;
  std::vector<int> same_as_;
  std::vector<const std::byte*> scalar_;
  std::vector<Step> steps_;
  std::vector<std::unique_ptr<Cell>> cells_;
};

/// What of the values the results `wanted` need.
std::vector<BlockValue> block_values(const Lowered& lowered, std::span<const int> wanted, std::span<const Array> inputs,
                                     std::size_t count) {
  const auto needed = needed_for(wanted, count, [&](std::size_t id) { return lowered.step(id); });
  std::vector<BlockValue> all(count);
  for (std::size_t k = 0; k < count; ++k) {
    if (!needed[k]) continue;
    const int id = static_cast<int>(k);
    all[k].dtype = lowered.dtype(id);
    all[k].scalar = lowered.scalar(id);
    if (all[k].scalar != nullptr) continue;
    if (const Step* step = lowered.step(k); step != nullptr) {
      all[k].made = *step;
    } else {
      all[k].operand = inputs[static_cast<std::size_t>(lowered.value(id).index)];
    }
  }
  for (const int id : wanted) all[static_cast<std::size_t>(id)].wanted = true;
  return all;
}

/// Relative to one pass over memory.
double cost(Kernel kernel) { return kernels::is_memory_bound(kernel) ? 1 : 8; }

}  // namespace

bool is_uniform(const Array& x) noexcept {
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (x.shape()[i] != 1 && x.strides()[i] != 0) return false;
  }
  return x.size() != 0;
}

double shared_cost(const std::vector<Value>& values, std::span<const int> a, std::span<const int> b) {
  const auto step_of = [&](std::size_t id) { return values[id].kind == Value::step ? &values[id].made : nullptr; };
  const auto for_a = needed_for(a, values.size(), step_of);
  const auto for_b = needed_for(b, values.size(), step_of);
  double total = 0;
  for (std::size_t id = 0; id < values.size(); ++id) {
    if (for_a[id] && for_b[id] && step_of(id) != nullptr) total += cost(values[id].made.kernel);
  }
  return total;
}

std::vector<Array> run(const std::vector<Value>& values, std::span<const int> wanted, std::span<const Array> inputs,
                       const Shape& shape) {
  if (recorder() != nullptr) {
    const auto again = [values, ids = std::vector<int>(wanted.begin(), wanted.end()),
                        shape](std::span<const Array> all) { return run(values, ids, all, shape); };
    return record_lists("fuse", again, inputs);
  }
  const Lowered lowered(values, wanted, inputs);
  std::vector<int> ids;
  for (const int id : wanted) ids.push_back(lowered.same_as(id));
  std::vector<int> computed;
  std::vector<Array> results(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const int id = ids[i];
    const DType dtype = lowered.dtype(id);
    if (const auto* s = lowered.scalar(id); s != nullptr) {
      Array one = Array::empty({}, dtype);
      std::memcpy(one.raw(), s, item_size(dtype));
      results[i] = Array::view_of(one, shape, Strides(shape.size()));
    } else if (lowered.step(static_cast<std::size_t>(id)) == nullptr) {
      results[i] = expand(inputs[static_cast<std::size_t>(lowered.value(id).index)], shape);
    } else if (const auto same = std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i), id);
               same != ids.begin() + static_cast<std::ptrdiff_t>(i)) {
      results[i] = results[static_cast<std::size_t>(same - ids.begin())];
    } else {
      results[i] = Array::empty(shape, dtype);
      computed.push_back(id);
    }
  }
  if (computed.empty() || element_count(shape) == 0) return results;
  BlockProgram program(block_values(lowered, computed, inputs, values.size()), shape);
  for (const int id : computed) {
    program.write_to(id, results[static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin())].raw());
  }
  program.run();
  return results;
}

}  // namespace newtape::core
