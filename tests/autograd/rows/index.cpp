// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>

namespace newtape::table {
namespace {

Tensor indices(const Shape& shape, std::vector<std::int64_t> list) {
  Array a = Array::empty(shape, i64);
  std::copy(list.begin(), list.end(), a.data<std::int64_t>());
  return a;
}

Tensor pair() { return indices({2}, {0, 1}); }

/// x has shape `shape`; the axes of the indices, in [-length, length), replace its axis `axis`.
struct Taking {
  Shape shape;
  std::int64_t axis;
  std::size_t meant;
  Shape index_shape;
  std::vector<std::int64_t> list;

  Shape result() const {
    Shape r = shape;
    r.erase(meant);
    for (std::size_t i = 0; i < index_shape.size(); ++i) r.insert(meant + i, index_shape[i]);
    return r;
  }
  /// The source index of the result's element at `i`.
  Dims source(const Dims& i) const {
    std::size_t k = 0;
    for (std::size_t a = 0; a < index_shape.size(); ++a) {
      k = k * static_cast<std::size_t>(index_shape[a]) + static_cast<std::size_t>(i[meant + a]);
    }
    Dims from;
    for (std::size_t a = 0; a < meant; ++a) from.push_back(i[a]);
    from.push_back(list[k] < 0 ? list[k] + shape[meant] : list[k]);
    for (std::size_t a = meant + index_shape.size(); a < i.size(); ++a) from.push_back(i[a]);
    return from;
  }
};

const std::vector<Taking> takings{{{5}, 0, 0, {3}, {4, 0, 4}},
                                  {{3, 2}, 0, 0, {}, {-1}},
                                  {{2, 3}, -1, 1, {2, 2}, {0, -1, 1, 0}},
                                  {{2, 3, 2}, 1, 1, {4}, {2, 2, 0, 2}},
                                  {{4, 2}, 0, 0, {2, 3}, {0, 1, 2, 3, -4, 0}},
                                  {{3, 2}, 0, 0, {0}, {}},
                                  {{0, 3}, 1, 1, {2}, {1, 1}}};

std::vector<Sample> taking() {
  std::vector<Sample> samples;
  for (const auto& t : takings) {
    samples.push_back({{t.shape},
                       [t](Args& x) { return take(x[0], indices(t.index_shape, t.list), t.axis); },
                       picks(t.result(), [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

std::vector<Sample> untaking() {
  std::vector<Sample> samples;
  for (const auto& t : takings) {
    const auto taken = [t](const Tensor& z) { return take(z, indices(t.index_shape, t.list), t.axis); };
    samples.push_back({{t.result()},
                       [t, taken](Args& x) { return pulled_back(taken, t.shape, x[0]); },
                       adds(t.shape, [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

/// Indices have the shape of gather's result and of gather_adjoint's operand.
struct Gathering {
  Shape shape;
  std::int64_t axis;
  std::size_t meant;
  Shape index_shape;
  std::vector<std::int64_t> list;

  Dims source(Dims i) const {
    std::size_t k = 0;
    for (std::size_t a = 0; a < i.size(); ++a) {
      k = k * static_cast<std::size_t>(index_shape[a]) + static_cast<std::size_t>(i[a]);
    }
    i[meant] = list[k] < 0 ? list[k] + shape[meant] : list[k];
    return i;
  }
};

const std::vector<Gathering> gatherings{
    {{5}, 0, 0, {3}, {4, 0, 4}},    {{2, 3}, -1, 1, {2, 4}, {0, -1, 1, 0, 2, 2, 2, -3}},
    {{3, 2}, 0, 0, {1, 2}, {2, 0}}, {{2, 3, 2}, 1, 1, {2, 2, 2}, {0, 1, 2, 0, -1, -1, 1, 2}},
    {{2, 3}, 1, 1, {2, 0}, {}},     {{0, 3}, -1, 1, {0, 2}, {}}};

std::vector<Sample> gathering() {
  std::vector<Sample> samples;
  for (const auto& t : gatherings) {
    samples.push_back({{t.shape},
                       [t](Args& x) { return gather(x[0], t.axis, indices(t.index_shape, t.list)); },
                       picks(t.index_shape, [t](const Dims& i) { return t.source(i); })});
  }
  // Fewer axes of indices than of x: they broadcast over the leading axes.
  samples.push_back({{{2, 3}},
                     [](Args& x) {
                       return gather(x[0], -1, indices({4}, {2, 0, -1, 1}));
                     },
                     picks({2, 4}, [](const Dims& i) {
                       return Dims{i[0], std::vector<std::int64_t>{2, 0, 2, 1}[static_cast<std::size_t>(i[1])]};
                     })});
  return samples;
}

std::vector<Sample> scattering() {
  std::vector<Sample> samples;
  for (const auto& t : gatherings) {
    Shape after = t.index_shape;
    after[t.meant] = t.shape[t.meant];
    samples.push_back(
        {{t.index_shape},
         [t](Args& x) { return gather_adjoint(x[0], t.axis, indices(t.index_shape, t.list), t.shape[t.meant]); },
         adds(after, [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

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
                      {Error::dtype, "scatter_add",
                       [how] {
                         scatter_reduce(matrix(), 1, indices({1, 1}, {0}), zeros({1, 1}, f64), how);
                       }}},
          .composite = true,
          .distinct = !product};
}

const Rows scatter_reductions{{scatter_reduction("scatter_reduce sum", ScatterReduce::sum),
                               scatter_reduction("scatter_reduce prod", ScatterReduce::prod),
                               scatter_reduction("scatter_reduce mean", ScatterReduce::mean),
                               scatter_reduction("scatter_reduce amax", ScatterReduce::amax),
                               scatter_reduction("scatter_reduce amin", ScatterReduce::amin)}};

/// Indices and operand broadcast along the other axes.
Sample taking_along(Shape x_shape, std::int64_t axis, std::size_t meant, Shape index_shape,
                    std::vector<std::int64_t> list, Shape after) {
  return {{x_shape},
          [=](Args& x) { return take_along_axis(x[0], indices(index_shape, list), axis); },
          [=](const std::vector<Values>& x) {
            Values at(index_shape);
            std::copy(list.begin(), list.end(), at.data.begin());
            Values y(after);
            for_each_index(after, [&](const Dims& i) {
              Dims from = i;
              const auto k = static_cast<std::int64_t>(at[i]);
              from[meant] = k < 0 ? k + x_shape[meant] : k;
              y[i] = x[0][from];
            });
            return y;
          }};
}

Tensor mask_of(const Shape& shape, std::vector<std::int64_t> list) {
  return indices(shape, std::move(list)).to(boolean);
}
Sample filling(Shape shape, Shape mask_shape, std::vector<std::int64_t> holds, Shape value) {
  return {{shape, value},
          [=](Args& x) { return masked_fill(x[0], mask_of(mask_shape, holds), x[1]); },
          [=](const std::vector<Values>& x) {
            Values m(mask_shape);
            std::copy(holds.begin(), holds.end(), m.data.begin());
            Values y(shape);
            for_each_index(shape, [&](const Dims& i) { y[i] = m[i] != 0 ? x[1][i] : x[0][i]; });
            return y;
          }};
}
Sample choosing_by_mask(Shape shape, Shape mask_shape, std::vector<std::int64_t> holds, std::vector<Dims> chosen) {
  return {{shape},
          [=](Args& x) { return masked_select(x[0], mask_of(mask_shape, holds)); },
          picks({static_cast<std::int64_t>(chosen.size())},
                [=](const Dims& i) { return chosen[static_cast<std::size_t>(i[0])]; })};
}

const Rows index_rows{{
    {.name = "take",
     .samples = taking(),
     .rejects = {{Error::shape, "take", [] { take(matrix(), pair(), 2); }},
                 {Error::value, "take", [] { take(matrix(), indices({1}, {2}), 0); }},
                 {Error::value, "-4",
                  [] {
                    take(matrix(), indices({2}, {0, -4}), 1);
                  }},
                 {Error::dtype, "take", [] { take(matrix(), zeros({2}), 0); }},
                 {Error::shape, "take", [] { take(tensor(1.0), pair(), 1); }}},
     .integers = true},
    {.name = "take_adjoint", .samples = untaking()},
    {.name = "gather",
     .samples = gathering(),
     .rejects = {{Error::shape, "gather",
                  [] {
                    gather(matrix(), 2, indices({2, 1}, {0, 0}));
                  }},
                 {Error::shape, "gather",
                  [] {
                    gather(matrix(), 1, indices({3, 1}, {0, 0, 0}));
                  }},
                 {Error::value, "3",
                  [] {
                    gather(matrix(), 1, indices({2, 1}, {0, 3}));
                  }},
                 {Error::dtype, "gather",
                  [] {
                    gather(matrix(), 1, zeros({2, 1}));
                  }}},
     .integers = true},
    {.name = "gather_adjoint",
     .samples = scattering(),
     .rejects = {{Error::shape, "gather_adjoint", [] { gather_adjoint(matrix(), 1, pair(), 4); }},
                 {Error::value, "gather_adjoint",
                  [] {
                    gather_adjoint(matrix(), 1, indices({2, 3}, {0, 1, 2, 3, 4, 5}), 4);
                  }},
                 {Error::dtype, "gather_adjoint",
                  [] {
                    gather_adjoint(matrix(), 1, zeros({2, 3}), 4);
                  }},
                 {Error::value, "gather_adjoint",
                  [] {
                    gather_adjoint(matrix(), 1, indices({2, 3}, {0, 0, 0, 0, 0, 0}), -1);
                  }}},
     .integers = true},
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
    {.name = "gather of less",
     .samples = {{{{3, 4}},
                  [](Args& x) {
                    return gather(x[0], 1, indices({2, 1}, {3, -3}));
                  },
                  picks({2, 1},
                        [](const Dims& i) {
                          return Dims{i[0], i[0] == 0 ? 3 : 1};
                        })},
                 {{{0, 4}},
                  [](Args& x) {
                    return gather(x[0], 1, indices({0, 1}, {}));
                  },
                  picks({0, 1}, [](const Dims& i) { return i; })}},
     .composite = true,
     .integers = true},
    {.name = "take_along_axis",
     .samples = {taking_along({2, 3}, 1, 1, {2, 2}, {2, 0, -1, 1}, {2, 2}),
                 taking_along({2, 3}, -2, 0, {1, 3}, {1, 0, 1}, {1, 3}),
                 taking_along({1, 3}, 1, 1, {2, 2}, {2, 2, 0, 1}, {2, 2}),
                 taking_along({3, 2, 2}, 0, 0, {2, 1, 1}, {2, -2}, {2, 2, 2}),
                 taking_along({0, 3}, 1, 1, {1, 2}, {1, 2}, {0, 2})},
     .rejects = {{Error::shape, "take_along_axis", [] { take_along_axis(matrix(), pair(), 0); }},
                 {Error::shape, "take_along_axis", [] { take_along_axis(matrix(), indices({3, 1}, {0, 0, 0}), 1); }},
                 {Error::value, "3", [] { take_along_axis(matrix(), indices({1, 1}, {3}), 1); }}},
     .composite = true,
     .integers = true},
    {.name = "masked_fill",
     .samples = {filling({2, 3}, {2, 3}, {1, 0, 0, 0, 1, 1}, {}), filling({2, 3}, {3}, {1, 0, 1}, {2, 1}),
                 filling({0, 3}, {3}, {1, 0, 1}, {}), filling({}, {}, {1}, {})},
     .rejects = {{Error::shape, "masked_fill", [] { masked_fill(zeros({3}), mask_of({2, 3}, {0, 0, 0, 0, 0, 0}), 1); }},
                 {Error::shape, "masked_fill", [] { masked_fill(zeros({3}), mask_of({3}, {0, 0, 0}), zeros({2, 1})); }},
                 {Error::dtype, "boolean", [] { masked_fill(zeros({3}), zeros({3}), 1); }}},
     .composite = true,
     .integers = true},
    {.name = "masked_select",
     .samples = {choosing_by_mask({2, 3}, {2, 3}, {0, 1, 0, 1, 0, 1}, {{0, 1}, {1, 0}, {1, 2}}),
                 choosing_by_mask({2, 3}, {3}, {0, 0, 1}, {{0, 2}, {1, 2}}),
                 choosing_by_mask({2}, {2, 1}, {1, 0}, {{0}, {1}}), choosing_by_mask({2, 3}, {}, {0}, {}),
                 choosing_by_mask({0, 3}, {3}, {1, 1, 1}, {})},
     .rejects = {{Error::dtype, "masked_select", [] { masked_select(matrix(), matrix()); }},
                 {Error::shape, "masked_select", [] { masked_select(matrix(), mask_of({2}, {0, 1})); }}},
     .composite = true,
     .integers = true},
    {.name = "argwhere",
     .domains = {{.low = 0, .high = 1, .dtype = boolean}},
     .samples = {{{{2, 3}},
                  [](Args& x) { return argwhere(x[0]); },
                  [](const std::vector<Values>& x) {
                    std::vector<Dims> found;
                    for_each_index(x[0].shape, [&](const Dims& i) {
                      if (x[0][i] != 0) found.push_back(i);
                    });
                    Values y({static_cast<std::int64_t>(found.size()), 2});
                    for_each_index(y.shape, [&](const Dims& i) { y[i] = found[static_cast<std::size_t>(i[0])][i[1]]; });
                    return y;
                  }},
                 {{{0, 3}},
                  [](Args& x) { return argwhere(x[0]); },
                  [](const std::vector<Values>&) {
                    return Values({0, 2});
                  }}},
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = "indices"},
    {.name = "one_hot",
     .domains = {{.low = -3, .high = 3, .dtype = i64}},
     .samples = {{{{2, 3}},
                  [](Args& x) { return one_hot(x[0], 4, f64).to(i64); },
                  [](const std::vector<Values>& x) {
                    Values y({2, 3, 4});
                    for_each_index(y.shape, [&](const Dims& i) {
                      const auto k = x[0][{i[0], i[1]}];
                      y[i] = (k < 0 ? k + 4 : k) == i[2] ? 1 : 0;
                    });
                    return y;
                  }},
                 {{{0}},
                  [](Args& x) { return one_hot(x[0], 2).to(i64); },
                  [](const std::vector<Values>&) {
                    return Values({0, 2});
                  }}},
     .rejects = {{Error::value, "one_hot", [] { one_hot(indices({0}, {})); }},
                 {Error::value, "3", [] { one_hot(indices({1}, {3}), 3); }},
                 {Error::dtype, "one_hot", [] { one_hot(zeros({2}), 3); }}},
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = "a constant"},
}};

}  // namespace
}  // namespace newtape::table
