// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
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
Shape table_shape(std::int64_t rows, std::int64_t features) {
  if (rows < 1 || features < 1) {
    raise<ValueError>("Embedding: sizes must be positive", "num_embeddings >= 1, embedding_dim >= 1",
                      std::to_string(rows) + ", " + std::to_string(features));
  }
  return {rows, features};
}
}  // namespace

Embedding::Embedding(std::int64_t num, std::int64_t dim, const EmbeddingOptions& options)
    : num_embeddings(num),
      embedding_dim(dim),
      padding_idx(options.padding_idx),
      max_norm(options.max_norm),
      norm_type(options.norm_type),
      weight(add("weight", Parameter(Array::empty(table_shape(num, dim), options.dtype)))) {
  if (!padding_idx) {
    init::normal(weight);
    return;
  }
  if (*padding_idx < -num || *padding_idx >= num) {
    raise<ValueError>("Embedding: padding_idx is out of range",
                      std::to_string(-num) + " <= padding_idx < " + std::to_string(num), std::to_string(*padding_idx));
  }
  if (*padding_idx < 0) *padding_idx += num;
  detail::draw(weight, default_generator(),
               [row = *padding_idx, shape = weight.shape(), dtype = options.dtype](Generator& g) {
                 const Tensor all = random::normal(shape, 0, 1, dtype, g);
                 return index_fill(all, 0, arange(row, row + 1), 0).value();
               });
}

void Embedding::shorten(const Tensor& indices) const {
  if (!weight.tensor().is_leaf() && weight.requires_grad()) {
    raise<ValueError>("Embedding: max_norm modifies the weight, which must be a leaf", "a variable or a constant",
                      "the result of an operation");
  }
  const NoGrad scope;
  const Tensor flat = ravel(indices);
  const Tensor rows = take(weight, flat);
  const Tensor length = norm(rows, norm_type, -1, true);
  const Tensor shorter = where(length > *max_norm, *max_norm / (length + 1e-7), 1.0);
  weight.set_value(index_copy(weight.tensor().detach(), 0, flat, rows * shorter).value());
}

Tensor Embedding::forward(In indices) const {
  if (indices.dtype() != i64) return forward(In(core::as_indices("Embedding", indices.value()), indices.location()));
  if (any(indices < 0).item<bool>()) {
    raise<ValueError>("Embedding: the indices must not be negative", "0 <= index < " + std::to_string(num_embeddings),
                      std::to_string(min(indices).item<std::int64_t>()));
  }
  if (max_norm) shorten(indices);
  Tensor rows = take(weight, indices);
  if (is_half(rows.dtype())) return rows.to(f32);
  if (!padding_idx || !rows.requires_grad()) return rows;
  const Tensor padding = indices == *padding_idx;
  return any(padding).item() == 0 ? rows : where(unsqueeze(padding, -1), rows.detach(), rows);
}

}  // namespace newtape::nn
