// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/direct_search/direct_search.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/globalization/globalization.hpp>

#include <vector>

/// Methods ready to use: `minimize(f, x0, {.method = optim::lbfgs()})`.
namespace newtape::optim {

/// Steepest descent with a line search, as a baseline.
Method gradient_descent();
/// Nonlinear conjugate gradients (Hager-Zhang by default, see ConjugateOptions), with Hager and Zhang's line search.
Method nonlinear_cg(const ConjugateOptions& options = {});
/// BFGS with a dense matrix of the curvature, and a strong Wolfe line search.
Method bfgs();
/// L-BFGS, for many unknowns, with a strong Wolfe line search.
Method lbfgs(const LBFGSOptions& options = {});
/// Symmetric rank one in a trust region (Nocedal and Wright 2006, algorithm 6.2).
Method sr1();
/// Exact Hessian, modified Cholesky, line search from the full step.
Method newton();
/// Newton with Levenberg's damping of the Hessian in place of a line search.
Method damped_newton();
/// Exact Hessian with |eigenvalues|: saddle points repel it (Dauphin 2014).
Method saddle_free_newton();
/// Truncated conjugate gradients on Hessian-vector products, with a line search.
Method newton_cg();
/// Exact Hessian, exact solution of the trust-region problem (More and Sorensen 1983).
Method trust_region_newton();
/// Steihaug's conjugate gradients on Hessian-vector products in a trust region: for many unknowns.
Method trust_region_newton_cg();
/// Exact Hessian (shifted where it is not positive definite), Powell's dogleg.
Method dogleg_newton();
/// The generalised Gauss-Newton matrix, for outputs and loss as two functions, with a line search or with damping. For
/// sums of squares, least_squares has the algorithms of Gauss-Newton and Levenberg-Marquardt, on the Jacobian.
Method generalized_gauss_newton();
Method damped_generalized_gauss_newton();
/// Generalised Gauss-Newton products, damped conjugate gradients (Martens 2010).
Method hessian_free();
/// All methods that need one function only and its derivatives, for comparisons.
std::vector<Method> general_methods();
/// All methods that need values only.
std::vector<Method> direct_search_methods();

}  // namespace newtape::optim
