// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/triangle.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op diagonal_op{"diagonal"};
static const Op diag_embed_op{"diag_embed"};

namespace {

Tensor last_diagonal(In x, std::int64_t offset);

/// A rows x columns matrix with the diagonal x for each vector x: the adjoint of last_diagonal.
Tensor diag_embed(In x, std::int64_t offset, std::int64_t rows, std::int64_t columns) {
  return diag_embed_op(core::diag_embed(x.value(), offset, rows, columns),
                       wrt(x, [offset](const Tensor& g) { return last_diagonal(g, offset); }));
}

Tensor last_diagonal(In x, std::int64_t offset) {
  const auto rows = x.tensor().shape(-2);
  const auto columns = x.tensor().shape(-1);
  return diagonal_op(core::diagonal(x.value(), offset),
                     wrt(x, [=](const Tensor& g) { return diag_embed(g, offset, rows, columns); }));
}

/// True where column - row <= offset.
Array lower(std::int64_t rows, std::int64_t columns, std::int64_t offset) {
  Array mask = Array::empty({rows, columns}, boolean);
  bool* p = mask.data<bool>();
  for (std::int64_t r = 0; r < rows; ++r, p += columns) {
    // Clamped before the addition, so that no offset overflows.
    const auto ones =
        std::clamp<std::int64_t>(std::clamp<std::int64_t>(offset, -rows - 1, columns) + r + 1, 0, columns);
    std::fill(p, p + ones, true);
    std::fill(p + ones, p + columns, false);
  }
  return mask;
}
Array lower_of(const char* op, const In& x, std::int64_t offset) {
  if (x.ndim() < 2)
    raise<ShapeError>(std::string(op) + ": x must have at least two axes", "x [.., n, m]", to_string(x.shape()));
  return lower(x.tensor().shape(-2), x.tensor().shape(-1), offset);
}
/// offset - 1, without overflow.
std::int64_t before(std::int64_t offset) { return std::max<std::int64_t>(offset, -(std::int64_t{1} << 62)) - 1; }

std::array<Tensor, 2> pair_of(const Array& mask) {
  const auto at = where(mask);
  return {at[0], at[1]};
}

}  // namespace

Tensor diagonal(In x, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  if (x.ndim() < 2) raise<ShapeError>("diagonal: x must have at least two axes", "x [.., n, m]", to_string(x.shape()));
  const auto i = normalize_axis("diagonal", axis0, x.ndim());
  const auto j = normalize_axis("diagonal", axis1, x.ndim());
  if (i == j) raise<ValueError>("diagonal: the two axes must differ", "distinct axes", "axis " + std::to_string(i));
  if (i + 2 == x.ndim() && j + 1 == x.ndim()) return last_diagonal(x, offset);
  return last_diagonal(moveaxis(x, Dims{axis0, axis1}, {-2, -1}), offset);
}

Tensor diag(In x, std::int64_t offset) {
  if (x.ndim() != 1 && x.ndim() != 2) {
    raise<ShapeError>("diag: x must be a vector or a matrix", "[n] or [n, m] (or diagonal, diag_embed)",
                      to_string(x.shape()));
  }
  return x.ndim() == 1 ? diag_embed(x, offset) : last_diagonal(x, offset);
}

Tensor diag_embed(In x, std::int64_t offset) {
  if (x.ndim() == 0) raise<ShapeError>("diag_embed: x must have an axis", "x [.., n]", to_string(x.shape()));
  const auto n = x.tensor().shape(-1) + (offset < 0 ? -offset : offset);
  return diag_embed(x, offset, n, n);
}

Tensor tril(In x, std::int64_t offset) { return where(lower_of("tril", x, offset), x, 0); }
Tensor triu(In x, std::int64_t offset) { return where(lower_of("triu", x, before(offset)), 0, x); }

std::array<Tensor, 2> tril_indices(std::int64_t rows, std::int64_t offset, std::int64_t columns) {
  return pair_of(lower(rows, columns < 0 ? rows : columns, offset));
}
std::array<Tensor, 2> triu_indices(std::int64_t rows, std::int64_t offset, std::int64_t columns) {
  return pair_of(core::logical_not(lower(rows, columns < 0 ? rows : columns, before(offset))));
}

}  // namespace newtape
