// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/losses/loss.hpp>
#include <newtape/nn/module/module.hpp>

/// The losses as modules, under PyTorch's names: `nn::HuberLoss loss({.delta = 2}); loss(model(x), y).backward();`
namespace newtape::nn {

namespace detail {
template <class Self, class Options>
struct Loss : Module<Self> {
  explicit Loss(const Options& o = {}) : options(o) {}
  Options options;

 protected:
  /// Registers a tensor of the options, if defined, as a buffer, so that it is converted and saved with the module.
  Buffer keep(std::string_view name, const Tensor& x) { return x.defined() ? this->add(name, Buffer(x)) : Buffer(); }
  static Tensor value_of(const Buffer& b) { return b.defined() ? b.tensor() : Tensor(); }
};
}  // namespace detail

/// mse_loss: (input - target)^2.
struct MSELoss : detail::Loss<MSELoss, MSELossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return mse_loss(std::move(input), std::move(target), options); }
};
/// l1_loss: |input - target|.
struct L1Loss : detail::Loss<L1Loss, L1LossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return l1_loss(std::move(input), std::move(target), options); }
};
/// huber_loss: squares up to delta, linear beyond.
struct HuberLoss : detail::Loss<HuberLoss, HuberLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return huber_loss(std::move(input), std::move(target), options); }
};
/// smooth_l1_loss: huber_loss with delta = beta, divided by beta.
struct SmoothL1Loss : detail::Loss<SmoothL1Loss, SmoothL1LossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return smooth_l1_loss(std::move(input), std::move(target), options); }
};
/// gaussian_nll_loss: the negative logarithm of a normal density with mean input and variance var.
struct GaussianNLLLoss : detail::Loss<GaussianNLLLoss, GaussianNLLLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target, In var) const {
    return gaussian_nll_loss(std::move(input), std::move(target), std::move(var), options);
  }
};
/// poisson_nll_loss: the negative logarithm of a Poisson probability.
struct PoissonNLLLoss : detail::Loss<PoissonNLLLoss, PoissonNLLLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return poisson_nll_loss(std::move(input), std::move(target), options); }
};

/// cross_entropy; the weight, if any, is a buffer.
struct CrossEntropyLoss : detail::Loss<CrossEntropyLoss, CrossEntropyLossOptions> {
  explicit CrossEntropyLoss(const CrossEntropyLossOptions& o = {}) : Loss(o) {}
  Tensor forward(In logits, const Tensor& target) const {
    CrossEntropyLossOptions o = options;
    o.weight = value_of(weight);
    return cross_entropy(std::move(logits), target, o);
  }
  Buffer weight = keep("weight", options.weight);
};
/// nll_loss; the weight, if any, is a buffer.
struct NLLLoss : detail::Loss<NLLLoss, NLLLossOptions> {
  explicit NLLLoss(const NLLLossOptions& o = {}) : Loss(o) {}
  Tensor forward(In log_p, const Tensor& target) const {
    NLLLossOptions o = options;
    o.weight = value_of(weight);
    return nll_loss(std::move(log_p), target, o);
  }
  Buffer weight = keep("weight", options.weight);
};
/// binary_cross_entropy; the weight, if any, is a buffer.
struct BCELoss : detail::Loss<BCELoss, BCELossOptions> {
  explicit BCELoss(const BCELossOptions& o = {}) : Loss(o) {}
  Tensor forward(In input, In target) const {
    return binary_cross_entropy(std::move(input), std::move(target), {options.reduction, value_of(weight)});
  }
  Buffer weight = keep("weight", options.weight);
};
/// binary_cross_entropy_with_logits; the weights, if any, are buffers.
struct BCEWithLogitsLoss : detail::Loss<BCEWithLogitsLoss, BCEWithLogitsLossOptions> {
  explicit BCEWithLogitsLoss(const BCEWithLogitsLossOptions& o = {}) : Loss(o) {}
  Tensor forward(In input, In target) const {
    return binary_cross_entropy_with_logits(std::move(input), std::move(target),
                                            {options.reduction, value_of(weight), value_of(pos_weight)});
  }
  Buffer weight = keep("weight", options.weight);
  Buffer pos_weight = keep("pos_weight", options.pos_weight);
};
/// kl_div: target (log(target) - input), for an input of logarithms.
struct KLDivLoss : detail::Loss<KLDivLoss, KLDivLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return kl_div(std::move(input), std::move(target), options); }
};

/// hinge_embedding_loss, for targets of 1 and -1.
struct HingeEmbeddingLoss : detail::Loss<HingeEmbeddingLoss, HingeEmbeddingLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const {
    return hinge_embedding_loss(std::move(input), std::move(target), options);
  }
};
/// soft_margin_loss: log(1 + exp(-target input)).
struct SoftMarginLoss : detail::Loss<SoftMarginLoss, SoftMarginLossOptions> {
  using Loss::Loss;
  Tensor forward(In input, In target) const { return soft_margin_loss(std::move(input), std::move(target), options); }
};
/// margin_ranking_loss: max(0, margin - target (x1 - x2)).
struct MarginRankingLoss : detail::Loss<MarginRankingLoss, MarginRankingLossOptions> {
  using Loss::Loss;
  Tensor forward(In x1, In x2, In target) const {
    return margin_ranking_loss(std::move(x1), std::move(x2), std::move(target), options);
  }
};
/// multi_margin_loss; the weight, if any, is a buffer.
struct MultiMarginLoss : detail::Loss<MultiMarginLoss, MultiMarginLossOptions> {
  explicit MultiMarginLoss(const MultiMarginLossOptions& o = {}) : Loss(o) {}
  Tensor forward(In x, const Tensor& target) const {
    MultiMarginLossOptions o = options;
    o.weight = value_of(weight);
    return multi_margin_loss(std::move(x), target, o);
  }
  Buffer weight = keep("weight", options.weight);
};
/// multilabel_margin_loss, for classes listed in the target.
struct MultiLabelMarginLoss : detail::Loss<MultiLabelMarginLoss, MultiLabelMarginLossOptions> {
  using Loss::Loss;
  Tensor forward(In x, const Tensor& target) const { return multilabel_margin_loss(std::move(x), target, options); }
};
/// multilabel_soft_margin_loss; the weight, if any, is a buffer.
struct MultiLabelSoftMarginLoss : detail::Loss<MultiLabelSoftMarginLoss, MultiLabelSoftMarginLossOptions> {
  explicit MultiLabelSoftMarginLoss(const MultiLabelSoftMarginLossOptions& o = {}) : Loss(o) {}
  Tensor forward(In x, In target) const {
    return multilabel_soft_margin_loss(std::move(x), std::move(target), {options.reduction, value_of(weight)});
  }
  Buffer weight = keep("weight", options.weight);
};
/// cosine_embedding_loss, for targets of 1 and -1.
struct CosineEmbeddingLoss : detail::Loss<CosineEmbeddingLoss, CosineEmbeddingLossOptions> {
  using Loss::Loss;
  Tensor forward(In x1, In x2, In target) const {
    return cosine_embedding_loss(std::move(x1), std::move(x2), std::move(target), options);
  }
};
/// triplet_margin_loss: max(0, d(anchor, positive) - d(anchor, negative) + margin).
struct TripletMarginLoss : detail::Loss<TripletMarginLoss, TripletMarginLossOptions> {
  using Loss::Loss;
  Tensor forward(In anchor, In positive, In negative) const {
    return triplet_margin_loss(std::move(anchor), std::move(positive), std::move(negative), options);
  }
};

/// triplet_margin_with_distance_loss: with a distance of your own.
struct TripletMarginWithDistanceLoss : detail::Loss<TripletMarginWithDistanceLoss, TripletMarginWithDistanceOptions> {
  using Loss::Loss;
  Tensor forward(In anchor, In positive, In negative) const {
    return triplet_margin_with_distance_loss(std::move(anchor), std::move(positive), std::move(negative), options);
  }
};

/// ctc_loss: connectionist temporal classification.
struct CTCLoss : detail::Loss<CTCLoss, CTCLossOptions> {
  using Loss::Loss;
  Tensor forward(In log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths) const {
    return ctc_loss(std::move(log_probs), targets, input_lengths, target_lengths, options);
  }
};

}  // namespace newtape::nn
