// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/least_squares/residuals.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace newtape::optim {

namespace {

/// A flat copy in f64.
Array wide(const Array& x, const Shape& shape) { return core::contiguous(core::cast(core::reshape(x, shape), f64)); }
Array flat(const Array& x) { return wide(x, {x.size()}); }

/// d^2/dt^2 f(x + t v) at t = 0.
Tensor second_derivative(const Function& f, std::span<const Tensor> x, std::span<const Tensor> v) {
  const Function slope = [&](std::span<const Tensor> xs) { return jvp(f, xs, v).second; };
  return jvp(slope, x, v).second;
}

}  // namespace

Residuals::Residuals(const char* op, Function f, std::span<const Tensor> xs) : op_(op), f_(std::move(f)) {
  if (xs.empty()) raise<ValueError>(fmt::format("{}: there must be a point to start from", op), "one or more", "none");
  for (const auto& x : xs) {
    if (!x.defined()) raise<ValueError>(fmt::format("{}: a starting point is undefined", op));
    if (!is_floating(x.dtype()) || x.dtype() != xs[0].dtype()) {
      raise<DTypeError>(fmt::format("{}: the starting points must have one float dtype", op), "f32 or f64",
                        fmt::format("{}, {}", name(xs[0].dtype()), name(x.dtype())));
    }
    shapes_.push_back(x.shape());
    size_ += x.size();
  }
  if (size_ == 0) raise<ValueError>(fmt::format("{}: there must be an unknown", op), "one or more", "none");
  dtype_ = xs[0].dtype();
}

Array Residuals::flatten(std::span<const Tensor> xs) const {
  std::vector<Array> parts;
  parts.reserve(xs.size());
  for (const auto& x : xs) parts.push_back(flat(x.value()));
  return parts.size() == 1 ? core::copy(parts[0]) : core::concatenate(parts, 0);
}

std::vector<Tensor> Residuals::split(const Array& x) const {
  std::vector<Tensor> parts;
  parts.reserve(shapes_.size());
  std::int64_t at = 0;
  for (const auto& shape : shapes_) {
    const std::int64_t n = element_count(shape);
    parts.emplace_back(core::copy(core::reshape(core::cast(core::slice(x, 0, at, at + n), dtype_), shape)));
    at += n;
  }
  return parts;
}

Array Residuals::rounded(const Array& x) const { return dtype_ == f64 ? x : core::cast(core::cast(x, dtype_), f64); }

void Residuals::expect(const Tensor& r) {
  if (!r.defined()) raise<ValueError>(fmt::format("{}: the residuals are undefined", op_));
  if (r.dtype() != dtype_) {
    raise<DTypeError>(fmt::format("{}: the residuals must have the dtype of the starting points", op_), name(dtype_),
                      name(r.dtype()));
  }
  if (r.size() == 0) raise<ValueError>(fmt::format("{}: there must be residuals", op_), "one or more", "none");
  if (count_ >= 0 && r.size() != count_) {
    raise<ShapeError>(fmt::format("{}: the number of residuals must not change", op_), fmt::format("{}", count_),
                      fmt::format("{}", r.size()));
  }
  count_ = r.size();
  result_shape_ = r.shape();
}

Array Residuals::nan(std::int64_t n) { return core::full({n}, std::numeric_limits<double>::quiet_NaN(), f64); }

void Residuals::capture() {
  value_calls_ = CapturedCalls([f = f_](std::span<const Tensor> xs) { return std::vector<Tensor>{f(xs)}; });
  jacobian_calls_ = CapturedCalls([f = f_](std::span<const Tensor> xs) {
    Tensor r;
    const Function noted = [&](std::span<const Tensor> at) {
      Tensor result = f(at);
      r = result.detach();
      return result;
    };
    std::vector<Tensor> all = newtape::jacobian(noted, xs);
    all.push_back(std::move(r));
    return all;
  });
  curvature_calls_ = CapturedCalls([f = f_, n = shapes_.size()](std::span<const Tensor> xs) {
    return std::vector<Tensor>{second_derivative(f, xs.first(n), xs.last(n))};
  });
}

Array Residuals::value(const Array& x, std::int64_t Counts::*counted) {
  count(counted);
  const NoGrad off;
  try {
    const Tensor r = value_calls_ ? value_calls_(split(x))[0] : f_(split(x));
    expect(r);
    return flat(r.value());
  } catch (const NumericalError&) {
    return nan_residuals();
  }
}

Array Residuals::value_and_jacobian(const Array& x, Array& jacobian) {
  count(&Counts::gradients);
  const NoGrad off;
  Tensor r;
  const Function noted = [&](std::span<const Tensor> xs) {
    Tensor result = f_(xs);
    expect(result);
    r = result.detach();
    return result;
  };
  try {
    std::vector<Array> blocks;
    blocks.reserve(shapes_.size());
    std::vector<Tensor> derivatives;
    if (jacobian_calls_) {
      derivatives = jacobian_calls_(split(x));
      r = derivatives.back();
      derivatives.pop_back();
      expect(r);
    } else {
      derivatives = newtape::jacobian(noted, split(x));
    }
    for (const auto& block : derivatives) {
      blocks.push_back(wide(block.value(), {r.size(), block.size() / r.size()}));
    }
    jacobian = blocks.size() == 1 ? blocks[0] : core::concatenate(blocks, 1);
    return flat(r.value());
  } catch (const NumericalError&) {
    return nan_residuals();
  }
}

Array Residuals::curvature(const Array& x, const Array& v) {
  count(&Counts::products);
  const NoGrad off;
  auto at = split(x);
  const auto along = split(v);
  try {
    if (!curvature_calls_) return flat(second_derivative(f_, at, along).value());
    at.insert(at.end(), along.begin(), along.end());
    return flat(curvature_calls_(std::move(at))[0].value());
  } catch (const NumericalError&) {
    return nan_residuals();
  }
}

Residuals::Products Residuals::products(const Array& x) {
  count(&Counts::gradients);
  const NoGrad off;
  try {
    const auto map = std::make_shared<Linearization>(f_, split(x));
    expect(map->values()[0]);
    return {.value = flat(map->values()[0].value()),
            .forward =
                [this, map](const Array& v) {
                  count(&Counts::products);
                  const NoGrad inner;
                  try {
                    return flat(map->jvp(split(v))[0].value());
                  } catch (const NumericalError&) {
                    return nan_residuals();
                  }
                },
            .transposed =
                [this, map](const Array& g) {
                  count(&Counts::products);
                  const NoGrad inner;
                  const Tensor cotangent(core::reshape(core::cast(g, dtype_), result_shape_));
                  try {
                    return flatten(map->vjp({&cotangent, 1}));
                  } catch (const NumericalError&) {
                    return nan(size_);
                  }
                }};
  } catch (const NumericalError&) {
    return {.value = nan_residuals(), .forward = {}, .transposed = {}};
  }
}

namespace {

/// Finds the call that broadcasts a column and a vector of n elements to [n, n].
struct PairsFinder final : OpTracer {
  explicit PairsFinder(std::int64_t size) : n(size) {}
  void on_call(OpCall call) override {
    if (!note.empty() || call.operands.size() != 2 || call.results.size() != 1) return;
    const Tensor &a = call.operands[0], &b = call.operands[1];
    if (!a.defined() || !b.defined() || a.ndim() == b.ndim() || a.size() != n || b.size() != n) return;
    if (call.results[0].shape() != Shape{n, n} || std::max(a.ndim(), b.ndim()) != 2) return;
    note = fmt::format("residuals {} are all pairs, by {} of {} and {}{}: reshape one of them if that is not meant",
                       to_string(call.results[0].shape()), call.op, to_string(a.shape()), to_string(b.shape()),
                       call.location.known() ? " at " + to_string(call.location) : std::string());
  }
  std::int64_t n;
  std::string note;
};

}  // namespace

std::string Residuals::broadcasting_note(const Array& x) const {
  if (result_shape_.size() != 2 || result_shape_[0] != result_shape_[1] || result_shape_[0] < 2) return {};
  const NoGrad off;
  PairsFinder finder(result_shape_[0]);
  try {
    static_cast<void>(f_(split(x)));
  } catch (const NumericalError&) {
  }
  return finder.note;
}

}  // namespace newtape::optim
