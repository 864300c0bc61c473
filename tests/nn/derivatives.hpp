// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "../catch.hpp"

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/core/random.hpp>
#include <newtape/nn/module.hpp>

/// Checks a module's derivatives to order two, in an input of this shape and in all its parameters, in f64.
template <class M>
void check_derivatives(const M& module, const newtape::Shape& shape) {
  module.to(newtape::f64);
  newtape::Generator generator(7);
  const auto draw = [&](const newtape::Shape& s) {
    return newtape::Tensor(newtape::random::normal(s, 0, 1, newtape::f64, generator));
  };
  std::vector<newtape::Tensor> at{draw(shape)};
  for (const auto& p : module.parameters()) at.push_back(draw(p.shape()));
  const auto f = [&](std::span<const newtape::Tensor> x) {
    return newtape::nn::functional_call(module, x.subspan(1), x[0]);
  };
  const auto result = newtape::gradcheck(f, at, {.order = 2});
  INFO(module.type() << ": " << result.message);
  CHECK(result);
}
