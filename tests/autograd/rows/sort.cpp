// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/values_indices.hpp>

#include <algorithm>
#include <numeric>

namespace newtape::table {
namespace {

/// Stable argsort.
std::vector<std::size_t> sorted_order(const Elements& e, bool descending) {
  std::vector<std::size_t> places(e.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::stable_sort(places.begin(), places.end(),
                   [&](auto i, auto j) { return descending ? e[i] > e[j] : e[i] < e[j]; });
  return places;
}

/// The first k in order: elements or indices.
Reference first(std::size_t axis, bool descending, std::size_t k, bool places, std::size_t skip = 0) {
  return along(axis, [=](const Lines& x) {
    const auto order = sorted_order(x[0], descending);
    Elements y;
    for (std::size_t i = skip; i < std::min(order.size(), k); ++i) {
      y.push_back(places ? static_cast<long double>(order[i]) : x[0][order[i]]);
    }
    return y;
  });
}

constexpr std::size_t everything = 1000;

Sample sorting(Shape shape, std::int64_t axis, std::size_t meant, bool descending) {
  return {{shape},
          [=](Args& x) { return sort(x[0], axis, descending).values; },
          first(meant, descending, everything, false)};
}
Sample ranks(Shape shape, std::int64_t axis, std::size_t meant, bool descending) {
  return {
      {shape}, [=](Args& x) { return argsort(x[0], axis, descending); }, first(meant, descending, everything, true)};
}
Sample choosing_largest(Shape shape, std::int64_t k, std::int64_t axis, std::size_t meant, bool largest,
                        bool places = false) {
  return {{shape},
          [=](Args& x) {
            const ValuesIndices top = topk(x[0], k, axis, largest);
            return places ? top.indices : top.values;
          },
          first(meant, largest, static_cast<std::size_t>(k), places)};
}
Sample ranking(Shape shape, std::int64_t k, std::int64_t axis, std::size_t meant) {
  return {{shape},
          [=](Args& x) { return kthvalue(x[0], k, axis, true).values; },
          first(meant, false, static_cast<std::size_t>(k), false, static_cast<std::size_t>(k) - 1)};
}

Tensor zero_two_one() { return tensor({0, 2, 1}, i64); }

enum class UniquePart { values, inverse, counts };

Values distinct(const std::vector<Values>& x, UniquePart part) {
  Elements all(x[0].data);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  Values y(part == UniquePart::inverse ? x[0].shape : Shape{static_cast<std::int64_t>(all.size())});
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    if (part == UniquePart::values) y.data[i] = all[i];
    if (part == UniquePart::counts) y.data[i] = std::count(x[0].data.begin(), x[0].data.end(), all[i]);
    if (part == UniquePart::inverse) y.data[i] = std::find(all.begin(), all.end(), x[0].data[i]) - all.begin();
  }
  return y;
}
std::vector<Sample> uniques(UniquePart part) {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{}, Shape{9}, Shape{2, 3}, Shape{0}, Shape{2, 0}}) {
    samples.push_back(
        {{shape},
         [part](Args& x) {
           const Unique u = unique(x[0]);
           return part == UniquePart::values ? u.values : part == UniquePart::inverse ? u.inverse : u.counts;
         },
         [part](const std::vector<Values>& x) { return distinct(x, part); }});
  }
  return samples;
}

Sample counting(Shape shape, std::int64_t least) {
  return {{shape},
          [least](Args& x) { return bincount(x[0], least); },
          [least](const std::vector<Values>& x) {
            long double top = static_cast<long double>(least) - 1;
            for (const auto v : x[0].data) top = std::max(top, v);
            Values y({static_cast<std::int64_t>(top) + 1});
            for (const auto v : x[0].data) y.data[static_cast<std::size_t>(v)] += 1;
            return y;
          }};
}
Sample searching(Shape sorted, Shape values, bool right) {
  return {{sorted, values},
          [right](Args& x) { return searchsorted(sort(x[0], 0).values, x[1], right); },
          [right](const std::vector<Values>& x) {
            Values y(x[1].shape);
            for (std::size_t i = 0; i < y.data.size(); ++i) {
              y.data[i] = std::count_if(x[0].data.begin(), x[0].data.end(),
                                        [&](long double v) { return right ? v <= x[1].data[i] : v < x[1].data[i]; });
            }
            return y;
          }};
}

const std::vector<Domain> ties{{.low = -1, .high = 1, .whole = true}};

const Rows sorts{{
    {.name = "sort",
     .samples = {sorting({5}, -1, 0, false), sorting({2, 3}, -1, 1, true), sorting({3, 2}, 0, 0, false),
                 sorting({2, 3, 2}, 1, 1, true), sorting({0, 3}, 1, 1, false), sorting({3, 0}, 1, 1, false),
                 sorting({1}, 0, 0, true)},
     .rejects = {{Error::shape, "sort", [] { sort(matrix(), 2); }},
                 {Error::shape, "sort", [] { sort(tensor(1.0), 1); }}},
     .known = {{{{2, 1, 2}},
                {{2, 1, 4}},
                [](Args& x) {
                  return sort(x[0]).values * tensor({1, 2, 4}, f64);
                }}},
     .distinct = true,
     .integers = true},
    {.name = "argsort",
     .domains = ties,
     .samples = {ranks({7}, -1, 0, false), ranks({2, 7}, -1, 1, true), ranks({7, 2}, 0, 0, false),
                 ranks({2, 5, 3}, 1, 1, true), ranks({0, 3}, 1, 1, false), ranks({300}, 0, 0, true)},
     .rejects = {{Error::shape, "argsort", [] { argsort(matrix(), 2); }}},
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "topk",
     .samples = {choosing_largest({5}, 3, -1, 0, true), choosing_largest({2, 3}, 2, -1, 1, false),
                 choosing_largest({4, 2}, 1, 0, 0, true), choosing_largest({2, 3, 2}, 3, 1, 1, true),
                 choosing_largest({9}, 1, 0, 0, false), choosing_largest({4}, 0, 0, 0, true),
                 choosing_largest({0, 3}, 3, 1, 1, true)},
     .rejects = {{Error::value, "topk", [] { topk(matrix(), 4); }},
                 {Error::value, "-1", [] { topk(matrix(), -1); }},
                 {Error::shape, "topk", [] { topk(matrix(), 1, 2); }}},
     .distinct = true,
     .integers = true},
    {.name = "topk's indices",
     .domains = ties,
     .samples = {choosing_largest({9}, 4, -1, 0, true, true), choosing_largest({2, 9}, 1, 1, 1, false, true),
                 choosing_largest({4, 2}, 3, 0, 0, true, true), choosing_largest({0}, 0, 0, 0, true, true)},
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "kthvalue",
     .samples = {ranking({5}, 2, -1, 0),
                 ranking({2, 3}, 3, -1, 1),
                 ranking({4, 2}, 1, 0, 0),
                 ranking({2, 3, 2}, 2, 1, 1),
                 {{{2, 4}},
                  [](Args& x) { return kthvalue(x[0], 2).values; },
                  folds({1}, false, [](const Elements& e) { return e[sorted_order(e, false)[1]]; })},
                 {{{0, 3}},
                  [](Args& x) { return kthvalue(x[0], 2).values; },
                  folds({1}, false, [](const Elements& e) { return e[0]; })}},
     .rejects = {{Error::value, "kthvalue", [] { kthvalue(matrix(), 4); }},
                 {Error::value, "kthvalue", [] { kthvalue(matrix(), 0); }},
                 {Error::shape, "kthvalue", [] { kthvalue(matrix(), 1, 2); }}},
     .composite = true,
     .distinct = true,
     .integers = true},
    {.name = "unique",
     .domains = ties,
     .samples = uniques(UniquePart::values),
     .composite = true,
     .integers = true,
     .order = 0,
     .reason = "which elements there are is a constant"},
    {.name = "unique's inverse",
     .domains = ties,
     .samples = uniques(UniquePart::inverse),
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "unique's counts",
     .domains = ties,
     .samples = uniques(UniquePart::counts),
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = "a number of elements is a constant"},
    {.name = "bincount",
     .domains = {{.low = 0, .high = 3, .dtype = i64}},
     .samples = {counting({9}, 0), counting({2, 3}, 7), counting({0}, 0), counting({0}, 2), counting({}, 0)},
     .rejects = {{Error::dtype, "bincount", [] { bincount(matrix()); }},
                 {Error::value, "-2", [] { bincount(tensor({1, -2}, i64)); }}},
     .result = i64,
     .order = 0,
     .reason = "a number of elements is a constant"},
    {.name = "searchsorted",
     .domains = {{.low = -2, .high = 2, .whole = true}},
     .samples = {searching({9}, {2, 3}, false), searching({9}, {5}, true), searching({0}, {2}, false),
                 searching({3}, {}, true), searching({3}, {0}, true)},
     .rejects = {{Error::shape, "searchsorted", [] { searchsorted(matrix(), tensor({1.0, 2})); }},
                 {Error::dtype, "searchsorted", [] { searchsorted(zero_two_one(), tensor({1.0, 2})); }}},
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
}};

}  // namespace
}  // namespace newtape::table
