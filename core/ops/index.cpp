// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/item_size.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/as_vector.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace newtape::core {

namespace {

std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  return element_count(Shape(shape.begin() + begin, shape.begin() + end));
}

/// The indices mapped to [0, length); negative ones count from the end. ValueError naming an index out of range.
std::vector<std::int64_t> checked(const char* op, const Array& indices, std::int64_t length) {
  const Array flat = contiguous(as_indices(op, indices));
  const auto* p = flat.data<std::int64_t>();
  std::vector<std::int64_t> result(p, p + flat.size());
  for (auto& i : result) {
    if (i < -length || i >= length) {
      raise<ValueError>(std::string(op) + ": index out of range",
                        "indices from " + std::to_string(-length) + " to " + std::to_string(length - 1),
                        std::to_string(i) + " along an axis of length " + std::to_string(length));
    }
    if (i < 0) i += length;
  }
  return result;
}

void expect_number(const char* op, const Array& x) {
  expect_computed(op, x);
  if (x.dtype() == boolean)
    raise<DTypeError>(std::string(op) + ": the dtype must be numeric", "f32, f64 or i64", "boolean");
}

/// x's shape with axis `a` replaced by the shape of the indices.
Shape indexed_shape(const Shape& x, const Shape& indices, std::size_t a) {
  Shape shape(x.begin(), x.begin() + a);
  for (const auto d : indices) shape.push_back(d);
  for (std::size_t i = a + 1; i < x.size(); ++i) shape.push_back(x[i]);
  return shape;
}

/// Shape seen as [outer, length, inner], with the indexed axis in the middle.
struct IndexedAxis {
  std::int64_t outer, length, inner;
  IndexedAxis(const Shape& x, std::size_t a)
      : outer(product(x, 0, a)), length(x[a]), inner(product(x, a + 1, x.size())) {}
};

/// Calls row(to, from) for every index: offsets of the row of `inner` elements in x and in the other array. The rows of
/// x are distributed over the threads, so that each row sees its indices in order: deterministic.
template <class F>
void for_each_row(const IndexedAxis& along, const std::vector<std::int64_t>& at, const F& row) {
  const auto n = static_cast<std::int64_t>(at.size());
  const auto run_range = [&](std::int64_t outer, std::int64_t begin, std::int64_t end) {
    const auto to = outer * along.length;
    const auto from = outer * n;
    for (std::int64_t k = 0; k < n; ++k) {
      const auto i = at[static_cast<std::size_t>(k)];
      if (begin <= i && i < end) row((to + i) * along.inner, (from + k) * along.inner);
    }
  };
  const auto work = std::max<std::int64_t>(1, n * along.inner);
  if (along.outer == 1 && along.inner >= 16) {
    const bool shared = work >= 2 * kernels::parallel_grain;
    const auto share = shared ? (along.length + num_threads() - 1) / num_threads() : along.length;
    newtape::detail::parallel_for(along.length, share,
                                  [&](std::int64_t begin, std::int64_t end) { run_range(0, begin, end); });
  } else {
    newtape::detail::parallel_for(along.outer, std::max<std::int64_t>(1, kernels::parallel_grain / work),
                                  [&](std::int64_t begin, std::int64_t end) {
                                    for (auto o = begin; o < end; ++o) run_range(o, 0, along.length);
                                  });
  }
}

/// x += src at the indices, in place.
void add_at(Array& x, const Array& src, const std::vector<std::int64_t>& at, std::size_t a) {
  if (src.size() == 0) return;
  const IndexedAxis along(x.shape(), a);
  const Array source = contiguous(src);
  visit_dtype(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = source.data<T>();
      T* to = x.data<T>();
      for_each_row(along, at, [=](std::int64_t t, std::int64_t f) {
        for (std::int64_t k = 0; k < along.inner; ++k)
          to[t + k] = newtape::detail::wrapping_add(to[t + k], from[f + k]);
      });
    }
  });
}

/// Checks the dtype and shape of src for index_add and index_copy.
void expect_source(const char* op, const Array& x, const Array& src, const Array& indices, std::size_t a) {
  if (src.dtype() != x.dtype()) {
    raise<DTypeError>(std::string(op) + ": the source must have the dtype of the destination", name(x.dtype()),
                      name(src.dtype()));
  }
  const Shape shape = indexed_shape(x.shape(), indices.shape(), a);
  if (src.shape() != shape) {
    raise<ShapeError>(std::string(op) + ": the source must have the shape of the indexed part", to_string(shape),
                      to_string(src.shape()));
  }
}

}  // namespace

Array as_indices(std::string_view op, const Array& x) {
  if (x.defined() && is_integer(x.dtype())) return cast(x, i64);
  raise<DTypeError>(std::string(op) + ": indices must be integers", "i64",
                    x.defined() ? name(x.dtype()) : "an undefined array");
}

Array take(const Array& x, const Array& indices, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_call(
        "take", [=](const Array& from, const Array& at) { return take(from, at, axis); }, x, indices);
  if (x.ndim() == 0) return take(unsqueeze(x, 0), indices, axis);
  const auto a = normalize_axis("take", axis, x.ndim());
  const IndexedAxis along(x.shape(), a);
  const auto at = checked("take", indices, along.length);
  Array out = Array::empty(indexed_shape(x.shape(), indices.shape(), a), x.dtype());
  if (out.size() == 0) return out;
  const Array source = contiguous(x);
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  const auto n = static_cast<std::int64_t>(at.size());
  const auto bytes = along.inner * item;
  const auto* from = static_cast<const std::byte*>(source.raw());
  auto* to = static_cast<std::byte*>(out.raw());
  const auto rows = [&](std::int64_t begin, std::int64_t end, auto copy_one) {
    for (auto r = begin; r < end;) {
      const auto o = r / n;
      const auto* base = from + o * along.length * bytes;
      for (const auto stop = std::min(end, (o + 1) * n); r < stop; ++r) {
        copy_one(to + r * bytes, base + at[static_cast<std::size_t>(r - o * n)] * bytes);
      }
    }
  };
  newtape::detail::parallel_for(along.outer * n, std::max<std::int64_t>(1, kernels::parallel_grain / along.inner),
                                [&](std::int64_t begin, std::int64_t end) {
                                  if (bytes == 4) {
                                    rows(begin, end, [](std::byte* t, const std::byte* f) { std::memcpy(t, f, 4); });
                                  } else if (bytes == 8) {
                                    rows(begin, end, [](std::byte* t, const std::byte* f) { std::memcpy(t, f, 8); });
                                  } else {
                                    rows(begin, end, [bytes](std::byte* t, const std::byte* f) {
                                      std::memcpy(t, f, static_cast<std::size_t>(bytes));
                                    });
                                  }
                                });
  return out;
}

Array take_adjoint(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& i) { return take_adjoint(a, i, axis, length); };
    return record_call("take_adjoint", again, src, indices);
  }
  expect_number("take_adjoint", src);
  const auto mismatch = [&] {
    raise<ShapeError>("take_adjoint: the source must contain the axes of the indices", to_string(indices.shape()),
                      to_string(src.shape()));
  };
  if (src.ndim() < indices.ndim()) mismatch();
  // `axis` refers to the result, in which the axes of the indices are replaced by one.
  const std::size_t ndim = src.ndim() - indices.ndim() + 1;
  const auto a = normalize_axis("take_adjoint", axis, ndim);
  const auto at = checked("take_adjoint", indices, length);
  Shape shape(src.shape().begin(), src.shape().begin() + a);
  shape.push_back(length);
  for (std::size_t i = a + indices.ndim(); i < src.ndim(); ++i) shape.push_back(src.shape()[i]);
  if (!std::equal(indices.shape().begin(), indices.shape().end(), src.shape().begin() + a)) mismatch();
  Array out = zeros(shape, src.dtype());
  add_at(out, src, at, a);
  return out;
}

Array index_add(Array x, std::int64_t axis, const Array& indices, const Array& src) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& i, const Array& s) { return index_add(a, axis, i, s); };
    return record_call("index_add", again, x, indices, src);
  }
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return index_add(v, axis, indices, src); });
  expect_number("index_add", x);
  const auto a = normalize_axis("index_add", axis, x.ndim());
  expect_source("index_add", x, src, indices, a);
  const auto at = checked("index_add", indices, x.shape()[a]);
  Array out = x.reusable() ? std::move(x) : copy(x);
  add_at(out, src, at, a);
  return out;
}

Array index_copy(Array x, std::int64_t axis, const Array& indices, const Array& src) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& i, const Array& s) { return index_copy(a, axis, i, s); };
    return record_call("index_copy", again, x, indices, src);
  }
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return index_copy(v, axis, indices, src); });
  const auto a = normalize_axis("index_copy", axis, x.ndim());
  expect_source("index_copy", x, src, indices, a);
  const IndexedAxis along(x.shape(), a);
  const auto at = checked("index_copy", indices, along.length);
  Array out = x.reusable() ? std::move(x) : copy(x);
  if (src.size() == 0) return out;
  const Array source = contiguous(src);
  const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
  const auto* from = static_cast<const std::byte*>(source.raw());
  auto* to = static_cast<std::byte*>(out.raw());
  for_each_row(along, at, [=](std::int64_t t, std::int64_t f) {
    std::memcpy(to + t * item, from + f * item, static_cast<std::size_t>(along.inner * item));
  });
  return out;
}

namespace {

/// Iteration of gather and gather_adjoint: `batch` entries, each with indices [outer, m, inner] into [outer,
/// length, inner].
struct GatherPlan {
  std::size_t lead;
  std::int64_t batch, outer, m, inner;
};

GatherPlan plan_gather(const char* op, const Shape& full, const Array& indices, std::int64_t axis,
                       bool indexed_axis_is_free) {
  const auto mismatch = [&]() {
    raise<ShapeError>(std::string(op) + ": the indices must match the operand's shape except along the axis",
                      "indices like " + to_string(full), to_string(indices.shape()));
  };
  if (full.size() < indices.ndim() || indices.ndim() == 0) mismatch();
  const std::size_t lead = full.size() - indices.ndim();
  if (lead > 0 && axis >= 0) axis -= static_cast<std::int64_t>(full.size());
  const auto a = normalize_axis(op, axis, indices.ndim());
  for (std::size_t i = 0; i < indices.ndim(); ++i) {
    if (full[lead + i] != indices.shape()[i] && !(indexed_axis_is_free && i == a)) mismatch();
  }
  return {lead, product(full, 0, lead), product(indices.shape(), 0, a), indices.shape()[a],
          product(indices.shape(), a + 1, indices.ndim())};
}

}  // namespace

Array gather(const Array& x, std::int64_t axis, const Array& indices) {
  if (recorder() != nullptr)
    return record_call(
        "gather", [=](const Array& a, const Array& i) { return gather(a, axis, i); }, x, indices);
  if (x.ndim() == 0 && indices.ndim() == 0) {
    return as_vector(x, [&](const Array& v) { return gather(v, axis, unsqueeze(indices, 0)); });
  }
  const GatherPlan w = plan_gather("gather", x.shape(), indices, axis, true);
  const auto length = x.shape()[normalize_axis("gather", axis, x.ndim())];
  const auto at = checked("gather", indices, length);
  Shape shape(x.shape().begin(), x.shape().begin() + w.lead);
  for (const auto d : indices.shape()) shape.push_back(d);
  Array out = Array::empty(shape, x.dtype());
  if (out.size() == 0) return out;
  const Array source = contiguous(x);
  kernels::visit_item(static_cast<std::int64_t>(item_size(x.dtype())), [&]<class T>(T) {
    const T* from = static_cast<const T*>(source.raw());
    T* to = static_cast<T*>(out.raw());
    for (std::int64_t b = 0; b < w.batch; ++b) {
      const std::int64_t* i = at.data();
      for (std::int64_t o = 0; o < w.outer; ++o, from += length * w.inner) {
        for (std::int64_t j = 0; j < w.m; ++j) {
          for (std::int64_t k = 0; k < w.inner; ++k) *to++ = from[*i++ * w.inner + k];
        }
      }
    }
  });
  return out;
}

Array gather_adjoint(const Array& src, std::int64_t axis, const Array& indices, std::int64_t length) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& i) { return gather_adjoint(a, axis, i, length); };
    return record_call("gather_adjoint", again, src, indices);
  }
  expect_number("gather_adjoint", src);
  const GatherPlan w = plan_gather("gather_adjoint", src.shape(), indices, axis, false);
  const auto at = checked("gather_adjoint", indices, length);
  Shape shape = src.shape();
  shape[normalize_axis("gather_adjoint", axis, src.ndim())] = length;
  Array out = zeros(shape, src.dtype());
  if (src.size() == 0) return out;
  const Array source = contiguous(src);
  visit_dtype(src.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = source.data<T>();
      T* to = out.data<T>();
      for (std::int64_t b = 0; b < w.batch; ++b) {
        const std::int64_t* i = at.data();
        for (std::int64_t o = 0; o < w.outer; ++o, to += length * w.inner) {
          for (std::int64_t j = 0; j < w.m; ++j) {
            for (std::int64_t k = 0; k < w.inner; ++k) {
              T& sum = to[*i++ * w.inner + k];
              sum = newtape::detail::wrapping_add(sum, *from++);
            }
          }
        }
      }
    }
  });
  return out;
}

Array last_of_equals(const Array& indices, std::int64_t length) {
  if (recorder() != nullptr)
    return record_call(
        "last_of_equals", [=](const Array& i) { return last_of_equals(i, length); }, indices);
  const auto at = checked("last_of_equals", indices, length);
  std::vector<bool> seen(static_cast<std::size_t>(length));
  Array last = Array::empty(indices.shape(), boolean);
  bool* p = last.data<bool>();
  bool equals = false;
  for (std::size_t k = at.size(); k-- > 0;) {
    auto&& before = seen[static_cast<std::size_t>(at[k])];
    p[k] = !before;
    equals |= before;
    before = true;
  }
  return equals ? last : Array();
}

Array flat_positions(const char* op, const Shape& shape, const Array& indices, std::int64_t axis) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& i) { return flat_positions(op, shape, i, axis); };
    return record_call("flat_positions", again, indices);
  }
  const auto a = normalize_axis(op, axis, shape.size());
  bool fits = indices.ndim() == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = i == a || indices.shape()[i] <= shape[i];
  if (!fits) {
    raise<ShapeError>(
        std::string(op) +
            ": the indices must have the operand's number of axes and not exceed its lengths except along the axis",
        to_string(shape), to_string(indices.shape()));
  }
  const auto at = checked(op, indices, shape[a]);
  Array positions = Array::empty(indices.shape(), i64);
  auto* p = positions.data<std::int64_t>();
  const Strides steps = contiguous_strides(shape);
  Dims index(shape.size());
  std::int64_t base = 0;  // offset without the indexed axis
  for (const auto i : at) {
    *p++ = base + i * steps[a];
    for (std::size_t k = shape.size(); k-- > 0;) {
      const auto step = k == a ? 0 : steps[k];
      base += step;
      if (++index[k] < indices.shape()[k]) break;
      base -= step * index[k];
      index[k] = 0;
    }
  }
  return positions;
}

Array ravel_multi_index(const char* op, std::span<const Array> indices, const Shape& shape) {
  if (recorder() != nullptr) {
    const auto again = [=](std::span<const Array> all) { return ravel_multi_index(op, all, shape); };
    return record_list_call("ravel_multi_index", again, indices);
  }
  Shape common;
  for (const auto& i : indices) common = broadcast_shapes(op, common, i.shape());
  const Strides steps = contiguous_strides(shape);
  Array flat;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const auto at = checked(op, indices[k], shape[k]);
    Array part = Array::empty(indices[k].shape(), i64);
    auto* p = part.data<std::int64_t>();
    for (const auto i : at) *p++ = i * steps[k];
    flat = flat.defined() ? add(std::move(flat), std::move(part)) : std::move(part);
  }
  return expand(flat, common);
}

Array flatnonzero(const Array& x) {
  if (recorder() != nullptr)
    return record_call(
        "flatnonzero", [](const Array& a) { return flatnonzero(a); }, x);
  const Array flat = contiguous(is_storage(x.dtype()) ? cast(x, boolean) : x);
  return visit_dtype(flat.dtype(), [&]<class T>() {
    const T* from = flat.data<T>();
    std::int64_t n = 0;
    for (std::int64_t i = 0; i < flat.size(); ++i) n += from[i] != T(0) ? 1 : 0;
    // One extra element, so that every position can be written before the condition is evaluated.
    Array found = Array::empty({n + 1}, i64);
    auto* to = found.data<std::int64_t>();
    for (std::int64_t i = 0; i < flat.size(); ++i) {
      *to = i;
      to += from[i] != T(0) ? 1 : 0;
    }
    return slice(found, 0, 0, n);
  });
}

Array argwhere(const Array& x) {
  if (recorder() != nullptr)
    return record_call(
        "argwhere", [](const Array& a) { return argwhere(a); }, x);
  const Array found = flatnonzero(x);
  const auto ndim = static_cast<std::int64_t>(x.ndim());
  Array rows = Array::empty({found.size(), ndim}, i64);
  const auto* from = found.data<std::int64_t>();
  auto* to = rows.data<std::int64_t>();
  for (std::int64_t r = 0; r < found.size(); ++r) {
    auto remainder = from[r];
    for (std::size_t a = x.ndim(); a-- > 0;) {
      to[r * ndim + static_cast<std::int64_t>(a)] = remainder % x.shape()[a];
      remainder /= x.shape()[a];
    }
  }
  return rows;
}

}  // namespace newtape::core
