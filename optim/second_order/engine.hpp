// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <memory>
#include <string>

namespace newtape::optim {

/// The three parts of a method, with their state.
class Engine {
 public:
  explicit Engine(const Method& method);

  /// One iteration: moves `at` to a better point, with its gradient, or leaves it when none was found.
  StepResult advance(Objective& f, Iterate& at, const Bounds& bounds = {});

  void save(const std::string& prefix, NamedArrays& state) const;
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype);

 private:
  StepResult attempt(Objective& f, const Iterate& at, const Bounds& bounds);

  std::unique_ptr<Curvature> curvature_;
  std::unique_ptr<Direction> direction_;
  std::unique_ptr<Globalization> globalization_;
  Array free_;  ///< 1 for free unknowns of the last iteration, 0 for held ones; undefined: all free
};

}  // namespace newtape::optim
