// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/captured_plan.hpp>

#include <string>

namespace newtape::detail {

/// The calls of a plan, one a line, with shapes and blocks of memory, after a summary.
std::string plan_text(const CapturedPlan& plan);

}  // namespace newtape::detail
