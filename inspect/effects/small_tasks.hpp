// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/effects/run.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cstdint>
#include <functional>

/// Two small trainings on data sets that come along, which take fractions of a second.
namespace newtape::inspect::detail {

/// Makes the hidden part of a network, [n, width] -> [n, width].
using MakeHidden = std::function<nn::Sequential(std::int64_t width)>;

/// Options of digits_accuracy and diabetes_error.
struct SmallTaskOptions {
  std::int64_t width = 32;
  int blocks = 2;
  int epochs = 8;
  std::int64_t examples = 400;  ///< to train on, at most three quarters
};

/// Accuracy on digits that were not trained on, by Adam on the cross-entropy.
double digits_accuracy(const Run& run, const MakeHidden& hidden, const SmallTaskOptions& options);
/// Mean square error of the standardized progress of diabetes (1: the mean) on patients that were not trained on.
double diabetes_error(const Run& run, const MakeHidden& hidden, const SmallTaskOptions& options);

}  // namespace newtape::inspect::detail
