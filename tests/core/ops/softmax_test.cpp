// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace newtape;
using namespace layouts;

namespace {

/// Calls f(row) with the indices along `axis`, for every row.
template <class F>
void each_row(const Shape& shape, std::size_t axis, const F& f) {
  Shape outer = shape;
  outer[axis] = 1;
  each_index(outer, [&](const Dims& first) {
    std::vector<Dims> row;
    for (std::int64_t i = 0; i < shape[axis]; ++i) {
      row.push_back(first);
      row.back()[axis] = i;
    }
    f(row);
  });
}

long double log_sum_exp(const Array& x, const std::vector<Dims>& row) {
  long double largest = -INFINITY;
  long double sum = 0;
  for (const auto& i : row) largest = std::max<long double>(largest, at(x, i));
  for (const auto& i : row) sum += std::exp(at(x, i) - largest);
  return largest + std::log(sum);
}

}  // namespace

TEST_CASE("softmax, log_softmax and logsumexp agree with plain loops along every axis", "[softmax]") {
  for (const DType dtype : {f32, f64}) {
    const long double tolerance = dtype == f32 ? 2e-6L : 4e-15L;
    for (const auto& [layout, source] : all(dtype)) {
      const Array& x = source;
      for (std::size_t axis = 0; axis < x.ndim(); ++axis) {
        INFO(name(dtype) << ", " << layout << ", axis " << axis);
        const auto a = static_cast<std::int64_t>(axis);
        const Array soft = core::softmax(x, a);
        const Array log_soft = core::log_softmax(x, a - static_cast<std::int64_t>(x.ndim()));
        const Array lse = core::logsumexp(x, a, true);
        const Array dropped = core::logsumexp(x, a);
        CHECK(elements(dropped) == elements(lse));
        CHECK(dropped.ndim() == x.ndim() - 1);
        long double worst = 0;
        each_row(x.shape(), axis, [&](const std::vector<Dims>& row) {
          const long double expected = log_sum_exp(x, row);
          worst = std::max(worst, std::abs(at(lse, row[0]) - expected) / (1 + std::abs(expected)));
          for (const auto& i : row) {
            const long double p = std::exp(at(x, i) - expected);
            worst = std::max(worst, std::abs(at(soft, i) - p) / p / 4);
            worst = std::max(worst,
                             std::abs(at(log_soft, i) - (at(x, i) - expected)) / (1 + std::abs(at(x, i) - expected)));
          }
        });
        CHECK(worst < tolerance);
      }
    }
  }
}

TEST_CASE("The pullbacks of softmax and log_softmax agree with plain loops", "[softmax]") {
  for (const DType dtype : {f32, f64}) {
    const long double tolerance = dtype == f32 ? 1e-5L : 1e-14L;
    for (const auto& [layout, y0] : all(dtype)) {
      for (std::size_t axis = 0; axis < y0.ndim(); ++axis) {
        INFO(name(dtype) << ", " << layout << ", axis " << axis);
        const auto a = static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(y0.ndim());
        const Array y = core::log_softmax(y0, a);
        Shape batched = y.shape();
        batched.insert(0, 3);
        Shape ones(batched.size(), 1);
        ones[0] = 3;
        for (const Array& g : {scattered(y.shape(), dtype, 5), scattered(batched, dtype, 6),
                               core::expand(scattered({}, dtype, 7), y.shape()),
                               core::expand(core::reshape(scattered({3}, dtype, 8), ones), batched)}) {
          const std::size_t lead = g.ndim() - y.ndim();
          const Array d_soft = core::softmax_grad(g, y, a);
          const Array d_log = core::log_softmax_grad(g, y, a);
          REQUIRE(d_soft.shape() == g.shape());
          REQUIRE(d_log.shape() == g.shape());
          long double worst = 0;
          each_row(g.shape(), axis + lead, [&](const std::vector<Dims>& row) {
            const auto in_y = [&](const Dims& i) { return Dims(i.begin() + lead, i.end()); };
            long double dot = 0;
            long double sum = 0;
            long double size = 1;
            for (const auto& i : row) {
              dot += static_cast<long double>(at(g, i)) * at(y, in_y(i));
              sum += at(g, i);
              size += std::abs(static_cast<long double>(at(g, i)) * at(y, in_y(i)));
            }
            for (const auto& i : row) {
              const long double v = at(y, in_y(i));
              worst = std::max(worst, std::abs(at(d_soft, i) - v * (at(g, i) - dot)) / (1 + std::abs(v) * size));
              worst = std::max(worst, std::abs(at(d_log, i) - (at(g, i) - std::exp(v) * sum)) / size);
            }
          });
          CHECK(worst < tolerance);
        }
      }
    }
  }
}

TEST_CASE("Extreme rows give the same results as PyTorch", "[softmax]") {
  for (const DType dtype : {f32, f64}) {
    const double huge = dtype == f32 ? 3e38 : 1e308;
    CHECK(core::logsumexp(make({3}, {-inf, -inf, -inf}, dtype), 0).item() == -inf);
    CHECK(core::logsumexp(make({3}, {0, inf, 0}, dtype), 0).item() == inf);
    CHECK(std::isnan(core::logsumexp(make({3}, {0, NAN, 0}, dtype), 0).item()));
    CHECK(core::logsumexp(make({2}, {-inf, 5}, dtype), 0).item() == 5);
    for (const std::size_t n : {3, 20, 100, 700}) {  // beside an infinity, values that exp cannot take
      std::vector<double> row(n, 1000);
      row[n / 2] = inf;
      CHECK(core::logsumexp(make({static_cast<std::int64_t>(n)}, row, dtype), 0).item() == inf);
      row[n / 2] = 1000;
      row[0] = NAN;
      CHECK(std::isnan(core::logsumexp(make({static_cast<std::int64_t>(n)}, row, dtype), 0).item()));
    }
    // exp(-90), a subnormal number in f32
    const double small = core::logsumexp(make({2}, {0, -90}, dtype), 0).item();
    CHECK(std::abs(small / std::exp(-90.0) - 1) < 1e-5);
    CHECK(core::logsumexp(make({1}, {huge}, dtype), 0).item<float>() == static_cast<float>(huge));
    CHECK(elements(core::softmax(make({3}, {huge, -huge, huge}, dtype), 0)) == std::vector<double>{0.5, 0, 0.5});
    CHECK(elements(core::softmax(make({3}, {-inf, 0, 0}, dtype), 0)) == std::vector<double>{0, 0.5, 0.5});
    CHECK(elements(core::log_softmax(make({2}, {-inf, 0}, dtype), 0)) == std::vector<double>{-inf, 0});
    CHECK(elements(core::log_softmax(make({2}, {1000, 0}, dtype), 0)) == std::vector<double>{0, -1000});
    for (const auto& row :
         {std::vector<double>{-inf, -inf}, std::vector<double>{inf, 0}, std::vector<double>{NAN, 0}}) {
      CHECK(std::isnan(elements(core::softmax(make({2}, row, dtype), 0))[0]));
      CHECK(std::isnan(elements(core::log_softmax(make({2}, row, dtype), 0))[0]));
    }
    // A cotangent of 0 sends back 0 also to a row that has no softmax.
    const Array nothing = make({2}, {NAN, NAN}, dtype);
    CHECK(elements(core::softmax_grad(make({2}, {0, 0}, dtype), nothing, 0)) == std::vector<double>{0, 0});
    CHECK(elements(core::log_softmax_grad(make({2}, {0, 0}, dtype), nothing, 0)) == std::vector<double>{0, 0});
    // An invalid row does not affect the others.
    const auto mixed = elements(core::softmax(make({2, 2}, {NAN, 0, 1, 1}, dtype), 1));
    CHECK((std::isnan(mixed[1]) && mixed[2] == 0.5 && mixed[3] == 0.5));
  }
}

TEST_CASE("Long rows of softmax keep their digits", "[softmax]") {
  const Array x = scattered({1, 1 << 20}, f32);
  long double exact = 0;
  for (const auto v : elements(x)) exact += std::exp(static_cast<long double>(v));
  CHECK(std::abs(core::logsumexp(x, 1).item() - static_cast<double>(std::log(exact))) < 2e-6);
  CHECK(
      std::abs(core::softmax(x, 1).data<float>()[7] / (std::exp(static_cast<long double>(x.data<float>()[7])) / exact) -
               1) < 2e-6);
}

TEST_CASE("softmax rejects invalid arguments, and accepts empty rows", "[softmax]") {
  CHECK_THROWS_AS(core::softmax(scattered({2}, i64), 0), DTypeError);
  CHECK_THROWS_AS(core::logsumexp(scattered({2}, boolean), 0), DTypeError);
  CHECK_THROWS_AS(core::softmax(scattered({2}, f32), 1), ShapeError);
  CHECK_THROWS_AS(core::softmax(scattered({}, f32), 1), ShapeError);
  CHECK(core::softmax(Array::empty({3, 0}, f32), 1).shape() == Shape{3, 0});
  CHECK(core::softmax(Array::empty({0, 3}, f32), 1).shape() == Shape{0, 3});
  CHECK(core::softmax(Array::empty({3, 0}, f32), 0).shape() == Shape{3, 0});
  CHECK(core::softmax_grad(Array::empty({2, 3, 0}, f32), Array::empty({3, 0}, f32), -1).shape() == Shape{2, 3, 0});
  CHECK(core::softmax_grad(Array::empty({0, 3, 2}, f32), scattered({3, 2}, f32), -1).shape() == Shape{0, 3, 2});
}

TEST_CASE("softmax writes only into the memory of temporaries", "[softmax]") {
  Array x = scattered({4, 4}, f32);
  const Array held = x;
  const auto before = elements(held);
  core::softmax(x, 1);
  CHECK(elements(held) == before);
  Array own = scattered({4, 4}, f32);
  const void* memory = own.raw();
  CHECK(core::softmax(std::move(own), 1).raw() == memory);
}
