// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::optim {

/// Those of a list of parameters that require gradients, as the unknowns of a minimiser; the others are constants.
class Trainable {
 public:
  Trainable() = default;
  explicit Trainable(std::vector<Parameter> all) { select(std::move(all)); }

  /// Selects anew. False when a previous selection was another one: state that refers to it is void.
  bool select(std::vector<Parameter> all);
  /// Forgets the selection: the next one has no previous one.
  void clear() noexcept { selected_.clear(); }

  bool empty() const noexcept { return selected_.empty(); }
  /// The number of elements.
  std::int64_t size() const;
  std::vector<Tensor> values() const;
  void set_values(std::span<const Tensor> values) const;
  void set_grads(std::span<const Tensor> grads) const;
  /// `f()` as a function of the selected parameters' values.
  Function function(std::function<Tensor()> f) const;

 private:
  std::vector<Parameter> selected_;
};

/// Calls `minimise(f, x0)` with `f()` as a function of the trainable ones of `parameters` and their values, and sets
/// them to the result's point.
template <class Minimise>
auto minimize_over(const std::vector<Parameter>& parameters, const std::function<Tensor()>& f,
                   const Minimise& minimise) {
  const Trainable selected(parameters);
  const Function of_values = selected.function(f);
  auto result = minimise(of_values, selected.values());
  selected.set_values(result.xs);
  return result;
}

/// DTypeError, naming `op`, unless all parameters have one dtype.
void expect_one_dtype(std::string_view op, std::span<const Parameter> parameters);

}  // namespace newtape::optim
