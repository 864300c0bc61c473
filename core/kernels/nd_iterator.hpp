// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <vector>

/// Iteration over strided arrays for reductions.
namespace newtape::core::kernels {

/// One axis of the iteration: length, input and output strides; the output stride of a reduced axis is 0.
struct Axis {
  std::int64_t length, in, out;
  bool reduced;
};

/// The iteration with the fewest axes, largest stride first, so that memory is read in order. Reduced broadcast axes
/// are omitted; `repeats` is the multiplicity of each element.
std::vector<Axis> plan(const Array& x, const Dims& axes, std::int64_t& repeats);

/// Iterates over all index combinations of the given axes.
class Odometer {
 public:
  Odometer(std::vector<Axis> axes, std::int64_t start = 0) : axes_(std::move(axes)), index_(axes_.size(), 0) {
    for (std::size_t i = axes_.size(); i-- > 0;) {
      index_[i] = start % axes_[i].length;
      start /= axes_[i].length;
      in_ += index_[i] * axes_[i].in;
      out_ += index_[i] * axes_[i].out;
    }
  }
  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }
  void step() {
    for (std::size_t i = axes_.size(); i-- > 0;) {
      in_ += axes_[i].in;
      out_ += axes_[i].out;
      if (++index_[i] < axes_[i].length) return;
      in_ -= axes_[i].in * axes_[i].length;
      out_ -= axes_[i].out * axes_[i].length;
      index_[i] = 0;
    }
  }
  static std::int64_t count(const std::vector<Axis>& axes) {
    std::int64_t n = 1;
    for (const auto& a : axes) n *= a.length;
    return n;
  }

 private:
  std::vector<Axis> axes_;
  std::vector<std::int64_t> index_;
  std::int64_t in_ = 0;
  std::int64_t out_ = 0;
};

}  // namespace newtape::core::kernels
