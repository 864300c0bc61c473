// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "optim/entries.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/optim/least_squares/blocks/manifold.hpp>
#include <newtape/optim/least_squares/blocks/rotation.hpp>

#include <cmath>

namespace nt = newtape;
namespace optim = newtape::optim;
using optim::Manifold;

namespace {

/// [r]x for each row.
nt::Tensor skew(const nt::Tensor& r) {
  const auto c = nt::unbind(r, -1);
  const nt::Tensor zero = nt::zeros_like(c[0]);
  const nt::Tensor flat = nt::stack({zero, -c[2], c[1], c[2], zero, -c[0], -c[1], c[0], zero}, -1);
  return nt::reshape(flat, {r.shape(0), 3, 3});
}

double largest(const nt::Tensor& x) { return x.size() == 0 ? 0 : nt::max(nt::abs(x)).item(); }

nt::Tensor times(const nt::Tensor& matrices, const nt::Tensor& vectors) {
  return nt::squeeze(nt::matmul(matrices, nt::unsqueeze(vectors, -1)), {-1});
}

/// Unit quaternions, and the matrices that turn as they do: the exponentials of twice their logarithms.
nt::Tensor turn(const nt::Tensor& q) { return nt::linalg::matrix_exp(skew(optim::vector_from_quaternion(q))); }

const nt::Tensor& angles() {
  // Ordinary ones, nothing, hardly anything, nearly half a turn and more than a whole one.
  static const nt::Tensor r =
      nt::tensor({{0.3, -0.5, 0.9}, {0., 0., 0.}, {1e-9, 2e-9, -1e-9}, {0., 3.1, 0.}, {4., 4., 4.}}, nt::f64);
  return r;
}

// Sums of a few dozen terms of the size of the vectors, which are below 10.
const double rounding = 10 * bounds::gamma(100, nt::f64);

}  // namespace

TEST_CASE("rotations are exponentials of skew-symmetric matrices") {
  const nt::Tensor v = normal({5, 3}, 1);
  const nt::Tensor matrices = nt::linalg::matrix_exp(skew(angles()));
  CHECK(largest(optim::rotation_matrix(angles()) - matrices) < rounding);
  CHECK(largest(optim::rotate_by_vector(angles(), v) - times(matrices, v)) < rounding);
  const nt::Tensor q = optim::quaternion_from_vector(angles());
  CHECK(largest(optim::rotate_by_quaternion(q, v) - times(matrices, v)) < rounding);
  CHECK(largest(optim::rotate_by_quaternion(3 * q, v) - times(matrices, v)) < rounding);
  // Products and inverses, by those of matrices.
  const nt::Tensor p = optim::quaternion_from_vector(normal({5, 3}, 2));
  const nt::Tensor both = optim::rotate_by_quaternion(optim::quaternion_product(p, q), v);
  CHECK(largest(both - times(nt::matmul(turn(p), matrices), v)) < rounding);
  CHECK(largest(optim::rotate_by_quaternion(optim::quaternion_conjugate(q), v) -
                times(nt::linalg::matrix_exp(-skew(angles())), v)) < rounding);
  // The smallest rotation vector of a quaternion and of its negative.
  const nt::Tensor small = 0.5 * normal({5, 3}, 3);
  const nt::Tensor of_small = optim::quaternion_from_vector(small);
  CHECK(largest(optim::vector_from_quaternion(of_small) - small) < rounding);
  CHECK(largest(optim::vector_from_quaternion(-of_small) - small) < rounding);
}

TEST_CASE("derivatives of rotations") {
  const nt::Tensor v = normal({4, 3}, 4);
  const nt::Tensor r = normal({4, 3}, 5);
  const nt::Tensor q = normal({4, 4}, 6);
  const auto check = [](const char* name, const nt::Function& f, std::vector<nt::Tensor> xs) {
    INFO(name);
    CHECK_NOTHROW(nt::gradcheck(f, xs));
  };
  check("rotate_by_vector", [](std::span<const nt::Tensor> x) { return optim::rotate_by_vector(x[0], x[1]); }, {r, v});
  check("rotate_by_quaternion", [](std::span<const nt::Tensor> x) { return optim::rotate_by_quaternion(x[0], x[1]); },
        {q, v});
  check("quaternion_product", [](std::span<const nt::Tensor> x) { return optim::quaternion_product(x[0], x[1]); },
        {q, q + 1});
  check("quaternion_from_vector", [](std::span<const nt::Tensor> x) { return optim::quaternion_from_vector(x[0]); },
        {r});
  check("rotation_matrix", [](std::span<const nt::Tensor> x) { return optim::rotation_matrix(x[0]); }, {r});
  // At no rotation d(exp([r]x) v)/dr = -[v]x.
  const nt::Tensor zero = nt::zeros({3}, nt::f64);
  const nt::Tensor one = nt::tensor({0.5, -2., 1.5}, nt::f64);
  const nt::Tensor j = nt::jacobian([&](const nt::Tensor& x) { return optim::rotate_by_vector(x, one); }, zero);
  const nt::Tensor expected = -nt::squeeze(skew(nt::unsqueeze(one, 0)), {0});
  CHECK(largest(j - expected) < rounding);
}

TEST_CASE("rotations refuse other shapes") {
  CHECK_THROWS_WITH(optim::rotate_by_vector(nt::zeros({2, 4}, nt::f64), nt::zeros({2, 3}, nt::f64)),
                    contains("rotate_by_vector: r must have 3 coordinates along its last axis"));
  CHECK_THROWS_WITH(optim::quaternion_conjugate(nt::zeros({3}, nt::f64)), contains("[.., 4]"));
  CHECK_THROWS_AS(optim::rotation_matrix(nt::tensor(1.0)), nt::ShapeError);
}

TEST_CASE("steps on manifolds are matrix exponentials") {
  const nt::Tensor q = optim::quaternion_from_vector(normal({4, 3}, 7));
  nt::Tensor step = normal({4, 3}, 8);
  step = nt::concatenate({nt::zeros({1, 3}, nt::f64), step[nt::Slice(1, 4)]}, 0);
  const nt::Tensor exponential = nt::linalg::matrix_exp(skew(step));
  CHECK(largest(turn(Manifold::quaternion().plus(q, step)) - nt::matmul(turn(q), exponential)) < rounding);
  const nt::Tensor flat = nt::reshape(turn(q), {4, 9});
  CHECK(largest(nt::reshape(Manifold::so3().plus(flat, step), {4, 3, 3}) - nt::matmul(turn(q), exponential)) <
        rounding);

  // The twist [[omega]x v; 0 0] of each row; small and large ones.
  const nt::Tensor t = normal({4, 3}, 9), v = normal({4, 3}, 10);
  for (const double size : {1e-6, 0.3, 1.0, 3.0}) {
    const nt::Tensor omega = size * step;
    const auto matrix = [](const nt::Tensor& a, const nt::Tensor& b, double corner) {
      const nt::Tensor top = nt::concatenate({a, nt::unsqueeze(b, -1)}, -1);
      const nt::Tensor last = nt::tensor({0., 0., 0., corner}, nt::f64);
      return nt::concatenate({top, nt::expand(last, {4, 1, 4})}, 1);
    };
    const nt::Tensor wanted = nt::matmul(matrix(turn(q), t, 1), nt::linalg::matrix_exp(matrix(skew(omega), v, 0)));
    const nt::Tensor got = Manifold::se3().plus(nt::concatenate({q, t}, -1), nt::concatenate({omega, v}, -1));
    const nt::Tensor pose = matrix(turn(got[{nt::ellipsis, nt::Slice(0, 4)}]), got[{nt::ellipsis, nt::Slice(4, 7)}], 1);
    INFO(size);
    CHECK(largest(pose - wanted) < rounding);
  }
}

TEST_CASE("steps on spheres are great circles") {
  for (const std::int64_t d : {2, 3, 5}) {
    INFO(d);
    const Manifold sphere = Manifold::sphere(d);
    const nt::Tensor x = normal({6, d}, 11), delta = normal({6, d - 1}, 12);
    const auto length = [](const nt::Tensor& a) { return nt::sqrt(nt::sum(nt::square(a), {-1})); };
    const nt::Tensor y = sphere.plus(x, delta);
    CHECK(largest(length(y) - length(x)) < rounding);
    // The angle is |delta|.
    const nt::Tensor cosine = nt::sum(x * y, {-1}) / (length(x) * length(y));
    CHECK(largest(cosine - nt::cos(length(delta))) < rounding);
    // Steps of different directions are orthogonal: the derivative at 0 has orthogonal columns of length |x|.
    for (const double last : {0.7, -0.7}) {
      const nt::Tensor point = nt::concatenate({x[0][nt::Slice(0, d - 1)], nt::tensor({last}, nt::f64)}, 0);
      const auto f = [&](const nt::Tensor& s) { return sphere.plus(nt::unsqueeze(point, 0), nt::unsqueeze(s, 0)); };
      const nt::Tensor j = nt::reshape(nt::jacobian(f, nt::zeros({d - 1}, nt::f64)), {d, d - 1});
      const nt::Tensor square = nt::sum(nt::square(point));
      CHECK(largest(nt::matmul(nt::transpose(j, 0, 1), j) - square * nt::eye(d - 1, nt::f64)) < 10 * rounding);
      CHECK(largest(nt::matmul(nt::transpose(j, 0, 1), nt::unsqueeze(point, -1))) < 10 * rounding);
    }
  }
  CHECK_THROWS_AS(Manifold::sphere(1), nt::ValueError);
}

TEST_CASE("subsets and products of manifolds") {
  const nt::Tensor x = normal({3, 4}, 13), delta = normal({3, 2}, 14);
  const nt::Tensor y = Manifold::subset(4, {0, 2}).plus(x, delta);
  const nt::Tensor change = y - x;
  CHECK(same_bits(change[{nt::ellipsis, 0}].value(), nt::zeros({3}, nt::f64).value()));
  CHECK(same_bits(y[{nt::ellipsis, 2}].value(), x[{nt::ellipsis, 2}].value()));
  CHECK(largest(change[{nt::ellipsis, 3}] - delta[{nt::ellipsis, 1}]) < rounding);
  CHECK_THROWS_WITH(Manifold::subset(4, {4}), contains("0 to 3"));

  const Manifold both = Manifold::product({Manifold::quaternion(), Manifold::euclidean(3)});
  CHECK(both.size == 7);
  CHECK(both.tangent == 6);
  const nt::Tensor q = optim::quaternion_from_vector(normal({3, 3}, 15)), t = normal({3, 3}, 16),
                   s = normal({3, 6}, 17);
  const nt::Tensor moved = both.plus(nt::concatenate({q, t}, -1), s);
  CHECK(largest(moved[{nt::ellipsis, nt::Slice(0, 4)}] -
                Manifold::quaternion().plus(q, s[{nt::ellipsis, nt::Slice(0, 3)}])) < rounding);
  CHECK(largest(moved[{nt::ellipsis, nt::Slice(4, 7)}] - (t + s[{nt::ellipsis, nt::Slice(3, 6)}])) < rounding);
}
