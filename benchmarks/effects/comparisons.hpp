// SPDX-License-Identifier: BSD-3-Clause
// The comparisons of docs/effects.md.
#pragma once

#include <newtape/inspect/effects/measure_effect.hpp>

#include <string>
#include <vector>

struct ComparisonOptions {
  int runs = 40;
};

/// Techniques against one baseline on one data set.
struct ComparisonResult {
  std::string title;                    ///< the data set
  std::string setting;                  ///< network, training, metric
  std::vector<std::string> techniques;  ///< what each of them is, in words
  std::vector<newtape::inspect::Effect> effects;
};

/// L1, L2, dropout, batch norm and K-FAC against a network trained by AdamW.
ComparisonResult compare_on_digits(const ComparisonOptions& options);
/// K-FAC against AdamW by the training loss.
ComparisonResult compare_optimizers_on_digits(const ComparisonOptions& options);
ComparisonResult compare_on_breast_cancer(const ComparisonOptions& options);
ComparisonResult compare_on_diabetes(const ComparisonOptions& options);
/// An LSTM against an RNN.
ComparisonResult compare_on_sunspots(const ComparisonOptions& options);
ComparisonResult compare_on_text(const ComparisonOptions& options);
