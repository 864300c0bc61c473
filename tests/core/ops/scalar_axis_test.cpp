// SPDX-License-Identifier: BSD-3-Clause
// The axes 0 and -1 of an array without axes, for each function along an axis.
#include "catch.hpp"

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/scan.hpp>
#include <newtape/core/ops/sort.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace newtape::core {
namespace {

struct AlongAxis {
  std::string name;
  std::function<Array(const Array& x, std::int64_t axis)> f;
  double value;  ///< of 3, as NumPy 1.24 and PyTorch 1.13 have it
};

Array number_of(double value, DType dtype) { return full({}, value, dtype); }

std::vector<AlongAxis> functions_along_axes() {
  const Array at = number_of(0, i64);
  return {
      {"sum", [](auto& x, auto a) { return sum(x, a); }, 3},
      {"mean", [](auto& x, auto a) { return mean(x, a); }, 3},
      {"prod", [](auto& x, auto a) { return prod(x, a); }, 3},
      {"max", [](auto& x, auto a) { return max(x, a); }, 3},
      {"min", [](auto& x, auto a) { return min(x, a, true); }, 3},
      {"var", [](auto& x, auto a) { return var(x, a, 0); }, 0},
      {"stddev", [](auto& x, auto a) { return stddev(x, a, 0); }, 0},
      {"norm", [](auto& x, auto a) { return norm(x, 2, a); }, 3},
      {"binary_scale", [](auto& x, auto a) { return binary_scale(x, a); }, 2},
      {"argmax", [](auto& x, auto a) { return argmax(x, a); }, 0},
      {"argmin", [](auto& x, auto a) { return argmin(x, a, true); }, 0},
      {"logsumexp", [](auto& x, auto a) { return logsumexp(x, a); }, 3},
      {"logsumexp, keepdims", [](auto& x, auto a) { return logsumexp(x, a, true); }, 3},
      {"softmax", [](auto& x, auto a) { return softmax(x, a); }, 1},
      {"log_softmax", [](auto& x, auto a) { return log_softmax(x, a); }, 0},
      {"cumsum", [](auto& x, auto a) { return cumsum(x, a); }, 3},
      {"cumsum, reversed", [](auto& x, auto a) { return cumsum(x, a, true); }, 3},
      {"cumprod", [](auto& x, auto a) { return cumprod(x, a); }, 3},
      {"logcumsumexp", [](auto& x, auto a) { return logcumsumexp(x, a); }, 3},
      {"cummax", [](auto& x, auto a) { return cummax(x, a).values; }, 3},
      {"cummin", [](auto& x, auto a) { return cummin(x, a).indices; }, 0},
      {"sort", [](auto& x, auto a) { return sort(x, a).values; }, 3},
      {"argsort", [](auto& x, auto a) { return argsort(x, a, true); }, 0},
      {"topk", [](auto& x, auto a) { return topk(x, 1, a).values; }, 3},
      {"roll", [](auto& x, auto a) { return roll(x, 2, a); }, 3},
      {"transpose", [](auto& x, auto a) { return transpose(x, a, 0); }, 3},
      {"squeeze", [](auto& x, auto a) { return squeeze(x, a); }, 3},
      {"gather", [at](auto& x, auto a) { return gather(x, a, at); }, 3},
      {"take", [at](auto& x, auto a) { return take(x, at, a); }, 3},
      {"index_add", [](auto& x, auto a) { return index_add(x, a, zeros({2}, i64), full({2}, 3, x.dtype())); }, 9},
      {"index_copy", [](auto& x, auto a) { return index_copy(x, a, zeros({1}, i64), full({1}, 5, x.dtype())); }, 5},
  };
}

TEST_CASE("an array without axes accepts the axes 0 and -1") {
  for (const auto& row : functions_along_axes()) {
    for (const DType dtype : {f32, f64}) {
      for (const std::int64_t axis : {0, -1}) {
        INFO(row.name << " along " << axis);
        const Array x = number_of(3, dtype);
        const Array y = row.f(x, axis);
        CHECK(y.shape().empty());
        CHECK(std::abs(cast(y, f64).item<double>() - row.value) <= 4 * epsilon(dtype));
        CHECK(x.item<double>() == 3);
      }
    }
  }
}

TEST_CASE("an array without axes has no other axis") {
  for (const auto& row : functions_along_axes()) {
    for (const std::int64_t axis : {1, -2}) {
      INFO(row.name << " along " << axis);
      CHECK_THROWS_AS(row.f(number_of(3, f64), axis), ShapeError);
    }
  }
  // There is nothing to cut or to join.
  const Array x = number_of(3, f64);
  CHECK_THROWS_AS(slice(x, 0, 0, 1), ShapeError);
  CHECK_THROWS_AS(select(x, 0, 0), ShapeError);
  const Array parts[] = {x, x};
  CHECK_THROWS_AS(concatenate(parts, 0), ShapeError);
  CHECK_THROWS_AS(gather(x, 0, zeros({1}, i64)), ShapeError);
}

}  // namespace
}  // namespace newtape::core
