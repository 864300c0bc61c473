// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/array/print.hpp>
#include <newtape/models/samples.hpp>

namespace newtape::models {

namespace {
std::string named(const char* op, const char* what) { return std::string(op) + ": " + what; }
}  // namespace

void expect_samples(const char* op, const In& x, std::int64_t at_least) {
  if (!is_floating(x.dtype())) raise<DTypeError>(named(op, "x must hold floats"), "f32 or f64", name(x.dtype()));
  if (x.ndim() != 2 || x.shape()[0] < at_least || x.shape()[1] < 1) {
    raise<ShapeError>(named(op, "x must be a table of samples"),
                      "x [n, d] with n >= " + std::to_string(at_least) + " and d >= 1", "x " + to_string(x.shape()));
  }
}

void expect_features(const char* op, const In& x, std::int64_t d) {
  if (x.ndim() == 0 || x.shape().back() != d) {
    raise<ShapeError>(named(op, "the last axis must hold the features"), "x [.., " + std::to_string(d) + "]",
                      "x " + to_string(x.shape()));
  }
}

void expect_sample_weight(const char* op, const Tensor& weight, std::int64_t n, DType dtype) {
  if (!weight.defined()) return;
  if (weight.dtype() != dtype) {
    raise<DTypeError>(named(op, "sample_weight must have the dtype of x"), name(dtype), name(weight.dtype()));
  }
  if (weight.shape() != Shape{n}) {
    raise<ShapeError>(named(op, "sample_weight must have one number for each sample"), to_string(Shape{n}),
                      to_string(weight.shape()));
  }
  // Written so that NaN is rejected.
  const Tensor w = weight.detach();
  if (!(min(w).item() >= 0) || !(max(w).item() > 0)) {
    raise<ValueError>(named(op, "sample weights must not be negative, nor all zero"), "sample_weight >= 0",
                      "from " + std::to_string(min(w).item()) + " to " + std::to_string(max(w).item()));
  }
}

Tensor as_penalty(const char* op, In penalty, DType dtype) {
  if (penalty.is_number()) penalty.resolve(op, dtype);
  if (penalty.dtype() != dtype) {
    raise<DTypeError>(named(op, "the penalty must have the dtype of x"), name(dtype), name(penalty.dtype()));
  }
  if (penalty.size() == 0 || !(min(penalty.tensor().detach()).item() >= 0)) {
    raise<ValueError>(named(op, "the penalty must not be negative"), "penalty >= 0", to_string(penalty.value()));
  }
  return penalty;
}

void expect_names(const char* op, std::span<const std::string> names, std::int64_t d) {
  if (!names.empty() && static_cast<std::int64_t>(names.size()) != d) {
    raise<ValueError>(named(op, "there must be a name for each feature"), std::to_string(d) + " or none",
                      std::to_string(names.size()));
  }
}

}  // namespace newtape::models
