// SPDX-License-Identifier: BSD-3-Clause
// Curvature operators against the matrices that autograd and optim form.
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>
#include <newtape/inspect/spectra/operators.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LossSurface;
using Batch = newtape::data::Batch;

namespace {

/// A small classifier with its data.
struct SurfaceProblem {
  explicit SurfaceProblem(nt::DType dtype = nt::f64)
      : x(normal<nt::Array>({12, 4}, 21, dtype)), model(nn::Linear(4, 5), nn::Tanh(), nn::Linear(5, 3)) {
    nt::Generator g(22);
    y = nt::random::integers({12}, 0, 3, g);
    model.to(dtype);
  }
  nt::Array x, y;
  nn::Sequential model;

  std::function<nt::Tensor()> outputs() const {
    return [this] { return model(x); };
  }
  nt::UnaryFunction loss_of_outputs() const {
    return [this](const nt::Tensor& z) { return nn::cross_entropy(z, y); };
  }
  std::function<nt::Tensor()> losses() const {
    return [this] { return nn::cross_entropy(model(x), y, {.reduction = nn::Reduction::none}); };
  }
  nt::Function of_values() const { return nn::function_of(model, outputs()); }
  std::vector<nt::Tensor> values() const { return nn::values_of(model); }
  nt::Array hessian() const {
    const nt::NoGrad off;
    return nt::hessian_matrix(nn::function_of(model, [this] { return nn::cross_entropy(model(x), y); }), values())
        .value();
  }
};

/// Two evaluations of the same sums of a few dozen terms of order 1, in other orders.
double two_orders(nt::DType dtype) { return bounds::gamma(2000, dtype); }

}  // namespace

TEST_CASE("curvature operators have the elements of the dense matrices") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const SurfaceProblem p(dtype);
    const auto xs = p.values();
    const LossSurface surface(p.model, p.outputs(), p.loss_of_outputs());
    CHECK(surface.size() == 4 * 5 + 5 + 5 * 3 + 3);
    CHECK(distance(inspect::hessian_operator(surface).matrix(), p.hessian()) <= two_orders(dtype));
    const LossSurface losses(p.model, p.losses());
    CHECK(distance(inspect::hessian_operator(losses).matrix(), p.hessian()) <= two_orders(dtype));
    CHECK(distance(inspect::gauss_newton_operator(surface).matrix(),
                   newtape::optim::fisher(p.of_values(), p.loss_of_outputs(), xs).value()) <= two_orders(dtype));
    const nt::Array empirical = newtape::optim::empirical_fisher(nn::function_of(p.model, p.losses()), xs).value();
    CHECK(distance(inspect::empirical_fisher_operator(losses).matrix(), empirical) <= two_orders(dtype));
  }
}

TEST_CASE("extreme eigenvalues and spectrum of a Hessian agree with the dense ones") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const SurfaceProblem p(dtype);
    const LossSurface surface(p.model, p.losses());
    const nt::Array w = core::cast(core::eigh(p.hessian(), false).w, nt::f64);
    const auto n = w.size();
    const auto e = inspect::extreme_eigenvalues(inspect::hessian_operator(surface), {.largest = 2, .smallest = 2});
    CHECK(e.converged);
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto k = static_cast<std::size_t>(i);
      const double high = core::select(w, 0, n - 1 - i).item();
      const double low = core::select(w, 0, i).item();
      CHECK(std::abs(e.largest.values[k] - high) <= e.largest.residuals[k] + two_orders(dtype));
      CHECK(std::abs(e.smallest.values[k] - low) <= e.smallest.residuals[k] + two_orders(dtype));
    }
    const std::int64_t probes = 40;
    const auto s = inspect::spectrum(surface, {.probes = probes});
    const double mean = core::mean(w).item();
    const double squares = core::mean(core::square(w)).item();
    const double deviation = std::sqrt(2 * (squares - mean * mean) / static_cast<double>(n + 2));
    CHECK(std::abs(s.moment(1).value - mean) <= bounds::mean_of(probes, deviation) + two_orders(dtype));
  }
}

TEST_CASE("the sampled Fisher matrix is the Gauss-Newton matrix in expectation") {
  const SurfaceProblem p;
  const nt::Array target = normal<nt::Array>({12, 3}, 6);
  const LossSurface classes(p.model, p.outputs(), p.loss_of_outputs());
  const LossSurface squares(p.model, p.outputs(), [&](const nt::Tensor& z) { return nn::mse_loss(z, target); });
  const auto u = normal<nt::Array>({classes.size()}, 5);
  for (const bool categorical : {true, false}) {
    const LossSurface& surface = categorical ? classes : squares;
    const auto likelihood =
        categorical ? newtape::optim::Likelihood::categorical : newtape::optim::Likelihood::independent;
    std::vector<nt::Array> drawn;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      const auto f = inspect::sampled_fisher_operator(surface, {.likelihood = likelihood, .samples = 2, .seed = seed});
      drawn.push_back(f(u));
      // The same draws in every product.
      if (seed == 0) CHECK(same_bits(f(u), drawn[0]));
    }
    const nt::Array all = core::stack(drawn);
    const nt::Array error = core::mean(all, 0) - inspect::gauss_newton_operator(surface)(u);
    const nt::Array deviation = core::stddev(all, 0);
    for (std::int64_t i = 0; i < error.size(); ++i) {
      const double spread = core::select(deviation, 0, i).item();
      CHECK(std::abs(core::select(error, 0, i).item()) <= bounds::mean_of(400, spread) + two_orders(nt::f64));
    }
    CHECK(core::max(deviation).item() > 0);
  }
}

TEST_CASE("a loader's batches are averaged by their numbers of samples") {
  const SurfaceProblem p;
  const newtape::data::Dataset set{p.x, p.y};
  const newtape::data::Loader loader(set, {.batch_size = 5, .shuffle = true});  // 5, 5 and 2 samples
  const auto on_batch = [&](const Batch& b) { return nn::cross_entropy(p.model(b[0]), b[1]); };
  const auto outputs = [&](const Batch& b) { return p.model(b[0]); };
  const auto loss = [](const nt::Tensor& z, const Batch& b) { return nn::cross_entropy(z, b[1]); };
  const LossSurface whole(p.model, p.outputs(), p.loss_of_outputs());
  const LossSurface batches(p.model, loader, on_batch);
  const LossSurface two(p.model, loader, outputs, loss);
  CHECK(batches.loss() == Approx(whole.loss()).epsilon(two_orders(nt::f64)));
  CHECK(distance(batches.loss_and_gradient().second, whole.loss_and_gradient().second) <= two_orders(nt::f64));
  CHECK(distance(inspect::hessian_operator(batches).matrix(), p.hessian()) <= two_orders(nt::f64));
  CHECK(distance(inspect::gauss_newton_operator(two).matrix(), inspect::gauss_newton_operator(whole).matrix()) <=
        two_orders(nt::f64));
  const LossSurface losses(p.model, loader, [&](const Batch& b) {
    return nn::cross_entropy(p.model(b[0]), b[1], {.reduction = nn::Reduction::none});
  });
  CHECK(distance(inspect::empirical_fisher_operator(losses).matrix(),
                 inspect::empirical_fisher_operator(LossSurface(p.model, p.losses())).matrix()) <= two_orders(nt::f64));

  // The first batch alone, drawn as the loader draws it.
  newtape::data::Loader copy = loader;
  const Batch first = *copy.begin();
  const LossSurface one(p.model, loader, on_batch, {.max_batches = 1});
  CHECK(one.loss() == Approx(nn::cross_entropy(p.model(first[0]), first[1]).item()).epsilon(two_orders(nt::f64)));
}

TEST_CASE("a block of parameters has a diagonal block of the Hessian") {
  const SurfaceProblem p;
  const LossSurface surface(p.model, p.losses());
  REQUIRE(surface.blocks() == std::vector<std::string>{"0", "2"});
  const nt::Array h = p.hessian();
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return core::contiguous(core::slice(core::slice(h, 0, from, to), 1, from, to));
  };
  CHECK(distance(inspect::hessian_operator(surface.block("0")).matrix(), part(0, 25)) <= two_orders(nt::f64));
  CHECK(distance(inspect::hessian_operator(surface.block("2.weight")).matrix(), part(25, 40)) <= two_orders(nt::f64));
  CHECK_THROWS_WITH(surface.block("1"), contains("0.weight"));

  // Frozen parameters are constants.
  p.model.parameter("0.weight").requires_grad(false);
  const LossSurface rest(p.model, p.losses());
  CHECK(rest.size() == surface.size() - 20);
  CHECK(distance(inspect::hessian_operator(rest).matrix(), part(20, 43)) <= two_orders(nt::f64));
}

TEST_CASE("shared parameters count once") {
  const nn::Linear layer(3, 3, {.dtype = nt::f64});
  const nn::Sequential model(layer, nn::Tanh(), layer);
  const nt::Array x = normal<nt::Array>({5, 3}, 8);
  const auto loss = [&] { return nt::mean(nt::square(model(x))); };
  const LossSurface surface(model, loss);
  CHECK(surface.size() == 12);
  const nt::NoGrad off;
  const nt::Array dense = nt::hessian_matrix(nn::function_of(model, loss), nn::values_of(model)).value();
  CHECK(distance(inspect::hessian_operator(surface).matrix(), dense) <= two_orders(nt::f64));
}

TEST_CASE("looking changes neither parameters, buffers nor the generator") {
  const nt::Array x = normal<nt::Array>({8, 3}, 1, nt::f32);
  const nt::Array y = normal<nt::Array>({8, 1}, 2, nt::f32);
  const nn::Sequential model(nn::Linear(3, 6), nn::BatchNorm1d(6), nn::Dropout(0.5), nn::Linear(6, 1));
  const newtape::data::Loader loader(newtape::data::Dataset{x, y}, {.batch_size = 4});
  const LossSurface surface(model, loader, [&](const Batch& b) { return nn::mse_loss(model(b[0]), b[1]); });
  const auto before = model.state_dict();
  const auto position = nt::default_generator().position();
  const auto h = inspect::hessian_operator(surface);
  const auto v = normal<nt::Array>({surface.size()}, 3, nt::f32);
  // The same dropout masks every time.
  CHECK(same_bits(h(v), h(v)));
  CHECK(surface.loss() == surface.loss());
  const LossSurface failing(model, [&]() -> nt::Tensor {
    model(x);
    throw nt::NumericalError("no loss");
  });
  CHECK_THROWS_AS(failing.loss(), nt::NumericalError);
  const auto after = model.state_dict();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(same_bits(before[i].second, after[i].second));
  CHECK(nt::default_generator().position() == position);
  for (const auto& q : model.parameters()) CHECK_FALSE(q.grad().defined());
}

TEST_CASE("functions of one tensor have operators, too") {
  const nt::Tensor x = normal({2, 3}, 4);
  const auto f = [](const nt::Tensor& t) { return nt::sum(t * t * t); };
  // The Hessian of sum x^3 is diag(6 x).
  const nt::Array h = inspect::hessian_operator(f, x).matrix();
  CHECK(distance(core::diagonal(h), core::reshape(6.0 * x.value(), {6})) <= bounds::gamma(10, nt::f64));
  const auto j = inspect::jacobian_operator([](const nt::Tensor& t) { return nt::sum(t * t, 0); }, x);
  CHECK(j.rows() == 3);
  CHECK(j.columns() == 6);
  const nt::Tensor dense = nt::jacobian([](const nt::Tensor& t) { return nt::sum(t * t, 0); }, x);
  CHECK(distance(j.matrix(), core::reshape(dense.value(), {3, 6})) <= bounds::gamma(4, nt::f64));
  const auto u = normal<nt::Array>({3}, 5);
  CHECK(distance(j.adjoint(u), core::reshape(core::matmul(core::reshape(u, {1, 3}), j.matrix()), {6})) <=
        bounds::gamma(10, nt::f64) * 20);
}

TEST_CASE("loss surfaces reject what they cannot use") {
  const SurfaceProblem p;
  CHECK_THROWS_AS(LossSurface(std::vector<nt::Parameter>{}, p.losses()), nt::ValueError);
  const std::vector<nt::Parameter> mixed{nt::Parameter(nt::zeros({2}, nt::f32)),
                                         nt::Parameter(nt::zeros({2}, nt::f64))};
  CHECK_THROWS_AS(LossSurface(mixed, p.losses()), nt::DTypeError);
  const newtape::data::Loader loader(newtape::data::Dataset{p.x, p.y}, {});
  const auto none = [](const Batch&) { return nt::Tensor(); };
  CHECK_THROWS_AS(LossSurface(p.model, loader, none, {.max_batches = -1}), nt::ValueError);
  CHECK_THROWS_AS(LossSurface(p.model, loader, none).loss(), nt::ValueError);
  CHECK_THROWS_AS(inspect::gauss_newton_operator(LossSurface(p.model, p.losses())), nt::ValueError);
  CHECK_THROWS_AS(inspect::sampled_fisher_operator(LossSurface(p.model, p.losses())), nt::ValueError);
  const LossSurface mean(p.model, p.outputs(), p.loss_of_outputs());
  CHECK_THROWS_AS(inspect::empirical_fisher_operator(mean), nt::ShapeError);
}
