// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/loss_modules.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/reduction.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/module.hpp>

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
