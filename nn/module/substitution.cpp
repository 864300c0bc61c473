// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/module.hpp>

#include <algorithm>
#include <unordered_set>

namespace newtape::nn {

namespace {
template <class Cell>
void check_substitute(const std::string& name, const Cell& cell, const Tensor& value) {
  if (!value.defined()) raise<ValueError>("functional_call: the value for " + name + " is undefined");
  if (value.shape() == cell.shape()) return;
  raise<ShapeError>("functional_call: the value for " + name + " must have its shape", to_string(cell.shape()),
                    to_string(value.shape()));
}
}  // namespace

Substitution::Substitution(const ModuleBase& module, std::span<const Tensor> values) {
  auto named = module.named_parameters();
  if (named.size() != values.size()) {
    raise<ValueError>("functional_call: each of parameters() needs one value", std::to_string(named.size()),
                      std::to_string(values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    check_substitute(named[i].first, named[i].second, values[i]);
    parameters_.emplace_back(std::move(named[i].second), values[i]);
  }
  swap();
}

Substitution::Substitution(const ModuleBase& module, std::span<const std::pair<std::string, Tensor>> values) {
  const auto parameters = module.named_parameters();
  const auto buffers = module.named_buffers();
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, value] : values) {
    if (!seen.insert(name).second) raise<ValueError>("functional_call: duplicate value for " + name);
    const auto match = [&n = name](const auto& member) { return member.first == n; };
    if (const auto p = std::find_if(parameters.begin(), parameters.end(), match); p != parameters.end()) {
      check_substitute(name, p->second, value);
      parameters_.emplace_back(p->second, value);
    } else if (const auto b = std::find_if(buffers.begin(), buffers.end(), match); b != buffers.end()) {
      check_substitute(name, b->second, value);
      buffers_.emplace_back(b->second, value);
    } else {
      raise<ValueError>("functional_call: the module has no parameter or buffer of this name", {}, name);
    }
  }
  swap();
}

Substitution::~Substitution() { swap(); }

void Substitution::swap() noexcept {
  for (auto& [cell, other] : parameters_) other = cell.exchange(std::move(other));
  for (auto& [cell, other] : buffers_) other = cell.exchange(std::move(other));
}

}  // namespace newtape::nn
