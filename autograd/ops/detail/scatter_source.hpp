// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

namespace newtape::detail {

/// The source of scatter, cut (a tensor) or expanded (a number) to the shape of the indices. ShapeError naming `op`
/// unless it is at least as long as the indices along every axis.
Tensor scatter_source(const char* op, const Tensor& indices, const In& src);

}  // namespace newtape::detail
