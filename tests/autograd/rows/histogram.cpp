// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/histogram.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/sort.hpp>

namespace newtape::table {
namespace {

const std::string count_step = "a number of elements is a constant";

Tensor edges_of(std::vector<double> numbers) { return tensor(numbers, f64); }

/// Sums of weights, by edges or, without them, by bins of equal width; x has no derivative.
Tensor weighted(const Tensor& x, const Tensor& weights, const Tensor& edges, std::int64_t bins, bool density) {
  const HistogramOptions o{.weights = weights, .density = density};
  return (edges.defined() ? histogram(x, edges, o) : histogram(x, bins, o)).hist + 0.0 * sum(x);
}

enum class SlicePart { values, inverse, counts };
Tensor unique_part(Args& x, std::int64_t axis, SlicePart part) {
  const Unique u = unique(x[0], axis);
  return part == SlicePart::values ? u.values : part == SlicePart::inverse ? u.inverse : u.counts;
}
std::vector<Sample> unique_slices(const std::string& name, SlicePart part) {
  const auto along_axis = [part](std::int64_t axis) {
    return [part, axis](Args& x) { return unique_part(x, axis, part); };
  };
  return stored(
      name,
      {{"rows", along_axis(0)}, {"columns", along_axis(-1)}, {"middle", along_axis(1)}, {"empty", along_axis(0)}});
}

const Rows histogram_rows{{
    {.name = "histogram",
     .samples = stored("histogram", {{"counts", [](Args& x) { return histogram(x[0]).hist; }},
                                     {"range",
                                      [](Args& x) {
                                        return histogram(x[0], 4, {.range = {{-1, 1}}}).hist;
                                      }},
                                     {"edges",
                                      [](Args& x) {
                                        return histogram(x[0], edges_of({-1, -0.5, 0, 1.5})).hist;
                                      }},
                                     {"ends", [](Args& x) { return histogram(x[0], 3).hist; }},
                                     {"equal", [](Args& x) { return histogram(x[0], 4).hist; }},
                                     {"empty", [](Args& x) { return histogram(x[0], 3).hist; }}}),
     .rejects = {{Error::value, "bins", [] { histogram(three(), 0); }},
                 {Error::value, "range",
                  [] {
                    histogram(three(), 3, {.range = {{2, 1}}});
                  }},
                 {Error::value, "range",
                  [] {
                    histogram(tensor({1.0, infinity}));
                  }},
                 {Error::dtype, "boolean", [] { histogram(three_flags()); }},
                 {Error::value, "must not decrease",
                  [] {
                    histogram(three(), edges_of({0, 2, 1}));
                  }},
                 {Error::shape, "at least two edges", [] { histogram(three(), edges_of({1})); }},
                 {Error::shape, "one weight", [] { histogram(three(), 3, {.weights = one_two()}); }}},
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = count_step},
    {.name = "histogram's edges",
     .samples = stored("histogram's edges", {{"edges", [](Args& x) { return histogram(x[0], 4).bin_edges; }},
                                             {"equal", [](Args& x) { return histogram(x[0], 4).bin_edges; }},
                                             {"empty", [](Args& x) { return histogram(x[0], 3).bin_edges; }}}),
     .composite = true,
     .order = 0,
     .reason = "edges are constants"},
    {.name = "histogram's density",
     .samples =
         stored("histogram's density", {{"density",
                                         [](Args& x) {
                                           return histogram(x[0], edges_of({-2, -0.5, 0, 3}), {.density = true}).hist;
                                         }},
                                        {"empty", [](Args& x) { return histogram(x[0], 2, {.density = true}).hist; }}}),
     .composite = true,
     .order = 0,
     .reason = count_step},
    {.name = "histogram's weights",
     .samples = stored("histogram's weights", {{"weights", [](Args& x) { return weighted(x[0], x[1], {}, 4, false); }},
                                               {"density",
                                                [](Args& x) {
                                                  return weighted(x[0], x[1], edges_of({-2, -0.5, 0, 2}), 0, true);
                                                }},
                                               {"empty", [](Args& x) { return weighted(x[0], x[1], {}, 3, false); }}}),
     .composite = true},
    {.name = "histc",
     .samples = stored("histc", {{"plain", [](Args& x) { return histc(x[0], 7); }},
                                 {"range", [](Args& x) { return histc(x[0], 4, -1, 1.5); }},
                                 {"equal", [](Args& x) { return histc(x[0], 4); }},
                                 {"empty", [](Args& x) { return histc(x[0], 3); }}}),
     .rejects = {{Error::value, "bins", [] { histc(three(), 0); }},
                 {Error::value, "range", [] { histc(three(), 3, 2, 1); }}},
     .composite = true,
     .order = 0,
     .reason = count_step},
    {.name = "unique along an axis",
     .samples = unique_slices("unique along an axis", SlicePart::values),
     .rejects = {{Error::shape, "unique", [] { unique(matrix(), 2); }},
                 {Error::shape, "unique", [] { unique(tensor(1.0), 0); }}},
     .composite = true,
     .order = 0,
     .reason = "which elements there are is a constant"},
    {.name = "unique along an axis's inverse",
     .samples = unique_slices("unique along an axis's inverse", SlicePart::inverse),
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "unique along an axis's counts",
     .samples = unique_slices("unique along an axis's counts", SlicePart::counts),
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = count_step},
    {.name = "isin",
     .samples = stored("isin", {{"plain", [](Args& x) { return isin(x[0], x[1]); }},
                                {"invert", [](Args& x) { return isin(x[0], x[1], true); }},
                                {"nothing", [](Args& x) { return isin(x[0], x[1]); }},
                                {"empty", [](Args& x) { return isin(x[0], x[1]); }}}),
     .rejects = {{Error::dtype, "isin", [] { isin(three(), three_doubles()); }},
                 {Error::value, "isin", [] { isin(1.0, 2.0); }}},
     .result = boolean,
     .order = 0,
     .reason = step},
    {.name = "searchsorted in batches",
     .samples = stored("searchsorted in batches", {{"left", [](Args& x) { return searchsorted(x[0], x[1]); }},
                                                   {"right", [](Args& x) { return searchsorted(x[0], x[1], true); }},
                                                   {"empty", [](Args& x) { return searchsorted(x[0], x[1]); }},
                                                   {"no_rows", [](Args& x) { return searchsorted(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "leading axes", [] { searchsorted(matrix(), of({3, 2})); }},
                 {Error::shape, "leading axes", [] { searchsorted(matrix(), tensor(1.0, f32)); }}},
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "bucketize",
     .samples = stored("bucketize", {{"left", [](Args& x) { return bucketize(x[0], x[1]); }},
                                     {"right", [](Args& x) { return bucketize(x[0], x[1], true); }},
                                     {"empty", [](Args& x) { return bucketize(x[0], x[1]); }}}),
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
}};

}  // namespace
}  // namespace newtape::table
