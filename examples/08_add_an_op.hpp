// SPDX-License-Identifier: BSD-3-Clause
// Three custom operations: the worked example of docs/add_an_op.md.
#pragma once

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/error.hpp>

#include <array>

namespace own {

namespace core = newtape::core;
using newtape::Cotangent;
using newtape::In;
using newtape::Op;
using newtape::Tensor;
using newtape::Tensors;

// 1. Two operands that broadcast: sqrt(x^2 + eps^2), which is |x| without the corner.
static const Op smooth_abs_op{"smooth_abs"};

inline Tensor smooth_abs(In x, In eps) {
  match(smooth_abs_op, x, eps);
  return smooth_abs_op(core::sqrt(core::add(core::square(x.value()), core::square(eps.value()))),
                       wrt(x, [x](Cotangent g, const Tensor& y) { return g * (x / y); }),
                       wrt(eps, [eps](Cotangent g, const Tensor& y) { return g * (eps / y); }));
}

// 2. An axis: the root of the mean square along it.
static const Op rms_op{"rms"};

inline Tensor rms(In x, std::int64_t axis = -1) {
  axis = axis_from_last(rms_op, axis, x.ndim());
  const auto n = x.tensor().shape(axis);
  if (n == 0) newtape::raise<newtape::ValueError>("rms: the axis is empty", "length >= 1", to_string(x.shape()));
  return rms_op(
      core::sqrt(core::mean(core::square(x.value()), axis)),
      wrt(x, [x, axis, n](Cotangent g, const Tensor& y) { return Cotangent(unsqueeze(g / y, axis)) * x / n; }));
}

// 3. Two results: sine and cosine.
static const Op sincos_op{"sincos"};

inline std::array<Tensor, 2> sincos(In x) {
  return sincos_op(std::array{core::sin(x.value()), core::cos(x.value())}, wrt(x, [](Tensors g, Tensors y) {
                     if (!g[0].defined()) return -(Cotangent(g[1]) * y[0]);
                     if (!g[1].defined()) return Cotangent(g[0]) * y[1];
                     return Cotangent(g[0]) * y[1] - Cotangent(g[1]) * y[0];
                   }));
}

}  // namespace own
