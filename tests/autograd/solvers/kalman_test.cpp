// SPDX-License-Identifier: BSD-3-Clause
// The filter and the smoother against the joint normal distribution of all states and observations, conditioned densely.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/solvers/kalman.hpp>

#include <cmath>
#include <vector>

using namespace newtape;

namespace {

constexpr std::int64_t states = 3, values = 2, times = 5;

Tensor definite(std::int64_t n, std::uint64_t seed) {
  const Tensor a = normal({n, n}, seed);
  return matmul(a, transpose(a)) / 4 + 0.3 * eye(n, f64);
}
StateSpaceModel example() {
  return {.transition = 0.4 * normal({states, states}, 1),
          .transition_cov = definite(states, 2),
          .observation = normal({values, states}, 3),
          .observation_cov = definite(values, 4),
          .initial_mean = normal({states}, 5),
          .initial_cov = definite(states, 6)};
}

/// The joint distribution of x_1, ..., x_T as a vector, and the map from it to the observations seen.
struct Joint {
  Tensor mean, cov, observation, noise, y;
};
Joint joint(const StateSpaceModel& m, const Tensor& y, const std::vector<bool>& seen) {
  std::vector<Tensor> means{m.initial_mean}, marginal{m.initial_cov};
  for (std::int64_t t = 1; t < times; ++t) {
    means.push_back(matmul(m.transition, means.back()));
    marginal.push_back(matmul(matmul(m.transition, marginal.back()), transpose(m.transition)) + m.transition_cov);
  }
  // cov(x_t, x_s) = transition^(t - s) var(x_s) for t >= s.
  std::vector<Tensor> rows;
  for (std::size_t t = 0; t < times; ++t) {
    std::vector<Tensor> blocks;
    for (std::size_t s = 0; s < times; ++s) {
      Tensor c = marginal[std::min(s, t)];
      for (std::size_t k = std::min(s, t); k < std::max(s, t); ++k) c = matmul(m.transition, c);
      blocks.push_back(t >= s ? c : transpose(c));
    }
    rows.push_back(concatenate(blocks, 1));
  }
  std::vector<Tensor> h, r, ys;
  const std::int64_t count = std::count(seen.begin(), seen.end(), true);
  std::int64_t k = 0;
  for (std::int64_t t = 0; t < times; ++t) {
    if (!seen[static_cast<std::size_t>(t)]) continue;
    h.push_back(concatenate(
        {zeros({values, t * states}, f64), m.observation, zeros({values, (times - 1 - t) * states}, f64)}, 1));
    r.push_back(concatenate(
        {zeros({values, k * values}, f64), m.observation_cov, zeros({values, (count - 1 - k) * values}, f64)}, 1));
    ys.push_back(y[t]);
    ++k;
  }
  return {concatenate(means, 0), concatenate(rows, 0), concatenate(h, 0), concatenate(r, 0), concatenate(ys, 0)};
}

struct Conditioned {
  Tensor mean, cov, log_likelihood;
};
Conditioned condition(const Joint& j) {
  const Tensor cross = matmul(j.cov, transpose(j.observation));
  const Tensor s = matmul(j.observation, cross) + j.noise;
  const Tensor rest = j.y - matmul(j.observation, j.mean);
  const Tensor gain = transpose(linalg::solve(s, transpose(cross)));
  const double n = static_cast<double>(rest.size());
  return {j.mean + matmul(gain, rest), j.cov - matmul(gain, transpose(cross)),
          -0.5 * (dot(rest, linalg::solve(s, rest)) + linalg::logdet(s) + n * std::log(2 * 3.14159265358979323846))};
}

double apart(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }
Tensor block(const Tensor& m, std::int64_t t, std::int64_t s) {
  return slice(slice(m, 0, t * states, (t + 1) * states), 1, s * states, (s + 1) * states);
}

}  // namespace

TEST_CASE("kalman_smoother has the moments of the joint distribution given all observations") {
  const StateSpaceModel m = example();
  const Tensor y = normal({times, values}, 7);
  for (const std::vector<bool>& seen :
       {std::vector<bool>(times, true), {true, false, false, true, true}, {false, true, true, true, false}}) {
    const auto found = kalman_smoother(m, y, tensor(seen));
    const Conditioned want = condition(joint(m, y, seen));
    CHECK(found.means.shape() == Shape{times, states});
    CHECK(found.covariances.shape() == Shape{times, states, states});
    CHECK(found.cross_covariances.shape() == Shape{times - 1, states, states});
    CHECK(apart(ravel(found.means), want.mean) < 1e-13);
    for (std::int64_t t = 0; t < times; ++t) CHECK(apart(found.covariances[t], block(want.cov, t, t)) < 1e-13);
    for (std::int64_t t = 0; t + 1 < times; ++t) {
      CHECK(apart(found.cross_covariances[t], block(want.cov, t + 1, t)) < 1e-13);
    }
    CHECK(found.log_likelihood.item() == Approx(want.log_likelihood.item()).epsilon(1e-13));
  }
}

TEST_CASE("kalman_filter has the moments given the observations so far, and before") {
  const StateSpaceModel m = example();
  const Tensor y = normal({times, values}, 7);
  const auto found = kalman_filter(m, y);
  CHECK(found.log_likelihood.item() == Approx(kalman_smoother(m, y).log_likelihood.item()).epsilon(1e-14));
  CHECK(apart(found.predicted_means[0], m.initial_mean) == 0);
  for (std::int64_t t = 0; t < times; ++t) {
    std::vector<bool> seen(times, false);
    std::fill_n(seen.begin(), t + 1, true);
    const Conditioned now = condition(joint(m, y, seen));
    CHECK(apart(found.means[t], slice(now.mean, 0, t * states, (t + 1) * states)) < 1e-13);
    CHECK(apart(found.covariances[t], block(now.cov, t, t)) < 1e-13);
    if (t + 1 == times) continue;
    CHECK(apart(found.predicted_means[t + 1], slice(now.mean, 0, (t + 1) * states, (t + 2) * states)) < 1e-13);
    CHECK(apart(found.predicted_covariances[t + 1], block(now.cov, t + 1, t + 1)) < 1e-13);
  }
}

TEST_CASE("kalman: stacks of series and of models") {
  const StateSpaceModel m = example();
  const Tensor y = normal({4, times, values}, 8);
  const auto all = kalman_smoother(m, y);
  CHECK(all.means.shape() == Shape{4, times, states});
  CHECK(all.log_likelihood.shape() == Shape{4});
  StateSpaceModel models = m;
  models.transition = stack({m.transition, 0.5 * m.transition}, 0);
  const auto two = kalman_smoother(models, y[0]);
  CHECK(two.covariances.shape() == Shape{2, times, states, states});
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto one = kalman_smoother(m, y[i]);
    CHECK(apart(one.means, all.means[i]) < 1e-14);
    CHECK(apart(one.log_likelihood, all.log_likelihood[i]) < 1e-13);
    if (i == 0) CHECK(apart(one.covariances, two.covariances[0]) < 1e-14);
  }
}

TEST_CASE("kalman: derivatives in the model and the observations, to order two") {
  const StateSpaceModel m = example();
  const auto of = [](std::span<const Tensor> x) {
    const StateSpaceModel model{x[0], x[1], x[2], x[3], x[4], x[5]};
    const auto found = kalman_smoother(model, x[6]);
    return concatenate({ravel(found.log_likelihood), ravel(found.means), ravel(found.covariances)}, 0);
  };
  const std::vector<Tensor> at{m.transition,   m.transition_cov, m.observation,         m.observation_cov,
                               m.initial_mean, m.initial_cov,    normal({3, values}, 9)};
  const auto checked = gradcheck(of, at, {.order = 2});
  INFO(checked.message);
  CHECK(checked.ok);
}

TEST_CASE("kalman: bad input is an error, with the name of the part") {
  const Tensor y = normal({times, values}, 7);
  StateSpaceModel m = example();
  m.observation = normal({values, states + 1}, 1);
  CHECK_THROWS_WITH(kalman_filter(m, y), contains("the shape of observation"));
  m = example();
  m.transition_cov = Tensor();
  CHECK_THROWS_WITH(kalman_filter(m, y), contains("transition_cov is undefined"));
  m = example();
  m.initial_mean = m.initial_mean.to(f32);
  CHECK_THROWS_AS(kalman_filter(m, y), DTypeError);
  m = example();
  CHECK_THROWS_AS(kalman_filter(m, y[0]), ShapeError);
  CHECK_THROWS_AS(kalman_filter(m, zeros({0, values}, f64)), ValueError);
  CHECK_THROWS_AS(kalman_filter(m, y, tensor(std::vector<bool>{true})), ShapeError);
  CHECK_THROWS_AS(kalman_filter(m, y, ones({times})), DTypeError);
  m.observation_cov = -m.observation_cov;
  m.observation = 0 * m.observation;
  CHECK_THROWS_AS(kalman_filter(m, y), NumericalError);
}
