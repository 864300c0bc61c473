// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <memory>
#include <string>

namespace newtape::optim {

/// A method at work: its three parts with what they remember.
class Engine {
 public:
  explicit Engine(const Method& method);

  /// One iteration: `at` becomes the next point, with its gradient, or stays when none better was found.
  StepResult advance(Objective& f, Iterate& at, const Bounds& bounds = {});

  void save(const std::string& prefix, NamedArrays& state) const;
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype);

 private:
  StepResult attempt(Objective& f, const Iterate& at, const Bounds& bounds);

  std::unique_ptr<Curvature> curvature_;
  std::unique_ptr<Direction> direction_;
  std::unique_ptr<Globalization> globalization_;
  Array free_;  ///< which unknowns moved last, where bounds held others
};

}  // namespace newtape::optim
