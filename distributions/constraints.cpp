// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/distributions/constraints.hpp>

#include <algorithm>
#include <string>

namespace newtape::distributions {

namespace {
Axes last_axes(std::size_t n) {
  Dims axes;
  for (std::size_t i = 1; i <= n; ++i) axes.push_back(-static_cast<std::int64_t>(i));
  return axes;
}
}  // namespace

Tensor Constraint::contains(const Tensor& value) const {
  if (value.ndim() < event_ndim_) {
    raise<ShapeError>("Constraint: too few axes for " + name_, "at least " + std::to_string(event_ndim_),
                      to_string(value.shape()));
  }
  const Tensor fits = contains_(value);
  if (!is_floating(value.dtype())) return fits;
  const Tensor numbers = !isnan(value);
  return fits & (event_ndim_ == 0 ? numbers : all(numbers, last_axes(event_ndim_)));
}

namespace constraints {

namespace {

/// Finite integers.
Tensor whole(const Tensor& x) { return is_floating(x.dtype()) ? (x == floor(x)) & isfinite(x) : x == x; }

/// Whether sums are this number, to the rounding of their terms.
Tensor sums_to(const Tensor& x, double total) {
  const double u = x.dtype() == f32 ? 0x1p-23 : 0x1p-52;
  return abs(sum(x, -1) - total) <= 8 * u * (1 + static_cast<double>(x.shape(-1))) * std::max(1.0, total);
}

Constraint of_vectors(const char* name, std::function<Tensor(const Tensor&)> contains) {
  return {name, 1, std::move(contains)};
}

}  // namespace

Constraint real() {
  return {"real numbers", 0, [](const Tensor& x) { return !isnan(x); }};
}
Constraint positive() {
  return {"numbers > 0", 0, [](const Tensor& x) { return x > 0; }};
}
Constraint nonnegative() {
  return {"numbers >= 0", 0, [](const Tensor& x) { return x >= 0; }};
}
Constraint unit_interval() {
  return {"numbers in [0, 1]", 0, [](const Tensor& x) { return (x >= 0) & (x <= 1); }};
}
Constraint interval(const Tensor& low, const Tensor& high) {
  return {"numbers in [low, high]", 0,
          [low = low.detach(), high = high.detach()](const Tensor& x) { return (x >= low) & (x <= high); }};
}
Constraint boolean() {
  return {"0 and 1", 0, [](const Tensor& x) { return (x == 0) | (x == 1); }};
}
Constraint nonnegative_integer() {
  return {"integers >= 0", 0, [](const Tensor& x) { return (x >= 0) & whole(x); }};
}
Constraint integer_interval(std::int64_t low, const Tensor& high) {
  return {"integers within bounds", 0,
          [low, high = high.detach()](const Tensor& x) { return (x >= low) & (x <= high) & whole(x); }};
}
Constraint simplex() {
  return of_vectors("vectors >= 0 of sum 1", [](const Tensor& x) { return all(x >= 0, -1) & sums_to(x, 1); });
}
Constraint one_hot() {
  return of_vectors("vectors of one 1 and zeros",
                    [](const Tensor& x) { return all((x == 0) | (x == 1), -1) & (sum(x, -1) == 1); });
}
Constraint counts(double total) {
  return of_vectors("vectors of integers >= 0 with the total count as their sum",
                    [total](const Tensor& x) { return all((x >= 0) & whole(x), -1) & (sum(x, -1) == total); });
}
Constraint real_vector() { return independent(real(), 1); }
Constraint ordered_vector() {
  return of_vectors("increasing vectors", [](const Tensor& x) {
    const auto n = x.shape(-1);
    if (n < 2) return all(x == x, -1);
    return all(slice(x, -1, 1, n) > slice(x, -1, 0, n - 1), -1);
  });
}
Constraint lower_cholesky() {
  return {"lower triangular matrices with a positive diagonal", 2, [](const Tensor& x) {
            return all((x == tril(x)) & isfinite(x), {-2, -1}) & all(diagonal(x, 0, -2, -1) > 0, -1);
          }};
}
Constraint corr_cholesky() {
  return {"Cholesky factors with rows of length 1", 2, [factors = lower_cholesky()](const Tensor& x) {
            return factors.contains(x) & all(sums_to(square(x), 1), -1);
          }};
}
Constraint positive_definite() {
  return {"symmetric positive definite matrices", 2, [](const Tensor& x) {
            const Tensor finite = all(isfinite(x), {-2, -1}, true);
            const Tensor symmetric = all(isclose(x, transpose(x, -2, -1), 1e-5, 1e-6), {-2, -1});
            return symmetric & squeeze(finite, {-2, -1}) & (min(linalg::eigvalsh(where(finite, x, 0.0)), Axes(-1)) > 0);
          }};
}
Constraint independent(const Constraint& base, std::size_t ndim) {
  if (ndim == 0) return base;
  return {base.name(), base.event_ndim() + ndim,
          [base, ndim](const Tensor& x) { return all(base.contains(x), last_axes(ndim)); }};
}

}  // namespace constraints
}  // namespace newtape::distributions
