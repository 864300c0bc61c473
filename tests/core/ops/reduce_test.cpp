// SPDX-License-Identifier: BSD-3-Clause
// Reductions against plain loops in long double, in every layout and over every set of axes.
#include "arrays.hpp"
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

using namespace newtape;
using namespace layouts;

namespace {

using Row = std::vector<long double>;

/// f applied to the elements that share an output position; C order of positions.
template <class F>
std::vector<long double> reduced_by_loops(const Array& x, const Dims& axes, const F& f) {
  std::map<std::vector<std::int64_t>, Row> rows;
  each_index(x.shape(), [&](const Dims& index) {
    std::vector<std::int64_t> kept;
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) == axes.end()) kept.push_back(index[i]);
    }
    rows[kept].push_back(at(x, index));
  });
  std::vector<long double> results;
  for (const auto& [position, row] : rows) results.push_back(f(row));
  return results;
}

std::vector<Dims> every_set_of_axes(std::size_t ndim) {
  std::vector<Dims> sets;
  for (std::size_t bits = 0; bits < (std::size_t{1} << ndim); ++bits) {
    Dims axes;
    for (std::size_t i = 0; i < ndim; ++i) {
      if ((bits >> i & 1) != 0) axes.push_back(static_cast<std::int64_t>(i));
    }
    sets.push_back(axes);
  }
  return sets;
}

bool close(const Array& y, const std::vector<long double>& expected, long double tolerance) {
  const auto got = elements(y);
  if (got.size() != expected.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(std::abs(got[i] - expected[i]) <= tolerance * (1 + std::abs(expected[i])))) return false;
  }
  return true;
}

long double sum_of(const Row& row) {
  long double s = 0;
  for (const auto v : row) s += v;
  return s;
}
long double product_of(const Row& row) {
  long double p = 1;
  for (const auto v : row) p *= v;
  return p;
}
long double largest_of(const Row& row) { return *std::max_element(row.begin(), row.end()); }
long double smallest(const Row& row) { return *std::min_element(row.begin(), row.end()); }

}  // namespace

TEST_CASE("Reductions agree with plain loops in every layout, over every set of axes", "[reduce]") {
  for (const DType dtype : {f32, f64, i64}) {
    const long double tolerance = dtype == f32 ? 1e-5L : 1e-13L;
    for (const auto& [layout, x] : all(dtype)) {
      for (const Dims& axes : every_set_of_axes(x.ndim())) {
        INFO(name(dtype) << ", " << layout << ", axes " << to_string(axes));
        CHECK(close(core::sum(x, axes), reduced_by_loops(x, axes, sum_of), tolerance));
        CHECK(close(core::max(x, axes), reduced_by_loops(x, axes, largest_of), 0));
        CHECK(close(core::min(x, axes), reduced_by_loops(x, axes, smallest), 0));
        if (dtype != i64) {
          CHECK(close(
              core::mean(x, axes),
              reduced_by_loops(x, axes, [](const Row& r) { return sum_of(r) / static_cast<long double>(r.size()); }),
              tolerance));
          // Factors near one, so that long products do not overflow.
          const auto root = [](double v) { return 1 + v / 100; };
          auto factors = elements(x);
          std::transform(factors.begin(), factors.end(), factors.begin(), root);
          const Array near_one = make(x.shape(), factors, dtype);
          CHECK(close(core::prod(near_one, axes), reduced_by_loops(near_one, axes, product_of), 20 * tolerance));
        }
        Shape kept = x.shape();
        for (const auto a : axes) kept[static_cast<std::size_t>(a)] = 1;
        CHECK(core::sum(x, axes, true).shape() == kept);
        CHECK(core::max(x, axes, true).shape() == kept);
      }
    }
  }
}

TEST_CASE("prod works in every layout, broadcast ones too", "[reduce]") {
  for (const auto& [layout, x] : all(i64)) {
    if (x.size() > 200) continue;
    for (const Dims& axes : every_set_of_axes(x.ndim())) {
      const auto expected = reduced_by_loops(x, axes, product_of);
      if (std::any_of(expected.begin(), expected.end(), [](long double v) { return std::abs(v) > 1e15L; })) continue;
      INFO(layout << ", axes " << to_string(axes));
      CHECK(close(core::prod(x, axes), expected, 0));
    }
  }
  const Array x = core::expand(make({3, 1}, {2, -1, 0.5}), {3, 4});
  CHECK(elements(core::prod(x, 1)) == std::vector<double>{16, 1, 0.0625});
  CHECK(elements(core::prod(x, 0)) == std::vector<double>{-1, -1, -1, -1});
}

TEST_CASE("Booleans are summed as counts, and reduced with any and all", "[reduce]") {
  for (const auto& [layout, x] : all(boolean)) {
    for (const Dims& axes : every_set_of_axes(x.ndim())) {
      INFO(layout << ", axes " << to_string(axes));
      const Array count = core::sum(x, axes);
      CHECK(count.dtype() == i64);
      CHECK(close(count, reduced_by_loops(x, axes, sum_of), 0));
      CHECK(core::any(x, axes).dtype() == boolean);
      CHECK(close(core::any(x, axes), reduced_by_loops(x, axes, largest_of), 0));
      CHECK(close(core::all(x, axes), reduced_by_loops(x, axes, smallest), 0));
    }
  }
  CHECK_THROWS_AS(core::any(scattered({2}, f32)), DTypeError);
  CHECK(core::mean(scattered({2}, i64)).dtype() == f32);
  CHECK(core::mean(scattered({2}, boolean)).dtype() == f32);
}

TEST_CASE("Empty reductions give the neutral element or a ValueError", "[reduce]") {
  const Array x = Array::empty({3, 0, 2}, f32);
  CHECK(core::sum(x).item() == 0);
  CHECK(elements(core::sum(x, 1)) == std::vector<double>(6, 0));
  CHECK(core::sum(x, 0).shape() == Shape{0, 2});
  CHECK(elements(core::prod(x, 1)) == std::vector<double>(6, 1));
  const Array b = Array::empty({0, 2}, boolean);
  CHECK(elements(core::any(b, 0)) == std::vector<double>{0, 0});
  CHECK(elements(core::all(b, 0)) == std::vector<double>{1, 1});
  CHECK(core::max(x, 0).shape() == Shape{0, 2});
  for (const auto& f : std::vector<std::function<Array(const Array&)>>{
           [](const Array& a) { return core::max(a); }, [](const Array& a) { return core::min(a, 1); },
           [](const Array& a) { return core::mean(a); }, [](const Array& a) { return core::argmax(a, 1); }}) {
    CHECK_THROWS_AS(f(x), ValueError);
    CHECK_THROWS_WITH(f(x), contains("[3, 0, 2]"));
  }
  CHECK_THROWS_AS(core::sum(x, 3), ShapeError);
  CHECK_THROWS_AS(core::sum(x, {0, 0}), ValueError);
  CHECK_THROWS_AS(core::sum(x, {0, -3}), ValueError);
}

TEST_CASE("NaN and infinities propagate through reductions", "[reduce]") {
  for (const DType dtype : {f32, f64}) {
    for (std::size_t place : {0, 3, 64, 70, 199}) {
      std::vector<double> values(200, 1);
      values[place] = NAN;
      const Array x = make({200}, values, dtype);
      CHECK(std::isnan(core::max(x).item()));
      CHECK(std::isnan(core::min(x).item()));
      CHECK(std::isnan(core::sum(x).item()));
      CHECK(std::isnan(elements(core::max(core::reshape(x, {100, 2}), 0))[place % 2]));
      CHECK_FALSE(std::isnan(elements(core::max(core::reshape(x, {100, 2}), 0))[1 - place % 2]));
      CHECK(core::argmax(x, 0).item() == static_cast<double>(place));
      CHECK(core::argmin(x, 0).item() == static_cast<double>(place));
      CHECK_FALSE(core::all_finite(x));
      values[place] = -inf;
      const Array y = make({200}, values, dtype);
      CHECK(core::min(y).item() == -inf);
      CHECK(core::max(y).item() == 1);
      CHECK(core::sum(y).item() == -inf);
      CHECK_FALSE(core::all_finite(y));
    }
    CHECK(core::max(make({3}, {-inf, -inf, -inf}, dtype)).item() == -inf);
    CHECK(core::all_finite(make({3}, {1e30, -1e30, 0}, dtype)));
    CHECK(core::all_finite(make({1}, {dtype == f32 ? 3.4028234663852886e38 : 1.7976931348623157e308}, dtype)));
    // Elements outside a view do not count.
    CHECK(core::all_finite(core::slice(make({4}, {1, NAN, 2, inf}, dtype), 0, 0, 4, 2)));
  }
  CHECK(core::all_finite(scattered({5}, i64)));
  CHECK(core::all_finite(Array::empty({0}, f32)));
}

TEST_CASE("argmax and argmin find the first extremum in every layout", "[reduce]") {
  for (const DType dtype : {f32, f64, i64}) {
    for (const auto& [layout, x] : all(dtype)) {
      for (std::size_t axis = 0; axis < x.ndim(); ++axis) {
        INFO(name(dtype) << ", " << layout << ", axis " << axis);
        const Dims axes{static_cast<std::int64_t>(axis)};
        CHECK(close(core::argmax(x, axes[0]),
                    reduced_by_loops(x, axes,
                                     [](const Row& r) {
                                       return static_cast<long double>(std::max_element(r.begin(), r.end()) -
                                                                       r.begin());
                                     }),
                    0));
        CHECK(close(core::argmin(x, axes[0]),
                    reduced_by_loops(x, axes,
                                     [](const Row& r) {
                                       return static_cast<long double>(std::min_element(r.begin(), r.end()) -
                                                                       r.begin());
                                     }),
                    0));
      }
    }
  }
  const Array x = make({2, 4}, {1, 3, 3, 2, 0, 0, -1, -1}, f32);
  CHECK(elements(core::argmax(x, -1)) == std::vector<double>{1, 0});
  CHECK(elements(core::argmin(x, 1)) == std::vector<double>{0, 2});
  CHECK(core::argmax(x, 1, true).shape() == Shape{2, 1});
  CHECK(core::argmax(x, 0).dtype() == i64);
  CHECK_THROWS_AS(core::argmax(x, 2), ShapeError);
}

TEST_CASE("f32 sums of 16 million elements keep six digits", "[reduce]") {
  const std::int64_t n = 1 << 24;
  Array x = Array::empty({n}, f32);
  std::uint64_t state = 9;
  long double exact = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    x.data<float>()[i] = static_cast<float>(state >> 40) * 0x1p-24F + 0.1F;
    exact += x.data<float>()[i];
  }
  CHECK(std::abs(core::sum(x).item() / static_cast<double>(exact) - 1) < 1e-6);
  const Array table = core::reshape(x, {n / 4, 4});
  const auto columns = elements(core::sum(table, 0));
  CHECK(std::abs((columns[0] + columns[1] + columns[2] + columns[3]) / static_cast<double>(exact) - 1) < 1e-6);
  CHECK(std::abs(core::sum(core::transpose(table, 0, 1)).item() / static_cast<double>(exact) - 1) < 1e-6);
  CHECK(std::abs(core::mean(x).item() * static_cast<double>(n) / static_cast<double>(exact) - 1) < 1e-6);
}

TEST_CASE("The number of threads does not change a reduction", "[reduce][threads]") {
  const int before = num_threads();
  const Array x = scattered({700, 900}, f32);
  const auto run = [&] {
    std::vector<Array> results;
    for (const Array& y : {x, core::transpose(x, 0, 1), core::slice(x, 1, 3, 801), core::reshape(x, {-1}),
                           core::reshape(x, {63000, 10})}) {
      results.push_back(core::sum(y));
      results.push_back(core::sum(y, 0));
      results.push_back(core::sum(y, -1));
      results.push_back(core::prod(y, 0));
      results.push_back(core::max(y));
      results.push_back(core::softmax(y, -1));
      results.push_back(core::logsumexp(y, 0));
      results.push_back(core::argmax(y, 0));
    }
    return results;
  };
  set_num_threads(1);
  const auto one = run();
  set_num_threads(2);
  const auto two = run();
  set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) {
    INFO("result " << i);
    CHECK(same_bits(one[i], two[i]));
  }
}

TEST_CASE("Sums over the rows of a matrix have the bits of those of one matrix among others", "[reduce]") {
  for (const DType dtype : {f32, f64, i64}) {
    for (const std::int64_t rows : {1, 2, 3, 5, 64, 65, 300}) {
      for (const std::int64_t columns : {1, 3, 31, 32, 33, 1024, 1030}) {
        INFO(rows << " x " << columns);
        // The matrices are apart, so that their rows are not those of one matrix.
        const Array all = scattered({2, rows + 1, columns}, dtype);
        const Array both = core::slice(all, 1, 0, rows);
        const auto second = [](const Array& x) {
          return core::reshape(core::slice(x, 0, 1, 2), Shape(x.shape().begin() + 1, x.shape().end()));
        };
        CHECK(same_bits(core::sum(second(both), 0), second(core::sum(both, 1))));
        if (dtype == i64) continue;
        CHECK(same_bits(core::mean(second(both), 0), second(core::mean(both, 1))));
      }
    }
  }
  // A sum starts from 0: the sum of negative zeros is positive.
  const Array zeros = core::full({2, 100}, -0.0, f32);
  for (const double x : elements(core::sum(zeros, 0))) CHECK(!std::signbit(x));
}

TEST_CASE("sum_to undoes broadcasting", "[reduce]") {
  const auto check = [](const Shape& from, const Shape& to, std::size_t batch, const Dims& axes, const Shape& result) {
    INFO(to_string(from) << " to " << to_string(to) << ", batch " << batch);
    const Array x = scattered(from, f64);
    const Array y = core::sum_to(x, to, batch);
    CHECK(y.shape() == result);
    CHECK(close(y, reduced_by_loops(x, axes, sum_of), 1e-13L));
  };
  check({3, 4}, {3, 4}, 0, {}, {3, 4});
  check({3, 4}, {4}, 0, {0}, {4});
  check({3, 4}, {1, 4}, 0, {0}, {1, 4});
  check({3, 4}, {3, 1}, 0, {1}, {3, 1});
  check({3, 4}, {}, 0, {0, 1}, {});
  check({3, 4}, {1}, 0, {0, 1}, {1});
  check({2, 3, 4}, {3, 1}, 0, {0, 2}, {3, 1});
  check({5, 3, 4}, {4}, 1, {1}, {5, 4});
  check({5, 3, 4}, {1, 4}, 1, {1}, {5, 1, 4});
  check({5, 6, 3, 4}, {3, 4}, 2, {}, {5, 6, 3, 4});
  check({5, 6, 2, 3, 4}, {3, 1}, 2, {2, 4}, {5, 6, 3, 1});
  check({1, 4}, {1, 1}, 0, {1}, {1, 1});
  const Array x = scattered({3, 4}, f32);
  CHECK(core::sum_to(x, {3, 4}).shares_memory_with(x));
  CHECK(elements(core::sum_to(Array::empty({0, 4}, f32), {4})) == std::vector<double>(4, 0));
  CHECK(elements(core::sum_to(Array::empty({0, 2}, f32), {1, 2})) == std::vector<double>(2, 0));
}
