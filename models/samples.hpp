// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <string>

/// Checks of the linear models' data. Errors name the caller `op`.
namespace newtape::models {

/// x [n, d] of floats with n >= at_least and d >= 1.
void expect_samples(const char* op, const In& x, std::int64_t at_least = 1);
/// x [.., d].
void expect_features(const char* op, const In& x, std::int64_t d);
/// Weights [n] of this dtype, not negative and not all 0; or none.
void expect_sample_weight(const char* op, const Tensor& weight, std::int64_t n, DType dtype);
/// The penalty as a tensor of this dtype; ValueError for a negative one.
Tensor as_penalty(const char* op, In penalty, DType dtype);
/// As many names as there are features; or none.
void expect_names(const char* op, std::span<const std::string> names, std::int64_t d);

}  // namespace newtape::models
