// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/loss_parts.hpp>

#include <cmath>
#include <limits>

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
  const auto count_ignored = [=](const Array& index) {
    const std::int64_t* t = index.data<std::int64_t>();
    std::int64_t ignored = 0;
    for (std::int64_t i = 0; i < index.size(); ++i) {
      if (t[i] == ignore_index) {
        ++ignored;
      } else if (t[i] < 0 || t[i] >= n_classes) {
        raise<ValueError>(loss + ": a target must be a class", "in [0, " + std::to_string(n_classes) + ")",
                          std::to_string(t[i]) + " at position " + std::to_string(i));
      }
    }
    return ignored;
  };
  if (core::recorder() != nullptr) {
    const auto none = [=](const Array& index) { return count_ignored(index) == 0; };
    if (core::record_decision("no target is ignored", none, classes.index)) return classes;
  }
  classes.ignored = count_ignored(classes.index);
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

/// Samples of `target` [N, d..] that have no influence: ignored ones, and those of a class of weight 0, as [N, 1, d..];
/// undefined if there are none.
Tensor without_influence(const Tensor& target, const Tensor& index, std::int64_t ignored,
                         const CrossEntropyLossOptions& o) {
  Tensor none;
  if (ignored != 0) none = unsqueeze(target, 1) == o.ignore_index;
  if (!o.weight.defined() || o.label_smoothing != 0) return none;
  const Tensor weightless = reshape(take(o.weight.detach(), index), index.shape()) == 0.0;
  if (none.defined()) return none | weightless;
  return any(weightless).item<bool>() ? weightless : none;
}

/// The loss with weights, label smoothing and ignored samples: `log_p` [N, C, d..], `index` [N, 1, d..] with ignored
/// classes replaced.
Tensor weighted(const char* loss, const Tensor& log_p, const Tensor& index, const Tensor& target, std::int64_t ignored,
                const CrossEntropyLossOptions& o) {
  const double eps = o.label_smoothing;
  Tensor losses = -gather(log_p, 1, index);
  Tensor counts;
  if (o.weight.defined()) {
    counts = reshape(take(o.weight, index), index.shape());
    losses = detail::strong_product(counts, losses);
  }
  if (eps != 0) {
    const Tensor all =
        o.weight.defined() ? detail::strong_product(along_classes(o.weight, log_p.ndim()), log_p) : log_p;
    losses = (1 - eps) * losses - (eps / static_cast<double>(log_p.shape(1))) * sum(all, 1, true);
  }
  if (ignored != 0) {
    const Tensor counted = unsqueeze(target, 1) != o.ignore_index;
    losses = where(counted, losses, 0.0);
    if (counts.defined()) counts = where(counted, counts, 0.0);
  }
  if (o.reduction != Reduction::mean) return detail::reduce(loss, squeeze(losses, 1), o.reduction);
  const Tensor norm =
      counts.defined() ? sum(counts) : full({}, static_cast<double>(index.size() - ignored), log_p.dtype());
  if (norm.item() == 0) {
    raise<ValueError>(std::string(loss) +
                          ": the mean is over no sample: the batch is empty, or all targets are ignored or of weight 0",
                      "a target that counts, or the reduction sum or none", "target " + to_string(target.shape()));
  }
  return sum(losses) / norm;
}

/// The negative of `log_p(x)` at the classes `target` [N, d..], for logits or log-probabilities x [N, C, d..].
template <class LogP>
Tensor nll_of(const char* loss, Tensor x, const Tensor& target, const CrossEntropyLossOptions& o, const LogP& log_p) {
  const auto classes = check_classes(loss, target.value(), x.shape(1), o.ignore_index);
  const Tensor index = unsqueeze(classes.index, 1);
  // Before log_softmax, which mixes the elements of a sample.
  const Tensor none = without_influence(target, index, classes.ignored, o);
  if (none.defined()) x = where(none, 0.0, std::move(x));
  const Tensor log = log_p(std::move(x));
  if (classes.ignored != 0 || o.weight.defined() || o.label_smoothing != 0) {
    return weighted(loss, log, index, target, classes.ignored, o);
  }
  return -detail::reduce(loss, squeeze(gather(log, 1, index), 1), o.reduction);
}

/// Cross entropy for a target of probabilities.
Tensor cross_entropy_of(const Tensor& log_p, const Tensor& target, const CrossEntropyLossOptions& o) {
  const auto n_classes = static_cast<double>(log_p.shape(1));
  Tensor t = target;
  if (o.label_smoothing != 0) t = t * (1 - o.label_smoothing) + o.label_smoothing / n_classes;
  if (o.weight.defined()) t = t * along_classes(o.weight, log_p.ndim());
  return detail::reduce("cross_entropy", -sum(detail::strong_product(t, log_p), 1), o.reduction);
}

/// log_softmax over the classes. A single infinite logit has probability 1.
Tensor log_probabilities(Tensor logits) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!detail::known_finite(logits)) {
    const Tensor certain = logits.detach() == infinity;
    const Tensor single = sum(certain, 1, true) == 1;
    const Tensor others = full({}, -infinity, logits.dtype());
    logits = where(single, where(certain, 0.0, others), std::move(logits));
  }
  return log_softmax(std::move(logits), 1);
}

/// Adds a batch axis, and removes it from a result.
Tensor batch_of_one(const In& x) { return unsqueeze(x, 0); }
Tensor from_batch_of_one(Tensor loss) { return loss.ndim() == 0 ? loss : squeeze(std::move(loss), 0); }

/// -(positive log(sigmoid(x)) + negative log(sigmoid(-x))), also for infinite x.
Tensor logistic(const Tensor& x, const Tensor& positive, const Tensor& negative) {
  return detail::strong_product(positive, softplus(-x)) + detail::strong_product(negative, softplus(x));
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

Tensor cross_entropy(In logits, const Tensor& classes, const CrossEntropyLossOptions& options) {
  const CallSite here(logits.location());
  const Tensor target = detail::class_indices(classes);
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
  if (!probabilities) return nll_of("cross_entropy", std::move(logits), target, options, log_probabilities);
  return cross_entropy_of(log_probabilities(std::move(logits)), target, options);
}

Tensor nll_loss(In log_p, const Tensor& classes, const NLLLossOptions& options) {
  const CallSite here(log_p.location());
  const Tensor target = detail::class_indices(classes);
  check_logits("nll_loss", log_p, options.weight);
  check_indices("nll_loss", log_p, target);
  const CrossEntropyLossOptions general{
      .reduction = options.reduction, .ignore_index = options.ignore_index, .weight = options.weight};
  const auto given = [](Tensor x) { return x; };
  if (log_p.ndim() == 1) {
    return from_batch_of_one(nll_of("nll_loss", batch_of_one(log_p), unsqueeze(target, 0), general, given));
  }
  return nll_of("nll_loss", log_p, target, general, given);
}

Tensor binary_cross_entropy(In input, In target, const BCELossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("binary_cross_entropy", input, target);
  const Tensor x = detail::where_counted(std::move(input), options.weight);
  const Tensor& t = target;
  if (!all((x.detach() >= 0.0) & (x.detach() <= 1.0)).item<bool>()) {
    raise<ValueError>("binary_cross_entropy: the input must hold probabilities", "in [0, 1]");
  }
  Tensor losses = (t - 1.0) * bounded_log1m(x) - t * bounded_log(x);
  return detail::reduce("binary_cross_entropy",
                        detail::weigh("binary_cross_entropy", std::move(losses), options.weight), options.reduction);
}

Tensor binary_cross_entropy_with_logits(In input, In target, const BCEWithLogitsLossOptions& options) {
  constexpr auto loss = "binary_cross_entropy_with_logits";
  const CallSite here(input.location());
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
    losses = detail::known_finite(x) ? (1.0 - t) * x + log_weight * softplus(-x)
                                     : logistic(x, options.pos_weight * t, 1.0 - t);
  } else {
    losses = detail::known_finite(x) ? softplus(x) - t * x : logistic(x, t, 1.0 - t);
  }
  return detail::reduce(loss, detail::weigh(loss, std::move(losses), options.weight), options.reduction);
}

Tensor kl_div(In input, In target, const KLDivLossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("kl_div", input, target, options.broadcast);
  const Tensor& t = target;
  Tensor losses = options.log_target ? detail::strong_product(exp(t), t - input)
                                     : xlogy(t, t) - detail::strong_product(t, std::move(input));
  return detail::reduce("kl_div", std::move(losses), options.reduction);
}

}  // namespace newtape::nn
