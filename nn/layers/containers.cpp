// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/layers/containers.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::nn {

ParameterList::ParameterList() : list_(std::make_shared<std::vector<Parameter>>()) {}
ParameterList::ParameterList(std::initializer_list<Parameter> parameters) : ParameterList() {
  for (const auto& p : parameters) push_back(p);
}

void ParameterList::push_back(const Parameter& parameter) {
  list_->push_back(add(std::to_string(list_->size()), parameter));
}

const Parameter& ParameterList::operator[](std::size_t i) const {
  if (i >= size()) {
    raise<ValueError>("ParameterList: the index is out of range", "below " + std::to_string(size()), std::to_string(i));
  }
  return (*list_)[i];
}

ParameterDict::ParameterDict() : list_(std::make_shared<std::vector<std::pair<std::string, Parameter>>>()) {}
ParameterDict::ParameterDict(std::initializer_list<std::pair<std::string, Parameter>> parameters) : ParameterDict() {
  for (const auto& [name, p] : parameters) insert(name, p);
}

void ParameterDict::insert(const std::string& name, const Parameter& parameter) {
  Parameter added = add(name, parameter);  // which checks the name
  list_->emplace_back(name, std::move(added));
}

bool ParameterDict::contains(std::string_view name) const {
  return std::any_of(begin(), end(), [name](const auto& entry) { return entry.first == name; });
}

const Parameter& ParameterDict::operator[](std::string_view name) const {
  for (const auto& [n, p] : *list_) {
    if (n == name) return p;
  }
  raise<ValueError>("ParameterDict: there is no parameter of this name", {}, name);
}

}  // namespace newtape::nn
