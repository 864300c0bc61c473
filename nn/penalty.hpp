// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

/// Regularization penalties to add to a loss: over a list of parameters, or over those of a module whose names pass a
/// filter. ValueError when there are none.
namespace newtape::nn {

/// Selects the named_parameters() of a module that are penalised.
using NameFilter = std::function<bool(std::string_view name)>;
/// Whether the last component of the name is "weight", which excludes biases.
bool is_weight(std::string_view name);

/// sum |w|; derivative 0 at 0.
Tensor l1_penalty(std::span<const Parameter> parameters);
Tensor l1_penalty(const ModuleBase& module, const NameFilter& filter = is_weight);

/// sum w^2.
Tensor l2_penalty(std::span<const Parameter> parameters);
Tensor l2_penalty(const ModuleBase& module, const NameFilter& filter = is_weight);

struct ElasticNetOptions {
  double l1 = 1;
  double l2 = 1;
};

/// l1 sum |w| + l2 sum w^2 (Zou & Hastie 2005, naive elastic net).
Tensor elastic_net(std::span<const Parameter> parameters, const ElasticNetOptions& options = {});
Tensor elastic_net(const ModuleBase& module, const ElasticNetOptions& options = {},
                   const NameFilter& filter = is_weight);

}  // namespace newtape::nn
