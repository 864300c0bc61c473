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

/// The three parts of second-order methods, which combine freely: a model of the curvature, the direction computed from
/// it, and the globalization, which accepts or rejects steps. Vectors are [n], of the parameters' dtype.
namespace newtape::optim {

/// A point, with the function's value and gradient there.
struct Iterate {
  Array x;
  double value = std::numeric_limits<double>::quiet_NaN();
  Array gradient;
};

/// A model of a function's Hessian: a symmetric matrix B.
class Curvature {
 public:
  virtual ~Curvature() = default;

  /// Called at every point before the other members.
  virtual void evaluate(Objective& f, const Iterate& at) = 0;
  /// Called after every accepted step, with the change of the gradient.
  virtual void update(const Array& /*step*/, const Array& /*change*/) {}
  /// B v.
  virtual Array product(const Array& v) = 0;
  /// B, [n, n]; by default from n products.
  virtual Array matrix();
  /// B^-1 v where it is as cheap as a product; else undefined.
  virtual Array solve(const Array& /*v*/) { return {}; }
  /// An approximation of B^-1 v, the preconditioner of conjugate gradients; undefined: none.
  virtual Array precondition(const Array& /*v*/) { return {}; }
  /// Whether the length of a step computed from B is meaningful; false as long as B holds no information.
  virtual bool scaled() const { return true; }
  /// Whether B is represented as a matrix.
  virtual bool dense() const { return false; }
  /// Discards past information, after a failed step. False when there was none.
  virtual bool reset() { return false; }

  /// The state that a bitwise identical resumption needs besides the point.
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/, std::int64_t /*size*/,
                    DType /*dtype*/) {}

 protected:
  std::int64_t size_ = 0;  ///< length of the vectors; set by `evaluate`, for the default matrix()
  DType dtype_ = f64;
};

/// A trust region's radius, and the damping added to B's diagonal.
struct Region {
  double radius = std::numeric_limits<double>::infinity();
  double damping = 0;
};

/// A step that a Direction computed, not yet accepted.
struct Step {
  Array d;
  double predicted = 0;      ///< reduction of the quadratic model, -g d - d B d / 2
  std::int64_t inner = 0;    ///< iterations of the linear solver
  bool on_boundary = false;  ///< its length is the region's radius
  bool scaled = true;        ///< its length is meaningful; else the line search chooses one
  std::string note = {};
};

/// Computes a step from the gradient and the curvature.
class Direction {
 public:
  virtual ~Direction() = default;
  virtual Step step(Curvature& b, const Array& gradient, const Region& region) = 0;
  /// Discards the memory of earlier steps.
  virtual void reset() {}
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/, std::int64_t /*size*/,
                    DType /*dtype*/) {}
};

/// The bounds given for the points x0, broadcast to their shapes. ValueError, DTypeError, ShapeError naming `op` (the
/// caller) and `which`.
std::vector<Tensor> expand_bounds(const char* op, const char* which, const std::vector<Tensor>& given,
                                  std::span<const Tensor> x0);

/// Box constraints, as vectors [n]; undefined where there are none.
struct Bounds {
  Bounds() = default;
  /// ValueError, naming `op`, for a lower bound above its upper one.
  Bounds(const char* op, Array lower_bound, Array upper_bound);
  /// From options with `lower` and `upper`, flattened by `f`.
  template <class F, class Options>
  Bounds(const char* op, const F& f, std::span<const Tensor> x0, const Options& options)
      : Bounds(op, options.lower.empty() ? Array() : f.flatten(expand_bounds(op, "lower", options.lower, x0)),
               options.upper.empty() ? Array() : f.flatten(expand_bounds(op, "upper", options.upper, x0))) {}

  Array lower, upper;
  /// Whether there are bounds.
  bool any() const noexcept { return lower.defined() || upper.defined(); }
  /// The nearest point within the bounds.
  Array project(Array x) const;
  /// P(x - gradient) - x, which is 0 at a constrained stationary point; -gradient without bounds.
  Array projected_step(const Array& x, const Array& gradient) const;
  /// 1 for free unknowns, 0 for those at a bound that -gradient points across; undefined when all are free.
  Array free(const Array& x, const Array& gradient) const;
};

/// The outcome of an iteration.
struct StepResult {
  bool moved = false;
  Iterate to = {};   ///< with its gradient
  double ratio = 0;  ///< as in Iteration
  double region = 0;
  std::int64_t inner = 0;
  std::string note = {};
  Status problem = Status::no_progress;  ///< why it did not move
};

/// Accepts or rejects steps: a line search, trust region or damping.
class Globalization {
 public:
  virtual ~Globalization() = default;
  virtual StepResult move(Objective& f, const Iterate& at, Curvature& b, Direction& direction,
                          const Bounds& bounds) = 0;
  virtual void save(const std::string& /*prefix*/, NamedArrays& /*state*/) const {}
  virtual void load(const std::string& /*prefix*/, detail::StateReader& /*state*/) {}
};

/// What an iteration of a direct search reached.
struct SearchStep {
  Iterate best = {};       ///< the best point so far, without gradient
  double size = 0;         ///< of the simplex or the distribution: the largest distance from its centre or best point
  double spread = 0;       ///< of the values: the difference of the worst and the best
  bool exhausted = false;  ///< rounding hides further progress
  std::string note = {};
};

/// A minimiser that compares values and asks for no derivatives. It takes the place of a method's three parts.
class DirectSearch {
 public:
  virtual ~DirectSearch() = default;
  /// Begins at a point within the bounds whose value is finite.
  virtual void begin(Objective& f, const Iterate& at, const Bounds& bounds) = 0;
  virtual SearchStep iterate(Objective& f, const Bounds& bounds) = 0;
  /// Begins anew around the best point, or in another way, once the search has converged; false to end the run.
  virtual bool restart(Objective& /*f*/, const Bounds& /*bounds*/) { return false; }
};

using MakeCurvature = std::function<std::unique_ptr<Curvature>()>;
using MakeDirection = std::function<std::unique_ptr<Direction>()>;
using MakeGlobalization = std::function<std::unique_ptr<Globalization>()>;
using MakeDirectSearch = std::function<std::unique_ptr<DirectSearch>()>;

/// A method: factories of its three parts, or of a direct search, which each run constructs.
///
///     Method mine{"mine", curvature::sr1(), direction::truncated_cg(), globalization::trust_region()};
struct Method {
  std::string name;
  MakeCurvature curvature;
  MakeDirection direction;
  MakeGlobalization globalization;
  MakeDirectSearch direct_search = {};  ///< for `minimize`: in place of the three parts
};

}  // namespace newtape::optim
