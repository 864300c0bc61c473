// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <string_view>

namespace newtape::fft {

/// ShapeError or DTypeError, with the operation's name, unless z is a complex array: floats, [.., 2].
void expect_complex(std::string_view op, const Tensor& z);

}  // namespace newtape::fft
