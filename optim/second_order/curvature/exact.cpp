// SPDX-License-Identifier: BSD-3-Clause
// Curvatures computed from the function at every point.
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

namespace newtape::optim::curvature {

namespace {

/// The mean of z * (B z) over random signs z, whose expectation is B's diagonal (Hutchinson 1990).
Array diagonal_estimate(const Product& product, std::int64_t n, DType dtype, int samples, Generator& generator) {
  Array sum = core::zeros({n}, dtype);
  for (int i = 0; i < samples; ++i) {
    const Array z = random::rademacher({n}, dtype, generator);
    sum = core::axpy(1. / samples, z * product(z), std::move(sum));
  }
  return sum;
}

/// |d|, at least `part` times its largest entry.
Array floored(const Array& d, double part) {
  const double floor = part * core::norm_inf(d);
  return core::maximum(core::abs(d), core::full({}, floor > 0 ? floor : 1, d.dtype()));
}

class Identity final : public Curvature {
 public:
  void evaluate(Objective& f, const Iterate&) override {
    size_ = f.size();
    dtype_ = f.dtype();
  }
  Array product(const Array& v) override { return v; }
  Array matrix() override { return core::eye(size_, dtype_); }
  Array solve(const Array& v) override { return v; }
  bool scaled() const override { return false; }
};

/// The Hessian, or the generalised Gauss-Newton matrix, as a matrix, computed on first use.
class Matrix final : public Curvature {
 public:
  explicit Matrix(bool gauss_newton) : gauss_newton_(gauss_newton) {}
  void evaluate(Objective& f, const Iterate& at) override {
    f_ = &f;
    x_ = at.x;
    matrix_ = Array();
  }
  Array product(const Array& v) override {
    return core::reshape(core::matmul(matrix(), core::reshape(v, {v.size(), 1})), {v.size()});
  }
  Array matrix() override {
    if (!matrix_.defined()) matrix_ = gauss_newton_ ? f_->generalized_gauss_newton(x_) : f_->hessian(x_);
    return matrix_;
  }
  Array precondition(const Array& v) override { return v / floored(core::diagonal(matrix()), 1e-8); }
  bool dense() const override { return true; }

 private:
  bool gauss_newton_;
  Objective* f_ = nullptr;
  Array x_, matrix_;
};

class Products final : public Curvature {
 public:
  Products(bool gauss_newton, const ProductOptions& options) : gauss_newton_(gauss_newton), options_(options) {}
  void evaluate(Objective& f, const Iterate& at) override {
    f_ = &f;
    x_ = at.x;
    product_ = {};
    diagonal_ = Array();
  }
  Array product(const Array& v) override { return map()(v); }
  Array matrix() override { return gauss_newton_ ? f_->generalized_gauss_newton(x_) : f_->hessian(x_); }
  Array precondition(const Array& v) override {
    if (options_.diagonal_samples == 0) return {};
    if (!diagonal_.defined()) {
      Generator generator(0);
      diagonal_ =
          floored(diagonal_estimate(map(), f_->size(), f_->dtype(), options_.diagonal_samples, generator), 1e-3);
    }
    return v / diagonal_;
  }

 private:
  const Product& map() {
    if (!product_) product_ = gauss_newton_ ? f_->generalized_gauss_newton_product(x_) : f_->hessian_product(x_);
    return product_;
  }
  bool gauss_newton_;
  ProductOptions options_;
  Objective* f_ = nullptr;
  Array x_, diagonal_;
  Product product_;
};

class Hutchinson final : public Curvature {
 public:
  explicit Hutchinson(const HutchinsonOptions& options) : options_(options), generator_(options.seed) {}
  void evaluate(Objective& f, const Iterate& at) override {
    size_ = f.size();
    dtype_ = f.dtype();
    const Array now = diagonal_estimate(f.hessian_product(at.x), size_, dtype_, options_.samples, generator_);
    mean_ = mean_.defined() ? core::axpy(1 - options_.decay, now, options_.decay * std::move(mean_)) : now;
    diagonal_ = floored(mean_, options_.floor);
  }
  Array product(const Array& v) override { return diagonal_ * v; }
  Array matrix() override { return core::eye(size_, dtype_) * diagonal_; }
  Array solve(const Array& v) override { return v / diagonal_; }

  void save(const std::string& prefix, NamedArrays& state) const override {
    if (mean_.defined()) state.emplace_back(prefix + "mean", mean_);
    for (auto& [name, value] : generator_.state_dict()) state.emplace_back(prefix + "generator." + name, value);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    if (state.contains(prefix + "mean")) mean_ = state.take(prefix + "mean", dtype, {size});
    NamedArrays generator;
    for (auto& [name, value] : generator_.state_dict()) {
      generator.emplace_back(name, state.take(prefix + "generator." + name, value.dtype(), value.shape()));
      if (!generator.back().second.defined()) return;
    }
    generator_.load_state_dict(generator);
  }

 private:
  HutchinsonOptions options_;
  Generator generator_;
  Array mean_, diagonal_;
};

}  // namespace

MakeCurvature none() {
  return [] { return std::make_unique<Identity>(); };
}
MakeCurvature hessian() {
  return [] { return std::make_unique<Matrix>(false); };
}
MakeCurvature hessian_product(const ProductOptions& options) {
  return [options] { return std::make_unique<Products>(false, options); };
}
MakeCurvature generalized_gauss_newton() {
  return [] { return std::make_unique<Matrix>(true); };
}
MakeCurvature generalized_gauss_newton_product(const ProductOptions& options) {
  return [options] { return std::make_unique<Products>(true, options); };
}
MakeCurvature hutchinson(const HutchinsonOptions& options) {
  return [options] { return std::make_unique<Hutchinson>(options); };
}

}  // namespace newtape::optim::curvature
