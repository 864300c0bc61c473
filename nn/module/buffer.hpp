// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>

#include <memory>

namespace newtape {

/// A shared cell for state of a module that is not trained, such as running statistics. Copies share the cell. It
/// converts to the constant Tensor that it holds, and is saved and loaded with the module.
class Buffer {
 public:
  /// No cell: `defined()` is false; every other member throws ValueError.
  Buffer() = default;
  explicit Buffer(Array initial);
  explicit Buffer(const Tensor& initial) : Buffer(initial.value()) {}

  /// Whether it has a cell.
  bool defined() const noexcept { return cell_ != nullptr; }
  /// The tensor in the cell, and what it says of itself. ValueError without a cell.
  operator const Tensor&() const { return cell(); }
  const Tensor& tensor() const { return cell(); }
  const Array& value() const { return cell().value(); }
  const Shape& shape() const { return cell().shape(); }
  DType dtype() const { return cell().dtype(); }

  /// Replaces the value; graphs that saved the old one keep it. ShapeError, DTypeError for another shape or dtype.
  void set_value(const Tensor& value) const;
  /// Replaces the tensor including its node (see nn::functional_call), and returns the old one.
  Tensor exchange(Tensor other) const { return std::exchange(cell(), std::move(other)); }
  void to(DType dtype) const;

  /// Whether both are the same cell.
  friend bool operator==(const Buffer& a, const Buffer& b) noexcept { return a.cell_ == b.cell_; }

 private:
  Tensor& cell() const {
    if (detail::state_observer != nullptr) [[unlikely]]
      detail::observe_value(cell_);
    return *cell_;
  }

  detail::SharedCell<Tensor> cell_;
};

namespace nn {
using newtape::Buffer;
}

}  // namespace newtape
