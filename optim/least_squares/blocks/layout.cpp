// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/least_squares/blocks/layout.hpp>

#include <algorithm>

namespace newtape::optim {

std::vector<std::vector<bool>> used_rows(const LeastSquaresProblem& problem) {
  std::vector<std::vector<bool>> used;
  for (const auto& p : problem.parameters()) used.emplace_back(static_cast<std::size_t>(p.shape(0)), false);
  for (const auto& g : problem.groups()) {
    for (std::size_t k = 0; k < g.parameter.size(); ++k) {
      for (const std::int64_t row : g.index[k]) {
        used[static_cast<std::size_t>(g.parameter[k])][static_cast<std::size_t>(row)] = true;
      }
    }
  }
  return used;
}

BlockLayout::BlockLayout(const LeastSquaresProblem& problem, const std::vector<bool>& eliminated) {
  const auto used = used_rows(problem);
  for (std::size_t v = 0; v < problem.parameters().size(); ++v) {
    const Parameter& p = problem.parameters()[v];
    dtype = p.dtype();
    BlockVariable one{.parameter = p,
                      .rows = p.shape(0),
                      .size = p.shape(1),
                      .tangent = problem.manifold(v).tangent,
                      .first = elements,
                      .column = std::vector<std::int64_t>(static_cast<std::size_t>(p.shape(0)), -1),
                      .eliminated = eliminated[v],
                      .constant = true};
    elements += p.size();
    variables.push_back(std::move(one));
  }
  for (const bool last : {false, true}) {
    for (std::size_t v = 0; v < variables.size(); ++v) {
      BlockVariable& one = variables[v];
      if (one.eliminated != last || !one.parameter.requires_grad() || one.tangent == 0) continue;
      for (std::size_t i = 0; i < one.column.size(); ++i) {
        if (problem.held(v)[i]) continue;
        if (!used[v][i]) {
          ++unused_rows;
          one.column[i] = -2;
          continue;
        }
        one.column[i] = columns;
        one.constant = false;
        columns += one.tangent;
      }
    }
    if (!last) kept = columns;
  }
}

}  // namespace newtape::optim
