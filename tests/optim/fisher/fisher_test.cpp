// SPDX-License-Identifier: BSD-3-Clause
// Fisher matrices against their definition: expectations of outer products of scores.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/least_squares/linearized.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {

constexpr std::int64_t sample_count = 6;
constexpr std::int64_t classes = 3;

/// A network of two layers on a few points.
struct FisherProblem {
  nt::Generator random{7};
  nt::Tensor x = nt::random::normal({sample_count, 4}, 0, 1, nt::f64, random);
  nt::Tensor labels = nt::random::integers({sample_count}, 0, classes, random);
  std::vector<nt::Tensor> w{nt::random::normal({5, 4}, 0, 0.5, nt::f64, random),
                            nt::random::normal({5}, 0, 0.5, nt::f64, random),
                            nt::random::normal({classes, 5}, 0, 0.7, nt::f64, random)};

  static nt::Tensor outputs_of(std::span<const nt::Tensor> p, const nt::Tensor& x) {
    return nt::matmul(nt::tanh(nt::linear(x, p[0], p[1])), nt::transpose(p[2]));
  }
  nt::Function outputs() const {
    return [this](std::span<const nt::Tensor> p) { return outputs_of(p, x); };
  }
  nt::UnaryFunction loss() const {
    return [this](const nt::Tensor& y) { return nn::cross_entropy(y, labels); };
  }
  /// The gradients of all samples' losses for these labels, [n, p].
  nt::Tensor scores(const nt::Tensor& targets) const {
    const auto each = nt::per_sample_grad(
        [](std::span<const nt::Tensor> p, std::span<const nt::Tensor> batch) {
          return nn::cross_entropy(outputs_of(p, batch[0]), batch[1], {.reduction = nn::Reduction::none});
        },
        w, std::vector{x, targets});
    std::vector<nt::Tensor> flat;
    for (const auto& g : each) flat.push_back(nt::reshape(g, {sample_count, -1}));
    return nt::concatenate(flat, 1);
  }
};

nt::Tensor outer_products(const nt::Tensor& rows) { return nt::matmul(nt::transpose(rows), rows); }

}  // namespace

TEST_CASE("fisher: the expectation over the model's own labels of the scores' outer products") {
  const FisherProblem problem;
  const nt::Tensor p = nt::softmax(FisherProblem::outputs_of(problem.w, problem.x));
  nt::Tensor expected;
  for (std::int64_t k = 0; k < classes; ++k) {
    const nt::Tensor g = problem.scores(nt::full({sample_count}, static_cast<double>(k), nt::i64));
    const nt::Tensor part = outer_products(g * nt::sqrt(nt::slice(p, 1, k, k + 1))) / static_cast<double>(sample_count);
    expected = expected.defined() ? expected + part : part;
  }
  const nt::Tensor f = optim::fisher(problem.outputs(), problem.loss(), problem.w);
  CHECK(distance(f.value(), expected.value()) < 1e-14);

  // The same as a product, with the loss and its gradient.
  nt::Generator random(1);
  const nt::Tensor v = nt::random::normal({f.shape()[0]}, 0, 1, nt::f64, random);
  const auto vs = nt::vector_to_parameters(v, problem.w);
  const optim::FisherProduct product(problem.outputs(), problem.loss(), problem.w);
  const nt::Tensor of_v = nt::parameters_to_vector(product(vs));
  CHECK(distance(of_v.value(), nt::matmul(expected, v).value()) < 1e-14);
  const auto again = optim::fisher_product(problem.outputs(), problem.loss(), problem.w, vs).second;
  CHECK(distance(nt::parameters_to_vector(again).value(), of_v.value()) < 1e-14);
  const nt::Tensor mean_score = nt::mean(problem.scores(problem.labels), 0);
  CHECK(distance(nt::parameters_to_vector(product.gradient()).value(), mean_score.value()) < 1e-14);
  CHECK(product.value().item() ==
        Approx(nn::cross_entropy(FisherProblem::outputs_of(problem.w, problem.x), problem.labels).item()));
}

TEST_CASE("fisher: the Hessian itself of a model that is linear in its parameters") {
  const FisherProblem problem;
  const std::vector<nt::Tensor> w{nt::random::normal({classes, 4}, 0, 1, nt::f64)};
  const nt::Function outputs = [&](std::span<const nt::Tensor> p) {
    return nt::matmul(problem.x, nt::transpose(p[0]));
  };
  const nt::Tensor h = nt::hessian_matrix([&](std::span<const nt::Tensor> p) { return problem.loss()(outputs(p)); }, w);
  CHECK(distance(optim::fisher(outputs, problem.loss(), w).value(), h.value()) < 1e-13);
}

TEST_CASE("empirical_fisher: the mean of the gradients' outer products") {
  const FisherProblem problem;
  const nt::Function losses = [&](std::span<const nt::Tensor> p) {
    return nn::cross_entropy(FisherProblem::outputs_of(p, problem.x), problem.labels,
                             {.reduction = nn::Reduction::none});
  };
  const nt::Tensor g = problem.scores(problem.labels);
  const nt::Tensor expected = outer_products(g) / static_cast<double>(sample_count);
  CHECK(distance(optim::empirical_fisher(losses, problem.w).value(), expected.value()) < 1e-14);

  nt::Generator random(1);
  const nt::Tensor v = nt::random::normal({expected.shape()[0]}, 0, 1, nt::f64, random);
  const auto [mean, product] =
      optim::empirical_fisher_product(losses, problem.w, nt::vector_to_parameters(v, problem.w));
  CHECK(distance(nt::parameters_to_vector(product).value(), nt::matmul(expected, v).value()) < 1e-14);
  CHECK(mean.item() == Approx(problem.loss()(FisherProblem::outputs_of(problem.w, problem.x)).item()));
  const optim::EmpiricalFisherProduct at(losses, problem.w);
  CHECK(distance(nt::parameters_to_vector(at.gradient()).value(), nt::mean(g, 0).value()) < 1e-14);

  const nt::Function one = [&](std::span<const nt::Tensor> p) { return nt::mean(losses(p)); };
  CHECK_THROWS_AS(optim::EmpiricalFisherProduct(one, problem.w), nt::ShapeError);
}

namespace {

/// Outer products of cotangents [k, outputs..], summed: [outputs, outputs].
nt::Tensor covariance(const nt::Tensor& c) { return outer_products(nt::reshape(c, {c.shape()[0], -1})); }

/// The blocks of a matrix [n, n] that belong to one row of outputs [.., d].
nt::Tensor within_rows(const nt::Tensor& h, std::int64_t d) {
  const auto rows = h.shape()[0] / d;
  const nt::Tensor block = nt::eye(rows, h.dtype());
  return h * nt::kron(block, nt::ones({d, d}, h.dtype()));
}

struct Kind {
  const char* name;
  optim::Likelihood likelihood;
  nt::UnaryFunction loss;
};

std::vector<Kind> kinds(const nt::Tensor& outputs) {
  nt::Generator random(5);
  const nt::Tensor labels = nt::tensor({0, 2, 1, 2}, nt::i64);
  const nt::Tensor ignored = nt::tensor({0, 2, -100, 2}, nt::i64);
  const nt::Tensor weights = nt::tensor({0.2, 1.5, 3}, nt::f64);
  const nt::Tensor target = nt::random::uniform(outputs.shape(), 0, 1, nt::f64, random);
  using optim::Likelihood;
  return {
      {"cross_entropy", Likelihood::categorical, [=](const nt::Tensor& y) { return nn::cross_entropy(y, labels); }},
      {"its sum", Likelihood::categorical,
       [=](const nt::Tensor& y) { return nn::cross_entropy(y, labels, {.reduction = nn::Reduction::sum}); }},
      {"weights, ignored targets and smoothing", Likelihood::categorical,
       [=](const nt::Tensor& y) { return nn::cross_entropy(y, ignored, {.label_smoothing = 0.1, .weight = weights}); }},
      {"mse", Likelihood::independent, [=](const nt::Tensor& y) { return nn::mse_loss(y, target); }},
      {"logistic", Likelihood::independent,
       [=](const nt::Tensor& y) { return nn::binary_cross_entropy_with_logits(y, target); }},
      {"poisson", Likelihood::independent, [=](const nt::Tensor& y) { return nn::poisson_nll_loss(y, target); }},
  };
}

}  // namespace

TEST_CASE("fisher_cotangents: outer products sum to the loss's Hessian, of any reduction and weights") {
  nt::Generator random(2);
  const nt::Tensor y = nt::random::normal({4, 3}, 0, 1.5, nt::f64, random);
  for (const auto& kind : kinds(y)) {
    INFO(kind.name);
    const nt::Tensor h = nt::reshape(nt::hessian(kind.loss, y), {12, 12});
    const nt::Tensor c = optim::fisher_cotangents(kind.loss, y, kind.likelihood);
    REQUIRE(c.shape() == nt::Shape{3, 4, 3});
    CHECK(distance(within_rows(covariance(c), 3).value(), h.value()) < 1e-14);
  }
}

TEST_CASE("sampled_cotangents: the same in expectation") {
  nt::Generator random(2);
  const nt::Tensor y = nt::random::normal({4, 3}, 0, 1.5, nt::f64, random);
  const std::int64_t n = 20000;
  for (const auto& kind : kinds(y)) {
    INFO(kind.name);
    const nt::Tensor h = nt::reshape(nt::hessian(kind.loss, y), {12, 12});
    const nt::Tensor c = optim::sampled_cotangents(kind.loss, y, kind.likelihood, n, random);
    REQUIRE(c.shape() == nt::Shape{n, 4, 3});
    // A mean of n products whose standard deviation is about the Hessian's size: five standard errors.
    const double size = nt::max(nt::abs(h)).item();
    CHECK(nt::max(nt::abs(covariance(c) - h)).item() < 5 * size / std::sqrt(static_cast<double>(n)));
    if (kind.likelihood == optim::Likelihood::categorical) {
      CHECK(nt::max(nt::abs(nt::sum(c, -1))).item() < 1e-15);
    }
  }
}

TEST_CASE("fisher cotangents: a loss of another kind is rejected") {
  const nt::Tensor y = nt::tensor({{0.1, 0.2, 0.3}, {1, 2, 4}}, nt::f64);
  const nt::UnaryFunction squares = [](const nt::Tensor& t) { return nt::sum(t * t); };
  const nt::UnaryFunction entropy = [](const nt::Tensor& t) {
    return nn::cross_entropy(t, nt::tensor({0, 1}, nt::i64));
  };
  const nt::UnaryFunction columns = [](const nt::Tensor& t) {
    return nn::cross_entropy(nt::transpose(t), nt::tensor({0, 1, 1}, nt::i64));
  };
  CHECK_THROWS_AS(optim::fisher_cotangents(squares, y, optim::Likelihood::categorical), nt::ValueError);
  CHECK_THROWS_AS(optim::fisher_cotangents(columns, y, optim::Likelihood::categorical), nt::ValueError);
  CHECK_THROWS_AS(optim::fisher_cotangents(entropy, y, optim::Likelihood::independent), nt::ValueError);
  nt::Generator random(1);
  CHECK_THROWS_AS(optim::sampled_cotangents(entropy, y, optim::Likelihood::independent, 1, random), nt::ValueError);
  CHECK_THROWS_AS(optim::sampled_cotangents(entropy, y, optim::Likelihood::categorical, 0, random), nt::ValueError);
  CHECK_THROWS_AS(optim::fisher_cotangents(entropy, y.to(nt::i64), optim::Likelihood::categorical), nt::DTypeError);
}
