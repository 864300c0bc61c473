// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <array>
#include <span>
#include <vector>

/// Kernel calls that are executed block by block, so that intermediate values stay in cache.
namespace newtape::core {

inline constexpr int max_operands = 3;

/// A kernel call; operands are ids of earlier values.
struct Step {
  kernels::Kernel kernel;
  int count;
  std::array<int, max_operands> in;
};

/// A value of a block program: an operand, a scalar or the result of a call; none of them if it is not needed.
struct BlockValue {
  DType dtype = f32;
  Array operand = {};                 ///< broadcasts to the shape of the program
  const std::byte* scalar = nullptr;  ///< one element
  Step made = {};                     ///< count > 0: the call that computes it
  bool wanted = false;                ///< its result is written to memory
};

/// Whether blocks of `x` can be read without a copy of all of it: its last axis is contiguous or repeats an element.
bool is_block_readable(const Array& x) noexcept;

/// A list of calls on values of one shape, whose intermediate results are kept in registers: pieces of memory as long as
/// a block. Bitwise equal to the kernels on whole arrays.
class BlockProgram {
 public:
  /// The addresses of operands and scalars are those in `values`, until they are replaced.
  BlockProgram(std::span<const BlockValue> values, const Shape& shape);

  /// Sets the address of an operand or a scalar.
  void read_from(int id, const void* data);
  /// Sets the address of a wanted result: contiguous, and also that of an operand in the same order if no later call
  /// reads this.
  void write_to(int id, void* data);
  void run() const;

 private:
  class Prefetcher;

  /// An operand, viewed over the axes of the block iteration.
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
  static constexpr int no_register = -1;

  void use(int id, const Array& x);
  void add(std::span<const BlockValue> values, std::size_t id, const std::vector<std::size_t>& last_use);
  void lay_out(const Shape& shape);
  /// That are read from and written to memory.
  std::int64_t bytes_per_element() const;

  std::vector<Call> calls_;
  std::vector<Array> arrays_;  ///< of the sources
  std::vector<Source> sources_;
  std::vector<Target> targets_;
  std::vector<const std::byte*> scalars_;  ///< of each value, or null
  std::vector<int> register_of_;           ///< register of a value
  std::vector<int> free_;
  int registers_ = 0;
  std::int64_t max_item_ = 1;
  Shape loop_shape_;
};

}  // namespace newtape::core
