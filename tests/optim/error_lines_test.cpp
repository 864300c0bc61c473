// SPDX-License-Identifier: BSD-3-Clause
// Errors of solvers and minimisers name the function and the line of the call.
#include "bad_calls.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/optim/constrained/minimize_constrained.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/hutchinson.hpp>
#include <newtape/optim/root/root.hpp>
#include <newtape/optim/second_order/argmin.hpp>
#include <newtape/optim/second_order/l1.hpp>
#include <newtape/optim/second_order/minimize.hpp>

namespace newtape::optim {
namespace {

std::vector<BadCall> bad_optimisations() {
  const Tensor x = ones({3}, f64);
  const Tensor integers = ones({3}, i64);
  const auto total = [](const Tensor& t) { return sum(t * t); };
  const auto twice = [](const Tensor& t) { return 2.0 * t; };
  const auto residuals = [](const Tensor& t) { return sum(t); };
  const auto squares = [](std::span<const Tensor> xs) { return xs[0] * xs[0]; };
  const auto distance = [](const Tensor& t, const Tensor& theta) { return sum(square(t - theta)); };
  const std::vector<Tensor> none;
  const std::vector<Tensor> one{x};
  return {
      {"minimize", [=] { minimize(total, integers); }},
      {"minimize", [=] { minimize(twice, x); }},
      {"minimize", [=] { minimize([](std::span<const Tensor> xs) { return sum(xs[0]); }, none); }},
      {"minimize", [=] { minimize(UnaryFunction(), x); }},
      {"minimize", [=] { minimize({.value = total, .gradient = total}, x); }},
      {"minimize_constrained", [=] { minimize_constrained(total, integers, {.equalities = twice}); }},
      {"minimize_constrained", [=] { minimize_constrained(UnaryFunction(), x, {.equalities = twice}); }},
      {"root", [=] { root(residuals, x); }},
      {"root", [=] { root(twice, integers); }},
      {"argmin", [=] { argmin(distance, x, x, {.minimize = {.lower = {x}}}); }},
      {"argmin", [=] { argmin(distance, integers, x); }},
      {"fista", [=] { fista(total, integers, {.l1 = 1}); }},
      {"fista", [=] { fista(total, x, {.weights = {integers}}); }},
      {"owl_qn", [=] { owl_qn(total, integers, {.l1 = 1}); }},
      {"owl_qn", [=] { owl_qn(total, x, {.l1 = -1}); }},
      {"fisher", [=] { fisher(squares, total, none); }},
      {"empirical_fisher", [=] { empirical_fisher(squares, none); }},
      {"empirical_fisher_product",
       [=] { empirical_fisher_product([](std::span<const Tensor> xs) { return sum(xs[0]); }, one, one); }},
      {"hutchinson_diag", [=] { hutchinson_diag(total, x, {.samples = 0}); }},
      {"hutchinson_trace", [=] { hutchinson_trace(total, x, {.samples = 0}); }},
  };
}

TEST_CASE("errors of optimisations name the call") { check_bad_calls("error_lines_test.cpp", bad_optimisations()); }

}  // namespace
}  // namespace newtape::optim
