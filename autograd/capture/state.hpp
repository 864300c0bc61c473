// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tape.hpp>

#include <limits>
#include <string>

namespace newtape::detail {

/// An array that outlives a step and that the step reads or replaces: the value of a parameter or a buffer, or the
/// gradient of a variable.
class CapturedState {
 public:
  explicit CapturedState(const SharedCell<Tensor>& cell);
  explicit CapturedState(Node& leaf);

  bool is_gradient() const noexcept { return static_cast<bool>(leaf_); }
  /// The cell, or the node of a gradient.
  const void* key() const noexcept;
  /// The gradient of a variable that nothing else refers to.
  bool is_local_gradient() const noexcept { return leaf_.unique(); }
  /// Undefined for a gradient that does not exist.
  Array current() const;
  /// Replaces the array; an undefined one clears a gradient.
  void store(Array x) const;
  /// Copies `x` into the state's memory, or into new memory if the state's is shared or has another layout. Returns the
  /// state's array's address.
  void* write(const Array& x) const;
  /// Memory for the next value of a gradient: that of the present one if nothing else refers to it, else new.
  void* begin_next();
  /// Whether `x` lies in that memory.
  bool is_next(const Array& x) const { return next_.defined() && x.raw() == next_.raw(); }
  /// Makes the array in that memory the gradient, and returns its address.
  void* store_next();
  /// Gives up the next value; clears the gradient if it `was_written` in the gradient's own memory.
  void drop_next(bool was_written) noexcept;
  /// Makes the memory of a value its own, so that it may be written.
  void make_unique() const;

  /// Whether the state is as it was when the recording started: same dtype, shape, layout and leaf node, or, for a
  /// gradient, as defined. Otherwise `difference` says what changed.
  bool fits() const;
  std::string difference() const;

  /// Layout of the state at the start; a gradient that did not exist has that of its variable.
  DType dtype;
  Shape shape;
  Strides strides;
  bool defined_at_start;
  bool start_matters = true;  ///< whether the function reads the gradient before it replaces it
  int replaced_from = std::numeric_limits<int>::max();  ///< the recorded call from which the start does not matter
  bool updated = false;                                 ///< calls of the plan write its memory
  int index = -1;                                       ///< among the plan's states while it is recorded
  bool dropped = false;              ///< the gradient of a variable that does not outlive the function
  int memory = -1;                   ///< the block of the plan; -1 before the state has an array
  bool published_undefined = false;  ///< the last that the plan made of a gradient is that it is undefined

 private:
  Tensor* cell_ = nullptr;            ///< of a value, while
  std::weak_ptr<Tensor> alive_ = {};  ///< it exists
  NodeRef leaf_;                      ///< of a gradient
  const Node* node_ = nullptr;        ///< of a value
  Array next_ = {};                   ///< while a plan runs
};

}  // namespace newtape::detail
