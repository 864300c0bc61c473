// SPDX-License-Identifier: BSD-3-Clause
// K-FAC where its approximation is exact, so that one step is known in closed form: one layer with squared error, deep
// linear networks, a single sample.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/reduction.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/fisher/kronecker.hpp>
#include <newtape/optim/optimizer.hpp>

#include <array>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using optim::KfacFisher;
using optim::KfacInverse;

namespace {

/// One undamped, unclipped step with the exact Fisher matrix of squared errors.
optim::KfacOptions plain(KfacInverse inverse = KfacInverse::factors) {
  return {.lr = 1,
          .momentum = 0,
          .damping = 0,
          .kl_clip = 0,
          .update_freq = 1,
          .inverse_freq = 1,
          .fisher = KfacFisher::exact,
          .inverse = inverse,
          .likelihood = optim::Likelihood::independent};
}

nt::Tensor normal(const nt::Shape& shape, std::uint64_t seed, double std = 1) {
  nt::Generator random(seed);
  return nt::random::normal(shape, 0, std, nt::f64, random);
}

/// The Fisher matrix of parameters that `outputs` reads, one dense matrix in their order.
nt::Tensor dense_fisher(const std::vector<nt::Parameter>& params, const std::function<nt::Tensor()>& outputs,
                        const nt::UnaryFunction& loss) {
  return optim::fisher(nt::function_of(params, outputs), loss, nt::values_of(params));
}

/// A (x) G, acting on a weight [m, k] with its bias appended.
nt::Tensor kronecker(const std::pair<nt::Array, nt::Array>& factors, bool bias) {
  const nt::Tensor all = nt::kron(factors.second, factors.first);  // rows and columns by (output, input)
  if (!bias) return all;
  const auto k = factors.first.shape()[0];
  const auto m = factors.second.shape()[0];
  const nt::Tensor indices = nt::reshape(nt::arange(m * k), {m, k});
  const nt::Tensor order = nt::concatenate(
      {nt::reshape(nt::slice(indices, 1, 0, k - 1), {-1}), nt::reshape(nt::slice(indices, 1, k - 1, k), {-1})});
  return nt::take(nt::take(all, order, 0), order, 1);
}

nn::Linear linear(std::int64_t in, std::int64_t out, bool bias = true) {
  return {in, out, {.bias = bias, .dtype = nt::f64}};
}

}  // namespace

TEST_CASE("KFAC: one layer and squared error: a step is Newton's, which solves least squares") {
  const nt::Tensor x = normal({12, 3}, 1);
  const nt::Tensor y = normal({12, 2}, 2);
  // With a column of ones for the bias: (X^T X)^-1 X^T y.
  const nt::Tensor design = nt::concatenate({x, nt::ones({12, 1}, nt::f64)}, 1);
  const nt::Tensor solution =
      nt::linalg::solve(nt::matmul(nt::transpose(design), design), nt::matmul(nt::transpose(design), y));
  for (const auto inverse : {KfacInverse::factors, KfacInverse::eigen, KfacInverse::ekfac}) {
    const auto layer = linear(3, 2);
    optim::KFAC optimizer(layer.parameters(), plain(inverse));
    optimizer.step([&] { return layer(x); }, [&](const nt::Tensor& t) { return nn::mse_loss(t, y); });
    const nt::Tensor got = nt::concatenate({nt::transpose(layer.weight), nt::unsqueeze(layer.bias, 0)}, 0);
    CHECK(distance(got.value(), solution.value()) < 1e-12);
  }
}

TEST_CASE("KFAC: damping is that of the whole block in its eigenbasis, and split by pi between inverted factors") {
  const nt::Tensor x = normal({12, 3}, 1);
  const nt::Tensor y = normal({12, 2}, 2);
  const double damping = 0.3;
  const nt::UnaryFunction loss = [&](const nt::Tensor& t) { return nn::mse_loss(t, y); };
  for (const auto inverse : {KfacInverse::factors, KfacInverse::eigen}) {
    const auto layer = linear(3, 2, false);
    const nt::Tensor before = layer.weight;
    const auto outputs = [&] { return layer(x); };
    const nt::Tensor f = dense_fisher(layer.parameters(), outputs, loss);
    const nt::Tensor g = nt::reshape(nt::grad(loss(outputs()), layer.weight), {-1});
    auto options = plain(inverse);
    options.damping = damping;
    optim::KFAC optimizer(layer.parameters(), options);
    optimizer.step(outputs, loss);
    nt::Tensor expected;
    if (inverse == KfacInverse::eigen) {
      expected = nt::linalg::solve(f + damping * nt::eye(6, nt::f64), g);
    } else {
      // A = X^T X / n, G = I (mse_loss is the mean over n and 2 outputs of squares: its Hessian is I / n).
      const nt::Tensor a = nt::matmul(nt::transpose(x), x) / 12;
      const double pi = std::sqrt(nt::linalg::trace(a).item() / 3);
      const nt::Tensor damped_a = a + pi * std::sqrt(damping) * nt::eye(3, nt::f64);
      const nt::Tensor damped_g = (1 + std::sqrt(damping) / pi) * nt::eye(2, nt::f64);
      expected = nt::linalg::solve(nt::kron(damped_g, damped_a), g);
    }
    CHECK(distance((nt::reshape(before, {-1}) - nt::reshape(layer.weight, {-1})).value(), expected.value()) < 1e-13);
  }
}

TEST_CASE("KFAC: of deep linear networks with squared error the blocks are exact") {
  const nn::Sequential model(linear(4, 3), linear(3, 5, false), linear(5, 2));
  const nt::Tensor x = normal({7, 4}, 1);
  const nt::UnaryFunction loss = [y = normal({7, 2}, 2)](const nt::Tensor& t) { return nn::mse_loss(t, y); };
  const auto outputs = [&] { return model(x); };
  auto options = plain();
  options.damping = 1;
  optim::KFAC optimizer(model.parameters(), options);
  const auto params = model.parameters();
  std::vector<nt::Tensor> blocks;
  for (const auto& some : {std::vector{params[0], params[1]}, {params[2]}, {params[3], params[4]}}) {
    blocks.push_back(dense_fisher(some, outputs, loss));
  }
  optimizer.step(outputs, loss);
  CHECK(distance(kronecker(optimizer.factors(params[0]), true).value(), blocks[0].value()) < 1e-13);
  CHECK(distance(kronecker(optimizer.factors(params[2]), false).value(), blocks[1].value()) < 1e-13);
  CHECK(distance(kronecker(optimizer.factors(params[3]), true).value(), blocks[2].value()) < 1e-13);
}

TEST_CASE("KFAC: of a single sample the blocks are exact, whatever the network") {
  const nn::Sequential model(linear(4, 3), nt::tanh, linear(3, 5), nt::tanh, linear(5, 3));
  const nt::Tensor x = normal({1, 4}, 1);
  const nt::UnaryFunction loss = [](const nt::Tensor& t) { return nn::cross_entropy(t, nt::tensor({1}, nt::i64)); };
  const auto outputs = [&] { return model(x); };
  auto options = plain();
  options.damping = 1;
  options.likelihood = optim::Likelihood::categorical;
  const auto params = model.parameters();
  std::vector<nt::Tensor> blocks;
  for (const auto i : {0, 2, 4}) blocks.push_back(dense_fisher({params[i], params[i + 1]}, outputs, loss));
  optim::KFAC optimizer(params, options);
  optimizer.step(outputs, loss);
  for (const auto i : {0, 2, 4}) {
    CHECK(distance(kronecker(optimizer.factors(params[i]), true).value(), blocks[i / 2].value()) < 1e-14);
  }
}

TEST_CASE("KFAC: a convolution over one position is a linear layer; over more, its patches are the rows") {
  const nt::UnaryFunction loss = [](const nt::Tensor& t) { return nt::sum(nt::square(t)) / 2; };
  auto options = plain();
  options.damping = 1;
  const nn::Conv2d conv(2, 3, {2, 3}, {.dtype = nt::f64});
  {
    const nt::Tensor x = normal({5, 2, 2, 3}, 1);
    const auto outputs = [&] { return nt::reshape(conv(x), {5, 3}); };
    const nt::Tensor block = dense_fisher({conv.weight, conv.bias}, outputs, loss);
    optim::KFAC optimizer({conv.weight, conv.bias}, options);
    optimizer.step(outputs, loss);
    CHECK(distance(kronecker(optimizer.factors(conv.weight), true).value(), block.value()) < 1e-13);
  }
  // A = the mean over positions of the products of patches with an appended 1; G = the sum over positions of I.
  const nt::Tensor x = normal({5, 2, 4, 4}, 2);
  optim::KFAC optimizer({conv.weight, conv.bias}, options);
  optimizer.step([&] { return nt::permute(conv(x), {0, 2, 3, 1}); }, loss);
  nt::Tensor a;
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 2; ++j) {
      const nt::Tensor patch = nt::reshape(nt::slice(nt::slice(x, 2, i, i + 2), 3, j, j + 3), {5, 12});
      const nt::Tensor row = nt::concatenate({patch, nt::ones({5, 1}, nt::f64)}, 1);
      const nt::Tensor product = nt::matmul(nt::transpose(row), row) / 30;
      a = a.defined() ? a + product : product;
    }
  }
  const auto [inputs, cotangents] = optimizer.factors(conv.weight);
  CHECK(distance(inputs, a.value()) < 1e-14);
  CHECK(distance(cotangents, (30 * nt::eye(3, nt::f64)).value()) < 1e-14);
}

TEST_CASE("KFAC: recurrent layers of one step and one sample are exact in both their weights") {
  const nt::UnaryFunction loss = [](const nt::Tensor& t) { return nt::sum(nt::square(t)) / 2; };
  const nt::Tensor x = normal({1, 1, 3}, 1);
  const nt::Tensor h_0 = normal({1, 1, 2}, 2);
  const nt::Tensor c_0 = normal({1, 1, 2}, 3);
  const auto check = [&](const auto& layer, bool cells) {
    INFO(layer.type());
    auto options = plain();
    options.damping = 1;
    const auto outputs = [&] {
      nn::RecurrentInput more{.h_0 = h_0};
      if (cells) more.c_0 = c_0;
      return nt::reshape(layer(x, more).output, {1, 2});
    };
    const auto p = layer.parameters();  // weight_ih, weight_hh, bias_ih, bias_hh
    const bool gru = layer.type() == std::string_view("GRU");
    const nt::Tensor from_inputs = dense_fisher({p[0], p[2]}, outputs, loss);
    const nt::Tensor from_states =
        gru ? dense_fisher({p[1], p[3]}, outputs, loss) : dense_fisher({p[1]}, outputs, loss);
    std::vector<nt::Tensor> before;
    for (const auto& one : p) before.push_back(one);
    optim::KFAC optimizer(p, options);
    optimizer.step(outputs, loss);
    CHECK(distance(kronecker(optimizer.factors(p[0]), true).value(), from_inputs.value()) < 1e-14);
    CHECK(distance(kronecker(optimizer.factors(p[1]), gru).value(), from_states.value()) < 1e-14);
    // Two biases that are added share the step of their sum.
    if (!gru) CHECK(distance((before[2] - p[2]).value(), (before[3] - p[3]).value()) < 1e-14);
    CHECK(distance(before[3].value(), p[3].value()) > 1e-6);
  };
  check(nn::RNN(3, 2, {.dtype = nt::f64}), false);
  check(nn::LSTM(3, 2, {.dtype = nt::f64}), true);
  check(nn::GRU(3, 2, {.dtype = nt::f64}), false);
}

TEST_CASE("KFAC: empirical factors are means over the samples' own gradients") {
  const nt::Tensor x = normal({6, 4}, 1);
  const nt::Tensor labels = nt::tensor({0, 2, 1, 1, 0, 2}, nt::i64);
  const nn::Sequential model(linear(4, 5), nt::tanh, linear(5, 3));
  const auto params = model.parameters();
  auto options = plain();
  options.damping = 1;
  options.fisher = KfacFisher::empirical;
  // For the pre-activation's gradient: the bias's, sample by sample.
  const auto of_samples = nt::per_sample_grad(
      [&](std::span<const nt::Tensor> p, std::span<const nt::Tensor> batch) {
        const nt::Tensor h = nt::tanh(nt::linear(batch[0], params[0], p[0]));
        return nn::cross_entropy(nt::linear(h, params[2], p[1]), batch[1], {.reduction = nn::Reduction::none});
      },
      std::vector<nt::Tensor>{params[1], params[3]}, std::vector{x, labels});
  const auto g = [&](std::size_t i) { return nt::matmul(nt::transpose(of_samples[i]), of_samples[i]) / 6; };
  const nt::Tensor hidden = nt::tanh(nt::linear(x, params[0], params[1])).detach();
  const std::array expected{g(0).detach(), g(1).detach()};
  const nt::Tensor ones = nt::ones({6, 1}, nt::f64);
  const nt::Tensor rows = nt::concatenate({hidden, ones}, 1);
  const auto first = model.state_dict();
  for (const int way : {0, 1, 2}) {
    for (std::size_t i = 0; i < params.size(); ++i) params[i].set_value(first[i].second);
    optim::KFAC optimizer(params, options);
    const auto loss = [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); };
    if (way == 1) {
      optimizer.step(loss(model(x)));
    } else if (way == 2) {
      optimizer.step([&] {
        optimizer.zero_grad();
        const nt::Tensor l = loss(model(x));
        l.backward();
        return l;
      });
    } else {
      optimizer.step([&] { return model(x); }, loss);
    }
    CHECK(distance(optimizer.factors(params[0]).second, expected[0].value()) < 1e-14);
    CHECK(distance(optimizer.factors(params[2]).second, expected[1].value()) < 1e-14);
    CHECK(distance(optimizer.factors(params[2]).first, (nt::matmul(nt::transpose(rows), rows) / 6).value()) < 1e-14);
  }
}

TEST_CASE("KFAC: sampled factors have the exact ones for expectation") {
  const nt::Tensor x = normal({6, 4}, 1);
  const nt::Tensor labels = nt::tensor({0, 2, 1, 1, 0, 2}, nt::i64);
  const auto layer = linear(4, 3);
  const auto factor = [&](KfacFisher fisher, int samples) {
    auto options = plain();
    options.lr = 0;
    options.damping = 1;
    options.likelihood = optim::Likelihood::categorical;
    options.fisher = fisher;
    options.samples = samples;
    optim::KFAC optimizer(layer.parameters(), options);
    optimizer.step([&] { return layer(x); }, [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); });
    return nt::Tensor(optimizer.factors(layer.weight).second);
  };
  const nt::Tensor exact = factor(KfacFisher::exact, 1);
  const nt::Tensor sampled = factor(KfacFisher::sampled, 4000);
  CHECK(nt::max(nt::abs(exact - sampled)).item() < 5 * nt::max(exact).item() / std::sqrt(6 * 4000.0));
  CHECK(nt::max(nt::abs(exact - factor(KfacFisher::sampled, 1))).item() > 1e-3 * nt::max(exact).item());
}

TEST_CASE("KFAC: the corrected eigenvalues are the diagonal of the Fisher matrix in the factors' eigenbasis") {
  const nt::Tensor x = normal({9, 3}, 1);
  const nt::Tensor labels = nt::tensor({0, 1, 1, 0, 1, 0, 0, 1, 1}, nt::i64);
  const auto layer = linear(3, 2, false);
  const nt::UnaryFunction loss = [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); };
  const auto outputs = [&] { return layer(x); };
  auto options = plain(KfacInverse::ekfac);
  options.likelihood = optim::Likelihood::categorical;
  options.lr = 0;
  options.damping = 0.01;
  options.decay = 0;  // only the last update counts
  options.inverse_freq = 50;
  optim::KFAC optimizer(layer.parameters(), options);
  for (int i = 0; i < 10; ++i) optimizer.step(outputs, loss);  // the last one updates the factors, but keeps the basis
  const nt::Tensor f = dense_fisher(layer.parameters(), outputs, loss);
  const auto [a, g] = optimizer.factors(layer.weight);
  const nt::Tensor q = nt::kron(nt::linalg::eigh(g).v, nt::linalg::eigh(a).v);
  const nt::Tensor spectrum = nt::diagonal(nt::matmul(nt::transpose(q), nt::matmul(f, q)));
  optimizer.set_lr(1);
  const nt::Tensor before = layer.weight;
  const nt::Tensor gradient = nt::reshape(nt::grad(loss(outputs()), layer.weight), {-1});
  optimizer.zero_grad();
  loss(outputs()).backward();
  optimizer.step();
  const nt::Tensor expected = nt::matmul(q, nt::matmul(nt::transpose(q), gradient) / (spectrum + 0.01));
  CHECK(distance(nt::reshape(before - layer.weight, {-1}).value(), expected.value()) < 1e-12);
}

TEST_CASE("KFAC: averages, momentum, decay and clipping, step by step") {
  const nt::Tensor labels = nt::tensor({0, 1, 1, 0, 1, 0, 0, 1, 1}, nt::i64);
  const auto layer = linear(3, 2, false);
  const optim::KfacOptions options{.lr = 0.3,
                                   .momentum = 0.8,
                                   .damping = 0.05,
                                   .weight_decay = 0.1,
                                   .decay = 0.6,
                                   .kl_clip = 1e-3,
                                   .update_freq = 3,
                                   .inverse_freq = 4,
                                   .fisher = KfacFisher::exact,
                                   .inverse = KfacInverse::eigen};
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
struct Run {
  nt::Tensor x, labels;
  nn::Conv2d conv;
  nn::GRU gru;
  nn::Linear head;
  nn::LayerNorm norm;
  std::vector<nt::Parameter> params;

  explicit Run(nt::DType dtype)
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

const std::vector<optim::KfacOptions> variants = {
    {.lr = 0.05, .update_freq = 2, .inverse_freq = 4},
    {.lr = 0.05, .update_freq = 2, .inverse_freq = 4, .inverse = KfacInverse::eigen, .samples = 2},
    {.lr = 0.05, .update_freq = 1, .inverse_freq = 4, .fisher = KfacFisher::exact, .inverse = KfacInverse::ekfac},
    {.lr = 0.05, .update_freq = 3, .inverse_freq = 3, .fisher = KfacFisher::empirical},
};

}  // namespace

TEST_CASE("KFAC: a run resumes from a state dict bit for bit") {
  for (const auto& options : variants) {
    const Run whole(nt::f32);
    optim::KFAC first(whole.params, options);
    for (int i = 0; i < 3; ++i) whole.step(first);
    const auto state = first.state_dict("optimizer.");
    const Run resumed(nt::f32);
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
    const Run again(nt::f32);
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
  const Run run(nt::f32);
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
    if (options.fisher == KfacFisher::sampled) options.fisher = KfacFisher::exact;  // the draws differ
    const Run narrow(nt::f32);
    const Run wide(nt::f64);
    for (std::size_t i = 0; i < wide.params.size(); ++i) {
      wide.params[i].set_value(nt::core::cast(narrow.params[i].value(), nt::f64));
    }
    optim::KFAC first(narrow.params, options);
    optim::KFAC second(wide.params, options);
    for (int i = 0; i < 5; ++i) CHECK(narrow.step(first) == Approx(wide.step(second)).epsilon(2e-4));
  }
}

TEST_CASE("KFAC: frozen parameters stay, and unfrozen ones are added") {
  const Run run(nt::f64);
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
  CHECK_THROWS_WITH(optimizer.step([&] { return squares(layer(x)); }), contains("KfacFisher::empirical"));
  CHECK_THROWS_WITH(optimizer.step(squares(layer(x))), contains("KfacFisher::empirical"));
  optim::KFAC of_squares(layer.parameters(), {.likelihood = optim::Likelihood::independent});
  CHECK_THROWS_AS(of_squares.step([&] { return layer(x * INFINITY); }, squares), nt::NumericalError);
  // A feature that is always 0 leaves A singular.
  for (const auto inverse : {KfacInverse::factors, KfacInverse::eigen}) {
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
