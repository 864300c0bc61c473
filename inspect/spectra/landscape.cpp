// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/landscape.hpp>

#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>

namespace newtape::inspect {

namespace {

void expect_direction(const LossSurface& surface, const ParameterDirection& d) {
  const auto& ps = surface.parameters();
  if (d.size() != ps.size()) {
    raise<ShapeError>("loss_along: the direction must have one tensor for each parameter", std::to_string(ps.size()),
                      std::to_string(d.size()));
  }
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto& [name, p] = ps[i];
    if (!d[i].defined() || d[i].shape() != p.shape()) {
      raise<ShapeError>("loss_along: the direction must have the shape of " + name, to_string(p.shape()),
                        d[i].defined() ? to_string(d[i].shape()) : "an undefined tensor");
    }
    if (d[i].dtype() != p.dtype()) {
      raise<DTypeError>("loss_along: the direction must have the dtype of " + name, newtape::name(p.dtype()),
                        newtape::name(d[i].dtype()));
    }
  }
}

std::vector<Tensor> moved_along(std::vector<Tensor> xs, const ParameterDirection& d, double distance) {
  for (std::size_t i = 0; i < xs.size(); ++i) xs[i] = core::axpy(distance, d[i].value(), core::copy(xs[i].value()));
  return xs;
}

/// Random numbers of w's shape, with every filter as long as that of w.
Array filter_normalized(const Array& w, Generator& generator) {
  const bool one = w.ndim() < 2;
  const Shape filters{one ? 1 : w.shape(0), -1};
  if (w.size() == 0) return core::zeros(w.shape(), w.dtype());
  const Array rows = core::reshape(w, filters);
  const Array d = random::normal(rows.shape(), 0, 1, w.dtype(), generator);
  return core::reshape(d * (core::norm(rows, 2, 1, true) / core::norm(d, 2, 1, true)), w.shape());
}

Array equally_spaced(double from, double to, std::int64_t points) {
  if (points < 2 || !std::isfinite(from) || !std::isfinite(to)) {
    raise<ValueError>("loss_along: distances need two ends and points between", "2 points or more, finite ends",
                      std::to_string(points) + " from " + std::to_string(from) + " to " + std::to_string(to));
  }
  Array x = Array::empty({points}, f64);
  for (std::int64_t i = 0; i < points; ++i) {
    // Symmetric, so that the middle of an odd number of points is exact.
    const auto last = static_cast<double>(points - 1);
    const auto at = static_cast<double>(i);
    x.data<double>()[i] = (from * (last - at) + to * at) / last;
  }
  return x;
}

}  // namespace

ParameterDirection descent_direction(const LossSurface& surface) {
  const NoGrad constants;
  const Array gradient = surface.loss_and_gradient().second;
  ParameterDirection d;
  for (const auto& part : vector_to_parameters(Tensor(-gradient), surface.values())) d.push_back(part.detach());
  return d;
}

ParameterDirection random_direction(const LossSurface& surface, const RandomDirectionOptions& options) {
  Generator& generator = options.generator != nullptr ? *options.generator : default_generator();
  ParameterDirection d;
  bool moves = false;
  for (const auto& [name, p] : surface.parameters()) {
    const bool taken = options.vectors || p.ndim() >= 2;
    d.emplace_back(taken ? filter_normalized(p.value(), generator) : core::zeros(p.shape(), p.dtype()));
    moves = moves || core::norm2(d.back().value()) > 0;
  }
  if (!moves) {
    raise<ValueError>("random_direction: no parameter would move", "one with two axes and a length, or vectors = true",
                      "parameters of one axis, or zeros");
  }
  return d;
}

LossCurve loss_along(const LossSurface& surface, const ParameterDirection& direction, const ArrayLike& distances) {
  expect_direction(surface, direction);
  if (distances.ndim() != 1) {
    raise<ShapeError>("loss_along: the distances must be a vector", "[m]", to_string(distances.shape()));
  }
  const Array x = core::contiguous(core::cast(distances, f64));
  LossCurve curve{x, Array::empty(x.shape(), f64)};
  const auto xs = surface.values();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    curve.loss.data<double>()[i] = surface.loss(moved_along(xs, direction, x.data<double>()[i]));
  }
  return curve;
}

LossCurve loss_along(const LossSurface& surface, const ParameterDirection& direction, double from, double to,
                     std::int64_t points) {
  return loss_along(surface, direction, equally_spaced(from, to, points));
}

LossLandscape loss_landscape(const LossSurface& surface, const LossLandscapeOptions& options) {
  if (!(options.range > 0)) {
    raise<ValueError>("loss_landscape: the range must be positive", "a distance", std::to_string(options.range));
  }
  const Array axis = equally_spaced(-options.range, options.range, options.points);
  const RandomDirectionOptions random{.generator = options.generator};
  const ParameterDirection along_x = options.x.empty() ? random_direction(surface, random) : options.x;
  const ParameterDirection along_y = options.y.empty() ? random_direction(surface, random) : options.y;
  expect_direction(surface, along_x);
  expect_direction(surface, along_y);
  const auto n = options.points;
  LossLandscape map{axis, axis, Array::empty({n, n}, f64)};
  const auto xs = surface.values();
  for (std::int64_t i = 0; i < n; ++i) {
    const auto row = moved_along(xs, along_y, axis.data<double>()[i]);
    for (std::int64_t k = 0; k < n; ++k) {
      map.loss.data<double>()[i * n + k] = surface.loss(moved_along(row, along_x, axis.data<double>()[k]));
    }
  }
  return map;
}

}  // namespace newtape::inspect
