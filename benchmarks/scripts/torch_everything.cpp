// SPDX-License-Identifier: BSD-3-Clause
// A cross-section of all that there is, one number a line: the LibTorch twin of newtape_everything.cpp.
#include <torch/torch.h>

#include <cstdio>
#include <tuple>
#include <vector>

using torch::Tensor;

Tensor wave(torch::IntArrayRef shape, double phase) {
  const auto n = c10::multiply_integers(shape);
  return torch::sin(torch::arange(n, torch::kDouble) * 0.7 + phase).view(shape);
}

void print(const char* what, const Tensor& y) { std::printf("%-14s %.5f\n", what, y.sum().item().toDouble()); }

/// The value of a loss and the sum of its gradient in x.
template <class F>
void differentiate(const char* what, F loss, const Tensor& start) {
  const auto x = start.clone().requires_grad_();
  const auto y = loss(x);
  y.backward();
  std::printf("%-14s %.5f %.5f\n", what, y.item().toDouble(), x.grad().sum().item().toDouble());
}

void elementwise() {
  const auto x = wave({3, 4}, 0.3);
  const auto y = wave({4}, 1.1);
  differentiate(
      "arithmetic", [&](const Tensor& a) { return ((a + y) * (a - y) / (a * a + 2) - a.neg()).sum(); }, x);
  differentiate(
      "exponentials",
      [&](const Tensor& a) {
        return (torch::exp(a) + torch::expm1(a) + torch::log(a + 2) + torch::log1p(a * a) + torch::exp2(a) +
                torch::sqrt(a + 3) + torch::pow(a + 2, 1.5))
            .sum();
      },
      x);
  differentiate(
      "circles",
      [&](const Tensor& a) {
        return (torch::sin(a) * torch::cos(a) + torch::tan(a) + torch::atan(a) + torch::atan2(a, y) + torch::sinh(a) +
                torch::cosh(a) + torch::tanh(a) + torch::asinh(a))
            .sum();
      },
      x);
  differentiate(
      "activations",
      [&](const Tensor& a) {
        return (torch::relu(a) + torch::sigmoid(a) + torch::softplus(a) + torch::gelu(a) + torch::silu(a) +
                torch::elu(a) + torch::leaky_relu(a) + torch::erf(a) + torch::mish(a))
            .sum();
      },
      x);
  differentiate(
      "choices",
      [&](const Tensor& a) {
        return (torch::maximum(a, y) + torch::minimum(a, y) + torch::clip(a, -0.5, 0.5) + torch::abs(a) +
                torch::where(a > y, a, y))
            .sum();
      },
      x);
  print("rounding", torch::floor(x) + torch::ceil(x) + torch::round(x) + torch::sign(x));
  print("comparisons", ((x > y).logical_and(x <= 0.5)).to(torch::kDouble));
}

void reductions() {
  const auto x = wave({4, 5}, 0.2);
  differentiate(
      "sums", [](const Tensor& a) { return a.sum() + a.mean(0).prod() + a.mean(1, true).square().sum(); }, x);
  differentiate(
      "extremes", [](const Tensor& a) { return (a.amax(0) * a.amin(0)).sum(); }, x);
  differentiate(
      "spread", [](const Tensor& a) { return a.var(1).sum() + a.std(0).sum() + torch::norm(a); }, x);
  differentiate(
      "softmaxes",
      [&](const Tensor& a) {
        return (torch::softmax(a, -1) * x).sum() + torch::log_softmax(a, 0).sum() + torch::logsumexp(a, {-1}).sum();
      },
      x);
  differentiate(
      "scans", [&](const Tensor& a) { return (torch::cumsum(a, 1) * x).sum() + (torch::cumprod(a, 0) * x).sum(); }, x);
  differentiate(
      "sorted",
      [](const Tensor& a) {
        const auto weights = torch::arange(5, torch::kDouble);
        return (std::get<0>(torch::sort(a, 1)) * weights).sum() + std::get<0>(torch::topk(a, 2, 1)).sum();
      },
      x);
  print("arguments", torch::argmax(x, 1) + torch::argmin(x, 1));
}

void shapes() {
  const auto x = wave({2, 3, 4}, 0.1);
  differentiate(
      "views",
      [&](const Tensor& a) {
        const auto b = a.reshape({6, 4}).transpose(0, 1).unsqueeze(0).expand({2, 4, 6});
        return (b.permute({2, 0, 1}).slice(0, 1, 5, 2).select(1, 1) * 2).sum() + a.squeeze().flatten().sum();
      },
      x);
  differentiate(
      "joined",
      [](const Tensor& a) {
        const auto parts = a.split(2, 2);
        return (torch::cat({a, a * a}, 1).sum() + torch::stack({parts[0], parts[1]}).prod());
      },
      x);
  differentiate(
      "moved",
      [&](const Tensor& a) {
        return ((torch::flip(a, {2}) + torch::roll(a, {1}, {1})) * x).sum() +
               torch::constant_pad_nd(a, {1, 1}).square().sum() + a.repeat({1, 2, 1}).sum();
      },
      x);
  differentiate(
      "triangles",
      [](const Tensor& a) { return torch::tril(a).sum() + torch::triu(a, 1).sum() + a.diagonal(0, 1, 2).sum(); }, x);
  const auto indices = torch::tensor(std::vector<std::int64_t>{2, 0, 1, 2});
  differentiate(
      "picked",
      [&](const Tensor& a) {
        return a.index_select(1, indices).square().sum() + a[1].gather(0, indices.view({1, 4})).sum() +
               a.masked_select(a > 0).sum() + a.masked_fill(a < 0, 0).sum();
      },
      x);
}

void products() {
  const auto a = wave({3, 4}, 0.1);
  const auto b = wave({4, 2}, 0.5);
  differentiate(
      "matmul", [&](const Tensor& x) { return torch::matmul(x, b).square().sum(); }, a);
  differentiate(
      "linear", [&](const Tensor& x) { return torch::linear(x, b.t(), b[0]).square().sum(); }, a);
  differentiate(
      "batched", [&](const Tensor& x) { return torch::bmm(x, x.transpose(1, 2)).sum(); }, wave({2, 3, 4}, 1));
  differentiate(
      "einsum",
      [&](const Tensor& x) {
        return torch::einsum("ij,jk,ij->k", {x, b, a}).sum();
      },
      a);
  differentiate(
      "vectors", [&](const Tensor& x) { return torch::dot(x[0], x[1]) + torch::outer(x[0], x[1]).sum(); }, a);
}

void linear_algebra() {
  const auto x = wave({4, 4}, 0.4) + 4 * torch::eye(4, torch::kDouble);
  const auto b = wave({4, 2}, 0.9);
  differentiate(
      "solve", [&](const Tensor& a) { return torch::linalg_solve(a, b).sum(); }, x);
  differentiate(
      "inverses", [](const Tensor& a) { return (torch::linalg_inv(a) + torch::linalg_pinv(a)).sum(); }, x);
  differentiate(
      "determinants", [](const Tensor& a) { return torch::linalg_det(a) + torch::logdet(a); }, x);
  differentiate(
      "cholesky",
      [&](const Tensor& a) {
        const auto l = torch::linalg_cholesky(torch::matmul(a, a.t()));
        return l.sum() + torch::cholesky_solve(b, l).sum();
      },
      x);
  differentiate(
      "eigh",
      [](const Tensor& a) {
        const auto pair = torch::linalg_eigh(torch::matmul(a, a.t()));
        return std::get<0>(pair).sqrt().sum() + std::get<1>(pair).pow(4).sum();
      },
      x);
  differentiate(
      "svd",
      [](const Tensor& a) {
        const auto parts = torch::linalg_svd(a, false);
        return std::get<0>(parts).pow(4).sum() + std::get<1>(parts).sum() + std::get<2>(parts).pow(4).sum();
      },
      x);
  differentiate(
      "qr", [](const Tensor& a) { return std::get<1>(torch::linalg_qr(a)).square().triu(1).sum(); }, x);
  differentiate(
      "matrix_exp", [](const Tensor& a) { return torch::matrix_exp(0.1 * a).sum(); }, x);
}

void convolution() {
  namespace F = torch::nn::functional;
  const auto x = wave({2, 3, 8, 8}, 0.2);
  const auto w = wave({4, 3, 3, 3}, 0.6);
  differentiate(
      "conv2d",
      [&](const Tensor& a) { return F::conv2d(a, w, F::Conv2dFuncOptions().stride(2).padding(1)).square().sum(); }, x);
  differentiate(
      "pooling", [](const Tensor& a) { return torch::max_pool2d(a, 2).sum() + torch::avg_pool2d(a, 2).square().sum(); },
      x);
  differentiate(
      "interpolate",
      [](const Tensor& a) {
        return F::interpolate(a, F::InterpolateFuncOptions()
                                     .scale_factor(std::vector<double>{2, 2})
                                     .mode(torch::kBilinear)
                                     .align_corners(false))
            .square()
            .sum();
      },
      x);
  differentiate(
      "unfold", [](const Tensor& a) { return F::unfold(a, F::UnfoldFuncOptions(3)).square().sum(); }, x);
}

void higher_derivatives() {
  using torch::autograd::grad;
  const auto f = [](const Tensor& x) { return (torch::tanh(x) * x.square().sum()).sum(); };
  const auto x = wave({5}, 0.3).requires_grad_();
  const auto v = wave({5}, 0.8);
  const auto g = grad({f(x)}, {x}, {}, true, true)[0];
  print("gradient", g);
  print("hvp", grad({g}, {x}, {v}, true)[0]);
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < 5; ++i) rows.push_back(grad({g[i]}, {x}, {}, true)[0]);
  print("hessian", torch::stack(rows).square());
  const auto y = torch::sin(x) * x.sum();
  rows.clear();
  for (std::int64_t i = 0; i < 5; ++i) rows.push_back(grad({y[i]}, {x}, {}, true)[0]);
  print("jacobian", torch::stack(rows).square());
}

void training() {
  namespace nn = torch::nn;
  const auto x = wave({16, 8}, 0.1);
  const auto labels = torch::arange(16, torch::kLong).remainder(3);
  nn::Sequential model(nn::Linear(8, 16), nn::Tanh(), nn::Dropout(0), nn::Linear(16, 3));
  model->to(torch::kDouble);
  {
    const torch::NoGradGuard no_grad;
    double phase = 0;
    for (auto& p : model->parameters()) p.copy_(0.3 * wave(p.sizes(), phase += 0.5));
  }
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(1e-2));
  torch::optim::SGD sgd(model->parameters(), torch::optim::SGDOptions(1e-2).momentum(0.9));
  for (int i = 0; i < 20; ++i) {
    model->zero_grad(/*set_to_none=*/true);
    const auto y = model->forward(x);
    const auto loss =
        nn::functional::cross_entropy(y, labels) + 0.1 * nn::functional::mse_loss(y, torch::zeros_like(y));
    loss.backward();
    nn::utils::clip_grad_norm_(model->parameters(), 1.0);
    if (i % 2 == 0) {
      adam.step();
    } else {
      sgd.step();
    }
    if (i == 19) print("trained", loss);
  }
  model->eval();
  const torch::NoGradGuard no_grad;
  print("predicted", model->forward(x).argmax(1));
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
