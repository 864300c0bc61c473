// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <string>

namespace newtape {

namespace {

/// x as variables [m, n].
Tensor variables_of(const char* op, const In& x, bool rowvar) {
  if (x.ndim() > 2) {
    raise<ShapeError>(std::string(op) + ": x must be a matrix or a vector", "x [m, n] or [n]", to_string(x.shape()));
  }
  const Tensor floats = is_floating(x.dtype()) ? x.tensor() : x.tensor().to(f32);
  if (x.ndim() < 2) return reshape(floats, {1, -1});
  return rowvar ? floats : transpose(floats);
}

/// Weights [n], as floats of the dtype.
Tensor checked_weights(const Tensor& w, std::int64_t n, DType dtype, const char* name) {
  if (w.ndim() != 1 || w.size() != n) {
    raise<ShapeError>("cov: each observation needs one weight", std::string(name) + " [" + std::to_string(n) + "]",
                      to_string(w.shape()));
  }
  if (w.size() > 0 && min(w.detach().to(f64)).item() < 0) {
    raise<ValueError>("cov: the weights must not be negative", std::string(name) + " >= 0",
                      std::to_string(min(w.detach().to(f64)).item()));
  }
  return is_floating(w.dtype()) ? w : w.to(dtype);
}

}  // namespace

Tensor cov(In x, const CovOptions& options) {
  const CallSite here(x.location());
  const Tensor v = variables_of("cov", x, options.rowvar);
  const auto n = v.shape(1);
  Tensor weights, total = full({}, static_cast<double>(n), v.dtype());
  if (options.fweights.defined()) {
    if (is_floating(options.fweights.dtype())) {
      raise<DTypeError>("cov: fweights must be integers", "i64", name(options.fweights.dtype()));
    }
    weights = checked_weights(options.fweights, n, v.dtype(), "fweights");
  }
  Tensor freedom;
  if (options.aweights.defined()) {
    const Tensor a = checked_weights(options.aweights, n, v.dtype(), "aweights");
    weights = weights.defined() ? weights * a : a;
    total = sum(weights);
    freedom = options.correction == 0 ? total : total - options.correction * (sum(weights * a) / total);
  } else {
    if (weights.defined()) total = sum(weights);
    freedom = total - options.correction;
  }
  if (!(freedom.detach().to(f64).item() > 0)) {
    raise<ValueError>("cov: too few observations", "weights that sum to more than the correction",
                      std::to_string(n) + " observations, correction " + std::to_string(options.correction));
  }
  const Tensor mean_of = weights.defined() ? sum(v * weights, 1, true) / total : mean(v, 1, true);
  const Tensor d = v - mean_of;
  const Tensor c = matmul(d, transpose(weights.defined() ? d * weights : d)) / freedom;
  return x.ndim() < 2 ? reshape(c, {}) : c;
}

Tensor corrcoef(In x, bool rowvar) {
  const CallSite here(x.location());
  // In units of each variable's largest element, so that squares do not overflow.
  const std::int64_t observations = x.ndim() < 2 || !rowvar ? 0 : -1;
  const bool scales = is_floating(x.dtype()) && x.ndim() > 0 && x.ndim() <= 2 && x.size() > 0;
  const In scaled = scales ? In(x / Tensor(core::binary_scale(x.value(), observations)), x.location()) : x;
  const Tensor c = cov(scaled, {.rowvar = rowvar});
  if (c.ndim() == 0) return c / c;
  const Tensor deviation = sqrt(diagonal(c));
  return clip(c / unsqueeze(deviation, 1) / deviation, -1, 1);
}

}  // namespace newtape
