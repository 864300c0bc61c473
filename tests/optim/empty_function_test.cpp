// SPDX-License-Identifier: BSD-3-Clause
// What is given an empty function says so, with its own name.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/solvers/quad.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/vmap.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/optim/constrained/minimize_constrained.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/root/root.hpp>
#include <newtape/optim/second_order/minimize.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace newtape {
namespace {

TEST_CASE("empty functions are errors of what was to call them") {
  const Tensor x = ones({2}, f64);
  const std::span<const Tensor> xs(&x, 1);
  const UnaryFunction one;
  const Function several;
  const std::vector<std::pair<std::string, std::function<void()>>> calls{
      {"grad", [&] { grad(one)(x); }},
      {"value_and_grad", [&] { value_and_grad(several, xs); }},
      {"jvp", [&] { jvp(one, x, x); }},
      {"vjp", [&] { vjp(one, x, x); }},
      {"hvp", [&] { hvp(one, x, x); }},
      {"jacobian", [&] { jacobian(one, x); }},
      {"hessian", [&] { hessian(one, x); }},
      {"vmap", [&] { vmap(one)(x); }},
      {"quad", [&] { quad(one, zeros({}, f64), ones({}, f64)); }},
      {"minimize", [&] { optim::minimize(one, x); }},
      {"minimize", [&] { optim::minimize(several, xs); }},
      {"minimize_constrained", [&] { optim::minimize_constrained(one, x, {}); }},
      {"least_squares", [&] { optim::least_squares(one, x); }},
      {"root", [&] { optim::root(one, x); }},
  };
  for (const auto& [name, call] : calls) {
    INFO(name);
    std::string message;
    try {
      call();
    } catch (const ValueError& e) {
      message = e.what();
    }
    CHECK_THAT(message, Catch::Matchers::StartsWith(name + ": the function is empty"));
  }
}

}  // namespace
}  // namespace newtape
