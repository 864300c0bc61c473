// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/calculus.hpp>
#include <newtape/autograd/ops/join.hpp>

namespace newtape::table {
namespace {

const Rows calculus_rows{{
    {.name = "diff",
     .samples = stored("diff", {{"first", [](Args& x) { return diff(x[0]); }},
                                {"second", [](Args& x) { return diff(x[0], 2, 0); }},
                                {"joined", [](Args& x) { return diff(x[0], 1, 1, x[1], x[2]); }},
                                {"number", [](Args& x) { return diff(x[0], 1, -1, x[1]); }},
                                {"all", [](Args& x) { return diff(x[0], 4); }},
                                {"empty", [](Args& x) { return diff(x[0], 1, 1); }}}),
     .rejects = {{Error::shape, "diff", [] { diff(matrix(), 1, 2); }},
                 {Error::shape, "diff", [] { diff(tensor(1.0)); }},
                 {Error::value, "-1", [] { diff(matrix(), -1); }},
                 {Error::shape, "concatenate", [] { diff(matrix(), 1, 0, one_two()); }}},
     .composite = true},
    {.name = "gradient",
     .samples = stored("gradient", {{"plain", [](Args& x) { return gradient(x[0], 0); }},
                                    {"spacing", [](Args& x) { return gradient(x[0], 0, 0.5); }},
                                    {"edges", [](Args& x) { return gradient(x[0], 1, 2, 2); }},
                                    {"three", [](Args& x) { return gradient(x[0], -1, 1, 2); }},
                                    {"two", [](Args& x) { return gradient(x[0], 0); }},
                                    {"coordinates", [](Args& x) { return gradient(x[0], 0, x[1]); }},
                                    {"coordinates_edges", [](Args& x) { return gradient(x[0], -1, x[1], 2); }},
                                    {"every_axis", [](Args& x) { return stack(gradient(x[0])); }},
                                    {"empty", [](Args& x) { return gradient(x[0], 1); }}}),
     .rejects = {{Error::shape, "gradient", [] { gradient(matrix(), 2); }},
                 {Error::value, "too few samples", [] { gradient(matrix(), 0, 1, 2); }},
                 {Error::value, "edge_order", [] { gradient(matrix(), 1, 1, 3); }},
                 {Error::shape, "[3]", [] { gradient(matrix(), 1, one_two()); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "trapezoid",
     .samples = stored("trapezoid", {{"plain", [](Args& x) { return trapezoid(x[0]); }},
                                     {"dx", [](Args& x) { return trapezoid(x[0], 0.25, 0); }},
                                     {"x", [](Args& x) { return trapezoid(x[0], x[1], 0); }},
                                     {"xs", [](Args& x) { return trapezoid(x[0], x[1]); }},
                                     {"one", [](Args& x) { return trapezoid(x[0]); }},
                                     {"empty", [](Args& x) { return trapezoid(x[0]); }}}),
     .rejects = {{Error::shape, "trapezoid", [] { trapezoid(matrix(), 1, 2); }},
                 {Error::shape, "[3]", [] { trapezoid(matrix(), one_two()); }},
                 {Error::shape, "[2, 3]", [] { trapezoid(matrix(), nothing()); }}},
     .composite = true},
    {.name = "cumulative_trapezoid",
     .samples = stored("cumulative_trapezoid", {{"plain", [](Args& x) { return cumulative_trapezoid(x[0]); }},
                                                {"dx", [](Args& x) { return cumulative_trapezoid(x[0], 0.25, 0); }},
                                                {"x", [](Args& x) { return cumulative_trapezoid(x[0], x[1], 0); }},
                                                {"xs", [](Args& x) { return cumulative_trapezoid(x[0], x[1]); }},
                                                {"empty", [](Args& x) { return cumulative_trapezoid(x[0]); }}}),
     .rejects = {{Error::shape, "cumulative_trapezoid", [] { cumulative_trapezoid(matrix(), 1, 2); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
