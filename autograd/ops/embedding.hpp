// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Rows of a table [n, d], looked up by integer indices in [0, n), and their sums over bags.
namespace newtape {

struct EmbeddingFuncOptions {
  /// Lookups of this row, which may be negative (from the end), send back no gradient.
  std::optional<std::int64_t> padding_idx = {};
  /// backward() leaves the gradient in the table as rows: see row_grad.hpp. Only where the table is a variable; grad(),
  /// hooks on the table, captured functions and recorded sweeps have the dense gradient.
  bool sparse = false;
};

/// The rows of `weight` [n, d] at `indices` (integers, any shape): [.., d]. ValueError for an index that is negative or
/// not below n, ShapeError unless the weight is a matrix. Rows of f16 and bf16 weights, constants, become f32.
Tensor embedding(const Tensor& indices, In weight, const EmbeddingFuncOptions& options = {});

/// How the rows of a bag are combined.
enum class BagMode { sum, mean, max };

struct EmbeddingBagFuncOptions {
  /// i64 [b], ascending from 0: where each bag begins in indices [k]. Left out when the indices are a matrix, whose rows
  /// are the bags.
  Tensor offsets = {};
  BagMode mode = BagMode::mean;
  /// Factors of the rows, of the shape of the indices; with `sum` only. Differentiable.
  Tensor per_sample_weights = {};
  /// This row, which may be negative (from the end), counts in no bag.
  std::optional<std::int64_t> padding_idx = {};
  bool include_last_offset = false;  ///< the last offset is the number of indices, and begins no bag
  bool sparse = false;               ///< as in EmbeddingFuncOptions
};

/// Sum, mean or maximum of the rows of `weight` [n, d] in each bag of indices: [b, d], 0 for an empty bag, without a
/// tensor of all rows for the caller. Equal maxima share the gradient. ValueError for offsets that do not ascend from 0
/// within the indices and for an index out of range, ShapeError, DTypeError.
Tensor embedding_bag(const Tensor& indices, In weight, const EmbeddingBagFuncOptions& options = {});

}  // namespace newtape
