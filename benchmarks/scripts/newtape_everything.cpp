// SPDX-License-Identifier: BSD-3-Clause
// A cross-section of all that there is, one number a line: the twin of torch_everything.cpp.
#include <newtape/newtape.hpp>

#include <cstdio>
#include <vector>

namespace nt = newtape;
using nt::Tensor;

Tensor wave(const nt::Shape& shape, double phase) {
  return nt::reshape(nt::sin(nt::arange(nt::element_count(shape), nt::f64) * 0.7 + phase), shape);
}

void print(const char* what, const Tensor& y) { std::printf("%-14s %.5f\n", what, nt::sum(y).item()); }

/// The value of a loss and the sum of its gradient in x.
template <class F>
void differentiate(const char* what, F loss, const Tensor& start) {
  const auto x = nt::variable(start);
  const auto y = loss(x);
  y.backward();
  std::printf("%-14s %.5f %.5f\n", what, y.item(), nt::sum(x.grad()).item());
}

void elementwise() {
  const auto x = wave({3, 4}, 0.3);
  const auto y = wave({4}, 1.1);
  differentiate(
      "arithmetic", [&](const Tensor& a) { return nt::sum((a + y) * (a - y) / (a * a + 2) - -a); }, x);
  differentiate(
      "exponentials",
      [&](const Tensor& a) {
        return nt::sum(nt::exp(a) + nt::expm1(a) + nt::log(a + 2) + nt::log1p(a * a) + nt::exp2(a) + nt::sqrt(a + 3) +
                       nt::pow(a + 2, 1.5));
      },
      x);
  differentiate(
      "circles",
      [&](const Tensor& a) {
        return nt::sum(nt::sin(a) * nt::cos(a) + nt::tan(a) + nt::atan(a) + nt::atan2(a, y) + nt::sinh(a) +
                       nt::cosh(a) + nt::tanh(a) + nt::asinh(a));
      },
      x);
  differentiate(
      "activations",
      [&](const Tensor& a) {
        return nt::sum(nt::relu(a) + nt::sigmoid(a) + nt::softplus(a) + nt::gelu(a) + nt::silu(a) + nt::elu(a) +
                       nt::leaky_relu(a) + nt::erf(a) + nt::mish(a));
      },
      x);
  differentiate(
      "choices",
      [&](const Tensor& a) {
        return nt::sum(nt::maximum(a, y) + nt::minimum(a, y) + nt::clip(a, -0.5, 0.5) + nt::abs(a) +
                       nt::where(a > y, a, y));
      },
      x);
  print("rounding", nt::floor(x) + nt::ceil(x) + nt::round(x) + nt::sign(x));
  print("comparisons", ((x > y) & (x <= 0.5)).to(nt::f64));
}

void reductions() {
  const auto x = wave({4, 5}, 0.2);
  differentiate(
      "sums",
      [](const Tensor& a) { return nt::sum(a) + nt::prod(nt::mean(a, 0)) + nt::sum(nt::square(nt::mean(a, 1, true))); },
      x);
  differentiate(
      "extremes", [](const Tensor& a) { return nt::sum(nt::amax(a, 0) * nt::amin(a, 0)); }, x);
  differentiate(
      "spread", [](const Tensor& a) { return nt::sum(nt::var(a, 1)) + nt::sum(nt::std(a, 0)) + nt::norm(a); }, x);
  differentiate(
      "softmaxes",
      [&](const Tensor& a) {
        return nt::sum(nt::softmax(a) * x) + nt::sum(nt::log_softmax(a, 0)) + nt::sum(nt::logsumexp(a));
      },
      x);
  differentiate(
      "scans", [&](const Tensor& a) { return nt::sum(nt::cumsum(a, 1) * x) + nt::sum(nt::cumprod(a, 0) * x); }, x);
  differentiate(
      "sorted",
      [](const Tensor& a) {
        const auto weights = nt::arange(5, nt::f64);
        return nt::sum(nt::sort(a, 1).values * weights) + nt::sum(nt::topk(a, 2, 1).values);
      },
      x);
  print("arguments", (nt::argmax(x, 1) + nt::argmin(x, 1)).to(nt::f64));
}

void shapes() {
  const auto x = wave({2, 3, 4}, 0.1);
  differentiate(
      "views",
      [&](const Tensor& a) {
        const auto b = nt::expand(nt::unsqueeze(nt::transpose(nt::reshape(a, {6, 4})), 0), {2, 4, 6});
        return nt::sum(nt::select(nt::slice(nt::permute(b, {2, 0, 1}), 0, 1, 5, 2), 1, 1) * 2) +
               nt::sum(nt::flatten(nt::squeeze(a)));
      },
      x);
  differentiate(
      "joined",
      [](const Tensor& a) {
        const auto parts = nt::split(a, 2, 2);
        return nt::sum(nt::concatenate({a, a * a}, 1)) + nt::prod(nt::stack({parts[0], parts[1]}));
      },
      x);
  differentiate(
      "moved",
      [&](const Tensor& a) {
        return nt::sum((nt::flip(a, 2) + nt::roll(a, 1, 1)) * x) + nt::sum(nt::square(nt::pad(a, {{1, 1}}))) +
               nt::sum(nt::tile(a, {1, 2, 1}));
      },
      x);
  differentiate(
      "triangles",
      [](const Tensor& a) {
        return nt::sum(nt::tril(a)) + nt::sum(nt::triu(a, 1)) + nt::sum(nt::diagonal(a, 0, 1, 2));
      },
      x);
  const auto indices = nt::tensor({2, 0, 1, 2}, nt::i64);
  differentiate(
      "picked",
      [&](const Tensor& a) {
        return nt::sum(nt::square(nt::index_select(a, 1, indices))) +
               nt::sum(nt::gather(a[1], 0, nt::reshape(indices, {1, 4}))) + nt::sum(nt::masked_select(a, a > 0)) +
               nt::sum(nt::masked_fill(a, a < 0, 0));
      },
      x);
}

void products() {
  const auto a = wave({3, 4}, 0.1);
  const auto b = wave({4, 2}, 0.5);
  differentiate(
      "matmul", [&](const Tensor& x) { return nt::sum(nt::square(nt::matmul(x, b))); }, a);
  differentiate(
      "linear", [&](const Tensor& x) { return nt::sum(nt::square(nt::linear(x, nt::transpose(b), b[0]))); }, a);
  differentiate(
      "batched", [&](const Tensor& x) { return nt::sum(nt::matmul(x, nt::transpose(x))); }, wave({2, 3, 4}, 1));
  differentiate(
      "einsum",
      [&](const Tensor& x) {
        return nt::sum(nt::einsum("ij,jk,ij->k", {x, b, a}));
      },
      a);
  differentiate(
      "vectors", [&](const Tensor& x) { return nt::dot(x[0], x[1]) + nt::sum(nt::outer(x[0], x[1])); }, a);
}

void linear_algebra() {
  namespace linalg = nt::linalg;
  const auto x = wave({4, 4}, 0.4) + 4 * nt::eye(4, nt::f64);
  const auto b = wave({4, 2}, 0.9);
  differentiate(
      "solve", [&](const Tensor& a) { return nt::sum(linalg::solve(a, b)); }, x);
  differentiate(
      "inverses", [](const Tensor& a) { return nt::sum(linalg::inv(a) + linalg::pinv(a)); }, x);
  differentiate(
      "determinants", [](const Tensor& a) { return linalg::det(a) + linalg::logdet(a); }, x);
  differentiate(
      "cholesky",
      [&](const Tensor& a) {
        const auto l = linalg::cholesky(nt::matmul(a, nt::transpose(a)));
        return nt::sum(l) + nt::sum(linalg::cholesky_solve(b, l));
      },
      x);
  differentiate(
      "eigh",
      [](const Tensor& a) {
        const auto [values, vectors] = linalg::eigh(nt::matmul(a, nt::transpose(a)));
        return nt::sum(nt::sqrt(values)) + nt::sum(nt::pow(vectors, 4));
      },
      x);
  differentiate(
      "svd",
      [](const Tensor& a) {
        const auto [u, s, vh] = linalg::svd(a);
        return nt::sum(nt::pow(u, 4)) + nt::sum(s) + nt::sum(nt::pow(vh, 4));
      },
      x);
  differentiate(
      "qr", [](const Tensor& a) { return nt::sum(nt::triu(nt::square(linalg::qr(a).r), 1)); }, x);
  differentiate(
      "matrix_exp", [](const Tensor& a) { return nt::sum(linalg::matrix_exp(0.1 * a)); }, x);
}

void convolution() {
  const auto x = wave({2, 3, 8, 8}, 0.2);
  const auto w = wave({4, 3, 3, 3}, 0.6);
  differentiate(
      "conv2d", [&](const Tensor& a) { return nt::sum(nt::square(nt::conv2d(a, w, {.stride = 2, .padding = 1}))); }, x);
  differentiate(
      "pooling",
      [](const Tensor& a) { return nt::sum(nt::max_pool2d(a, 2)) + nt::sum(nt::square(nt::avg_pool2d(a, 2))); }, x);
  differentiate(
      "interpolate",
      [](const Tensor& a) {
        return nt::sum(nt::square(nt::interpolate(a, {.scale_factor = {2}, .mode = nt::InterpolateMode::bilinear})));
      },
      x);
  differentiate(
      "unfold",
      [](const Tensor& a) {
        return nt::sum(nt::square(nt::unfold(a, {3, 3})));
      },
      x);
}

void higher_derivatives() {
  const auto f = [](const Tensor& x) { return nt::sum(nt::tanh(x) * nt::sum(nt::square(x))); };
  const auto x = wave({5}, 0.3);
  print("gradient", nt::grad(f)(x));
  print("hvp", nt::hvp(f, x, wave({5}, 0.8)).second);
  print("hessian", nt::square(nt::hessian(f, x)));
  print("jacobian", nt::square(nt::jacobian([](const Tensor& t) { return nt::sin(t) * nt::sum(t); }, x)));
}

void training() {
  namespace nn = nt::nn;
  const auto x = wave({16, 8}, 0.1);
  const auto labels = nt::remainder(nt::arange(16), 3);
  const nn::Sequential model(nn::Linear(8, 16), nn::Tanh(), nn::Dropout(0), nn::Linear(16, 3));
  model.to(nt::f64);
  const auto parameters = model.parameters();
  double phase = 0;
  for (const auto& p : parameters) p.set_value((0.3 * wave(p.shape(), phase += 0.5)).value());
  nt::optim::Adam adam(parameters, {.lr = 1e-2});
  nt::optim::SGD sgd(parameters, {.lr = 1e-2, .momentum = 0.9});
  for (int i = 0; i < 20; ++i) {
    model.zero_grad();
    const auto y = model(x);
    const auto loss = nn::cross_entropy(y, labels) + 0.1 * nn::mse_loss(y, nt::zeros_like(y));
    loss.backward();
    nt::optim::clip_grad_norm(parameters, 1.0);
    if (i % 2 == 0) {
      adam.step();
    } else {
      sgd.step();
    }
    if (i == 19) print("trained", loss);
  }
  model.eval();
  print("predicted", nt::argmax(model(x), 1).to(nt::f64));
}

int main() {
  elementwise();
  reductions();
  shapes();
  products();
  linear_algebra();
  convolution();
  higher_derivatives();
  training();
}
