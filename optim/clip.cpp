// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/clip.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

namespace newtape::optim {

namespace {
void check_bound(const char* op, const char* option, double bound) {
  if (!(bound >= 0))
    raise<ValueError>(std::string(op) + ": " + option + " must not be negative", ">= 0", std::to_string(bound));
}

/// The elements of a gradient that may differ from 0; undefined when there is none.
Array elements_of(const Parameter& p) {
  if (const RowGrad in_rows = row_grad(p); in_rows.defined()) return in_rows.rows.value();
  return p.grad().take_value();
}

/// Replaces each gradient by f(gradient), in place where its memory is not shared.
template <class F>
void transform(const std::vector<Parameter>& params, const F& f) {
  for (const auto& p : params) {
    if (RowGrad in_rows = row_grad(p); in_rows.defined()) {
      p.set_grad({});
      set_row_grad(p, in_rows.indices, Tensor(f(in_rows.rows.take_value())));
      continue;
    }
    Tensor grad = p.grad();
    if (!grad.defined()) continue;
    p.set_grad({});
    p.set_grad(Tensor(f(grad.take_value())));
  }
}
}  // namespace

namespace {
/// The joint 2-norm of all gradients divided by `unit`.
double norm_of(const std::vector<Parameter>& params, double unit) {
  double squares = 0;
  for (const auto& p : params) {
    const Array grad = elements_of(p);
    if (!grad.defined()) continue;
    squares += core::sum_squares(unit == 1 ? grad : core::cast(grad, f64) * (1 / unit));
  }
  return std::sqrt(squares);
}

double largest_of(const std::vector<Parameter>& params) {
  double largest = 0;
  for (const auto& p : params) {
    const Array grad = elements_of(p);
    if (!grad.defined() || grad.size() == 0) continue;
    largest = std::max(largest, core::cast(core::max(core::abs(grad)), f64).item());
  }
  return largest;
}

/// The norm as norm * unit, without overflow and underflow of the squares; the unit is a power of two.
struct ScaledNorm {
  double norm, unit;
};
ScaledNorm total_norm(const std::vector<Parameter>& params) {
  const double norm = norm_of(params, 1);
  if (norm > 1e-145 && norm < 1e153) return {norm, 1};
  const double largest = largest_of(params);
  if (!(largest > 0) || !std::isfinite(largest)) return {norm, 1};
  const double unit = std::ldexp(1.0, std::clamp(std::ilogb(largest), -1000, 1000));
  return {norm_of(params, unit), unit};
}
}  // namespace

namespace {
double clip_norm(const std::vector<Parameter>& params, double max_norm, const ClipGradNormOptions& options) {
  check_bound("clip_grad_norm", "max_norm", max_norm);
  const auto [scaled, unit] = total_norm(params);
  const double norm = scaled * unit;
  if (options.error_if_nonfinite && !std::isfinite(scaled)) {
    raise<NumericalError>("clip_grad_norm: the norm of the gradients is not finite", "a finite number",
                          std::to_string(scaled));
  }
  // As in PyTorch: 1e-6 avoids 0 / 0, and NaN propagates.
  if (max_norm / (norm + 1e-6) >= 1) return norm;
  if (norm < 1e30 || !std::isfinite(scaled)) {
    transform(params, [scale = max_norm / (norm + 1e-6)](Array g) { return std::move(g) * scale; });
    return norm;
  }
  // In two factors: one may be below the normal numbers of the gradients' dtype. The first is exact, a power of two.
  const double power = unit != 1 ? unit : std::ldexp(1.0, std::ilogb(norm));
  const double rest = unit != 1 ? scaled : norm / power;
  transform(params, [&](Array g) { return std::move(g) * (1 / power) * (max_norm / rest); });
  return norm;
}

void clip_value(const std::vector<Parameter>& params, double bound) {
  check_bound("clip_grad_value", "bound", bound);
  transform(params, [&](Array g) {
    const DType dtype = g.dtype();
    return core::minimum(core::maximum(std::move(g), core::full({}, -bound, dtype)), core::full({}, bound, dtype));
  });
}
}  // namespace

double clip_grad_norm(const std::vector<Parameter>& params, double max_norm, const ClipGradNormOptions& options) {
  if (newtape::detail::state_observer == nullptr) return clip_norm(params, max_norm, options);
  const auto norm = std::make_shared<double>();
  newtape::detail::host_call("clip_grad_norm", nullptr, [=] { *norm = clip_norm(params, max_norm, options); });
  return *norm;
}

void clip_grad_value(const std::vector<Parameter>& params, double bound) {
  newtape::detail::host_call("clip_grad_value", nullptr, [=] { clip_value(params, bound); });
}

}  // namespace newtape::optim
