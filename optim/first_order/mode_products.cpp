// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/first_order/mode_products.hpp>

namespace newtape::optim::mode_products {

Blocks::Blocks(const Shape& shape, std::int64_t largest) {
  for (const auto n : shape) {
    if (n == 1) continue;
    if (folded.size() < max_axes) {
      folded.push_back(n);
    } else {
      folded[max_axes - 1] *= n;
    }
  }
  for (const auto n : folded) {
    const std::int64_t parts = n == 0 ? 1 : (n - 1) / largest + 1;
    counts.push_back(parts);
    lengths.push_back((n + parts - 1) / parts);
    count *= parts;
  }
}

namespace {

/// The shape padded to full blocks.
Shape padded(const Blocks& b) {
  Shape shape = b.folded;
  for (std::size_t i = 0; i < b.axes(); ++i) shape[i] = b.counts[i] * b.lengths[i];
  return shape;
}

/// `x` [padded..] without the padding.
Array inner(Array x, const Blocks& b) {
  for (std::size_t i = 0; i < b.axes(); ++i) x = core::slice(x, static_cast<std::int64_t>(i), 0, b.folded[i]);
  return x;
}

/// The shape [counts[0], lengths[0], counts[1], ..] of block indices and positions within blocks, and the order of axes
/// with all block indices first.
struct Grid {
  Shape shape;
  Dims order, inverse;

  explicit Grid(const Blocks& b) : order(2 * b.axes()), inverse(2 * b.axes()) {
    const std::size_t n = b.axes();
    for (std::size_t i = 0; i < n; ++i) {
      shape.push_back(b.counts[i]);
      shape.push_back(b.lengths[i]);
      order[i] = static_cast<std::int64_t>(2 * i);
      order[n + i] = static_cast<std::int64_t>(2 * i + 1);
    }
    for (std::size_t i = 0; i < order.size(); ++i)
      inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  }
};

Shape stacked(const Blocks& b) {
  Shape shape{b.count};
  for (const auto n : b.lengths) shape.push_back(n);
  return shape;
}

/// x [count, lengths..] as matrices [count, lengths[i], -1].
Array unfold(const Array& x, std::size_t i) {
  const auto axis = static_cast<std::int64_t>(i + 1);
  return core::reshape(core::transpose(x, 1, axis),
                       {x.shape(0), x.shape(axis), x.size() / (x.shape(0) * x.shape(axis))});
}

}  // namespace

Array split(const Array& x, const Blocks& b) {
  const Array folded = core::reshape(x, b.folded);
  if (b.count == 1) return core::reshape(folded, stacked(b));
  Array all = folded;
  if (const Shape shape = padded(b); shape != b.folded) {
    all = core::zeros(shape, x.dtype());
    Array unpadded = inner(all, b);
    core::assign(unpadded, folded);
  }
  const Grid grid(b);
  return core::contiguous(core::reshape(core::permute(core::reshape(all, grid.shape), grid.order), stacked(b)));
}

Array join(const Array& x, const Blocks& b, const Shape& shape) {
  if (b.count == 1) return core::contiguous(core::reshape(x, shape));
  const Grid grid(b);
  Shape permuted;
  for (const auto n : b.counts) permuted.push_back(n);
  for (const auto n : b.lengths) permuted.push_back(n);
  const Array all = core::reshape(core::permute(core::reshape(x, permuted), grid.inverse), padded(b));
  return core::contiguous(core::reshape(inner(all, b), shape));
}

Array gram(const Array& x, std::size_t i) {
  const Array m = unfold(x, i);
  return core::matmul(m, core::transpose(m, 1, 2));
}

Array multiply(const Array& m, const Array& x, std::size_t i, bool transposed) {
  const Array y = core::matmul(transposed ? core::transpose(m, 1, 2) : m, unfold(x, i));
  const auto axis = static_cast<std::int64_t>(i + 1);
  const Array swapped = core::transpose(x, 1, axis);
  return core::transpose(core::reshape(y, swapped.shape()), 1, axis);
}

}  // namespace newtape::optim::mode_products
