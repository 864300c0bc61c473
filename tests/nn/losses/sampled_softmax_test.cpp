// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/sampled_softmax.hpp>

#include <cmath>
#include <set>
#include <vector>

namespace newtape {
namespace {

constexpr std::int64_t classes = 9;

struct Problem {
  Generator generator{11};
  Tensor input = variable(random::normal({4, 3}, 0, 1, f64, generator));
  Tensor weight = variable(random::normal({classes, 3}, 0, 1, f64, generator));
  Tensor bias = variable(random::normal({classes}, 0, 1, f64, generator));
  Tensor target = tensor({0, 8, 3, 3});
};

nn::SampledClasses all_classes(const Problem& p) {
  return {arange(classes), zeros({classes}, f64), zeros({p.target.size()}, f64)};
}

}  // namespace

TEST_CASE("sampled_softmax_loss of all classes, each expected once, is cross_entropy") {
  const Problem p;
  const Tensor logits = matmul(p.input, transpose(p.weight)) + p.bias;
  for (const auto reduction : {nn::Reduction::mean, nn::Reduction::sum, nn::Reduction::none}) {
    const Tensor want = nn::cross_entropy(logits, p.target, {.reduction = reduction});
    const Tensor got =
        nn::sampled_softmax_loss(p.input, p.weight, p.bias, p.target, all_classes(p), {.reduction = reduction});
    CHECK(distance(got.value(), want.value()) <= 16 * epsilon(f64));
    const std::vector<Tensor> xs{p.input, p.weight, p.bias};
    const auto by_got = grad(sum(got), xs);
    const auto by_want = grad(sum(want), xs, {.retain_graph = true});
    for (std::size_t i = 0; i < xs.size(); ++i)
      CHECK(distance(by_got[i].value(), by_want[i].value()) <= 32 * epsilon(f64));
  }
  const auto result = gradcheck(Function([&](std::span<const Tensor> x) {
                                  return nn::sampled_softmax_loss(x[0], x[1], x[2], p.target, all_classes(p));
                                }),
                                std::vector<Tensor>{p.input.detach(), p.weight.detach(), p.bias.detach()});
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("LogUniformSampler draws classes with its probabilities") {
  const nn::LogUniformSampler sampler(classes);
  const Tensor p = sampler.probability(arange(classes));
  CHECK(sum(p).item() == Approx(1).epsilon(1e-14));
  CHECK(p.value().data<double>()[0] == Approx(std::log(2.0) / std::log(10.0)).epsilon(1e-15));
  Generator generator(12);
  constexpr std::int64_t n = 20000;
  const auto drawn = sampler.sample(tensor({2}), n, {.unique = false}, generator);
  CHECK(distance(drawn.log_expected_target.value(),
                 tensor({std::log(static_cast<double>(n) * p.value().data<double>()[2])}, f64).value()) <=
        8 * epsilon(f64));
  // Pearson's statistic of 8 degrees of freedom exceeds 26.1 with probability 0.001.
  const Tensor counts = index_add(zeros({classes}, f64), 0, drawn.classes, 1.0);
  const Tensor expected = p * static_cast<double>(n);
  CHECK(sum(square(counts - expected) / expected).item() < 26.1);
}

TEST_CASE("LogUniformSampler: unique classes, their expected counts, errors") {
  const nn::LogUniformSampler sampler(classes);
  const Tensor p = sampler.probability(arange(classes));
  Generator generator(13);
  for (int i = 0; i < 50; ++i) {
    const auto drawn = sampler.sample(arange(classes), 4, {}, generator);
    std::set<std::int64_t> seen;
    for (int k = 0; k < 4; ++k) seen.insert(drawn.classes.value().data<std::int64_t>()[k]);
    REQUIRE(seen.size() == 4);
    // 1 - (1 - p)^t with one whole number t of draws for all classes.
    const Tensor draws = log1p(-exp(drawn.log_expected_target)) / log1p(-p);
    const double t = draws.value().data<double>()[classes - 1];
    CHECK(t > 3.99);
    CHECK(std::abs(t - std::round(t)) < 1e-9);
    // 1 - exp loses digits where (1 - p)^t is small.
    CHECK(max(abs(drawn.log_expected_target - log(-expm1(std::round(t) * log1p(-p))))).item() < 1e-14);
    const Tensor own = take(drawn.log_expected_target, drawn.classes);
    CHECK(distance(own.value(), drawn.log_expected.value()) <= 4 * epsilon(f64));
  }
  CHECK_THROWS_WITH(sampler.sample(tensor({0}), classes + 1), contains("from 1 to 9"));
  CHECK_THROWS_AS(sampler.sample(tensor({classes}), 2), ValueError);
  CHECK_THROWS_AS(sampler.sample(tensor({0}), 0, {.unique = false}), ValueError);
  CHECK_THROWS_AS(nn::LogUniformSampler(0), ValueError);
  const auto all = sampler.sample(tensor({0}), classes);
  CHECK(all.classes.size() == classes);
}

TEST_CASE("sampled_softmax_loss: the expectation of the sampled sum is the whole sum") {
  const Problem p;
  const NoGrad scope;
  const nn::LogUniformSampler sampler(classes);
  const Tensor logits = matmul(p.input, transpose(p.weight)) + p.bias;
  const Tensor whole = sum(exp(logits), -1);
  const Tensor of_target = squeeze(gather(logits, 1, unsqueeze(p.target, -1)), -1);
  // exp(loss) = 1 + sampled / exp(target's logit), when the correction of the target is taken out.
  Generator generator(14);
  constexpr int runs = 3000;
  Tensor total = zeros({4}, f64);
  Tensor squares = zeros({4}, f64);
  for (int i = 0; i < runs; ++i) {
    auto drawn = sampler.sample(p.target, 5, {.unique = false}, generator);
    drawn.log_expected_target = zeros({4}, f64);
    const Tensor loss = nn::sampled_softmax_loss(p.input, p.weight, p.bias, p.target, drawn,
                                                 {.reduction = nn::Reduction::none, .remove_accidental_hits = false});
    const Tensor sampled = expm1(loss) * exp(of_target);
    total = total + sampled;
    squares = squares + square(sampled);
  }
  const Tensor mean = total / runs;
  const Tensor error = sqrt((squares / runs - square(mean)) / runs);
  CHECK(max(abs(mean - whole) / error).item() < 4.5);
}

TEST_CASE("sampled_softmax_loss: accidental hits do not count, and the gradient of the weight is in rows") {
  const Problem p;
  const nn::SampledClasses hits{tensor({3, 3}), zeros({2}, f64), zeros({4}, f64)};
  const Tensor loss =
      nn::sampled_softmax_loss(p.input, p.weight, {}, p.target, hits, {.reduction = nn::Reduction::none});
  CHECK(loss.value().data<double>()[2] == 0);
  CHECK(loss.value().data<double>()[0] > 0);

  const Parameter table(p.weight.value());
  const auto drawn = nn::LogUniformSampler(classes).sample(p.target, 2, {}, default_generator());
  nn::sampled_softmax_loss(p.input, table, p.bias, p.target, drawn, {.sparse = true}).backward();
  const RowGrad rows = row_grad(table);
  REQUIRE(rows.defined());
  CHECK(rows.indices.size() <= 5);
  const Tensor dense = grad(nn::sampled_softmax_loss(p.input, table, p.bias, p.target, drawn), table.tensor());
  CHECK(distance(rows.to_dense().value(), dense.value()) <= 16 * epsilon(f64));
  CHECK_THROWS_WITH(nn::sampled_softmax_loss(p.input, p.weight, zeros({2}, f64), p.target, drawn),
                    contains("bias [2]"));
}

}  // namespace newtape
