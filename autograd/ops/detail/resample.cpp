// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/detail/resample.hpp>

#include <algorithm>

namespace newtape {

static const Op resample_op{"resample"};

namespace {

Tensor along(const In& x, const detail::ResamplingRef& map, bool transposed, std::int64_t axis) {
  return resample_op(core::resample(x.value(), transposed ? map->transposed : map->matrix, axis),
                     wrt(x, [map, transposed, axis](const Tensor& g) { return along(g, map, !transposed, axis); }));
}

}  // namespace

namespace detail {

ResamplingRef resampling(core::BandMatrix matrix) {
  core::BandMatrix t = matrix.transposed();
  return std::make_shared<const Resampling>(Resampling{std::move(matrix), std::move(t)});
}

Tensor resample(In x, const std::vector<ResamplingRef>& maps) {
  std::vector<std::int64_t> order;
  for (std::size_t i = maps.size(); i > 0; --i) order.push_back(-static_cast<std::int64_t>(i));
  // Only the last axis is not vectorised: process it when the array is smallest.
  const auto& m = maps.back()->matrix;
  if (m.output() > m.input) std::reverse(order.begin(), order.end());
  Tensor y = x;
  for (const auto axis : order) {
    const auto& map = maps[maps.size() - static_cast<std::size_t>(-axis)];
    y = along(In(y, x.location()), map, false, axis);
  }
  return y;
}

}  // namespace detail

}  // namespace newtape
