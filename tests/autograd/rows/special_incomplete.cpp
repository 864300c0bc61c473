// SPDX-License-Identifier: BSD-3-Clause
// Incomplete gamma and beta functions and zeta, with derivatives in all operands. References: series of positive terms.
#include "operands.hpp"
#include "special.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/special.hpp>

#include <cmath>
#include <string>

namespace newtape::table {
namespace {

using namespace special;

const Domain shapes_of_a{.low = 0.6, .high = 4, .above = 0, .below = 1e3};
const Domain around_the_shape{.low = 0.5, .high = 8, .above = 0, .below = 1e3};
const Domain probabilities{.low = 0.1, .high = 0.9, .above = 0, .below = 1};

const Rows incomplete{{
    {.name = "igamma",
     .call = [](Args& x) { return igamma(x[0], x[1]); },
     .scalar = [](Numbers x) { return igamma_of(x[0], x[1]); },
     .domains = {shapes_of_a, around_the_shape},
     .rejects = two_refuse("igamma", igamma),
     .covers = {"igamma", "igamma_grad", "gamma_density"},
     .tolerance_scale = 4},
    {.name = "igammac",
     .call = [](Args& x) { return igammac(x[0], x[1]); },
     .scalar = [](Numbers x) { return igammac_of(x[0], x[1]); },
     .domains = {{.low = 0.6, .high = 4, .above = 0, .below = 50}, {.low = 0.5, .high = 8, .above = 0, .below = 50}},
     .rejects = two_refuse("igammac", igammac),
     .tolerance_scale = 4},
    {.name = "igammainv",
     .call = [](Args& x) { return igammainv(x[0], x[1]); },
     .scalar = [](Numbers x) { return igammainv_of(x[0], x[1]); },
     .domains = {{.low = 0.6, .high = 4, .above = 0.1, .below = 50}, probabilities},
     .covers = {"log_igammainv"},
     .tolerance_scale = 8},
    {.name = "betainc",
     .call = [](Args& x) { return betainc(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return betainc_of(x[0], x[1], x[2]); },
     .domains = {shapes_of_a, shapes_of_a, probabilities},
     .covers = {"betainc", "betainc_grad", "beta_density"},
     .tolerance_scale = 4},
    {.name = "betaincinv",
     .call = [](Args& x) { return betaincinv(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return betaincinv_of(x[0], x[1], x[2]); },
     .domains = {{.low = 0.6, .high = 4, .above = 0.1, .below = 50},
                 {.low = 0.6, .high = 4, .above = 0.1, .below = 50},
                 probabilities},
     .tolerance_scale = 8},
    {.name = "zeta",
     .call = [](Args& x) { return zeta(x[0], x[1]); },
     .scalar = [](Numbers x) { return zeta_of(x[0], x[1]); },
     .domains = {{.low = 1.5, .high = 5, .above = 1, .below = 20}, {.low = 0.5, .high = 5, .above = 0, .below = 1e3}},
     .rejects = two_refuse("zeta", zeta),
     .tolerance_scale = 4},
    {.name = "mvlgamma",
     .call = [](Args& x) { return mvlgamma(x[0], 3); },
     .scalar =
         [](Numbers x) {
           return 1.5L * std::log(pi_of) + lgamma_of(x[0]) + lgamma_of(x[0] - 0.5L) + lgamma_of(x[0] - 1);
         },
     .domains = {{.low = 2.5, .high = 6, .above = 1}},
     .rejects = {{Error::value, "mvlgamma: the dimension", [] { mvlgamma(three(), 0); }}},
     .composite = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
