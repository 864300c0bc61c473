// SPDX-License-Identifier: BSD-3-Clause
// The operations of docs/add_an_op.md: operations outside the library pass the same checks.
#include "../examples/08_add_an_op.hpp"
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>

#include <cmath>

namespace newtape::table {
namespace {

/// The root of the mean square along the last axis of a matrix.
Values root_mean_square(const std::vector<Values>& x) {
  Values y({x[0].shape[0]});
  for_each_index(x[0].shape, [&](const Dims& i) { y[{i[0]}] += x[0][i] * x[0][i]; });
  for (auto& v : y.data) v = std::sqrt(v / static_cast<long double>(x[0].shape[1]));
  return y;
}

const Rows rows_of_own{{
    {.name = "smooth_abs",
     .call = [](Args& x) { return own::smooth_abs(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::hypot(x[0], x[1]); },
     .domains = {{}, {.low = 0.2, .high = 2, .above = 0.1, .below = 10}}},
    {.name = "rms",
     // A row of zeros is a corner.
     .domains = {{.low = 0.3, .high = 2, .above = 0.1}},
     .samples = {{{{3, 4}}, [](Args& x) { return own::rms(x[0]); }, root_mean_square},
                 {{{2, 5}}, [](Args& x) { return own::rms(x[0], 1); }, root_mean_square},
                 {{{0, 2}}, [](Args& x) { return own::rms(x[0], -1); }, root_mean_square}},
     .rejects = {{Error::shape, "rms",
                  [] {
                    own::rms(ones({2, 3}), 2);
                  }},
                 {Error::value, "rms: the axis is empty",
                  [] {
                    own::rms(ones({2, 0}));
                  }}}},
    {.name = "sincos",
     .call =
         [](Args& x) {
           const auto [s, c] = own::sincos(x[0]);
           return s + 2 * c;
         },
     .scalar = [](Numbers x) { return std::sin(x[0]) + 2 * std::cos(x[0]); },
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
