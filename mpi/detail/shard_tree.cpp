// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/shard_tree.hpp>

#include <algorithm>

namespace newtape::mpi::detail {

// Trees have at most as many levels as shards have bits: recursion is shallow.

int parting(Subtree t) noexcept {
  const int sum = t.begin + t.end;
  int at = sum / 2;
  if (t.end - t.begin > 2 && at % 2 != 0 && sum % 2 != 0) ++at;
  return at;
}

namespace {

bool within(Subtree t, Subtree part) { return part.begin <= t.begin && t.end <= part.end; }

void find(Subtree t, Subtree part, std::vector<Subtree>& found) {
  if (t.end <= part.begin || part.end <= t.begin || t.begin == t.end) return;
  if (within(t, part)) {
    found.push_back(t);
    return;
  }
  const int at = parting(t);
  find({t.begin, at}, part, found);
  find({at, t.end}, part, found);
}

/// Plans the sum of a subtree into level `base`.
void plan_subtree(Subtree t, int first, int base, bool keeps_shards, LocalPlan& plan, std::vector<Merge>& late) {
  plan.levels = std::max(plan.levels, base + 1);
  if (t.end - t.begin == 1) {
    plan.steps.push_back({.level = base});
    return;
  }
  const int at = parting(t);
  const int right = keeps_shards ? at - first : base + 1;
  plan_subtree({t.begin, at}, first, base, keeps_shards, plan, late);
  plan_subtree({at, t.end}, first, right, keeps_shards, plan, late);
  (keeps_shards ? late : plan.steps.back().merges).push_back({base, right});
}

void write_program(Subtree t, const std::vector<Subtree>& leaves, std::size_t& next, std::vector<int>& program) {
  if (next < leaves.size() && leaves[next].begin == t.begin && leaves[next].end == t.end) {
    program.push_back(static_cast<int>(next++));
    return;
  }
  const int at = parting(t);
  write_program({t.begin, at}, leaves, next, program);
  write_program({at, t.end}, leaves, next, program);
  program.push_back(-1);
}

double sum_of(Subtree t, const std::vector<double>& x) {
  if (t.end - t.begin == 1) return x[static_cast<std::size_t>(t.begin)];
  const int at = parting(t);
  return sum_of({t.begin, at}, x) + sum_of({at, t.end}, x);
}

}  // namespace

std::vector<Subtree> subtrees(int shards, Subtree part) {
  std::vector<Subtree> found;
  find({0, shards}, part, found);
  return found;
}

LocalPlan local_plan(int shards, Subtree part, bool keeps_shards) {
  LocalPlan plan;
  std::vector<Merge> late;
  int k = 0;
  for (const auto t : subtrees(shards, part)) {
    const int base = keeps_shards ? t.begin - part.begin : k++;
    plan.results.push_back(base);
    plan_subtree(t, part.begin, base, keeps_shards, plan, late);
  }
  if (!late.empty()) plan.steps.back().merges = late;
  return plan;
}

std::vector<int> final_program(int shards, const std::vector<Subtree>& leaves) {
  std::vector<int> program;
  std::size_t next = 0;
  write_program({0, shards}, leaves, next, program);
  return program;
}

double tree_sum(const std::vector<double>& of_shards) {
  return sum_of({0, static_cast<int>(of_shards.size())}, of_shards);
}

}  // namespace newtape::mpi::detail
