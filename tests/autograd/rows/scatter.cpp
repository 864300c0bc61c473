// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/indices.hpp"
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

/// index_copy and index_add; src broadcasts to the shape of `take`'s result.
std::vector<Sample> placing_slices(bool adds) {
  std::vector<Sample> samples;
  for (const auto& t : takings) {
    const auto add = [t, adds](const Shape& of) {
      return Sample{{t.shape, of},
                    [t, adds](Args& x) {
                      const Tensor at = indices(t.index_shape, t.list);
                      return adds ? index_add(x[0], t.axis, at, x[1]) : index_copy(x[0], t.axis, at, x[1]);
                    },
                    [t, adds](const std::vector<Values>& x) {
                      Values y = x[0];
                      for_each_index(t.result(), [&](const Dims& i) {
                        auto& e = y[t.source(i)];
                        e = (adds ? e : 0) + x[1][i];
                      });
                      return y;
                    }};
    };
    samples.push_back(add(t.result()));
    if (samples.size() == 3) samples.push_back(add({1}));
  }
  if (adds) {
    samples.push_back({{{3}, {2}},
                       [](Args& x) {
                         return index_add(x[0], 0, indices({2}, {2, 2}), x[1], {.alpha = -3});
                       },
                       [](const std::vector<Values>& x) {
                         Values y = x[0];
                         for (const auto v : x[1].data) y.data[2] -= 3 * v;
                         return y;
                       }});
  }
  return samples;
}

/// Fewer indices than elements along the other axes, a longer source, and equal indices.
std::vector<Sample> scattering_into(bool adds) {
  std::vector<Sample> samples;
  const auto add = [&](const Gathering& t, const Shape& source) {
    samples.push_back({{t.shape, source},
                       [t, adds](Args& x) {
                         const Tensor at = indices(t.index_shape, t.list);
                         return adds ? scatter_add(x[0], t.axis, at, x[1]) : scatter(x[0], t.axis, at, x[1]);
                       },
                       [t, adds](const std::vector<Values>& x) {
                         Values y = x[0];
                         for_each_index(t.index_shape, [&](const Dims& i) {
                           auto& e = y[t.source(i)];
                           e = (adds ? e : 0) + x[1][i];
                         });
                         return y;
                       }});
  };
  for (const auto& t : gatherings) add(t, t.index_shape);
  add({{3, 2}, 0, 0, {2, 1}, {2, -2}}, {2, 1});
  add({{3, 2}, 0, 0, {2, 1}, {2, 2}}, {3, 2});
  add({{2, 3}, 1, 1, {1, 2}, {1, 1}}, {});
  return samples;
}

/// The element of the operand and those that arrive, reduced.
long double reduced_by(ScatterReduce how, const Elements& e) {
  long double y = e[0];
  for (std::size_t i = 1; i < e.size(); ++i) {
    switch (how) {
      case ScatterReduce::prod: y *= e[i]; break;
      case ScatterReduce::amax: y = std::max(y, e[i]); break;
      case ScatterReduce::amin: y = std::min(y, e[i]); break;
      default: y += e[i];
    }
  }
  return how == ScatterReduce::mean ? y / static_cast<long double>(e.size()) : y;
}

std::vector<Sample> scattering_by(ScatterReduce how) {
  std::vector<Sample> samples;
  for (const bool include_self : {true, false}) {
    for (const auto& t : gatherings) {
      samples.push_back({{t.shape, t.index_shape},
                         [=](Args& x) {
                           const Tensor at = indices(t.index_shape, t.list);
                           return scatter_reduce(x[0], t.axis, at, x[1], how, {.include_self = include_self});
                         },
                         [=](const std::vector<Values>& x) {
                           Values y = x[0];
                           for_each_index(t.shape, [&](const Dims& to) {
                             Elements all;
                             for_each_index(t.index_shape, [&](const Dims& i) {
                               if (t.source(i) == to) all.push_back(x[1][i]);
                             });
                             if (all.empty()) return;
                             if (include_self) all.insert(all.begin(), x[0][to]);
                             y[to] = reduced_by(how, all);
                           });
                           return y;
                         }});
    }
  }
  return samples;
}
Row scatter_reduction(const std::string& name, ScatterReduce how) {
  const bool product = how == ScatterReduce::prod;
  return {.name = name,
          // Integers around 0: the derivatives must be correct where factors are zero.
          .domains = {product ? Domain{.low = -1, .high = 2, .whole = true} : Domain{}},
          .samples = scattering_by(how),
          .rejects = {{Error::shape, "scatter_reduce",
                       [how] {
                         scatter_reduce(matrix(), 1, indices({3, 1}, {0, 0, 0}), 1, how);
                       }},
                      {Error::value, "3",
                       [how] {
                         scatter_reduce(matrix(), 1, indices({1, 1}, {3}), 1, how);
                       }},
                      {Error::dtype, "scatter_reduce",
                       [how] {
                         scatter_reduce(matrix(), 1, indices({1, 1}, {0}), zeros({1, 1}, f64), how);
                       }}},
          .covers = {"scatter_reduce"},
          .composite = true,
          .distinct = !product};
}

const Rows scatter_reductions{{scatter_reduction("scatter_reduce sum", ScatterReduce::sum),
                               scatter_reduction("scatter_reduce prod", ScatterReduce::prod),
                               scatter_reduction("scatter_reduce mean", ScatterReduce::mean),
                               scatter_reduction("scatter_reduce amax", ScatterReduce::amax),
                               scatter_reduction("scatter_reduce amin", ScatterReduce::amin)}};

const Rows scatter_rows{{
    {.name = "index_add",
     .samples = placing_slices(true),
     .rejects = {{Error::value, "length 2", [] { index_add(matrix(), 0, indices({1}, {2}), 1); }},
                 {Error::dtype, "index_add", [] { index_add(matrix(), 0, zeros({2}), 1); }},
                 {Error::dtype, "index_add",
                  [] {
                    index_add(matrix(), 0, pair(), zeros({2, 3}, f64));
                  }},
                 {Error::shape, "index_add", [] { index_add(matrix(), 2, pair(), 1); }},
                 {Error::shape, "[2, 3]",
                  [] {
                    index_add(matrix(), 0, pair(), zeros({3, 3}));
                  }}},
     .integers = true},
    {.name = "index_copy",
     .samples = placing_slices(false),
     .rejects = {{Error::value, "-3", [] { index_copy(matrix(), 0, indices({1}, {-3}), 1); }},
                 {Error::dtype, "index_copy",
                  [] {
                    index_copy(matrix(), 0, pair(), zeros({2, 3}, f64));
                  }},
                 {Error::shape, "index_copy", [] { index_copy(matrix(), 2, pair(), 1); }}},
     .integers = true},
    {.name = "index_fill",
     .samples = {{{{3, 2}, {}},
                  [](Args& x) {
                    return index_fill(x[0], 0, indices({2}, {0, -1}), x[1]);
                  },
                  [](const std::vector<Values>& x) {
                    Values y = x[0];
                    for_each_index(y.shape, [&](const Dims& i) { y[i] = i[0] == 1 ? y[i] : x[1][i]; });
                    return y;
                  }},
                 {{{0, 2}, {}},
                  [](Args& x) { return index_fill(x[0], 1, indices({1}, {1}), x[1]); },
                  [](const std::vector<Values>& x) { return x[0]; }}},
     .composite = true,
     .integers = true},
    {.name = "scatter",
     .samples = scattering_into(false),
     .rejects = {{Error::shape, "scatter", [] { scatter(matrix(), 1, pair(), 1); }},
                 {Error::shape, "scatter",
                  [] {
                    scatter(matrix(), 1, indices({2, 2}, {0, 1, 0, 1}), zeros({2, 1}));
                  }},
                 {Error::value, "3",
                  [] {
                    scatter(matrix(), 1, indices({1, 1}, {3}), 1);
                  }}},
     .composite = true,
     .integers = true},
    {.name = "scatter_add",
     .samples = scattering_into(true),
     .rejects = {{Error::shape, "scatter_add",
                  [] {
                    scatter_add(matrix(), 1, indices({3, 1}, {0, 0, 0}), 1);
                  }},
                 {Error::dtype, "scatter_add",
                  [] {
                    scatter_add(matrix(), 1, indices({1, 1}, {0}), zeros({1, 1}, f64));
                  }}},
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
