// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/metrics/labels.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::inspect::detail {

Array metric_values(const ArrayLike& x) { return core::contiguous(core::cast(x, f64)); }

Array metric_labels(std::string_view op, const ArrayLike& target) {
  if (is_floating(target.dtype()) || is_half(target.dtype())) {
    raise<DTypeError>(std::string(op) + ": targets must be classes", "i64 or boolean", name(target.dtype()));
  }
  return core::contiguous(core::cast(target, i64));
}

void expect_scores(std::string_view op, const Array& scores, const Array& target) {
  const bool fits = scores.ndim() == target.ndim() + 1 && scores.shape().back() > 0 &&
                    std::equal(target.shape().begin(), target.shape().end(), scores.shape().begin());
  if (fits) return;
  raise<ShapeError>(std::string(op) + ": scores need the target's axes and one of classes",
                    "scores [.., classes], target [..]",
                    to_string(scores.shape()) + " and " + to_string(target.shape()));
}

void expect_class(std::string_view op, std::int64_t label, std::int64_t classes) {
  if (label >= 0 && label < classes) return;
  raise<ValueError>(std::string(op) + ": class out of range", "0 to " + std::to_string(classes - 1),
                    std::to_string(label));
}

void expect_same_shape(std::string_view op, const Array& predicted, const Array& target) {
  if (predicted.shape() == target.shape()) return;
  raise<ShapeError>(std::string(op) + ": predictions and targets must have the same shape", "two arrays of equal shape",
                    to_string(predicted.shape()) + " and " + to_string(target.shape()));
}

std::int64_t best_class(const double* scores, std::int64_t classes) noexcept {
  std::int64_t best = 0;
  for (std::int64_t k = 0; k < classes; ++k) {
    if (std::isnan(scores[k])) return k;
    if (scores[k] > scores[best]) best = k;
  }
  return best;
}

}  // namespace newtape::inspect::detail
