// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <memory>

namespace newtape {

/// A shared cell that holds the current value of a trainable tensor. Copies share the cell. It converts to the Tensor
/// that it holds; optimizers replace the value.
class Parameter {
 public:
  /// No cell: `defined()` is false.
  Parameter() = default;
  explicit Parameter(Array initial) : cell_(std::make_shared<Tensor>(variable(std::move(initial)))) {}
  explicit Parameter(const Tensor& initial) : Parameter(initial.value()) {}

  bool defined() const noexcept { return cell_ != nullptr; }
  operator const Tensor&() const noexcept { return *cell_; }
  const Tensor& tensor() const noexcept { return *cell_; }
  const Array& value() const noexcept { return cell_->value(); }
  const Shape& shape() const noexcept { return cell_->shape(); }
  DType dtype() const noexcept { return cell_->dtype(); }
  std::int64_t size() const noexcept { return cell_->size(); }

  /// Undefined before the first backward, and when the parameter is frozen.
  Tensor grad() const { return cell_->is_leaf() ? cell_->grad() : Tensor(); }
  void set_grad(Tensor grad) const { cell_->set_grad(std::move(grad)); }
  void zero_grad() const {
    if (cell_->is_leaf()) cell_->set_grad({});
  }

  bool requires_grad() const noexcept { return cell_->requires_grad(); }
  /// False freezes the parameter (it becomes a constant), true unfreezes it.
  void requires_grad(bool wanted) const;

  /// Replaces the value; the gradient stays. ShapeError, DTypeError unless shape and dtype are the same.
  void set_value(const Array& value) const;
  /// The value, for overwriting: copied to new memory first when the memory is shared, so that a graph that saved the
  /// old value keeps it. Write at once; do not keep the reference.
  Array& writable() const;
  /// Replaces the tensor including its node (see nn::functional_call), and returns the old one.
  Tensor exchange(Tensor other) const { return std::exchange(*cell_, std::move(other)); }
  /// Converts the value and drops the gradient.
  void to(DType dtype) const;

  /// Whether both are the same cell.
  friend bool operator==(const Parameter& a, const Parameter& b) noexcept { return a.cell_ == b.cell_; }

 private:
  std::shared_ptr<Tensor> cell_;
};

}  // namespace newtape
