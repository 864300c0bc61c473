// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/call.hpp>

namespace newtape::onnx::detail {

/// x with elements of another type. Floats of 16 bits are rounded, with derivative 1.
Value cast(Call& c, const Value& x, ElementType type);
/// Of a number of TensorProto.DataType, as attributes have it; an error for those that are not supported.
ElementType element_type(Call& c, std::int64_t number);

}  // namespace newtape::onnx::detail
