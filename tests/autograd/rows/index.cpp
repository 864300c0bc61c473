// SPDX-License-Identifier: BSD-3-Clause
#include "../table.hpp"

namespace newtape::table {
namespace {

Tensor indices(const Shape& shape, std::vector<std::int64_t> list) {
  Array a = Array::empty(shape, i64);
  std::copy(list.begin(), list.end(), a.data<std::int64_t>());
  return a;
}

Tensor matrix() { return zeros({2, 3}); }
Tensor pair() { return indices({2}, {0, 1}); }

/// x has shape `shape`; its axis `axis` gives way to the axes of the indices, which lie in [-length, length).
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
  /// Where the result's element at `i` comes from.
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

/// The pullback of take as a function of the cotangent.
std::vector<Sample> untaking() {
  std::vector<Sample> samples;
  for (const auto& t : takings) {
    samples.push_back({{t.result()},
                       [t](Args& x) {
                         const Tensor g = x[0];
                         const Tensor z = variable(zeros(t.shape, g.dtype()));
                         const GradMode on(true);
                         return grad(take(z, indices(t.index_shape, t.list), t.axis), z,
                                     {.create_graph = true, .grad_outputs = {g}});
                       },
                       adds(t.shape, [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

/// Indices have the shape of gather's result and of scatter_add's operand.
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
                       [t](Args& x) { return gather(x[0], indices(t.index_shape, t.list), t.axis); },
                       picks(t.index_shape, [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

std::vector<Sample> scattering() {
  std::vector<Sample> samples;
  for (const auto& t : gatherings) {
    Shape after = t.index_shape;
    after[t.meant] = t.shape[t.meant];
    samples.push_back(
        {{t.index_shape},
         [t](Args& x) { return scatter_add(x[0], indices(t.index_shape, t.list), t.axis, t.shape[t.meant]); },
         adds(after, [t](const Dims& i) { return t.source(i); })});
  }
  return samples;
}

/// The parts one after the other along an axis; for stack they get that axis first.
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

const Rows indexing{{
    {.name = "take",
     .samples = taking(),
     .rejects = {{Error::shape, "take", [] { take(matrix(), pair(), 2); }},
                 {Error::value, "take", [] { take(matrix(), indices({1}, {2}), 0); }},
                 {Error::value, "-4",
                  [] {
                    take(matrix(), indices({2}, {0, -4}), 1);
                  }},
                 {Error::dtype, "take", [] { take(matrix(), zeros({2}), 0); }},
                 {Error::shape, "take", [] { take(tensor(1.0), pair(), 0); }}},
     .integers = true},
    {.name = "take_add", .samples = untaking()},
    {.name = "gather",
     .samples = gathering(),
     .rejects = {{Error::shape, "gather",
                  [] {
                    gather(matrix(), indices({2, 1}, {0, 0}), 2);
                  }},
                 {Error::shape, "gather", [] { gather(matrix(), pair(), 1); }},
                 {Error::shape, "gather",
                  [] {
                    gather(matrix(), indices({3, 1}, {0, 0, 0}), 1);
                  }},
                 {Error::value, "3",
                  [] {
                    gather(matrix(), indices({2, 1}, {0, 3}), 1);
                  }},
                 {Error::dtype, "gather",
                  [] {
                    gather(matrix(), zeros({2, 1}), 1);
                  }}},
     .integers = true},
    {.name = "scatter_add",
     .samples = scattering(),
     .rejects = {{Error::shape, "scatter_add", [] { scatter_add(matrix(), pair(), 1, 4); }},
                 {Error::value, "scatter_add",
                  [] {
                    scatter_add(matrix(), indices({2, 3}, {0, 1, 2, 3, 4, 5}), 1, 4);
                  }},
                 {Error::dtype, "scatter_add",
                  [] {
                    scatter_add(matrix(), zeros({2, 3}), 1, 4);
                  }},
                 {Error::value, "scatter_add",
                  [] {
                    scatter_add(matrix(), indices({2, 3}, {0, 0, 0, 0, 0, 0}), 1, -1);
                  }}},
     .integers = true},
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
}};

}  // namespace
}  // namespace newtape::table
