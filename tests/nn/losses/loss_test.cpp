// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/loss_modules.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/reduction.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/module.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
using nn::Reduction;

namespace {
const std::pair<std::string, Reduction> reductions[] = {
    {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};

nt::Tensor classes(std::initializer_list<double> c) { return nt::tensor(c).to(nt::i64); }
}  // namespace

TEST_CASE("cross_entropy agrees with PyTorch in every combination of its options") {
  const Reference torch("nn/reference.txt");
  int cases = 0;
  for (const std::string ndim : {"2", "4"}) {
    for (const auto& [name, reduction] : reductions) {
      for (int bits = 0; bits < 8; ++bits) {
        const bool weighted = (bits & 1) != 0;
        const bool ignored = (bits & 2) != 0;
        const bool smooth = (bits & 4) != 0;
        const auto at = "cross_entropy/" + ndim + "/" + name + "/" + (weighted ? "1" : "0") + (ignored ? "1" : "0") +
                        (smooth ? "1" : "0") + "/";
        INFO(at);
        const nt::Tensor x = nt::variable(torch(at + "x"));
        const nt::Tensor loss =
            nn::cross_entropy(x, torch(at + "target"),
                              {.reduction = reduction,
                               .label_smoothing = smooth ? 0.1 : 0.0,
                               .ignore_index = -7,
                               .weight = weighted ? nt::Tensor(torch(at + "weight")) : nt::Tensor()});
        CHECK(distance(loss.value(), torch(at + "loss")) < 1e-14);
        nt::sum(loss).backward();
        CHECK(distance(x.grad().value(), torch(at + "dx")) < 1e-14);
        ++cases;
      }
    }
  }
  CHECK(cases == 48);
}

TEST_CASE("losses are differentiable to third order") {
  const nt::Tensor x = nt::tensor({{0.3, -1.2, 0.8}, {2.0, 0.1, -0.4}}, nt::f64);
  const auto check = [&](const std::function<nt::Tensor(const nt::Tensor&)>& f) {
    const auto result = nt::gradcheck(f, x, {.order = 3});
    INFO(result.message);
    CHECK(result);
  };
  check([](const nt::Tensor& t) { return nn::cross_entropy(t, classes({2, 0})); });
  check([](const nt::Tensor& t) { return nn::cross_entropy(t, classes({2, -100}), {.label_smoothing = 0.2}); });
  check([](const nt::Tensor& t) { return nn::mse_loss(t * t, nt::ones({2, 3}, nt::f64)); });
}

TEST_CASE("cross_entropy stays finite for extreme logits") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Tensor x = nt::variable(nt::tensor({{1e4, -1e4, 0}, {-1e30, 1e30, 5}}, dtype));
    const nt::Tensor loss = nn::cross_entropy(x, classes({0, 1}));
    CHECK(loss.item() == 0);
    loss.backward();
    CHECK(identical(x.grad().value(), nt::zeros({2, 3}, dtype).value()));
    CHECK(nn::cross_entropy(x, classes({1, 1})).item() == 1e4);  // the mean of 2e4 and 0
  }
}

TEST_CASE("mse_loss and cross_entropy reject invalid arguments, and name them") {
  const nt::Tensor x = nt::ones({2, 3});
  CHECK_THROWS_WITH(nn::mse_loss(x, nt::ones({3})), contains("[2, 3]") && contains("[3]"));
  CHECK_THROWS_AS(nn::mse_loss(x, nt::ones({2, 3}, nt::f64)), nt::DTypeError);
  CHECK_THROWS_WITH(nn::cross_entropy(x, nt::ones({2})), contains("i64") && contains("f32"));
  CHECK_THROWS_WITH(nn::cross_entropy(x, classes({0, 1, 2})), contains("[2, 3]") && contains("target [3]"));
  CHECK_THROWS_AS(nn::cross_entropy(nt::ones({3}), classes({0, 1, 2})), nt::ShapeError);
  CHECK_THROWS_AS(nn::cross_entropy(x.to(nt::i64), classes({0, 1})), nt::DTypeError);
  CHECK_THROWS_WITH(nn::cross_entropy(x, classes({0, 3})), contains("[0, 3)") && contains("3 at position 1"));
  CHECK_THROWS_AS(nn::cross_entropy(x, classes({-1, 0})), nt::ValueError);
  CHECK_THROWS_AS(nn::cross_entropy(x, classes({0, 0}), {.label_smoothing = 1.5}), nt::ValueError);
  CHECK_THROWS_AS(nn::cross_entropy(x, classes({0, 0}), {.weight = nt::ones({2})}), nt::ShapeError);
  CHECK_THROWS_AS(nn::cross_entropy(x, classes({0, 0}), {.weight = nt::ones({3}, nt::f64)}), nt::DTypeError);
}

TEST_CASE("losses stay finite where their logarithms and exponentials are not") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Tensor x = nt::variable(nt::tensor({0, 1, 0, 1}, dtype));
    const nt::Tensor loss =
        nn::binary_cross_entropy(x, nt::tensor({0, 1, 1, 0}, dtype), {.reduction = Reduction::none});
    CHECK(distance(loss.value(), nt::tensor({0, 0, 100, 100}, dtype).value()) < 1e-6);
    nt::sum(loss).backward();
    CHECK(nt::all(nt::isfinite(x.grad())).item<bool>());
    const nt::Tensor z = nt::variable(nt::tensor({-1e4, 1e4, -1e4, 1e4}, dtype));
    const nt::Tensor far = nn::binary_cross_entropy_with_logits(z, nt::tensor({0, 1, 1, 0}, dtype), {Reduction::none});
    CHECK(identical(far.value(), nt::tensor({0, 0, 1e4, 1e4}, dtype).value()));
    nt::sum(far).backward();
    CHECK(identical(z.grad().value(), nt::tensor({0, 0, -1, 1}, dtype).value()));
  }
}

TEST_CASE("all losses reject invalid arguments, and name them") {
  const nt::Tensor x = nt::ones({2, 3});
  const nt::Tensor other = nt::ones({3});
  CHECK_THROWS_WITH(nn::l1_loss(x, other), contains("l1_loss") && contains("[2, 3]") && contains("[3]"));
  CHECK_THROWS_AS(nn::huber_loss(x, x.to(nt::f64)), nt::DTypeError);
  CHECK_THROWS_AS(nn::huber_loss(x, x, {.delta = 0}), nt::ValueError);
  CHECK_THROWS_AS(nn::smooth_l1_loss(x, x, {.beta = -1}), nt::ValueError);
  CHECK_THROWS_WITH(nn::gaussian_nll_loss(x, x, nt::ones({3})), contains("var") && contains("[3]"));
  CHECK_THROWS_WITH(nn::gaussian_nll_loss(x, x, -x), contains("negative"));
  CHECK_THROWS_AS(nn::nll_loss(x, other), nt::DTypeError);
  CHECK_THROWS_WITH(nn::nll_loss(x, classes({0, 4})), contains("nll_loss") && contains("4 at position 1"));
  CHECK_THROWS_AS(nn::cross_entropy(x, x.to(nt::f64)), nt::DTypeError);
  CHECK_THROWS_AS(nn::cross_entropy(x, x, {.ignore_index = 1}), nt::ValueError);
  CHECK_THROWS_WITH(nn::binary_cross_entropy(x * 2.0, x), contains("[0, 1]"));
  CHECK_THROWS_AS(nn::binary_cross_entropy(x, x, {.weight = nt::ones({2, 2, 3})}), nt::ShapeError);
  CHECK_THROWS_AS(nn::binary_cross_entropy_with_logits(x, x, {.pos_weight = nt::ones({2, 2, 3})}), nt::ShapeError);
  CHECK_THROWS_AS(nn::kl_div(x, other), nt::ShapeError);
  CHECK_THROWS_WITH(nn::hinge_embedding_loss(x, 2.0 * x), contains("1 or -1"));
  CHECK_THROWS_AS(nn::margin_ranking_loss(x, x, other), nt::ShapeError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, classes({0, 3})), nt::ValueError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, classes({0, 1, 2})), nt::ShapeError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, classes({0, 1}), {.p = 3}), nt::ValueError);
  CHECK_THROWS_AS(nn::cosine_embedding_loss(x, x, nt::ones({3})), nt::ShapeError);
  CHECK_THROWS_AS(nn::triplet_margin_loss(x, x, other), nt::ShapeError);

  struct Model : nn::Module<Model> {
    nn::CrossEntropyLoss criterion = add("criterion", nn::CrossEntropyLoss());
    nt::Tensor forward(const nt::Tensor& t) const { return criterion(t, nt::zeros({5}, nt::i64)); }
  };
  CHECK_THROWS_WITH(Model()(x), contains("criterion: cross_entropy"));
}

namespace {
const double infinite = HUGE_VAL;

/// Value and gradient of a loss without reduction to be averaged.
void check_limit(const nt::Tensor& x, const nt::Tensor& loss, double expected) {
  CHECK(loss.item() == Approx(expected).margin(1e-15));
  loss.backward();
  CHECK(nt::all(nt::isfinite(x.grad())).item<bool>());
}
}  // namespace

TEST_CASE("in losses 0 log 0 is 0, and infinite logits give the limit where it is finite") {
  const auto logits = [](std::initializer_list<double> of) { return nt::variable(nt::tensor(of, nt::f64)); };
  const auto x = logits({0, -infinite});
  check_limit(x, nn::cross_entropy(x, nt::tensor({1, 0}, nt::f64)), 0);
  check_limit(x, nn::cross_entropy(nt::reshape(x, {1, 2}), classes({0})), 0);
  const auto halves = logits({std::log(0.5), std::log(0.5)});
  check_limit(halves, nn::kl_div(halves, nt::tensor({0, -infinite}, nt::f64), {Reduction::sum, true}), std::log(2.0));
  const auto impossible = logits({0, -infinite});
  check_limit(impossible, nn::kl_div(impossible, nt::tensor({1, 0}, nt::f64), {Reduction::sum}), 0);
  check_limit(impossible, nn::kl_div(impossible, nt::tensor({0, -infinite}, nt::f64), {Reduction::sum, true}), 0);
  const auto certain = logits({infinite, 2});
  check_limit(certain, nn::cross_entropy(certain, nt::tensor(0).to(nt::i64)), 0);
  const auto signs = logits({infinite, -infinite});
  const nt::Tensor hit = nt::tensor({1, 0}, nt::f64);
  check_limit(signs, nn::binary_cross_entropy_with_logits(signs, hit), 0);
  check_limit(signs, nn::binary_cross_entropy_with_logits(signs, hit, {.pos_weight = nt::tensor(2, nt::f64)}), 0);
  check_limit(signs, nn::multilabel_soft_margin_loss(signs, hit), 0);
  check_limit(signs, nn::soft_margin_loss(signs, nt::tensor({1, -1}, nt::f64)), 0);
  CHECK(nn::binary_cross_entropy_with_logits(signs, 1.0 - hit).item() == infinite);
  const auto none = logits({-infinite, 0});
  check_limit(none, nn::poisson_nll_loss(none, nt::tensor({0, 1}, nt::f64), {.reduction = Reduction::sum}), 1);
  const auto rate = logits({0, 1});
  check_limit(rate,
              nn::poisson_nll_loss(rate, nt::tensor({0, 0}, nt::f64),
                                   {.reduction = Reduction::sum, .log_input = false, .eps = 0}),
              1);
  // The square of the difference overflows, the loss does not: (log(1e300) + 1e100) / 2.
  CHECK(nn::gaussian_nll_loss(nt::tensor({1e200}, nt::f64), nt::tensor({0.}, nt::f64), nt::tensor({1e300}, nt::f64))
            .item() == Approx(5e99));
  CHECK(std::isnan(nn::kl_div(logits({NAN}), nt::tensor({0.5}, nt::f64)).item()));
}

TEST_CASE("elements of weight 0 have no influence on a loss") {
  const nt::Tensor weight = nt::tensor({0, 2}, nt::f64);
  const nt::Tensor target = nt::tensor({1, 0.5}, nt::f64);
  for (const double poison : {double(NAN), infinite, -infinite}) {
    INFO(poison);
    const auto x = nt::variable(nt::tensor({poison, 0.25}, nt::f64));
    nn::binary_cross_entropy(x, target, {Reduction::sum, weight}).backward();
    nn::binary_cross_entropy_with_logits(x, target, {Reduction::sum, weight}).backward();
    CHECK(x.grad().value().data<double>()[0] == 0);
    CHECK(std::isfinite(x.grad().value().data<double>()[1]));
    // The first sample is of class 0, whose weight is 0.
    const auto z = nt::variable(nt::tensor({{poison, 1}, {0.5, 0.25}}, nt::f64));
    const nt::Tensor loss = nn::cross_entropy(z, classes({0, 1}), {.weight = weight});
    CHECK(loss.item() == Approx(std::log1p(std::exp(0.25))));
    (loss + nn::multi_margin_loss(z, classes({0, 1}), {.weight = weight})).backward();
    CHECK(nt::all(nt::isfinite(z.grad())).item<bool>());
    CHECK(z.grad().value().data<double>()[0] == 0);
  }
}

TEST_CASE("the mean of no loss is an error that names the loss") {
  const nt::Tensor x = nt::ones({2, 3});
  const nt::Tensor all = nt::tensor({-100, -100}).to(nt::i64);
  CHECK_THROWS_WITH(nn::cross_entropy(x, all),
                    contains("cross_entropy: ") && contains("ignored") && contains("loss_test.cpp:"));
  CHECK_THROWS_WITH(nn::nll_loss(x, all), contains("nll_loss: ") && contains("ignored"));
  CHECK(nn::cross_entropy(x, all, {.reduction = Reduction::sum}).item() == 0);
  const nt::Tensor none = nt::zeros({0});
  CHECK_THROWS_WITH(nn::mse_loss(none, none),
                    contains("mse_loss: ") && contains("batch") && contains("loss_test.cpp:"));
  CHECK(nn::mse_loss(none, none, {.reduction = Reduction::sum}).item() == 0);
}

TEST_CASE("losses broadcast on demand") {
  const nt::Tensor x = nt::tensor({{1, 2}, {3, 5}}, nt::f64);
  const nt::Tensor row = nt::tensor({1, 4}, nt::f64);
  CHECK_THROWS_AS(nn::mse_loss(x, row), nt::ShapeError);
  CHECK_THROWS_AS(nn::mse_loss(x, nt::ones({3}, nt::f64), {.broadcast = true}), nt::ShapeError);
  CHECK(nn::mse_loss(x, row, {.broadcast = true}).item() == (0 + 4 + 4 + 1) / 4.0);
  CHECK(nn::l1_loss(x, row, {.broadcast = true}).item() == (0 + 2 + 2 + 1) / 4.0);
  CHECK(nn::huber_loss(x, row, {.broadcast = true}).item() == (0 + 1.5 + 1.5 + 0.5) / 4);
  CHECK(nn::smooth_l1_loss(x, row, {.broadcast = true}).item() == (0 + 1.5 + 1.5 + 0.5) / 4);
  CHECK(nn::poisson_nll_loss(nt::zeros({2, 2}, nt::f64), row, {.broadcast = true}).item() == 1);
  CHECK(nn::kl_div(nt::zeros({2, 2}, nt::f64), nt::ones({2}, nt::f64), {.broadcast = true}).item() == 0);
  CHECK(nn::gaussian_nll_loss(x, row, nt::ones({2, 2}, nt::f64), {.broadcast = true}).item() == (0 + 4 + 4 + 1) / 8.0);
  const nt::Tensor signs = nt::tensor({1, -1});
  CHECK_THROWS_AS(nn::hinge_embedding_loss(x, signs), nt::ShapeError);
  CHECK(nn::hinge_embedding_loss(x, signs, {.margin = 3, .broadcast = true}).item() == (1 + 1 + 3 + 0) / 4.0);
  CHECK_THROWS_AS(nn::soft_margin_loss(x, signs), nt::ShapeError);
  CHECK(nn::soft_margin_loss(nt::zeros({2, 2}, nt::f64), signs, {.broadcast = true}).item() ==
        Approx(std::log(2.0)).epsilon(1e-15));
  CHECK_THROWS_AS(nn::margin_ranking_loss(x, row, signs), nt::ShapeError);
  // -(x - row) signs = {{0, -2}, {-2, 1}}.
  CHECK(nn::margin_ranking_loss(x, row, signs, {.broadcast = true}).item() == 1 / 4.0);
  CHECK_THROWS_AS(nn::multilabel_soft_margin_loss(x, signs), nt::ShapeError);
  CHECK(nn::multilabel_soft_margin_loss(nt::zeros({2, 2}, nt::f64), nt::tensor({1, 0}), {.broadcast = true}).item() ==
        Approx(std::log(2.0)).epsilon(1e-15));
  CHECK_THROWS_AS(nn::cosine_embedding_loss(x, row, signs), nt::ShapeError);
  const nt::Tensor axes = nt::tensor({{2.0, 0}, {0, 3}}, nt::f64);
  const nt::Tensor first = nt::tensor({4.0, 0}, nt::f64);
  CHECK(nn::cosine_embedding_loss(axes, first, signs, {.margin = -0.5, .broadcast = true}).item() ==
        Approx(0.25).epsilon(1e-12));
  CHECK_THROWS_AS(nn::triplet_margin_loss(axes, axes, first), nt::ShapeError);
  // Distances of 0 from themselves, and of 2 and 5 from the negative.
  CHECK(nn::triplet_margin_loss(axes, axes, first, {.margin = 3, .eps = 0, .broadcast = true}).item() == 0.5);
}

TEST_CASE("losses take numbers and integers as targets") {
  const nt::Tensor x = nt::tensor({1.0, 3}, nt::f64);
  CHECK(nn::mse_loss(x, 1, {.broadcast = true}).item() == 2);
  CHECK(nn::l1_loss(x, 0.5, {.broadcast = true}).item() == 1.5);
  CHECK(nn::mse_loss(x, nt::tensor({1, 0})).item() == 4.5);
  CHECK(nn::l1_loss(x, nt::tensor({true, false})).dtype() == nt::f64);
  // Not those that require a gradient, and no two floats of different size.
  CHECK_THROWS_AS(nn::l1_loss(x, nt::ones({2}, nt::f32)), nt::DTypeError);
  CHECK_THROWS_AS(nn::l1_loss(nt::tensor({1, 2}), nt::tensor({1, 0})), nt::DTypeError);
}
