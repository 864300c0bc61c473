// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/max_pool.hpp>
#include <newtape/core/ops/resample.hpp>
#include <newtape/core/runtime/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

using namespace newtape;
using namespace layouts;

namespace {

/// Adjacent windows of `kernel` elements.
core::WindowAxis tiles(std::int64_t input, std::int64_t kernel) {
  core::WindowAxis w;
  w.input = input;
  for (std::int64_t i = 0; (i + 1) * kernel <= input; ++i) {
    w.first.push_back(i * kernel);
    w.count.push_back(kernel);
  }
  return w;
}

/// Few distinct values, so that many windows have ties.
Array ties(const Shape& shape, DType dtype, std::uint64_t seed) {
  Array x = Array::empty(shape, f64);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x.data<double>()[i] = static_cast<double>(seed >> 61);
  }
  return core::cast(x, dtype);
}

}  // namespace

TEST_CASE("Max pooling in 2x2 windows finds the first of equals in rows of any length", "[pooling]") {
  for (const DType dtype : {f32, f64}) {
    for (std::int64_t width = 2; width < 70; ++width) {
      const std::int64_t height = 3 + width % 4;
      INFO(name(dtype) << " " << height << " x " << width);
      Array x = ties({2, 3, height, width}, dtype, static_cast<std::uint64_t>(width));
      const core::WindowAxis windows[] = {tiles(height, 2), tiles(width, 2)};
      const Array y = core::max_pool(x, windows);
      const Array at = core::max_pool_indices(x, windows);
      const Array g = ties(y.shape(), dtype, 99);
      const Array back = core::max_pool_grad(g, x, y, windows);
      const auto in = elements(x), out = elements(y), where = elements(at), weight = elements(g), got = elements(back);
      std::vector<double> want(in.size());
      bool right = true;
      std::size_t o = 0;
      each_index(y.shape(), [&](const Dims& i) {
        const std::int64_t plane = (i[0] * 3 + i[1]) * height * width;
        const auto element = [&](std::int64_t r, std::int64_t c) {
          return static_cast<std::size_t>(plane + (2 * i[2] + r) * width + 2 * i[3] + c);
        };
        auto best = element(0, 0);
        for (const auto e : {element(0, 1), element(1, 0), element(1, 1)}) best = in[e] > in[best] ? e : best;
        right &= out[o] == in[best] && where[o] == static_cast<double>(best - static_cast<std::size_t>(plane));
        want[best] += weight[o++];
      });
      CHECK(right);
      CHECK(got == want);
    }
  }
}

TEST_CASE("NaN is the maximum of its window and gets its gradient", "[pooling]") {
  for (const std::int64_t kernel : {2, 3}) {
    Array x = core::zeros({1, 6, 6}, f32);
    x.data<float>()[8] = NAN;
    const core::WindowAxis windows[] = {tiles(6, kernel), tiles(6, kernel)};
    const Array y = core::max_pool(x, windows);
    const Array g = core::ones(y.shape(), f32);
    const std::int64_t window = 8 % 6 / kernel + 8 / 6 / kernel * (6 / kernel);
    CHECK(std::isnan(y.data<float>()[window]));
    CHECK(core::max_pool_indices(x, windows).data<std::int64_t>()[window] == 8);
    CHECK(core::max_pool_grad(g, x, y, windows).data<float>()[8] == 1);
  }
}

TEST_CASE("Batched cotangents of one max pooling", "[pooling]") {
  for (const std::int64_t kernel : {2, 3}) {
    const core::WindowAxis windows[] = {tiles(6, kernel), tiles(7, kernel)};
    const Array x = ties({2, 6, 7}, f64, 5);
    const Array y = core::max_pool(x, windows);
    Shape shape = y.shape();
    shape.insert(0, 3);
    const Array g = ties(shape, f64, 6);
    const Array all = core::max_pool_grad(g, x, y, windows);
    for (std::int64_t i = 0; i < 3; ++i) {
      const Array one = core::max_pool_grad(core::select(g, 0, i), x, y, windows);
      CHECK(elements(one) == elements(core::select(all, 0, i)));
    }
  }
}

TEST_CASE("Resampling multiplies by the matrix, and its transpose is the transpose", "[pooling]") {
  core::BandMatrix m;
  m.input = 40;
  for (std::int64_t i = 0; i < 9; ++i) {
    std::vector<double> run;
    for (std::int64_t k = 0; k < i * 4; ++k) run.push_back(0.25 * static_cast<double>(k + i));
    m.add_row(i, run);
  }
  const core::BandMatrix t = m.transposed();
  std::vector<std::vector<double>> dense(9, std::vector<double>(40));
  for (std::size_t i = 0; i < 9; ++i) {
    for (std::size_t k = 0; k < i * 4; ++k) dense[i][i + k] = 0.25 * static_cast<double>(k + i);
  }
  for (const std::int64_t axis : {0, 1, 2}) {
    Shape shape{2, 3, 4};
    shape[static_cast<std::size_t>(axis)] = 40;
    const Array x = ties(shape, f64, 7);
    const Array y = core::resample(x, m, axis);
    const Array back = core::resample(y, t, axis - 3);
    each_index(y.shape(), [&](Dims at) {
      double want = 0;
      Dims from(at);
      for (std::int64_t k = 0; k < 40; ++k) {
        from[static_cast<std::size_t>(axis)] = k;
        want += dense[static_cast<std::size_t>(at[static_cast<std::size_t>(axis)])][static_cast<std::size_t>(k)] *
                layouts::at(x, from);
      }
      CHECK(std::abs(layouts::at(y, at) - want) <= 1e-12 * (1 + std::abs(want)));
    });
    each_index(back.shape(), [&](const Dims& at) {
      double want = 0;
      Dims from(at);
      for (std::int64_t k = 0; k < 9; ++k) {
        from[static_cast<std::size_t>(axis)] = k;
        want += dense[static_cast<std::size_t>(k)][static_cast<std::size_t>(at[static_cast<std::size_t>(axis)])] *
                layouts::at(y, from);
      }
      CHECK(std::abs(layouts::at(back, at) - want) <= 1e-12 * (1 + std::abs(want)));
    });
  }
  CHECK_THROWS_AS(core::resample(core::zeros({3}, f64), m, 0), ShapeError);
  CHECK_THROWS_AS(core::resample(core::zeros({40}, i64), m, 0), DTypeError);
}
