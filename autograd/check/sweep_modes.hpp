// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/check/checked_function.hpp>

#include <optional>
#include <string>

/// Checks without differences: two ways of sweeping the tape must agree.
namespace newtape::detail {

struct Disagreement {
  std::string what, expected, got;
};

/// Compares the gradients for a batch of cotangents with those for its members one by one.
std::optional<Disagreement> check_batches(CheckedFunction& f, RandomNumbers& random, double tolerance);
/// Compares <w, J v> by forward mode with <J^T w, v> by reverse mode.
std::optional<Disagreement> check_forward(CheckedFunction& f, RandomNumbers& random, double tolerance);

}  // namespace newtape::detail
