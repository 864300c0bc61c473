// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/captured_plan.hpp>

#include <string>

namespace newtape::detail {

/// The calls of a plan, one a line, with shapes, blocks of memory and bytes, after a summary of its memory.
std::string plan_text(const CapturedPlan& plan);

/// The calls of a plan as a graph in the DOT language; kernels that run as one step are one node.
std::string plan_to_dot(const CapturedPlan& plan);

}  // namespace newtape::detail
