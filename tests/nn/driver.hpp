// SPDX-License-Identifier: BSD-3-Clause
// Helpers shared by the checks of the table of layers.
#pragma once

#include "table.hpp"
#include "torch_case.hpp"

#include <algorithm>

namespace newtape::nn::table {

template <class F>
void each_row(F&& f) {
  for (const auto& row : rows()) {
    INFO("layer " << row.name);
    f(row);
  }
}
/// In training, and after eval() where that differs.
template <class F>
void each_mode(F&& f) {
  each_row([&](const Row& row) {
    for (const bool training : {true, false}) {
      if (!training && !row.modes) continue;
      INFO((training ? "in training" : "after eval()"));
      f(row, training);
    }
  });
}

/// A case of PyTorch; cached.
const Reference& reference(const std::string& file);
inline const Reference& reference(const Row& row) { return reference(row.torch.file(row.torch.any())); }
/// Floats are converted.
Tensor in(const Tensor& x, DType dtype);
Tensors in(Tensors xs, DType dtype);
/// The arguments of a row.
Tensors inputs(const Row& row, DType dtype);
/// A new layer, with PyTorch's state if there is one, else with reproducible values.
Layer fresh(const Row& row, DType dtype, bool training = true);
/// Its results, with reproducible random numbers.
Tensors run(const Layer& layer, const Tensors& xs);

bool identical(const Tensors& a, const Tensors& b);
bool identical(const StateDict& a, const StateDict& b);

inline std::string type_of(const Row& row) { return row.name.substr(0, row.name.find('/')); }
inline bool is_fixed(const Row& row, std::size_t argument) {
  return std::find(row.fixed.begin(), row.fixed.end(), argument) != row.fixed.end();
}

}  // namespace newtape::nn::table
