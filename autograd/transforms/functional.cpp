// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/functional.hpp>

#include <string>

namespace newtape {

namespace {

/// Replaces the tensors of the cells for a scope.
class Exchange {
 public:
  Exchange(const std::vector<Parameter>& cells, std::span<const Tensor> values)
      : cells_(cells), others_(values.begin(), values.end()) {
    swap();
  }
  ~Exchange() { swap(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  void swap() noexcept {
    for (std::size_t i = 0; i < others_.size(); ++i) others_[i] = cells_[i].exchange(std::move(others_[i]));
  }
  const std::vector<Parameter>& cells_;
  std::vector<Tensor> others_;
};

}  // namespace

Function function_of(std::vector<Parameter> parameters, std::function<Tensor()> f) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].defined()) raise<ValueError>("function_of: parameter " + std::to_string(i) + " is undefined");
    for (std::size_t j = 0; j < i; ++j) {
      if (parameters[i] == parameters[j]) {
        raise<ValueError>("function_of: each parameter may occur once", "distinct cells",
                          "the same cell as parameters " + std::to_string(j) + " and " + std::to_string(i));
      }
    }
  }
  return [parameters = std::move(parameters), f = std::move(f)](std::span<const Tensor> values) {
    if (values.size() != parameters.size()) {
      raise<ValueError>("function_of: each parameter needs one value", std::to_string(parameters.size()),
                        std::to_string(values.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].defined() && values[i].shape() == parameters[i].shape()) continue;
      raise<ShapeError>("function_of: a value must have the shape of parameter " + std::to_string(i),
                        to_string(parameters[i].shape()),
                        values[i].defined() ? to_string(values[i].shape()) : "an undefined tensor");
    }
    const Exchange scope(parameters, values);
    return f();
  };
}

std::vector<Tensor> values_of(std::span<const Parameter> parameters) {
  std::vector<Tensor> values;
  for (const auto& p : parameters) values.push_back(p.tensor().detach());
  return values;
}

}  // namespace newtape
