// SPDX-License-Identifier: BSD-3-Clause
#include "torch_case.hpp"

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/core/random.hpp>
#include <newtape/nn/nn.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
using nn::Reduction;

namespace {

const std::pair<const char*, Reduction> reductions[] = {
    {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}, {"batchmean", Reduction::batchmean}};

/// The module `L` with these options, against PyTorch's of the same name.
template <class L, class Options>
void check(const Reference& torch, const std::string& name, const Options& options) {
  check_module(
      torch, name, [&] { return L(options); },
      [](const L& loss, const std::vector<nt::Tensor>& xs) -> std::vector<nt::Tensor> {
        if constexpr (requires { loss.forward(xs[0], xs[1]); }) {
          return {loss(xs[0], xs[1])};
        } else {
          return {loss(xs[0], xs[1], xs[2])};
        }
      },
      1e-12);
}

nt::Tensor integers(std::initializer_list<double> c) { return nt::tensor(c).to(nt::i64); }
nt::Tensor normal(const nt::Shape& shape, std::uint64_t seed) {
  nt::Generator g(seed);
  return nt::random::normal(shape, 0, 1, nt::f64, g);
}

}  // namespace

TEST_CASE("losses agree with PyTorch, values and gradients") {
  const Reference torch("nn/losses.txt");
  const nt::Tensor weight = nt::ones({3});
  for (int i = 0; i < 2; ++i) {
    const std::string name = std::string("/") + reductions[i].first;
    const auto r = reductions[i].second;
    check<nn::L1Loss>(torch, "l1" + name, nn::L1LossOptions{.reduction = r});
    check<nn::SmoothL1Loss>(torch, "smooth_l1" + name, nn::SmoothL1LossOptions{.reduction = r, .beta = 0.7});
    check<nn::HuberLoss>(torch, "huber" + name, nn::HuberLossOptions{.reduction = r, .delta = 0.6});
    check<nn::GaussianNLLLoss>(torch, "gaussian_nll" + name, nn::GaussianNllLossOptions{.reduction = r});
    check<nn::PoissonNLLLoss>(torch, "poisson_nll" + name, nn::PoissonNllLossOptions{.reduction = r});
    check<nn::BCELoss>(torch, "bce" + name, nn::BceOptions{.reduction = r, .weight = weight});
    check<nn::BCEWithLogitsLoss>(torch, "bce_with_logits" + name,
                                 nn::BceWithLogitsOptions{.reduction = r, .weight = weight, .pos_weight = weight});
    check<nn::HingeEmbeddingLoss>(torch, "hinge_embedding" + name,
                                  nn::HingeEmbeddingLossOptions{.reduction = r, .margin = 0.8});
    check<nn::SoftMarginLoss>(torch, "soft_margin" + name, nn::SoftMarginLossOptions{.reduction = r});
    check<nn::MarginRankingLoss>(torch, "margin_ranking" + name,
                                 nn::MarginRankingLossOptions{.reduction = r, .margin = 0.3});
    for (const int p : {1, 2}) {
      check<nn::MultiMarginLoss>(torch, "multi_margin/" + std::to_string(p) + name,
                                 nn::MultiMarginLossOptions{.reduction = r, .p = p, .margin = 0.9, .weight = weight});
    }
    check<nn::CosineEmbeddingLoss>(torch, "cosine_embedding" + name,
                                   nn::CosineEmbeddingLossOptions{.reduction = r, .margin = 0.1});
    check<nn::TripletMarginLoss>(torch, "triplet_margin" + name, nn::TripletMarginLossOptions{.reduction = r});
    check<nn::TripletMarginLoss>(torch, "triplet_margin/swap" + name,
                                 nn::TripletMarginLossOptions{.reduction = r, .margin = 2, .p = 3, .swap = true});
    check<nn::NLLLoss>(torch, "nll" + name, nn::NllLossOptions{.reduction = r, .ignore_index = 1, .weight = weight});
    check<nn::NLLLoss>(torch, "nll/2d" + name, nn::NllLossOptions{.reduction = r});
    check<nn::CrossEntropyLoss>(torch, "cross_entropy/probabilities" + name,
                                nn::CrossEntropyOptions{.reduction = r, .label_smoothing = 0.2, .weight = weight});
    check<nn::CrossEntropyLoss>(torch, "cross_entropy/one" + name,
                                nn::CrossEntropyOptions{.reduction = r, .label_smoothing = 0.1});
  }
  for (const auto& [name, r] : reductions) {
    if (r == Reduction::sum) continue;
    check<nn::KLDivLoss>(torch, std::string("kl_div/") + name, nn::KlDivOptions{.reduction = r});
    check<nn::KLDivLoss>(torch, std::string("kl_div/log/") + name,
                         nn::KlDivOptions{.reduction = r, .log_target = true});
  }
  check<nn::KLDivLoss>(torch, "kl_div/sum", nn::KlDivOptions{.reduction = Reduction::sum});
  check<nn::GaussianNLLLoss>(torch, "gaussian_nll/full", nn::GaussianNllLossOptions{.full = true});
  check<nn::GaussianNLLLoss>(torch, "gaussian_nll/small", nn::GaussianNllLossOptions{.eps = 0.5});
  check<nn::PoissonNLLLoss>(torch, "poisson_nll/full", nn::PoissonNllLossOptions{.full = true});
  check<nn::PoissonNLLLoss>(torch, "poisson_nll/rate", nn::PoissonNllLossOptions{.log_input = false});
  check<nn::SmoothL1Loss>(torch, "smooth_l1/beta0", nn::SmoothL1LossOptions{.beta = 0});
  check<nn::MultiMarginLoss>(torch, "multi_margin/one", nn::MultiMarginLossOptions{});
  check<nn::CosineEmbeddingLoss>(torch, "cosine_embedding/one", nn::CosineEmbeddingLossOptions{});
}

TEST_CASE("losses differentiate to second order in all that is a number") {
  const auto check2 = [](const char* name, const nt::Function& f, const std::vector<nt::Tensor>& xs) {
    const auto result = nt::gradcheck(f, xs);
    INFO(name << ": " << result.message);
    CHECK(result);
  };
  const nt::Tensor a = normal({3, 4}, 1);
  const nt::Tensor b = normal({3, 4}, 2);
  const nt::Tensor c = normal({3, 4}, 3);
  const nt::Tensor p = nt::softmax(c, 1);
  const nt::Tensor signs = nt::where(c > 0.0, nt::Tensor(nt::ones({3, 4}, nt::f64)), -1.0);
  using Xs = std::span<const nt::Tensor>;
  check2("l1", [](Xs x) { return nn::l1_loss(x[0], x[1]); }, {a, b});
  check2("huber", [](Xs x) { return nn::huber_loss(x[0], x[1], {.delta = 0.7}); }, {a, b});
  check2("smooth_l1", [](Xs x) { return nn::smooth_l1_loss(x[0], x[1], {.beta = 0.3}); }, {a, b});
  check2("gaussian_nll", [](Xs x) { return nn::gaussian_nll_loss(x[0], x[1], nt::exp(x[2])); }, {a, b, c});
  check2("poisson_nll", [](Xs x) { return nn::poisson_nll_loss(x[0], nt::exp(x[1]) + 1.5, {.full = true}); }, {a, b});
  check2("nll", [](Xs x) { return nn::nll_loss(nt::log(x[0]), integers({0, 3, 1})); }, {p});
  check2("cross_entropy", [](Xs x) { return nn::cross_entropy(x[0], x[1], {.label_smoothing = 0.1}); }, {a, p});
  check2("bce", [](Xs x) { return nn::binary_cross_entropy(nt::sigmoid(x[0]), x[1]); }, {a, p});
  check2(
      "bce_with_logits",
      [&](Xs x) { return nn::binary_cross_entropy_with_logits(x[0], x[1], {.pos_weight = nt::full({4}, 2, nt::f64)}); },
      {a, p});
  check2("kl_div", [](Xs x) { return nn::kl_div(x[0], x[1], {.reduction = Reduction::batchmean}); }, {a, p});
  check2("hinge", [&](Xs x) { return nn::hinge_embedding_loss(x[0], signs); }, {a});
  check2("soft_margin", [&](Xs x) { return nn::soft_margin_loss(x[0], signs); }, {a});
  check2("ranking", [&](Xs x) { return nn::margin_ranking_loss(x[0], x[1], signs); }, {a, b});
  check2("multi_margin", [](Xs x) { return nn::multi_margin_loss(x[0], integers({0, 3, 1}), {.p = 2}); }, {a});
  check2("cosine", [](Xs x) { return nn::cosine_embedding_loss(x[0], x[1], nt::tensor({1, -1, 1}, nt::f64)); }, {a, b});
  check2("triplet", [](Xs x) { return nn::triplet_margin_loss(x[0], x[1], x[2], {.margin = 5}); }, {a, b, c});
}

TEST_CASE("losses stay finite where their logarithms and exponentials end") {
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

TEST_CASE("losses of nothing are empty, and 0 as a sum") {
  const nt::Tensor x = nt::zeros({0, 4});
  const nt::Tensor y = nt::zeros({0}, nt::i64);
  CHECK(nn::cross_entropy(x, y, {.reduction = Reduction::none}).shape() == nt::Shape{0});
  CHECK(nn::nll_loss(x, y, {.reduction = Reduction::sum}).item() == 0);
  CHECK(nn::multi_margin_loss(x, y, {.reduction = Reduction::sum}).item() == 0);
  CHECK(nn::l1_loss(x, x, {.reduction = Reduction::sum}).item() == 0);
  CHECK(nn::huber_loss(x, x, {.reduction = Reduction::none}).shape() == nt::Shape{0, 4});
  CHECK(nn::binary_cross_entropy(x, x, {.reduction = Reduction::sum}).item() == 0);
  CHECK(nn::cosine_embedding_loss(x, x, nt::zeros({0}), {.reduction = Reduction::sum}).item() == 0);
}

TEST_CASE("all losses refuse what does not fit, and say what came") {
  const nt::Tensor x = nt::ones({2, 3});
  const nt::Tensor other = nt::ones({3});
  CHECK_THROWS_WITH(nn::l1_loss(x, other), contains("l1_loss") && contains("[2, 3]") && contains("[3]"));
  CHECK_THROWS_AS(nn::huber_loss(x, x.to(nt::f64)), nt::DTypeError);
  CHECK_THROWS_AS(nn::huber_loss(x, x, {.delta = 0}), nt::ValueError);
  CHECK_THROWS_AS(nn::smooth_l1_loss(x, x, {.beta = -1}), nt::ValueError);
  CHECK_THROWS_WITH(nn::gaussian_nll_loss(x, x, nt::ones({3})), contains("var") && contains("[3]"));
  CHECK_THROWS_WITH(nn::gaussian_nll_loss(x, x, -x), contains("negative"));
  CHECK_THROWS_AS(nn::nll_loss(x, other), nt::DTypeError);
  CHECK_THROWS_WITH(nn::nll_loss(x, integers({0, 4})), contains("nll_loss") && contains("4 at position 1"));
  CHECK_THROWS_AS(nn::cross_entropy(x, x.to(nt::f64)), nt::DTypeError);
  CHECK_THROWS_AS(nn::cross_entropy(x, x, {.ignore_index = 1}), nt::ValueError);
  CHECK_THROWS_WITH(nn::binary_cross_entropy(x * 2.0, x), contains("[0, 1]"));
  CHECK_THROWS_AS(nn::binary_cross_entropy(x, x, {.weight = nt::ones({2, 2, 3})}), nt::ShapeError);
  CHECK_THROWS_AS(nn::binary_cross_entropy_with_logits(x, x, {.pos_weight = nt::ones({2, 2, 3})}), nt::ShapeError);
  CHECK_THROWS_AS(nn::kl_div(x, other), nt::ShapeError);
  CHECK_THROWS_WITH(nn::hinge_embedding_loss(x, 2.0 * x), contains("1 or -1"));
  CHECK_THROWS_AS(nn::margin_ranking_loss(x, x, other), nt::ShapeError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, integers({0, 3})), nt::ValueError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, integers({0, 1, 2})), nt::ShapeError);
  CHECK_THROWS_AS(nn::multi_margin_loss(x, integers({0, 1}), {.p = 3}), nt::ValueError);
  CHECK_THROWS_AS(nn::cosine_embedding_loss(x, x, nt::ones({3})), nt::ShapeError);
  CHECK_THROWS_AS(nn::triplet_margin_loss(x, x, other), nt::ShapeError);

  struct Model : nn::Module<Model> {
    nn::CrossEntropyLoss criterion = add("criterion", nn::CrossEntropyLoss());
    nt::Tensor forward(const nt::Tensor& t) const { return criterion(t, nt::zeros({5}, nt::i64)); }
  };
  CHECK_THROWS_WITH(Model()(x), contains("criterion: cross_entropy"));
}
