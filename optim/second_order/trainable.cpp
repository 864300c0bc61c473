// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <string>

namespace newtape::optim {

bool Trainable::select(std::vector<Parameter> all) {
  // Undefined parameters stay, so that their use raises the error.
  std::erase_if(all, [](const Parameter& p) { return p.defined() && !p.requires_grad(); });
  const bool same = selected_.empty() || selected_ == all;
  selected_ = std::move(all);
  return same;
}

std::int64_t Trainable::size() const {
  std::int64_t total = 0;
  for (const auto& p : selected_) total += p.size();
  return total;
}

std::vector<Tensor> Trainable::values() const { return values_of(selected_); }

void Trainable::set_values(std::span<const Tensor> values) const {
  for (const auto& p : selected_) p.writable();  // what may fail, before the first is changed
  for (std::size_t i = 0; i < selected_.size(); ++i) selected_[i].set_value(values[i].value());
}

void Trainable::set_grads(std::span<const Tensor> grads) const {
  for (std::size_t i = 0; i < selected_.size(); ++i) selected_[i].set_grad(grads[i].detach());
}

Function Trainable::function(std::function<Tensor()> f) const { return function_of(selected_, std::move(f)); }

void expect_one_dtype(std::string_view op, std::span<const Parameter> parameters) {
  for (const auto& p : parameters) {
    if (p.dtype() == parameters[0].dtype()) continue;
    raise<DTypeError>(std::string(op) + ": all parameters must have one dtype", name(parameters[0].dtype()),
                      name(p.dtype()));
  }
}

}  // namespace newtape::optim
