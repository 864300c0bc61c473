// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/sample_jacobians.hpp>

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <string>

namespace newtape::inspect::detail {

namespace {

Function lift_sample_function(const UnaryFunction& f) {
  return [&f](std::span<const Tensor> xs) { return f(xs[0]); };
}

/// The unit vectors of one sample, for all samples at once: [count, B, shape of a sample..].
Tensor sample_units(std::int64_t count, const Tensor& like) {
  Shape one = like.shape();
  one[0] = 1;
  one.insert(0, count);
  Shape all = like.shape();
  all.insert(0, count);
  return expand(reshape(eye(count, like.dtype()), one), all);
}

const Tensor& checked_samples(const char* op, const Tensor& x) {
  expect_floating(op, x.defined() ? x.value() : Array());
  return x;
}

}  // namespace

SampleLinearization::SampleLinearization(const char* op, const UnaryFunction& f, const Tensor& x)
    : x_(checked_samples(op, x)), j_(lift_sample_function(f), std::span<const Tensor>(&x_, 1)) {
  const Tensor& y = value();
  if (x.ndim() == 0 || y.ndim() == 0 || x.shape(0) != y.shape(0)) {
    raise<ShapeError>(std::string(op) + ": the function must return one result for each sample", "[B, ..] to [B, ..]",
                      to_string(x.shape()) + " to " + to_string(y.shape()));
  }
  const auto samples = x.shape(0);
  inputs_ = samples == 0 ? 0 : x.size() / samples;
  outputs_ = samples == 0 ? 0 : y.size() / samples;
}

Array SampleLinearization::jacobians() const {
  const auto samples = x_.shape(0);
  if (outputs_ <= 2 * inputs_) {
    const Tensor g = sample_units(outputs_, value());
    const Array rows = j_.vjp({&g, 1})[0].value();
    return core::contiguous(core::transpose(core::reshape(rows, {outputs_, samples, inputs_}), 0, 1));
  }
  const Tensor v = sample_units(inputs_, x_);
  const Array columns = core::reshape(j_.jvp({&v, 1})[0].value(), {inputs_, samples, outputs_});
  return core::contiguous(core::permute(columns, {1, 2, 0}));
}

}  // namespace newtape::inspect::detail
