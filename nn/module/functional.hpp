// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/nn/module/module.hpp>

/// Modules as functions of tensors, for the transforms.
namespace newtape::nn {

/// `f()`, which calls the module, as a function of the values of parameters():
/// `hvp(nn::function_of(model, [&] { return nn::mse_loss(model(x), y); }), nn::values_of(model), v)`.
inline Function function_of(const ModuleBase& module, std::function<Tensor()> f) {
  return newtape::function_of(module.parameters(), std::move(f));
}
/// The current values of parameters(), as constants.
inline std::vector<Tensor> values_of(const ModuleBase& module) { return newtape::values_of(module.parameters()); }

/// module(x) without storing intermediate results: see newtape::checkpoint. Recomputation also updates buffers again.
template <class M>
Tensor checkpoint(const M& module, const Tensor& x) {
  std::vector<Tensor> inputs{x};
  for (const auto& p : module.parameters()) inputs.push_back(p.tensor());
  return newtape::checkpoint(
      Function([module](std::span<const Tensor> all) { return functional_call(module, all.subspan(1), all[0]); }),
      inputs);
}

}  // namespace newtape::nn
