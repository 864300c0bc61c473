// SPDX-License-Identifier: BSD-3-Clause
// Against certified values of NIST, and values computed by NumPy, scikit-learn and statsmodels.
#include "catch.hpp"
#include "models/linear_models.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/models/least_squares.hpp>

using namespace newtape;

namespace {

/// The largest difference, relative to the largest entry.
double off(const Tensor& x, const Array& expected) {
  if (x.shape() != expected.shape()) return INFINITY;
  const Tensor y(expected);
  return max(abs(x.to(f64) - y)).item() / max(abs(y)).item();
}
double off(const Tensor& x, const std::string& name) { return off(x, reference()(name)); }

/// Each difference relative to its own entry.
double off_each(const Tensor& x, const Tensor& expected) { return max(abs(x / expected - 1)).item(); }

}  // namespace

TEST_CASE("least_squares reaches the certified values of the Longley data") {
  // J. W. Longley, JASA 62 (1967), as in NIST's Statistical Reference Datasets, with the values certified there:
  // https://www.itl.nist.gov/div898/strd/lls/data/Longley.shtml
  const Tensor y = tensor(
      {60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761, 66019, 67857, 68169, 66513, 68655, 69564, 69331, 70551},
      f64);
  const Tensor x = tensor({{83, 234289, 2356, 1590, 107608, 1947},
                           {88.5, 259426, 2325, 1456, 108632, 1948},
                           {88.2, 258054, 3682, 1616, 109773, 1949},
                           {89.5, 284599, 3351, 1650, 110929, 1950},
                           {96.2, 328975, 2099, 3099, 112075, 1951},
                           {98.1, 346999, 1932, 3594, 113270, 1952},
                           {99, 365385, 1870, 3547, 115094, 1953},
                           {100, 363112, 3578, 3350, 116219, 1954},
                           {101.2, 397469, 2904, 3048, 117388, 1955},
                           {104.6, 419180, 2822, 2857, 118734, 1956},
                           {108.4, 442769, 2936, 2798, 120445, 1957},
                           {110.8, 444546, 4681, 2637, 121950, 1958},
                           {112.6, 482704, 3813, 2552, 123366, 1959},
                           {114.2, 502601, 3931, 2514, 125368, 1960},
                           {115.7, 518173, 4806, 2572, 127852, 1961},
                           {116.9, 554894, 4007, 2827, 130081, 1962}},
                          f64);
  const auto fit = models::least_squares(x, y);
  CHECK(off_each(fit.coefficients, tensor({15.0618722713733, -0.358191792925910E-01, -2.02022980381683,
                                           -1.03322686717359, -0.511041056535807E-01, 1829.15146461355},
                                          f64)) < 1e-10);
  CHECK(off_each(fit.standard_errors, tensor({84.9149257747669, 0.334910077722432E-01, 0.488399681651699,
                                              0.214274163161675, 0.226073200069370, 455.478499142212},
                                             f64)) < 1e-10);
  CHECK(off_each(fit.intercept, tensor(-3482258.63459582, f64)) < 1e-10);
  CHECK(off_each(fit.intercept_standard_error, tensor(890420.383607373, f64)) < 1e-10);
  CHECK(off_each(sqrt(fit.residual_variance), tensor(304.854073561965, f64)) < 1e-12);
  CHECK(off_each(fit.r2, tensor(0.995479004577296, f64)) < 1e-14);
  CHECK(fit.degrees_of_freedom == 9);
  CHECK(fit.rank == 6);
  CHECK(fit.samples == 16);
}

TEST_CASE("least_squares agrees with statsmodels: with an intercept, without, with weights") {
  const auto table = data::diabetes();
  const Tensor x = table.features();
  const Tensor y = table.target();
  const auto check = [&](const models::LeastSquares& fit, const std::string& at, bool intercept) {
    INFO(at);
    CHECK(off(fit.coefficients, at + "/coefficients") < 1e-10);
    CHECK(off(fit.standard_errors, at + "/standard_errors") < 1e-11);
    CHECK(off(fit.r2, at + "/r2") < 1e-12);
    CHECK(off(fit.residual_variance, at + "/residual_variance") < 1e-12);
    CHECK(fit.rank == 10);
    CHECK(fit.degrees_of_freedom == 442 - 10 - (intercept ? 1 : 0));
    if (!intercept) {
      CHECK(fit.intercept.item() == 0);
      return;
    }
    CHECK(off(fit.intercept, at + "/intercept") < 1e-10);
    CHECK(off(fit.intercept_standard_error, at + "/intercept_standard_error") < 1e-11);
    CHECK(off(fit.t_values(), at + "/t_values") < 1e-10);
  };
  const auto fit = models::least_squares(x, y);
  check(fit, "diabetes/ols", true);
  CHECK(fit.condition_number == Approx(reference()("diabetes/condition_number").item()).epsilon(1e-10));
  CHECK(mean(fit.predict(x)).item() == Approx(mean(y).item()).epsilon(1e-12));
  CHECK(fit.predict(x[0]).shape() == Shape{});
  check(models::least_squares(x, y, {.intercept = false}), "diabetes/plain", false);
  const Tensor weight = 1 + x[{Slice(), 0}] / 100;
  check(models::least_squares(x, y, {.sample_weight = weight}), "diabetes/weighted", true);

  // A weight of 2 is the same sample twice, one of 0 is none.
  Tensor counts = ones({442}, f64);
  counts = index_put(counts, {Slice(0, 10)}, 2);
  counts = index_put(counts, {Slice(10, 20)}, 0);
  const auto counted = models::least_squares(x, y, {.sample_weight = counts});
  const auto repeated = models::least_squares(concatenate({x[Slice(0, 10)], x[Slice(0, 10)], x[Slice(20, 442)]}),
                                              concatenate({y[Slice(0, 10)], y[Slice(0, 10)], y[Slice(20, 442)]}));
  CHECK(off(counted.coefficients, repeated.coefficients.value()) < 1e-10);
  CHECK(off(counted.r2, repeated.r2.value()) < 1e-12);

  // In f32, within its precision.
  const auto narrow = models::least_squares(x.to(f32), y.to(f32));
  CHECK(narrow.coefficients.dtype() == f32);
  CHECK(off(narrow.coefficients, "diabetes/ols/coefficients") < 2e-3);
}

TEST_CASE("ridge agrees with scikit-learn, and with the definition of its degrees of freedom") {
  const auto table = data::diabetes();
  const Tensor x = table.features();
  const Tensor y = table.target();
  for (const double penalty : {1.0, 1000.0}) {
    const auto at = "diabetes/ridge/" + std::string(penalty == 1 ? "1" : "1000");
    INFO(at);
    const auto fit = models::least_squares(x, y, {.penalty = penalty});
    CHECK(off(fit.coefficients, at + "/coefficients") < 1e-10);
    CHECK(off(fit.intercept, at + "/intercept") < 1e-10);
    CHECK(off(fit.r2, at + "/r2") < 1e-12);
    CHECK(fit.degrees_of_freedom == Approx(reference()(at + "/degrees_of_freedom").item()).epsilon(1e-12));
  }
  const auto weighted = models::least_squares(x, y, {.penalty = 10, .sample_weight = 1 + x[{Slice(), 0}] / 100});
  CHECK(off(weighted.coefficients, "diabetes/ridge/weighted/coefficients") < 1e-10);
  CHECK(off(weighted.intercept, "diabetes/ridge/weighted/intercept") < 1e-10);

  // Standard errors by definition: c is linear in y, so its covariance is linear in that of y.
  const Tensor small = x[{Slice(0, 30), Slice(0, 3)}];
  const auto fit = models::least_squares(small, y[Slice(0, 30)], {.penalty = 50});
  const Tensor map = jacobian(
      [&](const Tensor& t) {
        const auto f = models::least_squares(small, t, {.penalty = 50});
        return concatenate({f.coefficients, reshape(f.intercept, {1})});
      },
      y[Slice(0, 30)]);
  const Tensor errors = sqrt(sum(square(map), 1) * fit.residual_variance);
  CHECK(off(fit.standard_errors, errors[Slice(0, 3)].value()) < 1e-10);
  CHECK(off(fit.intercept_standard_error, errors[3].value()) < 1e-10);

  // One penalty for each feature: a huge one suppresses the feature, and 0 does not penalise it.
  const auto mixed = models::least_squares(x, y, {.penalty = 1e16 * (arange(10) == 9).to(f64)});
  const auto without = models::least_squares(x[{Slice(), Slice(0, 9)}], y);
  CHECK(off(mixed.coefficients[Slice(0, 9)], without.coefficients.value()) < 1e-7);
  CHECK(std::abs(mixed.coefficients[9].item()) < 1e-7);
}

TEST_CASE("with collinear features, least_squares gives the minimum-norm solution") {
  const auto table = data::diabetes();
  const Tensor x = table.features();
  const Tensor y = table.target();
  const auto column = [&](int j) { return x[{Slice(), Slice(j, j + 1)}]; };
  const Tensor deficient = concatenate({x, column(2), column(3) + column(4)}, 1);
  const auto fit = models::least_squares(deficient, stack({y, square(y) / 100}, 1));
  CHECK(fit.rank == 10);
  CHECK(fit.coefficients.shape() == Shape{2, 12});
  CHECK(fit.intercept.shape() == Shape{2});
  CHECK(off(fit.coefficients, "deficient/coefficients") < 1e-9);
  CHECK(off(fit.intercept, "deficient/intercept") < 1e-9);
  CHECK(fit.degrees_of_freedom == 431);
  CHECK(off(fit.residual_variance[0], "diabetes/ols/residual_variance") < 1e-11);
  CHECK(fit.predict(deficient).shape() == Shape{442, 2});

  // Fewer samples than features: every residual is 0, and their variance is undetermined.
  const auto wide = models::least_squares(x[Slice(0, 5)], y[Slice(0, 5)]);
  CHECK(wide.rank == 4);
  CHECK(std::isinf(wide.condition_number));
  CHECK(wide.degrees_of_freedom == 0);
  CHECK(std::isnan(wide.residual_variance.item()));
  CHECK(off(wide.predict(x[Slice(0, 5)]), y[Slice(0, 5)].value()) < 1e-10);
  // With a penalty the solution is unique.
  CHECK(models::least_squares(x[Slice(0, 5)], y[Slice(0, 5)], {.penalty = 1}).rank == 10);
}

TEST_CASE("least_squares is differentiable in data, penalty and weights") {
  Generator generator(3);
  const Tensor x = random::normal({7, 3}, 0, 1, f64, generator);
  const Tensor y = random::normal({7, 2}, 0, 1, f64, generator);
  const Tensor w = random::uniform({7}, 0.5, 1.5, f64, generator);
  const auto all_of = [](const models::LeastSquares& f) {
    return std::vector<Tensor>{f.coefficients, f.intercept, f.standard_errors, f.intercept_standard_error, f.r2};
  };
  const auto plain = gradcheck(MultiFunction([&](std::span<const Tensor> v) {
                                 return all_of(models::least_squares(v[0], v[1], {.sample_weight = v[2]}));
                               }),
                               std::vector<Tensor>{x, y, w}, {.order = 2});
  CHECK(plain.message == "");
  const auto ridge = gradcheck(MultiFunction([&](std::span<const Tensor> v) {
                                 return all_of(models::least_squares(v[0], v[1], {.penalty = v[2]}));
                               }),
                               std::vector<Tensor>{x, y, tensor(0.7, f64)}, {.order = 2});
  CHECK(ridge.message == "");
  // Rank-deficient: in y, which does not change the rank.
  const Tensor twice = concatenate({x, x[{Slice(), Slice(0, 1)}]}, 1);
  const auto deficient = gradcheck(
      UnaryFunction([&](const Tensor& v) { return models::least_squares(twice, v).coefficients; }), y, {.order = 2});
  CHECK(deficient.message == "");
}

TEST_CASE("least_squares prints as a table") {
  const auto table = data::diabetes();
  const auto fit = models::least_squares(table.features(), table.target());
  const auto text = models::to_string(fit, table.feature_names);
  CHECK_THAT(text, contains("bmi") && contains("5.60296") && contains("0.7171") && contains("7.81"));
  CHECK_THAT(text, contains("intercept") && contains("R2 0.5177") && contains("442 samples, 431 degrees of freedom"));
  CHECK_THAT(fmt::format("{}", fit), contains("x9"));
  const Tensor y = table.target();
  CHECK_THAT(models::to_string(models::least_squares(table.features(), stack({y, y}, 1))), contains("target 1"));
}

TEST_CASE("least_squares rejects invalid input") {
  const Tensor x = ones({4, 2}, f64);
  const Tensor y = ones({4}, f64);
  CHECK_THROWS_WITH(models::least_squares(ones({0, 2}, f64), ones({0}, f64)), contains("n >= 1") && contains("[0, 2]"));
  CHECK_THROWS_AS(models::least_squares(y, y), ShapeError);
  CHECK_THROWS_WITH(models::least_squares(x, ones({3}, f64)), contains("a row for each") && contains("[3]"));
  CHECK_THROWS_AS(models::least_squares(x, ones({4}, f32)), DTypeError);
  CHECK_THROWS_AS(models::least_squares(x.to(i64), y), DTypeError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.penalty = -1}), ValueError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.penalty = ones({3}, f64)}), ShapeError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.penalty = tensor(1, f32)}), DTypeError);
  CHECK_THROWS_WITH(models::least_squares(x, y, {.penalty = variable(zeros({}, f64))}), contains("penalty > 0"));
  CHECK_THROWS_AS(models::least_squares(x, y, {.sample_weight = ones({3}, f64)}), ShapeError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.sample_weight = zeros({4}, f64)}), ValueError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.sample_weight = y - 2}), ValueError);
  CHECK_THROWS_AS(models::least_squares(x, y, {.sample_weight = ones({4}, f32)}), DTypeError);
  CHECK_THROWS_WITH(models::least_squares(x, y).predict(ones({3}, f64)), contains("[.., 2]") && contains("[3]"));
  CHECK_THROWS_AS(models::to_string(models::least_squares(x, y), std::vector<std::string>{"one"}), ValueError);
}
