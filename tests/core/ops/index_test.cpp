// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/index.hpp>

#include <cmath>

using namespace newtape;
using namespace layouts;

namespace {

Array indices(const Shape& shape, const std::vector<double>& values) { return make(shape, values, i64); }

/// Pseudorandom indices in [-length, length).
Array random_indices(const Shape& shape, std::int64_t length, std::uint64_t seed = 3) {
  std::vector<double> values;
  for (const auto v : elements(scattered(shape, f64, seed))) {
    values.push_back(std::floor((v + 4) / 8 * 2 * static_cast<double>(length)) - static_cast<double>(length));
  }
  return indices(shape, values);
}

std::int64_t wrapped(double index, std::int64_t length) {
  return static_cast<std::int64_t>(index) + (index < 0 ? length : 0);
}

}  // namespace

TEST_CASE("concatenate and stack join arrays of every layout along every axis", "[index]") {
  for (const DType dtype : {f32, f64, i64, boolean}) {
    for (const auto& [layout, x] : all(dtype)) {
      for (std::size_t axis = 0; axis <= x.ndim(); ++axis) {
        INFO(name(dtype) << ", " << layout << ", axis " << axis);
        const auto a = static_cast<std::int64_t>(axis);
        const Array other = scattered(x.shape(), dtype, 9);
        const std::vector<Array> parts{x, other, x};
        const Array s = core::stack(parts, a);
        REQUIRE(s.shape()[axis] == 3);
        CHECK(elements(core::select(s, a, 0)) == elements(x));
        CHECK(elements(core::select(s, a, 1)) == elements(other));
        CHECK(elements(core::select(s, a, 2)) == elements(x));
        if (axis == x.ndim()) continue;
        const Array c = core::concatenate(parts, a - static_cast<std::int64_t>(x.ndim()));
        const auto n = x.shape()[axis];
        CHECK(elements(core::slice(c, a, 0, n)) == elements(x));
        CHECK(elements(core::slice(c, a, n, 2 * n)) == elements(other));
        CHECK(elements(core::slice(c, a, 2 * n, 3 * n)) == elements(x));
      }
    }
  }
}

TEST_CASE("concatenate joins parts of different lengths and of length 0, and rejects mismatched shapes", "[index]") {
  const auto join = [](std::vector<Array> parts, std::int64_t axis) { return core::concatenate(parts, axis); };
  const Array a = make({2, 1}, {1, 2});
  const Array b = make({2, 2}, {3, 4, 5, 6});
  CHECK(elements(join({a, b}, 1)) == std::vector<double>{1, 3, 4, 2, 5, 6});
  CHECK(elements(join({Array::empty({2, 0}, f64), b}, 1)) == elements(b));
  CHECK(join({Array::empty({0, 2}, f64), Array::empty({0, 2}, f64)}, 1).shape() == Shape{0, 4});
  CHECK_THROWS_AS(join({a, b}, 0), ShapeError);
  CHECK_THROWS_WITH(join({a, b}, 0), contains("[2, 1]") && contains("[2, 2]"));
  CHECK_THROWS_AS(join({a, make({2}, {1, 2})}, 0), ShapeError);
  CHECK_THROWS_AS(join({make({2}, {1, 2}), a}, 0), ShapeError);
  CHECK_THROWS_AS(join({a, make({2, 1}, {1, 2}, f32)}, 0), DTypeError);
  CHECK_THROWS_AS(join({a}, 2), ShapeError);
  CHECK_THROWS_AS(join({}, 0), ValueError);
  CHECK_THROWS_AS(core::stack({}, 0), ValueError);
  CHECK_THROWS_AS(core::stack(std::vector<Array>{a, b}, 0), ShapeError);
}

TEST_CASE("take reads and take_adjoint adds at indices along every axis of every layout", "[index]") {
  for (const DType dtype : {f32, f64, i64}) {
    for (const auto& [layout, x] : all(dtype)) {
      for (std::size_t axis = 0; axis < x.ndim(); ++axis) {
        for (const Shape& of_indices : {Shape{}, Shape{4}, Shape{2, 3}}) {
          INFO(name(dtype) << ", " << layout << ", axis " << axis << ", indices " << to_string(of_indices));
          const auto a = static_cast<std::int64_t>(axis);
          const auto n = x.shape()[axis];
          const Array at_index = random_indices(of_indices, n);
          const Array y = core::take(x, at_index, a);
          bool same = true;
          const auto lead = [&](const Dims& i) { return Dims(i.begin() + axis, i.begin() + axis + of_indices.size()); };
          const auto source = [&](const Dims& i) {
            Dims from(i.begin(), i.begin() + axis);
            from.push_back(wrapped(at(at_index, lead(i)), n));
            for (std::size_t k = axis + of_indices.size(); k < i.size(); ++k) from.push_back(i[k]);
            return from;
          };
          each_index(y.shape(), [&, &from = x](const Dims& i) { same &= at(y, i) == at(from, source(i)); });
          CHECK(same);

          // The adjoint, by plain loops; small integers, so that the order of additions does not matter.
          Array g = scattered(y.shape(), i64, 11);
          g = make(y.shape(), elements(g), dtype);
          std::vector<double> sums(static_cast<std::size_t>(x.size()));
          const Strides steps = contiguous_strides(x.shape());
          each_index(y.shape(), [&](const Dims& i) {
            std::int64_t offset = 0;
            const Dims from = source(i);
            for (std::size_t k = 0; k < from.size(); ++k) offset += from[k] * steps[k];
            sums[static_cast<std::size_t>(offset)] += at(g, i);
          });
          const Array back = core::take_adjoint(g, at_index, a, n);
          CHECK(back.shape() == x.shape());
          CHECK(elements(back) == sums);
        }
      }
    }
  }
}

TEST_CASE("take and take_adjoint at limits and with invalid arguments", "[index]") {
  const Array x = make({3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK_THROWS_AS(core::take(x, indices({1}, {3}), 0), ValueError);
  CHECK_THROWS_WITH(core::take(x, indices({2}, {0, -4}), 0), contains("-4") && contains("-3"));
  CHECK_THROWS_AS(core::take(x, make({1}, {0}, f32), 0), DTypeError);
  CHECK_THROWS_AS(core::take(x, indices({1}, {0}), 2), ShapeError);
  CHECK(core::take(x, indices({0}, {}), 0).shape() == Shape{0, 2});
  CHECK(core::take(Array::empty({3, 0}, f64), indices({2}, {0, 1}), 0).shape() == Shape{2, 0});
  CHECK_THROWS_AS(core::take(Array::empty({0, 2}, f64), indices({1}, {0}), 0), ValueError);
  CHECK(elements(core::take_adjoint(Array::empty({0, 2}, f64), indices({0}, {}), 0, 2)) == std::vector<double>(4, 0));
  CHECK_THROWS_AS(core::take_adjoint(x, indices({3}, {0, 1, 2}), 0, 2), ValueError);
  CHECK_THROWS_AS(core::take_adjoint(x, indices({4}, {0, 1, 1, 0}), 0, 2), ShapeError);
  CHECK_THROWS_AS(core::take_adjoint(x, indices({2}, {0, 1}), 0, 2), ShapeError);  // three rows, two indices
  CHECK_THROWS_AS(core::take_adjoint(x, indices({2, 3}, {0, 1, 0, 1, 0, 1}), 0, 2),
                  ShapeError);  // [2, 3] is not [3, 2]
  CHECK_THROWS_AS(core::take_adjoint(make({6}, elements(x)), indices({1, 2, 3}, {0, 1, 0, 1, 0, 1}), 0, 2), ShapeError);
  CHECK_THROWS_AS(core::take_adjoint(make({3}, {1, 1, 0}, boolean), indices({3}, {0, 1, 2}), 0, 3), DTypeError);
}

TEST_CASE("gather is PyTorch's, and gather_adjoint its adjoint, along every axis of every layout", "[index]") {
  for (const DType dtype : {f32, f64, i64}) {
    for (const auto& [layout, x] : all(dtype)) {
      for (std::size_t axis = 0; axis < x.ndim(); ++axis) {
        for (const bool batched : {false, true}) {
          INFO(name(dtype) << ", " << layout << ", axis " << axis << ", batched " << batched);
          if (batched && axis == 0) continue;  // axis 0 is the batch axis
          const auto n = x.shape()[axis];
          Shape shape = x.shape();
          shape[axis] = 4;
          Shape of_indices = batched ? Shape(shape.begin() + 1, shape.end()) : shape;
          const Array at_index = random_indices(of_indices, n);
          const auto a = static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(x.ndim());
          const Array y = core::gather(x, a, at_index);
          REQUIRE(y.shape() == shape);
          const auto source = [&](const Dims& i) {
            Dims from = i;
            from[axis] = wrapped(at(at_index, batched ? Dims(i.begin() + 1, i.end()) : i), n);
            return from;
          };
          bool same = true;
          each_index(shape, [&, &from = x](const Dims& i) { same &= at(y, i) == at(from, source(i)); });
          CHECK(same);

          const Array g = make(shape, elements(scattered(shape, i64, 12)), dtype);
          std::vector<double> sums(static_cast<std::size_t>(x.size()));
          const Strides steps = contiguous_strides(x.shape());
          each_index(shape, [&](const Dims& i) {
            std::int64_t offset = 0;
            const Dims from = source(i);
            for (std::size_t k = 0; k < from.size(); ++k) offset += from[k] * steps[k];
            sums[static_cast<std::size_t>(offset)] += at(g, i);
          });
          CHECK(elements(core::gather_adjoint(g, a, at_index, n)) == sums);
        }
      }
    }
  }
  const Array x = make({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(elements(core::gather(x, 1, indices({2, 1}, {2, 0}))) == std::vector<double>{3, 4});
  CHECK_THROWS_AS(core::gather(x, 1, indices({2, 1}, {3, 0})), ValueError);
  CHECK_THROWS_AS(core::gather(x, 1, indices({3, 1}, {0, 0, 0})), ShapeError);
  CHECK_THROWS_AS(core::gather(x, 1, make({2, 1}, {0, 0}, f64)), DTypeError);
  CHECK(core::gather(x, 1, indices({2, 0}, {})).shape() == Shape{2, 0});
  CHECK(elements(core::gather_adjoint(make({2, 2}, {1, 2, 3, 4}), 1, indices({2, 2}, {0, 0, 2, 1}), 3)) ==
        std::vector<double>{3, 0, 0, 0, 4, 3});
}

TEST_CASE("index_add and index_copy work on rows of every size, also in several threads", "[index]") {
  for (const auto& [length, inner] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{7, 1}, {100, 40}, {500, 300}}) {
    INFO(length << " rows of " << inner);
    const std::int64_t n = 3 * length;
    const Array x = scattered({length, inner}, i64, 5);
    const Array src = scattered({n, inner}, i64, 6);
    const Array at_index = random_indices({n}, length, 7);
    std::vector<double> sums = elements(x);
    std::vector<double> last = elements(x);
    for (std::int64_t k = 0; k < n; ++k) {
      const auto row = wrapped(at(at_index, {k}), length);
      for (std::int64_t j = 0; j < inner; ++j) {
        sums[static_cast<std::size_t>(row * inner + j)] += at(src, {k, j});
        last[static_cast<std::size_t>(row * inner + j)] = at(src, {k, j});
      }
    }
    CHECK(elements(core::index_add(x, 0, at_index, src)) == sums);
    CHECK(elements(core::index_copy(x, 0, at_index, src)) == last);
    const Array mask = core::last_of_equals(at_index, length);
    REQUIRE(mask.defined());
    for (std::int64_t k = 0; k < n; ++k) {
      bool comes_last = true;
      for (std::int64_t j = k + 1; j < n; ++j) {
        comes_last &= wrapped(at(at_index, {k}), length) != wrapped(at(at_index, {j}), length);
      }
      if ((at(mask, {k}) != 0) != comes_last) FAIL_CHECK("at " << k);
    }
  }
  CHECK_FALSE(core::last_of_equals(indices({2}, {1, -3}), 3).defined());
}

TEST_CASE("index_add and index_copy write only into the memory of temporaries", "[index]") {
  Array x = make({3}, {1, 2, 3});
  const Array kept = x;
  const void* memory = x.raw();
  CHECK(core::index_add(x, 0, indices({1}, {0}), make({1}, {5})).raw() != memory);
  CHECK(elements(kept) == std::vector<double>{1, 2, 3});
  Array own = make({3}, {1, 2, 3});
  memory = own.raw();
  Array y = core::index_copy(std::move(own), 0, indices({1}, {-1}), make({1}, {5}));
  CHECK(y.raw() == memory);
  CHECK(elements(y) == std::vector<double>{1, 2, 5});
}

TEST_CASE("indices are flattened, found and counted", "[index]") {
  const std::vector<Array> both{indices({2, 1}, {0, -1}), indices({3}, {1, 0, -2})};
  CHECK(elements(core::ravel_multi_index("test", both, {4, 3})) == std::vector<double>{1, 0, 1, 10, 9, 10});
  CHECK_THROWS_WITH(core::ravel_multi_index("test", both, {4, 1}), contains("test") && contains("length 1"));
  CHECK(elements(core::flat_positions("test", {2, 3}, indices({2, 2}, {2, 0, 1, -1}), 1)) ==
        std::vector<double>{2, 0, 4, 5});
  CHECK(elements(core::flat_positions("test", {3, 2}, indices({1, 1}, {2}), 0)) == std::vector<double>{4});
  CHECK_THROWS_AS(core::flat_positions("test", {2, 3}, indices({3, 2}, {0, 0, 0, 0, 0, 0}), 1), ShapeError);
  for (const auto& [layout, x] : all(boolean)) {
    INFO(layout);
    std::vector<double> found;
    const auto values = elements(x);
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (values[k] != 0) found.push_back(static_cast<double>(k));
    }
    CHECK(elements(core::flatnonzero(x)) == found);
  }
  CHECK(elements(core::argwhere(make({2, 2}, {0, NAN, -1, 0}))) == std::vector<double>{0, 1, 1, 0});
  CHECK(core::argwhere(make({}, {1})).shape() == Shape{1, 0});
}
