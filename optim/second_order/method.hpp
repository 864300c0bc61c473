// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace newtape::detail {
class StateReader;
}

/// The three parts of which second-order methods are made, and which combine freely: what is known of the curvature,
/// the direction that is taken from it, and how far one goes along it. Vectors are [n], of the parameters' dtype.
namespace newtape::optim {

/// Where a method stands.
struct Iterate {
  Array x;
  double value = std::numeric_limits<double>::quiet_NaN();
  Array gradient;
};

/// What the curvature of a function is taken to be: a symmetric matrix B.
class Curvature {
 public:
  virtual ~Curvature() = default;

  /// Called at every point before the rest.
  virtual void evaluate(Objective& f, const Iterate& at) = 0;
  /// Called after every step, with the change of the gradient along it.
  virtual void update(const Array& /*step*/, const Array& /*change*/) {}
  /// B v.
  virtual Array product(const Array& v) = 0;
  /// B itself, [n, n]; made from n products unless it is at hand.
  virtual Array matrix();
  /// B^-1 v where it is as cheap as a product; else undefined.
  virtual Array solve(const Array& /*v*/) { return {}; }
  /// Something like B^-1 v, to speed up conjugate gradients; else undefined.
  virtual Array precondition(const Array& /*v*/) { return {}; }
  /// Whether the length of a step made from it means anything: not before something was learnt of the function.
  virtual bool scaled() const { return true; }
  /// Whether matrix() is at hand.
  virtual bool dense() const { return false; }
  /// Forgets what was learnt, when it led nowhere. False when there was nothing to forget.
  virtual bool reset() { return false; }

  /// What a later run needs to go on bit for bit, beyond the point.
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/, std::int64_t /*size*/,
                    DType /*dtype*/) {}

 protected:
  std::int64_t size_ = 0;  ///< of the vectors; `evaluate` sets it where matrix() is left as it is
  DType dtype_ = f64;
};

/// A trust region's radius, and what is to be added to B's diagonal.
struct Region {
  double radius = std::numeric_limits<double>::infinity();
  double damping = 0;
};

struct Step {
  Array d;
  double predicted = 0;      ///< how far the quadratic model falls, -g d - d B d / 2
  std::int64_t inner = 0;    ///< iterations it took
  bool on_boundary = false;  ///< the region's radius cut it short
  bool scaled = true;        ///< its length means something; else a line search looks for one
  std::string note = {};
};

/// How a step follows from the gradient and the curvature.
class Direction {
 public:
  virtual ~Direction() = default;
  virtual Step step(Curvature& b, const Array& gradient, const Region& region) = 0;
  /// Forgets earlier steps.
  virtual void reset() {}
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/, std::int64_t /*size*/,
                    DType /*dtype*/) {}
};

/// What users give as bounds on each of the points x0, in their shapes; none when there is none. ValueError,
/// DTypeError, ShapeError naming `what` (the caller) and `which`.
std::vector<Tensor> expand_bounds(const char* what, const char* which, const std::vector<Tensor>& given,
                                  std::span<const Tensor> x0);

/// Box constraints, as vectors [n]; undefined where there are none.
struct Bounds {
  Bounds() = default;
  /// ValueError, naming `what`, for a lower bound above its upper one.
  Bounds(const char* what, Array lower_bound, Array upper_bound);
  /// From options with `lower` and `upper`, flattened by `f`.
  template <class F, class Options>
  Bounds(const char* what, const F& f, std::span<const Tensor> x0, const Options& options)
      : Bounds(what, options.lower.empty() ? Array() : f.flatten(expand_bounds(what, "lower", options.lower, x0)),
               options.upper.empty() ? Array() : f.flatten(expand_bounds(what, "upper", options.upper, x0))) {}

  Array lower, upper;
  bool any() const noexcept { return lower.defined() || upper.defined(); }
  /// The nearest point inside.
  Array project(Array x) const;
  /// P(x - gradient) - x, whose size says how far from a minimum x is; -gradient without bounds.
  Array projected_step(const Array& x, const Array& gradient) const;
  /// 1 where x may move, 0 where a bound holds it against the gradient's pull; undefined when nothing is held.
  Array free(const Array& x, const Array& gradient) const;
};

/// What became of an attempt to move.
struct StepResult {
  bool moved = false;
  Iterate to = {};   ///< with its gradient
  double ratio = 0;  ///< as in Iteration
  double region = 0;
  std::int64_t inner = 0;
  std::string note = {};
  Status problem = Status::no_progress;  ///< why it did not move
};

/// How far one goes: it moves from a point to a better one.
class Globalization {
 public:
  virtual ~Globalization() = default;
  virtual StepResult move(Objective& f, const Iterate& at, Curvature& b, Direction& direction,
                          const Bounds& bounds) = 0;
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/) {}
};

using MakeCurvature = std::function<std::unique_ptr<Curvature>()>;
using MakeDirection = std::function<std::unique_ptr<Direction>()>;
using MakeGlobalization = std::function<std::unique_ptr<Globalization>()>;

/// A method: three parts, made anew for each run.
///
///     Method mine{"mine", curvature::sr1(), direction::truncated_cg(), globalization::trust_region()};
struct Method {
  std::string name;
  MakeCurvature curvature;
  MakeDirection direction;
  MakeGlobalization globalization;
};

}  // namespace newtape::optim
