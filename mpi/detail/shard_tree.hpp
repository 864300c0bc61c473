// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

/// The order in which the gradients of shards are added: one binary tree over all shards, whatever the number of ranks.
/// A rank has consecutive shards, and sends the sums of the largest subtrees that lie within them.
namespace newtape::mpi::detail {

/// Shards begin, ..., end - 1, a subtree.
struct Subtree {
  int begin, end;
};

/// Where a tree parts: near the middle, at an even shard, so that 12 shards have few subtrees for 2, 3, 4 or 6 ranks.
int parting(Subtree t) noexcept;

/// The first shard of rank `r` of `ranks`.
inline int first_shard(int shards, int ranks, int r) noexcept {
  return static_cast<int>(static_cast<std::int64_t>(shards) * r / ranks);
}
/// The first row of shard `s` of `shards`, for `rows` in all. The first shard is empty only when all are.
inline std::int64_t first_row(std::int64_t rows, int shards, int s) noexcept {
  return (rows * s + shards - 1) / shards;
}

/// The largest subtrees within `part`, in order.
std::vector<Subtree> subtrees(int shards, Subtree part);

/// Level `to` += level `from`.
struct Merge {
  int to, from;
};

/// What a rank does with the gradient of each of its shards: adds it to level `level`, which it starts when `fresh`, and
/// then merges levels. In the end level k holds the sum of its k-th subtree.
struct LocalStep {
  int level = 0;
  std::vector<Merge> merges = {};
};
struct LocalPlan {
  std::vector<LocalStep> steps;  ///< one a shard
  std::vector<int> results;      ///< the level of each subtree's sum
  int levels = 0;
};
/// With as few levels as possible, or with one for each shard and all merges in the last step (`keeps_shards`), so that
/// several batches can be added to each shard first.
LocalPlan local_plan(int shards, Subtree part, bool keeps_shards);

/// A program for a stack: k >= 0 pushes the k-th subtree (of all ranks, in order), -1 replaces the top two by their sum.
std::vector<int> final_program(int shards, const std::vector<Subtree>& leaves);

/// The sum of one number for each shard, in the order of the tree.
double tree_sum(const std::vector<double>& of_shards);

}  // namespace newtape::mpi::detail
