// SPDX-License-Identifier: BSD-3-Clause
// Norms and other functions composed of public operations.
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <vector>

namespace newtape::linalg {

namespace {

void expect_matrix(const char* op, const In& a) {
  if (a.ndim() >= 2) return;
  raise<ShapeError>(std::string(op) + ": a must have at least two axes", "a [.., m, n]", "a " + to_string(a.shape()));
}

/// f(a with `axes` last): one number for each matrix, with axes of length 1 in their places for keepdims.
template <class F>
Tensor by_matrix(const In& a, const MatrixNormOptions& options, F f) {
  expect_matrix("matrix_norm", a);
  const auto rows = static_cast<std::int64_t>(normalize_axis("matrix_norm", options.axes[0], a.ndim()));
  const auto columns = static_cast<std::int64_t>(normalize_axis("matrix_norm", options.axes[1], a.ndim()));
  if (rows == columns) {
    raise<ValueError>("matrix_norm: the axes must differ", "two axes", std::to_string(rows) + " twice");
  }
  Dims order;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(a.ndim()); ++i) {
    if (i != rows && i != columns) order.push_back(i);
  }
  order.push_back(rows);
  order.push_back(columns);
  const bool in_place = std::is_sorted(order.begin(), order.end());
  const Tensor y = f(in_place ? a : In(permute(a, order), a.location()));
  if (!options.keepdims) return y;
  return unsqueeze(unsqueeze(y, std::min(rows, columns)), std::max(rows, columns));
}

}  // namespace

Tensor vector_norm(In x, double p, const Axes& axes, bool keepdims) {
  axes.normalized("vector_norm", x.ndim());
  return newtape::norm(std::move(x), p, axes, keepdims);
}

Tensor matrix_norm(In a, MatrixNorm order, const MatrixNormOptions& options) {
  return by_matrix(a, options, [order](const In& x) {
    return order == MatrixNorm::fro ? vector_norm(x, 2, {-2, -1}) : sum(svdvals(x), -1);
  });
}

Tensor matrix_norm(In a, double order, const MatrixNormOptions& options) {
  const double p = std::abs(order);
  const auto extreme = [&](const Tensor& x) { return order > 0 ? max(x, -1) : min(x, -1); };
  return by_matrix(a, options, [&](const In& x) {
    if (p == 2) return extreme(svdvals(x));
    if (p == 1 || std::isinf(p)) return extreme(sum(abs(x), p == 1 ? -2 : -1));
    raise<ValueError>("matrix_norm: invalid order", "1, -1, 2, -2, inf, -inf, or MatrixNorm::fro, nuc",
                      std::to_string(order));
  });
}

Tensor norm(In x) { return vector_norm(std::move(x)); }
Tensor norm(In x, double order) {
  return x.ndim() < 2 ? vector_norm(std::move(x), order) : matrix_norm(std::move(x), order);
}
Tensor norm(In x, MatrixNorm order) { return matrix_norm(std::move(x), order); }

Tensor cond(In a, double order) {
  expect_matrices("cond", a, std::abs(order) != 2);
  if (a.shape().back() == 0 || a.shape()[a.ndim() - 2] == 0) {
    raise<ShapeError>("cond: the matrix must not be empty", "a [.., m, n], m, n >= 1", "a " + to_string(a.shape()));
  }
  if (std::abs(order) != 2) {
    return matrix_norm(a, order) * matrix_norm(inv(a), order);
  }
  const Tensor s = svdvals(a);
  const Tensor first = select(s, -1, 0);
  const Tensor last = select(s, -1, -1);
  return order > 0 ? first / last : last / first;
}

Tensor cond(In a, MatrixNorm order) {
  expect_matrices("cond", a, true);
  return matrix_norm(a, order) * matrix_norm(inv(a), order);
}

Tensor trace(In a) {
  expect_matrix("trace", a);
  return sum(diagonal(std::move(a), 0, -2, -1), -1);
}

Tensor vander(In x, std::optional<std::int64_t> columns, bool increasing) {
  if (x.ndim() == 0) raise<ShapeError>("vander: x must have an axis", "x [.., n]", to_string(x.shape()));
  const auto n = columns.value_or(x.tensor().shape(-1));
  if (n < 0) raise<ValueError>("vander: columns must not be negative", "0 or more", std::to_string(n));
  if (n == 0) {
    Shape shape = x.shape();
    shape.push_back(0);
    return zeros(shape, x.dtype());
  }
  std::vector<Tensor> powers{ones_like(x)};
  while (static_cast<std::int64_t>(powers.size()) < n) {
    powers.push_back(powers.size() == 1 ? x.tensor() : powers.back() * x.tensor());
  }
  if (!increasing) std::reverse(powers.begin(), powers.end());
  return stack(powers, -1);
}

Tensor multi_dot(std::span<const Tensor> factors, SourceLocation location) {
  const CallSite here(location);
  const auto count = factors.size();
  if (count < 2) raise<ValueError>("multi_dot: at least two factors are required", "2 or more", std::to_string(count));
  std::vector<Tensor> matrices(factors.begin(), factors.end());
  const bool leading = matrices.front().ndim() == 1;
  const bool trailing = matrices.back().ndim() == 1;
  if (leading) matrices.front() = row(matrices.front());
  if (trailing) matrices.back() = column(matrices.back());
  std::vector<double> lengths;
  for (const auto& m : matrices) {
    if (m.ndim() != 2 || (&m != matrices.data() && m.shape(0) != (&m - 1)->shape(1))) {
      std::string shapes;
      for (const auto& f : factors) shapes += (shapes.empty() ? "" : ", ") + to_string(f.shape());
      raise<ShapeError>("multi_dot: the lengths of adjacent factors must agree",
                        "matrices, of which the first and the last may be vectors", shapes);
    }
    lengths.push_back(static_cast<double>(m.shape(0)));
  }
  lengths.push_back(static_cast<double>(matrices.back().shape(1)));

  // Minimum cost of the product of factors i to j, and its split point (Cormen et al., Introduction to Algorithms).
  std::vector<double> cost(count * count, 0);
  std::vector<std::size_t> split(count * count, 0);
  for (std::size_t width = 1; width < count; ++width) {
    for (std::size_t i = 0; i + width < count; ++i) {
      const auto j = i + width;
      cost[i * count + j] = std::numeric_limits<double>::infinity();
      for (std::size_t k = i; k < j; ++k) {
        const double all =
            cost[i * count + k] + cost[(k + 1) * count + j] + lengths[i] * lengths[k + 1] * lengths[j + 1];
        if (all < cost[i * count + j]) {
          cost[i * count + j] = all;
          split[i * count + j] = k;
        }
      }
    }
  }
  const auto product = [&](const auto& self, std::size_t i, std::size_t j) -> Tensor {
    if (i == j) return matrices[i];
    const auto k = split[i * count + j];
    return matmul(self(self, i, k), self(self, k + 1, j));
  };
  Tensor result = product(product, 0, count - 1);
  if (trailing) result = squeeze(result, -1);
  return leading ? squeeze(result, trailing ? -1 : -2) : result;
}

Tensor block_diag(std::span<const Tensor> blocks, SourceLocation location) {
  const CallSite here(location);
  if (blocks.empty()) raise<ValueError>("block_diag: at least one block is required", "1 or more", "0");
  std::vector<Tensor> matrices;
  std::int64_t columns = 0;
  for (const auto& b : blocks) {
    if (b.ndim() > 2) {
      raise<ShapeError>("block_diag: a block must be a matrix", "at most two axes", to_string(b.shape()));
    }
    matrices.push_back(b.ndim() == 2 ? b : reshape(b, {1, b.size()}));
    columns += matrices.back().shape(1);
  }
  std::vector<Tensor> rows;
  std::int64_t before = 0;
  for (const auto& m : matrices) {
    const auto after = columns - before - m.shape(1);
    rows.push_back(concatenate({zeros({m.shape(0), before}, m.dtype()), m, zeros({m.shape(0), after}, m.dtype())}, -1));
    before += m.shape(1);
  }
  return concatenate(rows, -2);
}

}  // namespace newtape::linalg
