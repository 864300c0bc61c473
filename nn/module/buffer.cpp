// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/buffer.hpp>

#include <newtape/core/ops/creation.hpp>

#include <string>

namespace newtape {

Buffer::Buffer(Array initial) : cell_(std::make_shared<Tensor>(std::move(initial))) {}

void Buffer::set_value(const Tensor& value) const {
  if (value.dtype() != dtype()) {
    raise<DTypeError>("Buffer: the new value must have the buffer's dtype", name(dtype()), name(value.dtype()));
  }
  if (value.shape() != shape()) {
    raise<ShapeError>("Buffer: the new value must have the buffer's shape", to_string(shape()),
                      to_string(value.shape()));
  }
  cell() = core::copy(value.value());
}

void Buffer::to(DType dtype) const { cell() = core::cast(cell().value(), dtype); }

}  // namespace newtape
