// SPDX-License-Identifier: BSD-3-Clause
// Rows of systems with Kronecker products, against NumPy with the products formed.
#include "autograd/rows/linalg.hpp"
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/kronecker.hpp>

namespace newtape::table {
namespace {

using namespace linalg;

/// The logarithm of |det|, with the sign of det.
Tensor signed_log(const Tensor& a, const Tensor& b) {
  const SLogDet d = kron_slogdet(a, b);
  return d.sign * d.logabsdet;
}

const Rows kronecker_rows{{
    {.name = "kron_solve",
     .domains = small,
     .samples =
         stored("kron_solve", {{"vector", [](Args& x) { return kron_solve(regular(x[0]), regular(x[1]), x[2]); }},
                               {"matrix", [](Args& x) { return kron_solve(regular(x[0]), regular(x[1]), x[2]); }},
                               {"stack", [](Args& x) { return kron_solve(regular(x[0]), regular(x[1]), x[2]); }},
                               {"empty", [](Args& x) { return kron_solve(x[0], regular(x[1]), x[2]); }}}),
     .rejects = {{Error::shape, "must be square",
                  [] {
                    kron_solve(of({2, 3}), of({2, 2}), of({4}));
                  }},
                 {Error::shape, "as many rows",
                  [] {
                    kron_solve(of({2, 2}), of({2, 2}), of({5}));
                  }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "kron_slogdet",
     .domains = small,
     .samples = stored("kron_slogdet", {{"plain", [](Args& x) { return signed_log(regular(x[0]), regular(x[1])); }},
                                        {"negative", [](Args& x) { return signed_log(-regular(x[0]), regular(x[1])); }},
                                        {"stack", [](Args& x) { return signed_log(regular(x[0]), regular(x[1])); }},
                                        {"empty", [](Args& x) { return signed_log(x[0], regular(x[1])); }}}),
     .rejects = {{Error::shape, "must be square",
                  [] {
                    kron_slogdet(of({2, 2}), of({2, 3}));
                  }}},
     .composite = true,
     .tolerance_scale = 8},
}};

}  // namespace
}  // namespace newtape::table
