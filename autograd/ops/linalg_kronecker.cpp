// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/kronecker.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <string>
#include <utility>

namespace newtape::linalg {

namespace {

void expect_square_factors(const char* op, const In& a, const In& b) {
  const auto square = [](const In& x) { return x.ndim() >= 2 && x.tensor().shape(-1) == x.tensor().shape(-2); };
  if (square(a) && square(b)) return;
  raise<ShapeError>(std::string(op) + ": the factors must be square", "a [.., m, m], b [.., n, n]",
                    "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
}

/// x with the shape `last` in place of its last `axes` axes.
Tensor with_last(const Tensor& x, std::size_t axes, const Shape& last) {
  Shape shape(x.shape().begin(), x.shape().end() - static_cast<std::ptrdiff_t>(axes));
  for (const auto length : last) shape.push_back(length);
  return reshape(x, shape);
}

}  // namespace

// (a kron b) vec(X) = vec(a X b^T), where vec takes the rows of X one after the other.
Tensor kron_solve(In a, In b, In c) {
  const CallSite here(a.location());
  expect_square_factors("kron_solve", a, b);
  const auto m = a.tensor().shape(-1), n = b.tensor().shape(-1);
  if (c.ndim() == 0 || c.tensor().shape(c.ndim() == 1 ? 0 : -2) != m * n) {
    raise<ShapeError>("kron_solve: the right side must have as many rows as a kron b",
                      "c [" + std::to_string(m * n) + "] or [.., " + std::to_string(m * n) + ", k]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()) + ", c " + to_string(c.shape()));
  }
  const bool vector = c.ndim() == 1;
  const Tensor right = vector ? unsqueeze(c, -1) : c.tensor();
  const auto k = right.shape(-1);
  const Tensor by_a = with_last(solve(a, with_last(right, 2, {m, n * k})), 2, {m, n, k});
  const Tensor by_b = solve(b, with_last(transpose(by_a, -3, -2), 3, {n, m * k}));
  const Tensor x = with_last(transpose(with_last(by_b, 2, {n, m, k}), -3, -2), 3, {m * n, k});
  return vector ? squeeze(x, -1) : x;
}

SLogDet kron_slogdet(In a, In b) {
  const CallSite here(a.location());
  expect_square_factors("kron_slogdet", a, b);
  const auto m = a.tensor().shape(-1), n = b.tensor().shape(-1);
  const SLogDet of_a = slogdet(a), of_b = slogdet(b);
  // A sign to an even power is 1, or 0.
  const auto power = [](const Tensor& sign, std::int64_t exponent) { return exponent % 2 == 0 ? sign * sign : sign; };
  return {power(of_a.sign, n) * power(of_b.sign, m),
          of_a.logabsdet * static_cast<double>(n) + of_b.logabsdet * static_cast<double>(m)};
}

}  // namespace newtape::linalg
