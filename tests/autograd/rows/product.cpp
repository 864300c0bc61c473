// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

/// c[.., i, j] = sum over k of a[.., i, k] b[.., k, j], with vectors as in NumPy's matmul.
Values matrix_product(const std::vector<Values>& x) {
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

Values plain_dot(const std::vector<Values>& x) {
  Values y({});
  for (std::size_t i = 0; i < x[0].data.size(); ++i) y.data[0] += x[0].data[i] * x[1].data[i];
  return y;
}

/// Each row of a with each row of b.
Values inner_products(const std::vector<Values>& x) {
  if (x[0].shape.empty()) {
    Values y(x[1]);
    for (auto& v : y.data) v *= x[0].data[0];
    return y;
  }
  const auto k = static_cast<std::size_t>(x[0].shape.back());
  Shape shape(x[0].shape.begin(), x[0].shape.end() - 1);
  for (std::size_t i = 0; i + 1 < x[1].shape.size(); ++i) shape.push_back(x[1].shape[i]);
  Values y(shape);
  const std::size_t m = k == 0 ? 0 : x[1].data.size() / k;
  for (std::size_t r = 0; r < y.data.size() && k > 0; ++r) {
    for (std::size_t i = 0; i < k; ++i) y.data[r] += x[0].data[r / m * k + i] * x[1].data[r % m * k + i];
  }
  return y;
}

Values outer_product(const std::vector<Values>& x) {
  Values y({x[0].shape[0], x[1].shape[0]});
  for_each_index(y.shape, [&](const Dims& i) { y[i] = x[0][{i[0]}] * x[1][{i[1]}]; });
  return y;
}

Values kronecker(const std::vector<Values>& x) {
  const std::size_t n = std::max(x[0].shape.size(), x[1].shape.size());
  Shape a(x[0].shape);
  Shape b(x[1].shape);
  while (a.size() < n) a.insert(0, 1);
  while (b.size() < n) b.insert(0, 1);
  Shape shape;
  for (std::size_t i = 0; i < n; ++i) shape.push_back(a[i] * b[i]);
  Values y(shape);
  for_each_index(shape, [&](const Dims& at) {
    Dims i(at);
    Dims j(at);
    for (std::size_t k = 0; k < n; ++k) {
      i[k] = at[k] / b[k];
      j[k] = at[k] % b[k];
    }
    y[at] = x[0][i] * x[1][j];
  });
  return y;
}

Elements vector_product(const std::vector<Elements>& x) {
  const auto& a = x[0];
  const auto& b = x[1];
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Sample crossing(Shape a, Shape b, std::int64_t axis, std::size_t meant) {
  return {{a, b}, [axis](Args& x) { return cross(x[0], x[1], axis); }, along(meant, vector_product)};
}

Values bilinear_form(const std::vector<Values>& x) {
  const Values& w = x[2];
  Shape shape = broadcast_shapes("reference", Shape(x[0].shape.begin(), x[0].shape.end() - 1),
                                 Shape(x[1].shape.begin(), x[1].shape.end() - 1));
  shape.push_back(w.shape[0]);
  Values y(shape);
  for_each_index(shape, [&](const Dims& at) {
    y[at] = x[3][{at.back()}];
    Dims i(at);
    Dims j(at);
    for (std::int64_t p = 0; p < w.shape[1]; ++p) {
      for (std::int64_t q = 0; q < w.shape[2]; ++q) {
        i[i.size() - 1] = p;
        j[j.size() - 1] = q;
        y[at] += x[0][i] * w[{at.back(), p, q}] * x[1][j];
      }
    }
  });
  return y;
}
const Call bilinear_call = [](Args& x) { return bilinear(x[0], x[1], x[2], x[3]); };

using AddProduct = Tensor (*)(In, In, In, const AddmmOptions&);
Sample adding(AddProduct f, Shape c, Shape a, Shape b, AddmmOptions options) {
  return {{c, a, b},
          [=](Args& x) { return f(x[0], x[1], x[2], options); },
          [=](const std::vector<Values>& x) {
            Values y = matrix_product({x[1], x[2]});
            for_each_index(y.shape, [&](const Dims& i) {
              y[i] = static_cast<long double>(options.alpha) * y[i] + static_cast<long double>(options.beta) * x[0][i];
            });
            return y;
          }};
}

const Call multiply = [](Args& x) { return matmul(x[0], x[1]); };
const Call layer = [](Args& x) { return linear(x[0], x[1], x[2]); };

const Rows products{{
    {.name = "matmul",
     .samples = {{{{2, 3}, {3, 4}}, multiply, matrix_product},
                 {{{1, 1}, {1, 1}}, multiply, matrix_product},
                 {{{5}, {5}}, multiply, matrix_product},
                 {{{3}, {3, 2}}, multiply, matrix_product},
                 {{{2, 3}, {3}}, multiply, matrix_product},
                 {{{2, 2, 3}, {3}}, multiply, matrix_product},
                 {{{3}, {2, 3, 2}}, multiply, matrix_product},
                 {{{2, 2, 3}, {2, 3, 2}}, multiply, matrix_product},
                 {{{2, 2, 3}, {3, 2}}, multiply, matrix_product},
                 {{{2, 3}, {2, 3, 2}}, multiply, matrix_product},
                 {{{2, 1, 2, 2}, {3, 2, 1}}, multiply, matrix_product},
                 {{{0, 3}, {3, 2}}, multiply, matrix_product},
                 {{{2, 0}, {0, 3}}, multiply, matrix_product},
                 {{{0, 2, 3}, {3, 2}}, multiply, matrix_product},
                 {{{0}, {0}}, multiply, matrix_product}},
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
    {.name = "dot",
     .samples = {{{{5}, {5}}, [](Args& x) { return dot(x[0], x[1]); }, plain_dot},
                 {{{0}, {0}}, [](Args& x) { return dot(x[0], x[1]); }, plain_dot}},
     .rejects = {{Error::shape, "dot", [] { dot(of({3}), of({4})); }},
                 {Error::shape, "dot",
                  [] {
                    dot(of({2, 3}), of({2, 3}));
                  }},
                 {Error::dtype, "f32", [] { dot(of({3}), of({3}, f64)); }}},
     .composite = true,
     .integers = true},
    {.name = "vdot",
     .samples = {{{{2, 3}, {2, 3}}, [](Args& x) { return vdot(x[0], x[1]); }, plain_dot},
                 {{{2, 3}, {6}}, [](Args& x) { return vdot(x[0], x[1]); }, plain_dot},
                 {{{}, {1}}, [](Args& x) { return vdot(x[0], x[1]); }, plain_dot},
                 {{{0}, {2, 0}}, [](Args& x) { return vdot(x[0], x[1]); }, plain_dot}},
     .rejects = {{Error::shape, "vdot", [] { vdot(of({3}), of({4})); }}},
     .composite = true,
     .integers = true},
    {.name = "inner",
     .samples = {{{{3}, {3}}, [](Args& x) { return inner(x[0], x[1]); }, inner_products},
                 {{{2, 3}, {4, 3}}, [](Args& x) { return inner(x[0], x[1]); }, inner_products},
                 {{{2, 2, 3}, {2, 3}}, [](Args& x) { return inner(x[0], x[1]); }, inner_products},
                 {{{}, {2, 3}}, [](Args& x) { return inner(x[0], x[1]); }, inner_products},
                 {{{2, 0}, {3, 0}}, [](Args& x) { return inner(x[0], x[1]); }, inner_products}},
     .rejects = {{Error::shape, "inner",
                  [] {
                    inner(of({2, 3}), of({3, 2}));
                  }}},
     .composite = true,
     .integers = true},
    {.name = "outer",
     .samples = {{{{2}, {3}}, [](Args& x) { return outer(x[0], x[1]); }, outer_product},
                 {{{0}, {3}}, [](Args& x) { return outer(x[0], x[1]); }, outer_product}},
     .rejects = {{Error::shape, "outer",
                  [] {
                    outer(of({2, 3}), of({3}));
                  }}},
     .composite = true,
     .integers = true},
    {.name = "kron",
     .samples = {{{{2}, {3}}, [](Args& x) { return kron(x[0], x[1]); }, kronecker},
                 {{{2, 3}, {3, 2}}, [](Args& x) { return kron(x[0], x[1]); }, kronecker},
                 {{{2, 3}, {2}}, [](Args& x) { return kron(x[0], x[1]); }, kronecker},
                 {{{}, {2, 1, 2}}, [](Args& x) { return kron(x[0], x[1]); }, kronecker},
                 {{{0, 2}, {2, 3}}, [](Args& x) { return kron(x[0], x[1]); }, kronecker}},
     .rejects = {{Error::dtype, "f32", [] { kron(of({3}), of({3}, f64)); }}},
     .composite = true,
     .integers = true},
    {.name = "cross",
     .samples = {crossing({3}, {3}, -1, 0), crossing({2, 3}, {3}, -1, 1), crossing({3, 2}, {3, 1}, 0, 0),
                 crossing({3}, {2, 3}, -1, 1), crossing({2, 3, 2}, {3, 2}, 1, 1), crossing({0, 3}, {3}, 1, 1)},
     .rejects = {{Error::shape, "cross", [] { cross(of({2, 2}), of({2, 2})); }},
                 {Error::shape, "cross", [] { cross(of({2, 3}), of({3, 3})); }},
                 {Error::shape, "cross", [] { cross(of({3}), of({3}), 1); }},
                 {Error::shape, "three components", [] { cross(of({1}), of({3})); }},
                 {Error::shape, "three components", [] { cross(of({2, 3}), of({2, 1})); }},
                 {Error::shape, "three components", [] { cross(of({3, 2}), of({2}), 0); }}},
     .composite = true,
     .integers = true},
    {.name = "bilinear",
     .samples = {{{{2}, {3}, {2, 2, 3}, {2}}, bilinear_call, bilinear_form},
                 {{{4, 2}, {4, 3}, {2, 2, 3}, {2}}, bilinear_call, bilinear_form},
                 {{{2, 2, 1}, {2}, {3, 1, 2}, {3}}, bilinear_call, bilinear_form},
                 {{{0, 2}, {0, 3}, {2, 2, 3}, {2}}, bilinear_call, bilinear_form}},
     .rejects = {{Error::shape, "bilinear", [] { bilinear(of({2}), of({3}), of({2, 3, 2}), of({2})); }},
                 {Error::shape, "bilinear", [] { bilinear(of({2}), of({3}), of({2, 2, 3}), of({3})); }},
                 {Error::shape, "bilinear", [] { bilinear(of({}), of({3}), of({2, 2, 3}), of({3})); }}},
     .composite = true},
    {.name = "addmm",
     .samples = {adding(addmm, {2, 2}, {2, 3}, {3, 2}, {}), adding(addmm, {2}, {2, 3}, {3, 2}, {.alpha = 2}),
                 adding(addmm, {}, {2, 1}, {1, 2}, {.beta = 0.5, .alpha = -1}),
                 adding(addmm, {2, 1}, {2, 0}, {0, 3}, {})},
     .rejects = {{Error::shape, "addmm", [] { addmm(of({}), of({2, 3}), of({2, 3})); }},
                 {Error::shape, "addmm", [] { addmm(of({3}), of({2, 3}), of({3, 2})); }},
                 {Error::shape, "c must broadcast", [] { addmm(of({2, 2, 2}), of({2, 3}), of({3, 2})); }},
                 {Error::shape, "addmm", [] { addmm(of({}), of({3}), of({3, 2})); }}},
     .composite = true},
    {.name = "addmv",
     .samples = {adding(addmv, {2}, {2, 3}, {3}, {}), adding(addmv, {}, {2, 3}, {3}, {.beta = 2, .alpha = 3}),
                 adding(addmv, {1}, {0, 3}, {3}, {})},
     .rejects = {{Error::shape, "addmv", [] { addmv(of({2}), of({2, 3}), of({2})); }},
                 {Error::shape, "addmv", [] { addmv(of({3}), of({2, 3}), of({3})); }}},
     .composite = true},
    {.name = "baddbmm",
     .samples = {adding(baddbmm, {2, 2, 2}, {2, 2, 3}, {2, 3, 2}, {}),
                 adding(baddbmm, {2}, {2, 1, 3}, {2, 3, 2}, {.beta = -1, .alpha = 2}),
                 adding(baddbmm, {}, {0, 1, 3}, {0, 3, 2}, {})},
     .rejects = {{Error::shape, "baddbmm", [] { baddbmm(of({}), of({2, 2, 3}), of({1, 3, 2})); }},
                 {Error::shape, "baddbmm", [] { baddbmm(of({}), of({2, 3}), of({3, 2})); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
