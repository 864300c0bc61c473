// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/nn/loss.hpp>

#include <string>

namespace newtape::nn {

namespace {

Tensor reduce(Tensor losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean: return mean(std::move(losses));
    case Reduction::sum: return sum(std::move(losses));
    default: return losses;
  }
}

/// Target classes with ignored ones replaced by 0, and how many of those there were.
struct Classes {
  Array index;
  std::int64_t ignored = 0;
};

void check_cross_entropy(const In& logits, const Tensor& target, const CrossEntropyOptions& o) {
  if (!is_floating(logits.dtype())) {
    raise<DTypeError>("cross_entropy: the logits must be floats", "f32 or f64", name(logits.dtype()));
  }
  if (target.dtype() != i64) {
    raise<DTypeError>("cross_entropy: the target must hold class indices", "i64", name(target.dtype()));
  }
  Shape wanted = logits.shape();
  if (wanted.size() >= 2) wanted.erase(1);
  if (logits.ndim() < 2 || target.shape() != wanted) {
    raise<ShapeError>("cross_entropy: logits and target do not fit",
                      "logits [N, C] and target [N], or logits [N, C, d..] and target [N, d..]",
                      "logits " + to_string(logits.shape()) + ", target " + to_string(target.shape()));
  }
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1)) {
    raise<ValueError>("cross_entropy: label_smoothing is a part of the target", "in [0, 1]",
                      std::to_string(o.label_smoothing));
  }
  if (!o.weight.defined()) return;
  if (o.weight.dtype() != logits.dtype()) {
    raise<DTypeError>("cross_entropy: weight must have the dtype of the logits", name(logits.dtype()),
                      name(o.weight.dtype()));
  }
  if (o.weight.shape() != Shape{logits.shape()[1]}) {
    raise<ShapeError>("cross_entropy: weight must have one number for each class", to_string(Shape{logits.shape()[1]}),
                      to_string(o.weight.shape()));
  }
}

Classes check_classes(const Array& target, std::int64_t n_classes, std::int64_t ignore_index) {
  Classes classes{core::contiguous(target)};
  const std::int64_t* t = std::as_const(classes.index).data<std::int64_t>();
  for (std::int64_t i = 0; i < classes.index.size(); ++i) {
    if (t[i] == ignore_index) {
      ++classes.ignored;
    } else if (t[i] < 0 || t[i] >= n_classes) {
      raise<ValueError>("cross_entropy: a target must be a class", "in [0, " + std::to_string(n_classes) + ")",
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

/// The general form: `log_p` [N, C, d..], `index` [N, 1, d..] without ignored classes.
Tensor weighted(const Tensor& log_p, const Tensor& index, const Tensor& target, std::int64_t ignored,
                const CrossEntropyOptions& o) {
  const auto n_classes = log_p.shape(1);
  const double eps = o.label_smoothing;
  Tensor nll = -gather(log_p, index, 1);
  Tensor norm = full({}, static_cast<double>(index.size() - ignored), log_p.dtype());
  Tensor counts;
  if (o.weight.defined()) {
    counts = reshape(take(o.weight, index), index.shape());
    nll = nll * counts;
  }
  Tensor losses = nll;
  if (eps != 0) {
    Tensor all = log_p;
    if (o.weight.defined()) {
      Shape along(log_p.ndim(), 1);
      along[1] = n_classes;
      all = all * reshape(o.weight, along);
    }
    losses = (1 - eps) * nll - (eps / static_cast<double>(n_classes)) * sum(all, 1, true);
  }
  if (ignored != 0) {
    const Tensor counted = unsqueeze(target, 1) != o.ignore_index;
    losses = where(counted, losses, 0.0);
    if (counts.defined()) counts = where(counted, counts, 0.0);
  }
  if (o.reduction == Reduction::none) return squeeze(losses, 1);
  if (o.reduction == Reduction::sum) return sum(losses);
  return sum(losses) / (counts.defined() ? sum(counts) : norm);
}

}  // namespace

Tensor mse_loss(In input, In target, const MseLossOptions& options) {
  if (input.shape() != target.shape()) {
    raise<ShapeError>("mse_loss: input and target must have one shape", "two equal shapes",
                      "input " + to_string(input.shape()) + ", target " + to_string(target.shape()));
  }
  return reduce(square(std::move(input) - std::move(target)), options.reduction);
}

Tensor cross_entropy(In logits, const Tensor& target, const CrossEntropyOptions& options) {
  check_cross_entropy(logits, target, options);
  const auto classes = check_classes(target.value(), logits.shape()[1], options.ignore_index);
  const Tensor index = unsqueeze(classes.index, 1);
  const Tensor log_p = log_softmax(std::move(logits), 1);
  if (classes.ignored != 0 || options.weight.defined() || options.label_smoothing != 0) {
    return weighted(log_p, index, target, classes.ignored, options);
  }
  const Tensor picked = gather(log_p, index, 1);
  return -(options.reduction == Reduction::none ? squeeze(picked, 1) : reduce(picked, options.reduction));
}

}  // namespace newtape::nn
