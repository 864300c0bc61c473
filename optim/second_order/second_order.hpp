// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/engine.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <optional>
#include <vector>

/// The methods of `minimize` in training loops: `optimizer.step([&] { return loss(model(x), y); })`. The closure runs
/// forward and returns the loss; gradients and what else is needed are taken from it, and it may be called several
/// times in a step, always for the same data.
namespace newtape::optim {

struct SecondOrderOptions {
  double lr = 1;              ///< which part of the way that the method finds is gone
  std::int64_t max_iter = 1;  ///< iterations of the method in one step
  double tolerance_grad = 0;  ///< none is made where the gradient's largest entry is not larger

  static constexpr const char* name = "SecondOrder";
  static std::vector<const char*> moments() { return {}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("max_iter", max_iter), f("tolerance_grad", tolerance_grad);
  }
};

extern template class OptimizerOf<SecondOrderOptions>;
/// Any method, on all parameters together, which must have one dtype; frozen ones are passed over.
///
/// On mini-batches, methods that learn from changes of the gradient (BFGS, L-BFGS) see both gradients of a step on the
/// same batch; those that compute the curvature at each point (Newton, Gauss-Newton) know nothing of other batches, so
/// these should be large.
class SecondOrder : public OptimizerOf<SecondOrderOptions> {
 public:
  /// ValueError for no parameters; DTypeError unless they have one dtype.
  SecondOrder(std::vector<Parameter> params, Method method, const SecondOrderOptions& options = {});

  /// ValueError: second-order methods need a closure.
  void step() override;
  /// ValueError: see `step()`.
  void step(const Tensor& loss) override;
  /// Returns the loss before the step. NumericalError when it or its gradient is not finite; nothing is changed then.
  Tensor step(const std::function<Tensor()>& loss) override;
  /// loss(outputs()), taken apart for methods that use the Gauss-Newton matrix.
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss);

  /// What the last step did: its last iteration. No progress leaves the parameters where they were.
  const StepResult& last() const noexcept { return last_; }
  const Counts& counts() const noexcept { return counts_; }

 protected:
  void update(Slot&) override {}
  void save_more(std::string_view prefix, StateDict& state) const override;
  std::function<void()> load_more(detail::StateReader& state) override;

 private:
  Tensor step(const std::vector<Parameter>& params, Objective f);
  std::vector<Parameter> active();

  Method method_;
  Engine engine_;
  std::vector<Parameter> active_ = {};  ///< those that what was learnt is about
  StepResult last_ = {};
  Counts counts_ = {};
};

/// As in PyTorch: up to max_iter iterations of L-BFGS in each step, with a strong Wolfe line search.
struct LBFGS : SecondOrder {
  explicit LBFGS(std::vector<Parameter> params, const SecondOrderOptions& options = {.max_iter = 20},
                 const LbfgsOptions& lbfgs = {});
};
struct BFGS : SecondOrder {
  explicit BFGS(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
struct NonlinearCG : SecondOrder {
  explicit NonlinearCG(std::vector<Parameter> params, const SecondOrderOptions& options = {},
                       const ConjugateOptions& conjugate = {});
};
struct Newton : SecondOrder {
  explicit Newton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
struct DampedNewton : SecondOrder {
  explicit DampedNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
struct SaddleFreeNewton : SecondOrder {
  explicit SaddleFreeNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
struct NewtonCG : SecondOrder {
  explicit NewtonCG(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
struct TrustRegionNewton : SecondOrder {
  explicit TrustRegionNewton(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};
/// Needs outputs and loss apart.
struct HessianFree : SecondOrder {
  explicit HessianFree(std::vector<Parameter> params, const SecondOrderOptions& options = {});
};

}  // namespace newtape::optim
