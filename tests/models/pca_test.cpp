// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "models/linear_models.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/models/linear_autoencoder.hpp>
#include <newtape/models/pca.hpp>
#include <newtape/models/truncated_svd.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <algorithm>
#include <cmath>

using namespace newtape;
using models::PcaMethod;

namespace {

/// a with singular values 1, r, r^2, ...
Tensor falling(std::int64_t m, std::int64_t n, double r, Generator& generator) {
  const auto k = std::min(m, n);
  const Tensor u = linalg::qr(Tensor(random::normal({m, k}, 0, 1, f64, generator))).q;
  const Tensor v = linalg::qr(Tensor(random::normal({n, k}, 0, 1, f64, generator))).q;
  return matmul(u * pow(full({k}, r, f64), arange(k).to(f64)), transpose(v));
}

/// Distance of the space spanned by the rows of `a` from that of the orthonormal rows of `b`.
double subspace_distance(const Tensor& a, const Tensor& b) {
  const Tensor q = linalg::qr(transpose(a)).q;
  return max(abs(q - matmul(transpose(b), matmul(b, q)))).item();
}

}  // namespace

TEST_CASE("pca agrees with scikit-learn, by each of its methods") {
  const Tensor x = standardised(data::wine().features());
  for (const auto method : {PcaMethod::svd, PcaMethod::eigh, PcaMethod::randomized}) {
    INFO("method " << static_cast<int>(method));
    Generator generator(1);
    const models::PcaOptions options{.n_components = 4, .method = method, .randomized = {.generator = &generator}};
    const auto p = models::pca(x, options);
    CHECK(distance(p.components.value(), reference()("wine/pca/components")) < 1e-11);
    CHECK(distance(p.explained_variance.value(), reference()("wine/pca/explained_variance")) < 1e-11);
    CHECK(distance(p.explained_variance_ratio.value(), reference()("wine/pca/explained_variance_ratio")) < 1e-11);
    CHECK(distance(p.singular_values.value(), reference()("wine/pca/singular_values")) < 1e-11);
    CHECK(distance(p.transform(x[Slice(0, 3)]).value(), reference()("wine/pca/transformed")) < 1e-11);
    auto whitened = options;
    whitened.whiten = true;
    const auto w = models::pca(x, whitened);
    CHECK(distance(w.transform(x[Slice(0, 3)]).value(), reference()("wine/pca/whitened")) < 1e-11);
    CHECK(distance(w.reconstruct(x).value(), p.reconstruct(x).value()) < 1e-11);
  }
}

TEST_CASE("principal components satisfy their definition") {
  const Tensor x = data::iris().features();
  const auto p = models::pca(x);
  CHECK(p.components.shape() == Shape{4, 4});
  CHECK(distance(matmul(p.components, transpose(p.components)).value(), eye(4, f64).value()) < 1e-14);
  CHECK(distance(p.reconstruct(x).value(), x.value()) < 1e-14);
  CHECK(sum(p.explained_variance_ratio).item() == Approx(1).epsilon(1e-14));
  // The reconstruction error is the sum of the squares of the other singular values.
  const auto two = models::pca(x, {.n_components = 2});
  CHECK(sum(square(two.reconstruct(x) - x)).item() ==
        Approx(sum(square(p.singular_values[Slice(2, 4)])).item()).epsilon(1e-12));
  // Whitened scores have the identity as covariance.
  const Tensor z = models::pca(x, {.whiten = true}).transform(x);
  CHECK(distance((matmul(transpose(z), z) / 149).value(), eye(4, f64).value()) < 1e-12);
  CHECK(max(abs(mean(z, 0))).item() < 1e-13);
  // One point, and a batch of tables.
  CHECK(two.transform(x[0]).shape() == Shape{2});
  CHECK(two.transform(reshape(x, {3, 50, 4})).shape() == Shape{3, 50, 2});
  CHECK_THAT(fmt::format("{}", two), contains("92.46%") && contains("97.77%"));

  // Fewer samples than features: the last eigenvalues are 0, and rounding must not make them NaN.
  const Tensor few = x[Slice(0, 3)];
  const auto by_svd = models::pca(few);
  const auto by_eigh = models::pca(few, {.method = PcaMethod::eigh});
  CHECK(by_svd.components.shape() == Shape{3, 4});
  CHECK(distance(by_svd.singular_values.value(), by_eigh.singular_values.value()) < 1e-7);
  CHECK(distance(by_svd.components[Slice(0, 2)].value(), by_eigh.components[Slice(0, 2)].value()) < 1e-10);
  CHECK(models::pca(x.to(f32)).components.dtype() == f32);
}

TEST_CASE("truncated and randomised decompositions find the largest triplets") {
  Generator generator(7);
  for (const auto& [m, n] : {std::pair(300, 80), {80, 300}}) {
    const Tensor a = falling(m, n, 0.7, generator);
    const auto exact = models::truncated_svd(a, 5);
    const auto random = models::randomized_svd(a, 5, {.generator = &generator});
    for (const auto* svd : {&exact, &random}) {
      CHECK(svd->u.shape() == Shape{m, 5});
      CHECK(svd->vh.shape() == Shape{5, n});
      for (int i = 0; i < 5; ++i) CHECK(svd->s[i].item() == Approx(std::pow(0.7, i)).epsilon(1e-12));
      CHECK(distance(matmul(transpose(svd->u), svd->u).value(), eye(5, f64).value()) < 1e-13);
      CHECK(distance(matmul(svd->vh, transpose(svd->vh)).value(), eye(5, f64).value()) < 1e-13);
      // Eckart-Young: the norm of the remainder is that of the other singular values, the minimum for rank 5.
      const Tensor remainder = a - matmul(svd->u * svd->s, svd->vh);
      CHECK(linalg::norm(remainder).item() ==
            Approx(std::pow(0.7, 5) / std::sqrt(1 - 0.49) * std::sqrt(1 - std::pow(0.49, 75))).epsilon(1e-9));
    }
    // Without power iterations: within twice the bound on the mean error, theorem 10.5 of the paper.
    const auto rough = models::randomized_svd(a, 5, {.power_iterations = 0, .generator = &generator});
    const double tail = std::pow(0.7, 5) / std::sqrt(1 - 0.49);
    const double error = linalg::norm(a - matmul(rough.u * rough.s, rough.vh)).item();
    CHECK(error >= tail * (1 - 1e-9));
    CHECK(error < 2 * std::sqrt(1 + 5 / 9.0) * tail);
  }
  // Exact for a matrix of rank 3.
  const Tensor low = matmul(Tensor(random::normal({50, 3}, 0, 1, f64, generator)),
                            Tensor(random::normal({3, 40}, 0, 1, f64, generator)));
  const auto svd = models::randomized_svd(low, 3, {.power_iterations = 0});
  CHECK(max(abs(low - matmul(svd.u * svd.s, svd.vh))).item() < 1e-12);
  // The same seed gives the same bits.
  Generator one(1);
  Generator other(1);
  CHECK(identical(models::randomized_svd(low, 2, {.generator = &one}).vh.value(),
                  models::randomized_svd(low, 2, {.generator = &other}).vh.value()));
}

TEST_CASE("components and decompositions are differentiable") {
  Generator generator(11);
  const Tensor x = random::normal({6, 4}, 0, 1, f64, generator);
  const Tensor scaled = x * tensor({3, 2, 1, 0.5}, f64);
  for (const auto method : {PcaMethod::svd, PcaMethod::eigh}) {
    const auto result = gradcheck(
        MultiFunction([&](std::span<const Tensor> v) {
          const auto p = models::pca(v[0], {.n_components = 2, .method = method});
          return std::vector<Tensor>{p.components, p.explained_variance, p.explained_variance_ratio, p.transform(v[0])};
        }),
        std::vector<Tensor>{scaled}, {.order = 2});
    CHECK(result.message == "");
  }
  const auto truncated = gradcheck(UnaryFunction([](const Tensor& v) {
                                     const auto svd = models::truncated_svd(v, 2);
                                     return matmul(svd.u * svd.s, svd.vh);
                                   }),
                                   scaled, {.order = 2});
  CHECK(truncated.message == "");
  // As many directions as the rank: the randomised decomposition is the exact one, and so is its derivative.
  const auto value = [](const Tensor& v) {
    Generator fixed(3);
    return models::randomized_svd(v, 2, {.oversamples = 2, .power_iterations = 1, .generator = &fixed}).s;
  };
  const auto randomised = gradcheck(UnaryFunction(value), scaled, {.order = 2});
  CHECK(randomised.message == "");
  CHECK(distance(jacobian(value, scaled).value(),
                 jacobian([](const Tensor& v) { return models::truncated_svd(v, 2).s; }, scaled).value()) < 1e-10);
}

TEST_CASE("a linear autoencoder at its optimum spans the principal components") {
  const Tensor x = standardised(data::iris().features());
  manual_seed(1);
  const models::LinearAutoencoder model(4, 2, {.dtype = f64});
  optim::Adam optimizer(model.parameters(), {.lr = 0.02});
  for (int i = 0; i < 4000; ++i) {
    if (i > 2000) optimizer.set_lr(0.02 * std::pow(0.99, (i - 2000) / 2.0));
    optimizer.zero_grad();
    nn::mse_loss(model(x), x).backward();
    optimizer.step();
  }
  const NoGrad off;
  const auto p = models::pca(x, {.n_components = 2});
  // The decoder's columns, and the rows of the composed map, which is PCA's projection.
  CHECK(subspace_distance(transpose(model.decoder.weight), p.components) < 1e-6);
  CHECK(distance(matmul(model.decoder.weight, model.encoder.weight).value(),
                 matmul(transpose(p.components), p.components).value()) < 1e-6);
  CHECK(distance(model(x).value(), p.reconstruct(x).value()) < 1e-5);
  CHECK(nn::mse_loss(model(x), x).item() == Approx(nn::mse_loss(p.reconstruct(x), x).item()).epsilon(1e-9));
  CHECK(model.encode(x).shape() == Shape{150, 2});
  CHECK(distance(model.decode(model.encode(x)).value(), model(x).value()) == 0);
  CHECK_THROWS_WITH(model(ones({2, 3}, f64)), contains("encoder: "));
  CHECK(model.parameter("encoder.weight").shape() == Shape{2, 4});
}

TEST_CASE("pca and the decompositions reject invalid input") {
  const Tensor x = ones({4, 3}, f64);
  CHECK_THROWS_WITH(models::pca(ones({1, 3}, f64)), contains("n >= 2") && contains("[1, 3]"));
  CHECK_THROWS_AS(models::pca(ones({0, 3}, f64)), ShapeError);
  CHECK_THROWS_AS(models::pca(x.to(i64)), DTypeError);
  CHECK_THROWS_AS(models::pca(x, {.n_components = 4}), ValueError);
  const auto p = models::pca(random::normal({5, 3}, 0, 1, f64), {.n_components = 2});
  CHECK_THROWS_WITH(p.transform(ones({2}, f64)), contains("[.., 3]"));
  CHECK_THROWS_WITH(p.inverse_transform(ones({3}, f64)), contains("[.., 2]"));
  CHECK_THROWS_AS(models::truncated_svd(x, 0), ValueError);
  CHECK_THROWS_AS(models::truncated_svd(x, 4), ValueError);
  CHECK_THROWS_AS(models::randomized_svd(x[0], 1), ShapeError);
  CHECK_THROWS_AS(models::randomized_svd(x, 1, {.oversamples = -1}), ValueError);
  CHECK_THROWS_AS(models::randomized_svd(x.to(i64), 1), DTypeError);
}
