// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/core/xtensor.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace newtape;

namespace {
constexpr double no_end = std::numeric_limits<double>::infinity();

/// The same statistics by plain loops.
core::ArraySummary summary_by_loops(const Array& x, double low, double high) {
  core::ArraySummary s;
  const Array values = core::copy(core::cast(x, f64));
  s.size = s.examined = values.size();
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const double v = values.data<double>()[i];
    if (!std::isfinite(v)) {
      ++s.non_finite;
      continue;
    }
    s.sum += v;
    s.sum_squares += v * v;
    s.min = std::min(s.min, v);
    s.max = std::max(s.max, v);
    s.zeros += v == 0 ? 1 : 0;
    s.saturated += v != 0 && (v <= low || v >= high) ? 1 : 0;
  }
  return s;
}
}  // namespace

TEST_CASE("summarize agrees with plain loops, for any length and dtype") {
  for (const DType dtype : {f32, f64}) {
    for (const std::int64_t n : {1, 2, 15, 16, 17, 100, 4097, 200000}) {
      Array x = random::normal({n}, 0.25, 2, dtype);
      if (n > 10) {
        visit_dtype(dtype, [&]<class T>() {
          x.data<T>()[3] = std::numeric_limits<T>::quiet_NaN();
          x.data<T>()[4] = -std::numeric_limits<T>::infinity();
          x.data<T>()[7] = 0;
          x.data<T>()[n - 1] = 0;
        });
      }
      const auto got = core::summarize(x, {.low = -1, .high = 1.5});
      const auto wanted = summary_by_loops(x, -1, 1.5);
      CHECK(got.examined == n);
      CHECK(got.non_finite == wanted.non_finite);
      CHECK(got.zeros == wanted.zeros);
      CHECK(got.saturated == wanted.saturated);
      CHECK(got.min == wanted.min);
      CHECK(got.max == wanted.max);
      // Both add n doubles, in different orders (Higham, eq. 4.4).
      const double terms = static_cast<double>(n);
      const double squares = wanted.sum_squares;
      CHECK(std::abs(got.sum - wanted.sum) <= 2 * bounds::gamma(terms, f64) * std::sqrt(terms * squares));
      CHECK(std::abs(got.sum_squares - squares) <= 2 * bounds::gamma(terms + 1, f64) * squares);
    }
  }
}

TEST_CASE("summarize reads transposed, sliced and broadcast layouts") {
  const Array x = random::normal({30, 40});
  const Array views[] = {core::transpose(x, 0, 1), core::slice(x, 1, 3, 17),
                         core::expand(core::slice(x, 0, 0, 1), {7, 40})};
  for (const Array& view : views) {
    const auto got = core::summarize(view);
    const auto wanted = summary_by_loops(view, -no_end, no_end);
    CHECK(got.examined == view.size());
    CHECK(got.min == wanted.min);
    CHECK(got.max == wanted.max);
    CHECK(got.sum_squares == Approx(wanted.sum_squares).epsilon(2 * bounds::gamma(1200, f64)));
  }
}

TEST_CASE("summarize of large values and of nothing") {
  const auto large = core::summarize(core::full({100}, 1e30, f32));  // its square is beyond f32
  CHECK(large.rms() == Approx(1e30).epsilon(bounds::gamma(2, f32)));
  const auto empty = core::summarize(Array::empty({0, 3}, f64));
  CHECK(empty.examined == 0);
  CHECK(empty.rms() == 0);
  CHECK(empty.zero_share() == 0);
  CHECK_THROWS_AS(core::summarize(Array::empty({2}, i64)), DTypeError);
}

TEST_CASE("summarize of a sample estimates norms within the sampling error") {
  const std::int64_t n = 1 << 20;
  const std::int64_t sample = 1 << 14;
  const Array x = random::normal({n}, 0, 3, f64);
  const auto s = core::summarize(x, {.max_elements = sample});
  CHECK(s.examined == sample);
  CHECK(s.size == n);
  // The mean square of m normal numbers has the relative deviation sqrt(2 / m).
  const double deviation = std::sqrt(2.0 / static_cast<double>(sample));
  const double whole = core::summarize(x).norm();
  CHECK(std::abs(s.norm() * s.norm() / (whole * whole) - 1) < 6 * deviation);
  CHECK(core::summary_sample(x, sample).size() == sample);
  const double again = core::summarize(core::summary_sample(x, sample)).sum_squares;
  CHECK(again == Approx(s.sum_squares).epsilon(2 * bounds::gamma(static_cast<double>(sample) + 1, f64)));
}

TEST_CASE("summaries merge as if the arrays were one") {
  const Array x = random::normal({1000}, 0, 1, f64);
  auto merged = core::summarize(core::slice(x, 0, 0, 300));
  merged.merge(core::summarize(core::slice(x, 0, 300, 1000)));
  const auto whole = core::summarize(x);
  CHECK(merged.examined == 1000);
  CHECK(merged.min == whole.min);
  CHECK(merged.max == whole.max);
  CHECK(merged.sum_squares == Approx(whole.sum_squares).epsilon(2 * bounds::gamma(1001, f64)));
}

TEST_CASE("the change since a sample was taken is that of the difference, in every layout") {
  for (const DType dtype : {f32, f64}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{300}, Shape{40, 50}, Shape{3, 100000}}) {
      for (const std::int64_t limit : {0, 100, 4096}) {
        const Array x = random::normal(shape, 0, 1, dtype);
        const Array y = random::normal(shape, 0, 1, dtype);
        for (const bool turned : {false, true}) {
          if (turned && shape.size() != 2) continue;
          const Array from = turned ? core::transpose(x, 0, 1) : x;
          const Array to = turned ? core::transpose(y, 0, 1) : y;
          const auto got = core::summarize_change(to, core::summary_sample(from, limit), limit);
          const Array then = core::summary_sample(from, limit);
          const Array now = core::summary_sample(to, limit);
          core::ArraySummary wanted;
          visit_dtype(dtype, [&]<class T>() {
            Array change = core::copy(now);
            for (std::int64_t i = 0; i < change.size(); ++i) change.data<T>()[i] -= then.data<T>()[i];
            wanted = summary_by_loops(change, -no_end, no_end);
          });
          CHECK(got.size == x.size());
          CHECK(got.examined == wanted.examined);
          CHECK(got.min == wanted.min);
          CHECK(got.max == wanted.max);
          CHECK(got.zeros == wanted.zeros);
          const double slack = bounds::gamma(static_cast<double>(wanted.examined) + 1, f64);
          CHECK(std::abs(got.sum_squares - wanted.sum_squares) <= slack * wanted.sum_squares);
        }
      }
    }
  }
  const Array x = core::ones({10}, f32);
  CHECK_THROWS_AS(core::summarize_change(x, core::ones({9}, f32), 0), ValueError);
  CHECK_THROWS_AS(core::summarize_change(x, core::ones({10}, f64), 0), ValueError);
  CHECK_THROWS_AS(core::summarize_change(core::ones({3}, i64), core::ones({3}, i64), 0), DTypeError);
}
