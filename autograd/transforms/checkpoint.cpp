// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/checkpoint.hpp>

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

namespace newtape {

static const Op checkpoint_op{"checkpoint"};

namespace {

thread_local int replays = 0;  // scopes that this thread is in

/// Sets the thread's default generator to a saved state for a scope.
class Replay {
 public:
  explicit Replay(const Generator& saved) : before_(std::exchange(default_generator(), saved)) { ++replays; }
  ~Replay() {
    --replays;
    default_generator() = before_;
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

 private:
  Generator before_;
};

/// A function with its inputs and generator state, for recomputation, and the gradients of the last recomputation.
class Segment {
 public:
  Segment(Function f, std::span<const Tensor> xs, const Generator& before, std::size_t ndim)
      : f_(std::move(f)), xs_(xs.begin(), xs.end()), before_(before), ndim_(ndim) {}

  /// The gradient with respect to input `i`. A sweep requests the inputs one by one with the same cotangent; the first
  /// request computes all of them.
  Tensor gradient(std::size_t i, const Tensor& g) {
    const std::lock_guard lock(mutex_);
    if (!is_current(g) || !gradients_[i].defined()) run(g);
    Tensor result = std::exchange(gradients_[i], Tensor());
    if (std::none_of(gradients_.begin(), gradients_.end(), [](const Tensor& t) { return t.defined(); })) g_ = Tensor();
    return result;
  }

 private:
  /// Whether the gradients are those for `g`. Pointers can be compared: g_ keeps its memory alive.
  bool is_current(const Tensor& g) const {
    return g_.defined() && recorded_ == grad_enabled() && g_.node().get() == g.node().get() &&
           g_.value().raw() == g.value().raw() && g_.shape() == g.shape() &&
           g_.value().strides() == g.value().strides();
  }

  void run(const Tensor& g) {
    g_ = Tensor();
    gradients_.assign(xs_.size(), Tensor());
    std::vector<Tensor> own = xs_;
    std::vector<Tensor> free;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (!own[i].requires_grad()) continue;
      own[i] = recorded(own[i]) ? expand(own[i], own[i].shape()) : variable(own[i]);
      free.push_back(own[i]);
      which.push_back(i);
    }
    Tensor y;
    {
      const Replay replay(before_);
      const GradMode on(true);
      const Autocast as_before(autocast_);
      y = f_(own);
    }
    const auto graph = grad_enabled() ? detail::Graph::record : detail::Graph::release;
    auto found = detail::pull({&y, 1}, {&g, 1}, free, graph, leading(g, ndim_));
    for (std::size_t k = 0; k < which.size(); ++k) gradients_[which[k]] = std::move(found[k]);
    recorded_ = grad_enabled();
    g_ = g;
  }

  Function f_;
  std::vector<Tensor> xs_;
  Generator before_;
  bool autocast_ = Autocast::is_on();
  std::size_t ndim_;  ///< of the result
  std::mutex mutex_;
  Tensor g_;  ///< the cotangent of the last recomputation
  bool recorded_ = false;
  std::vector<Tensor> gradients_;  ///< not yet fetched by the sweep
};

}  // namespace

bool detail::recomputing_checkpoint() noexcept { return replays > 0; }

Tensor checkpoint(const Located<Function>& f, std::span<const Tensor> xs) {
  if (!grad_enabled() || std::none_of(xs.begin(), xs.end(), [](const Tensor& x) { return x.requires_grad(); })) {
    return f(xs);
  }
  const Generator before = default_generator();
  std::vector<Tensor> own(xs.begin(), xs.end());
  std::vector<Tensor> free;
  for (auto& x : own) {
    if (!x.requires_grad()) continue;
    x = variable(x);
    free.push_back(x);
  }
  Tensor y = f(own);
  if (detail::reach({&y, 1}, free).outside) {
    raise<ValueError>("checkpoint: the function must not depend on variables other than its arguments",
                      "all variables among the inputs (or detached)", "a function that captured one");
  }
  y = y.requires_grad() ? y.detach() : y;
  if (!is_floating(y.dtype())) return y;
  auto segment = std::make_shared<Segment>(f, xs, before, y.ndim());
  return checkpoint_op(y.take_value(),
                       wrt_all(xs, [segment](std::size_t i, const Tensor& g) { return segment->gradient(i, g); }));
}

Tensor checkpoint(const Located<UnaryFunction>& f, const Tensor& x) {
  return checkpoint(Function([f](std::span<const Tensor> xs) { return f(xs[0]); }), {&x, 1});
}

}  // namespace newtape
