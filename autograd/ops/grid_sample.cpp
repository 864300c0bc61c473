// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/grid_sample.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace newtape {

namespace {

/// Places reflected at low and high until they are within.
Tensor reflected(const Tensor& x, double low, double high) {
  if (high <= low) return zeros_like(x);
  const double span = high - low;
  const Tensor distance = abs(x - low);
  const Tensor extra = fmod(distance, span), flips = floor(distance / span).detach();
  return where(remainder(flips, 2) == 0, extra + low, high - extra);
}

/// Keys 1981.
Tensor cubic_tap(const Tensor& t, int offset) {
  constexpr double a = -0.75;
  const Tensor d = abs(t - static_cast<double>(offset));
  if (offset == 0 || offset == 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/// Samples of images by places [n, 1, count] along each axis.
class GridSampler {
 public:
  GridSampler(const Tensor& x, const GridSampleOptions& options)
      : sizes_(x.shape().begin() + 2, x.shape().end()),
        pixels_(reshape(x, {x.shape(0), x.shape(1), element_count(sizes_)})),
        o_(options) {}

  /// The place in pixels of coordinates in [-1, 1].
  Tensor place(const Tensor& g, std::size_t axis) const {
    const auto n = static_cast<double>(sizes_[axis]);
    return o_.align_corners ? (g + 1) * ((n - 1) / 2) : ((g + 1) * n - 1) / 2;
  }

  Tensor sample(std::vector<Tensor> places) const {
    const bool cubic = o_.mode == GridSampleMode::bicubic;
    for (std::size_t a = 0; a < places.size() && !cubic; ++a) places[a] = bounded(places[a], a);
    if (o_.mode == GridSampleMode::nearest) {
      for (auto& p : places) p = round(p);
      return at(places);
    }
    std::vector<Tensor> first, within;
    for (const auto& p : places) {
      first.push_back(floor(p).detach());
      within.push_back(p - first.back());
    }
    return weighted(first, within, first, 0, cubic);
  }

 private:
  Tensor bounded(Tensor at, std::size_t axis) const {
    const auto last = static_cast<double>(sizes_[axis] - 1);
    if (o_.padding == GridPadding::reflection) {
      at = o_.align_corners ? reflected(at, 0, last) : reflected(at, -0.5, last + 0.5);
    }
    return o_.padding == GridPadding::zeros ? at : clip(std::move(at), 0, last);
  }

  /// The pixels at places of whole numbers, by the padding.
  Tensor at(const std::vector<Tensor>& places) const {
    Tensor index, inside;
    for (std::size_t a = 0; a < places.size(); ++a) {
      const auto size = sizes_[a];
      const Tensor p = bounded(places[a], a).detach();
      const Tensor here = (p >= 0) & (p < size);
      inside = inside.defined() ? inside & here : here;
      const Tensor k = where(here, p, 0).to(i64);
      index = index.defined() ? index * size + k : k;
    }
    Shape shape = index.shape();
    shape[1] = pixels_.shape(1);
    const Tensor values = gather(pixels_, 2, expand(index, shape));
    return o_.padding == GridPadding::zeros ? where(inside, values, 0) : values;
  }

  /// The weighted sum over the pixels around each place along the axes from `axis` on.
  Tensor weighted(const std::vector<Tensor>& first, const std::vector<Tensor>& within, std::vector<Tensor> places,
                  std::size_t axis, bool cubic) const {
    if (axis == first.size()) return at(places);
    Tensor y;
    for (int k = cubic ? -1 : 0; k <= (cubic ? 2 : 1); ++k) {
      const Tensor& t = within[axis];
      const Tensor w = cubic ? cubic_tap(t, k) : k == 0 ? 1 - t : t;
      places[axis] = first[axis] + k;
      const Tensor part = weighted(first, within, places, axis + 1, cubic) * w;
      y = y.defined() ? y + part : part;
    }
    return y;
  }

  Dims sizes_;
  Tensor pixels_;  ///< [n, c, all pixels]
  const GridSampleOptions& o_;
};

/// Coordinates in [-1, 1] of the n places along an axis.
Tensor axis_coordinates(std::int64_t n, bool align_corners, DType dtype) {
  if (n == 1) return zeros({1}, dtype);
  const double end = align_corners ? 1 : static_cast<double>(n - 1) / static_cast<double>(n);
  return linspace(-end, end, n, dtype);
}

}  // namespace

Tensor grid_sample(In x, In grid, const GridSampleOptions& options) {
  const CallSite here(x.location());
  const std::size_t axes = x.ndim() < 3 || x.ndim() > 5 ? 0 : x.ndim() - 2;
  if (axes == 0 || grid.ndim() != axes + 2 || grid.shape().back() != static_cast<std::int64_t>(axes) ||
      grid.shape()[0] != x.shape()[0]) {
    raise<ShapeError>("grid_sample: the operands must be images and a grid for each",
                      "x [n, c, h, w], grid [n, rows, columns, 2], or both with one or three spatial axes",
                      "x " + to_string(x.shape()) + ", grid " + to_string(grid.shape()));
  }
  expect_floating("grid_sample", x.value());
  if (grid.dtype() != x.dtype()) {
    raise<DTypeError>("grid_sample: the operands must have the same dtype", std::string(name(x.dtype())),
                      std::string(name(grid.dtype())));
  }
  if (options.mode == GridSampleMode::bicubic && axes != 2) {
    raise<ValueError>("grid_sample: bicubic needs two spatial axes", "x [n, c, h, w]", to_string(x.shape()));
  }
  for (std::size_t a = 0; a < axes; ++a) {
    if (x.shape()[2 + a] == 0) {
      raise<ShapeError>("grid_sample: the images must not be empty", "spatial axes with elements",
                        "x " + to_string(x.shape()));
    }
  }
  if (detail::is_traced() && axes == 2) {
    constexpr const char* modes[] = {"bilinear", "nearest", "bicubic"};
    constexpr const char* paddings[] = {"zeros", "border", "reflection"};
    return detail::trace_call(
        "grid_sample", {x, grid},
        {{"mode", std::string(modes[static_cast<int>(options.mode)])},
         {"padding", std::string(paddings[static_cast<int>(options.padding)])},
         {"align_corners", options.align_corners}},
        [&] { return grid_sample(x, grid, options); }, x.location());
  }
  const GridSampler sampler(x, options);
  const auto n = x.shape()[0];
  const auto count = element_count(Shape(grid.shape().begin() + 1, grid.shape().end() - 1));
  std::vector<Tensor> places;
  for (std::size_t a = 0; a < axes; ++a) {
    const Tensor g = select(grid, -1, static_cast<std::int64_t>(axes - 1 - a));
    places.push_back(sampler.place(reshape(g, {n, 1, count}), a));
  }
  Shape result = grid.shape();
  result.erase(result.size() - 1);
  result.insert(1, x.shape()[1]);
  return reshape(sampler.sample(std::move(places)), result);
}

Tensor affine_grid(In theta, const Shape& size, bool align_corners) {
  const CallSite here(theta.location());
  const std::size_t axes = size.size() < 4 || size.size() > 5 ? 0 : size.size() - 2;
  const auto d = static_cast<std::int64_t>(axes);
  if (axes == 0 || std::any_of(size.begin(), size.end(), [](auto n) { return n < 0; }) ||
      theta.shape() != Shape{size[0], d, d + 1}) {
    raise<ShapeError>("affine_grid: there must be a map for each image",
                      "theta [n, 2, 3], size {n, c, h, w}, or theta [n, 3, 4], size {n, c, d, h, w}",
                      "theta " + to_string(theta.shape()) + ", size " + to_string(size));
  }
  expect_floating("affine_grid", theta.value());
  if (element_count(Shape(size.begin() + 2, size.end())) == 0) {
    raise<ValueError>("affine_grid: the images must not be empty", "lengths of at least 1", to_string(size));
  }
  std::vector<Tensor> axis_lines;
  for (std::size_t a = 0; a < axes; ++a) {
    axis_lines.push_back(axis_coordinates(size[2 + a], align_corners, theta.dtype()));
  }
  const auto grids = meshgrid(axis_lines);
  std::vector<Tensor> columns;  // x, y, (z,) 1
  for (std::size_t a = axes; a-- > 0;) columns.push_back(ravel(grids[a]));
  columns.push_back(ones_like(columns[0]));
  Shape result{size[0]};
  for (std::size_t a = 0; a < axes; ++a) result.push_back(size[2 + a]);
  result.push_back(d);
  return reshape(matmul(stack(columns, 1), transpose(theta)), result);
}

}  // namespace newtape
