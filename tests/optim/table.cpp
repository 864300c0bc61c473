// SPDX-License-Identifier: BSD-3-Clause
#include "optim/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/first_order/sparse_adam.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/fisher/natural_gradient.hpp>
#include <newtape/optim/least_squares/algorithm.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/hessian_diagonal.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <typeinfo>

namespace newtape::optim::table {
namespace {

template <class O, class Options>
auto make(const Options& options) {
  return [options](const std::vector<Parameter>& params) { return std::make_unique<O>(params, options); };
}
template <class O>
std::unique_ptr<Optimizer> by_default(const std::vector<Parameter>& params) {
  return std::make_unique<O>(params);
}

std::vector<Row> first_order() {
  return {
      {"sgd", make<SGD>(SGDOptions{.lr = 0.02}), Needs::gradients, true},
      {"sgd_momentum", make<SGD>(SGDOptions{.lr = 0.02, .momentum = 0.9}), Needs::gradients, true},
      {"sgd_nesterov", make<SGD>(SGDOptions{.lr = 0.02, .momentum = 0.9, .nesterov = true}), Needs::gradients, true},
      {"sgd_dampening", make<SGD>(SGDOptions{.lr = 0.02, .momentum = 0.8, .dampening = 0.3}), Needs::gradients, true},
      {"sgd_decay", make<SGD>(SGDOptions{.lr = 0.02, .momentum = 0.5, .weight_decay = 0.1}), Needs::gradients, true},
      {"adam", make<Adam>(AdamOptions{.lr = 0.1}), Needs::gradients, true},
      {"adam_options", make<Adam>(AdamOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2}),
       Needs::gradients, true},
      {"adamw", make<AdamW>(AdamWOptions{.lr = 0.1}), Needs::gradients, true},
      {"adamw_options", make<AdamW>(AdamWOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2}),
       Needs::gradients, true},
      {"adam_amsgrad", make<Adam>(AdamOptions{.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true}), Needs::gradients,
       true},
      {"adamw_amsgrad", make<AdamW>(AdamWOptions{.lr = 0.1, .betas = {0.5, 0.6}, .weight_decay = 0.3, .amsgrad = true}),
       Needs::gradients, true},
      {"radam", make<RAdam>(RAdamOptions{.lr = 0.1}), Needs::gradients, true},
      {"radam_options", make<RAdam>(RAdamOptions{.lr = 0.1, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.2}),
       Needs::gradients, true},
      {"sparse_adam", make<SparseAdam>(SparseAdamOptions{.lr = 0.1}), Needs::gradients},
      {"adagrad", make<Adagrad>(AdagradOptions{.lr = 0.1}), Needs::gradients, true},
      {"adagrad_options",
       make<Adagrad>(AdagradOptions{
           .lr = 0.1, .lr_decay = 0.2, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .eps = 1e-3}),
       Needs::gradients, true},
      {"adadelta", make<Adadelta>(AdadeltaOptions{.lr = 1}), Needs::gradients, true},
      {"adadelta_options", make<Adadelta>(AdadeltaOptions{.lr = 0.5, .rho = 0.7, .eps = 1e-2, .weight_decay = 0.1}),
       Needs::gradients, true},
      {"rmsprop", make<RMSprop>(RMSpropOptions{.lr = 0.02}), Needs::gradients, true},
      {"rmsprop_momentum", make<RMSprop>(RMSpropOptions{.lr = 0.02, .momentum = 0.9}), Needs::gradients, true},
      {"rmsprop_centered", make<RMSprop>(RMSpropOptions{.lr = 0.02, .centered = true}), Needs::gradients, true},
      {"rmsprop_options",
       make<RMSprop>(RMSpropOptions{
           .lr = 0.02, .alpha = 0.8, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.7, .centered = true}),
       Needs::gradients, true},
      {"adamax", make<Adamax>(AdamaxOptions{.lr = 0.1}), Needs::gradients, true},
      {"adamax_options", make<Adamax>(AdamaxOptions{.lr = 0.05, .betas = {0.8, 0.7}, .eps = 1e-2, .weight_decay = 0.1}),
       Needs::gradients, true},
      {"asgd", make<ASGD>(ASGDOptions{.lr = 0.02}), Needs::gradients, true},
      {"asgd_options", make<ASGD>(ASGDOptions{.lr = 0.02, .lambd = 0.5, .alpha = 0.6, .t0 = 1, .weight_decay = 0.1}),
       Needs::gradients, true},
      {"rprop", make<Rprop>(RpropOptions{.lr = 0.1}), Needs::gradients, true},
      {"rprop_options", make<Rprop>(RpropOptions{.lr = 0.3, .etas = {0.3, 1.7}, .step_sizes = {0.01, 0.5}}),
       Needs::gradients, true},
      // PyTorch 1.13 does not have these, or has them wrong; other tests compare them with their papers' formulas.
      {"nadam", make<NAdam>(NAdamOptions{.lr = 0.1})},
      {"lion", make<Lion>(LionOptions{.lr = 0.01, .weight_decay = 0.1})},
      {"lamb", make<LAMB>(LAMBOptions{.lr = 0.01, .weight_decay = 0.1})},
      {"schedule_free", make<AdamWScheduleFree>(AdamWScheduleFreeOptions{.lr = 0.01, .warmup_steps = 3})},
      {"muon", make<Muon>(MuonOptions{.weight_decay = 0.1}), Needs::gradients, false, true},
      // A statistic of rank one: with the default eps its roots would amplify f32's roundings 1e4 times.
      {"shampoo", make<Shampoo>(ShampooOptions{.eps = 1e-2, .update_interval = 2})},
      {"shampoo_options", make<Shampoo>(ShampooOptions{.lr = 0.02,
                                                       .momentum = 0.9,
                                                       .beta2 = 0.9,
                                                       .eps = 1e-2,
                                                       .weight_decay = 0.1,
                                                       .grafting = Grafting::adagrad,
                                                       .block_size = 2})},
      // The second gradient equals the first here: in all other directions Adam would see only rounding errors, which eps
      // keeps small.
      {"soap", make<SOAP>(SOAPOptions{.lr = 0.02, .eps = 1e-2, .precondition_interval = 2})},
      {"adahessian", make<AdaHessian>(AdaHessianOptions{.seed = 3}), Needs::loss},
      {"sophia", make<Sophia>(SophiaOptions{.lr = 0.01, .hessian_interval = 2, .seed = 3})},
      {"proximal_sgd", make<ProximalSGD>(ProximalSGDOptions{.lr = 0.02, .l1 = 0.1})},
      {"proximal_sgd_momentum", make<ProximalSGD>(ProximalSGDOptions{.lr = 0.02, .l1 = 0.1, .momentum = 0.9})},
      {"proximal_adam", make<ProximalAdam>(ProximalAdamOptions{.lr = 0.02, .l1 = 0.1})},
  };
}

std::vector<Row> second_order() {
  return {
      {"lbfgs", make<LBFGS>(SecondOrderOptions{.max_iterations = 3}), Needs::closure, false, false, true},
      {"bfgs", by_default<BFGS>, Needs::closure},
      {"nonlinear_cg", by_default<NonlinearCG>, Needs::closure},
      {"newton", by_default<Newton>, Needs::closure},
      {"newton_rate", make<Newton>(SecondOrderOptions{.lr = 0.5}), Needs::closure},
      {"damped_newton", by_default<DampedNewton>, Needs::closure},
      {"saddle_free_newton", by_default<SaddleFreeNewton>, Needs::closure},
      {"newton_cg", by_default<NewtonCG>, Needs::closure},
      {"trust_region_newton", by_default<TrustRegionNewton>, Needs::closure},
      {"sr1", [](const auto& params) { return std::make_unique<SecondOrder>(params, sr1()); }, Needs::closure},
      {"hessian_free", by_default<HessianFree>, Needs::outputs},
      // The system is solved as far as the dtype goes: a looser tolerance may end f32's iterations before f64's.
      {"natural_gradient", make<NaturalGradient>(NaturalGradientOptions{.lr = 0.5, .cg_tolerance = 0}), Needs::outputs},
      {"kfac", make<KFAC>(KFACOptions{.lr = 0.1, .likelihood = Likelihood::independent, .seed = 3}), Needs::outputs},
      {"kfac_empirical", make<KFAC>(KFACOptions{.lr = 0.1, .fisher = KFACFisher::empirical}), Needs::loss},
  };
}

std::vector<Row> least_squares() {
  return {
      {"levenberg_marquardt", by_default<LevenbergMarquardt>, Needs::residuals},
      {"gauss_newton", by_default<GaussNewton>, Needs::residuals},
      {"dogleg", by_default<Dogleg>, Needs::residuals},
      {"least_squares",
       [](const auto& params) {
         return std::make_unique<LeastSquaresOptimizer>(params, LeastSquaresAlgorithm::levenberg_marquardt,
                                                        LeastSquaresOptimizerOptions{.lr = 0.5});
       },
       Needs::residuals},
  };
}

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> list = first_order();
    for (auto& row : second_order()) list.push_back(std::move(row));
    for (auto& row : least_squares()) list.push_back(std::move(row));
    return list;
  }();
  return all;
}

std::string type_of(const Row& row) {
  const auto optimizer = row.make({Parameter(ones({2, 2}))});
  const Optimizer& o = *optimizer;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(typeid(o).name(), nullptr, nullptr, nullptr), std::free);
  const std::string full = name.get();
  return full.substr(full.rfind(':') + 1);
}

Problem::Problem(const std::string& dtype, const Row& row)
    : x(reference()(dtype + "/x")),
      y(reference()(dtype + "/y")),
      c(reshape(Tensor(reference()(dtype + "/c")), row.matrices ? Shape{2, 2} : Shape{4})),
      a(core::copy(reference()(dtype + "/a"))),
      b(core::copy(core::reshape(reference()(dtype + "/b"), c.shape()))) {
  if (!row.from_loss()) c = abs(c);
}

Problem problem_with_minimum(const Row& row, bool matrices) {
  Row shaped = row;
  shaped.matrices = matrices;
  Problem p("f64", shaped);
  p.c = abs(p.c);
  return p;
}

Tensor Problem::loss() const {
  const Tensor t = seen();
  return sum(square(matmul(x, a) - y)) + sum(c * t * t);
}
Tensor Problem::outputs() const { return concatenate({flatten(matmul(x, a) - y), flatten(seen())}, 0); }
Tensor Problem::loss_of(const Tensor& outputs) const {
  return sum(concatenate({ones({y.size()}, y.dtype()), flatten(c)}, 0) * square(outputs));
}
Tensor Problem::residuals() const {
  return concatenate({flatten(matmul(x, a) - y), flatten(sqrt(c) * seen())}, 0) * std::sqrt(2.0);
}

Tensor step(const Row& row, Optimizer& optimizer, const Problem& problem, const std::function<void()>& before) {
  const auto evaluated = [&](Tensor (Problem::*f)() const) {
    return [&, f] {
      if (before) before();
      return (problem.*f)();
    };
  };
  switch (row.needs) {
    case Needs::outputs:
      return optimizer.step(evaluated(&Problem::outputs), [&](const Tensor& t) { return problem.loss_of(t); });
    case Needs::residuals: return optimizer.step(evaluated(&Problem::residuals));
    default: return optimizer.step(evaluated(&Problem::loss));
  }
}

void train(const Row& row, Optimizer& optimizer, const Problem& problem, int steps) {
  for (int i = 0; i < steps; ++i) step(row, optimizer, problem);
}

const Reference& reference() {
  static const Reference torch("optim/reference.txt");
  return torch;
}

}  // namespace newtape::optim::table
