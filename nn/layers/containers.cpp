// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/layers/containers.hpp>

#include <memory>
#include <string>
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

}  // namespace newtape::nn
