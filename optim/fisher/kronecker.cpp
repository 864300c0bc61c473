// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/fisher/kronecker.hpp>
#include <newtape/optim/peers.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace newtape::optim {

namespace {

Array transposed(const Array& x) { return core::transpose(x, -2, -1); }
Array as_rows(const Array& x) { return core::reshape(x, {x.size() / x.shape().back(), x.shape().back()}); }
double trace(const Array& x) { return core::sum(core::diagonal(x)).item(); }

/// average = kept average + (1 - kept) x; an undefined `average` becomes x.
void mix(Array& average, const Array& x, double kept) {
  if (!average.defined()) {
    average = core::copy(x);
    return;
  }
  average = std::move(average) * kept;
  core::add_scaled(average, core::contiguous(x), 1 - kept);
}

/// Of products of this process's rows, the means over all processes.
void average_over_peers(std::initializer_list<Array*> arrays, std::int64_t rows) {
  Peers* const others = peers();
  if (others != nullptr) others->average({arrays.begin(), arrays.size()}, static_cast<double>(rows));
}

Array damped_inverse(const Array& x, double damping) {
  const auto n = x.shape()[0];
  const Array eye = core::eye(n, x.dtype());
  const Array inverse = core::cholesky_solve(core::cholesky(x + eye * damping, "KFAC"), eye);
  return core::contiguous((inverse + transposed(inverse)) * 0.5);
}

}  // namespace

void KroneckerFactors::add(Array inputs, Array cotangents) {
  rows_ += inputs.shape()[0];
  added_.emplace_back(std::move(inputs), std::move(cotangents));
}

void KroneckerFactors::drop_rows() noexcept {
  added_.clear();
  rows_ = 0;
}

void KroneckerFactors::update(double decay, double scale, KFACInverse inverse) {
  Array a;
  Array g;
  const auto collect = [](Array& sum, const Array& rows) {
    Array product = core::matmul(transposed(rows), rows);
    sum = sum.defined() ? std::move(sum) + product : std::move(product);
  };
  for (const auto& [inputs, cotangents] : added_) {
    collect(a, inputs);
    collect(g, as_rows(cotangents));
  }
  a = std::move(a) * (1 / static_cast<double>(rows_));
  g = std::move(g) * scale;
  average_over_peers({&a, &g}, rows_);
  if (!core::all_finite(a) || !core::all_finite(g)) {
    drop_rows();
    raise<NumericalError>("KFAC: a layer's inputs and gradients must be finite", "finite numbers", "inf or nan");
  }
  ++count_;
  const double kept = std::min(decay, 1 - 1 / static_cast<double>(count_));
  mix(a_, a, kept);
  mix(g_, g, kept);
  if (inverse == KFACInverse::ekfac && spectrum_.defined()) {
    Array squares;
    for (const auto& [inputs, cotangents] : added_) {
      const Array of_g = core::sum(core::square(core::matmul(cotangents, left_)), 0);
      const Array of_a = core::square(core::matmul(inputs, right_));
      Array product = core::matmul(transposed(of_g), of_a);
      squares = squares.defined() ? std::move(squares) + product : std::move(product);
    }
    squares = std::move(squares) * scale;
    average_over_peers({&squares}, rows_);
    mix(spectrum_, squares, kept);
  }
  drop_rows();
}

void KroneckerFactors::invert(double damping, KFACInverse inverse) {
  if (inverse == KFACInverse::factors) {
    // pi balances the scales of the two factors.
    const double of_a = trace(a_) / static_cast<double>(a_.shape()[0]);
    const double of_g = trace(g_) / static_cast<double>(g_.shape()[0]);
    const double pi = of_a > 0 && of_g > 0 ? std::sqrt(of_a / of_g) : 1;
    Array right = damped_inverse(a_, pi * std::sqrt(damping));
    left_ = damped_inverse(g_, std::sqrt(damping) / pi);
    right_ = std::move(right);
    spectrum_ = Array();
    return;
  }
  const auto positive = [](Array w) {
    const DType dtype = w.dtype();
    return core::maximum(std::move(w), core::full({}, 0, dtype));
  };
  auto of_a = core::eigh(a_, true, "KFAC");
  auto of_g = core::eigh(g_, true, "KFAC");
  left_ = core::contiguous(std::move(of_g.v));
  right_ = core::contiguous(std::move(of_a.v));
  spectrum_ = core::unsqueeze(positive(std::move(of_g.w)), 1) * positive(std::move(of_a.w));
}

Array KroneckerFactors::solve(const Array& v, double damping) const {
  if (!spectrum_.defined()) return core::matmul(core::matmul(left_, v), right_);
  Array inside = core::matmul(core::matmul(transposed(left_), v), right_);
  inside = std::move(inside) / (spectrum_ + damping);
  return core::matmul(core::matmul(left_, inside), transposed(right_));
}

}  // namespace newtape::optim
