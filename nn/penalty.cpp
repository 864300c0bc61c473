// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/penalty.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <string>

namespace newtape::nn {

namespace {
std::vector<Parameter> chosen(const ModuleBase& module, const NameFilter& filter) {
  std::vector<Parameter> parameters;
  for (const auto& [name, p] : module.named_parameters()) {
    if (filter(name)) parameters.push_back(p);
  }
  return parameters;
}

template <class F>
Tensor total(const char* penalty, std::span<const Parameter> parameters, const F& of) {
  if (parameters.empty()) raise<ValueError>(std::string(penalty) + ": there must be at least one parameter");
  Tensor all = of(parameters[0].tensor());
  for (const auto& p : parameters.subspan(1)) all = all + of(p.tensor());
  return all;
}
}  // namespace

bool is_weight(std::string_view name) { return name.substr(name.rfind('.') + 1) == "weight"; }

Tensor l1_penalty(std::span<const Parameter> parameters) {
  return total("l1_penalty", parameters, [](const Tensor& w) { return sum(abs(w)); });
}
Tensor l1_penalty(const ModuleBase& module, const NameFilter& filter) { return l1_penalty(chosen(module, filter)); }

Tensor l2_penalty(std::span<const Parameter> parameters) {
  return total("l2_penalty", parameters, [](const Tensor& w) { return sum(square(w)); });
}
Tensor l2_penalty(const ModuleBase& module, const NameFilter& filter) { return l2_penalty(chosen(module, filter)); }

Tensor elastic_net(std::span<const Parameter> parameters, const ElasticNetOptions& options) {
  return total("elastic_net", parameters,
               [&](const Tensor& w) { return options.l1 * sum(abs(w)) + options.l2 * sum(square(w)); });
}
Tensor elastic_net(const ModuleBase& module, const ElasticNetOptions& options, const NameFilter& filter) {
  return elastic_net(chosen(module, filter), options);
}

}  // namespace newtape::nn
