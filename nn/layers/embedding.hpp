// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <optional>

namespace newtape::nn {

struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx = {};  ///< a row that is 0 initially and gets no gradient; may be negative
  std::optional<double> max_norm = {};           ///< rows of larger norm are rescaled, in the weight, when looked up
  double norm_type = 2;
  DType dtype = f32;
};

/// Rows of weight [num_embeddings, embedding_dim], initially standard normal: indices (i64, any shape) ->
/// [.., embedding_dim]. ValueError for sizes below 1, and for padding_idx or indices out of range.
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
