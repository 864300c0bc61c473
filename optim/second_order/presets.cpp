// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/second_order/presets.hpp>

namespace newtape::optim {

Method gradient_descent() {
  return {"gradient descent", curvature::none(), direction::steepest(), globalization::strong_wolfe()};
}
Method nonlinear_cg(const ConjugateOptions& options) {
  // A search that is nearly exact keeps the directions conjugate.
  return {"nonlinear CG", curvature::none(), direction::conjugate(options), globalization::hager_zhang({.c2 = 0.4})};
}
Method bfgs() { return {"BFGS", curvature::bfgs(), direction::newton(), globalization::strong_wolfe()}; }
Method lbfgs(const LBFGSOptions& options) {
  return {"L-BFGS", curvature::lbfgs(options), direction::newton(), globalization::strong_wolfe()};
}
Method sr1() { return {"SR1", curvature::sr1(), direction::more_sorensen(), globalization::trust_region()}; }
Method newton() { return {"Newton", curvature::hessian(), direction::newton(), globalization::strong_wolfe()}; }
Method damped_newton() {
  return {"damped Newton", curvature::hessian(), direction::newton(), globalization::damping()};
}
Method saddle_free_newton() {
  return {"saddle-free Newton", curvature::hessian(), direction::saddle_free(), globalization::strong_wolfe()};
}
Method newton_cg() {
  return {"Newton-CG", curvature::hessian_product(), direction::truncated_cg(), globalization::strong_wolfe()};
}
Method trust_region_newton() {
  return {"trust-region Newton", curvature::hessian(), direction::more_sorensen(), globalization::trust_region()};
}
Method trust_region_newton_cg() {
  return {"trust-region Newton-CG", curvature::hessian_product(), direction::truncated_cg(),
          globalization::trust_region()};
}
Method dogleg_newton() {
  return {"dogleg Newton", curvature::hessian(), direction::dogleg(), globalization::trust_region()};
}
Method generalized_gauss_newton() {
  return {"generalised Gauss-Newton", curvature::generalized_gauss_newton(), direction::newton(),
          globalization::strong_wolfe()};
}
Method damped_generalized_gauss_newton() {
  return {"damped generalised Gauss-Newton", curvature::generalized_gauss_newton(), direction::newton(),
          globalization::damping()};
}
Method hessian_free() {
  return {"Hessian-free", curvature::generalized_gauss_newton_product(), direction::truncated_cg(),
          globalization::damping()};
}

std::vector<Method> general_methods() {
  return {nonlinear_cg(),
          lbfgs(),
          bfgs(),
          sr1(),
          newton(),
          damped_newton(),
          dogleg_newton(),
          newton_cg(),
          trust_region_newton_cg(),
          saddle_free_newton(),
          trust_region_newton()};
}

std::vector<Method> direct_search_methods() { return {nelder_mead(), cma_es()}; }

}  // namespace newtape::optim
