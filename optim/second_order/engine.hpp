// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/owner.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <string>

namespace newtape::optim {

/// The three parts of a method, with their state.
class Engine {
 public:
  explicit Engine(const Method& method);

  /// One iteration: moves `at` to a better point, with its gradient, or leaves it when none was found. Where the
  /// method's linear algebra fails, the step is one of steepest descent, up to 30 times in succession.
  StepResult advance(Objective& f, Iterate& at, const Bounds& bounds = {});

  void save(const std::string& prefix, NamedArrays& state) const;
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype);

 private:
  struct Parts {
    Curvature& curvature;
    Direction& direction;
    Globalization& globalization;
  };
  StepResult attempt(const Parts& parts, Objective& f, const Iterate& at, const Bounds& bounds);
  StepResult steepest(StepResult failed, Objective& f, const Iterate& at, const Bounds& bounds);
  StepResult attempt(Objective& f, const Iterate& at, const Bounds& bounds);

  newtape::detail::Owner<Curvature> curvature_;
  newtape::detail::Owner<Direction> direction_;
  newtape::detail::Owner<Globalization> globalization_;
  int setbacks_ = 0;  ///< iterations in succession in which linear algebra failed
  Array free_;        ///< 1 for free unknowns of the last iteration, 0 for held ones; undefined: all free
};

}  // namespace newtape::optim
