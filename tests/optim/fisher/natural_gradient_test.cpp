// SPDX-License-Identifier: BSD-3-Clause
// Natural gradients by conjugate gradients, against dense solves.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/reduction.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/natural_gradient.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {

struct NaturalGradientProblem {
  nt::Generator random{4};
  nt::Tensor x = nt::random::normal({10, 4}, 0, 1, nt::f64, random);
  nt::Tensor labels = nt::random::integers({10}, 0, 3, random);
  nn::Sequential model{nn::Linear(4, 3, {.dtype = nt::f64}), nt::tanh, nn::Linear(3, 3, {.dtype = nt::f64})};
  std::vector<nt::Parameter> params = model.parameters();

  std::function<nt::Tensor()> outputs() const {
    return [this] { return model(x); };
  }
  nt::UnaryFunction loss(nn::Reduction reduction = nn::Reduction::mean) const {
    return [this, reduction](const nt::Tensor& y) { return nn::cross_entropy(y, labels, {.reduction = reduction}); };
  }
  nt::Tensor vector() const { return nt::parameters_to_vector(nt::values_of(params)); }
  nt::Tensor gradient() const {
    const std::vector<nt::Tensor> xs(params.begin(), params.end());
    return nt::parameters_to_vector(nt::grad(loss()(model(x)), xs));
  }
  /// (f + damping)^-1 gradient
  nt::Tensor solved(const nt::Tensor& f, double damping) const {
    return nt::linalg::solve(f + damping * nt::eye(f.shape()[0], nt::f64), gradient());
  }
};

const optim::NaturalGradientOptions tight{.lr = 0.5, .damping = 0.02, .cg_iterations = 500, .cg_tolerance = 1e-13};

}  // namespace

TEST_CASE("NaturalGradient: a step solves with the damped Fisher matrix") {
  const NaturalGradientProblem p;
  const nt::Tensor f = optim::fisher(nt::function_of(p.params, p.outputs()), p.loss(), nt::values_of(p.params));
  const nt::Tensor d = p.solved(f, 0.02);
  const nt::Tensor gradient = p.gradient();
  const nt::Tensor before = p.vector();
  const double loss = p.loss()(p.model(p.x)).item();
  optim::NaturalGradient optimizer(p.params, tight);
  CHECK(optimizer.step(p.outputs(), p.loss()).item() == Approx(loss).epsilon(1e-14));
  CHECK(distance(p.vector().value(), (before - 0.5 * d).value()) < 1e-10);
  std::vector<nt::Tensor> left;
  for (const auto& one : p.params) left.push_back(one.grad());
  CHECK(distance(nt::parameters_to_vector(left).value(), gradient.detach().value()) < 1e-14);
}

TEST_CASE("NaturalGradient: with the empirical Fisher matrix, from the samples' losses") {
  const NaturalGradientProblem p;
  const nt::Function losses = nt::function_of(p.params, [&] { return p.loss(nn::Reduction::none)(p.model(p.x)); });
  const nt::Tensor d = p.solved(optim::empirical_fisher(losses, nt::values_of(p.params)), 0.02);
  const nt::Tensor before = p.vector();
  auto options = tight;
  options.empirical = true;
  optim::NaturalGradient optimizer(p.params, options);
  optimizer.step(p.outputs(), p.loss(nn::Reduction::none));
  CHECK(distance(p.vector().value(), (before - 0.5 * d).value()) < 1e-10);
  CHECK_THROWS_AS(optimizer.step(p.outputs(), p.loss()), nt::ShapeError);
}

TEST_CASE("NaturalGradient: steps stay within the trust region of KL, and decay weights") {
  const NaturalGradientProblem p;
  const nt::Tensor f = optim::fisher(nt::function_of(p.params, p.outputs()), p.loss(), nt::values_of(p.params));
  const nt::Tensor d = p.solved(f, 0.02);
  const nt::Tensor before = p.vector();
  const nt::Tensor prediction = nt::softmax(p.model(p.x)).detach();
  auto options = tight;
  options.max_kl = 1e-5;
  options.weight_decay = 0.1;
  optim::NaturalGradient optimizer(p.params, options);
  optimizer.step(p.outputs(), p.loss());
  const nt::Tensor step = before * (1 - 0.5 * 0.1) - p.vector();
  CHECK(nt::vdot(step, nt::matmul(f, step)).item() / 2 == Approx(1e-5).epsilon(1e-8));
  CHECK(nt::vdot(step, d).item() == Approx(std::sqrt(nt::vdot(step, step).item() * nt::vdot(d, d).item())));

  // The divergence itself agrees with its second-order approximation.
  options.weight_decay = 0;
  const NaturalGradientProblem other;
  optim::NaturalGradient plain(other.params, options);
  const nt::Tensor old = nt::softmax(other.model(other.x)).detach();
  plain.step(other.outputs(), other.loss());
  const nt::Tensor now = nt::softmax(other.model(other.x)).detach();
  CHECK(nt::mean(nt::sum(old * nt::log(old / now), 1)).item() == Approx(1e-5).epsilon(0.02));
}

TEST_CASE("NaturalGradient: the trust region of KL is that of the step, with a learning rate for each group") {
  auto fast = tight;
  fast.max_kl = 1e-5;
  auto slow = fast;
  slow.lr = 0.01;
  for (const bool swapped : {false, true}) {
    const NaturalGradientProblem q;
    const nt::Tensor f = optim::fisher(nt::function_of(q.params, q.outputs()), q.loss(), nt::values_of(q.params));
    const nt::Tensor before = q.vector();
    optim::NaturalGradient optimizer(
        {{{q.params[0], q.params[1]}, swapped ? slow : fast}, {{q.params[2], q.params[3]}, swapped ? fast : slow}});
    optimizer.step(q.outputs(), q.loss());
    const nt::Tensor step = before - q.vector();
    CHECK(nt::vdot(step, nt::matmul(f, step)).item() / 2 == Approx(1e-5).epsilon(1e-8));
  }
}

TEST_CASE("NaturalGradient: least squares in one step") {
  const NaturalGradientProblem p;
  const nn::Linear layer(4, 1, {.dtype = nt::f64});
  const nt::Tensor y = nt::random::normal({10, 1}, 0, 1, nt::f64);
  optim::NaturalGradient optimizer(layer.parameters(), {.damping = 0, .cg_tolerance = 1e-13});
  const auto loss = [&](const nt::Tensor& t) { return nn::mse_loss(t, y); };
  optimizer.step([&] { return layer(p.x); }, loss);
  const auto g = nt::grad(loss(layer(p.x)), {layer.weight, layer.bias});
  CHECK(nt::max(nt::abs(g[0])).item() < 1e-12);
  CHECK(nt::max(nt::abs(g[1])).item() < 1e-12);
}

TEST_CASE("NaturalGradient: states, frozen parameters, f32, errors") {
  const NaturalGradientProblem p;
  const auto frozen = nt::core::copy(p.params[0].value());
  p.params[0].requires_grad(false);
  // So close to the start the quadratic model of the divergence holds, and a step along a descent direction descends.
  optim::NaturalGradient optimizer(p.params, {.lr = 0.3, .max_kl = 1e-5});
  const double first = optimizer.step(p.outputs(), p.loss()).item();
  CHECK(optimizer.step(p.outputs(), p.loss()).item() < first);
  CHECK(identical(p.params[0].value(), frozen));

  // The optimizer has no state besides the parameters.
  const NaturalGradientProblem q;
  q.params[0].requires_grad(false);
  for (std::size_t i = 0; i < p.params.size(); ++i) q.params[i].set_value(nt::core::copy(p.params[i].value()));
  optim::NaturalGradient resumed(q.params, {.lr = 0.9});
  resumed.load_state_dict(optimizer.state_dict());
  optimizer.step(p.outputs(), p.loss());
  resumed.step(q.outputs(), q.loss());
  CHECK(identical(p.vector().value(), q.vector().value()));

  const nn::Linear narrow(4, 3);
  optim::NaturalGradient of_f32(narrow.parameters(), {.lr = 0.5});
  const nt::Tensor x = p.x.to(nt::f32);
  const double start = of_f32.step([&] { return narrow(x); }, p.loss()).item();
  CHECK(of_f32.step([&] { return narrow(x); }, p.loss()).item() < start);

  const auto before = p.vector();
  CHECK_THROWS_WITH(optimizer.step(), contains("step(outputs, loss)"));
  CHECK_THROWS_AS(optimizer.step([&] { return p.model(p.x * INFINITY); }, p.loss()), nt::NumericalError);
  CHECK(identical(p.vector().value(), before.value()));
  for (const auto& one : p.params) one.requires_grad(false);
  CHECK(optimizer.step(p.outputs(), p.loss()).item() == Approx(p.loss()(p.model(p.x)).item()));
  CHECK_THROWS_WITH(optim::NaturalGradient(p.params, {.cg_iterations = 0}), contains("cg_iterations"));
}
