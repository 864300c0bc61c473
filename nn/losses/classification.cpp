// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/loss_parts.hpp>

#include <cmath>

namespace newtape::nn {

namespace {

/// Target classes with ignored ones replaced by 0, and the number of ignored ones.
struct Classes {
  Array index;
  std::int64_t ignored = 0;
};

void check_logits(const std::string& loss, const In& x, const Tensor& weight) {
  expect_floating(loss, x.value());
  if (x.ndim() == 0) {
    raise<ShapeError>(loss + ": the input must have an axis of classes", "[C], [N, C] or [N, C, d..]", "[]");
  }
  if (!weight.defined()) return;
  if (weight.dtype() != x.dtype()) {
    raise<DTypeError>(loss + ": weight must have the dtype of the input", name(x.dtype()), name(weight.dtype()));
  }
  const Shape classes{x.shape()[x.ndim() == 1 ? 0 : 1]};
  if (weight.shape() != classes) {
    raise<ShapeError>(loss + ": weight must have one number for each class", to_string(classes),
                      to_string(weight.shape()));
  }
}

void check_indices(const std::string& loss, const In& x, const Tensor& target) {
  if (target.dtype() != i64) {
    raise<DTypeError>(loss + ": the target must hold class indices", "i64", name(target.dtype()));
  }
  Shape wanted = x.shape();
  wanted.erase(wanted.size() == 1 ? 0 : 1);
  if (target.shape() != wanted) {
    raise<ShapeError>(loss + ": input and target must have matching shapes",
                      "input [C] and target [], input [N, C] and target [N], or input [N, C, d..] and target [N, d..]",
                      "input " + to_string(x.shape()) + ", target " + to_string(target.shape()));
  }
}

Classes check_classes(const std::string& loss, const Array& target, std::int64_t n_classes, std::int64_t ignore_index) {
  Classes classes{core::contiguous(target)};
  const std::int64_t* t = std::as_const(classes.index).data<std::int64_t>();
  for (std::int64_t i = 0; i < classes.index.size(); ++i) {
    if (t[i] == ignore_index) {
      ++classes.ignored;
    } else if (t[i] < 0 || t[i] >= n_classes) {
      raise<ValueError>(loss + ": a target must be a class", "in [0, " + std::to_string(n_classes) + ")",
                        std::to_string(t[i]) + " at position " + std::to_string(i));
    }
  }
  if (classes.ignored != 0) {
    classes.index = core::copy(classes.index);
    auto* index = classes.index.data<std::int64_t>();
    for (std::int64_t i = 0; i < classes.index.size(); ++i) index[i] = index[i] == ignore_index ? 0 : index[i];
  }
  return classes;
}

/// A weight [C] in a shape that broadcasts with [N, C, d..].
Tensor along_classes(const Tensor& weight, std::size_t ndim) {
  Shape along(ndim, 1);
  along[1] = weight.size();
  return reshape(weight, along);
}

/// The loss with weights, label smoothing and ignored samples: `log_p` [N, C, d..], `index` [N, 1, d..] with ignored
/// classes replaced.
Tensor weighted(const Tensor& log_p, const Tensor& index, const Tensor& target, std::int64_t ignored,
                const CrossEntropyLossOptions& o) {
  const double eps = o.label_smoothing;
  Tensor nll = -gather(log_p, 1, index);
  Tensor norm = full({}, static_cast<double>(index.size() - ignored), log_p.dtype());
  Tensor counts;
  if (o.weight.defined()) {
    counts = reshape(take(o.weight, index), index.shape());
    nll = nll * counts;
  }
  Tensor losses = nll;
  if (eps != 0) {
    const Tensor all = o.weight.defined() ? log_p * along_classes(o.weight, log_p.ndim()) : log_p;
    losses = (1 - eps) * nll - (eps / static_cast<double>(log_p.shape(1))) * sum(all, 1, true);
  }
  if (ignored != 0) {
    const Tensor counted = unsqueeze(target, 1) != o.ignore_index;
    losses = where(counted, losses, 0.0);
    if (counts.defined()) counts = where(counted, counts, 0.0);
  }
  if (o.reduction != Reduction::mean) return detail::reduce(squeeze(losses, 1), o.reduction);
  return sum(losses) / (counts.defined() ? sum(counts) : norm);
}

/// The negative of `log_p` [N, C, d..] at the classes `target` [N, d..].
Tensor nll_of(const std::string& loss, const Tensor& log_p, const Tensor& target, const CrossEntropyLossOptions& o) {
  const auto classes = check_classes(loss, target.value(), log_p.shape(1), o.ignore_index);
  const Tensor index = unsqueeze(classes.index, 1);
  if (classes.ignored != 0 || o.weight.defined() || o.label_smoothing != 0) {
    return weighted(log_p, index, target, classes.ignored, o);
  }
  return -detail::reduce(squeeze(gather(log_p, 1, index), 1), o.reduction);
}

/// Cross entropy for a target of probabilities.
Tensor cross_entropy_of(const Tensor& log_p, const Tensor& target, const CrossEntropyLossOptions& o) {
  const auto n_classes = static_cast<double>(log_p.shape(1));
  Tensor t = target;
  if (o.label_smoothing != 0) t = t * (1 - o.label_smoothing) + o.label_smoothing / n_classes;
  if (o.weight.defined()) t = t * along_classes(o.weight, log_p.ndim());
  return detail::reduce(-sum(t * log_p, 1), o.reduction);
}

/// Adds a batch axis, and removes it from a result.
Tensor batch_of_one(const In& x) { return unsqueeze(x, 0); }
Tensor from_batch_of_one(Tensor loss) { return loss.ndim() == 0 ? loss : squeeze(std::move(loss), 0); }

Tensor weigh(const char* loss, Tensor losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  Tensor result = losses * weight;
  if (result.shape() != losses.shape()) {
    raise<ShapeError>(std::string(loss) + ": weight must broadcast to the input", to_string(losses.shape()),
                      to_string(weight.shape()));
  }
  return result;
}

/// log(x), at least -100.
Tensor bounded_log(const Tensor& x) {
  const Tensor inside = x > std::exp(-100.0);
  return where(inside, log(where(inside, x, 1.0)), -100.0);
}
/// log(1 - x), at least -100.
Tensor bounded_log1m(const Tensor& x) {
  const Tensor inside = x < 1.0;
  return where(inside, log1p(-where(inside, x, 0.0)), -100.0);
}

}  // namespace

Tensor cross_entropy(In logits, const Tensor& target, const CrossEntropyLossOptions& options) {
  check_logits("cross_entropy", logits, options.weight);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    raise<ValueError>("cross_entropy: label_smoothing is out of range", "in [0, 1]",
                      std::to_string(options.label_smoothing));
  }
  const bool probabilities = is_floating(target.dtype()) && target.shape() == logits.shape();
  if (!probabilities) {
    check_indices("cross_entropy", logits, target);
  } else if (target.dtype() != logits.dtype()) {
    raise<DTypeError>("cross_entropy: a target of probabilities must have the dtype of the logits",
                      name(logits.dtype()), name(target.dtype()));
  } else if (options.ignore_index >= 0) {
    raise<ValueError>("cross_entropy: ignore_index requires a target of class indices");
  }
  if (logits.ndim() == 1) {
    return from_batch_of_one(cross_entropy(batch_of_one(logits), unsqueeze(target, 0), options));
  }
  const Tensor log_p = log_softmax(std::move(logits), 1);
  return probabilities ? cross_entropy_of(log_p, target, options) : nll_of("cross_entropy", log_p, target, options);
}

Tensor nll_loss(In log_p, const Tensor& target, const NLLLossOptions& options) {
  check_logits("nll_loss", log_p, options.weight);
  check_indices("nll_loss", log_p, target);
  const CrossEntropyLossOptions general{
      .reduction = options.reduction, .ignore_index = options.ignore_index, .weight = options.weight};
  if (log_p.ndim() == 1) {
    return from_batch_of_one(nll_of("nll_loss", batch_of_one(log_p), unsqueeze(target, 0), general));
  }
  return nll_of("nll_loss", log_p, target, general);
}

Tensor binary_cross_entropy(In input, In target, const BCELossOptions& options) {
  detail::check_pair("binary_cross_entropy", input, target);
  const Tensor& x = input;
  const Tensor& t = target;
  if (!all((x.detach() >= 0.0) & (x.detach() <= 1.0)).item<bool>()) {
    raise<ValueError>("binary_cross_entropy: the input must hold probabilities", "in [0, 1]");
  }
  Tensor losses = (t - 1.0) * bounded_log1m(x) - t * bounded_log(x);
  return detail::reduce(weigh("binary_cross_entropy", std::move(losses), options.weight), options.reduction);
}

Tensor binary_cross_entropy_with_logits(In input, In target, const BCEWithLogitsLossOptions& options) {
  constexpr auto loss = "binary_cross_entropy_with_logits";
  detail::check_pair(loss, input, target);
  const Tensor& x = input;
  const Tensor& t = target;
  Tensor losses;
  if (options.pos_weight.defined()) {
    const Tensor log_weight = 1.0 + (options.pos_weight - 1.0) * t;
    if (log_weight.shape() != x.shape()) {
      raise<ShapeError>(std::string(loss) + ": pos_weight must broadcast to the input", to_string(x.shape()),
                        to_string(options.pos_weight.shape()));
    }
    losses = (1.0 - t) * x + log_weight * softplus(-x);
  } else {
    losses = softplus(x) - t * x;
  }
  return detail::reduce(weigh(loss, std::move(losses), options.weight), options.reduction);
}

Tensor kl_div(In input, In target, const KLDivLossOptions& options) {
  detail::check_pair("kl_div", input, target);
  const Tensor& t = target;
  Tensor losses = options.log_target ? exp(t) * (t - input) : xlogy(t, t) - t * input;
  return detail::reduce(std::move(losses), options.reduction);
}

}  // namespace newtape::nn
