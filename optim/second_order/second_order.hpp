// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/engine.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <optional>
#include <vector>

/// The methods of `minimize` in training loops: `optimizer.step([&] { return loss(model(x), y); })`. The closure runs
/// forward and returns the loss; derivatives are taken from it, and it may be called several times in a step, with the
/// same data.
namespace newtape::optim {

/// Named as StoppingCriteria; PyTorch's LBFGS calls the last two max_iter and tolerance_grad.
struct SecondOrderOptions {
  double lr = 1;                    ///< factor of the step that the method computes
  std::int64_t max_iterations = 1;  ///< iterations of the method in one step
  double gradient_tolerance = 0;    ///< no iteration where the gradient's largest |entry| is at most this
};

extern template class OptimizerOf<SecondOrderOptions>;
/// Any method, on all parameters as one vector. They must have one dtype; frozen ones are skipped.
///
/// On mini-batches, quasi-Newton methods (BFGS, L-BFGS) take both gradients of a step from the same batch; methods that
/// compute the curvature at each point (Newton, Gauss-Newton) use the current batch only, which should be large.
class SecondOrder : public OptimizerOf<SecondOrderOptions> {
 public:
  /// ValueError for no parameters; DTypeError unless they have one dtype.
  SecondOrder(std::vector<Parameter> params, Method method, const SecondOrderOptions& options = {});

  /// ValueError: second-order methods need a closure.
  void step() override;
  /// ValueError: see `step()`.
  void step(const Tensor& loss) override;
  /// NumericalError when the loss or its gradient is not finite; nothing is changed then.
  Tensor step(const std::function<Tensor()>& loss) override;
  /// The same, required by methods that use the Gauss-Newton matrix.
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) override;

  /// The last iteration of the last step. Without progress the parameters are unchanged.
  const StepResult& last() const noexcept { return last_; }
  const Counts& counts() const noexcept { return counts_; }

 protected:
  void update(Slot&) override {}
  void save_more(std::string_view prefix, StateDict& state) const override;
  std::function<void()> load_more(detail::StateReader& state) override;

 private:
  Tensor step(Objective f);
  /// Selects the parameters that train in this step; a change of the selection resets the method.
  void select();

  Method method_;
  Engine engine_;
  Trainable trained_ = {};  ///< the parameters that the engine's state refers to
  StepResult last_ = {};
  Counts counts_ = {};
};

/// As in PyTorch: up to max_iterations iterations of L-BFGS in each step, with a strong Wolfe line search.
struct LBFGS : SecondOrder {
  explicit LBFGS(std::vector<Parameter> params, const SecondOrderOptions& options = {.max_iterations = 20},
                 const LBFGSOptions& lbfgs = {});
};
/// The method bfgs(), by default one iteration in each step.
struct BFGS : SecondOrder {
  explicit BFGS(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method nonlinear_cg(), by default one iteration in each step.
struct NonlinearCG : SecondOrder {
  explicit NonlinearCG(std::vector<Parameter> params, const SecondOrderOptions& options = {},
                       const ConjugateOptions& conjugate = {});
};
/// The method newton(), by default one iteration in each step.
struct Newton : SecondOrder {
  explicit Newton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method damped_newton(), by default one iteration in each step.
struct DampedNewton : SecondOrder {
  explicit DampedNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method saddle_free_newton(), by default one iteration in each step.
struct SaddleFreeNewton : SecondOrder {
  explicit SaddleFreeNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method newton_cg(), by default one iteration in each step.
struct NewtonCG : SecondOrder {
  explicit NewtonCG(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method trust_region_newton(), by default one iteration in each step.
struct TrustRegionNewton : SecondOrder {
  explicit TrustRegionNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// The method hessian_free(); needs step(outputs, loss).
struct HessianFree : SecondOrder {
  explicit HessianFree(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};

}  // namespace newtape::optim
