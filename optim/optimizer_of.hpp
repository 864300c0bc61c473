// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/optimizer.hpp>

#include <type_traits>
#include <utility>

/// Definitions of OptimizerOf, for the source file of an optimizer: a specialization of OptionsTraits, then
/// `template class OptimizerOf<..Options>;`.
namespace newtape::optim {

/// What an optimizer needs to know of its options `O`; specialized in its source file. Static members:
///
///     name                  the optimizer's name, for messages
///     moments()             the names of the arrays in a parameter's state
///     scalars()             the names of the numbers in it; may be left out
///     queued                true if update() leaves all work to queue(); may be left out
///     each(options, f)      calls f(name, member, range) for every member: the name in state dicts, and the values that
///                           it may have, [0, inf) when left out
///     validate(options)     throws ValueError for values that do not go together; may be left out
template <class O>
struct OptionsTraits;

/// Names of the numbers in a parameter's state.
template <class O>
std::vector<const char*> scalar_names() {
  if constexpr (requires { OptionsTraits<O>::scalars(); }) {
    return OptionsTraits<O>::scalars();
  } else {
    return {};
  }
}

/// The member `betas`, for OptionsTraits::each.
void each_beta(auto& o, auto&& f) {
  f("beta1", o.betas.first, Range{0, 1, "betas.first"}), f("beta2", o.betas.second, Range{0, 1, "betas.second"});
}

/// ValueError for invalid options.
template <class O>
void validate(const O& options) {
  using Traits = OptionsTraits<O>;
  Traits::each(options, [](const char* option, const auto& member, const Range& range = {}) {
    check_option(Traits::name, option, static_cast<double>(member), range);
  });
  if constexpr (requires { Traits::validate(options); }) Traits::validate(options);
}

/// The parameters of each group. ValueError for invalid options.
template <class O>
std::vector<std::vector<Parameter>> params_of(const std::vector<ParamGroup<O>>& groups) {
  std::vector<std::vector<Parameter>> params;
  for (const auto& g : groups) {
    validate(g.options);
    params.push_back(g.params);
  }
  return params;
}

/// Options from their values, in the order of OptionsTraits<O>::each.
template <class O>
O options_from(const std::vector<std::pair<const char*, double>>& values) {
  O options;
  auto next = values.begin();
  OptionsTraits<O>::each(options, [&](const char*, auto& member, const Range& = {}) {
    member = static_cast<std::remove_reference_t<decltype(member)>>(next++->second);
  });
  return options;
}

template <class O>
OptimizerOf<O>::OptimizerOf(std::vector<Parameter> params, const O& options)
    : OptimizerOf(std::vector<ParamGroup<O>>{{std::move(params), options}}) {}

template <class O>
OptimizerOf<O>::OptimizerOf(const std::vector<ParamGroup<O>>& groups)
    : Optimizer(OptionsTraits<O>::name, OptionsTraits<O>::moments(), scalar_names<O>(), params_of(groups)) {
  for (const auto& g : groups) options_.push_back(g.options);
}

template <class O>
void OptimizerOf<O>::set_options(const O& options, std::size_t group) {
  newtape::detail::refuse_in_capture("set_lr() or set_options() of an optimizer");
  validate(options);
  options_[check_group(group)] = options;
}

template <class O>
void OptimizerOf<O>::set_lr(double lr, std::size_t group) {
  O changed = options(group);
  changed.lr = lr;
  set_options(changed, group);
}

template <class O>
bool OptimizerOf<O>::queues_updates() const {
  if constexpr (requires { OptionsTraits<O>::queued; }) {
    return OptionsTraits<O>::queued;
  } else {
    return false;
  }
}

template <class O>
Optimizer::Options OptimizerOf<O>::get_options(std::size_t group) const {
  Optimizer::Options values;
  OptionsTraits<O>::each(options_[group], [&](const char* name, const auto& member, const Range& = {}) {
    values.emplace_back(name, static_cast<double>(member));
  });
  return values;
}

template <class O>
void OptimizerOf<O>::check_options(const Optimizer::Options& values) const {
  validate(options_from<O>(values));
}

template <class O>
void OptimizerOf<O>::set_options(std::size_t group, const Optimizer::Options& values) {
  options_[group] = options_from<O>(values);
}

}  // namespace newtape::optim
