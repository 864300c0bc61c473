// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/engine.hpp>
#include <newtape/optim/second_order/globalization/globalization.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <utility>

namespace newtape::optim {

namespace {

/// A curvature restricted to the free unknowns; the identity for the held ones.
class Masked final : public Curvature {
 public:
  Masked(Curvature& b, Array free) : b_(b), free_(std::move(free)) {}
  void evaluate(Objective&, const Iterate&) override {}
  Array product(const Array& v) override { return held(free_ * b_.product(free_ * v), v); }
  Array matrix() override {
    const std::int64_t n = free_.size();
    const Array rows = core::reshape(free_, {n, 1});
    const Array inside = b_.matrix() * rows * free_;
    return inside + core::eye(n, free_.dtype()) * (core::ones({}, free_.dtype()) - free_);
  }
  Array solve(const Array& v) override {
    // The block of an inverse is not the inverse of the block, but it is positive definite if B is.
    Array d = b_.solve(free_ * v);
    return d.defined() ? held(free_ * std::move(d), v) : d;
  }
  Array precondition(const Array& v) override {
    Array d = b_.precondition(free_ * v);
    return d.defined() ? held(free_ * std::move(d), v) : d;
  }
  bool dense() const override { return b_.dense(); }
  bool scaled() const override { return b_.scaled(); }

 private:
  Array held(const Array& moving, const Array& v) const { return moving + (core::ones({}, free_.dtype()) - free_) * v; }
  Curvature& b_;
  Array free_;
};

/// A direction within the free unknowns.
class MaskedDirection final : public Direction {
 public:
  MaskedDirection(Direction& inner, const Array& free) : inner_(inner), free_(free) {}
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    Step s = inner_.step(b, gradient, region);
    s.d = free_ * s.d;
    return s;
  }
  void reset() override { inner_.reset(); }

 private:
  Direction& inner_;
  const Array& free_;
};

}  // namespace

Engine::Engine(const Method& method)
    : curvature_(method.curvature ? method.curvature() : nullptr),
      direction_(method.direction ? method.direction() : nullptr),
      globalization_(method.globalization ? method.globalization() : nullptr) {
  if (method.direct_search) {
    raise<ValueError>("a direct search is a method of minimize only", "curvature, direction and globalization",
                      "\"" + method.name + "\"");
  }
  if (curvature_ == nullptr || direction_ == nullptr || globalization_ == nullptr) {
    raise<ValueError>("a method needs its three parts", "curvature, direction and globalization",
                      "\"" + method.name + "\", which lacks one");
  }
}

StepResult Engine::attempt(const Parts& parts, Objective& f, const Iterate& at, const Bounds& bounds) {
  parts.curvature.evaluate(f, at);
  Array free = bounds.free(at.x, at.gradient);
  // A change of the free set invalidates the direction's memory.
  const bool same = free.defined() == free_.defined() && (!free.defined() || core::norm_inf(free - free_) == 0);
  if (!same) parts.direction.reset();
  free_ = free;
  if (!free.defined()) return parts.globalization.move(f, at, parts.curvature, parts.direction, bounds);
  Masked masked(parts.curvature, free);
  MaskedDirection direction(parts.direction, free);
  const Iterate inside{at.x, at.value, at.gradient * free};
  return parts.globalization.move(f, inside, masked, direction, bounds);
}

StepResult Engine::attempt(Objective& f, const Iterate& at, const Bounds& bounds) {
  try {
    return attempt({*curvature_, *direction_, *globalization_}, f, at, bounds);
  } catch (const NumericalError& e) {
    return {.note = first_line(e.what()), .problem = Status::numerical_error};
  }
}

/// A step of steepest descent in place of one whose linear algebra failed.
StepResult Engine::steepest(StepResult failed, Objective& f, const Iterate& at, const Bounds& bounds) {
  constexpr int max_setbacks = 30;
  if (++setbacks_ > max_setbacks) return failed;
  direction_->reset();
  const auto identity = curvature::none()();
  const auto down = direction::steepest()();
  const auto search = globalization::backtracking()();
  StepResult move = attempt({*identity, *down, *search}, f, at, bounds);
  move.note = failed.note + (move.moved ? ": steepest descent" : "");
  return move;
}

StepResult Engine::advance(Objective& f, Iterate& at, const Bounds& bounds) {
  StepResult move = attempt(f, at, bounds);
  if (!move.moved && curvature_->reset()) {
    // The curvature's step failed: reset it and retry.
    const std::string why = move.problem == Status::numerical_error ? move.note + ": " : std::string();
    direction_->reset();
    move = attempt(f, at, bounds);
    if (move.moved) move.note = why + "curvature reset" + (move.note.empty() ? "" : ", " + move.note);
  }
  if (move.problem == Status::numerical_error && !move.moved) {
    move = steepest(std::move(move), f, at, bounds);
  } else {
    setbacks_ = 0;
  }
  if (!move.moved) return move;
  curvature_->update(move.to.x - at.x, move.to.gradient - at.gradient);
  at = move.to;
  return move;
}

void Engine::save(const std::string& prefix, NamedArrays& state) const {
  curvature_->save(prefix + "curvature.", state);
  direction_->save(prefix + "direction.", state);
  globalization_->save(prefix + "globalization.", state);
}

void Engine::load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) {
  curvature_->load(prefix + "curvature.", state, size, dtype);
  direction_->load(prefix + "direction.", state, size, dtype);
  globalization_->load(prefix + "globalization.", state);
}

}  // namespace newtape::optim
