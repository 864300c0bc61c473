// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

namespace newtape::nn {

/// Reduction of the losses of the samples: none, mean, sum, or sum divided by the length of the first axis.
enum class Reduction { none, mean, sum, batchmean };

}  // namespace newtape::nn
