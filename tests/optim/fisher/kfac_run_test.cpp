// SPDX-License-Identifier: BSD-3-Clause
// Runs of K-FAC: averages and momentum, other parameters, state dicts, frozen parameters, errors, a network.
#include "catch.hpp"
#include "optim/fisher/kfac.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <algorithm>
#include <cmath>

TEST_CASE("KFAC: averages, momentum, decay and clipping, step by step") {
  const nt::Tensor labels = nt::tensor({0, 1, 1, 0, 1, 0, 0, 1, 1}, nt::i64);
  const auto layer = linear(3, 2, false);
  const optim::KFACOptions options{.lr = 0.3,
                                   .momentum = 0.8,
                                   .damping = 0.05,
                                   .weight_decay = 0.1,
                                   .decay = 0.6,
                                   .kl_clip = 1e-3,
                                   .update_freq = 3,
                                   .inverse_freq = 4,
                                   .fisher = KFACFisher::exact,
                                   .inverse = KFACInverse::eigen};
  optim::KFAC optimizer(layer.parameters(), options);
  nt::Tensor w = layer.weight;
  nt::Tensor a;
  nt::Tensor g;
  nt::Tensor solved_with;
  nt::Tensor velocity = nt::zeros({6}, nt::f64);
  int updates = 0;
  int clipped = 0;
  for (int i = 0; i < 14; ++i) {
    const bool inverts = i <= 8 || i == 10 || i == 12;  // at first every step, then every second
    const bool updates_now = inverts || i == 9;
    const nt::Tensor x = normal({9, 3}, static_cast<std::uint64_t>(i) + 1);
    const nt::UnaryFunction loss = [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); };
    const nt::Tensor v = nt::variable(w);
    const nt::Tensor logits = nt::matmul(x, nt::transpose(v));
    const nt::Tensor gradient = nt::reshape(nt::grad(loss(logits), v), {-1});
    if (updates_now) {
      const double kept = std::min(0.6, 1 - 1.0 / ++updates);
      const nt::Tensor p = nt::softmax(logits.detach());
      const nt::Tensor of_x = nt::matmul(nt::transpose(x), x) / 9;
      const nt::Tensor of_p = (nt::diag_embed(nt::sum(p, 0)) - nt::matmul(nt::transpose(p), p)) / 9;
      a = a.defined() ? kept * a + (1 - kept) * of_x : of_x;
      g = g.defined() ? kept * g + (1 - kept) * of_p : of_p;
    }
    if (inverts) solved_with = nt::kron(g, a) + 0.05 * nt::eye(6, nt::f64);
    nt::Tensor d = nt::linalg::solve(solved_with, gradient);
    const double size = 0.09 * nt::vdot(d, gradient).item();
    clipped += size > 1e-3 ? 1 : 0;
    d = d * std::min(1.0, std::sqrt(1e-3 / size));
    velocity = i == 0 ? d : 0.8 * velocity + 0.2 * d;
    w = w * (1 - 0.3 * 0.1) - 0.3 * nt::reshape(velocity, {2, 3});
    optimizer.step([&] { return layer(x); }, loss);
    INFO(i);
    CHECK(distance(layer.weight.value(), w.detach().value()) < 1e-12);
  }
  CHECK(clipped > 0);
}

TEST_CASE("KFAC: parameters of no layer take Adam's steps") {
  const auto make = [] {
    nt::manual_seed(3);
    return nn::Sequential(nn::Embedding(5, 4, {.dtype = nt::f64}), linear(4, 3), nn::LayerNorm(3, {.dtype = nt::f64}),
                          linear(3, 3));
  };
  const auto model = make();
  const auto twin = make();
  const nt::Tensor x = nt::tensor({0, 3, 1, 3}, nt::i64);
  const nt::UnaryFunction loss = [](const nt::Tensor& t) {
    return nn::cross_entropy(t, nt::tensor({0, 2, 1, 1}, nt::i64));
  };
  const auto p = model.parameters();
  const auto q = twin.parameters();
  REQUIRE(p.size() == 7);  // table; weight, bias; weight, bias of the norm; weight, bias
  const std::array others{0, 3, 4};
  optim::KFAC optimizer(p, {.lr = 0.2, .update_freq = 1, .adam_scale = 0.05});
  optim::Adam adam({q[0], q[3], q[4]}, {.lr = 0.01});
  for (int i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < p.size(); ++k) q[k].set_value(nt::core::copy(p[k].value()));
    adam.zero_grad();
    loss(twin(x)).backward();
    adam.step();
    optimizer.step([&] { return model(x); }, loss);
    for (const auto k : others) CHECK(distance(p[k].value(), q[k].value()) < 1e-15);
    CHECK_FALSE(optimizer.factors(p[3]).first.defined());
  }
}

namespace {

/// A small network with all kinds of layers, whose steps can be repeated.
struct KfacRun {
  nt::Tensor x, labels;
  nn::Conv2d conv;
  nn::GRU gru;
  nn::Linear head;
  nn::LayerNorm norm;
  std::vector<nt::Parameter> params;

  explicit KfacRun(nt::DType dtype)
      : x(normal({6, 1, 5, 4}, 1).to(dtype)),
        labels(nt::tensor({0, 2, 1, 1, 0, 2}, nt::i64)),
        conv(1, 2, 2, {.dtype = dtype}),
        gru(6, 4, {.dtype = dtype}),
        head(4, 3, {.dtype = dtype}),
        norm(4, {.dtype = dtype}) {
    nt::Generator random(9);
    for (const auto& list : {conv.parameters(), gru.parameters(), head.parameters(), norm.parameters()}) {
      for (const auto& p : list) {
        p.set_value(nt::random::normal(p.shape(), 0, 0.4, dtype, random));
        params.push_back(p);
      }
    }
  }
  nt::Tensor outputs() const {
    const nt::Tensor y = nt::tanh(conv(x));  // [6, 2, 4, 3]
    const nt::Tensor steps = nt::reshape(nt::permute(y, {2, 0, 1, 3}), {4, 6, 6});
    return head(norm(nt::select(gru(steps).output, 0, 3)));
  }
  nt::Tensor loss(const nt::Tensor& y) const { return nn::cross_entropy(y, labels); }
  double step(optim::KFAC& optimizer) const {
    return optimizer.step([this] { return outputs(); }, [this](const nt::Tensor& y) { return loss(y); }).item();
  }
};

const std::vector<optim::KFACOptions> variants = {
    {.lr = 0.05, .update_freq = 2, .inverse_freq = 4},
    {.lr = 0.05, .update_freq = 2, .inverse_freq = 4, .inverse = KFACInverse::eigen, .samples = 2},
    {.lr = 0.05, .update_freq = 1, .inverse_freq = 4, .fisher = KFACFisher::exact, .inverse = KFACInverse::ekfac},
    {.lr = 0.05, .update_freq = 3, .inverse_freq = 3, .fisher = KFACFisher::empirical},
};

}  // namespace

TEST_CASE("KFAC: a run resumes from a state dict bit for bit") {
  for (const auto& options : variants) {
    const KfacRun whole(nt::f32);
    optim::KFAC first(whole.params, options);
    for (int i = 0; i < 3; ++i) whole.step(first);
    const auto state = first.state_dict("optimizer.");
    const KfacRun resumed(nt::f32);
    for (std::size_t i = 0; i < whole.params.size(); ++i) {
      resumed.params[i].set_value(nt::core::copy(whole.params[i].value()));
    }
    optim::KFAC second(resumed.params, {.lr = 0.9});
    second.load_state_dict(state, {.prefix = "optimizer."});
    for (int i = 0; i < 6; ++i) CHECK(whole.step(first) == resumed.step(second));
    for (std::size_t i = 0; i < whole.params.size(); ++i) {
      CHECK(identical(whole.params[i].value(), resumed.params[i].value()));
    }

    // Later steps did not change the saved state.
    const KfacRun again(nt::f32);
    optim::KFAC third(again.params, options);
    for (int i = 0; i < 3; ++i) again.step(third);
    const auto expected = third.state_dict("optimizer.");
    REQUIRE(state.size() == expected.size());
    for (std::size_t i = 0; i < state.size(); ++i) {
      CHECK(state[i].first == expected[i].first);
      CHECK(identical(state[i].second, expected[i].second));
    }
  }
}

TEST_CASE("KFAC: loading a state that does not fit changes nothing") {
  const KfacRun run(nt::f32);
  optim::KFAC optimizer(run.params, variants[0]);
  for (int i = 0; i < 3; ++i) run.step(optimizer);
  const auto state = optimizer.state_dict();
  const auto rejected = [&](const std::string& name, const nt::Array& value) {
    auto other = state;
    bool found = false;
    for (auto& [key, x] : other) {
      if (key != name) continue;
      x = value;
      found = true;
    }
    REQUIRE(found);
    CHECK_THROWS_WITH(optimizer.load_state_dict(other), contains(name));
    const auto after = optimizer.state_dict();
    REQUIRE(after.size() == state.size());
    for (std::size_t i = 0; i < state.size(); ++i) CHECK(identical(after[i].second, state[i].second));
  };
  rejected("layers.0.inputs", nt::core::zeros({2, 2}, nt::f32));
  rejected("layers.1.form", nt::core::full({5}, 1000, nt::i64));
  rejected("layers.1.form", nt::core::zeros({3}, nt::i64));
  rejected("layers", nt::core::zeros({2}, nt::f64));
}

TEST_CASE("KFAC: f32 follows f64") {
  for (auto options : variants) {
    if (options.fisher == KFACFisher::sampled) options.fisher = KFACFisher::exact;  // the draws differ
    const KfacRun narrow(nt::f32);
    const KfacRun wide(nt::f64);
    for (std::size_t i = 0; i < wide.params.size(); ++i) {
      wide.params[i].set_value(nt::core::cast(narrow.params[i].value(), nt::f64));
    }
    optim::KFAC first(narrow.params, options);
    optim::KFAC second(wide.params, options);
    for (int i = 0; i < 5; ++i) CHECK(narrow.step(first) == Approx(wide.step(second)).epsilon(2e-4));
  }
}

TEST_CASE("KFAC: frozen parameters stay, and unfrozen ones are added") {
  const KfacRun run(nt::f64);
  run.conv.weight.requires_grad(false);
  run.head.bias.requires_grad(false);
  const auto weight = run.conv.weight.value();
  const auto bias = run.head.bias.value();
  optim::KFAC optimizer(run.params, {.lr = 0.05, .update_freq = 1, .inverse_freq = 1});
  for (int i = 0; i < 2; ++i) run.step(optimizer);
  CHECK(identical(run.conv.weight.value(), weight));
  CHECK(identical(run.head.bias.value(), bias));
  CHECK_FALSE(optimizer.factors(run.conv.weight).first.defined());
  CHECK(optimizer.factors(run.head.weight).first.shape() == nt::Shape{4, 4});
  run.conv.weight.requires_grad(true);
  run.head.bias.requires_grad(true);
  run.step(optimizer);
  CHECK(optimizer.factors(run.conv.weight).first.shape() == nt::Shape{5, 5});
  CHECK(optimizer.factors(run.head.weight).first.shape() == nt::Shape{5, 5});
  CHECK_FALSE(identical(run.head.bias.value(), bias));
}

TEST_CASE("KFAC: errors leave the parameters as they were") {
  const auto layer = linear(3, 2);
  const auto before = nt::core::copy(layer.weight.value());
  const nt::Tensor x = normal({4, 3}, 1);
  const nt::UnaryFunction squares = [](const nt::Tensor& y) { return nt::sum(nt::square(y)); };
  optim::KFAC optimizer(layer.parameters());
  CHECK_THROWS_AS(optimizer.step([&] { return layer(x); }, squares), nt::ValueError);  // not categorical
  CHECK_THROWS_WITH(optimizer.step([&] { return squares(layer(x)); }), contains("KFACFisher::empirical"));
  CHECK_THROWS_WITH(optimizer.step(squares(layer(x))), contains("KFACFisher::empirical"));
  optim::KFAC of_squares(layer.parameters(), {.likelihood = optim::Likelihood::independent});
  CHECK_THROWS_AS(of_squares.step([&] { return layer(x * INFINITY); }, squares), nt::NumericalError);
  // A feature that is always 0 leaves A singular.
  for (const auto inverse : {KFACInverse::factors, KFACInverse::eigen}) {
    optim::KFAC undamped(layer.parameters(), plain(inverse));
    const auto outputs = [&] { return layer(x * nt::tensor({1, 0, 1}, nt::f64)); };
    CHECK_THROWS_AS(undamped.step(outputs, squares), nt::NumericalError);
  }
  CHECK(identical(layer.weight.value(), before));
  CHECK_THROWS_WITH(optim::KFAC(layer.parameters(), {.update_freq = 0}), contains("update_freq"));
  CHECK_THROWS_WITH(optim::KFAC(layer.parameters(), {.decay = 1}), contains("decay"));
}

TEST_CASE("KFAC: a network learns digits in fewer steps than by Adam") {
  const auto digits = nt::data::digits().train;
  // The loss of the whole training set after 88 steps, on batches that are the same for all.
  const auto trained = [&](const std::function<std::unique_ptr<optim::Optimizer>(std::vector<nt::Parameter>)>& make) {
    nt::manual_seed(1);
    const nn::Sequential model(nn::Flatten(), nn::Linear(64, 32), nn::ReLU(), nn::Linear(32, 10));
    const auto optimizer = make(model.parameters());
    auto* const kfac = dynamic_cast<optim::KFAC*>(optimizer.get());
    nt::data::Loader loader(digits, {.batch_size = 128, .shuffle = true, .seed = 1});
    for (int epoch = 0; epoch < 8; ++epoch) {
      for (auto& [x, y] : loader) {
        const auto& labels = y;
        const auto loss = [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); };
        if (kfac != nullptr) {
          const auto& images = x;
          kfac->step([&] { return model(images); }, loss);
        } else {
          optimizer->step(loss(model(x)));
        }
      }
    }
    const auto& [x, y] = digits.arrays();
    return nn::cross_entropy(model(x), y).item();
  };
  double adam = INFINITY;
  for (const double lr : {3e-3, 1e-2, 3e-2}) {
    adam = std::min(adam, trained([&](std::vector<nt::Parameter> p) {
                      return std::make_unique<optim::Adam>(std::move(p), optim::AdamOptions{.lr = lr});
                    }));
  }
  const double kfac = trained([](std::vector<nt::Parameter> p) { return std::make_unique<optim::KFAC>(std::move(p)); });
  INFO(kfac << " and " << adam);
  CHECK(kfac < adam);
}
