// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>

#include <string>

namespace newtape::core {

namespace {

/// Strides that give `x`'s elements the new shape without moving them, if there are any: every run of x's axes that joins
/// into one must step evenly through memory.
bool strides_after_reshape(const Array& x, const Shape& shape, Strides& strides) {
  strides.resize(shape.size());
  if (x.is_contiguous()) {
    strides = contiguous_strides(shape);
    return true;
  }
  // Axes of length 1 have no stride worth keeping.
  Dims lengths;
  Dims steps;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (x.shape()[i] == 1) continue;
    lengths.push_back(x.shape()[i]);
    steps.push_back(x.strides()[i]);
  }
  std::size_t from = 0;
  std::size_t to = 0;
  while (from < lengths.size()) {
    // The smallest runs of old and new axes with the same number of elements.
    std::size_t from_end = from + 1;
    std::size_t to_end = to;
    std::int64_t old_count = lengths[from];
    std::int64_t new_count = 1;
    while (old_count != new_count) {
      if (new_count < old_count) {
        if (to_end == shape.size()) return false;
        new_count *= shape[to_end++];
      } else {
        if (from_end == lengths.size()) return false;
        old_count *= lengths[from_end++];
      }
    }
    for (std::size_t i = from; i + 1 < from_end; ++i) {
      if (steps[i] != steps[i + 1] * lengths[i + 1]) return false;
    }
    std::int64_t step = steps[from_end - 1];
    for (std::size_t i = to_end; i-- > to;) {
      strides[i] = step;
      step *= shape[i];
    }
    from = from_end;
    to = to_end;
  }
  for (; to < shape.size(); ++to) strides[to] = 1;  // what is left has length 1
  return true;
}

}  // namespace

Array reshape(const Array& x, const Shape& wanted) {
  if (wanted == x.shape()) return x;
  Shape shape = wanted;
  std::int64_t known = 1;
  std::ptrdiff_t open = -1;
  bool valid = true;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] >= 0) {
      known *= shape[i];
    } else {
      valid &= shape[i] == -1 && open < 0;
      open = static_cast<std::ptrdiff_t>(i);
    }
  }
  if (valid && open >= 0) {
    valid = known != 0 && x.size() % known == 0;
    if (valid) shape[static_cast<std::size_t>(open)] = x.size() / known;
  } else {
    valid &= known == x.size();
  }
  if (!valid) {
    raise<ShapeError>("reshape: the new shape must have the same number of elements",
                      std::to_string(x.size()) + " elements, as " + to_string(x.shape()), to_string(wanted));
  }
  Strides strides;
  if (x.size() == 0 || strides_after_reshape(x, shape, strides)) {
    if (x.size() == 0) strides = contiguous_strides(shape);
    return Array::view_of(x, shape, strides);
  }
  return Array::view_of(copy(x), shape, contiguous_strides(shape));
}

Array permute(const Array& x, const Dims& order) {
  const std::size_t n = x.ndim();
  Shape shape(n, -1);
  Strides strides(n);
  Dims seen(n);
  bool valid = order.size() == n;
  for (std::size_t i = 0; valid && i < n; ++i) {
    const auto a = normalize_axis("permute", order[i], n);
    valid = seen[a]++ == 0;
    shape[i] = x.shape()[a];
    strides[i] = x.strides()[a];
  }
  if (!valid) {
    raise<ShapeError>("permute: every axis must be named once", "an order of " + std::to_string(n) + " axes",
                      to_string(order));
  }
  return Array::view_of(x, shape, strides);
}

Array transpose(const Array& x, std::int64_t axis0, std::int64_t axis1) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  const auto a = normalize_axis("transpose", axis0, x.ndim());
  const auto b = normalize_axis("transpose", axis1, x.ndim());
  std::swap(shape[a], shape[b]);
  std::swap(strides[a], strides[b]);
  return Array::view_of(x, shape, strides);
}

Array squeeze(const Array& x, const Axes& axes) {
  const Dims named = axes.normalized("squeeze", x.ndim());
  Shape shape;
  Strides strides;
  std::size_t next = 0;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const bool listed = next < named.size() && named[next] == static_cast<std::int64_t>(i);
    next += listed ? 1 : 0;
    if (listed && x.shape()[i] == 1) continue;
    if (listed && !axes.all()) {
      raise<ShapeError>("squeeze: only axes of length 1 can be dropped",
                        "length 1 at axis " + std::to_string(i), to_string(x.shape()));
    }
    shape.push_back(x.shape()[i]);
    strides.push_back(x.strides()[i]);
  }
  return Array::view_of(x, shape, strides);
}

Array unsqueeze(const Array& x, std::int64_t axis) {
  const auto a = normalize_axis("unsqueeze", axis, x.ndim() + 1);
  Shape shape = x.shape();
  Strides strides = x.strides();
  strides.insert(a, a < x.ndim() ? x.strides()[a] * x.shape()[a] : 1);
  shape.insert(a, 1);
  return Array::view_of(x, shape, strides);
}

Array expand(const Array& x, const Shape& shape) {
  const std::size_t lead = shape.size() >= x.ndim() ? shape.size() - x.ndim() : 0;
  bool valid = shape.size() >= x.ndim();
  Strides strides(shape.size());
  for (std::size_t i = 0; valid && i < x.ndim(); ++i) {
    const auto had = x.shape()[i];
    valid = had == shape[lead + i] || had == 1;
    strides[lead + i] = had == shape[lead + i] ? x.strides()[i] : 0;
  }
  for (const auto d : shape) valid &= d >= 0;
  if (!valid) {
    raise<ShapeError>("expand: axes of length 1 stretch, others must fit, counted from the last", to_string(x.shape()),
                      to_string(shape));
  }
  return Array::view_of(x, shape, strides);
}

Array slice(const Array& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const auto a = normalize_axis("slice", axis, x.ndim());
  if (step <= 0) raise<ValueError>("slice: the step must be positive", "at least 1", std::to_string(step));
  const auto n = x.shape()[a];
  const auto clip = [n](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n); };
  start = clip(start);
  stop = std::max(start, clip(stop));
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[a] = (stop - start + step - 1) / step;
  strides[a] *= step;
  return Array::view_of(x, shape, strides, element_count(shape) == 0 ? 0 : start * x.strides()[a]);
}

Array select(const Array& x, std::int64_t axis, std::int64_t index) {
  const auto a = normalize_axis("select", axis, x.ndim());
  const auto n = x.shape()[a];
  if (index < -n || index >= n) {
    raise<ValueError>("select: the index is out of range",
                      "an index from " + std::to_string(-n) + " to " + std::to_string(n - 1), std::to_string(index));
  }
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape.erase(a);
  strides.erase(a);
  return Array::view_of(x, shape, strides, element_count(shape) == 0 ? 0 : (index < 0 ? index + n : index) * x.strides()[a]);
}

}  // namespace newtape::core
