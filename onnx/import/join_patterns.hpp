// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/step_builder.hpp>

namespace newtape::onnx::detail {

/// Joins neighbours in the joined steps of a graph.
void join_patterns(GraphPlan& graph, StepBuilder& build);

}  // namespace newtape::onnx::detail
