// SPDX-License-Identifier: BSD-3-Clause
// The axes 0 and -1 of a tensor without axes.
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <functional>
#include <string>
#include <vector>

namespace newtape {
namespace {

struct OfScalar {
  std::string name;
  std::function<Tensor(const Tensor&, std::int64_t)> f;
  double value;     ///< of 3
  double gradient;  ///< NAN: a constant
};

std::vector<OfScalar> functions_of_scalars() {
  const Tensor at = tensor(0);
  return {
      {"sum", [](auto& x, auto a) { return sum(x, a); }, 3, 1},
      {"mean", [](auto& x, auto a) { return mean(x, a); }, 3, 1},
      {"prod", [](auto& x, auto a) { return prod(x, a); }, 3, 1},
      {"max", [](auto& x, auto a) { return max(x, a); }, 3, 1},
      {"min", [](auto& x, auto a) { return min(x, a, true); }, 3, 1},
      {"indices of max", [](auto& x, auto a) { return max(x, a).indices(); }, 0, NAN},
      {"argmax", [](auto& x, auto a) { return argmax(x, a); }, 0, NAN},
      {"argmin", [](auto& x, auto a) { return argmin(x, a, true); }, 0, NAN},
      {"any", [](auto& x, auto a) { return any(x > 1, a); }, 1, NAN},
      {"all", [](auto& x, auto a) { return all(x > 1, a); }, 1, NAN},
      {"logsumexp", [](auto& x, auto a) { return logsumexp(x, a); }, 3, 1},
      {"softmax", [](auto& x, auto a) { return softmax(x, a); }, 1, 0},
      {"log_softmax", [](auto& x, auto a) { return log_softmax(x, a); }, 0, 0},
      {"var", [](auto& x, auto a) { return var(x, a, 0); }, 0, 0},
      {"median", [](auto& x, auto a) { return median(x, a); }, 3, 1},
      {"quantile", [](auto& x, auto a) { return quantile(x, 0.25, a); }, 3, 1},
      {"nansum", [](auto& x, auto a) { return nansum(x, a); }, 3, 1},
      {"nanmean", [](auto& x, auto a) { return nanmean(x, a); }, 3, 1},
      {"count_nonzero", [](auto& x, auto a) { return count_nonzero(x, a); }, 1, NAN},
      {"aminmax", [](auto& x, auto a) { return aminmax(x, a).max; }, 3, 1},
      {"vector_norm", [](auto& x, auto a) { return linalg::vector_norm(x, 2, a); }, 3, 1},
      {"cosine_similarity", [](auto& x, auto a) { return cosine_similarity(x, 2.0, a); }, 1, 0},
      {"normalize", [](auto& x, auto a) { return normalize(x, 2, a); }, 1, 0},
      {"cumsum", [](auto& x, auto a) { return cumsum(x, a); }, 3, 1},
      {"cumprod", [](auto& x, auto a) { return cumprod(x, a); }, 3, 1},
      {"logcumsumexp", [](auto& x, auto a) { return logcumsumexp(x, a); }, 3, 1},
      {"cummax", [](auto& x, auto a) { return cummax(x, a).values; }, 3, 1},
      {"cummin", [](auto& x, auto a) { return cummin(x, a).indices; }, 0, NAN},
      {"sort", [](auto& x, auto a) { return sort(x, a).values; }, 3, 1},
      {"argsort", [](auto& x, auto a) { return argsort(x, a); }, 0, NAN},
      {"topk", [](auto& x, auto a) { return topk(x, 1, a).values; }, 3, 1},
      {"kthvalue", [](auto& x, auto a) { return kthvalue(x, 1, a, true).values; }, 3, 1},
      {"squeeze", [](auto& x, auto a) { return squeeze(x, a); }, 3, 1},
      {"flip", [](auto& x, auto a) { return flip(x, a); }, 3, 1},
      {"roll", [](auto& x, auto a) { return roll(x, 2, a); }, 3, 1},
      {"transpose", [](auto& x, auto a) { return transpose(x, a, 0); }, 3, 1},
      {"moveaxis", [](auto& x, auto a) { return moveaxis(x, a, -1); }, 3, 1},
      {"t", [](auto& x, auto) { return t(x); }, 3, 1},
      {"gather", [at](auto& x, auto a) { return gather(x, a, at); }, 3, 1},
      {"take_along_axis", [at](auto& x, auto a) { return take_along_axis(x, at, a); }, 3, 1},
      {"scatter", [at](auto& x, auto a) { return scatter(x, a, at, 2.0) + x; }, 5, 1},
      {"scatter_add", [at](auto& x, auto a) { return scatter_add(x, a, at, x); }, 6, 2},
      {"scatter_reduce", [at](auto& x, auto a) { return scatter_reduce(x, a, at, x, ScatterReduce::prod); }, 9, 6},
      {"index_add",
       [](auto& x, auto a) {
         return index_add(x, a, tensor({0, 0}), x);
       },
       9, 3},
      {"index_copy", [](auto& x, auto a) { return index_copy(x, a, tensor({0}), 2 * x); }, 6, 2},
      {"index_fill", [](auto& x, auto a) { return index_fill(x, a, tensor({0}), x); }, 3, 1},
  };
}

TEST_CASE("a tensor without axes accepts the axes 0 and -1") {
  for (const auto& row : functions_of_scalars()) {
    for (const std::int64_t axis : {0, -1}) {
      INFO(row.name << " along " << axis);
      const Tensor x = variable(tensor(3.0, f64));
      const Tensor y = row.f(x, axis);
      CHECK(y.shape().empty());
      CHECK(std::abs(y.item() - row.value) < 1e-15);
      if (std::isnan(row.gradient)) continue;
      CHECK(std::abs(grad(y, x).item() - row.gradient) < 1e-15);
      // Batched cotangents have one axis, which is none of the tensor's.
      const auto f = [&](const Tensor& z) { return row.f(z, axis); };
      CHECK(std::abs(jacobian(f, x).item() - row.gradient) < 1e-15);
      CHECK(jacobian(f, x).shape().empty());
      CHECK(gradgradcheck([&](const Tensor& z) { return row.f(z, axis) * z; }, x));
    }
  }
}

TEST_CASE("a tensor without axes has no other axis") {
  for (const auto& row : functions_of_scalars()) {
    if (row.name == "t") continue;
    for (const std::int64_t axis : {1, -2}) {
      INFO(row.name << " along " << axis);
      CHECK_THROWS_AS(row.f(tensor(3.0, f64), axis), ShapeError);
    }
  }
}

TEST_CASE("operations that replace or split an axis of a tensor without axes") {
  const Tensor x = tensor(3.0);
  CHECK(take(x, tensor({0, 0}), 0).shape() == Shape{2});
  CHECK(repeat_interleave(x, 3, 0).shape() == Shape{3});
  CHECK(repeat_interleave(x, tensor({2}), -1).shape() == Shape{2});
  CHECK(unflatten(x, 0, {1, 1}).shape() == Shape{1, 1});
  CHECK(flatten(x, 0, -1).shape() == Shape{1});
  CHECK(unsqueeze(x, -1).shape() == Shape{1});
  // There is nothing to cut or to join, as in PyTorch and NumPy.
  CHECK_THROWS_AS(concatenate({x, x}), ShapeError);
  CHECK_THROWS_AS(split(x, 1), ShapeError);
  CHECK_THROWS_AS(unstack(x), ShapeError);
  CHECK_THROWS_AS(slice(x, 0, 0, 1), ShapeError);
  CHECK_THROWS_AS(select(x, 0, 0), ShapeError);
}

}  // namespace
}  // namespace newtape
