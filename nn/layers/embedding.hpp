// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/nn/module/module.hpp>

#include <optional>

namespace newtape::nn {

struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx = {};  ///< a row that is 0 initially and gets no gradient; may be negative
  std::optional<double> max_norm = {};           ///< rows of larger norm are rescaled, in the weight, when looked up
  double norm_type = 2;
  bool sparse = false;  ///< backward() leaves the weight's gradient as rows: see autograd/row_grad.hpp
  DType dtype = f32;
};

/// Rows of weight [num_embeddings, embedding_dim], initially standard normal: indices (i64, any shape) ->
/// [.., embedding_dim]. ValueError for sizes below 1, and for padding_idx or indices out of range. Large tables are
/// trained with `sparse` and optim::SparseAdam, SGD or Adagrad, whose steps then cost what the batch costs.
struct Embedding : Module<Embedding> {
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim, const EmbeddingOptions& options = {});
  Tensor forward(In indices) const;

  std::int64_t num_embeddings, embedding_dim;
  std::optional<std::int64_t> padding_idx;  ///< counted from the first
  std::optional<double> max_norm;
  double norm_type;
  bool sparse;
  Parameter weight;
};

struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  std::optional<std::int64_t> padding_idx = {};  ///< a row that is 0 initially and counts in no bag; may be negative
  bool include_last_offset = false;              ///< the last offset is the number of indices, and begins no bag
  bool sparse = false;                           ///< as of Embedding
  std::optional<double> max_norm = {};           ///< as of Embedding
  double norm_type = 2;
  DType dtype = f32;
};

/// Sum, mean or maximum of the rows of weight [num_embeddings, embedding_dim] in bags of indices: indices [b, k], whose
/// rows are the bags, or [k] with offsets [b] where each bag begins; -> [b, embedding_dim], 0 for an empty bag. With
/// BagMode::sum each row may have a factor, per_sample_weights of the shape of the indices. See embedding_bag.
struct EmbeddingBag : Module<EmbeddingBag> {
  EmbeddingBag(std::int64_t num_embeddings, std::int64_t embedding_dim, const EmbeddingBagOptions& options = {});
  Tensor forward(In indices, const Tensor& offsets = {}, const Tensor& per_sample_weights = {}) const;

  std::int64_t num_embeddings, embedding_dim;
  BagMode mode;
  std::optional<std::int64_t> padding_idx;  ///< counted from the first
  bool include_last_offset, sparse;
  std::optional<double> max_norm;
  double norm_type;
  Parameter weight;
};

}  // namespace newtape::nn
