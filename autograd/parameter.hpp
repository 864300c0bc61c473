// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/shared_cell.hpp>
#include <newtape/autograd/tensor.hpp>

#include <memory>

namespace newtape {

/// The value of a cell in a new one: a variable of its own where it was one. The memory is shared until one is written.
template <>
std::shared_ptr<Tensor> detail::make_clone(const Tensor& original);

/// A shared cell that holds the current value of a trainable tensor. Copies share the cell. It converts to the Tensor
/// that it holds; optimizers replace the value.
class Parameter : public TensorMethods<Parameter> {
 public:
  /// No cell: `defined()` is false; every other member throws ValueError.
  Parameter() = default;
  explicit Parameter(Array initial);
  explicit Parameter(const Tensor& initial) : Parameter(initial.value()) {}

  /// Whether it has a cell.
  bool defined() const noexcept { return cell_ != nullptr; }
  /// The tensor in the cell, and what it says of itself. ValueError without a cell.
  operator const Tensor&() const { return cell(); }
  const Tensor& tensor() const { return cell(); }
  const Array& value() const { return cell().value(); }
  const Shape& shape() const { return cell().shape(); }
  std::int64_t shape(std::int64_t axis) const { return cell().shape(axis); }
  DType dtype() const { return cell().dtype(); }
  std::size_t ndim() const { return cell().ndim(); }
  std::int64_t size() const { return cell().size(); }
  template <class T = double>
  T item() const {
    return cell().item<T>();
  }
  bool is_leaf() const { return cell().is_leaf(); }
  /// The current value as a constant, which later writes do not change.
  Tensor detach() const { return cell().detach(); }
  HookHandle register_hook(GradHook hook) const { return cell().register_hook(std::move(hook)); }
  /// As of the tensor; include <newtape/autograd/ops/indexing.hpp>.
  Tensor operator[](const Index& index) const { return cell()[index]; }
  Tensor operator[](std::initializer_list<Index> indices) const { return cell()[indices]; }

  /// Undefined before the first backward, and when the parameter is frozen.
  Tensor grad() const { return cell().is_leaf() ? cell().grad() : Tensor(); }
  void set_grad(Tensor grad) const { cell().set_grad(std::move(grad)); }
  void zero_grad() const {
    if (cell().is_leaf()) cell().set_grad({});
  }

  /// Whether it is trained, and not frozen.
  bool requires_grad() const { return cell().requires_grad(); }
  /// False freezes the parameter (it becomes a constant), true unfreezes it.
  void requires_grad(bool wanted) const;

  /// Replaces the value; the gradient stays. ShapeError, DTypeError unless shape and dtype are the same.
  void set_value(const Tensor& value) const;
  /// The value, for overwriting: copied to new memory first when the memory is shared, so that a graph that saved the
  /// old value keeps it. Write at once; do not keep the reference.
  Array& writable() const;
  /// Replaces the tensor including its node (see nn::functional_call), and returns the old one.
  Tensor exchange(Tensor other) const { return std::exchange(cell(), std::move(other)); }
  /// Converts the value and drops the gradient. f16 and bf16 make it a constant, which stays one.
  void to(DType dtype) const;

  /// Whether both are the same cell.
  friend bool operator==(const Parameter& a, const Parameter& b) noexcept { return a.cell_ == b.cell_; }

 private:
  Tensor& cell() const {
    if (detail::state_observer != nullptr) [[unlikely]]
      detail::observe_value(cell_);
    return *cell_;
  }

  detail::SharedCell<Tensor> cell_;
};

}  // namespace newtape
