// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <optional>

namespace newtape::nn {

struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx = {};  ///< a row that starts as 0 and gets no gradient; negative from the end
  std::optional<double> max_norm = {};           ///< longer rows are shortened, in the weight itself, when looked up
  double norm_type = 2;
  DType dtype = f32;
};

/// Rows of weight [num_embeddings, embedding_dim], which starts as standard normal: indices (i64, any shape) ->
/// [.., embedding_dim]. ValueError for sizes below 1, a padding_idx that is no row, and indices out of range.
struct Embedding : Module<Embedding> {
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim, const EmbeddingOptions& options = {});
  Tensor forward(In indices) const;

  std::int64_t num_embeddings, embedding_dim;
  std::optional<std::int64_t> padding_idx;  ///< counted from the first
  std::optional<double> max_norm;
  double norm_type;
  Parameter weight;

 private:
  void shorten(const Tensor& indices) const;
};

}  // namespace newtape::nn
