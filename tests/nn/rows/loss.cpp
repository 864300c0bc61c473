// SPDX-License-Identifier: BSD-3-Clause
#include "nn/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/losses/adaptive_softmax.hpp>
#include <newtape/nn/losses/ctc.hpp>
#include <newtape/nn/losses/loss_modules.hpp>
#include <newtape/nn/losses/reduction.hpp>

namespace newtape::nn::table {
namespace {

struct Named {
  const char* name;
  Reduction reduction;
};
constexpr Named reductions[] = {{"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};

Torch torch_loss(const std::string& name) { return {"losses", name}; }

/// Arguments for a loss of two or more tensors of the same shape.
std::vector<Refusal> pairs(std::size_t count = 2) {
  const auto refused = [count](Shape last) {
    return [count, last = std::move(last)] {
      Tensors xs(count, ones({2, 3}, f64));
      xs.back() = ones(last, f64);
      return xs;
    };
  };
  return {{refused({4, 3}), "[4, 3]"}, {refused({3}), "[3]"}};
}

std::function<Tensors()> classes(Shape input, std::vector<std::int64_t> target) {
  return [input = std::move(input), of = std::move(target)] { return Tensors{ones(input, f64), integers(of)}; };
}
/// Class indices as the second argument.
std::vector<Refusal> indices() {
  return {{classes({2, 3}, {0, 1, 2}), "target [3]"},
          {classes({2, 3}, {0, 3}), "[0, 3)", Error::value},
          {[] {
             return Tensors{ones({2, 3}, f64), ones({2}, f64)};
           },
           "i64", Error::dtype}};
}

struct More {
  std::vector<Refusal> refuses = pairs();
  std::vector<std::size_t> fixed = {};
  bool batched = true;
  Ignores ignores = {};
  std::size_t target = 1;
};

/// Logits of samples of class 1.
const Ignores class_1{[](const Tensors& x, const Tensors&) {
  return Tensors{expand(unsqueeze(x[1] == 1, 1), x[0].shape()), Tensor()};
}};

template <class Make>
Row row(const std::string& type, const std::string& name, const Make& module, const More& more) {
  return {.name = type + "/" + name,
          .make = make(module),
          .torch = torch_loss(name),
          .batched = more.batched,
          .refuses = more.refuses,
          .fixed = more.fixed,
          .tolerance = 1e-12,
          .target = more.target,
          .ignores = more.ignores};
}
/// A loss with each reduction, and the case of that name.
template <class Make>
Rows each(const std::string& type, const std::string& name, const Make& module, const More& more = {}) {
  const auto with = [&](const Named& r) {
    return row(
        type, name + "/" + r.name, [module, reduction = r.reduction] { return module(reduction); }, more);
  };
  return {with(reductions[0]), with(reductions[1]), with(reductions[2])};
}
template <class Make>
Rows one(const std::string& type, const std::string& name, const Make& module, const More& more = {}) {
  return {row(type, name, module, more)};
}

/// Weights are replaced by those of PyTorch's state.
Tensor weight(std::int64_t n = 3) { return ones({n}); }
/// Targets of 1 and -1.
More signs(std::size_t at, std::vector<Refusal> refuses = pairs()) {
  return {.refuses = std::move(refuses), .fixed = {at}, .target = at};
}

using R = Reduction;

const Rows numbers[] = {
    each("MSELoss", "mse", [](R r) { return MSELoss({.reduction = r}); }),
    each("L1Loss", "l1", [](R r) { return L1Loss({.reduction = r}); }),
    each("SmoothL1Loss", "smooth_l1", [](R r) { return SmoothL1Loss({.reduction = r, .beta = 0.7}); }),
    one("SmoothL1Loss", "smooth_l1/beta0", [] { return SmoothL1Loss({.beta = 0}); }),
    each("HuberLoss", "huber", [](R r) { return HuberLoss({.reduction = r, .delta = 0.6}); }),
    each("GaussianNLLLoss", "gaussian_nll", [](R r) { return GaussianNLLLoss({.reduction = r}); }, {pairs(3)}),
    one("GaussianNLLLoss", "gaussian_nll/full", [] { return GaussianNLLLoss({.full = true}); }, {pairs(3)}),
    one("GaussianNLLLoss", "gaussian_nll/small", [] { return GaussianNLLLoss({.eps = 0.5}); }, {pairs(3), {2}}),
    each("PoissonNLLLoss", "poisson_nll", [](R r) { return PoissonNLLLoss({.reduction = r}); }),
    one("PoissonNLLLoss", "poisson_nll/full", [] { return PoissonNLLLoss({.full = true}); }),
    one("PoissonNLLLoss", "poisson_nll/rate", [] { return PoissonNLLLoss({.log_input = false}); }),
};

const std::vector<Refusal> four_classes{{classes({2, 4}, {0, 1, 2}), "target [3]"},
                                        {classes({2, 4}, {0, 4}), "4 at position 1", Error::value}};
const std::vector<Refusal> no_probabilities{{floats({{3}, {3}}), "[0, 1]", Error::value}};

const Rows probabilities[] = {
    each("CrossEntropyLoss", "cross_entropy",
         [](R r) {
           return CrossEntropyLoss({.reduction = r, .label_smoothing = 0.1, .ignore_index = 1, .weight = weight(4)});
         },
         {.refuses = four_classes, .ignores = class_1}),
    each("CrossEntropyLoss", "cross_entropy/2d", [](R r) { return CrossEntropyLoss({.reduction = r}); }, {indices()}),
    each("CrossEntropyLoss", "cross_entropy/probabilities",
         [](R r) { return CrossEntropyLoss({.reduction = r, .label_smoothing = 0.2, .weight = weight()}); },
         {.refuses = {{floats({{2, 3, 2}, {2, 3, 3}}), "i64", Error::dtype}}, .target = 0}),
    each("CrossEntropyLoss", "cross_entropy/one",
         [](R r) { return CrossEntropyLoss({.reduction = r, .label_smoothing = 0.1}); },
         {.refuses = indices(), .batched = false}),
    each("NLLLoss", "nll", [](R r) { return NLLLoss({.reduction = r, .ignore_index = 1, .weight = weight()}); },
         {.refuses = indices(), .ignores = class_1}),
    each("NLLLoss", "nll/2d", [](R r) { return NLLLoss({.reduction = r}); }, {indices()}),
    one("NLLLoss", "nll/one", [] { return NLLLoss(); }, {.refuses = indices(), .batched = false}),
    each("BCELoss", "bce", [](R r) { return BCELoss({.reduction = r, .weight = weight()}); }),
    one("BCELoss", "bce/plain", [] { return BCELoss(); }, {no_probabilities}),
    each("BCEWithLogitsLoss", "bce_with_logits",
         [](R r) { return BCEWithLogitsLoss({.reduction = r, .weight = weight(), .pos_weight = weight()}); }),
    one("BCEWithLogitsLoss", "bce_with_logits/plain", [] { return BCEWithLogitsLoss(); }),
    each("KLDivLoss", "kl_div", [](R r) { return KLDivLoss({.reduction = r}); }),
    one("KLDivLoss", "kl_div/batchmean", [] { return KLDivLoss({.reduction = R::batchmean}); }),
    each("KLDivLoss", "kl_div/log", [](R r) { return KLDivLoss({.reduction = r, .log_target = true}); }),
    one("KLDivLoss", "kl_div/log/batchmean", [] { return KLDivLoss({.reduction = R::batchmean, .log_target = true}); }),
};

const std::vector<Refusal> vectors{{floats({{4, 2}, {4, 3}, {4}}), "[4, 3]"}, {floats({{4, 2}, {4, 2}, {3}}), "[3]"}};
const std::vector<Refusal> lists{{classes({2, 3}, {0, 1, 2}), "target [3]"},
                                 {classes({3}, {0, 3, -1}), "[-1, 3)", Error::value}};

const Rows margins[] = {
    each(
        "HingeEmbeddingLoss", "hinge_embedding",
        [](R r) { return HingeEmbeddingLoss({.reduction = r, .margin = 0.8}); }, signs(1)),
    each(
        "SoftMarginLoss", "soft_margin", [](R r) { return SoftMarginLoss({.reduction = r}); }, signs(1)),
    each(
        "MarginRankingLoss", "margin_ranking", [](R r) { return MarginRankingLoss({.reduction = r, .margin = 0.3}); },
        signs(2, pairs(3))),
    each("MultiMarginLoss", "multi_margin/1",
         [](R r) { return MultiMarginLoss({.reduction = r, .margin = 0.9, .weight = weight()}); }, {indices()}),
    each("MultiMarginLoss", "multi_margin/2",
         [](R r) { return MultiMarginLoss({.reduction = r, .p = 2, .margin = 0.9, .weight = weight()}); }, {indices()}),
    one("MultiMarginLoss", "multi_margin/one", [] { return MultiMarginLoss(); },
        {.refuses = indices(), .batched = false}),
    each("MultiLabelMarginLoss", "multilabel_margin", [](R r) { return MultiLabelMarginLoss({.reduction = r}); },
         {lists}),
    one("MultiLabelMarginLoss", "multilabel_margin/one", [] { return MultiLabelMarginLoss(); },
        {.refuses = lists, .batched = false}),
    each("MultiLabelSoftMarginLoss", "multilabel_soft_margin",
         [](R r) { return MultiLabelSoftMarginLoss({.reduction = r, .weight = weight(4)}); }),
    each(
        "CosineEmbeddingLoss", "cosine_embedding",
        [](R r) { return CosineEmbeddingLoss({.reduction = r, .margin = 0.1}); }, signs(2, vectors)),
    one("CosineEmbeddingLoss", "cosine_embedding/one", [] { return CosineEmbeddingLoss(); },
        {.refuses = vectors, .fixed = {2}, .batched = false, .target = 2}),
    each("TripletMarginLoss", "triplet_margin", [](R r) { return TripletMarginLoss({.reduction = r}); },
         {.refuses = pairs(3), .target = 0}),
    each("TripletMarginLoss", "triplet_margin/swap",
         [](R r) { return TripletMarginLoss({.reduction = r, .margin = 2, .p = 3, .swap = true}); },
         {.refuses = pairs(3), .target = 0}),
    each("TripletMarginWithDistanceLoss", "triplet_margin_distance",
         [](R r) {
           const auto squared = [](const Tensor& a, const Tensor& b) { return sum(square(a - b), -1); };
           return TripletMarginWithDistanceLoss(
               {.reduction = r, .distance_function = squared, .margin = 0.7, .swap = true});
         },
         {.refuses = pairs(3), .target = 0}),
    one("TripletMarginWithDistanceLoss", "triplet_margin_distance/plain",
        [] { return TripletMarginWithDistanceLoss(); }, {.refuses = pairs(3), .target = 0}),
};

/// Frames beyond the samples' lengths, and classes beyond those of their targets.
const Ignores padding_of_ctc{[](const Tensors& x, const Tensors&) {
  const Tensor frames = reshape(arange(x[0].shape(0)), {-1, 1, 1}) >= reshape(x[2], {1, -1, 1});
  Tensors masks{expand(frames, x[0].shape()), Tensor(), Tensor(), Tensor()};
  if (x[1].ndim() == 2) masks[1] = arange(x[1].shape(1)) >= unsqueeze(x[3], 1);
  return masks;
}};

/// CTC after log_softmax, which PyTorch's gradient assumes.
Row ctc(const std::string& name, const CTCLossOptions& options, Dims batch = {}) {
  return {
      .name = "CTCLoss/" + name,
      .make = make([options] { return CTCLoss(options); },
                   [](const CTCLoss& loss, const Tensors& x) { return loss(log_softmax(x[0], -1), x[1], x[2], x[3]); }),
      .torch = torch_loss("ctc/" + name),
      .batch = batch.empty() ? Dims{0} : batch,
      .batched = !batch.empty(),
      .refuses = {{[] {
                     return Tensors{ones({4, 2, 3}, f64), integers({1, 2}), integers({4}), integers({1, 1})};
                   },
                   "[2]"}},
      .tolerance = 1e-12,
      .ignores = padding_of_ctc};
}

const Rows ctcs{
    ctc("padded/0/none", {.reduction = Reduction::none, .blank = 1}, {1, 0}),
    ctc("padded/0/mean", {.blank = 1}, {1, 0}),
    ctc("padded/0/sum", {.reduction = Reduction::sum, .blank = 1}, {1, 0}),
    ctc("padded/1/none", {.reduction = Reduction::none, .blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("padded/1/mean", {.blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("padded/1/sum", {.reduction = Reduction::sum, .blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("joined/0/none", {.reduction = Reduction::none, .blank = 1}, {1, 0}),
    ctc("joined/0/mean", {.blank = 1}, {1, 0}),
    ctc("joined/0/sum", {.reduction = Reduction::sum, .blank = 1}, {1, 0}),
    ctc("joined/1/none", {.reduction = Reduction::none, .blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("joined/1/sum", {.reduction = Reduction::sum, .blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("joined/1/mean", {.blank = 1, .zero_infinity = true}, {1, 0}),
    ctc("short/none", {.reduction = Reduction::none, .zero_infinity = true}),
    ctc("short/sum", {.reduction = Reduction::sum, .zero_infinity = true}),
    ctc("short/mean", {.zero_infinity = true}),
};

const auto adaptive = [](const std::string& name, bool bias, bool batched = true) {
  const auto refused = [](Shape input, std::vector<std::int64_t> target) {
    return [input = std::move(input), of = std::move(target)] { return Tensors{ones(input, f64), integers(of)}; };
  };
  return Row{.name = "AdaptiveLogSoftmaxWithLoss/" + name,
             .make = make(
                 [bias] {
                   return AdaptiveLogSoftmaxWithLoss(8, 12, {3, 7}, {.div_value = 2, .head_bias = bias});
                 },
                 [](const AdaptiveLogSoftmaxWithLoss& m, const Tensors& x) { return m(x[0], x[1]).output; }),
             .torch = torch_loss("adaptive_softmax/" + name),
             .batched = batched,
             .refuses = {{refused({2, 8}, {0, 1, 2}), "target [3]"},
                         {refused({2, 7}, {0, 1}), "[2, 7]"},
                         {refused({2, 8}, {0, 12}), "[0, 12)", Error::value}}};
};
const Rows adaptive_softmax{adaptive("plain", false), adaptive("head_bias", true), adaptive("one", false, false)};

}  // namespace
}  // namespace newtape::nn::table
