// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/losses/loss_parts.hpp>
#include <newtape/nn/losses/margin.hpp>

#include <cmath>

namespace newtape::nn {

namespace {
/// Mask where the target is 1. ValueError unless it is -1 elsewhere.
Tensor positives(const char* loss, const Tensor& target) {
  Tensor positive = target == 1;
  if (!all(positive | (target == -1)).item<bool>()) {
    raise<ValueError>(std::string(loss) + ": a target must be 1 or -1");
  }
  return positive;
}

void check_weight(const char* loss, const Tensor& weight, std::int64_t n_classes) {
  if (!weight.defined() || weight.shape() == Shape{n_classes}) return;
  raise<ShapeError>(std::string(loss) + ": weight must have one number for each class", to_string(Shape{n_classes}),
                    to_string(weight.shape()));
}

void check_rows(const char* loss, const In& x) {
  if (x.ndim() == 1 || x.ndim() == 2) return;
  raise<ShapeError>(std::string(loss) + ": the input must have an axis of classes", "[N, C] or [C]",
                    to_string(x.shape()));
}

/// The cosine of the angle between vectors along the last axis; their squared lengths are increased by 1e-12, as in
/// PyTorch.
Tensor cosine_of(const In& a, const In& b) {
  constexpr double eps = 1e-12;
  const Tensor squares = (sum(square(a), -1) + eps) * (sum(square(b), -1) + eps);
  if (detail::known_finite(squares)) return sum(a * b, -1) / sqrt(squares);
  const auto unit = [](const In& x) { return x / hypot(norm(x, 2, -1, true), std::sqrt(eps)); };
  return sum(unit(a) * unit(b), -1);
}

/// Mask of the classes in `target` [.., C], before the first -1. ValueError for values outside [-1, C).
Tensor before_end(const char* loss, const Tensor& target) {
  const auto n_classes = target.shape().back();
  if (!all((target >= -1) & (target < n_classes)).item<bool>()) {
    raise<ValueError>(std::string(loss) + ": a target must be a class, or -1 after the last one",
                      "in [-1, " + std::to_string(n_classes) + ")");
  }
  return cumprod(where(target >= 0, ones({}), 0.0), -1) > 0.5;
}
}  // namespace

Tensor hinge_embedding_loss(In input, In target, const HingeEmbeddingLossOptions& options) {
  const CallSite here(input.location());
  detail::check_shapes("hinge_embedding_loss", input, target, options.broadcast);
  const Tensor positive = positives("hinge_embedding_loss", target);
  return detail::reduce("hinge_embedding_loss", where(positive, input, detail::hinge(options.margin - input)),
                        options.reduction);
}

Tensor soft_margin_loss(In input, In target, const SoftMarginLossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("soft_margin_loss", input, target, options.broadcast);
  return detail::reduce("soft_margin_loss", softplus(-detail::strong_product(target, std::move(input))),
                        options.reduction);
}

Tensor margin_ranking_loss(In x1, In x2, In target, const MarginRankingLossOptions& options) {
  const CallSite here(x1.location());
  detail::check_pair("margin_ranking_loss", x1, x2, options.broadcast);
  detail::check_pair("margin_ranking_loss", x1, target, options.broadcast);
  const Tensor d = std::move(x1) - std::move(x2);
  return detail::reduce("margin_ranking_loss", detail::hinge(options.margin - std::move(target) * d),
                        options.reduction);
}

Tensor multi_margin_loss(In x, const Tensor& classes, const MultiMarginLossOptions& options) {
  const CallSite here(x.location());
  const Tensor target = detail::class_indices(classes);
  if (options.p != 1 && options.p != 2) {
    raise<ValueError>("multi_margin_loss: p must be 1 or 2", {}, std::to_string(options.p));
  }
  if (target.dtype() != i64) {
    raise<DTypeError>("multi_margin_loss: the target must hold class indices", "i64", name(target.dtype()));
  }
  check_rows("multi_margin_loss", x);
  if (target.shape() != Shape(x.shape().begin(), x.shape().end() - 1)) {
    raise<ShapeError>("multi_margin_loss: input and target must have matching shapes",
                      "input [N, C] and target [N], or input [C] and target []",
                      "input " + to_string(x.shape()) + ", target " + to_string(target.shape()));
  }
  const auto n_classes = x.shape().back();
  const Tensor& w = options.weight;
  check_weight("multi_margin_loss", w, n_classes);
  if (!all((target >= 0) & (target < n_classes)).item<bool>()) {
    raise<ValueError>("multi_margin_loss: a target must be a class", "in [0, " + std::to_string(n_classes) + ")");
  }
  const Tensor index = unsqueeze(target, -1);
  const Tensor weights = w.defined() ? take(w, target) : w;
  const Tensor scores = w.defined() ? detail::where_counted(x, unsqueeze(weights, -1)) : Tensor(x);
  Tensor h = relu(options.margin - gather(scores, -1, index) + scores);
  if (options.p == 2) h = square(h);
  const Tensor others = logical_not(one_hot(target, n_classes));
  Tensor losses = sum(where(others, h, 0.0), -1) / static_cast<double>(n_classes);
  losses = detail::weigh("multi_margin_loss", std::move(losses), weights);
  return detail::reduce("multi_margin_loss", std::move(losses), options.reduction);
}

Tensor multilabel_margin_loss(In x, const Tensor& classes, const MultiLabelMarginLossOptions& options) {
  const CallSite here(x.location());
  const Tensor target = detail::class_indices(classes);
  constexpr auto loss = "multilabel_margin_loss";
  if (target.dtype() != i64) {
    raise<DTypeError>(std::string(loss) + ": the target must hold class indices", "i64", name(target.dtype()));
  }
  check_rows(loss, x);
  detail::check_shapes(loss, x, target);
  const auto n_classes = x.shape().back();
  const Tensor there = before_end(loss, target);
  const Tensor index = where(there, target, 0);
  const Tensor is_target = any(logical_and(one_hot(index, n_classes) != 0.0, unsqueeze(there, -1)), -2);
  const Tensor counts = logical_and(unsqueeze(there, -1), unsqueeze(logical_not(is_target), -2));
  const Tensor h = relu(1.0 - unsqueeze(gather(x, -1, index), -1) + unsqueeze(x, -2));
  return detail::reduce("multilabel_margin_loss", sum(where(counts, h, 0.0), {-2, -1}) / static_cast<double>(n_classes),
                        options.reduction);
}

Tensor multilabel_soft_margin_loss(In x, In target, const MultiLabelSoftMarginLossOptions& options) {
  const CallSite here(x.location());
  detail::check_pair("multilabel_soft_margin_loss", x, target, options.broadcast);
  check_rows("multilabel_soft_margin_loss", x);
  check_weight("multilabel_soft_margin_loss", options.weight, x.shape().back());
  // As binary_cross_entropy_with_logits, also for infinite x.
  Tensor losses = detail::known_finite(x) ? softplus(x) - target * x
                                          : detail::strong_product(target, softplus(-x)) +
                                                detail::strong_product(1.0 - target, softplus(x));
  losses = detail::weigh("multilabel_soft_margin_loss", std::move(losses), options.weight);
  return detail::reduce("multilabel_soft_margin_loss", mean(losses, -1), options.reduction);
}

Tensor cosine_embedding_loss(In x1, In x2, In target, const CosineEmbeddingLossOptions& options) {
  const CallSite here(x1.location());
  detail::check_pair("cosine_embedding_loss", x1, x2, options.broadcast);
  const Shape both = broadcast_shapes("cosine_embedding_loss", x1.shape(), x2.shape());
  if ((both.size() != 1 && both.size() != 2) || target.shape() != Shape(both.begin(), both.end() - 1)) {
    raise<ShapeError>("cosine_embedding_loss: inputs and target must have matching shapes",
                      "inputs [N, D] and target [N], or inputs [D] and target []",
                      "inputs " + to_string(both) + ", target " + to_string(target.shape()));
  }
  const Tensor positive = positives("cosine_embedding_loss", target);
  const Tensor cosine = cosine_of(x1, x2);
  return detail::reduce("cosine_embedding_loss", where(positive, 1.0 - cosine, detail::hinge(cosine - options.margin)),
                        options.reduction);
}

Tensor triplet_margin_loss(In anchor, In positive, In negative, const TripletMarginLossOptions& options) {
  const CallSite here(anchor.location());
  detail::check_pair("triplet_margin_loss", anchor, positive, options.broadcast);
  detail::check_pair("triplet_margin_loss", anchor, negative, options.broadcast);
  if (anchor.ndim() == 0) raise<ShapeError>("triplet_margin_loss: inputs must be vectors", "[.., D]", "[]");
  const auto distance = [&](const In& a, const In& b) { return pairwise_distance(a, b, options.p, options.eps); };
  Tensor far = distance(anchor, negative);
  if (options.swap) far = minimum(far, distance(positive, negative));
  return detail::reduce("triplet_margin_loss", detail::hinge(options.margin + distance(anchor, positive) - far),
                        options.reduction);
}

Tensor triplet_margin_with_distance_loss(In anchor, In positive, In negative,
                                         const TripletMarginWithDistanceOptions& options) {
  constexpr auto loss = "triplet_margin_with_distance_loss";
  const CallSite here(anchor.location());
  detail::check_pair(loss, anchor, positive);
  detail::check_pair(loss, anchor, negative);
  const auto distance = [&](const In& a, const In& b) {
    if (!options.distance_function) return pairwise_distance(a, b);
    const UserCode own;
    return options.distance_function(a, b);
  };
  Tensor far = distance(anchor, negative);
  if (options.swap) far = minimum(far, distance(positive, negative));
  return detail::reduce(loss, detail::hinge(options.margin + distance(anchor, positive) - far), options.reduction);
}

}  // namespace newtape::nn
