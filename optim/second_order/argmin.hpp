// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/optim/second_order/minimize.hpp>

#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

struct ArgminOptions {
  MinimizeOptions minimize = {};   ///< without bounds: at an active bound df/dx is not 0
  LinearSolveOptions linear = {};  ///< solver of the derivative's linear systems with the Hessian
};

/// The minimiser x of f(x, theta), searched from x0, as a function of theta: differentiable to any order by the
/// implicit function theorem at df/dx = 0; the iterations are not recorded. NumericalError when the minimisation does
/// not converge and, in the derivative, where the Hessian is singular.
Tensor argmin(const Located<std::function<Tensor(const Tensor& x, const Tensor& theta)>>& f, const Tensor& x0,
              const Tensor& theta, const ArgminOptions& options = {});
std::vector<Tensor> argmin(
    const Located<std::function<Tensor(std::span<const Tensor> x, std::span<const Tensor> theta)>>& f,
    std::span<const Tensor> x0, std::span<const Tensor> theta, const ArgminOptions& options = {});

}  // namespace newtape::optim
