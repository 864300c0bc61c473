// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The function whose objective it is, which errors name.
std::string subject() { return newtape::detail::caller_or("minimize"); }

/// (h + h^T) / 2: rounding leaves h asymmetric; factorisations read one triangle, products both.
Array symmetrized(const Array& h) { return (h + core::transpose(h, 0, 1)) * 0.5; }

}  // namespace

Objective::Objective(Function f, std::span<const Tensor> xs) : f_(std::move(f)) {
  if (xs.empty()) raise<ValueError>(subject() + ": there must be a point to start from", "one tensor or more", "none");
  for (const auto& x : xs) {
    if (!x.defined()) raise<ValueError>(subject() + ": a starting point is undefined");
    if (!is_floating(x.dtype()) || x.dtype() != xs[0].dtype()) {
      raise<DTypeError>(subject() + ": the starting points must have one float dtype", "f32 or f64",
                        std::string(name(xs[0].dtype())) + ", " + std::string(name(x.dtype())));
    }
    shapes_.push_back(x.shape());
    size_ += x.size();
  }
  dtype_ = xs[0].dtype();
}

Objective::Objective(Function outputs, UnaryFunction loss, std::span<const Tensor> xs)
    : Objective([outputs, loss](std::span<const Tensor> ts) { return loss(outputs(ts)); }, xs) {
  outputs_ = std::move(outputs);
  loss_ = std::move(loss);
}

Objective::Objective(DifferentiableFunction f, const Tensor& x)
    : Objective([value = std::move(f.value)](std::span<const Tensor> xs) { return value(xs[0]); }, std::span(&x, 1)) {
  gradient_ = std::move(f.gradient);
  hessian_ = std::move(f.hessian);
}

Array Objective::given(const char* which, const UnaryFunction& f, const Array& x, const Shape& shape) const {
  const Tensor y = f(split(x)[0]);
  if (!y.defined()) raise<ValueError>(subject() + ": the " + which + " is undefined");
  if (y.dtype() != dtype_) {
    raise<DTypeError>(subject() + ": the " + which + " must have the starting point's dtype", name(dtype_),
                      name(y.dtype()));
  }
  if (y.shape() != shape) {
    raise<ShapeError>(subject() + ": the shape of the " + which, to_string(shape), to_string(y.shape()));
  }
  return core::contiguous(y.value());
}

Array Objective::flatten(std::span<const Tensor> xs) const {
  std::vector<Array> flat;
  flat.reserve(xs.size());
  for (const auto& x : xs) flat.push_back(core::reshape(x.value(), {x.size()}));
  return flat.size() == 1 ? flat[0] : core::concatenate(flat, 0);
}

std::vector<Tensor> Objective::split(const Array& x) const { return split_batch(x); }

std::vector<Tensor> Objective::split_batch(const Array& v) const {
  std::vector<Tensor> parts;
  parts.reserve(shapes_.size());
  const auto axis = static_cast<std::int64_t>(v.ndim()) - 1;
  std::int64_t at = 0;
  for (const auto& s : shapes_) {
    Shape shape(v.shape().begin(), v.shape().end() - 1);
    for (const std::int64_t n : s) shape.push_back(n);
    const std::int64_t n = element_count(s);
    parts.emplace_back(core::reshape(core::slice(v, axis, at, at + n), shape));
    at += n;
  }
  return parts;
}

Array Objective::join(std::span<const Tensor> parts) const {
  std::vector<Array> flat;
  flat.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Shape& s = parts[i].shape();
    Shape shape(s.begin(), s.end() - static_cast<std::ptrdiff_t>(shapes_[i].size()));
    shape.push_back(element_count(shapes_[i]));
    flat.push_back(core::reshape(parts[i].value(), shape));
  }
  return flat.size() == 1 ? flat[0] : core::concatenate(flat, static_cast<std::int64_t>(flat[0].ndim()) - 1);
}

void Objective::capture() {
  value_calls_ = CapturedCalls([f = f_](std::span<const Tensor> xs) { return std::vector<Tensor>{f(xs)}; });
  gradient_calls_ = CapturedCalls([f = f_](std::span<const Tensor> xs) {
    auto [value, gradients] = value_and_grad(f, xs);
    gradients.push_back(std::move(value));
    return std::move(gradients);
  });
  hessian_calls_ =
      CapturedCalls([f = f_](std::span<const Tensor> xs) { return std::vector<Tensor>{hessian_matrix(f, xs)}; });
  product_calls_ = CapturedCalls([f = f_](std::span<const Tensor> all) {
    const std::size_t n = all.size() / 2;
    return HessianProduct(f, all.first(n))(all.subspan(n));
  });
}

double Objective::value(const Array& x) {
  count(&Counts::values);
  const NoGrad off;
  try {
    if (value_calls_) return value_calls_(split(x))[0].item();
    return f_(split(x)).item();
  } catch (const NumericalError&) {
    return nan;
  }
}

double Objective::value_and_gradient(const Array& x, Array& gradient) {
  count(&Counts::gradients);
  const NoGrad off;
  try {
    if (gradient_) {
      const double v = f_(split(x)).item();
      if (std::isfinite(v)) gradient = core::reshape(given("gradient", gradient_, x, shapes_[0]), {size_});
      return v;
    }
    if (gradient_calls_) {
      std::vector<Tensor> all = gradient_calls_(split(x));
      const double v = all.back().item();
      all.pop_back();
      if (std::isfinite(v)) gradient = core::contiguous(join(all));
      return v;
    }
    const auto [value, gradients] = value_and_grad(f_, split(x));
    const double v = value.item();
    if (std::isfinite(v)) gradient = core::contiguous(join(gradients));
    return v;
  } catch (const NumericalError&) {
    return nan;
  }
}

Array Objective::hessian(const Array& x) {
  count(&Counts::hessians);
  const NoGrad off;
  if (hessian_) return symmetrized(given("Hessian", hessian_, x, {size_, size_}));
  if (hessian_calls_) return symmetrized(hessian_calls_(split(x))[0].value());
  return symmetrized(hessian_matrix(f_, split(x)).value());
}

/// Products with the Hessian at a point: by sweeps through the recorded gradient, or by replays of all of it. Both have the
/// same bits; which is faster is measured in the first calls.
class Objective::ProductAtPoint {
 public:
  ProductAtPoint(Objective& of, std::vector<Tensor> xs) : of_(of), xs_(std::move(xs)) {
    if (!of_.product_calls_) linearize();
  }

  std::vector<Tensor> operator()(const std::vector<Tensor>& vs) {
    constexpr int recording = 2;  // calls that record and check
    constexpr int compared = 3;
    if (!of_.product_calls_) return sweep(vs);
    int& tried = of_.products_tried_;
    if (tried == recording + compared) return of_.sweep_time_ < of_.replay_time_ ? sweep(vs) : replay(vs);
    if (++tried <= recording) return replay(vs);
    linearize();
    std::vector<Tensor> product;
    const auto least = [&](double& so_far, auto way) {
      const auto start = std::chrono::steady_clock::now();
      product = (this->*way)(vs);
      const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (tried == recording + 1 || s < so_far) so_far = s;
    };
    least(of_.sweep_time_, &ProductAtPoint::sweep);
    least(of_.replay_time_, &ProductAtPoint::replay);
    return product;
  }

 private:
  void linearize() {
    if (!linear_) linear_.emplace(of_.f_, xs_);
  }
  std::vector<Tensor> sweep(const std::vector<Tensor>& vs) {
    linearize();
    return (*linear_)(vs);
  }
  std::vector<Tensor> replay(const std::vector<Tensor>& vs) {
    std::vector<Tensor> all = xs_;
    all.insert(all.end(), vs.begin(), vs.end());
    return of_.product_calls_(std::move(all));
  }

  Objective& of_;
  std::vector<Tensor> xs_;
  std::optional<HessianProduct> linear_;
};

Product Objective::hessian_product(const Array& x) {
  if (hessian_) {
    return [this, h = hessian(x)](const Array& v) {
      count(&Counts::products);
      return core::reshape(core::matmul(h, core::reshape(v, {size_, 1})), {size_});
    };
  }
  count(&Counts::gradients);
  const NoGrad off;
  auto h = std::make_shared<ProductAtPoint>(*this, split(x));
  return [this, h = std::move(h)](const Array& v) {
    count(&Counts::products);
    const NoGrad inner;
    return core::contiguous(join((*h)(split(v))));
  };
}

void Objective::expect_outputs() const {
  if (has_outputs()) return;
  raise<ValueError>("generalized_gauss_newton: outputs and loss must be two functions", "outputs and loss",
                    "one function");
}

std::function<Array(const Array&)> Objective::generalized_gauss_newton_map(const Array& x) {
  expect_outputs();
  count(&Counts::gradients);
  const NoGrad off;
  const auto j = std::make_shared<Linearization>(outputs_, split(x));
  const auto h =
      std::make_shared<HessianProduct>([this](std::span<const Tensor> ys) { return loss_(ys[0]); }, j->values());
  return [this, j, h](const Array& v) {
    const NoGrad inner;
    return core::contiguous(join(j->vjp((*h)(j->jvp(split_batch(v))))));
  };
}

Product Objective::generalized_gauss_newton_product(const Array& x) {
  return [this, map = generalized_gauss_newton_map(x)](const Array& v) {
    count(&Counts::products);
    return map(v);
  };
}

Array Objective::generalized_gauss_newton(const Array& x) {
  const auto map = generalized_gauss_newton_map(x);
  count(&Counts::hessians);
  // Rows of the identity in chunks, which bound the memory of the outputs' tangents.
  constexpr std::int64_t chunk = 64;
  const Array identity = core::eye(size_, dtype_);
  std::vector<Array> rows;
  for (std::int64_t at = 0; at < size_; at += chunk) {
    budget.expect(counts);
    rows.push_back(map(core::slice(identity, 0, at, std::min(at + chunk, size_))));
  }
  return symmetrized(rows.size() == 1 ? rows[0] : core::concatenate(rows, 0));
}

}  // namespace newtape::optim
