// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape::nn {

/// What becomes of the losses of the single samples: nothing, their mean, their sum, or their sum divided by the length
/// of the first axis.
enum class Reduction { none, mean, sum, batchmean };

}  // namespace newtape::nn
