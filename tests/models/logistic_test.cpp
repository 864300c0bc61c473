// SPDX-License-Identifier: BSD-3-Clause
// Against scikit-learn, and against the tape's gradient of nn's loss.
#include "catch.hpp"
#include "models/linear_models.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/models/logistic.hpp>
#include <newtape/nn/losses/classification.hpp>

#include <algorithm>

using namespace newtape;

namespace {

struct Problem {
  std::string name;
  Tensor x, labels;
};

std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const auto& [name, table] :
       {std::pair("iris", data::iris()), {"wine", data::wine()}, {"breast_cancer", data::breast_cancer()}}) {
    all.push_back({name, standardised(table.features()), table.target()});
  }
  const auto [train, test] = data::digits();
  const Tensor images = concatenate({train.array("images"), test.array("images")}).to(f64);
  const Tensor labels = concatenate({train.array("labels"), test.array("labels")});
  all.push_back({"digits", reshape(images, {-1, 64}), labels});
  all.push_back({"digits, standardised", standardised(all.back().x), labels});
  return all;
}

/// The largest entry of the gradient of mean cross-entropy + penalty * |weight|^2, by the tape.
double gradient_of(const models::SoftmaxRegression& fit, const Problem& p, double penalty) {
  const Tensor w = variable(fit.weight);
  const Tensor b = variable(fit.bias);
  const Tensor loss = nn::cross_entropy(linear(p.x, w, b), p.labels) + penalty * sum(square(w));
  loss.backward();
  CHECK(fit.value == Approx(loss.item()).epsilon(1e-13));
  return std::max(max(abs(w.grad())).item(), max(abs(b.grad())).item());
}

}  // namespace

TEST_CASE("softmax_regression converges to the optimum on iris, wine, breast cancer and digits") {
  for (const auto& p : problems()) {
    INFO(p.name);
    const auto fit = models::softmax_regression(p.x, p.labels, {.penalty = 0.005});
    INFO(optim::to_string(fit));
    CHECK(fit.converged());
    CHECK(fit.trace.size() <= 13);
    CHECK(gradient_of(fit, p, 0.005) < 1e-12);
    CHECK(max(abs(sum(fit.weight, 0))).item() < 1e-12);
    CHECK(std::abs(sum(fit.bias).item()) < 1e-12);
    CHECK(mean((fit.predict(p.x) == p.labels).to(f64)).item() > 0.95);
    // Perturbed weights have a larger loss.
    Generator generator(1);
    for (int i = 0; i < 3; ++i) {
      const Tensor w = fit.weight + Tensor(random::normal(fit.weight.shape(), 0, 1e-3, f64, generator));
      CHECK((nn::cross_entropy(linear(p.x, w, fit.bias), p.labels) + 0.005 * sum(square(w))).item() > fit.value);
    }
    if (p.name.rfind("digits", 0) == 0) continue;
    CHECK(distance(fit.weight.value(), reference()(p.name + "/softmax/weight")) < 1e-8);
    CHECK(distance(fit.bias.value(), reference()(p.name + "/softmax/bias")) < 1e-8);
  }
}

TEST_CASE("logistic_regression agrees with scikit-learn and with the softmax of two classes") {
  const auto table = data::breast_cancer();
  const Tensor x = standardised(table.features());
  const Tensor labels = table.target();
  const auto fit = models::logistic_regression(x, labels, {.penalty = 0.005});
  INFO(optim::to_string(fit));
  CHECK(fit.converged());
  CHECK(fit.trace.size() <= 13);
  CHECK(distance(fit.weight.value(), reference()("breast_cancer/logistic/weight")) < 1e-8);
  CHECK(distance(fit.bias.value(), reference()("breast_cancer/logistic/bias")) < 1e-8);
  CHECK(mean((fit.predict(x) == labels).to(f64)).item() > 0.98);

  // w = w_1 - w_0 = 2 w_1, so that the two classes' squares are half of w's.
  const auto two = models::softmax_regression(x, labels, {.penalty = 0.01});
  CHECK(distance(fit.weight.value(), (two.weight[1] - two.weight[0]).value()) < 1e-11);
  CHECK(distance(fit.predict_proba(x).value(), two.predict_proba(x)[{Slice(), 1}].value()) < 1e-11);
  // Booleans are classes, too.
  CHECK(identical(models::logistic_regression(x, labels == 1, {.penalty = 0.005}).weight.value(), fit.weight.value()));
}

TEST_CASE("weights count samples, and the bias may be left out") {
  const auto table = data::iris();
  const Tensor x = standardised(table.features());
  const Tensor labels = table.target();
  const auto rows = [](const Tensor& t) { return concatenate({t[Slice(0, 50)], t[Slice(0, 50)], t[Slice(60, 150)]}); };
  Tensor counts = index_put(ones({150}, f64), {Slice(0, 50)}, 2);
  counts = index_put(counts, {Slice(50, 60)}, 0);
  const auto weighted = models::softmax_regression(x, labels, {.penalty = 0.01, .sample_weight = counts});
  const auto repeated = models::softmax_regression(rows(x), rows(labels), {.penalty = 0.01});
  CHECK(distance(weighted.weight.value(), repeated.weight.value()) < 1e-10);
  CHECK(distance(weighted.bias.value(), repeated.bias.value()) < 1e-10);

  const auto plain = models::softmax_regression(x, labels, {.intercept = false, .penalty = 0.01});
  CHECK(plain.converged());
  CHECK(identical(plain.bias.value(), zeros({3}, f64).value()));
  const Tensor w = variable(plain.weight);
  (nn::cross_entropy(matmul(x, transpose(w)), labels) + 0.01 * sum(square(w))).backward();
  CHECK(max(abs(w.grad())).item() < 1e-12);

  // A class that does not occur is possible, and unlikely.
  const auto more = models::softmax_regression(x, labels, {.penalty = 0.01}, 4);
  CHECK(more.weight.shape() == Shape{4, 4});
  CHECK(max(more.predict(x)).item() == 2);

  const auto narrow = models::softmax_regression(x.to(f32), labels, {.penalty = 0.01});
  CHECK(narrow.converged());
  CHECK(narrow.weight.dtype() == f32);
}

TEST_CASE("without a penalty there is an optimum unless the classes are separable") {
  const Tensor x = unsqueeze(tensor({0, 1, 2, 3, 4, 5}, f64), 1);
  const auto overlapping = models::logistic_regression(x, tensor({0, 0, 1, 0, 1, 1}, i64));
  CHECK(overlapping.converged());
  // A duplicated feature: any split of its weight is an optimum; the prediction is the same.
  const auto twice = models::logistic_regression(concatenate({x, x}, 1), tensor({0, 0, 1, 0, 1, 1}, i64));
  CHECK(twice.converged());
  CHECK(sum(twice.weight).item() == Approx(overlapping.weight.item()).epsilon(1e-9));
  CHECK(models::softmax_regression(x, tensor({0, 0, 1, 0, 1, 1}, i64)).converged());
  const auto separable =
      models::logistic_regression(x, tensor({0, 0, 0, 1, 1, 1}, i64), {.stop = {.max_iterations = 5}});
  CHECK_FALSE(separable.converged());
  CHECK_THAT(fmt::format("{}", separable), contains("stopped (limit of iterations: 5)"));
}

TEST_CASE("a fitted model is differentiable in data, penalty and weights") {
  Generator generator(5);
  const Tensor x = random::normal({9, 2}, 0, 1, f64, generator);
  const Tensor w = random::uniform({9}, 0.5, 1.5, f64, generator);
  const std::vector<Tensor> inputs{x, tensor(0.1, f64), w};
  const Tensor labels = tensor({0, 1, 2, 0, 1, 2, 0, 1, 2}, i64);
  const auto softmax =
      gradcheck(MultiFunction([&](std::span<const Tensor> v) {
                  const auto f = models::softmax_regression(
                      v[0], labels, {.penalty = v[1], .sample_weight = v[2], .stop = {.gradient_tolerance = 1e-14}});
                  return std::vector<Tensor>{f.weight, f.bias};
                }),
                inputs, {.order = 2});
  CHECK(softmax.message == "");
  const auto logistic = gradcheck(
      MultiFunction([&](std::span<const Tensor> v) {
        const auto f = models::logistic_regression(
            v[0], labels == 1, {.penalty = v[1], .sample_weight = v[2], .stop = {.gradient_tolerance = 1e-14}});
        return std::vector<Tensor>{f.weight, f.bias};
      }),
      inputs, {.order = 2});
  CHECK(logistic.message == "");
}

TEST_CASE("logistic and softmax regression reject invalid input") {
  const Tensor x = ones({4, 2}, f64);
  const Tensor t = tensor({0, 1, 0, 1}, i64);
  CHECK_THROWS_WITH(models::softmax_regression(ones({0, 2}, f64), zeros({0}, i64)), contains("[0, 2]"));
  CHECK_THROWS_AS(models::softmax_regression(x, t.to(f64)), DTypeError);
  CHECK_THROWS_AS(models::softmax_regression(x, zeros({3}, i64)), ShapeError);
  CHECK_THROWS_WITH(models::softmax_regression(x, t - 1), contains("must be class indices") && contains("-1"));
  CHECK_THROWS_WITH(models::softmax_regression(x, t + 1, {}, 2), contains("[0, 2)") && contains("1 to 2"));
  CHECK_THROWS_WITH(models::logistic_regression(x, t + 1), contains("[0, 2)"));
  CHECK_THROWS_AS(models::logistic_regression(x, t, {.penalty = -1}), ValueError);
  CHECK_THROWS_AS(models::logistic_regression(x, t, {.penalty = ones({2}, f64)}), ShapeError);
  CHECK_THROWS_AS(models::logistic_regression(x, t, {.sample_weight = ones({2}, f64)}), ShapeError);
  CHECK_THROWS_AS(models::logistic_regression(x, t, {.penalty = 1}).predict(ones({3}, f64)), ShapeError);
  CHECK_THROWS_AS(models::softmax_regression(x, t, {.penalty = 1}).predict(ones({3}, f64)), ShapeError);
}
