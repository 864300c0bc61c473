// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/distance.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/kink.hpp>
#include <newtape/autograd/ops/detail/reduction_info.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

static const Op norm_op{"norm", true};
static const Op norm_grad_op{"norm_grad"};

using detail::ReductionInfo;

Tensor norm(In x, double p, const Axes& axes, bool keepdims) {
  expect_floating("norm", x.value());
  if (std::isnan(p)) raise<ValueError>("norm: p must not be NaN", "a number or an infinity", "NaN");
  axes.normalized("norm", x.ndim());
  if (std::isinf(p)) return p > 0 ? max(abs(x), axes, keepdims) : min(abs(x), axes, keepdims);
  if (p == 0) return sum((x != 0.0).to(x.dtype()), axes, keepdims);
  if (p == 1) return sum(abs(x), axes, keepdims);
  if (detail::is_traced()) {
    return detail::trace_call(
        "norm", {x}, {{"p", p}, {"axes", axes.normalized("norm", x.ndim())}, {"keepdims", keepdims}},
        [&] { return norm(x, p, axes, keepdims); }, x.location());
  }
  // dy/dx = sign(x) (|x| / y)^(p-1).
  return norm_op(
      core::norm(x.value(), p, axes, keepdims),
      wrt(x, [x, r = ReductionInfo("norm", x.shape(), axes, keepdims), p](const Tensor& g, const Tensor& y) -> Tensor {
        const Tensor length = r.align(y);
        const Tensor zero = (length == 0.0);
        Tensor ratio = where(zero, 0.0, x / where(zero, 1.0, length));
        const auto squares = [&] { return p == 2 ? sum(square(x), r.axes, r.ndim == x.ndim()) : Tensor(); };
        Tensor slope = p > 0 ? detail::slope_at_kink(g, y, squares) : Tensor();  // p < 0: 0 at one zero element
        if (p != 2) {
          const Tensor absent = (ratio == 0.0);
          ratio = where(absent, 0.0, sign(ratio) * pow(where(absent, 1.0, abs(ratio)), p - 1));
          // Only the square of the norm of order 2 is smooth.
          if (slope.defined()) slope = where(slope == 0.0, slope, std::numeric_limits<double>::quiet_NaN());
        }
        const Cotangent gradient = Cotangent(r.align(g)) * ratio;
        if (!slope.defined()) return gradient;
        return gradient + detail::zero_with_slope(norm_grad_op, x, r.align(slope));
      }));
}

Tensor normalize(In x, double p, std::int64_t axis, double eps) {
  normalize_axis("normalize", axis, std::max<std::size_t>(x.ndim(), 1));
  const Tensor length = norm(In(x), p, axis, true);
  if (core::all_finite(length.value())) return x / maximum(length, eps);
  // Longer than the largest number: in units of the largest element.
  const Tensor unit = where(isfinite(length), 1.0, Tensor(core::binary_scale(x.value(), axis)));
  const Tensor z = x / unit;
  return z / maximum(norm(z, p, axis, true), eps / unit);
}

Tensor renorm(In x, double p, std::int64_t axis, double maxnorm) {
  const CallSite here(x.location());
  expect_floating("renorm", x.value());
  const auto kept = normalize_axis("renorm", axis, x.ndim());
  if (!(p > 0) || !(maxnorm >= 0)) {
    raise<ValueError>("renorm: the norm is out of range", "p > 0, maxnorm >= 0",
                      "p " + std::to_string(p) + ", maxnorm " + std::to_string(maxnorm));
  }
  Dims others;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (i != kept) others.push_back(static_cast<std::int64_t>(i));
  }
  const Tensor length = norm(In(x), p, others, true);
  const Tensor longer = length > maxnorm;
  return x * where(longer, maxnorm / (where(longer, length, 1.0) + 1e-7), 1.0);
}

namespace {
/// The operand as floats: integers and booleans take the dtype of the other.
Tensor as_floats(const In& x, const In& other) {
  if (is_floating(x.dtype())) return x;
  return x.tensor().to(is_floating(other.dtype()) ? other.dtype() : f32, x.location());
}
}  // namespace

Tensor cosine_similarity(In a, In b, std::int64_t axis, double eps) {
  if (b.is_number() && is_floating(a.dtype())) b.resolve("cosine_similarity", a.dtype());
  if (a.is_number() && is_floating(b.dtype())) a.resolve("cosine_similarity", b.dtype());
  if (is_floating(a.dtype()) && is_floating(b.dtype()) && a.dtype() != b.dtype()) {
    raise<DTypeError>("cosine_similarity: the operands must have the same dtype",
                      "equal float dtypes; convert with to(dtype)",
                      describe(a.value()) + " and " + describe(b.value()));
  }
  const Tensor u = as_floats(a, b);
  const Tensor v = as_floats(b, a);
  const Shape shape = broadcast_shapes("cosine_similarity", a.shape(), b.shape());
  if (shape.empty()) {
    return cosine_similarity(In(unsqueeze(u, 0), a.location()), unsqueeze(v, 0), axis, eps);
  }
  const auto from_last = static_cast<std::int64_t>(normalize_axis("cosine_similarity", axis, shape.size())) -
                         static_cast<std::int64_t>(shape.size());
  const Tensor x = u.shape() == shape ? u : expand(u, shape);
  const Tensor y = v.shape() == shape ? v : expand(v, shape);
  return sum(normalize(x, 2, from_last, eps) * normalize(y, 2, from_last, eps), from_last);
}

Tensor pairwise_distance(In a, In b, double p, double eps, bool keepdims) {
  if (!a.is_number() && !b.is_number()) broadcast_shapes("pairwise_distance", a.shape(), b.shape());
  return norm(a - b + eps, p, -1, keepdims);
}

Tensor cdist(In a, In b, double p) {
  if (a.ndim() < 2 || b.ndim() < 2 || a.shape().back() != b.shape().back()) {
    raise<ShapeError>("cdist: the rows must have the same length", "a [.., n, d], b [.., m, d]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  broadcast_shapes("cdist", Shape(a.shape().begin(), a.shape().end() - 2),
                   Shape(b.shape().begin(), b.shape().end() - 2));
  if (!(p >= 0)) raise<ValueError>("cdist: p must not be negative", "0 or more", std::to_string(p));
  return norm(unsqueeze(a, -2) - unsqueeze(b, -3), p, -1);
}

Tensor pdist(In x, double p) {
  const CallSite here(x.location());
  if (x.ndim() < 2) raise<ShapeError>("pdist: x must have rows", "x [.., n, d]", to_string(x.shape()));
  if (!(p >= 0)) raise<ValueError>("pdist: p must not be negative", "0 or more", std::to_string(p));
  const auto [i, j] = triu_indices(x.tensor().shape(-2), 1);
  return norm(take(x, i, -2) - take(x, j, -2), p, -1);
}

Tensor dist(In a, In b, double p) {
  const CallSite here(a.location());
  if (!a.is_number() && !b.is_number()) broadcast_shapes("dist", a.shape(), b.shape());
  return norm(std::move(a) - std::move(b), p);
}

}  // namespace newtape
