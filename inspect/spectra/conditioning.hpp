// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/spectra/linear_operator.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace newtape::inspect {

/// A symmetric matrix of a linear system that training solved.
struct SystemRecord {
  std::int64_t number = 0;  ///< counts the systems of this name from 0, those that were not recorded included
  std::string name;
  std::int64_t size = 0;
  double largest = 0;  ///< eigenvalue, without damping
  double smallest = 0;
  double damping = 0;      ///< added to the diagonal
  double condition = 0;    ///< largest over smallest |eigenvalue + damping|; infinite for 0
  bool converged = false;  ///< the eigenvalues are those of the matrix; else bounds from within
  Array eigenvalues;       ///< all of them, ascending, f64; undefined beyond the dense limit

  /// Eigenvalues below 0 before damping: the matrix was not positive semidefinite.
  bool indefinite() const noexcept { return smallest < 0; }
};

struct ConditioningTrackerOptions {
  std::int64_t every = 1;          ///< records every k-th system of a name
  std::int64_t dense_limit = 200;  ///< size up to which the matrix is formed, and all its eigenvalues found
  std::int64_t products = 40;      ///< for each matrix beyond it: extreme eigenvalues by the Lanczos method
  std::uint64_t seed = 0;          ///< of the first vectors
};

/// Records spectra and condition numbers of the matrices that second-order methods invert, while they train:
///
///     inspect::ConditioningTracker tracker;
///     optim::SecondOrder newton(model.parameters(), tracker.attach(optim::damped_newton()));
///     ...
///     for (const auto& s : tracker.records()) fmt::print("{} {:.1e}\n", s.number, s.condition);
///
/// Copies share the records; an attached method keeps them alive. A moved-from one throws ValueError.
class ConditioningTracker {
 public:
  /// ValueError unless `every` and `products` are positive.
  explicit ConditioningTracker(const ConditioningTrackerOptions& options = {});

  /// The method with a direction that records the curvature and its damping before every step that it computes, under
  /// the method's name; NaN for a matrix that is not finite. Products count as evaluations of the objective.
  optim::Method attach(optim::Method method) const;
  /// The factors of every layer that K-FAC trains, with their parts of the damping: "fc1.weight: inputs" and
  /// "fc1.weight: outputs" (with KFACInverse::factors), or their Kronecker product, "fc1.weight". Call it after steps.
  void record(const optim::KFAC& optimizer, const nn::ModuleBase& model) const;
  /// Any symmetric matrix: normal equations are gauss_newton_operator of the residuals. ValueError unless symmetric.
  void record(const std::string& name, const LinearOperator& a, double damping = 0) const;

  /// All records, in the order in which they were made.
  const std::vector<SystemRecord>& records() const;
  /// Those of one name.
  std::vector<SystemRecord> records(const std::string& name) const;
  void clear() const;

 private:
  struct State;
  newtape::detail::Shared<State> state_;
};

/// A table of records, one line for each.
std::string to_string(const std::vector<SystemRecord>& records);

}  // namespace newtape::inspect
