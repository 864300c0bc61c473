// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/program.hpp>

#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/fuse/recorder.hpp>
#include <newtape/core/kernels/collapse.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/kernels/named_kernels.hpp>
#include <newtape/core/kernels/pack.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace newtape::core {
namespace {

using kernels::Kernel;

/// Total bytes of the blocks in use at a time; they should fit in the L1 cache.
constexpr std::int64_t working_set_bytes = 24576;
/// Elements of a block: smaller ones are dominated by call overhead; always a multiple of `vector_elements`.
constexpr std::int64_t min_block = 256, max_block = 1024, vector_elements = 64;
/// Padding between registers, so that they do not all start in the same cache sets.
constexpr std::int64_t padding = 64;

std::int64_t item_of(DType t) noexcept { return static_cast<std::int64_t>(item_size(t)); }

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

/// An input, viewed over the axes of the block iteration.
struct Source {
  int id;
  const std::byte* data;
  std::int64_t item;
  Strides strides;  ///< in elements, per iteration axis
  bool in_order;    ///< the elements are in the order of the results
};

struct Target {
  int id;
  std::byte* data;
  std::int64_t item;
};

struct Call {
  Step step;
  int out;
  unsigned scalars;
};

/// Copies arrays whose last axis is strided; otherwise every block would gather it element by element.
Array readable(const Array& x) {
  for (std::size_t i = x.ndim(); i-- > 0;) {
    if (x.shape()[i] != 1) return x.strides()[i] == 0 || x.strides()[i] == 1 ? x : contiguous(x);
  }
  return x;
}

/// The calls executed per block, and the buffers of their operands and results.
class Plan {
 public:
  Plan(const Lowered& lowered, std::span<const int> wanted, std::span<const Array> inputs, std::size_t values,
       const Shape& shape)
      : lowered_(lowered), register_of_(values, no_register) {
    const auto needed = needed_for(wanted, values, [&](std::size_t id) { return lowered.step(id); });
    std::vector<std::size_t> last_use(values);
    for (std::size_t id = 0; id < values; ++id) {
      if (const Step* step = lowered.step(id); needed[id] && step != nullptr) {
        for (int k = 0; k < step->count; ++k) last_use[static_cast<std::size_t>(step->in[k])] = id;
      }
    }
    for (const int id : wanted) last_use[static_cast<std::size_t>(id)] = values;

    for (std::size_t id = 0; id < values; ++id) {
      if (!needed[id] || lowered.scalar(static_cast<int>(id)) != nullptr) continue;
      const DType dtype = lowered.dtype(static_cast<int>(id));
      max_item_ = std::max(max_item_, item_of(dtype));
      if (const Step* step = lowered.step(id); step != nullptr) {
        add(*step, id, dtype, last_use[id] == values, last_use);
      } else {
        use(id, inputs[static_cast<std::size_t>(lowered.value(static_cast<int>(id)).index)]);
      }
    }
    lay_out(shape);
  }

  void write_to(int id, Array& result) {
    targets_.push_back({id, static_cast<std::byte*>(result.raw()), item_of(result.dtype())});
  }

  void run() const;

 private:
  class Prefetcher;

  static constexpr int no_register = -1;

  void use(std::size_t id, const Array& x) {
    arrays_.push_back(readable(x));
    const Array& a = arrays_.back();
    sources_.push_back({static_cast<int>(id), static_cast<const std::byte*>(a.raw()), item_of(a.dtype()), {}, false});
  }

  void add(const Step& step, std::size_t id, DType dtype, bool wanted, const std::vector<std::size_t>& last_use) {
    Call call{step, static_cast<int>(id), 0};
    std::vector<int> freed;
    for (int k = 0; k < step.count; ++k) {
      const auto in = static_cast<std::size_t>(step.in[k]);
      if (lowered_.scalar(step.in[k]) != nullptr) {
        call.scalars |= 1U << k;
      } else if (register_of_[in] != no_register && last_use[in] == id &&
                 std::find(freed.begin(), freed.end(), register_of_[in]) == freed.end()) {
        freed.push_back(register_of_[in]);
        // A kernel may write over an operand with elements of the same size.
        if (!wanted && register_of_[id] == no_register && item_of(lowered_.dtype(step.in[k])) == item_of(dtype)) {
          register_of_[id] = register_of_[in];
        }
      }
    }
    if (!wanted && register_of_[id] == no_register) {
      if (free_.empty()) free_.push_back(registers_++);
      register_of_[id] = free_.back();
      free_.pop_back();
    }
    for (const int r : freed) {
      if (r != register_of_[id]) free_.push_back(r);
    }
    calls_.push_back(call);
  }

  /// Chooses the iteration axes and the sources' strides.
  void lay_out(const Shape& shape) {
    std::vector<const Array*> arrays;
    for (const auto& x : arrays_) arrays.push_back(&x);
    std::vector<Strides> strides(arrays.size());
    loop_shape_ = kernels::collapse(shape, arrays, strides);
    const Strides in_order = contiguous_strides(loop_shape_);
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      sources_[k].strides = std::move(strides[k]);
      sources_[k].in_order = sources_[k].strides == in_order;
    }
  }

  const Lowered& lowered_;
  std::vector<Call> calls_;
  std::vector<Array> arrays_;  ///< of the sources
  std::vector<Source> sources_;
  std::vector<Target> targets_;
  std::vector<int> register_of_;  ///< register of a value
  std::vector<int> free_;
  int registers_ = 0;
  std::int64_t max_item_ = 1;
  Shape loop_shape_;
};

/// Scratch memory of one thread, from the allocator.
class Workspace {
 public:
  explicit Workspace(std::int64_t bytes)
      : bytes_(static_cast<std::size_t>(bytes)), data_(static_cast<std::byte*>(allocator::allocate(bytes_))) {}
  ~Workspace() { allocator::deallocate(data_, bytes_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  std::byte* data() const noexcept { return data_; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

/// Prefetches the inputs and outputs of the next block, a part with each call: the hardware prefetcher loses track of
/// them while the calls in between use only registers.
class Plan::Prefetcher {
 public:
  /// The next block is elements [first, first + n).
  Prefetcher(const Plan& plan, std::int64_t first, std::int64_t n) {
    std::int64_t bytes = 0;
    const auto add = [&](const std::byte* data, std::int64_t item) {
      ranges_[count_++] = {data + first * item, data + (first + n) * item};
      bytes += n * item;
    };
    if (n <= 0) return;
    for (const auto& x : plan.sources_) {
      if (x.in_order && count_ < max_ranges) add(x.data, x.item);
    }
    for (const auto& y : plan.targets_) {
      if (count_ < max_ranges) add(y.data, y.item);
    }
    part_ = bytes / static_cast<std::int64_t>(plan.calls_.size()) + line;
  }

  void fetch_some() {
    for (std::int64_t left = part_; left > 0 && count_ > 0;) {
      auto& [from, to] = ranges_[count_ - 1];
      for (; left > 0 && from < to; from += line, left -= line) __builtin_prefetch(from, 0, 2);
      if (from >= to) --count_;
    }
  }

 private:
  static constexpr std::int64_t line = 64;
  static constexpr std::size_t max_ranges = 8;
  struct Range {
    const std::byte *from, *to;
  };
  Range ranges_[max_ranges];
  std::size_t count_ = 0;
  std::int64_t part_ = 0;
};

void Plan::run() const {
  const auto in_use = registers_ + static_cast<std::int64_t>(sources_.size() + targets_.size());
  const std::int64_t block =
      std::clamp(working_set_bytes / (max_item_ * in_use) / vector_elements * vector_elements, min_block, max_block);
  // A block covers several steps along `outer` and all of the axes after it.
  const std::size_t last = loop_shape_.size() - 1;
  std::int64_t inner = 1;
  std::size_t outer = last;
  while (outer > 0 && inner * loop_shape_[outer] <= block) inner *= loop_shape_[outer--];
  const std::int64_t steps = std::min(loop_shape_[outer], std::max<std::int64_t>(1, block / inner));
  const std::int64_t pieces = (loop_shape_[outer] + steps - 1) / steps;
  std::int64_t outer_count = 1;
  for (std::size_t i = 0; i < outer; ++i) outer_count *= loop_shape_[i];
  const std::int64_t grain = std::max<std::int64_t>(1, kernels::parallel_grain / (steps * inner));
  const std::int64_t register_bytes = (steps * inner * max_item_ + padding - 1) / padding * padding + padding;

  const std::int64_t end_of_results = outer_count * loop_shape_[outer] * inner;
  newtape::detail::parallel_for(outer_count * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    const Workspace memory((registers_ + static_cast<std::int64_t>(sources_.size())) * register_bytes);
    std::vector<const std::byte*> at(register_of_.size());
    for (std::size_t id = 0; id < at.size(); ++id) {
      at[id] = register_of_[id] != no_register ? memory.data() + register_of_[id] * register_bytes
                                               : lowered_.scalar(static_cast<int>(id));
    }
    std::vector<bool> filled(sources_.size());
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t step = t % pieces * steps;
      const std::int64_t count = std::min(steps, loop_shape_[outer] - step);
      const std::int64_t first = (t / pieces * loop_shape_[outer] + step) * inner;
      const std::int64_t n = count * inner;
      for (std::size_t k = 0; k < sources_.size(); ++k) {
        const Source& x = sources_[k];
        auto& buffer = at[static_cast<std::size_t>(x.id)];
        if (x.in_order) {
          buffer = x.data + first * x.item;
          continue;
        }
        if (filled[k]) continue;
        std::int64_t offset = step * x.strides[outer];
        for (std::int64_t i = static_cast<std::int64_t>(outer) - 1, remainder = t / pieces; i >= 0; --i) {
          const auto axis = static_cast<std::size_t>(i);
          offset += remainder % loop_shape_[axis] * x.strides[axis];
          remainder /= loop_shape_[axis];
        }
        if (outer == last && x.strides[last] == 1) {
          buffer = x.data + offset * x.item;
          continue;
        }
        std::byte* to = memory.data() + (registers_ + static_cast<std::int64_t>(k)) * register_bytes;
        kernels::pack_nested(x.data + offset * x.item, x.item, count, loop_shape_.data() + outer,
                             x.strides.data() + outer, loop_shape_.size() - outer, to);
        buffer = to;
        // The first block is never shorter than a later one, so repeated data are packed once.
        filled[k] = outer == 0 && x.strides[0] == 0;
      }
      for (const auto& y : targets_) at[static_cast<std::size_t>(y.id)] = y.data + first * y.item;
      Prefetcher prefetcher(*this, first + n, std::min(n, end_of_results - first - n));
      for (const auto& call : calls_) {
        prefetcher.fetch_some();
        const void* in[max_operands];
        for (int k = 0; k < call.step.count; ++k) in[k] = at[static_cast<std::size_t>(call.step.in[k])];
        // Buffers are read-only to all calls except the one that writes them.
        call.step.kernel(in, const_cast<std::byte*>(at[static_cast<std::size_t>(call.out)]), n, call.scalars);
      }
    }
  });
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
  Plan plan(lowered, computed, inputs, values.size(), shape);
  for (const int id : computed) {
    plan.write_to(id, results[static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin())]);
  }
  plan.run();
  return results;
}

}  // namespace newtape::core
