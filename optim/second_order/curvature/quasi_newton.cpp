// SPDX-License-Identifier: BSD-3-Clause
// Quasi-Newton curvatures as dense matrices.
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

#include <cmath>

namespace newtape::optim::curvature {

namespace {

/// m v, in f64.
Array times(const Array& m, const Array& v) {
  return core::reshape(core::matmul(m, core::reshape(v, {v.size(), 1})), {v.size()});
}

/// m += factor u v^T; copies m first where its memory is shared.
void add_outer(Array& m, double factor, const Array& u, const Array& v) {
  if (!m.reusable()) m = core::copy(m);
  const std::int64_t n = u.size();
  double* row = m.data<double>();
  const double* right = v.data<double>();
  for (std::int64_t i = 0; i < n; ++i, row += n) {
    const double f = factor * u.data<double>()[i];
    for (std::int64_t j = 0; j < n; ++j) row[j] += f * right[j];
  }
}

/// B in f64 whatever the parameters' dtype, so that BFGS's matrix and inverse stay consistent.
class QuasiNewton : public Curvature {
 public:
  void evaluate(Objective& f, const Iterate&) override {
    size_ = f.size();
    dtype_ = f.dtype();
    if (!b_.defined()) initialize(1);
  }
  Array product(const Array& v) override { return narrow(times(b_, wide(v))); }
  Array matrix() override { return narrow(b_); }
  bool dense() const override { return true; }
  bool scaled() const override { return updated_; }
  bool reset() override {
    if (!updated_) return false;
    initialize(1);
    updated_ = false;
    return true;
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    if (updated_) state.emplace_back(prefix + "matrix", b_);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    size_ = size;
    dtype_ = dtype;
    updated_ = state.contains(prefix + "matrix");
    if (updated_) {
      b_ = state.take(prefix + "matrix", f64, {size, size});
    } else {
      initialize(1);
    }
  }

 protected:
  virtual void initialize(double scale) { b_ = scale * core::eye(size_, f64); }
  static Array wide(const Array& v) { return core::contiguous(core::cast(v, f64)); }
  Array narrow(Array v) const { return core::cast(std::move(v), dtype_); }

  Array b_;
  bool updated_ = false;
};

class Bfgs final : public QuasiNewton {
 public:
  Array solve(const Array& v) override { return narrow(times(inverse_, wide(v))); }

  void update(const Array& step, const Array& change) override {
    const Array s = wide(step);
    const Array y = wide(change);
    const double sy = core::dot(s, y);
    if (!(sy > 1e-10 * core::norm2(s) * core::norm2(y))) return;
    // The first pair sets the scale: Nocedal and Wright 2006, eq. 6.20.
    if (!updated_) initialize(core::dot(y, y) / sy);
    updated_ = true;
    const Array bs = times(b_, s);
    add_outer(b_, -1 / core::dot(s, bs), bs, bs);
    add_outer(b_, 1 / sy, y, y);
    // Eq. 6.17, expanded.
    const Array hy = times(inverse_, y);
    add_outer(inverse_, (1 + core::dot(y, hy) / sy) / sy, s, s);
    add_outer(inverse_, -1 / sy, hy, s);
    add_outer(inverse_, -1 / sy, s, hy);
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    QuasiNewton::save(prefix, state);
    if (updated_) state.emplace_back(prefix + "inverse", inverse_);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    QuasiNewton::load(prefix, state, size, dtype);
    if (updated_) inverse_ = state.take(prefix + "inverse", f64, {size, size});
  }

 private:
  void initialize(double scale) override {
    QuasiNewton::initialize(scale);
    inverse_ = 1 / scale * core::eye(size_, f64);
  }
  Array inverse_;
};

class Sr1 final : public QuasiNewton {
 public:
  void update(const Array& step, const Array& change) override {
    const Array s = wide(step);
    const Array y = wide(change);
    if (!updated_) {
      const double sy = core::dot(s, y);
      if (sy > 0) initialize(core::dot(y, y) / sy);
      updated_ = true;
    }
    const Array residual = y - times(b_, s);
    const double denominator = core::dot(residual, s);
    // Nocedal and Wright 2006, eqs. 6.24 and 6.26.
    if (std::abs(denominator) < 1e-8 * core::norm2(s) * core::norm2(residual) || denominator == 0) return;
    add_outer(b_, 1 / denominator, residual, residual);
  }
};

}  // namespace

MakeCurvature bfgs() {
  return [] { return std::make_unique<Bfgs>(); };
}
MakeCurvature sr1() {
  return [] { return std::make_unique<Sr1>(); };
}

}  // namespace newtape::optim::curvature
