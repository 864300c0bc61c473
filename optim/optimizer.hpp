// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/array/named_arrays.hpp>
#include <newtape/core/runtime/owner.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::detail {
class StateReader;
}
namespace newtape::core {
class UpdateQueue;
}

namespace newtape::optim {

/// An optimizer's state by name, as data::save_safetensors takes it.
using StateDict = NamedArrays;

/// Parameters that share their options.
template <class Options>
struct ParamGroup {
  std::vector<Parameter> params;
  Options options{};
};

struct LoadStateDictOptions {
  std::string prefix = {};  ///< reads only entries whose names start with it
};

class Optimizer;

/// Receives an optimizer before, or after, it updates its parameters.
using StepHook = std::function<void(const Optimizer&)>;

/// A hook registered with an optimizer; it stays registered when this handle is destroyed. Handles may outlive the
/// optimizer.
class StepHookHandle {
 public:
  StepHookHandle() = default;
  explicit StepHookHandle(std::weak_ptr<StepHook> hook) : hook_(std::move(hook)) {}
  /// Unregisters the hook.
  void remove() {
    if (const auto hook = hook_.lock()) *hook = nullptr;
  }

 private:
  std::weak_ptr<StepHook> hook_;
};

/// Base class of the optimizers, which update parameters from their gradients. Frozen parameters and those without a
/// gradient are skipped.
///
/// A step on a closure is the same for every optimizer:
///
///     const Tensor loss = optimizer.step([&] { return mse_loss(model(x), y); });
///
/// It clears the gradients, evaluates the closure (forward only), runs backward, updates the parameters, and returns the
/// loss before the update, a constant. The loss's gradients are left in the parameters. The overloads below it are its
/// parts.
///
/// A step that throws leaves parameters and state as they were.
///
/// Gradients of several backward() calls add up until zero_grad(). Gradient accumulation for large batches: backward()
/// on the mean loss of each of k equal parts, divided by k, then one step(), equals a step on the whole batch.
class Optimizer {
 public:
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step on the loss that `closure` returns; some methods call it several times. If every parameter is frozen,
  /// only the loss is evaluated. ValueError when the closure itself called backward(), or when its result depends on no
  /// variable.
  virtual Tensor step(const std::function<Tensor()>& closure);
  /// One step on loss(outputs()), where `outputs` runs the model: for methods that need them as two functions.
  virtual Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss);
  /// Clears the gradients, runs loss.backward() and updates. Methods that use second derivatives take them from the
  /// graph of the loss. ValueError when it depends on no variable.
  virtual void step(const Tensor& loss);
  /// One update of every parameter that has a gradient. ShapeError, DTypeError; NumericalError from methods that
  /// factorise matrices.
  virtual void step();
  void zero_grad() const noexcept;

  /// Calls `hook` in every step when the gradients are complete, before the parameters change; second-order and
  /// least-squares methods call it before they evaluate the closure.
  StepHookHandle register_step_pre_hook(StepHook hook) const { return enlist(pre_hooks_, std::move(hook)); }
  /// Calls `hook` after every step that succeeded.
  StepHookHandle register_step_post_hook(StepHook hook) const { return enlist(post_hooks_, std::move(hook)); }

  /// The number of parameter groups.
  std::size_t group_count() const noexcept { return group_sizes_.size(); }
  /// The parameters of all groups, in order.
  std::vector<Parameter> params() const;
  /// The learning rate of a group, and its change. ValueError for a group that does not exist, or a rate that is
  /// negative or not finite.
  virtual double lr(std::size_t group = 0) const = 0;
  virtual void set_lr(double lr, std::size_t group) = 0;
  /// The same learning rate for all groups. ValueError when negative or not finite.
  void set_lr(double lr);

  /// Options, step counts, moments and scalars; a run resumed from them is bitwise identical.
  StateDict state_dict(std::string_view prefix = {}) const;
  /// ValueError listing every missing, unexpected or mismatched entry; nothing is changed then.
  void load_state_dict(const StateDict& state, const LoadStateDictOptions& options = {});

 protected:
  /// One parameter with its state.
  struct Slot {
    static constexpr std::size_t max_scalars = 3;

    Parameter param;
    std::uint32_t group = 0;
    std::uint32_t allocated = 0;  ///< bit k: see `fresh`
    std::int64_t steps = 0;       ///< updates, the current one included
    Array grad;                   ///< defined only during a step
    Array rows;                   ///< i64 [k], ascending: the rows of the parameter that `grad` has; undefined: all
    std::vector<Array> moments;   ///< in the order of their names; undefined where none is kept
    double scalars[max_scalars] = {};

    /// Moment k was allocated in this step and holds zeros.
    bool fresh(std::size_t k) const noexcept { return (allocated >> k & 1) != 0; }
  };
  using Options = std::vector<std::pair<const char*, double>>;

  /// `moments` and `scalars` name the arrays and numbers of each parameter's state, zero at first. ValueError for no
  /// parameters, an undefined or a repeated one.
  Optimizer(const char* name, std::vector<const char*> moments, std::vector<const char*> scalars,
            const std::vector<std::vector<Parameter>>& groups);
  Optimizer(Optimizer&&) noexcept;

  /// Whether moment k of a parameter is kept, given its options and its shape.
  virtual bool keeps(const Slot&, std::size_t) const { return true; }
  /// Shape of moment k; its dtype is the parameter's.
  virtual Shape moment_shape(const Slot& slot, std::size_t) const { return slot.param.shape(); }
  /// Why `update` does not take a gradient in rows (see row_grad.hpp) with the options of this slot; empty if it does,
  /// which needs queued updates.
  virtual std::string rows_problem(const Slot&) const { return "it works on whole gradients"; }
  /// Throws when a step is not allowed at present; called before anything is changed.
  virtual void check_step() const {}
  std::vector<Slot>& slots() noexcept { return slots_; }
  const std::vector<Slot>& slots() const noexcept { return slots_; }
  /// Called in each step after the gradients are collected and before the first update; may throw.
  virtual void prepare() {}
  /// Appends state that belongs to no single parameter to `state`, under names that start with `prefix`.
  virtual void save_more(std::string_view /*prefix*/, StateDict& /*state*/) const {}
  /// Reads what `save_more` wrote. Returns a function that installs it and does not throw.
  virtual std::function<void()> load_more(detail::StateReader& /*state*/) { return {}; }
  /// Whether any parameter is not frozen.
  bool trainable() const;
  /// The result of a closure. ValueError when it called backward().
  Tensor forward(const std::function<Tensor()>& closure) const;
  /// Updates slot.param and slot.moments from slot.grad, which is contiguous, like the moments, and has the parameter's
  /// shape and dtype. Work put into `queue()` runs for all parameters together after the last call. May throw.
  virtual void update(Slot& slot) = 0;
  /// Whether `update` leaves all work on arrays to `queue()`. Otherwise a step keeps their values until the last call
  /// has succeeded.
  virtual bool queues_updates() const { return false; }
  core::UpdateQueue* queue() noexcept { return queue_.get(); }

  virtual Options get_options(std::size_t group) const = 0;
  /// Throws when the values are invalid.
  virtual void check_options(const Options& values) const = 0;
  virtual void set_options(std::size_t group, const Options& values) = 0;

  std::size_t check_group(std::size_t group) const;
  /// For methods whose steps do not end in step().
  void call_pre_hooks() const {
    if (!pre_hooks_.empty()) call(pre_hooks_);
  }
  void call_post_hooks() const {
    if (!post_hooks_.empty()) call(post_hooks_);
  }
  /// NumericalError when a gradient has non-finite elements; for methods that factorise matrices made of gradients.
  void expect_finite_gradients() const;

 private:
  void step_on_host();

  /// What a step that throws restores of a slot.
  struct Saved {
    std::int64_t steps;
    double scalars[Slot::max_scalars];
    Tensor param;                ///< undefined with queued updates, as
    std::vector<Array> moments;  ///< empty
  };
  class Attempt;

  using Hooks = std::vector<std::shared_ptr<StepHook>>;
  static StepHookHandle enlist(Hooks& hooks, StepHook hook);
  void call(Hooks& hooks) const;
  void collect();
  void collect(Slot& slot) const;
  void collect_moments(Slot& slot) const;
  void expect_like(const Slot& slot, const Array& x, const Shape& shape, const char* what) const;
  void load(detail::StateReader& reader);

  const char* name_;
  std::vector<const char*> moment_names_;
  std::vector<const char*> scalar_names_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> group_sizes_;
  newtape::detail::Owner<core::UpdateQueue> queue_;
  std::vector<Saved> saved_;  ///< one for each slot, during a step
  mutable Hooks pre_hooks_, post_hooks_;
};

/// An optimizer whose groups have options of type `O`, an aggregate with a member `lr`. Derived classes inherit the
/// constructors. Its members are defined in optimizer_of.hpp, which the optimizer's source file includes.
template <class O>
class OptimizerOf : public Optimizer {
 public:
  explicit OptimizerOf(std::vector<Parameter> params, const O& options = {});
  explicit OptimizerOf(const std::vector<ParamGroup<O>>& groups);

  /// ValueError for a group that does not exist.
  const O& options(std::size_t group = 0) const { return options_[check_group(group)]; }
  /// ValueError for invalid values.
  void set_options(const O& options, std::size_t group = 0);
  using Optimizer::set_lr;
  double lr(std::size_t group = 0) const override { return options(group).lr; }
  void set_lr(double lr, std::size_t group) override;

 protected:
  OptimizerOf(OptimizerOf&&) noexcept = default;

  bool queues_updates() const override;
  Optimizer::Options get_options(std::size_t group) const override;
  void check_options(const Optimizer::Options& values) const override;
  void set_options(std::size_t group, const Optimizer::Options& values) override;

  std::vector<O> options_;
};

}  // namespace newtape::optim
