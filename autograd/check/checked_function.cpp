// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/checked_function.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::detail {

Numbers numbers(const Tensor& x) {
  const Array a = core::contiguous(x.value());
  return {a.data<double>(), a.data<double>() + a.size()};
}

double rounding_error(const std::vector<Numbers>& gradients) {
  double largest = 0;
  for (const auto& gradient : gradients) {
    for (const double e : gradient) largest = std::isfinite(e) ? std::max(largest, std::abs(e)) : largest;
  }
  return 1e3 * std::numeric_limits<double>::epsilon() * largest;
}

Tensor tensor_of(const Shape& shape, const Numbers& values) {
  Array a = Array::empty(shape, f64);
  std::copy(values.begin(), values.end(), a.data<double>());
  return a;
}

Numbers RandomNumbers::operator()(std::size_t n) {
  Numbers v(n);
  for (auto& x : v) {
    const auto bits = generator_.next();
    x = (0.5 + static_cast<double>(bits >> 11) * 0x1p-53) * ((bits & 1) != 0 ? 1 : -1);
  }
  return v;
}

CheckedFunction::CheckedFunction(const MultiFunction& f, std::span<const Tensor> xs) : f_(f) {
  for (const auto& x : xs) {
    if (x.dtype() == f32) {
      raise<DTypeError>("gradcheck: differences need double precision", "f64 inputs", "f32 " + to_string(x.shape()));
    }
    if (x.dtype() == f64) {
      names_.push_back("input " + std::to_string(arguments_.size()));
      free_.push_back(arguments_.size());
    }
    arguments_.push_back(x.detach());
  }
  if (free_.empty()) raise<ValueError>("gradcheck: at least one input must be a float", "an f64 input", "none");
  counts_.push_back(free_.size());
}

std::vector<Tensor> CheckedFunction::call(std::span<const Tensor> point) {
  std::vector<Tensor> all = arguments_;
  for (std::size_t i = 0; i < free_.size(); ++i) all[free_[i]] = point[i];
  auto ys = f_(all);
  for (const auto& y : ys) {
    if (made_by_.empty() && y.requires_grad() && !y.is_leaf()) {
      const auto& node = *y.node().get();
      made_by_ = std::string(node.op->name()) + ", recorded at " + to_string(node.location);
    }
  }
  return ys;
}

std::vector<Tensor> CheckedFunction::derivative(int n, std::span<const Tensor> point, bool record) {
  if (n == 0) return call(point);
  const auto k = input_count(n - 1);
  std::vector<Tensor> leaves(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(k));
  for (auto& x : leaves) {
    if (!x.requires_grad()) x = variable(x);
  }
  const auto ys = derivative(n - 1, leaves, true);
  std::vector<Tensor> outputs;
  std::vector<Tensor> cotangents;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (!ys[i].requires_grad()) continue;  // constant: zero derivatives
    outputs.push_back(ys[i]);
    cotangents.push_back(point[k + i]);
  }
  if (!outputs.empty()) {
    return grad(outputs, leaves, {.create_graph = record, .grad_outputs = std::move(cotangents), .allow_unused = true});
  }
  std::vector<Tensor> none;
  for (const auto& x : leaves) none.push_back(zeros_like(x));
  return none;
}

std::vector<Tensor> CheckedFunction::inputs() const {
  std::vector<Tensor> xs;
  for (const auto i : free_) xs.push_back(arguments_[i]);
  return xs;
}

void CheckedFunction::add_cotangents(int order, const std::vector<Tensor>& ys, RandomNumbers& random,
                                     std::vector<Tensor>& point) {
  for (std::size_t i = 0; i < ys.size(); ++i) {
    point.push_back(random.like(ys[i].shape()));
    names_.push_back("cotangent " + std::to_string(i) + " of order " + std::to_string(order));
  }
  counts_.push_back(point.size());
}

}  // namespace newtape::detail
