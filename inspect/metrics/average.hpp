// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::inspect {

/// How scores of classes are averaged: `micro` counts all predictions alike, which of classes that exclude each other
/// is the accuracy; `macro` is the mean over classes that occur; `weighted` weighs them by their number of examples.
enum class Average : std::uint8_t { micro, macro, weighted };

}  // namespace newtape::inspect
