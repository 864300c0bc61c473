// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/clip.hpp>

#include <cmath>
#include <string>

namespace newtape::optim {

namespace {
void check_bound(const char* op, const char* option, double bound) {
  if (!(bound >= 0))
    raise<ValueError>(std::string(op) + ": " + option + " must not be negative", ">= 0", std::to_string(bound));
}

/// Replaces each gradient by f(gradient), in place where its memory is not shared.
template <class F>
void transform(const std::vector<Parameter>& params, const F& f) {
  for (const auto& p : params) {
    Tensor grad = p.grad();
    if (!grad.defined()) continue;
    p.set_grad({});
    p.set_grad(Tensor(f(grad.take_value())));
  }
}
}  // namespace

double clip_grad_norm(const std::vector<Parameter>& params, double max_norm, const ClipGradNormOptions& options) {
  check_bound("clip_grad_norm", "max_norm", max_norm);
  double squares = 0;
  for (const auto& p : params) {
    const Tensor grad = p.grad();
    if (grad.defined()) squares += core::sum_squares(grad.value());
  }
  const double norm = std::sqrt(squares);
  if (options.error_if_nonfinite && !std::isfinite(norm)) {
    raise<NumericalError>("clip_grad_norm: the norm of the gradients is not finite", "a finite number",
                          std::to_string(norm));
  }
  // As in PyTorch: 1e-6 avoids 0 / 0, and NaN propagates.
  const double scale = max_norm / (norm + 1e-6);
  if (scale >= 1) return norm;
  transform(params, [&](Array g) { return std::move(g) * scale; });
  return norm;
}

void clip_grad_value(const std::vector<Parameter>& params, double bound) {
  check_bound("clip_grad_value", "bound", bound);
  transform(params, [&](Array g) {
    const DType dtype = g.dtype();
    return core::minimum(core::maximum(std::move(g), core::full({}, -bound, dtype)), core::full({}, bound, dtype));
  });
}

}  // namespace newtape::optim
