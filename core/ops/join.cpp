// SPDX-License-Identifier: BSD-3-Clause
// Concatenation, by contiguous blocks.
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/as_vector.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace newtape::core {

Array concatenate(std::span<const Array> parts, std::int64_t axis) {
  if (recorder() != nullptr) {
    return record_list_call(
        "concatenate", [=](std::span<const Array> all) { return concatenate(all, axis); }, parts);
  }
  if (parts.empty()) raise<ValueError>("concatenate: the list is empty", "at least one array", "none");
  const auto a = normalize_axis("concatenate", axis, parts[0].ndim());
  Shape shape = parts[0].shape();
  shape[a] = 0;
  for (const auto& p : parts) {
    Shape other = p.shape();
    if (p.dtype() != parts[0].dtype()) {
      raise<DTypeError>("concatenate: the arrays must have the same dtype", name(parts[0].dtype()), name(p.dtype()));
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
  if (out.size() == 0) return out;
  const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
  const auto row = out.strides()[a] * shape[a] * item;
  const auto outer = out.size() * item / row;
  std::int64_t start = 0;
  for (const auto& p : parts) {
    const auto end = start + p.shape()[a];
    if (outer == 1 && !p.is_contiguous()) {
      Array place = slice(out, static_cast<std::int64_t>(a), start, end);
      assign(place, p);
    } else {
      const Array part = contiguous(p);
      const auto bytes = out.strides()[a] * p.shape()[a] * item;
      auto* to = static_cast<std::byte*>(out.raw()) + out.strides()[a] * start * item;
      const auto* from = static_cast<const std::byte*>(part.raw());
      for (std::int64_t i = 0; i < outer && bytes > 0; ++i) {
        std::memcpy(to + i * row, from + i * bytes, static_cast<std::size_t>(bytes));
      }
    }
    start = end;
  }
  return out;
}

Array stack(std::span<const Array> parts, std::int64_t axis) {
  if (recorder() != nullptr) {
    return record_list_call(
        "stack", [=](std::span<const Array> all) { return stack(all, axis); }, parts);
  }
  if (parts.empty()) raise<ValueError>("stack: the list is empty", "at least one array", "none");
  normalize_axis("stack", axis, parts[0].ndim() + 1);
  std::vector<Array> unsqueezed;
  unsqueezed.reserve(parts.size());
  for (const auto& p : parts) {
    if (p.dtype() != parts[0].dtype()) {
      raise<DTypeError>("stack: the arrays must have the same dtype", name(parts[0].dtype()), name(p.dtype()));
    }
    if (p.shape() != parts[0].shape()) {
      raise<ShapeError>("stack: the arrays must have the same shape", to_string(parts[0].shape()),
                        to_string(p.shape()));
    }
    unsqueezed.push_back(unsqueeze(p, axis));
  }
  return concatenate(unsqueezed, axis);
}

Array roll(const Array& x, std::int64_t shift, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_call(
        "roll", [=](const Array& a) { return roll(a, shift, axis); }, x);
  if (x.ndim() == 0) return as_vector(x, [=](const Array& v) { return roll(v, shift, axis); });
  const auto n = x.shape()[normalize_axis("roll", axis, x.ndim())];
  if (n == 0) return x;
  const auto cut = n - (shift % n + n) % n;
  if (cut == n) return x;
  const Array parts[] = {slice(x, axis, cut, n), slice(x, axis, 0, cut)};
  return concatenate(parts, axis);
}

Array diag_embed(const Array& x, std::int64_t offset, std::int64_t rows, std::int64_t columns) {
  if (recorder() != nullptr) {
    return record_call(
        "diag_embed", [=](const Array& a) { return diag_embed(a, offset, rows, columns); }, x);
  }
  if (x.ndim() == 0) raise<ShapeError>("diag_embed: at least one axis is required", "x [.., n]", to_string(x.shape()));
  Shape shape = x.shape();
  shape[shape.size() - 1] = rows;
  shape.push_back(columns);
  Array y = zeros(shape, x.dtype());
  Array on = diagonal(y, offset);
  if (on.shape() != x.shape()) {
    raise<ShapeError>("diag_embed: the length does not match the diagonal", to_string(on.shape()),
                      to_string(x.shape()));
  }
  assign(on, x);
  return y;
}

}  // namespace newtape::core
