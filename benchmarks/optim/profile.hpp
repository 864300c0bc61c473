// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace bench {

/// Performance profiles (Dolan and More 2002): of each solver, which share of the problems it solves within a factor
/// tau of what the best solver of that problem needs.
class Profile {
 public:
  /// costs[solver][problem]; infinite where it is not solved. Problems that nobody solves count for nobody.
  Profile(std::vector<std::string> solvers, const std::vector<std::vector<double>>& costs);

  double share(std::size_t solver, double tau) const;
  /// A line for each solver, a column for each tau.
  std::string table(const std::vector<double>& taus) const;
  /// Steps over log2 tau.
  std::string svg(const std::string& title) const;

 private:
  std::vector<std::string> solvers_;
  std::vector<std::vector<double>> ratios_;  ///< sorted, for each solver
};

}  // namespace bench
