// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/minimize.hpp>

#include <span>

namespace newtape::optim {

/// Runs `options.method.direct_search` to convergence.
Result run_direct_search(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options);

}  // namespace newtape::optim
