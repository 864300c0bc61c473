// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/indices.hpp"
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

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
