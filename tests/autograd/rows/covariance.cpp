// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/statistics.hpp>

namespace newtape::table {
namespace {

const Domain counts{.low = 0, .high = 3, .dtype = i64};

const Rows covariance_rows{{
    {.name = "cov",
     .samples = stored("cov", {{"plain", [](Args& x) { return cov(x[0]); }},
                               {"vector", [](Args& x) { return cov(x[0]); }},
                               {"columns", [](Args& x) { return cov(x[0], {.correction = 0, .rowvar = false}); }},
                               {"aweights", [](Args& x) { return cov(x[0], {.aweights = x[1]}); }},
                               {"none", [](Args& x) { return cov(x[0]); }}}),
     .rejects = {{Error::shape, "matrix or a vector",
                  [] {
                    cov(of({2, 2, 2}));
                  }},
                 {Error::value, "observations", [] { cov(tensor({1.0})); }},
                 {Error::shape, "aweights [3]", [] { cov(matrix(), {.aweights = one_two()}); }},
                 {Error::dtype, "integers", [] { cov(matrix(), {.fweights = three()}); }},
                 {Error::value, "negative", [] { cov(matrix(), {.aweights = -1.0 * three()}); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "cov with counts",
     .domains = {{}, counts, {}},
     .samples = stored(
         "cov", {{"fweights", [](Args& x) { return cov(x[0], {.fweights = x[1]}); }},
                 {"both", [](Args& x) { return cov(x[0], {.correction = 0, .fweights = x[1], .aweights = x[2]}); }},
                 {"none", [](Args& x) { return cov(x[0]); }}}),
     .composite = true,
     .tolerance_scale = 4},
    {.name = "corrcoef",
     .samples = stored("corrcoef", {{"plain", [](Args& x) { return corrcoef(x[0]); }},
                                    {"columns", [](Args& x) { return corrcoef(x[0], false); }},
                                    {"vector", [](Args& x) { return corrcoef(x[0]); }},
                                    {"none", [](Args& x) { return corrcoef(x[0]); }}}),
     .rejects = {{Error::shape, "matrix or a vector",
                  [] {
                    corrcoef(of({2, 2, 2}));
                  }}},
     .composite = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
