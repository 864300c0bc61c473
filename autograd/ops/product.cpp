// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/linalg.hpp>

namespace newtape {

static const Op matmul_op{"matmul"};
static const Op linear_op{"linear"};

namespace {
/// Its last two axes lie in memory as those of a transposed matrix.
bool lies_transposed(const Tensor& x) {
  const auto& steps = x.value().strides();
  return steps[x.ndim() - 2] == 1 && steps[x.ndim() - 1] > 1;
}

/// Both have two axes at least. A gradient lies in memory as its operand does: that of a transposed operand is
/// contiguous once it is turned back, and what is made of it runs along rows.
Tensor matrix_product(const Tensor& a, const Tensor& b, Place place) {
  return matmul_op(core::matmul(a.value(), b.value()),
                   wrt(In(a, place),
                       [b, turned = lies_transposed(a)](const Tensor& g) {
                         return turned ? transpose(matmul(b, transpose(g))) : matmul(g, transpose(b));
                       }),
                   wrt(In(b, place), [a, turned = lies_transposed(b)](const Tensor& g) {
                     return turned ? transpose(matmul(transpose(g), a)) : matmul(transpose(a), g);
                   }));
}
}  // namespace

Tensor matmul(In a, In b) {
  match(matmul_op, a, b);
  if (a.ndim() == 0 || b.ndim() == 0) {
    raise<ShapeError>("matmul: the operands must have axes", "a [.., n, k] or [k], b [.., k, m] or [k]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  const Place place = a.place();
  if (a.ndim() == 1 && b.ndim() == 1) {
    return reshape(matrix_product(unsqueeze(a, 0), unsqueeze(b, 1), place), {});
  }
  if (a.ndim() == 1) return squeeze(matrix_product(unsqueeze(a, 0), b, place), -2);
  if (b.ndim() == 1) return squeeze(matrix_product(a, unsqueeze(b, 1), place), -1);
  return matrix_product(a, b, place);
}

Tensor linear(In x, In w, In b) {
  match(linear_op, x, w);
  match(linear_op, x, b);
  if (x.ndim() < 1 || w.ndim() != 2 || b.ndim() != 1 || x.shape().back() != w.shape()[1] ||
      b.shape()[0] != w.shape()[0]) {
    raise<ShapeError>("linear: the features do not meet", "x [.., k], w [m, k], b [m]",
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()) + ", b " + to_string(b.shape()));
  }
  if (x.ndim() != 2) {
    Shape shape = x.shape();
    const auto k = shape.back();
    shape[shape.size() - 1] = w.shape()[0];
    const std::int64_t rows = element_count(Shape(shape.begin(), shape.end() - 1));
    return reshape(linear(reshape(x, {rows, k}), w, b), shape);
  }
  return linear_op(core::linear(x.value(), w.value(), b.value()),
                   wrt(x, [w = w.tensor()](const Tensor& g) { return matmul(g, w); }),
                   wrt(w, [x = x.tensor()](const Tensor& g) { return matmul(transpose(g), x); }),
                   wrt(b, [](const Tensor& g) { return g; }));
}

}  // namespace newtape
