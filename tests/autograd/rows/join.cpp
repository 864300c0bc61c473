// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>

namespace newtape::table {
namespace {

/// The parts concatenated along an axis; for stack the axis is inserted first.
Reference joined(std::size_t axis, bool stacked) {
  return [=](std::vector<Values> parts) {
    if (stacked) {
      for (auto& p : parts) p.shape.insert(axis, 1);
    }
    Shape shape = parts[0].shape;
    shape[axis] = 0;
    for (const auto& p : parts) shape[axis] += p.shape[axis];
    Values y(shape);
    std::int64_t start = 0;
    for (const auto& p : parts) {
      for_each_index(p.shape, [&](Dims i) {
        const long double x = p[i];
        i[axis] += start;
        y[i] = x;
      });
      start += p.shape[axis];
    }
    return y;
  };
}
Sample concatenating(std::vector<Shape> parts, std::int64_t axis, std::size_t meant) {
  return {std::move(parts), [axis](Args& x) { return concatenate(x.list(), axis); }, joined(meant, false)};
}
Sample stacking(std::vector<Shape> parts, std::int64_t axis, std::size_t meant) {
  return {std::move(parts), [axis](Args& x) { return stack(x.list(), axis); }, joined(meant, true)};
}

/// The parts of an array concatenated in the order `used`; omitted parts get no gradient.
Sample parting(Shape before, std::function<std::vector<Tensor>(In)> part, std::size_t axis, Dims sizes, Dims used) {
  Dims from;
  for (const auto k : used) {
    std::int64_t start = 0;
    for (std::int64_t j = 0; j < k; ++j) start += sizes[j];
    for (std::int64_t j = 0; j < sizes[k]; ++j) from.push_back(start + j);
  }
  Shape after = before;
  after[axis] = static_cast<std::int64_t>(from.size());
  const std::size_t count = sizes.size();
  return {{before},
          [=](Args& x) {
            const auto parts = part(x[0]);
            if (parts.size() != count)
              raise<ShapeError>("split: another number of parts", std::to_string(count), std::to_string(parts.size()));
            std::vector<Tensor> chosen;
            for (const auto k : used) chosen.push_back(parts[static_cast<std::size_t>(k)]);
            return concatenate(chosen, static_cast<std::int64_t>(axis));
          },
          picks(after, [=](Dims i) {
            i[axis] = from[static_cast<std::size_t>(i[axis])];
            return i;
          })};
}
Sample splitting(Shape before, std::int64_t size, std::int64_t axis, std::size_t meant, Dims sizes, Dims used) {
  return parting(
      before, [=](In x) { return split(x, size, axis); }, meant, sizes, used);
}
/// Elements of x along an axis in another order, by stack.
Sample unstacking(Shape before, std::int64_t axis, std::size_t meant, Dims used) {
  Shape after = before;
  after[meant] = static_cast<std::int64_t>(used.size());
  return {{before},
          [=](Args& x) {
            const auto parts = unstack(x[0], axis);
            std::vector<Tensor> chosen;
            for (const auto k : used) {
              if (k >= static_cast<std::int64_t>(parts.size()))
                raise<ShapeError>("unstack: fewer parts", "a part " + std::to_string(k), std::to_string(parts.size()));
              chosen.push_back(parts[static_cast<std::size_t>(k)]);
            }
            return stack(chosen, static_cast<std::int64_t>(meant));
          },
          picks(after, [=](Dims i) {
            i[meant] = used[static_cast<std::size_t>(i[meant])];
            return i;
          })};
}

const Rows joins{{
    {.name = "concatenate",
     .samples = {concatenating({{3}}, 0, 0), concatenating({{2}, {3}, {0}}, -1, 0),
                 concatenating({{2, 3}, {1, 3}}, 0, 0), concatenating({{2, 3}, {2, 1}, {2, 2}}, 1, 1),
                 concatenating({{0, 3}, {0, 2}}, -1, 1)},
     .rejects = {{Error::value, "concatenate", [] { concatenate(std::vector<Tensor>{}); }},
                 {Error::shape, "concatenate",
                  [] {
                    concatenate({matrix(), zeros({3, 2})}, 0);
                  }},
                 {Error::shape, "concatenate",
                  [] {
                    concatenate({matrix(), zeros({3})}, 0);
                  }},
                 {Error::shape, "concatenate",
                  [] {
                    concatenate({tensor(1.0), tensor(2.0)}, 0);
                  }},
                 {Error::shape, "concatenate", [] { concatenate({matrix()}, 2); }},
                 {Error::dtype, "concatenate",
                  [] {
                    concatenate({matrix(), zeros({2, 3}, f64)}, 0);
                  }}},
     .integers = true},
    {.name = "stack",
     .samples = {stacking({{}, {}}, 0, 0), stacking({{3}, {3}, {3}}, 0, 0), stacking({{2, 3}, {2, 3}}, -1, 2),
                 stacking({{2, 3}, {2, 3}}, 1, 1), stacking({{0, 2}, {0, 2}}, 0, 0)},
     .rejects = {{Error::value, "stack", [] { stack(std::vector<Tensor>{}); }},
                 {Error::shape, "stack",
                  [] {
                    stack({matrix(), zeros({3, 2})});
                  }},
                 {Error::shape, "stack",
                  [] {
                    stack({matrix(), matrix()}, 3);
                  }},
                 {Error::dtype, "stack",
                  [] {
                    stack({matrix(), zeros({2, 3}, f64)});
                  }}},
     .integers = true},
    {.name = "hstack",
     .samples = {{{{2}, {3}}, [](Args& x) { return hstack(x.list()); }, joined(0, false)},
                 {{{2, 1}, {2, 2}}, [](Args& x) { return hstack(x.list()); }, joined(1, false)},
                 {{{0, 1}, {0, 2}}, [](Args& x) { return hstack(x.list()); }, joined(1, false)}},
     .rejects = {{Error::value, "concatenate", [] { hstack({}); }}},
     .composite = true,
     .integers = true},
    {.name = "vstack",
     .samples = {{{{3}, {3}}, [](Args& x) { return vstack(x.list()); }, joined(0, true)},
                 {{{2, 1}, {1, 1}}, [](Args& x) { return vstack(x.list()); }, joined(0, false)},
                 {{{0}, {0}}, [](Args& x) { return vstack(x.list()); }, joined(0, true)}},
     .rejects = {{Error::shape, "concatenate",
                  [] {
                    vstack({matrix(), zeros({2})});
                  }}},
     .composite = true,
     .integers = true},
    {.name = "split",
     .samples = {splitting({5}, 2, 0, 0, {2, 2, 1}, {2, 0, 1}), splitting({2, 4}, 2, -1, 1, {2, 2}, {1}),
                 splitting({2, 3}, 5, 1, 1, {3}, {0, 0}), splitting({0, 2}, 3, 0, 0, {0}, {0}),
                 parting({4, 2},
                         [](In x) {
                           return split(x, Dims{1, 0, 3});
                         },
                         0, {1, 0, 3}, {2, 0, 1}),
                 parting({2, 2, 3},
                         [](In x) {
                           return split(x, Dims{1, 2}, -1);
                         },
                         2, {1, 2}, {1})},
     .rejects = {{Error::value, "split", [] { split(matrix(), 0); }},
                 {Error::shape, "split", [] { split(matrix(), 1, 2); }},
                 {Error::value, "[1, 1]", [] { split(matrix(), Dims{1, 1}, 1); }},
                 {Error::value, "split", [] { split(matrix(), Dims{4, -1}, 1); }}},
     .integers = true},
    {.name = "chunk",
     .samples = {parting({5}, [](In x) { return chunk(x, 3); }, 0, {2, 2, 1}, {1, 2, 0}),
                 parting({2, 4}, [](In x) { return chunk(x, 3, 1); }, 1, {2, 2}, {1}),
                 parting({0, 2}, [](In x) { return chunk(x, 2); }, 0, {0}, {0})},
     .rejects = {{Error::value, "chunk", [] { chunk(matrix(), 0); }}},
     .composite = true,
     .integers = true},
    {.name = "tensor_split",
     .samples = {parting({5}, [](In x) { return tensor_split(x, 3); }, 0, {2, 2, 1}, {1, 2, 0}),
                 parting({2, 2}, [](In x) { return tensor_split(x, 3, 1); }, 1, {1, 1, 0}, {1}),
                 parting({0, 2}, [](In x) { return tensor_split(x, 2); }, 0, {0, 0}, {0}),
                 parting({7},
                         [](In x) {
                           return tensor_split(x, Dims{1, -2, 9});
                         },
                         0, {1, 4, 2, 0}, {2, 1})},
     .rejects = {{Error::value, "tensor_split", [] { tensor_split(matrix(), 0); }},
                 {Error::value, "tensor_split", [] { tensor_split(matrix(), Dims{2, 1}, 1); }}},
     .composite = true,
     .integers = true},
    {.name = "unstack",
     .samples = {unstacking({3}, 0, 0, {2, 0}), unstacking({2, 3}, -1, 1, {0, 2, 1}), unstacking({3, 2, 2}, 1, 1, {1}),
                 unstacking({2, 0}, 0, 0, {1, 1})},
     .rejects = {{Error::shape, "unstack", [] { unstack(tensor(1.0)); }},
                 {Error::shape, "unstack", [] { unstack(matrix(), 2); }}},
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
