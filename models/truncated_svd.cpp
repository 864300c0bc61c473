// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/models/truncated_svd.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <algorithm>

namespace newtape::models {

namespace {

/// min(m, n) of a [m, n]; ValueError unless k is from 1 to that.
std::int64_t expect_rank(const std::string& op, const In& a, std::int64_t k) {
  expect_floating(op, a.value());
  if (a.ndim() != 2) raise<ShapeError>(op + ": a must be a matrix", "a [m, n]", "a " + to_string(a.shape()));
  const auto max_rank = std::min(a.shape()[0], a.shape()[1]);
  if (k < 1 || k > max_rank) {
    raise<ValueError>(op + ": k must be from 1 to min(m, n)", "1 to " + std::to_string(max_rank), std::to_string(k));
  }
  return max_rank;
}

linalg::SVD first(const linalg::SVD& svd, std::int64_t k) {
  return {slice(svd.u, 1, 0, k), slice(svd.s, 0, 0, k), slice(svd.vh, 0, 0, k)};
}

}  // namespace

linalg::SVD truncated_svd(In a, std::int64_t k) {
  expect_rank("truncated_svd", a, k);
  return first(linalg::svd(std::move(a)), k);
}

linalg::SVD randomized_svd(In a, std::int64_t k, const RandomizedSvdOptions& options) {
  const auto max_rank = expect_rank("randomized_svd", a, k);
  if (options.oversamples < 0 || options.power_iterations < 0) {
    raise<ValueError>("randomized_svd: counts must not be negative", "oversamples, power_iterations >= 0",
                      std::to_string(options.oversamples) + ", " + std::to_string(options.power_iterations));
  }
  const auto vectors = std::min(k + options.oversamples, max_rank);
  auto& generator = options.generator != nullptr ? *options.generator : default_generator();
  const Tensor start = random::normal({a.shape()[1], vectors}, 0, 1, a.dtype(), generator);
  const Tensor at = transpose(a);
  Tensor q = linalg::qr(matmul(a, start)).q;
  for (std::int64_t i = 0; i < options.power_iterations; ++i) {
    // Orthonormalised after each product: otherwise rounding swamps the small singular values.
    q = linalg::qr(matmul(a, linalg::qr(matmul(at, q)).q)).q;
  }
  const auto small = linalg::svd(matmul(transpose(q), a));
  return first({matmul(q, small.u), small.s, small.vh}, k);
}

}  // namespace newtape::models
