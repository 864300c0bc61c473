// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/interpolate.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

/// The interpolation kernel: the weight of an element at distance t.
long double hat(long double t) { return std::max(0.0L, 1 - std::abs(t)); }
long double keys(long double t) {
  t = std::abs(t);
  if (t <= 1) return 1.25L * t * t * t - 2.25L * t * t + 1;
  if (t < 2) return -0.75L * t * t * t + 3.75L * t * t - 6 * t + 3;
  return 0;
}

/// Every output element is the sum over all elements of the input, with replicated borders, weighted by the kernel at
/// their distances from the output's coordinate.
Reference weighted(const Shape& x, const Shape& y, long double (*weight)(long double), bool align_corners, bool clip) {
  return [=](const std::vector<Values>& v) {
    Values out(y);
    constexpr std::int64_t border = 4;
    for_each_index(y, [&](const Dims& i) {
      Shape wide{1, 1};
      for (std::size_t a = 2; a < x.size(); ++a) wide.push_back(x[a] + 2 * border);
      for_each_index(wide, [&](const Dims& k) {
        Dims at{i[0], i[1]};
        long double w = 1;
        for (std::size_t a = 2; a < x.size(); ++a) {
          const auto in = static_cast<long double>(x[a]), n = static_cast<long double>(y[a]);
          const auto o = static_cast<long double>(i[a]);
          long double place = align_corners ? (n == 1 ? 0 : o * (in - 1) / (n - 1)) : (o + 0.5L) * in / n - 0.5L;
          if (clip) place = std::max(0.0L, place);
          const auto element = k[a] - border;
          w *= weight(place - static_cast<long double>(element));
          at.push_back(std::clamp<std::int64_t>(element, 0, x[a] - 1));
        }
        out[i] += w * v[0][at];
      });
    });
    return out;
  };
}

Sample smooth(const Shape& x, const Shape& y, InterpolateMode mode, bool align_corners) {
  const Dims size(y.begin() + 2, y.end());
  const bool cubic = mode == InterpolateMode::bicubic;
  return {{x},
          [=](Args& a) { return interpolate(a[0], {.size = size, .mode = mode, .align_corners = align_corners}); },
          weighted(x, y, cubic ? keys : hat, align_corners, !cubic)};
}

const Rows interpolations{{
    {.name = "interpolate",
     .samples = {{{{1, 2, 3}},
                  [](Args& a) { return interpolate(a[0], {.size = 5}); },
                  picks({1, 2, 5},
                        [](const Dims& i) {
                          return Dims{i[0], i[1], i[2] * 3 / 5};
                        })},
                 {{{1, 1, 5, 2}},
                  [](Args& a) {
                    return interpolate(a[0], {.scale_factor = {0.5, 2}});
                  },
                  picks({1, 1, 2, 4},
                        [](const Dims& i) {
                          return Dims{0, 0, 2 * i[2], i[3] / 2};
                        })},
                 {{{1, 1, 2, 2, 1}},
                  [](Args& a) {
                    return interpolate(a[0], {.scale_factor = {2}, .mode = InterpolateMode::nearest_exact});
                  },
                  picks({1, 1, 4, 4, 2},
                        [](const Dims& i) {
                          return Dims{0, 0, i[2] / 2, i[3] / 2, 0};
                        })},
                 {{{1, 1, 5}},
                  [](Args& a) { return interpolate(a[0], {.size = 2, .mode = InterpolateMode::nearest_exact}); },
                  picks({1, 1, 2},
                        [](const Dims& i) {
                          return Dims{0, 0, i[2] == 0 ? 1 : 3};
                        })},
                 {{{1, 1, 4, 2}},
                  [](Args& a) {
                    return interpolate(a[0], {.size = {2, 1}, .mode = InterpolateMode::area});
                  },
                  [](const std::vector<Values>& v) {
                    Values y({1, 1, 2, 1});
                    for_each_index({1, 1, 4, 2}, [&](const Dims& i) { y[{0, 0, i[2] / 2, 0}] += v[0][i] / 4; });
                    return y;
                  }},
                 smooth({1, 2, 4}, {1, 2, 7}, InterpolateMode::linear, false),
                 smooth({1, 1, 5}, {1, 1, 3}, InterpolateMode::linear, true),
                 smooth({2, 1, 2, 3}, {2, 1, 4, 5}, InterpolateMode::bilinear, false),
                 smooth({1, 1, 3, 4}, {1, 1, 5, 1}, InterpolateMode::bilinear, true),
                 smooth({1, 1, 2, 2, 3}, {1, 1, 3, 2, 2}, InterpolateMode::trilinear, false),
                 smooth({1, 1, 3, 4}, {1, 1, 5, 3}, InterpolateMode::bicubic, false),
                 smooth({1, 1, 3, 2}, {1, 1, 4, 5}, InterpolateMode::bicubic, true),
                 smooth({0, 1, 3, 2}, {0, 1, 2, 2}, InterpolateMode::bilinear, false)},
     .rejects = {{Error::shape, "interpolate: x must have one to three spatial axes",
                  [] { interpolate(of({3, 3}), {.size = 2}); }},
                 {Error::shape, "bilinear on 2",
                  [] { interpolate(of({1, 3, 3}), {.size = 2, .mode = InterpolateMode::bilinear}); }},
                 {Error::shape, "lengths of at least 1", [] { interpolate(of({1, 1, 3}), {.scale_factor = {0.1}}); }},
                 {Error::value, "exactly one of size and scale_factor", [] { interpolate(of({1, 1, 3}), {}); }},
                 {Error::value, "exactly one of size and scale_factor",
                  [] { interpolate(of({1, 1, 3}), {.size = 2, .scale_factor = {2}}); }},
                 {Error::value, "align_corners",
                  [] { interpolate(of({1, 1, 3}), {.size = 2, .align_corners = true}); }},
                 {Error::dtype, "must be a float", [] { interpolate(of({1, 1, 3}, i64), {.size = 2}); }}},
     .composite = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
