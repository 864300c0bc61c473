// SPDX-License-Identifier: BSD-3-Clause
// Iteration over the table: one Catch section for each row, the sample in every message.
#pragma once

#include "catch.hpp"
#include "operands.hpp"

#include <limits>

namespace newtape::table {

template <class F>
void each_row(F f) {
  for (const auto& row : rows()) {
    DYNAMIC_SECTION(row.name) { f(row); }
  }
}

template <class F>
void each_sample(F f) {
  each_row([&](const Row& row) {
    for (const auto& sample : row.samples) {
      INFO(describe(row, sample));
      f(row, sample);
    }
  });
}

/// Rows that have derivatives.
template <class F>
void each_smooth_sample(F f) {
  each_sample([&](const Row& row, const Sample& sample) {
    if (row.order > 0) f(row, sample);
  });
}

inline double rounding(DType dtype) {
  return dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

}  // namespace newtape::table

/// Checks that a description of differences is empty, and shows it when it is not.
#define CHECK_SAME(...) CHECK(newtape::table::differ(__VA_ARGS__) == "")
