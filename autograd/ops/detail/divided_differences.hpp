// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <functional>

namespace newtape::linalg {

/// f[w_i0, .., w_ik], the divided differences of order k of an elementwise f at w [.., n] (ascending), as
/// [.., n, .., n] (k + 1 times n). They are accurate for equal and nearly equal values too: where the recursion cancels,
/// they are integrals of f's derivative (Hermite & Genocchi). `value` is f(w). NumericalError, naming `op`, where f or
/// its derivative of order k is not finite.
Array divided_differences(const char* op, const std::function<Tensor(const Tensor&)>& f, const Array& w,
                          const Array& value, int k);

}  // namespace newtape::linalg
