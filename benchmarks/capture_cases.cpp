// SPDX-License-Identifier: BSD-3-Clause
// Steps of small and of large problems, as they are and captured.
#include "capture_cases.hpp"
#include "newtape/problems.hpp"

#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/fuse.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bench {

namespace {

/// A step, a function of constants, and the parameters that it changes.
template <class F>
struct Step {
  F f;
  std::vector<nt::Parameter> parameters = {};
};
template <class F>
Step(F) -> Step<F>;
template <class F>
Step(F, std::vector<nt::Parameter>) -> Step<F>;

/// A step, and one that is captured, on the same arguments.
template <std::size_t N, class F, class G>
Sides sides(const std::array<Tensor, N>& arguments, Step<F> eager, Step<G> captured) {
  constexpr nt::CaptureOptions options{.fallback = true};
  const auto x = std::make_shared<std::array<Tensor, N>>(arguments);
  const auto call = [f = captured.f](const auto&... a) -> Tensors { return f(a...); };
  using Captured = nt::Captured<std::remove_const_t<decltype(call)>>;
  const auto c = std::make_shared<Captured>(call, options);
  return {.eager = [x, f = eager.f] { return std::apply(f, *x); },
          .captured = [x, c] { return std::apply(*c, *x); },
          .vary = [x] { x->front() = 0.9 * x->front(); },
          .eager_state = Tensors(eager.parameters.begin(), eager.parameters.end()),
          .captured_state = Tensors(captured.parameters.begin(), captured.parameters.end()),
          .plan = [c] { return c->plan(); },
          .counts = [c] { return c->counts(); },
          .capture_anew =
              [x, call, options] {
                Captured anew(call, options);
                for (int i = 0; i < 2; ++i) std::apply(anew, *x);
              }};
}

template <class Optimizer, class Model, class Options, class Loss>
Sides training(const std::function<Model()>& make, const Options& options, const problems::Batch& batch, Loss loss) {
  const auto step = [&] {
    const Model model = make();
    const auto parameters = model.parameters();
    fill(parameters);
    const auto optimizer = std::make_shared<Optimizer>(parameters, options);
    return Step{[model, optimizer, loss](const Tensor& x, const Tensor& target) -> Tensors {
                  optimizer->zero_grad();
                  Tensor y = loss(model, x, target);
                  y.backward();
                  optimizer->step();
                  return {y};
                },
                parameters};
  };
  return sides(std::array{batch.x, batch.target}, step(), step());
}

constexpr auto squared_error = [](const auto& f, const Tensor& x, const Tensor& target) {
  return nt::nn::mse_loss(f(x), target);
};
constexpr auto cross_entropy = [](const auto& f, const Tensor& x, const Tensor& target) {
  return nt::nn::cross_entropy(f(x), target);
};

const nt::optim::AdamOptions adam{.lr = 1e-3};

Sides tiny_mlp() {
  return training<nt::optim::Adam, nt::nn::Sequential>(problems::tiny_mlp, adam, problems::tiny_mlp_batch(),
                                                       squared_error);
}
Sides mlp() {
  return training<nt::optim::Adam, nt::nn::Sequential>(problems::mlp, adam, problems::mlp_batch(), cross_entropy);
}
Sides cnn() {
  return training<nt::optim::SGD, nt::nn::Sequential>(problems::cnn, nt::optim::SGDOptions{.lr = 0.01},
                                                      problems::cnn_batch(), cross_entropy);
}
Sides transformer() {
  return training<nt::optim::Adam, nt::nn::TransformerEncoderLayer>(problems::transformer, adam,
                                                                    problems::transformer_batch(), squared_error);
}

Sides lstm() {
  using Model = problems::Recurrent<nt::nn::LSTM>;
  const problems::Batch batch{constant({20, 8, 32}, 1), array({8}, labels(8, 10, 2))};
  return training<nt::optim::Adam, Model>([] { return Model(32, 32); }, adam, batch, cross_entropy);
}

/// The residual of Poisson's equation, laplacian(u) = target, at 256 points of a plane.
template <class Laplacian>
Sides poisson(Laplacian laplacian) {
  const auto residual = [laplacian](const nt::nn::Sequential& model, const Tensor& x, const Tensor& target) {
    return nt::nn::mse_loss(laplacian(problems::pinn_value(model), x), target);
  };
  return training<nt::optim::Adam, nt::nn::Sequential>(problems::pinn, adam, problems::pinn_batch(), residual);
}

Sides pinn() {
  return poisson([](const nt::UnaryFunction& u, const Tensor& x) { return nt::laplacian(u, x); });
}

/// With gradients of the gradient's columns, as one writes it in PyTorch.
Sides pinn_grad() {
  return poisson([](const nt::UnaryFunction& u, const Tensor& x) {
    const auto first = nt::grad([&](const Tensor& at) { return nt::sum(u(at)); });
    const auto second = [&](std::int64_t axis) {
      const auto column = [&](const Tensor& at) { return nt::sum(nt::select(first(at), 1, axis)); };
      return nt::select(nt::grad(column)(x), 1, axis);
    };
    return second(0) + second(1);
  });
}

/// A function of the arguments, with its gradient.
template <class F>
auto gradient_step(F f) {
  return Step{[f](const auto&... x) -> Tensors {
    const std::array<Tensor, sizeof...(x)> xs{x...};
    auto [y, gradients] = nt::value_and_grad(
        [f](std::span<const Tensor> a) {
          return [&]<std::size_t... I>(std::index_sequence<I...>) { return f(a[I]...); }
          (std::index_sequence_for<decltype(x)...>());
        },
        xs);
    gradients.push_back(std::move(y));
    return std::move(gradients);
  }};
}

Sides small_chain() {
  const auto step = gradient_step([](const Tensor& x, const Tensor& y) { return problems::small_chain(x, y); });
  return sides(std::array{constant({16}, 1), constant({16}, 2)}, step, step);
}

const auto chain = gradient_step([](const Tensor& x) { return nt::sum(problems::elementwise_chain(x)); });
const auto fused_chain =
    gradient_step([](const Tensor& x) { return nt::sum(nt::fuse(problems::elementwise_chain, x)); });

Sides ew_chain() { return sides(std::array{constant({1024, 1024}, 1)}, chain, chain); }
Sides fuse_chain() { return sides(std::array{constant({1024, 1024}, 1)}, fused_chain, chain); }

Sides hvp() {
  const problems::Curvature f;
  std::array<Tensor, 12> x;
  std::copy_n(f.parameters.begin(), 6, x.begin());
  std::copy_n(f.vectors().begin(), 6, x.begin() + 6);
  const Step step{[f](const auto&... a) -> Tensors {
    const std::array<Tensor, 12> all{a...};
    const std::span<const Tensor> xs(all);
    return nt::hvp(f, xs.first(6), xs.last(6)).second;
  }};
  return sides(x, step, step);
}

/// A step of Levenberg-Marquardt on NIST's problem Thurber: 37 observations, 7 unknowns.
Sides lm_step() {
  static constexpr std::array<double, 37> density{
      -3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322, -1.501,
      -1.460, -1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545, -0.400, -0.309, -0.109, -0.103,
      0.010,  0.119,  0.377,  0.790,  0.963,  1.006,  1.115,  1.572,  1.841,  2.047,  2.200};
  static constexpr std::array<double, 37> mobility{
      80.574,   84.248,   87.264,   87.195,   89.076,   89.608,   89.868,   90.101,   92.405,   95.854,
      100.696,  101.060,  401.672,  390.724,  567.534,  635.316,  733.054,  759.087,  894.206,  990.785,
      1090.109, 1080.914, 1122.643, 1178.351, 1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509,
      1425.208, 1421.384, 1442.962, 1464.350, 1468.705, 1447.894, 1457.628};
  static constexpr std::array<double, 7> start{1000, 1000, 400, 40, 0.7, 0.3, 0.03};
  const auto step = [](const Tensor& b, const Tensor& damping, const Tensor& x, const Tensor& y) -> Tensors {
    const auto residuals = [&](const Tensor& at) {
      const auto p = [&](std::int64_t k) { return nt::select(at, 0, k); };
      return (p(0) + x * (p(1) + x * (p(2) + x * p(3)))) / (1.0 + x * (p(4) + x * (p(5) + x * p(6)))) - y;
    };
    const Tensor r = residuals(b);
    const Tensor j = nt::jacobian(nt::UnaryFunction(residuals), b);
    const Tensor jt = nt::transpose(j, 0, 1);
    const Tensor normal = nt::matmul(jt, j);
    const Tensor damped = normal + damping * nt::diag(nt::diagonal(normal));
    const Tensor move = nt::linalg::solve(damped, nt::matmul(jt, nt::reshape(r, {-1, 1})));
    return {b - nt::reshape(move, {-1}), 0.5 * nt::sum(r * r)};
  };
  const auto as_tensor = [](const auto& numbers) {
    return Tensor(
        array({static_cast<std::int64_t>(numbers.size())}, std::vector<double>(numbers.begin(), numbers.end())));
  };
  return sides(std::array{as_tensor(start), Tensor(array(nt::Shape{}, std::vector<double>{1e-3})), as_tensor(density),
                          as_tensor(mobility)},
               Step{step}, Step{step});
}

constexpr CaptureCase table[] = {
    {"tiny_mlp", 2.5, "a step of Adam on a 32-64-64-1 tanh network, batch 32", tiny_mlp, "tiny_mlp", 25},
    {"small_chain", 4, "100 operations on 16 elements, and their gradients", small_chain, "small_chain", 40},
    {"hvp", 2, "a Hessian-vector product of a 10-20-10-1 tanh network, 441 parameters, 256 samples, f64", hvp, "hvp"},
    {"pinn", 2.5, "a step of Adam on a 2-32-32-32-1 tanh network, loss of laplacian() at 256 points", pinn, "pinn", 20},
    {"pinn_grad", 2.5, "the same by grad() of grad(), one coordinate after the other", pinn_grad, "pinn", 20},
    {"lstm", 1.8, "a step of Adam on an LSTM of 32 units over 20 steps, batch 8", lstm},
    {"lm_step", 3, "a step of Levenberg-Marquardt on NIST's Thurber, f64, with its Jacobian", lm_step},
    {"ew_chain", 0, "sum(tanh(x/2)*x + sigmoid(x)*x - exp(-x*x)) of 1024x1024, and its gradient", ew_chain, "ew_chain"},
    {"fuse_chain", 1, "the same, eager through nt::fuse, captured without", fuse_chain},
    {"mlp", 1.1, "a step of Adam on a 784-512-512-10 relu network, batch 128", mlp, "mlp"},
    {"cnn", 1.1, "a step of SGD on two convolutions and two linear layers, 28x28, batch 64", cnn, "cnn"},
    {"transformer", 1.05, "a step of Adam on an encoder layer, 256 features, 128x8x256", transformer, "transformer"},
};

}  // namespace

std::span<const CaptureCase> capture_cases() { return table; }

}  // namespace bench
