// SPDX-License-Identifier: BSD-3-Clause
// Orthogonal polynomials against SciPy, Chebyshev's against their definition by cosines and sines.
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/polynomials.hpp>

namespace newtape::table {
namespace {

Row polynomial(const std::string& name, Tensor (*f)(In, std::int64_t), const std::vector<StoredCase>& more = {}) {
  std::vector<StoredCase> cases = more;
  for (const int n : {0, 1, 2, 5, 9}) {
    cases.push_back({std::to_string(n), [f, n](Args& x) { return f(x[0], n); }});
  }
  cases.push_back({"empty", [f](Args& x) { return f(x[0], 3); }});
  return {.name = name,
          .samples = stored(name, cases),
          .rejects = {{Error::value, name + ": the degree must not be negative", [f] { f(three(), -1); }}},
          .composite = true,
          .tolerance_scale = 20};  // sums of up to nine terms, each up to the largest
}

const Rows orthogonal{{
    polynomial("chebyshev_polynomial_t", chebyshev_polynomial_t),
    polynomial("chebyshev_polynomial_u", chebyshev_polynomial_u),
    polynomial("chebyshev_polynomial_v", chebyshev_polynomial_v),
    polynomial("chebyshev_polynomial_w", chebyshev_polynomial_w),
    polynomial("hermite_polynomial_h", hermite_polynomial_h),
    polynomial("hermite_polynomial_he", hermite_polynomial_he),
    polynomial("laguerre_polynomial_l", laguerre_polynomial_l),
    polynomial("legendre_polynomial_p", legendre_polynomial_p,
               {{"beyond", [](Args& x) { return legendre_polynomial_p(x[0], 4); }}}),
}};

}  // namespace
}  // namespace newtape::table
