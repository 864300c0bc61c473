// SPDX-License-Identifier: BSD-3-Clause
// Scans against plain loops: all code paths, in every layout.
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/scan.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

using namespace newtape;
using namespace layouts;

namespace {

using Step = std::function<double(const std::vector<double>& row, std::int64_t i, double before)>;

/// f applied along the axis, element by element.
std::vector<double> scanned_by_loops(const Array& x, std::size_t axis, bool reverse, double start, const Step& f) {
  std::vector<double> y;
  each_index(x.shape(), [&](Dims i) {
    const auto n = x.shape()[axis];
    std::vector<double> row;
    const auto here = i[axis];
    for (i[axis] = 0; i[axis] < n; ++i[axis]) row.push_back(at(x, i));
    double value = start;
    if (reverse) {
      for (auto k = n - 1; k >= here; --k) value = f(row, k, value);
    } else {
      for (std::int64_t k = 0; k <= here; ++k) value = f(row, k, value);
    }
    y.push_back(value);
  });
  return y;
}

void compare(const Array& y, const std::vector<double>& want, double tolerance) {
  const auto got = elements(y);
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i);
    REQUIRE(std::abs(got[i] - want[i]) <= tolerance * (1 + std::abs(want[i])));
  }
}

// Transposed rows (a whole block and more); few long rows; wide and narrow columns.
const std::vector<std::pair<Shape, std::int64_t>> shapes{{{70, 150}, 1}, {{9, 3}, 1},    {{3, 200}, 1},
                                                         {{500}, 0},     {{40, 300}, 0}, {{3, 20, 7}, 1},
                                                         {{8, 64}, -1},  {{33, 65}, -1}};

TEST_CASE("scans agree with loops") {
  for (const auto& [shape, axis] : shapes) {
    const auto a = normalize_axis("test", axis, shape.size());
    for (const DType dtype : {f32, f64, i64}) {
      INFO(to_string(shape) << " along " << axis << ", " << name(dtype));
      const double tolerance = dtype == f32 ? 1e-6 : 1e-13;
      const Array x = scattered(shape, dtype);
      for (const bool reverse : {false, true}) {
        const Array y = core::cumsum(x, axis, reverse);
        CHECK(y.dtype() == dtype);
        compare(y, scanned_by_loops(x, a, reverse, 0, [](const auto& row, auto i, double s) { return s + row[i]; }),
                tolerance);
      }
      const Array places = core::cummax(x, axis).indices;
      compare(places,
              scanned_by_loops(x, a, false, 0,
                               [](const auto& row, auto i, double best) {
                                 return row[i] >= row[static_cast<std::size_t>(best)] ? static_cast<double>(i) : best;
                               }),
              0);
      if (dtype == i64) continue;
      const Array small = core::mul(x, core::full({}, 0.25, dtype));
      compare(core::cumprod(small, axis),
              scanned_by_loops(small, a, false, 1, [](const auto& row, auto i, double s) { return s * row[i]; }),
              tolerance);
      compare(core::logcumsumexp(x, axis),
              scanned_by_loops(x, a, false, -inf,
                               [](const auto& row, auto i, double s) {
                                 return std::max(s, row[i]) + std::log1p(std::exp(-std::abs(s - row[i])));
                               }),
              4 * tolerance);
      for (const bool reverse : {false, true}) {
        compare(core::linear_recurrence(small, small, axis, reverse),
                scanned_by_loops(small, a, reverse, 0,
                                 [](const auto& row, auto i, double s) { return row[i] * s + row[i]; }),
                tolerance);
      }
    }
  }
}

TEST_CASE("scans of f32 accumulate in f64") {
  const Array x = core::full({1 << 20}, 0.1, f32);
  const double last = at(core::cumsum(x, 0), {(1 << 20) - 1});
  CHECK(std::abs(last / (static_cast<double>(0.1F) * (1 << 20)) - 1) < 1e-7);
}

TEST_CASE("scans reuse the memory of temporaries") {
  Array x = core::full({3}, 2, f64);
  const void* memory = x.raw();
  const Array kept = core::cumsum(x, 0);
  CHECK(kept.raw() != memory);
  CHECK(core::cumsum(std::move(x), 0).raw() == memory);
}

TEST_CASE("booleans are counted") {
  const Array y = core::cumsum(make({4}, {1, 0, 1, 1}, boolean), 0);
  CHECK(y.dtype() == i64);
  CHECK(elements(y) == std::vector<double>{1, 1, 2, 3});
}

TEST_CASE("infinities and NaN in scans") {
  const auto lcse = [](std::vector<double> v) {
    return elements(core::logcumsumexp(make({static_cast<std::int64_t>(v.size())}, v), 0));
  };
  CHECK(lcse({-inf, -inf}) == std::vector<double>{-inf, -inf});
  CHECK(lcse({-inf, 1, -inf}) == std::vector<double>{-inf, 1, 1});
  CHECK(lcse({1, inf, 2, inf}) == std::vector<double>{1, inf, inf, inf});
  CHECK(lcse({1000, 0}) == std::vector<double>{1000, 1000});
  const auto odd = lcse({1, not_a_number, 2});
  CHECK(odd[0] == 1);
  CHECK(std::isnan(odd[1]));
  CHECK(std::isnan(odd[2]));
  const auto best = core::cummax(make({5}, {1, not_a_number, 3, not_a_number, 2}), 0);
  CHECK(elements(best.indices) == std::vector<double>{0, 1, 1, 3, 3});
  CHECK(std::isnan(elements(best.values)[4]));
  CHECK(elements(core::cummin(make({3}, {inf, inf, 1}), 0).indices) == std::vector<double>{0, 1, 2});
}

TEST_CASE("scans give the same bits with any number of threads") {
  const Array x = scattered({64, 1000}, f32);
  const int before = num_threads();
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    auto all = elements(core::cumsum(x, 1));
    for (const double v : elements(core::logcumsumexp(x, 0))) all.push_back(v);
    results.push_back(all);
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("invalid arguments of scans") {
  CHECK_THROWS_AS(core::logcumsumexp(make({2}, {1, 2}, i64), 0), DTypeError);
  CHECK_THROWS_AS(core::cumprod(make({2}, {1, 1}, boolean), 0), DTypeError);
  CHECK_THROWS_AS(core::cumsum(make({}, {1}), 1), ShapeError);
  CHECK_THROWS_AS(core::linear_recurrence(make({2}, {1, 1}), make({1}, {1}), 0), ShapeError);
}

}  // namespace
