// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/core/ops/update_gate.hpp>
#include <newtape/optim/optimizer.hpp>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace newtape::optim {

Optimizer::Optimizer(const char* name, std::vector<const char*> moments, std::vector<const char*> scalars,
                     const std::vector<std::vector<Parameter>>& groups)
    : name_(name),
      moment_names_(std::move(moments)),
      scalar_names_(std::move(scalars)),
      queue_(std::make_unique<core::UpdateQueue>()) {
  std::unordered_set<const Tensor*> seen;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const auto& p : groups[g]) {
      if (!p.defined()) raise<ValueError>(std::string(name_) + ": a parameter is undefined");
      if (!seen.insert(&p.tensor()).second) {
        raise<ValueError>(std::string(name_) + ": each parameter may be given once", "distinct parameters",
                          "one of shape " + to_string(p.shape()) + " twice");
      }
      slots_.emplace_back();
      slots_.back().param = p;
      slots_.back().group = static_cast<std::uint32_t>(g);
      slots_.back().moments.resize(moment_names_.size());
    }
    group_sizes_.push_back(groups[g].size());
  }
  if (slots_.empty()) raise<ValueError>(std::string(name_) + ": there must be parameters", "at least 1", "none");
}

Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer::~Optimizer() = default;

void Optimizer::zero_grad() const noexcept {
  for (const auto& s : slots_) s.param.zero_grad();
}

/// A step in progress: unless it succeeds, parameters and state are restored. Handles of the arrays are enough, because
/// arrays that are shared are copied before they are overwritten.
class Optimizer::Attempt {
 public:
  explicit Attempt(Optimizer& of) : of_(of) {
    const bool queued = of.queues_updates();
    of_.saved_.resize(of_.slots_.size());
    for (std::size_t i = 0; i < of_.slots_.size(); ++i) {
      const Slot& s = of_.slots_[i];
      Saved& saved = of_.saved_[i];
      saved.steps = s.steps;
      std::copy(std::begin(s.scalars), std::end(s.scalars), std::begin(saved.scalars));
      if (queued || !has_grad(s.param)) continue;
      saved.param = s.param.tensor();
      saved.moments = s.moments;
    }
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    of_.queue_->clear();
    for (std::size_t i = 0; i < of_.slots_.size(); ++i) {
      Slot& s = of_.slots_[i];
      Saved& saved = of_.saved_[i];
      if (!succeeded_) restore(s, saved);
      s.grad = Array();
      s.rows = Array();
      saved.param = Tensor();
      saved.moments.clear();
    }
  }
  void succeed() noexcept { succeeded_ = true; }

 private:
  static void restore(Slot& s, Saved& saved) noexcept {
    s.steps = saved.steps;
    std::copy(std::begin(saved.scalars), std::end(saved.scalars), std::begin(s.scalars));
    for (std::size_t k = 0; k < s.moments.size(); ++k) {
      if (s.fresh(k)) s.moments[k] = Array();
    }
    if (!saved.param.defined()) return;
    s.param.exchange(std::move(saved.param));
    s.moments = std::move(saved.moments);
  }

  Optimizer& of_;
  bool succeeded_ = false;
};

void Optimizer::step() {
  newtape::detail::host_call("Optimizer::step", this, [this] { step_on_host(); });
}

void Optimizer::step_on_host() {
  check_step();
  // Hooks, and updates that are not queued, read gradients at once.
  auto* const gate = core::UpdateGate::current();
  if (gate != nullptr && (!pre_hooks_.empty() || !queues_updates())) gate->wait_all();
  call_pre_hooks();
  {
    Attempt attempt(*this);
    collect();
    for (auto& s : slots_) {
      if (!s.grad.defined()) continue;
      ++s.steps;
      update(s);
    }
    queue_->run();
    attempt.succeed();
  }
  if (gate != nullptr && !post_hooks_.empty()) gate->wait_all();
  call_post_hooks();
}

StepHookHandle Optimizer::enlist(Hooks& hooks, StepHook hook) {
  hooks.push_back(std::make_shared<StepHook>(std::move(hook)));
  return StepHookHandle(hooks.back());
}

void Optimizer::call(Hooks& hooks) const {
  std::erase_if(hooks, [](const auto& hook) { return *hook == nullptr; });  // those that were removed
  for (const auto all = hooks; const auto& hook : all) {                    // a hook may register or remove others
    if (const StepHook f = *hook; f != nullptr) f(*this);
  }
}

bool Optimizer::trainable() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.param.requires_grad(); });
}

Tensor Optimizer::forward(const std::function<Tensor()>& closure) const {
  if (queue_ == nullptr) newtape::detail::undefined_array();  // moved from
  Tensor result = closure();
  const bool swept = result.requires_grad() && result.node().get()->released.load(std::memory_order_relaxed);
  const bool accumulated = std::any_of(slots_.begin(), slots_.end(), [](const Slot& s) { return has_grad(s.param); });
  if (swept || accumulated) {
    raise<ValueError>(std::string(name_) + ": the closure of a step must not call backward(), which step() does itself",
                      "step([&] { return loss(model(x), y); })",
                      "a closure that ran backward, or returned the loss of an earlier step");
  }
  return result;
}

Tensor Optimizer::step(const std::function<Tensor()>& closure) {
  zero_grad();
  const GradMode on(true);
  const Tensor loss = forward(closure);
  if (trainable()) step(loss);
  return loss.detach();
}

Tensor Optimizer::step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  return step([&] { return loss(outputs()); });
}

void Optimizer::step(const Tensor& loss) {
  zero_grad();
  loss.backward();
  step();
}

void Optimizer::collect() {
  for (auto& s : slots_) s.allocated = 0;
  for (auto& s : slots_) collect(s);
  prepare();
}

void Optimizer::expect_like(const Slot& s, const Array& x, const Shape& shape, const char* what) const {
  const DType dtype = s.param.dtype();
  if (x.dtype() == dtype && x.shape() == shape) return;
  const auto text = [](DType t, const Shape& of) { return std::string(newtape::name(t)) + " " + to_string(of); };
  const std::string message = std::string(name_) + ": " + what + " must have its parameter's dtype and shape";
  if (x.dtype() != dtype) raise<DTypeError>(message, text(dtype, shape), text(x.dtype(), x.shape()));
  raise<ShapeError>(message, text(dtype, shape), text(x.dtype(), x.shape()));
}

void Optimizer::collect(Slot& s) const {
  if (!has_grad(s.param)) return;
  if (const RowGrad in_rows = row_grad(s.param); in_rows.defined()) {
    if (const std::string problem = rows_problem(s); !problem.empty()) {
      raise<ValueError>(std::string(name_) + ": the gradient of a parameter " + to_string(s.param.shape()) +
                            " is in rows, and " + problem,
                        "SparseAdam, SGD and Adagrad without momentum and weight_decay, or an embedding without sparse",
                        "rows [" + std::to_string(in_rows.rows.shape(0)) + ", ..]");
    }
    collect_moments(s);
    s.rows = in_rows.indices.value();
    s.grad = core::contiguous(in_rows.rows.value());
    return;
  }
  Tensor grad = s.param.grad();
  expect_like(s, grad.value(), s.param.shape(), "a gradient");
  collect_moments(s);
  s.grad = grad.take_value();
  if (!s.grad.is_contiguous()) s.grad = core::copy(s.grad);
}

void Optimizer::collect_moments(Slot& s) const {
  for (std::size_t k = 0; k < s.moments.size(); ++k) {
    if (!keeps(s, k)) continue;
    Array& m = s.moments[k];
    const Shape shape = moment_shape(s, k);
    if (!m.defined()) {
      m = core::zeros(shape, s.param.dtype());
      s.allocated |= 1U << k;
    } else {
      expect_like(s, m, shape, "the optimizer's state");
      // Copy on write: a state dict may share the array.
      if (!m.reusable()) m = core::copy(m);
    }
  }
}

std::vector<Parameter> Optimizer::params() const {
  std::vector<Parameter> all;
  all.reserve(slots_.size());
  for (const auto& s : slots_) all.push_back(s.param);
  return all;
}

void Optimizer::set_lr(double lr) {
  newtape::detail::refuse_in_capture("set_lr() of an optimizer");
  for (std::size_t g = 0; g < group_count(); ++g) set_lr(lr, g);
}

std::size_t Optimizer::check_group(std::size_t group) const {
  if (group < group_count()) return group;
  raise<ValueError>(std::string(name_) + ": there is no such parameter group", "below " + std::to_string(group_count()),
                    std::to_string(group));
}

void Optimizer::expect_finite_gradients() const {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (row_grad(slots_[i].param).defined()) continue;  // refused when it is collected
    const Tensor grad = slots_[i].param.grad();
    if (!grad.defined() || core::all_finite(grad.value())) continue;
    raise<NumericalError>(
        std::string(name_) + ": a gradient has elements that are not finite", "finite numbers",
        "inf or nan in the gradient of parameter " + std::to_string(i) + ", " + to_string(grad.shape()));
  }
}

// --- states: "param_groups.<group>.<option>", "state.<parameter>.<moment>" ---

namespace {
std::string option_key(std::size_t group, const char* option) {
  return "param_groups." + std::to_string(group) + "." + option;
}
std::string state_key(std::size_t slot, const char* what) { return "state." + std::to_string(slot) + "." + what; }

Array count(std::int64_t n) {
  Array x = Array::empty({}, i64);
  *x.data<std::int64_t>() = n;
  return x;
}
}  // namespace

StateDict Optimizer::state_dict(std::string_view prefix) const {
  StateDict state;
  const auto put = [&](const std::string& key, Array value) {
    state.emplace_back(std::string(prefix) + key, std::move(value));
  };
  for (std::size_t g = 0; g < group_count(); ++g) {
    put(option_key(g, "size"), count(static_cast<std::int64_t>(group_sizes_[g])));
    for (const auto& [option, value] : get_options(g)) put(option_key(g, option), core::full({}, value, f64));
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto& moments = slots_[i].moments;
    if (slots_[i].steps == 0 && std::none_of(moments.begin(), moments.end(), [](auto& m) { return m.defined(); })) {
      continue;
    }
    put(state_key(i, "step"), count(slots_[i].steps));
    for (std::size_t k = 0; k < moment_names_.size(); ++k) {
      if (slots_[i].moments[k].defined()) put(state_key(i, moment_names_[k]), slots_[i].moments[k]);
    }
    for (std::size_t k = 0; k < scalar_names_.size(); ++k) {
      put(state_key(i, scalar_names_[k]), core::full({}, slots_[i].scalars[k], f64));
    }
  }
  save_more(prefix, state);
  return state;
}

void Optimizer::load_state_dict(const StateDict& state, const LoadStateDictOptions& options) {
  detail::StateReader reader(state, options.prefix);
  std::vector<Options> before;
  std::vector<Options> groups;
  for (std::size_t g = 0; g < group_count(); ++g) {
    const Array size = reader.take(option_key(g, "size"), i64, {});
    if (size.defined() && size.item<std::int64_t>() != static_cast<std::int64_t>(group_sizes_[g])) {
      reader.reject(option_key(g, "size"), "expected " + std::to_string(group_sizes_[g]) + " parameters, got " +
                                               std::to_string(size.item<std::int64_t>()));
    }
    before.push_back(get_options(g));
    groups.push_back(before.back());
    for (auto& [option, value] : groups.back()) {
      const Array x = reader.take(option_key(g, option), f64, {});
      if (x.defined()) value = x.item();
    }
  }
  for (const auto& o : groups) check_options(o);
  // The shapes of the moments may depend on the options.
  for (std::size_t g = 0; g < group_count(); ++g) set_options(g, groups[g]);
  try {
    load(reader);
  } catch (...) {
    for (std::size_t g = 0; g < group_count(); ++g) set_options(g, before[g]);
    throw;
  }
}

/// Steps, moments and scalars; ValueError for what does not fit, before anything is changed.
void Optimizer::load(detail::StateReader& reader) {
  struct Loaded {
    std::int64_t steps = 0;
    std::vector<Array> moments;
    double scalars[Slot::max_scalars] = {};
  };
  std::vector<Loaded> loaded(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    loaded[i].moments.resize(moment_names_.size());
    // A parameter without steps has no state; a moment exists only where the options need it.
    if (reader.contains(state_key(i, "step"))) {
      const Array steps = reader.take(state_key(i, "step"), i64, {});
      if (steps.defined()) loaded[i].steps = steps.item<std::int64_t>();
      if (loaded[i].steps < 0) reader.reject(state_key(i, "step"), "expected a count, got a negative number");
      for (std::size_t k = 0; k < scalar_names_.size(); ++k) {
        const Array x = reader.take(state_key(i, scalar_names_[k]), f64, {});
        if (x.defined()) loaded[i].scalars[k] = x.item();
      }
    }
    for (std::size_t k = 0; k < moment_names_.size(); ++k) {
      const auto key = state_key(i, moment_names_[k]);
      if (!reader.contains(key)) continue;
      const Array m = reader.take(key, slots_[i].param.dtype(), moment_shape(slots_[i], k));
      if (m.defined()) loaded[i].moments[k] = core::copy(m);
    }
  }
  const auto put_more = load_more(reader);
  reader.finish(std::string(name_) + ".load_state_dict", true);
  // Nothing below throws.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].steps = loaded[i].steps;
    slots_[i].moments = std::move(loaded[i].moments);
    std::copy(std::begin(loaded[i].scalars), std::end(loaded[i].scalars), std::begin(slots_[i].scalars));
  }
  if (put_more) put_more();
}

}  // namespace newtape::optim
