// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {
namespace {

/// alpha A B + beta C
Results gemm(Call& c) {
  const double alpha = c.real("alpha", 1), beta = c.real("beta", 1);
  const bool transpose_b = c.integer("transB", 0) != 0;
  Tensor a = c.tensor(0), b = c.tensor(1), bias = c.given(2) ? c.tensor(2) : Tensor();
  if (c.integer("transA", 0) != 0) a = transpose(std::move(a));
  if (a.dtype() == i64) {
    Tensor y = matmul(a, transpose_b ? transpose(b) : b);
    if (alpha != 1) y = (y.to(f64) * alpha).to(i64);
    if (bias.defined()) y = y + (beta == 1 ? bias : (bias.to(f64) * beta).to(i64));
    return c.out(std::move(y));
  }
  if (alpha != 1) a = std::move(a) * alpha;
  if (beta != 1 && bias.defined()) bias = std::move(bias) * beta;
  // As the linear layer that it mostly is, which K-FAC observes.
  const Tensor w = transpose_b ? b : transpose(b);
  if (!bias.defined()) return c.out(linear(std::move(a), w));
  if (bias.ndim() == 1 && bias.size() == w.shape(0)) return c.out(linear(std::move(a), w, bias));
  return c.out(linear(std::move(a), w) + bias);
}

Results einsum_row(Call& c) {
  std::vector<Tensor> operands;
  for (std::size_t i = 0; i < c.size(); ++i) operands.push_back(c.tensor(i));
  return c.out(einsum(c.text("equation", ""), operands));
}

constexpr Row product_table[] = {
    {"Det", {11, 22}, unary<newtape::linalg::det>},
    {"Einsum", {12}, einsum_row},
    {"Gemm", {1, 6, 7, 9, 11, 13}, gemm},
    {"MatMul", {1, 9, 13}, binary<newtape::matmul>},
};

}  // namespace

Rows product_rows() { return product_table; }

}  // namespace newtape::onnx::detail
