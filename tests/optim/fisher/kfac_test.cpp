// SPDX-License-Identifier: BSD-3-Clause
// K-FAC where its approximation is exact, so that one step is known in closed form: one layer with squared error, deep
// linear networks, a single sample.
#include "optim/fisher/kfac.hpp"
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

namespace {

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

}  // namespace

TEST_CASE("KFAC: one layer and squared error: a step is Newton's, which solves least squares") {
  const nt::Tensor x = normal({12, 3}, 1);
  const nt::Tensor y = normal({12, 2}, 2);
  // With a column of ones for the bias: (X^T X)^-1 X^T y.
  const nt::Tensor design = nt::concatenate({x, nt::ones({12, 1}, nt::f64)}, 1);
  const nt::Tensor solution =
      nt::linalg::solve(nt::matmul(nt::transpose(design), design), nt::matmul(nt::transpose(design), y));
  for (const auto inverse : {KFACInverse::factors, KFACInverse::eigen, KFACInverse::ekfac}) {
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
  for (const auto inverse : {KFACInverse::factors, KFACInverse::eigen}) {
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
    if (inverse == KFACInverse::eigen) {
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
  options.fisher = KFACFisher::empirical;
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
      optimizer.step([&] { return loss(model(x)); });
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
  const auto factor = [&](KFACFisher fisher, int samples) {
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
  const nt::Tensor exact = factor(KFACFisher::exact, 1);
  const nt::Tensor sampled = factor(KFACFisher::sampled, 4000);
  CHECK(nt::max(nt::abs(exact - sampled)).item() < 5 * nt::max(exact).item() / std::sqrt(6 * 4000.0));
  CHECK(nt::max(nt::abs(exact - factor(KFACFisher::sampled, 1))).item() > 1e-3 * nt::max(exact).item());
}

TEST_CASE("KFAC: the corrected eigenvalues are the diagonal of the Fisher matrix in the factors' eigenbasis") {
  const nt::Tensor x = normal({9, 3}, 1);
  const nt::Tensor labels = nt::tensor({0, 1, 1, 0, 1, 0, 0, 1, 1}, nt::i64);
  const auto layer = linear(3, 2, false);
  const nt::UnaryFunction loss = [&](const nt::Tensor& t) { return nn::cross_entropy(t, labels); };
  const auto outputs = [&] { return layer(x); };
  auto options = plain(KFACInverse::ekfac);
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
