// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/triangle.hpp>

namespace newtape::table {
namespace {

const Domain positions{.low = 0, .high = 3, .dtype = i64};

Call reducing(std::int64_t axis, ScatterReduce reduce, bool include_self = true) {
  return [=](Args& x) { return index_reduce(x[0], axis, x[1], x[2], reduce, {.include_self = include_self}); };
}
Call segments(ScatterReduce reduce, std::int64_t axis = 0) {
  return [=](Args& x) { return segment_reduce(x[0], reduce, x[1], axis); };
}

const Rows segment_rows{{
    {.name = "masked_scatter",
     .domains = {{}, flags, {}},
     .samples = stored("masked_scatter", {{"plain", [](Args& x) { return masked_scatter(x[0], x[1], x[2]); }},
                                          {"broadcast", [](Args& x) { return masked_scatter(x[0], x[1], x[2]); }},
                                          {"empty", [](Args& x) { return masked_scatter(x[0], x[1], x[2]); }}}),
     .rejects = {{Error::dtype, "boolean", [] { masked_scatter(three(), three_ints(), three()); }},
                 {Error::shape, "broadcast", [] { masked_scatter(matrix(), of({2}, boolean), three()); }},
                 {Error::value, "at least 2", [] { masked_scatter(three(), three_flags(), tensor({1.0})); }}},
     .composite = true},
    {.name = "diagonal_scatter",
     .samples = stored("diagonal_scatter", {{"plain", [](Args& x) { return diagonal_scatter(x[0], x[1]); }},
                                            {"above", [](Args& x) { return diagonal_scatter(x[0], x[1], 1); }},
                                            {"axes", [](Args& x) { return diagonal_scatter(x[0], x[1], -1, 2, 0); }},
                                            {"empty", [](Args& x) { return diagonal_scatter(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "[2]", [] { diagonal_scatter(matrix(), three()); }},
                 {Error::shape, "diagonal", [] { diagonal_scatter(three(), three()); }},
                 {Error::value, "distinct axes", [] { diagonal_scatter(matrix(), one_two(), 0, 1, 1); }}},
     .composite = true},
    {.name = "index_reduce",
     .domains = {{}, positions, {}},
     .samples = stored("index_reduce", {{"prod", reducing(0, ScatterReduce::prod)},
                                        {"prod_without_self", reducing(0, ScatterReduce::prod, false)},
                                        {"mean", reducing(0, ScatterReduce::mean)},
                                        {"mean_without_self", reducing(0, ScatterReduce::mean, false)},
                                        {"amax", reducing(0, ScatterReduce::amax)},
                                        {"amax_without_self", reducing(0, ScatterReduce::amax, false)},
                                        {"amin", reducing(0, ScatterReduce::amin)},
                                        {"amin_without_self", reducing(0, ScatterReduce::amin, false)},
                                        {"axis", reducing(-1, ScatterReduce::amax)},
                                        {"empty", reducing(0, ScatterReduce::amax)}}),
     .rejects = {{Error::shape, "a slice for each index",
                  [] { index_reduce(matrix(), 0, tensor({0, 1, 1}), matrix(), ScatterReduce::prod); }},
                 {Error::shape, "index_reduce", [] { index_reduce(matrix(), 2, tensor({0}), 1, ScatterReduce::prod); }},
                 {Error::value, "5",
                  [] { index_reduce(three(), 0, tensor({5}), tensor({1.0}), ScatterReduce::prod); }}},
     .composite = true,
     .tolerance_scale = 2},
    {.name = "segment_reduce",
     .domains = {{}, positions},
     .samples = stored("segment_reduce", {{"sum", segments(ScatterReduce::sum)},
                                          {"mean", segments(ScatterReduce::mean)},
                                          {"max", segments(ScatterReduce::amax)},
                                          {"min", segments(ScatterReduce::amin)},
                                          {"prod", segments(ScatterReduce::prod)},
                                          {"torch", segments(ScatterReduce::sum)},
                                          {"torch_empty_segment", segments(ScatterReduce::sum)},
                                          {"axis", segments(ScatterReduce::sum, -1)},
                                          {"empty", segments(ScatterReduce::amax)}}),
     .rejects = {{Error::value, "add up to 3", [] { segment_reduce(three(), ScatterReduce::sum, tensor({1, 1})); }},
                 {Error::value, "negative", [] { segment_reduce(three(), ScatterReduce::sum, tensor({4, -1})); }},
                 {Error::shape, "lengths [k]", [] { segment_reduce(three(), ScatterReduce::sum, tensor(3)); }},
                 {Error::dtype, "segment_reduce",
                  [] { segment_reduce(three_ints(), ScatterReduce::sum, tensor({3})); }}},
     .composite = true,
     .tolerance_scale = 2},
    {.name = "renorm",
     .samples = stored("renorm", {{"2", [](Args& x) { return renorm(x[0], 2, 0, 2.5); }},
                                  {"1", [](Args& x) { return renorm(x[0], 1, 1, 3); }},
                                  {"3", [](Args& x) { return renorm(x[0], 3, -1, 2); }},
                                  {"empty", [](Args& x) { return renorm(x[0], 2, 0, 1); }}}),
     .rejects = {{Error::shape, "renorm", [] { renorm(matrix(), 2, 2, 1); }},
                 {Error::value, "maxnorm", [] { renorm(matrix(), 2, 0, -1); }},
                 {Error::value, "p > 0", [] { renorm(matrix(), 0, 0, 1); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "column_stack",
     .samples = stored("column_stack", {{"vectors", [](Args& x) { return column_stack({x[0], x[1]}); }},
                                        {"mixed", [](Args& x) { return column_stack({x[0], x[1], x[2]}); }},
                                        {"empty", [](Args& x) { return column_stack({x[0], x[1]}); }}}),
     .rejects = {{Error::shape, "concatenate", [] { column_stack({three(), one_two()}); }}},
     .composite = true},
    {.name = "cartesian_prod",
     .samples = stored("cartesian_prod", {{"three", [](Args& x) { return cartesian_prod({x[0], x[1], x[2]}); }},
                                          {"empty", [](Args& x) { return cartesian_prod({x[0], x[1]}); }}}),
     .rejects = {{Error::shape, "vectors", [] { cartesian_prod({three(), matrix()}); }},
                 {Error::value, "at least one", [] { cartesian_prod({}); }}},
     .composite = true},
    {.name = "combinations",
     .samples = stored("combinations", {{"1", [](Args& x) { return combinations(x[0], 1); }},
                                        {"1_with_replacement", [](Args& x) { return combinations(x[0], 1, true); }},
                                        {"2", [](Args& x) { return combinations(x[0]); }},
                                        {"2_with_replacement", [](Args& x) { return combinations(x[0], 2, true); }},
                                        {"3", [](Args& x) { return combinations(x[0], 3); }},
                                        {"3_with_replacement", [](Args& x) { return combinations(x[0], 3, true); }},
                                        {"more", [](Args& x) { return combinations(x[0], 3); }},
                                        {"empty", [](Args& x) { return combinations(x[0]); }}}),
     .rejects = {{Error::shape, "vector", [] { combinations(matrix()); }},
                 {Error::value, "-1", [] { combinations(three(), -1); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
