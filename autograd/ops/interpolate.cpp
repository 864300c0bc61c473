// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/interpolate.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/resample.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/core/array/integers.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

namespace {

using core::BandMatrix;

/// Scaling of one axis: `ratio` input elements for each output element.
struct Scaling {
  std::int64_t input, output;
  double ratio;
  bool align_corners;

  /// The coordinate in the input, in elements, of output i.
  double source(std::int64_t i) const {
    const auto at = static_cast<double>(i);
    if (!align_corners) return (at + 0.5) * ratio - 0.5;
    return output == 1 ? 0 : at * static_cast<double>(input - 1) / static_cast<double>(output - 1);
  }
};

BandMatrix nearest(const Scaling& s, double centre) {
  BandMatrix m;
  m.input = s.input;
  for (std::int64_t i = 0; i < s.output; ++i) {
    const auto at = static_cast<std::int64_t>(std::floor((static_cast<double>(i) + centre) * s.ratio));
    m.add_row(std::min(at, s.input - 1), {1.0});
  }
  return m;
}

/// Adds a row with the weights `taps` from `column` on; columns out of range are clamped to the edge.
void add_clamped(BandMatrix& m, std::int64_t column, const std::vector<double>& taps) {
  const auto inside = [&](std::int64_t c) { return std::clamp<std::int64_t>(c, 0, m.input - 1); };
  const std::int64_t first = inside(column);
  const std::int64_t last = inside(column + static_cast<std::int64_t>(taps.size()) - 1);
  std::vector<double> run(static_cast<std::size_t>(last - first + 1));
  for (const double w : taps) run[static_cast<std::size_t>(inside(column++) - first)] += w;
  // Drop trailing zeros, so that a NaN or infinity at an element with weight 0 does not contribute.
  while (run.size() > 1 && run.back() == 0) run.pop_back();
  m.add_row(first, run);
}

BandMatrix linear(const Scaling& s) {
  BandMatrix m;
  m.input = s.input;
  for (std::int64_t i = 0; i < s.output; ++i) {
    const double at = std::max(0.0, s.source(i));
    const double t = at - std::floor(at);
    add_clamped(m, static_cast<std::int64_t>(at), {1 - t, t});
  }
  return m;
}

/// Keys 1981, with a = -3/4.
BandMatrix cubic(const Scaling& s) {
  constexpr double a = -0.75;
  const auto near = [](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  const auto far = [](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  BandMatrix m;
  m.input = s.input;
  for (std::int64_t i = 0; i < s.output; ++i) {
    const double at = s.source(i);
    const double t = at - std::floor(at);
    add_clamped(m, static_cast<std::int64_t>(std::floor(at)) - 1, {far(1 + t), near(t), near(1 - t), far(2 - t)});
  }
  return m;
}

/// A kernel stretched to the width of an output element; its weights within the input, which sum to 1.
BandMatrix antialiased(const Scaling& s, bool cubic) {
  constexpr double a = -0.5;
  const auto kernel = [cubic](double t) {
    t = std::fabs(t);
    if (!cubic) return std::max(0.0, 1 - t);
    if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0.0;
  };
  const double stretch = std::max(s.ratio, 1.0), reach = (cubic ? 2 : 1) * stretch;
  BandMatrix m;
  m.input = s.input;
  for (std::int64_t i = 0; i < s.output; ++i) {
    const double centre = s.ratio * (static_cast<double>(i) + 0.5);
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - reach + 0.5), 0);
    const auto end = std::min(static_cast<std::int64_t>(centre + reach + 0.5), s.input);
    std::vector<double> run;
    double total = 0;
    for (auto k = first; k < end; ++k) {
      run.push_back(kernel((static_cast<double>(k) - centre + 0.5) / stretch));
      total += run.back();
    }
    for (auto& w : run) w /= total;
    m.add_row(first, run);
  }
  return m;
}

std::string name_of(InterpolateMode mode) {
  constexpr const char* names[] = {"nearest", "nearest_exact", "linear", "bilinear", "trilinear", "bicubic", "area"};
  return names[static_cast<std::size_t>(mode)];
}

/// The only number of spatial axes that `mode` supports; 0 for any.
std::size_t axes_of(InterpolateMode mode) {
  switch (mode) {
    case InterpolateMode::linear: return 1;
    case InterpolateMode::bilinear:
    case InterpolateMode::bicubic: return 2;
    case InterpolateMode::trilinear: return 3;
    default: return 0;
  }
}

BandMatrix matrix_of(InterpolateMode mode, const Scaling& s, bool antialias) {
  if (antialias) return antialiased(s, mode == InterpolateMode::bicubic);
  switch (mode) {
    case InterpolateMode::nearest: return nearest(s, 0);
    case InterpolateMode::nearest_exact: return nearest(s, 0.5);
    case InterpolateMode::bicubic: return cubic(s);
    default: return linear(s);
  }
}

Tensor average_pooled(const In& x, std::size_t axes, const Dims& size) {
  return axes == 1   ? adaptive_avg_pool1d(x, size)
         : axes == 2 ? adaptive_avg_pool2d(x, size)
                     : adaptive_avg_pool3d(x, size);
}

}  // namespace

Tensor interpolate(In x, const InterpolateOptions& o) {
  const std::size_t axes = x.is_number() || x.ndim() < 3 || x.ndim() > 5 ? 0 : x.ndim() - 2;
  if (axes == 0) {
    raise<ShapeError>("interpolate: x must have one to three spatial axes", "x [n, c, spatial..]",
                      x.is_number() ? "a number" : "x " + to_string(x.shape()));
  }
  expect_floating("interpolate", x.value());
  const std::size_t wanted = axes_of(o.mode);
  if (wanted != 0 && axes != wanted) {
    raise<ShapeError>("interpolate: the mode must match the number of spatial axes",
                      name_of(o.mode) + " on " + std::to_string(wanted), "x " + to_string(x.shape()));
  }
  if (o.align_corners && wanted == 0) {
    raise<ValueError>("interpolate: align_corners requires a linear or cubic mode",
                      "linear, bilinear, trilinear, bicubic", name_of(o.mode));
  }
  if (o.antialias && (wanted == 0 || o.align_corners)) {
    raise<ValueError>("interpolate: antialias requires a linear or cubic mode without align_corners",
                      "linear, bilinear, trilinear, bicubic",
                      name_of(o.mode) + (o.align_corners ? ", align_corners" : ""));
  }
  const auto& f = o.scale_factor;
  if (o.size.empty() == f.empty() || (f.size() > 1 && f.size() != axes)) {
    raise<ValueError>(
        "interpolate: exactly one of size and scale_factor must be given",
        "size or scale_factor, one number or " + std::to_string(axes),
        std::string(o.size.empty() ? "no size" : "size") + " and " + std::to_string(f.size()) + " scale factors");
  }
  const Shape before(x.shape().end() - axes, x.shape().end());
  Dims after;
  if (f.empty()) {
    after = o.size.over("interpolate", "size", axes, 1);
  } else {
    for (std::size_t a = 0; a < axes; ++a) {
      const double factor = f.size() == 1 ? f[0] : f[a];
      after.push_back(factor > 0 ? detail::checked_i64("interpolate", static_cast<double>(before[a]) * factor) : 0);
    }
  }
  if (std::any_of(after.begin(), after.end(), [](std::int64_t d) { return d < 1; }) || element_count(before) == 0) {
    raise<ShapeError>("interpolate: the images must not be empty", "lengths of at least 1",
                      to_string(before) + " to " + to_string(after));
  }
  if (o.mode == InterpolateMode::area) return average_pooled(x, axes, after);
  if (detail::is_traced()) {
    std::vector<double> factors(axes);
    for (std::size_t a = 0; a < axes && !f.empty(); ++a) factors[a] = f.size() == 1 ? f[0] : f[a];
    return detail::trace_call(
        "interpolate", {x},
        {{"size", after},
         {"factors", factors},
         {"mode", name_of(o.mode)},
         {"align_corners", o.align_corners},
         {"antialias", o.antialias}},
        [&] { return interpolate(x, o); }, x.location());
  }
  std::vector<detail::ResamplingRef> maps;
  for (std::size_t a = 0; a < axes; ++a) {
    // As in PyTorch, a given factor determines the coordinates, even if the size was rounded.
    const double ratio =
        f.empty() ? static_cast<double>(before[a]) / static_cast<double>(after[a]) : 1 / (f.size() == 1 ? f[0] : f[a]);
    const Scaling s{before[a], after[a], ratio, o.align_corners};
    maps.push_back(detail::resampling(matrix_of(o.mode, s, o.antialias)));
  }
  return detail::resample(x, maps);
}

}  // namespace newtape
