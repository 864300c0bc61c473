// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/module/draw_order.hpp>

#include <string>

namespace newtape::nn {

namespace {

Shape table_shape(const char* layer, std::int64_t rows, std::int64_t features) {
  if (rows < 1 || features < 1) {
    raise<ValueError>(std::string(layer) + ": sizes must be positive", "num_embeddings >= 1, embedding_dim >= 1",
                      std::to_string(rows) + ", " + std::to_string(features));
  }
  return {rows, features};
}

/// Normal rows, and zeros in the padding row, which is then counted from the first.
void initialize(const char* layer, const Parameter& weight, std::optional<std::int64_t>& padding) {
  if (!padding) {
    init::normal(weight);
    return;
  }
  const auto num = weight.shape(0);
  if (*padding < -num || *padding >= num) {
    raise<ValueError>(std::string(layer) + ": padding_idx is out of range",
                      std::to_string(-num) + " <= padding_idx < " + std::to_string(num), std::to_string(*padding));
  }
  if (*padding < 0) *padding += num;
  detail::draw(weight, default_generator(),
               [row = *padding, shape = weight.shape(), dtype = weight.dtype()](Generator& g) {
                 const Tensor all = random::normal(shape, 0, 1, dtype, g);
                 return index_fill(all, 0, arange(row, row + 1), 0).value();
               });
}

/// The indices as i64. ValueError when one is negative.
Tensor checked_indices(const char* layer, const In& indices, std::int64_t num) {
  Tensor at = indices.dtype() == i64 ? indices.tensor() : Tensor(core::as_indices(layer, indices.value()));
  if (any(at < 0).item<bool>()) {
    raise<ValueError>(std::string(layer) + ": the indices must not be negative", "0 <= index < " + std::to_string(num),
                      std::to_string(min(at).item<std::int64_t>()));
  }
  return at;
}

/// Scales the rows at `indices` down to norm `max_norm`, in the weight.
void shorten(const char* layer, const Parameter& weight, const Tensor& indices, double max_norm, double norm_type) {
  if (!weight.tensor().is_leaf() && weight.requires_grad()) {
    raise<ValueError>(std::string(layer) + ": max_norm modifies the weight, which must be a leaf",
                      "a variable or a constant", "the result of an operation");
  }
  const NoGrad scope;
  const Tensor flat = ravel(indices);
  const Tensor rows = take(weight, flat);
  const Tensor length = norm(rows, norm_type, -1, true);
  const Tensor shorter = where(length > max_norm, max_norm / (length + 1e-7), 1.0);
  weight.set_value(index_copy(weight.tensor().detach(), 0, flat, rows * shorter).value());
}

}  // namespace

Embedding::Embedding(std::int64_t num, std::int64_t dim, const EmbeddingOptions& options)
    : num_embeddings(num),
      embedding_dim(dim),
      padding_idx(options.padding_idx),
      max_norm(options.max_norm),
      norm_type(options.norm_type),
      sparse(options.sparse),
      weight(add("weight", Parameter(Array::empty(table_shape("Embedding", num, dim), options.dtype)))) {
  initialize("Embedding", weight, padding_idx);
}

Tensor Embedding::forward(In indices) const {
  const CallSite here(indices.location());
  const Tensor at = checked_indices("Embedding", indices, num_embeddings);
  if (max_norm) shorten("Embedding", weight, at, *max_norm, norm_type);
  return embedding(at, weight, {.padding_idx = padding_idx, .sparse = sparse});
}

EmbeddingBag::EmbeddingBag(std::int64_t num, std::int64_t dim, const EmbeddingBagOptions& options)
    : num_embeddings(num),
      embedding_dim(dim),
      mode(options.mode),
      padding_idx(options.padding_idx),
      include_last_offset(options.include_last_offset),
      sparse(options.sparse),
      max_norm(options.max_norm),
      norm_type(options.norm_type),
      weight(add("weight", Parameter(Array::empty(table_shape("EmbeddingBag", num, dim), options.dtype)))) {
  initialize("EmbeddingBag", weight, padding_idx);
}

Tensor EmbeddingBag::forward(In indices, const Tensor& offsets, const Tensor& per_sample_weights) const {
  const CallSite here(indices.location());
  const Tensor at = checked_indices("EmbeddingBag", indices, num_embeddings);
  if (max_norm) shorten("EmbeddingBag", weight, at, *max_norm, norm_type);
  return embedding_bag(at, weight,
                       {.offsets = offsets,
                        .mode = mode,
                        .per_sample_weights = per_sample_weights,
                        .padding_idx = padding_idx,
                        .include_last_offset = include_last_offset,
                        .sparse = sparse});
}

}  // namespace newtape::nn
