// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace newtape::core {

namespace {

std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t n = 1;
  for (std::size_t i = begin; i < end; ++i) n *= shape[i];
  return n;
}

/// The indices as numbers in [0, length), negative ones counted from the end. ValueError names one that is out of
/// range.
std::vector<std::int64_t> checked(const char* who, const Array& indices, std::int64_t length) {
  if (indices.dtype() != i64) {
    raise<DTypeError>(std::string(who) + ": indices are integers", "i64", name(indices.dtype()));
  }
  const Array flat = contiguous(indices);
  const auto* p = flat.data<std::int64_t>();
  std::vector<std::int64_t> result(p, p + flat.size());
  for (auto& i : result) {
    if (i < -length || i >= length) {
      raise<ValueError>(std::string(who) + ": an index is out of range",
                        "indices from " + std::to_string(-length) + " to " + std::to_string(length - 1),
                        std::to_string(i));
    }
    if (i < 0) i += length;
  }
  return result;
}

void expect_number(const char* who, const Array& x) {
  if (x.dtype() == boolean) raise<DTypeError>(std::string(who) + ": adds numbers", "f32, f64 or i64", "boolean");
}

}  // namespace

Array concatenate(std::span<const Array> parts, std::int64_t axis) {
  if (parts.empty()) raise<ValueError>("concatenate: there must be something to join", "at least one array", "none");
  const auto a = normalize_axis("concatenate", axis, parts[0].ndim());
  Shape shape = parts[0].shape();
  shape[a] = 0;
  for (const auto& p : parts) {
    Shape other = p.shape();
    if (p.dtype() != parts[0].dtype()) {
      raise<DTypeError>("concatenate: the arrays must have one dtype", name(parts[0].dtype()), name(p.dtype()));
    }
    if (other.size() == shape.size()) {
      shape[a] += other[a];
      other[a] = parts[0].shape()[a];
    }
    if (other != parts[0].shape()) {
      raise<ShapeError>("concatenate: the arrays may differ only along axis " + std::to_string(a),
                        to_string(parts[0].shape()), to_string(p.shape()));
    }
  }
  Array out = Array::empty(shape, parts[0].dtype());
  const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
  const auto outer = product(shape, 0, a);
  const auto row = product(shape, a, shape.size()) * item;
  auto* to = static_cast<std::byte*>(out.raw());
  for (const auto& p : parts) {
    const Array part = contiguous(p);
    const auto bytes = product(part.shape(), a, shape.size()) * item;
    const auto* from = static_cast<const std::byte*>(part.raw());
    for (std::int64_t i = 0; i < outer && bytes > 0; ++i) {
      std::memcpy(to + i * row, from + i * bytes, static_cast<std::size_t>(bytes));
    }
    to += bytes;
  }
  return out;
}

Array stack(std::span<const Array> parts, std::int64_t axis) {
  if (parts.empty()) raise<ValueError>("stack: there must be something to join", "at least one array", "none");
  normalize_axis("stack", axis, parts[0].ndim() + 1);
  std::vector<Array> thick;
  thick.reserve(parts.size());
  for (const auto& p : parts) {
    if (p.dtype() != parts[0].dtype()) {
      raise<DTypeError>("stack: the arrays must have one dtype", name(parts[0].dtype()), name(p.dtype()));
    }
    if (p.shape() != parts[0].shape()) {
      raise<ShapeError>("stack: the arrays must have one shape", to_string(parts[0].shape()), to_string(p.shape()));
    }
    thick.push_back(unsqueeze(p, axis));
  }
  return concatenate(thick, axis);
}

Array take(const Array& x, const Array& indices, std::int64_t axis) {
  const auto a = normalize_axis("take", axis, x.ndim());
  const auto n = x.shape()[a];
  const auto at = checked("take", indices, n);
  Shape shape(x.shape().begin(), x.shape().begin() + a);
  for (const auto d : indices.shape()) shape.push_back(d);
  for (std::size_t i = a + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  Array out = Array::empty(shape, x.dtype());
  if (out.size() == 0) return out;
  const Array source = contiguous(x);
  const auto bytes = static_cast<std::size_t>(product(x.shape(), a + 1, x.ndim())) * item_size(x.dtype());
  const auto* from = static_cast<const std::byte*>(source.raw());
  auto* to = static_cast<std::byte*>(out.raw());
  for (std::int64_t o = product(x.shape(), 0, a); o > 0; --o) {
    for (const auto i : at) {
      std::memcpy(to, from + static_cast<std::size_t>(i) * bytes, bytes);
      to += bytes;
    }
    from += static_cast<std::size_t>(n) * bytes;
  }
  return out;
}

Array take_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length) {
  expect_number("take_add", src);
  const auto mismatch = [&] {
    raise<ShapeError>("take_add: the indices' axes must stand in the source", to_string(indices.shape()),
                      to_string(src.shape()));
  };
  if (src.ndim() < indices.ndim()) mismatch();
  // The axis is one of the result, where the indices' axes are one again.
  const std::size_t ndim = src.ndim() - indices.ndim() + 1;
  const auto a = normalize_axis("take_add", axis, ndim);
  const auto at = checked("take_add", indices, length);
  Shape shape(src.shape().begin(), src.shape().begin() + a);
  shape.push_back(length);
  for (std::size_t i = a + indices.ndim(); i < src.ndim(); ++i) shape.push_back(src.shape()[i]);
  if (!std::equal(indices.shape().begin(), indices.shape().end(), src.shape().begin() + a)) mismatch();
  Array out = zeros(shape, src.dtype());
  if (src.size() == 0) return out;
  const Array source = contiguous(src);
  const auto inner = product(shape, a + 1, ndim);
  visit_dtype(src.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = source.data<T>();
      T* to = out.data<T>();
      for (std::int64_t o = product(shape, 0, a); o > 0; --o) {
        for (const auto i : at) {
          for (std::int64_t k = 0; k < inner; ++k) to[i * inner + k] += from[k];
          from += inner;
        }
        to += length * inner;
      }
    }
  });
  return out;
}

namespace {

/// How gather and scatter_add walk: `members` batch members, each [outer, m, inner] of indices against
/// [outer, length, inner].
struct Walk {
  std::size_t lead;
  std::int64_t members, outer, m, inner;
};

Walk walk(const char* who, const Shape& full, const Array& indices, std::int64_t axis, bool indexed_axis_is_free) {
  const auto mismatch = [&]() {
    raise<ShapeError>(std::string(who) + ": the indices' shape must fit the operand's, but for the axis",
                      "indices like " + to_string(full), to_string(indices.shape()));
  };
  if (full.size() < indices.ndim() || indices.ndim() == 0) mismatch();
  const std::size_t lead = full.size() - indices.ndim();
  if (lead > 0 && axis >= 0) axis -= static_cast<std::int64_t>(full.size());
  const auto a = normalize_axis(who, axis, indices.ndim());
  for (std::size_t i = 0; i < indices.ndim(); ++i) {
    if (full[lead + i] != indices.shape()[i] && !(indexed_axis_is_free && i == a)) mismatch();
  }
  return {lead, product(full, 0, lead), product(indices.shape(), 0, a), indices.shape()[a],
          product(indices.shape(), a + 1, indices.ndim())};
}

}  // namespace

Array gather(const Array& x, const Array& indices, std::int64_t axis) {
  const Walk w = walk("gather", x.shape(), indices, axis, true);
  const auto length = x.shape()[normalize_axis("gather", axis, x.ndim())];
  const auto at = checked("gather", indices, length);
  Shape shape(x.shape().begin(), x.shape().begin() + w.lead);
  for (const auto d : indices.shape()) shape.push_back(d);
  Array out = Array::empty(shape, x.dtype());
  if (out.size() == 0) return out;
  const Array source = contiguous(x);
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = out.data<T>();
    for (std::int64_t b = 0; b < w.members; ++b) {
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

Array scatter_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length) {
  expect_number("scatter_add", src);
  const Walk w = walk("scatter_add", src.shape(), indices, axis, false);
  const auto at = checked("scatter_add", indices, length);
  Shape shape = src.shape();
  shape[normalize_axis("scatter_add", axis, src.ndim())] = length;
  Array out = zeros(shape, src.dtype());
  if (src.size() == 0) return out;
  const Array source = contiguous(src);
  visit_dtype(src.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* from = source.data<T>();
      T* to = out.data<T>();
      for (std::int64_t b = 0; b < w.members; ++b) {
        const std::int64_t* i = at.data();
        for (std::int64_t o = 0; o < w.outer; ++o, to += length * w.inner) {
          for (std::int64_t j = 0; j < w.m; ++j) {
            for (std::int64_t k = 0; k < w.inner; ++k) to[*i++ * w.inner + k] += *from++;
          }
        }
      }
    }
  });
  return out;
}

}  // namespace newtape::core
