// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "core/array/layouts.hpp"
#include "core/runtime/threads.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/conv.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace newtape;
using namespace layouts;

namespace {

struct ConvCase {
  const char* what;
  std::int64_t images, in, out, groups;
  Shape input, kernel;
  Dims stride, padding, dilation;
};

// Around one and two vectors of channels, planes smaller and larger than a panel, all kinds of strides.
const ConvCase conv_cases[] = {
    {"several blocks of channels", 2, 3, 70, 1, {9, 10}, {3, 3}, {1, 1}, {0, 0}, {1, 1}},
    {"one vector", 3, 5, 16, 1, {7, 8}, {3, 2}, {1, 1}, {1, 1}, {1, 1}},
    {"one vector and one channel", 1, 4, 17, 1, {6, 6}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {"many images of one pixel", 150, 6, 20, 1, {3, 3}, {3, 3}, {1, 1}, {0, 0}, {1, 1}},
    {"one by one", 2, 40, 33, 1, {5, 5}, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
    {"one by one with steps", 2, 9, 12, 1, {7, 5}, {1, 1}, {2, 3}, {0, 0}, {1, 1}},
    {"depthwise", 2, 6, 6, 6, {9, 37}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {"depthwise with steps and short rows", 3, 4, 8, 4, {11, 9}, {3, 3}, {2, 2}, {1, 1}, {2, 2}},
    {"wide groups", 2, 24, 40, 2, {5, 6}, {2, 3}, {1, 2}, {1, 0}, {2, 1}},
    {"few output channels", 2, 30, 2, 1, {6, 21}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {"a step wider than the kernel", 2, 3, 12, 1, {11, 12}, {2, 1}, {4, 3}, {0, 2}, {1, 1}},
    {"padding wider than the kernel", 1, 2, 9, 1, {4, 4}, {2, 2}, {1, 1}, {3, 2}, {1, 1}},
    {"one axis", 2, 5, 18, 1, {40}, {7}, {3}, {4}, {2}},
    {"three axes", 2, 3, 19, 1, {4, 5, 6}, {2, 3, 2}, {1, 2, 1}, {0, 1, 1}, {1, 1, 2}},
};

core::ConvGeometry geometry(const ConvCase& c) {
  core::ConvGeometry g{c.input, {}, c.kernel, c.stride, c.padding, c.dilation, c.groups};
  for (std::size_t a = 0; a < c.input.size(); ++a) {
    g.output.push_back((c.input[a] + 2 * c.padding[a] - c.dilation[a] * (c.kernel[a] - 1) - 1) / c.stride[a] + 1);
  }
  return g;
}

Shape with(std::int64_t a, std::int64_t b, const Shape& spatial) {
  Shape s{a, b};
  for (const auto d : spatial) s.push_back(d);
  return s;
}

Array random_operand(const Shape& shape, DType dtype, std::uint64_t seed) {
  Array x = Array::empty(shape, f64);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x.data<double>()[i] = static_cast<double>(seed >> 40) / (1 << 23) - 1;
  }
  return core::cast(x, dtype);
}

/// The three arrays of a convolution, and each computed from the other two by plain loops.
struct Arrays {
  Array x, w, y, b;
  core::ConvGeometry g;

  Arrays(const ConvCase& c, DType dtype)
      : x(random_operand(with(c.images, c.in, c.input), dtype, 1)),
        w(random_operand(with(c.out, c.in / c.groups, c.kernel), dtype, 2)),
        y(random_operand(with(c.images, c.out, geometry(c).output), dtype, 3)),
        b(random_operand({std::max(c.in, c.out)}, dtype, 4)),
        g(geometry(c)) {}

  /// Calls f(offset in x, in w, in y) for every product of the sum.
  template <class F>
  void each(const F& f) const {
    const std::int64_t out = w.shape()[0] / g.groups, in = w.shape()[1];
    std::int64_t at_y = 0;
    each_index(y.shape(), [&](const Dims& j) {
      Shape taps{in};
      for (const auto d : g.kernel) taps.push_back(d);
      std::int64_t at_w = j[1] * element_count(taps);
      each_index(taps, [&](const Dims& k) {
        std::int64_t at_x = j[0] * x.shape()[1] + j[1] / out * in + k[0];
        bool inside = true;
        for (std::size_t a = 0; a < g.input.size(); ++a) {
          const auto i = j[a + 2] * g.stride[a] - g.padding[a] + k[a + 1] * g.dilation[a];
          inside &= i >= 0 && i < g.input[a];
          at_x = at_x * g.input[a] + i;
        }
        if (inside) f(at_x, at_w, at_y);
        ++at_w;
      });
      ++at_y;
    });
  }
};

/// Sums of products by plain loops, with what bounds the rounding of another order: how many, and of which size.
struct Sums {
  std::vector<long double> value, size;
  std::vector<double> count;

  explicit Sums(const Array& like)
      : value(static_cast<std::size_t>(like.size())), size(value.size()), count(value.size()) {}

  void add(std::int64_t i, long double x) {
    const auto at = static_cast<std::size_t>(i);
    value[at] += x;
    size[at] += std::abs(x);
    count[at] += 1;
  }
  /// The largest difference, in units of its bound.
  double error(const Array& got) const {
    const auto have = elements(got);
    REQUIRE(have.size() == value.size());
    double worst = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const double bound = bounds::gamma(count[i], got.dtype()) * static_cast<double>(size[i]);
      const auto d = static_cast<double>(std::abs(have[i] - value[i]));
      const double units = d == 0 ? 0 : d / bound;
      worst = std::isnan(units) ? INFINITY : std::max(worst, units);
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("Convolutions of all kinds agree with plain loops, with any number of threads", "[conv]") {
  for (const auto& c : conv_cases) {
    for (const DType dtype : {f32, f64}) {
      INFO(c.what << ", " << name(dtype));
      const Arrays all(c, dtype);
      const auto x = elements(all.x), w = elements(all.w), y = elements(all.y), b = elements(all.b);
      Sums to_x(all.x), to_w(all.w), to_y(all.y);
      all.each([&](std::int64_t i, std::int64_t k, std::int64_t j) {
        const auto at_x = static_cast<std::size_t>(i), at_w = static_cast<std::size_t>(k),
                   at_y = static_cast<std::size_t>(j);
        to_y.add(j, static_cast<long double>(x[at_x]) * w[at_w]);
        to_x.add(i, static_cast<long double>(y[at_y]) * w[at_w]);
        to_w.add(k, static_cast<long double>(x[at_x]) * y[at_y]);
      });
      const Array no_bias;
      const Array got_x = core::conv_transpose(all.y, all.w, no_bias, all.g);
      const Array got_y = core::conv(all.x, all.w, no_bias, all.g);
      const Array got_w = core::conv_weight(all.x, all.y, all.g);
      CHECK(to_x.error(got_x) <= 1);
      CHECK(to_y.error(got_y) <= 1);
      CHECK(to_w.error(got_w) <= 1);
      {
        const Threads three(3);
        CHECK(same_bits(core::conv_transpose(all.y, all.w, no_bias, all.g), got_x));
        CHECK(same_bits(core::conv(all.x, all.w, no_bias, all.g), got_y));
        CHECK(same_bits(core::conv_weight(all.x, all.y, all.g), got_w));
      }

      const auto channel = [](std::size_t i, const Array& a) {
        return i / static_cast<std::size_t>(element_count(Shape(a.shape().begin() + 2, a.shape().end()))) %
               static_cast<std::size_t>(a.shape()[1]);
      };
      for (std::size_t i = 0; i < x.size(); ++i) to_x.add(static_cast<std::int64_t>(i), b[channel(i, all.x)]);
      for (std::size_t i = 0; i < y.size(); ++i) to_y.add(static_cast<std::int64_t>(i), b[channel(i, all.y)]);
      CHECK(to_x.error(core::conv_transpose(all.y, all.w, core::copy(core::slice(all.b, 0, 0, c.in)), all.g)) <= 1);
      CHECK(to_y.error(core::conv(all.x, all.w, core::copy(core::slice(all.b, 0, 0, c.out)), all.g)) <= 1);
    }
  }
}

TEST_CASE("Convolutions do not read unrelated elements", "[conv]") {
  for (const auto& c : conv_cases) {
    INFO(c.what);
    // NaN in the last image must not affect the others, nor weights without contribution from the last channel.
    const Arrays all(c, f32);
    Array x = core::copy(all.x), y = core::copy(all.y);
    const auto poison = [](Array& a) {
      const std::int64_t image = a.size() / a.shape()[0];
      for (std::int64_t i = a.size() - image; i < a.size(); ++i) {
        a.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
      }
    };
    poison(x);
    poison(y);
    const std::int64_t others = c.images - 1;
    const auto clean = [&](const Array& a) { return core::copy(core::slice(a, 0, 0, others)); };
    CHECK(same_bits(clean(core::conv(x, all.w, Array(), all.g)), clean(core::conv(all.x, all.w, Array(), all.g))));
    CHECK(same_bits(clean(core::conv_transpose(y, all.w, Array(), all.g)),
                    clean(core::conv_transpose(all.y, all.w, Array(), all.g))));
    Array spoilt = core::copy(all.y);
    const std::int64_t plane = element_count(all.g.output);
    for (std::int64_t n = 0; n < c.images; ++n) {
      for (std::int64_t p = 0; p < plane; ++p) {
        spoilt.data<float>()[(n * c.out + c.out - 1) * plane + p] = std::numeric_limits<float>::infinity();
      }
    }
    const auto rest = [&](const Array& a) { return core::copy(core::slice(a, 0, 0, c.out - 1)); };
    CHECK(same_bits(rest(core::conv_weight(all.x, spoilt, all.g)), rest(core::conv_weight(all.x, all.y, all.g))));
  }
}

TEST_CASE("A convolution of arrays of mismatched shapes is rejected", "[conv]") {
  const Arrays a(conv_cases[0], f32);
  CHECK_THROWS_AS(core::conv(a.y, a.w, Array(), a.g), ShapeError);
  CHECK_THROWS_AS(core::conv_transpose(a.x, a.w, Array(), a.g), ShapeError);
  CHECK_THROWS_AS(core::conv_weight(a.y, a.x, a.g), ShapeError);
  CHECK_THROWS_AS(core::conv(a.x, core::cast(a.w, f64), Array(), a.g), DTypeError);
}
