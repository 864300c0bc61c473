// SPDX-License-Identifier: BSD-3-Clause
#include "../table.hpp"

namespace newtape::table {
namespace {

/// c[.., i, j] = sum over k of a[.., i, k] b[.., k, j], with vectors as NumPy's matmul takes them.
Values product(const std::vector<Values>& x) {
  Values a = x[0];
  Values b = x[1];
  const bool row = a.shape.size() == 1;
  const bool column = b.shape.size() == 1;
  if (row) a.shape.insert(0, 1);
  if (column) b.shape.push_back(1);
  const auto lead = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
  const auto n = a.shape[a.shape.size() - 2];
  const auto inner = a.shape.back();
  const auto m = b.shape.back();
  Shape full = broadcast_shapes("reference", lead(a.shape), lead(b.shape));
  const std::size_t d = full.size();
  full.push_back(n);
  full.push_back(m);
  Values c(full);
  for_each_index(full, [&](const Dims& at) {
    Dims ia(at);
    Dims ib(at);
    for (std::int64_t k = 0; k < inner; ++k) {
      ia[d + 1] = k;
      ib[d] = k;
      c[at] += a[ia] * b[ib];
    }
  });
  if (column) c.shape.erase(d + 1);
  if (row) c.shape.erase(d);
  return c;
}

/// x w^T + b.
Values affine(const std::vector<Values>& x) {
  const Values& w = x[1];
  Shape shape = x[0].shape;
  const auto inner = shape.back();
  shape[shape.size() - 1] = w.shape[0];
  Values y(shape);
  for_each_index(shape, [&](const Dims& at) {
    const auto j = at.back();
    Dims ix(at);
    y[at] = x[2][{j}];
    for (std::int64_t k = 0; k < inner; ++k) {
      ix[ix.size() - 1] = k;
      y[at] += x[0][ix] * w[{j, k}];
    }
  });
  return y;
}

Tensor of(Shape shape, DType dtype = f32) { return zeros(shape, dtype); }

const Call multiply = [](Args& x) { return matmul(x[0], x[1]); };
const Call layer = [](Args& x) { return linear(x[0], x[1], x[2]); };

const Rows products{{
    {.name = "matmul",
     .samples = {{{{2, 3}, {3, 4}}, multiply, product},
                 {{{1, 1}, {1, 1}}, multiply, product},
                 {{{5}, {5}}, multiply, product},
                 {{{3}, {3, 2}}, multiply, product},
                 {{{2, 3}, {3}}, multiply, product},
                 {{{2, 2, 3}, {3}}, multiply, product},
                 {{{3}, {2, 3, 2}}, multiply, product},
                 {{{2, 2, 3}, {2, 3, 2}}, multiply, product},
                 {{{2, 2, 3}, {3, 2}}, multiply, product},
                 {{{2, 3}, {2, 3, 2}}, multiply, product},
                 {{{2, 1, 2, 2}, {3, 2, 1}}, multiply, product},
                 {{{0, 3}, {3, 2}}, multiply, product},
                 {{{2, 0}, {0, 3}}, multiply, product},
                 {{{0, 2, 3}, {3, 2}}, multiply, product},
                 {{{0}, {0}}, multiply, product}},
     .rejects = {{Error::shape, "matmul",
                  [] {
                    matmul(of({2, 3}), of({2, 3}));
                  }},
                 {Error::shape, "[2, 3]",
                  [] {
                    matmul(of({2, 3}), of({4, 2}));
                  }},
                 {Error::shape, "matmul",
                  [] {
                    matmul(of({2, 2, 3}), of({3, 3, 2}));
                  }},
                 {Error::shape, "matmul", [] { matmul(of({}), of({3})); }},
                 {Error::shape, "matmul", [] { matmul(of({3}), of({4})); }},
                 {Error::dtype, "f32 [2, 3] and f64 [3, 2]",
                  [] {
                    matmul(of({2, 3}), of({3, 2}, f64));
                  }}},
     .integers = true},
    {.name = "linear",
     .samples = {{{{4, 3}, {2, 3}, {2}}, layer, affine},
                 {{{3}, {2, 3}, {2}}, layer, affine},
                 {{{2, 2, 3}, {4, 3}, {4}}, layer, affine},
                 {{{0, 3}, {2, 3}, {2}}, layer, affine},
                 {{{2, 0}, {3, 0}, {3}}, layer, affine},
                 {{{2, 3}, {0, 3}, {0}}, layer, affine}},
     .rejects = {{Error::shape, "linear",
                  [] {
                    linear(of({4, 3}), of({3, 2}), of({2}));
                  }},
                 {Error::shape, "w [2, 3]",
                  [] {
                    linear(of({4, 3}), of({2, 3}), of({3}));
                  }},
                 {Error::shape, "linear",
                  [] {
                    linear(of({}), of({2, 3}), of({2}));
                  }},
                 {Error::shape, "linear", [] { linear(of({3}), of({3}), of({3})); }},
                 {Error::dtype, "linear",
                  [] {
                    linear(of({4, 3}), of({2, 3}, f64), of({2}));
                  }},
                 {Error::dtype, "linear",
                  [] {
                    linear(of({4, 3}), of({2, 3}), of({2}, f64));
                  }}}},
}};

}  // namespace
}  // namespace newtape::table
