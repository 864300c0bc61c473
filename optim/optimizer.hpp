// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/array/named_arrays.hpp>
#include <newtape/core/ops/update.hpp>

#include <functional>
#include <string_view>
#include <vector>

namespace newtape::detail {
class StateReader;
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

struct LoadOptions {
  std::string prefix = {};  ///< only names that start with it belong to this optimizer
};

/// The base of all optimizers that update each parameter from its own gradient. Parameters that have no gradient, and
/// frozen ones, are passed over.
///
/// Gradients of several backward() calls add up until zero_grad(). So a batch that is too large for the memory is taken
/// in parts: with the mean loss of each of k equal parts divided by k, one step() is that of the whole batch.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  void zero_grad() const noexcept;
  /// One update of every parameter that has a gradient. ShapeError or DTypeError before any of them is changed.
  virtual void step();
  /// For methods that may want the loss several times: `closure` clears the gradients, runs forward and backward, and
  /// returns the loss. Returns what it returned first.
  virtual Tensor step(const std::function<Tensor()>& closure);
  /// One update for a loss that was recorded and not swept yet: clears the gradients, runs backward and steps. Methods
  /// that use second derivatives of the loss take them here. ValueError when it depends on no variable.
  virtual void step(const Tensor& loss);

  std::size_t group_count() const noexcept { return group_sizes_.size(); }
  std::vector<Parameter> params() const;
  virtual double lr(std::size_t group = 0) const = 0;
  virtual void set_lr(double lr, std::size_t group) = 0;
  /// The same learning rate for all groups. ValueError when negative or not finite.
  void set_lr(double lr);

  /// Options, step counts and moments, all that a later run needs to go on bit for bit.
  StateDict state_dict(std::string_view prefix = {}) const;
  /// ValueError naming every entry that is missing, unexpected, or does not fit; nothing is changed then.
  void load_state_dict(const StateDict& state, const LoadOptions& options = {});

 protected:
  /// One parameter with its state, side by side with the next one's.
  struct Slot {
    static constexpr std::size_t max_scalars = 3;

    Parameter param;
    std::uint32_t group = 0;
    std::uint32_t made = 0;      ///< bit k: see `fresh`
    std::int64_t steps = 0;      ///< this one included
    Array grad;                  ///< only while stepping
    std::vector<Array> moments;  ///< by their names' order; undefined where none is kept
    double scalars[max_scalars] = {};

    /// Moment k was made for this step, and holds zeros.
    bool fresh(std::size_t k) const noexcept { return (made >> k & 1) != 0; }
  };
  using Options = std::vector<std::pair<const char*, double>>;

  /// `moments` and `scalars` name the arrays and numbers that updates keep for a parameter, zero at first. ValueError
  /// for no parameters, an undefined one, one given twice.
  Optimizer(const char* name, std::vector<const char*> moments, std::vector<const char*> scalars,
            const std::vector<std::vector<Parameter>>& groups);
  Optimizer(Optimizer&&) noexcept = default;

  /// Whether moment k of a parameter is kept, given its options and its shape.
  virtual bool keeps(const Slot&, std::size_t) const { return true; }
  /// In which shape; its dtype is the parameter's.
  virtual Shape moment_shape(const Slot& slot, std::size_t) const { return slot.param.shape(); }
  /// Throws when a step must not be taken now; before anything is changed.
  virtual void check_step() const {}
  std::vector<Slot>& slots() noexcept { return slots_; }
  const std::vector<Slot>& slots() const noexcept { return slots_; }
  /// Called in each step when all gradients are there, before the first update; may throw.
  virtual void prepare() {}
  /// Adds to a state what belongs to no single parameter, under names of its own behind `prefix`.
  virtual void save_more(std::string_view /*prefix*/, StateDict& /*state*/) const {}
  /// Reads that. What it returns puts it in place, and does not throw.
  virtual std::function<void()> load_more(detail::StateReader& /*state*/) { return {}; }
  /// Writes slot.param and slot.moments, given slot.grad: contiguous, like the moments, and of the parameter's shape
  /// and dtype. Or leaves that to `queue()`, which works for all parameters together after the last call.
  virtual void update(Slot& slot) = 0;
  core::UpdateQueue* queue() noexcept { return &queue_; }

  virtual Options get_options(std::size_t group) const = 0;
  /// Throws when `set_options` must not be called with these.
  virtual void check_options(const Options& values) const = 0;
  virtual void set_options(std::size_t group, const Options& values) = 0;

  std::size_t check_group(std::size_t group) const;
  /// NumericalError when a gradient has elements that are not finite, for methods that hand it on to factorisations.
  void expect_finite_gradients() const;

 private:
  void collect();
  void collect(Slot& slot) const;
  void load(detail::StateReader& reader);

  const char* name_;
  std::vector<const char*> moment_names_;
  std::vector<const char*> scalar_names_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> group_sizes_;
  core::UpdateQueue queue_ = {};
};

/// The names of the numbers that an optimizer keeps for each parameter: none, or what its options say.
template <class O>
std::vector<const char*> scalar_names() {
  if constexpr (requires { O::scalars(); }) {
    return O::scalars();
  } else {
    return {};
  }
}

/// An optimizer whose groups have options of type `O`: an aggregate with `lr`, with `validate()`, which throws, with
/// `each(f)`, which calls f(name, member) for all members, and with static members: `name`, and `moments()`, the names
/// of the arrays that are kept for each parameter. A class derived from it inherits the constructors.
template <class O>
class OptimizerOf : public Optimizer {
 public:
  // Not inline: each optimizer's file instantiates them once, and scripts do not.
  explicit OptimizerOf(std::vector<Parameter> params, const O& options = {});
  explicit OptimizerOf(const std::vector<ParamGroup<O>>& groups);

  const O& options(std::size_t group = 0) const { return options_[check_group(group)]; }
  void set_options(const O& options, std::size_t group = 0) {
    options.validate();
    options_[check_group(group)] = options;
  }
  using Optimizer::set_lr;
  double lr(std::size_t group = 0) const override { return options(group).lr; }
  void set_lr(double lr, std::size_t group) override {
    O changed = options(group);
    changed.lr = lr;
    set_options(changed, group);
  }

 protected:
  OptimizerOf(OptimizerOf&&) noexcept = default;

  Optimizer::Options get_options(std::size_t group) const override {
    Optimizer::Options values;
    O copy = options_[group];
    copy.each([&](const char* name, auto& member) { values.emplace_back(name, static_cast<double>(member)); });
    return values;
  }
  void check_options(const Optimizer::Options& values) const override { from(values).validate(); }
  void set_options(std::size_t group, const Optimizer::Options& values) override { options_[group] = from(values); }

  std::vector<O> options_;

 private:
  static std::vector<std::vector<Parameter>> split(const std::vector<ParamGroup<O>>& groups) {
    std::vector<std::vector<Parameter>> params;
    for (const auto& g : groups) {
      g.options.validate();
      params.push_back(g.params);
    }
    return params;
  }
  static O from(const Optimizer::Options& values) {
    O options;
    auto next = values.begin();
    options.each([&](const char*, auto& member) {
      member = static_cast<std::remove_reference_t<decltype(member)>>(next++->second);
    });
    return options;
  }
};

template <class O>
OptimizerOf<O>::OptimizerOf(std::vector<Parameter> params, const O& options)
    : OptimizerOf(std::vector<ParamGroup<O>>{{std::move(params), options}}) {}
template <class O>
OptimizerOf<O>::OptimizerOf(const std::vector<ParamGroup<O>>& groups)
    : Optimizer(O::name, O::moments(), scalar_names<O>(), split(groups)) {
  for (const auto& g : groups) options_.push_back(g.options);
}

/// ValueError naming `option` of `optimizer` unless it is in [low, high), or when it is NaN.
void check_option(const char* optimizer, const char* option, double value, double low, double high);
/// Not negative, and finite.
void check_option(const char* optimizer, const char* option, double value);
/// ValueError naming `what` unless `value` is in [low, high), or when it is NaN.
void check_option(const char* what, double value, double low, double high);

}  // namespace newtape::optim
