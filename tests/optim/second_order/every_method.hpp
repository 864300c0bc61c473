// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "catch.hpp"

#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <functional>

/// Runs minimize with each general method, with options that `more` may change, and passes the result and the method's
/// name to `check`.
template <class Check>
void with_every_method(const newtape::UnaryFunction& f, const newtape::Tensor& x0, Check check,
                       const std::function<void(newtape::optim::MinimizeOptions&)>& more = {}) {
  for (const auto& m : newtape::optim::general_methods()) {
    newtape::optim::MinimizeOptions options;
    options.method = m;
    if (more) more(options);
    const newtape::optim::Result result = newtape::optim::minimize(f, x0, options);
    INFO(m.name << ": " << result.message << ", value " << result.value << ", gradient " << result.gradient << ", "
                << result.iterations << " iterations, " << result.counts.evaluations() << " evaluations");
    CHECK_FALSE(result.message.empty());
    CHECK(result.counts.evaluations() < 5000);
    check(result, m.name);
  }
}
