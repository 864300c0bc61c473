// SPDX-License-Identifier: BSD-3-Clause
// Curvatures learnt from changes of the gradient, as whole matrices.
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

#include <cmath>

namespace newtape::optim::curvature {

namespace {

/// m v, in f64.
Array times(const Array& m, const Array& v) {
  return core::reshape(core::matmul(m, core::reshape(v, {v.size(), 1})), {v.size()});
}

/// m + factor u v^T, in place where nobody else holds m.
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

/// What is kept in f64 whatever the parameters' dtype, so that its two forms stay each other's inverse.
class Learnt : public Curvature {
 public:
  void evaluate(Objective& f, const Iterate&) override {
    size_ = f.size();
    dtype_ = f.dtype();
    if (!b_.defined()) begin(1);
  }
  Array product(const Array& v) override { return narrow(times(b_, wide(v))); }
  Array matrix() override { return narrow(b_); }
  bool dense() const override { return true; }
  bool scaled() const override { return learnt_; }
  bool reset() override {
    if (!learnt_) return false;
    begin(1);
    learnt_ = false;
    return true;
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    if (learnt_) state.emplace_back(prefix + "matrix", b_);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    size_ = size;
    dtype_ = dtype;
    learnt_ = state.contains(prefix + "matrix");
    if (learnt_) {
      b_ = state.take(prefix + "matrix", f64, {size, size});
    } else {
      begin(1);
    }
  }

 protected:
  virtual void begin(double scale) { b_ = core::scaled(scale, core::eye(size_, f64)); }
  static Array wide(const Array& v) { return core::contiguous(core::cast(v, f64)); }
  Array narrow(Array v) const { return core::cast(std::move(v), dtype_); }

  Array b_;
  bool learnt_ = false;
};

class Bfgs final : public Learnt {
 public:
  Array solve(const Array& v) override { return narrow(times(inverse_, wide(v))); }

  void update(const Array& step, const Array& change) override {
    const Array s = wide(step);
    const Array y = wide(change);
    const double sy = core::dot(s, y);
    if (!(sy > 1e-10 * core::norm2(s) * core::norm2(y))) return;
    // The size of the first step tells the scale: Nocedal and Wright 2006, eq. 6.20.
    if (!learnt_) begin(core::dot(y, y) / sy);
    learnt_ = true;
    const Array bs = times(b_, s);
    add_outer(b_, -1 / core::dot(s, bs), bs, bs);
    add_outer(b_, 1 / sy, y, y);
    // Eq. 6.17, multiplied out.
    const Array hy = times(inverse_, y);
    add_outer(inverse_, (1 + core::dot(y, hy) / sy) / sy, s, s);
    add_outer(inverse_, -1 / sy, hy, s);
    add_outer(inverse_, -1 / sy, s, hy);
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    Learnt::save(prefix, state);
    if (learnt_) state.emplace_back(prefix + "inverse", inverse_);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    Learnt::load(prefix, state, size, dtype);
    if (learnt_) inverse_ = state.take(prefix + "inverse", f64, {size, size});
  }

 private:
  void begin(double scale) override {
    Learnt::begin(scale);
    inverse_ = core::scaled(1 / scale, core::eye(size_, f64));
  }
  Array inverse_;
};

class Sr1 final : public Learnt {
 public:
  void update(const Array& step, const Array& change) override {
    const Array s = wide(step);
    const Array y = wide(change);
    if (!learnt_) {
      const double sy = core::dot(s, y);
      if (sy > 0) begin(core::dot(y, y) / sy);
      learnt_ = true;
    }
    const Array rest = core::plus(core::copy(y), -1, times(b_, s));
    const double along = core::dot(rest, s);
    // Nocedal and Wright 2006, eqs. 6.24 and 6.26.
    if (std::abs(along) < 1e-8 * core::norm2(s) * core::norm2(rest) || along == 0) return;
    add_outer(b_, 1 / along, rest, rest);
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
