// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Orthogonal polynomials of degree n >= 0 (ValueError), of floats, by their recurrences in the degree (DLMF 18.9): n
/// multiplications and as many additions.
namespace newtape {

// --- Chebyshev's of four kinds; x = cos(t) ---
Tensor chebyshev_polynomial_t(In x, std::int64_t n);  ///< cos(n t)
Tensor chebyshev_polynomial_u(In x, std::int64_t n);  ///< sin((n + 1) t) / sin(t)
Tensor chebyshev_polynomial_v(In x, std::int64_t n);  ///< cos((n + 1/2) t) / cos(t / 2)
Tensor chebyshev_polynomial_w(In x, std::int64_t n);  ///< sin((n + 1/2) t) / sin(t / 2)

Tensor hermite_polynomial_h(In x, std::int64_t n);   ///< orthogonal for exp(-x^2): 1, 2 x, 4 x^2 - 2, ..
Tensor hermite_polynomial_he(In x, std::int64_t n);  ///< orthogonal for exp(-x^2 / 2): 1, x, x^2 - 1, ..
Tensor laguerre_polynomial_l(In x, std::int64_t n);  ///< orthogonal for exp(-x) on [0, inf): 1, 1 - x, ..
Tensor legendre_polynomial_p(In x, std::int64_t n);  ///< orthogonal on [-1, 1]: 1, x, (3 x^2 - 1) / 2, ..

}  // namespace newtape
