// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/parameter.hpp>

#include <newtape/core/ops/creation.hpp>

#include <string>

namespace newtape {

Parameter::Parameter(Array initial) : cell_(std::make_shared<Tensor>(variable(std::move(initial)))) {}

template <>
std::shared_ptr<Tensor> detail::make_clone(const Tensor& original) {
  return std::make_shared<Tensor>(original.is_leaf() ? variable(original.value()) : original.detach());
}

void Parameter::requires_grad(bool wanted) const {
  if (wanted != cell().requires_grad()) cell() = wanted ? variable(cell().value()) : cell().detach();
}

void Parameter::set_value(const Tensor& value) const {
  if (value.dtype() != dtype()) {
    raise<DTypeError>("Parameter: the new value must have the parameter's dtype", name(dtype()), name(value.dtype()));
  }
  if (value.shape() != shape()) {
    raise<ShapeError>("Parameter: the new value must have the parameter's shape", to_string(shape()),
                      to_string(value.shape()));
  }
  core::assign(writable(), value.value());
}

Array& Parameter::writable() const {
  if (!cell().value().reusable()) cell() = Tensor(core::copy(cell().value()), cell().node());
  return const_cast<Array&>(cell().value());  // NOLINT: the cell's tensor, whose memory is not shared
}

void Parameter::to(DType dtype) const {
  if (dtype == this->dtype()) return;
  const Array value = core::cast(cell().value(), dtype);
  cell() = requires_grad() && is_floating(dtype) ? variable(value) : Tensor(value);
}

}  // namespace newtape
