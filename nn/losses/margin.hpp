// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/nn/losses/reduction.hpp>

#include <functional>

/// Margin losses: hinge, ranking, embedding and triplet losses. ShapeError unless all have the same shape, or with
/// `.broadcast = true` shapes that broadcast. A target of integers, such as signs, has the dtype of the input.
namespace newtape::nn {

struct HingeEmbeddingLossOptions {
  Reduction reduction = Reduction::mean;
  double margin = 1;
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// x where the target is 1, max(0, margin - x) where it is -1. ValueError for other targets.
Tensor hinge_embedding_loss(In input, In target, const HingeEmbeddingLossOptions& options = {});

struct SoftMarginLossOptions {
  Reduction reduction = Reduction::mean;
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// log(1 + exp(-target input)), for targets of 1 and -1.
Tensor soft_margin_loss(In input, In target, const SoftMarginLossOptions& options = {});

struct MarginRankingLossOptions {
  Reduction reduction = Reduction::mean;
  double margin = 0;
  bool broadcast = false;  ///< all of them broadcast, as in PyTorch, instead of a ShapeError
};

/// max(0, margin - target (x1 - x2)): target 1 where x1 should be larger, -1 where x2 should.
Tensor margin_ranking_loss(In x1, In x2, In target, const MarginRankingLossOptions& options = {});

struct MultiMarginLossOptions {
  Reduction reduction = Reduction::mean;
  int p = 1;  ///< 1 or 2
  double margin = 1;
  Tensor weight = {};  ///< [C], one for each class
};

/// sum over j != y of max(0, margin - x_y + x_j)^p / C, times the weight of y: x [N, C] or [C], target y (i64) [N] or
/// []. ValueError for a target outside [0, C).
Tensor multi_margin_loss(In x, const Tensor& target, const MultiMarginLossOptions& options = {});

struct MultiLabelMarginLossOptions {
  Reduction reduction = Reduction::mean;
};

/// Sum over target classes t and other classes j of max(0, 1 - x_t + x_j) / C: x [N, C] or [C]; target (i64) of that
/// shape holds the target classes before the first -1 in each row. ValueError for values outside [-1, C).
Tensor multilabel_margin_loss(In x, const Tensor& target, const MultiLabelMarginLossOptions& options = {});

struct MultiLabelSoftMarginLossOptions {
  Reduction reduction = Reduction::mean;
  Tensor weight = {};      ///< [C], one for each class
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// The mean over the classes of weight * binary_cross_entropy_with_logits: x and target [N, C] or [C].
Tensor multilabel_soft_margin_loss(In x, In target, const MultiLabelSoftMarginLossOptions& options = {});

struct CosineEmbeddingLossOptions {
  Reduction reduction = Reduction::mean;
  double margin = 0;
  bool broadcast = false;  ///< x1 and x2 broadcast, as in PyTorch, instead of a ShapeError
};

/// 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1: x1, x2 [N, D] or [D], target
/// [N] or []. ValueError for other targets.
Tensor cosine_embedding_loss(In x1, In x2, In target, const CosineEmbeddingLossOptions& options = {});

struct TripletMarginLossOptions {
  Reduction reduction = Reduction::mean;
  double margin = 1;
  double p = 2;  ///< norm of the distance
  double eps = 1e-6;
  bool swap = false;       ///< use the smaller of the negative's distances from the anchor and from the positive
  bool broadcast = false;  ///< all of them broadcast, as in PyTorch, instead of a ShapeError
};

/// max(0, d(anchor, positive) - d(anchor, negative) + margin), d = pairwise_distance; all [.., D].
Tensor triplet_margin_loss(In anchor, In positive, In negative, const TripletMarginLossOptions& options = {});

/// Options of triplet_margin_with_distance_loss and TripletMarginWithDistanceLoss.
struct TripletMarginWithDistanceOptions {
  Reduction reduction = Reduction::mean;
  std::function<Tensor(const Tensor&, const Tensor&)> distance_function = {};  ///< default: pairwise_distance
  double margin = 1;
  bool swap = false;  ///< use the smaller of the negative's distances from the anchor and from the positive
};

/// max(0, d(anchor, positive) - d(anchor, negative) + margin) with a distance of your own, [N, ..], [N, ..] -> [N] or of any
/// other shape; all of the same shape.
Tensor triplet_margin_with_distance_loss(In anchor, In positive, In negative,
                                         const TripletMarginWithDistanceOptions& options = {});

}  // namespace newtape::nn
