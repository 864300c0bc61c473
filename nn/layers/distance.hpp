// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/distance.hpp>
#include <newtape/nn/module/module.hpp>

/// Distances as modules with PyTorch's names.
namespace newtape::nn {

struct CosineSimilarityOptions {
  std::int64_t dim = 1;
  double eps = 1e-8;
};
/// a . b / (max(|a|, eps) max(|b|, eps)) along the axis `dim`; a and b broadcast.
struct CosineSimilarity : Module<CosineSimilarity> {
  explicit CosineSimilarity(const CosineSimilarityOptions& o = {}) : options(o) {}
  Tensor forward(In a, In b) const { return cosine_similarity(std::move(a), std::move(b), options.dim, options.eps); }
  CosineSimilarityOptions options;
};

struct PairwiseDistanceOptions {
  double p = 2;
  double eps = 1e-6;
  bool keepdim = false;
};
/// norm(a - b + eps, p) along the last axis; a and b broadcast.
struct PairwiseDistance : Module<PairwiseDistance> {
  explicit PairwiseDistance(const PairwiseDistanceOptions& o = {}) : options(o) {}
  Tensor forward(In a, In b) const {
    return pairwise_distance(std::move(a), std::move(b), options.p, options.eps, options.keepdim);
  }
  PairwiseDistanceOptions options;
};

}  // namespace newtape::nn
