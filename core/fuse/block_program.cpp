// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/block_program.hpp>

#include <newtape/core/kernels/collapse.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/kernels/pack.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace newtape::core {
namespace {

/// Total bytes of the blocks in use at a time; they should fit in the L1 cache.
constexpr std::int64_t working_set_bytes = 24576;
/// Elements of a block: smaller ones are dominated by call overhead; always a multiple of `vector_elements`.
constexpr std::int64_t min_block = 256, max_block = 1024, vector_elements = 64;
/// Padding between registers, so that they do not all start in the same cache sets.
constexpr std::int64_t padding = 64;
/// Fewer bytes of operands and results are in the L2 cache, and need not be fetched ahead.
constexpr std::int64_t least_prefetched = 1 << 20;

std::int64_t item_of(DType t) noexcept { return static_cast<std::int64_t>(item_size(t)); }

/// Copies arrays whose last axis is strided; otherwise every block would gather it element by element.
Array readable(const Array& x) { return is_block_readable(x) ? x : contiguous(x); }

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

}  // namespace

bool is_block_readable(const Array& x) noexcept {
  for (std::size_t i = x.ndim(); i-- > 0;) {
    if (x.shape()[i] != 1) return x.strides()[i] == 0 || x.strides()[i] == 1;
  }
  return true;
}

BlockProgram::BlockProgram(std::span<const BlockValue> values, const Shape& shape)
    : scalars_(values.size()), register_of_(values.size(), no_register) {
  std::vector<std::size_t> last_use(values.size());
  for (std::size_t id = 0; id < values.size(); ++id) {
    const Step& step = values[id].made;
    for (int k = 0; k < step.count; ++k) last_use[static_cast<std::size_t>(step.in[k])] = id;
    scalars_[id] = values[id].scalar;
  }
  for (std::size_t id = 0; id < values.size(); ++id) {
    if (values[id].wanted) last_use[id] = values.size();
  }
  for (std::size_t id = 0; id < values.size(); ++id) {
    const BlockValue& v = values[id];
    if (v.scalar != nullptr || (v.made.count == 0 && !v.operand.defined())) continue;
    max_item_ = std::max(max_item_, item_of(v.dtype));
    if (v.made.count != 0) {
      add(values, id, last_use);
    } else {
      use(static_cast<int>(id), v.operand);
    }
  }
  lay_out(shape);
}

void BlockProgram::use(int id, const Array& x) {
  arrays_.push_back(readable(x));
  const Array& a = arrays_.back();
  sources_.push_back({id, static_cast<const std::byte*>(a.raw()), item_of(a.dtype()), {}, false});
}

void BlockProgram::add(std::span<const BlockValue> values, std::size_t id, const std::vector<std::size_t>& last_use) {
  const BlockValue& v = values[id];
  Call call{v.made, static_cast<int>(id), 0};
  std::vector<int> freed;
  for (int k = 0; k < v.made.count; ++k) {
    const auto in = static_cast<std::size_t>(v.made.in[k]);
    if (scalars_[in] != nullptr) {
      call.scalars |= 1U << k;
    } else if (register_of_[in] != no_register && last_use[in] == id &&
               std::find(freed.begin(), freed.end(), register_of_[in]) == freed.end()) {
      freed.push_back(register_of_[in]);
      // A kernel may write over an operand with elements of the same size.
      if (!v.wanted && register_of_[id] == no_register && item_of(values[in].dtype) == item_of(v.dtype)) {
        register_of_[id] = register_of_[in];
      }
    }
  }
  if (v.wanted) {
    targets_.push_back({static_cast<int>(id), nullptr, item_of(v.dtype)});
  } else if (register_of_[id] == no_register) {
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
void BlockProgram::lay_out(const Shape& shape) {
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

void BlockProgram::read_from(int id, const void* data) {
  const auto* const from = static_cast<const std::byte*>(data);
  const auto source = std::find_if(sources_.begin(), sources_.end(), [id](const Source& x) { return x.id == id; });
  if (source != sources_.end()) {
    source->data = from;
  } else {
    scalars_[static_cast<std::size_t>(id)] = from;
  }
}

void BlockProgram::write_to(int id, void* data) {
  for (auto& y : targets_) {
    if (y.id == id) y.data = static_cast<std::byte*>(data);
  }
}

/// Prefetches the inputs and outputs of the next block, a part with each call: the hardware prefetcher loses track of
/// them while the calls in between use only registers.
class BlockProgram::Prefetcher {
 public:
  /// The next block is elements [first, first + n).
  Prefetcher(const BlockProgram& plan, std::int64_t first, std::int64_t n) {
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

std::int64_t BlockProgram::bytes_per_element() const {
  std::int64_t bytes = 0;
  for (const auto& x : sources_) bytes += x.in_order ? x.item : 0;
  for (const auto& y : targets_) bytes += y.item;
  return bytes;
}

void BlockProgram::run() const {
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
  const bool prefetches = bytes_per_element() * end_of_results >= least_prefetched;
  newtape::detail::parallel_for(outer_count * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    const Workspace memory((registers_ + static_cast<std::int64_t>(sources_.size())) * register_bytes);
    std::vector<const std::byte*> at(register_of_.size());
    for (std::size_t id = 0; id < at.size(); ++id) {
      at[id] = register_of_[id] != no_register ? memory.data() + register_of_[id] * register_bytes : scalars_[id];
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
      Prefetcher prefetcher(*this, first + n, prefetches ? std::min(n, end_of_results - first - n) : 0);
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

}  // namespace newtape::core
