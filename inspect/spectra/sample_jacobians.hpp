// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

namespace newtape::inspect::detail {

/// A function of samples, x [B, ..] to [B, ..], recorded at x: the Jacobians of all samples in one batched sweep.
class SampleLinearization {
 public:
  /// ShapeError, naming `op`, unless x has an axis of samples which the result keeps.
  SampleLinearization(const char* op, const UnaryFunction& f, const Tensor& x);

  /// Elements of one sample and of one result.
  std::int64_t inputs() const noexcept { return inputs_; }
  std::int64_t outputs() const noexcept { return outputs_; }
  const Tensor& value() const { return j_.values()[0]; }
  /// [B, outputs, inputs].
  Array jacobians() const;

 private:
  Tensor x_;
  Linearization j_;
  std::int64_t inputs_ = 0, outputs_ = 0;
};

}  // namespace newtape::inspect::detail
