// SPDX-License-Identifier: BSD-3-Clause
// Parts in another order, replaced, or left out. References: tests/files/autograd/make_functions.py.
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/number_parts.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/rearrange.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/sort.hpp>

#include <algorithm>
#include <functional>

namespace newtape::table {
namespace {

/// The parts of x, the last one first.
Call backwards(std::function<std::vector<Tensor>(In)> split, std::int64_t axis) {
  return [split = std::move(split), axis](Args& x) {
    auto parts = split(x[0]);
    std::reverse(parts.begin(), parts.end());
    return concatenate(parts, axis);
  };
}

const Rows mirrors{{
    {.name = "fliplr",
     .samples = stored("fliplr", {{"plain", [](Args& x) { return fliplr(x[0]); }},
                                  {"three", [](Args& x) { return fliplr(x[0]); }},
                                  {"empty", [](Args& x) { return fliplr(x[0]); }}}),
     .rejects = {{Error::shape, "fliplr", [] { fliplr(three()); }}},
     .composite = true},
    {.name = "flipud",
     .samples = stored("flipud", {{"plain", [](Args& x) { return flipud(x[0]); }},
                                  {"vector", [](Args& x) { return flipud(x[0]); }},
                                  {"empty", [](Args& x) { return flipud(x[0]); }}}),
     .rejects = {{Error::shape, "flipud", [] { flipud(tensor(1.0)); }}},
     .composite = true},
}};

const Rows splits{{
    {.name = "hsplit",
     .samples = stored("hsplit", {{"count", backwards([](In x) { return hsplit(x, 2); }, 1)},
                                  {"indices", backwards(
                                                  [](In x) {
                                                    return hsplit(x, Dims{1, 3});
                                                  },
                                                  1)},
                                  {"vector", backwards([](In x) { return hsplit(x, 3); }, 0)},
                                  {"empty", backwards([](In x) { return hsplit(x, 2); }, 1)}}),
     .rejects = {{Error::shape, "hsplit", [] { hsplit(tensor(1.0), 1); }},
                 {Error::value, "hsplit: the parts must have equal lengths", [] { hsplit(matrix(), 2); }},
                 {Error::value, "hsplit", [] { hsplit(matrix(), 0); }}},
     .composite = true},
    {.name = "vsplit",
     .samples = stored("vsplit", {{"count", backwards([](In x) { return vsplit(x, 2); }, 0)},
                                  {"indices", backwards(
                                                  [](In x) {
                                                    return vsplit(x, Dims{1, 1});
                                                  },
                                                  0)},
                                  {"empty", backwards([](In x) { return vsplit(x, 2); }, 0)}}),
     .rejects = {{Error::shape, "vsplit", [] { vsplit(three(), 1); }},
                 {Error::value, "vsplit", [] { vsplit(matrix(), 4); }}},
     .composite = true},
    {.name = "dsplit",
     .samples = stored("dsplit", {{"count", backwards([](In x) { return dsplit(x, 2); }, 2)},
                                  {"indices", backwards([](In x) { return dsplit(x, Dims{1}); }, 2)},
                                  {"empty", backwards([](In x) { return dsplit(x, 2); }, 2)}}),
     .rejects = {{Error::shape, "dsplit", [] { dsplit(matrix(), 1); }}},
     .composite = true},
    {.name = "dstack",
     .samples = stored("dstack", {{"vectors", [](Args& x) { return dstack(x.list()); }},
                                  {"matrices", [](Args& x) { return dstack(x.list()); }},
                                  {"mixed", [](Args& x) { return dstack(x.list()); }},
                                  {"empty", [](Args& x) { return dstack(x.list()); }}}),
     .rejects = {{Error::value, "concatenate", [] { dstack({}); }},
                 {Error::shape, "concatenate", [] { dstack({matrix(), zeros({3, 3})}); }}},
     .composite = true},
}};

const Rows replacements{{
    {.name = "diagflat",
     .samples = stored("diagflat", {{"vector", [](Args& x) { return diagflat(x[0]); }},
                                    {"matrix", [](Args& x) { return diagflat(x[0], -1); }},
                                    {"number", [](Args& x) { return diagflat(x[0], 2); }},
                                    {"empty", [](Args& x) { return diagflat(x[0]); }}}),
     .composite = true},
    {.name = "select_scatter",
     .samples = stored("select_scatter", {{"row", [](Args& x) { return select_scatter(x[0], x[1], 0, 1); }},
                                          {"column", [](Args& x) { return select_scatter(x[0], x[1], -1, -2); }},
                                          {"vector", [](Args& x) { return select_scatter(x[0], x[1], 0, 2); }},
                                          {"empty", [](Args& x) { return select_scatter(x[0], x[1], 1, 0); }}}),
     .rejects = {{Error::shape, "select_scatter: src must have the shape of the part",
                  [] { select_scatter(matrix(), three(), 1, 0); }},
                 {Error::shape, "select_scatter", [] { select_scatter(matrix(), matrix(), 1, 0); }},
                 {Error::value, "index", [] { select_scatter(matrix(), three(), 0, 2); }},
                 {Error::dtype, "select_scatter", [] { select_scatter(matrix(), three_doubles(), 0, 0); }}},
     .composite = true},
    {.name = "slice_scatter",
     .samples = stored("slice_scatter", {{"rows", [](Args& x) { return slice_scatter(x[0], x[1], 0, 1, 3); }},
                                         {"step", [](Args& x) { return slice_scatter(x[0], x[1], 1, 0, 5, 2); }},
                                         {"end", [](Args& x) { return slice_scatter(x[0], x[1], -1, -2, 9); }},
                                         {"nothing", [](Args& x) { return slice_scatter(x[0], x[1], 0, 2, 2); }},
                                         {"empty", [](Args& x) { return slice_scatter(x[0], x[1], 1, 0, 1); }}}),
     .rejects = {{Error::shape, "slice_scatter: src must have the shape of the part",
                  [] { slice_scatter(matrix(), three(), 0, 0, 1); }},
                 {Error::shape, "slice_scatter", [] { slice_scatter(matrix(), three(), 2, 0, 1); }},
                 {Error::dtype, "slice_scatter", [] { slice_scatter(three(), three_doubles(), 0, 0, 3); }}},
     .composite = true},
    {.name = "channel_shuffle",
     .samples = stored("channel_shuffle", {{"two", [](Args& x) { return channel_shuffle(x[0], 2); }},
                                           {"three", [](Args& x) { return channel_shuffle(x[0], 3); }},
                                           {"empty", [](Args& x) { return channel_shuffle(x[0], 2); }}}),
     .rejects = {{Error::shape, "channel_shuffle", [] { channel_shuffle(matrix(), 1); }},
                 {Error::shape, "channel_shuffle: the groups must divide the channels",
                  [] { channel_shuffle(zeros({1, 3, 2}), 2); }}},
     .composite = true},
}};

Row consecutive(const std::string& which, const std::function<Tensor(const Unique&)>& part) {
  const std::string name = "unique_consecutive" + which;
  return {.name = name,
          .samples = stored(name, {{"elements", [part](Args& x) { return part(unique_consecutive(x[0])); }},
                                   {"rows", [part](Args& x) { return part(unique_consecutive(x[0], 0)); }},
                                   {"columns", [part](Args& x) { return part(unique_consecutive(x[0], 1)); }},
                                   {"empty", [part](Args& x) { return part(unique_consecutive(x[0])); }}}),
          .rejects = {{Error::shape, "unique_consecutive", [] { unique_consecutive(matrix(), 2); }}},
          .composite = true,
          .result = which.empty() ? f64 : i64,
          .order = 0,
          .reason = "which elements there are is a constant"};
}

Row infinite(const std::string& name, Tensor (*f)(In)) {
  return {.name = name,
          .samples =
              stored(name, {{"plain", [f](Args& x) { return f(x[0]); }}, {"empty", [f](Args& x) { return f(x[0]); }}}),
          .composite = true,
          .result = boolean,
          .order = 0,
          .reason = step};
}

const Rows constants{{
    consecutive("", [](const Unique& u) { return u.values; }),
    consecutive("'s inverse", [](const Unique& u) { return u.inverse; }),
    consecutive("'s counts", [](const Unique& u) { return u.counts; }),
    infinite("isposinf", isposinf),
    infinite("isneginf", isneginf),
}};

/// As in the script of the references.
FractionalMaxPoolOptions sampled(const Shape& shape, FractionalMaxPoolOptions options) {
  options.random_samples = reshape(remainder(arange(element_count(shape), f64) * 0.375, 1.0), shape);
  return options;
}
Call fractional(const FractionalMaxPoolOptions& options) {
  return [options](Args& x) { return fractional_max_pool2d(x[0], {2, 3}, options); };
}
const FractionalMaxPoolOptions of_size = sampled({2, 3, 2}, {.output_size = {3, 2}});
const FractionalMaxPoolOptions of_none = sampled({0, 3, 2}, {.output_size = 2});

const Rows fractional_pools{{
    {.name = "fractional_max_pool2d",
     .samples = stored("fractional_max_pool2d",
                       {{"size", fractional(of_size)},
                        {"ratio",
                         [](Args& x) {
                           return fractional_max_pool2d(x[0], 2, sampled({2, 3, 2}, {.output_ratio = {0.5}}));
                         }},
                        {"empty", fractional(of_none)}}),
     .rejects = {{Error::shape, "fractional_max_pool2d: the number of spatial axes",
                  [] { fractional_max_pool2d(matrix(), 1, {.output_size = 1}); }},
                 {Error::value, "either output_size or output_ratio",
                  [] {
                    fractional_max_pool2d(zeros({1, 4, 4}), 2, {});
                  }},
                 {Error::value, "output_ratio",
                  [] {
                    fractional_max_pool2d(zeros({1, 4, 4}), 2, {.output_ratio = {1.0}});
                  }},
                 {Error::shape, "the windows must fit",
                  [] {
                    fractional_max_pool2d(zeros({1, 4, 4}), 2, {.output_size = 4});
                  }},
                 {Error::shape, "random_samples",
                  [] {
                    fractional_max_pool2d(zeros({1, 4, 4}), 2, {.output_size = 2, .random_samples = zeros({2})});
                  }}},
     .composite = true,
     .distinct = true},
    {.name = "fractional_max_pool2d's indices",
     .samples = stored("fractional_max_pool2d's indices",
                       {{"size",
                         [](Args& x) {
                           return fractional_max_pool2d_with_indices(x[0], {2, 3}, of_size).second;
                         }},
                        {"empty",
                         [](Args& x) {
                           return fractional_max_pool2d_with_indices(x[0], {2, 3}, of_none).second;
                         }}}),
     .composite = true,
     .distinct = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "fractional_max_pool3d",
     .samples =
         stored("fractional_max_pool3d",
                {{"size",
                  [](Args& x) {
                    return fractional_max_pool3d(x[0], {2, 1, 2}, sampled({1, 2, 3}, {.output_size = {2, 3, 1}}));
                  }},
                 {"empty",
                  [](Args& x) {
                    return fractional_max_pool3d(x[0], 2, sampled({0, 1, 3}, {.output_size = 2}));
                  }}}),
     .rejects = {{Error::shape, "fractional_max_pool3d",
                  [] {
                    fractional_max_pool3d(zeros({2, 4, 4}), 1, {.output_size = 1});
                  }}},
     .composite = true,
     .distinct = true},
}};

}  // namespace
}  // namespace newtape::table
