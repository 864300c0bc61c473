// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/product.hpp>

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/linalg/bf16_products.hpp>
#include <newtape/core/linalg/products.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op matmul_op{"matmul"};
static const Op linear_op{"linear"};

namespace {
/// match, except that an f16 or bf16 matrix (a constant) beside f32 stays as it is: the product widens it in panels.
void match_product(const Op& op, In& a, In& b) {
  const auto is_stored = [](const In& x) { return !x.is_number() && is_half(x.dtype()) && x.ndim() == 2; };
  for (In* const half : {&a, &b}) {
    In& other = half == &a ? b : a;
    if (!is_stored(*half) || other.is_number() || !is_floating(other.dtype())) continue;
    if (other.dtype() == f64) half->promote(f64);
    return;
  }
  match(op, a, b);
}

/// f() in the precision of this scope.
template <class F>
Array in_scope_precision(const F& f) {
  if (!Autocast::is_on()) return f();
  const core::Bf16Products half(true);
  return f();
}

/// a b in the precision that the operation had whose gradient it is.
Tensor matmul_as(bool autocast, const Tensor& a, const Tensor& b) {
  const Autocast scope(autocast);
  return matmul(a, b);
}

/// Whether the last two axes are in column-major order.
bool is_column_major(const Tensor& x) {
  const auto& steps = x.value().strides();
  return steps[x.ndim() - 2] == 1 && steps[x.ndim() - 1] > 1;
}

/// a b for operands with at least two axes. Gradients are computed in the precision of the product, and have the memory
/// order of their operands: that of a transposed operand is contiguous after transposing back, for row-wise access by later
/// operations.
Tensor matrix_product(const Tensor& a, const Tensor& b, SourceLocation location) {
  const bool half = Autocast::is_on();
  return matmul_op(
      in_scope_precision([&] { return core::matmul(a.value(), b.value()); }),
      wrt(In(a, location),
          [b, half, transposed = is_column_major(a)](const Tensor& g) {
            return transposed ? transpose(matmul_as(half, b, transpose(g))) : matmul_as(half, g, transpose(b));
          }),
      wrt(In(b, location), [a, half, weight = b.node().get(), transposed = is_column_major(b)](const Tensor& g) {
        const bool matrix = weight->shape.size() == 2 && a.ndim() == 2;
        const auto pass = [&] { return LayerPass{.weight = weight, .input = a, .grad = g, .transposed = true}; };
        if (matrix && show_layer(pass)) return Tensor();
        return transposed ? transpose(matmul_as(half, transpose(g), a)) : matmul_as(half, transpose(a), g);
      }));
}
}  // namespace

Tensor matmul(In a, In b) {
  match_product(matmul_op, a, b);
  if (a.ndim() == 0 || b.ndim() == 0) {
    raise<ShapeError>("matmul: the operands must have axes", "a [.., n, k] or [k], b [.., k, m] or [k]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  const SourceLocation location = a.location();
  if (a.ndim() == 1 && b.ndim() == 1) {
    return reshape(matrix_product(unsqueeze(a, 0), unsqueeze(b, 1), location), {});
  }
  if (a.ndim() == 1) return squeeze(matrix_product(unsqueeze(a, 0), b, location), -2);
  if (b.ndim() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  if (b.ndim() == 2 && a.ndim() > 2 && a.shape().back() == b.shape()[0] &&
      (recorded(a, b) || a.value().is_contiguous())) {
    // A stack of matrices times one matrix is one product of a tall matrix, as is b's gradient, which would otherwise
    // be a sum over a stack of products. When nothing is recorded this is not worth a copy.
    Shape shape = a.shape();
    const auto k = shape.back();
    shape.resize(shape.size() - 1);
    const auto rows = element_count(shape);
    shape.push_back(b.shape()[1]);
    return reshape(matrix_product(reshape(a, {rows, k}), b, location), shape);
  }
  return matrix_product(a, b, location);
}

Tensor linear(In x, In w, In b) {
  match_product(linear_op, x, w);
  if (!b.is_number() && is_half(b.dtype()) && is_floating(x.dtype())) b.promote(x.dtype());
  match(linear_op, x, b);
  if (x.ndim() < 1 || w.ndim() != 2 || b.ndim() != 1 || x.shape().back() != w.shape()[1] ||
      b.shape()[0] != w.shape()[0]) {
    raise<ShapeError>("linear: the features must agree", "x [.., k], w [m, k], b [m]",
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()) + ", b " + to_string(b.shape()));
  }
  if (x.ndim() != 2) {
    Shape shape = x.shape();
    const auto k = shape.back();
    shape[shape.size() - 1] = w.shape()[0];
    const std::int64_t rows = element_count(Shape(shape.begin(), shape.end() - 1));
    return reshape(linear(reshape(x, {rows, k}), w, b), shape);
  }
  const bool half = Autocast::is_on();
  return linear_op(
      in_scope_precision([&] { return core::linear(x.value(), w.value(), b.value()); }),
      wrt(x, [w = w.tensor(), half](const Tensor& g) { return matmul_as(half, g, w); }),
      wrt(w,
          [x = x.tensor(), half, weight = w.tensor().node().get(), bias = b.tensor().node().get()](const Tensor& g) {
            const auto pass = [&] { return LayerPass{.weight = weight, .bias = bias, .input = x, .grad = g}; };
            return show_layer(pass) ? Tensor() : matmul_as(half, transpose(g), x);
          }),
      wrt(b, [](const Tensor& g) { return g; }));
}

Tensor linear(In x, In w) {
  match_product(linear_op, x, w);
  if (x.ndim() < 1 || w.ndim() != 2 || x.shape().back() != w.shape()[1]) {
    raise<ShapeError>("linear: the features must agree", "x [.., k], w [m, k]",
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()));
  }
  const auto location = w.location();
  return matmul(std::move(x), In(transpose(w), location));
}

namespace {

std::string shapes(const In& a, const In& b) { return "a " + to_string(a.shape()) + ", b " + to_string(b.shape()); }

}  // namespace

Tensor dot(In a, In b) {
  if (a.ndim() != 1 || a.shape() != b.shape()) {
    raise<ShapeError>("dot: the operands must be vectors of equal length", "a [k], b [k]", shapes(a, b));
  }
  return matmul(a, b);
}

Tensor vdot(In a, In b) {
  if (a.size() != b.size()) {
    raise<ShapeError>("vdot: the operands must have equal numbers of elements", "as many in a as in b", shapes(a, b));
  }
  return matmul(reshape(a, {a.size()}), reshape(b, {b.size()}));
}

Tensor inner(In a, In b) {
  if (a.ndim() == 0 || b.ndim() == 0) return a * b;
  if (a.shape().back() != b.shape().back()) {
    raise<ShapeError>("inner: the last lengths must agree", "a [.., k], b [.., k]", shapes(a, b));
  }
  return tensordot(a, b, Dims{-1}, Dims{-1});
}

Tensor outer(In a, In b) {
  if (a.ndim() != 1 || b.ndim() != 1) {
    raise<ShapeError>("outer: the operands must be vectors", "a [n], b [m]", shapes(a, b));
  }
  return unsqueeze(a, 1) * b;
}

Tensor kron(In a, In b) {
  const std::size_t n = std::max(a.ndim(), b.ndim());
  Shape of_a;
  Shape of_b;
  Shape shape;
  for (std::size_t i = 0; i < n; ++i) {
    const auto length = [n, i](const Shape& s) { return n - i > s.size() ? 1 : s[s.size() - (n - i)]; };
    const auto p = length(a.shape());
    const auto q = length(b.shape());
    of_a.push_back(p);
    of_a.push_back(1);
    of_b.push_back(1);
    of_b.push_back(q);
    shape.push_back(p * q);
  }
  return reshape(reshape(a, of_a) * reshape(b, of_b), shape);
}

Tensor cross(In a, In b, std::int64_t axis) {
  const Shape shape = broadcast_shapes("cross", a.shape(), b.shape());
  const auto at = normalize_axis("cross", axis, shape.size());
  const auto from_last = static_cast<std::int64_t>(at) - static_cast<std::int64_t>(shape.size());
  const auto fits = [from_last](const In& v) {
    return v.ndim() >= static_cast<std::size_t>(-from_last) && v.tensor().shape(from_last) == 3;
  };
  if (!fits(a) || !fits(b)) {
    raise<ShapeError>("cross: the vectors must have three components", "length 3 along axis " + std::to_string(axis),
                      shapes(a, b));
  }
  const Tensor x = a.shape() == shape ? a.tensor() : expand(a, shape);
  const Tensor y = b.shape() == shape ? b.tensor() : expand(b, shape);
  const Tensor next = tensor({1, 2, 0}, i64);
  const Tensor last = tensor({2, 0, 1}, i64);
  const auto rotated = [from_last](const Tensor& v, const Tensor& order) { return take(v, order, from_last); };
  return rotated(x, next) * rotated(y, last) - rotated(x, last) * rotated(y, next);
}

Tensor bilinear(In x1, In x2, In w, In b) {
  if (x1.ndim() < 1 || x2.ndim() < 1 || w.ndim() != 3 || b.ndim() != 1 || x1.shape().back() != w.shape()[1] ||
      x2.shape().back() != w.shape()[2] || b.shape()[0] != w.shape()[0]) {
    raise<ShapeError>("bilinear: the features must agree", "x1 [.., n], x2 [.., m], w [k, n, m], b [k]",
                      "x1 " + to_string(x1.shape()) + ", x2 " + to_string(x2.shape()) + ", w " + to_string(w.shape()) +
                          ", b " + to_string(b.shape()));
  }
  return einsum("...i,kij,...j->...k", {x1, w, x2}) + b;
}

namespace {

Tensor add_product(const char* op, std::size_t ndim_a, std::size_t ndim_b, const char* expected, In& c, In& a, In& b,
                   const AddmmOptions& options) {
  const std::string got = "a " + to_string(a.shape()) + ", b " + to_string(b.shape()) + ", c " + to_string(c.shape());
  const std::size_t last = ndim_b == 1 ? 0 : ndim_b - 2;
  bool fits = a.ndim() == ndim_a && b.ndim() == ndim_b && a.shape().back() == b.shape()[last] &&
              (ndim_a < 3 || a.shape()[0] == b.shape()[0]);
  if (!fits) raise<ShapeError>(std::string(op) + ": the lengths must agree", expected, got);
  Shape shape(a.shape().begin(), a.shape().end() - 1);
  if (ndim_b > 1) shape.push_back(b.shape().back());
  fits = broadcast_shapes(op, c.shape(), shape) == shape;
  if (!fits) raise<ShapeError>(std::string(op) + ": c must broadcast to the product", to_string(shape), got);
  Tensor y = matmul(a, b);
  if (options.alpha != 1) y = std::move(y) * options.alpha;
  if (options.beta == 0) return y;  // as in BLAS: c is not read
  if (options.beta == 1) return std::move(y) + c;
  return std::move(y) + c * options.beta;
}

}  // namespace

Tensor addmm(In c, In a, In b, const AddmmOptions& options) {
  return add_product("addmm", 2, 2, "a [n, k], b [k, m], c to [n, m]", c, a, b, options);
}
Tensor addmv(In c, In a, In b, const AddmmOptions& options) {
  return add_product("addmv", 2, 1, "a [n, k], b [k], c to [n]", c, a, b, options);
}
Tensor baddbmm(In c, In a, In b, const AddmmOptions& options) {
  return add_product("baddbmm", 3, 3, "a [i, n, k], b [i, k, m], c to [i, n, m]", c, a, b, options);
}

}  // namespace newtape
