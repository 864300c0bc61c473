// SPDX-License-Identifier: BSD-3-Clause
// LibTorch's side of the benchmarks; newtape_worker.cpp is the other. Both do the same work on the same numbers, each
// written as its library's users would write it when they care for speed.
#include "worker.hpp"

#include <torch/torch.h>
#include <torch/version.h>

#include <memory>

namespace {

using bench::Fingerprint;
using bench::Workload;
using torch::Tensor;

void fill(Tensor& to, std::uint64_t stream, float scale = 1) {
  const auto values = bench::numbers(static_cast<std::size_t>(to.numel()), stream, scale);
  torch::NoGradGuard no_grad;
  to.copy_(torch::tensor(values).view(to.sizes()));
}

Tensor constant(torch::IntArrayRef shape, std::uint64_t stream) {
  auto x = torch::empty(shape);
  fill(x, stream);
  return x;
}

Tensor variable(torch::IntArrayRef shape, std::uint64_t stream) { return constant(shape, stream).requires_grad_(); }

void add(Fingerprint& print, const std::string& name, const Tensor& x) {
  const auto dense = x.detach().contiguous();
  print.add(name, dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel()));
}

/// A loss and its gradients. Old gradients are dropped, not zeroed, so that the sweep need not add to them.
template <class Loss>
Workload gradients(std::vector<Tensor> inputs, Loss loss) {
  auto step = [inputs, loss]() mutable {
    for (auto& x : inputs) x.mutable_grad().reset();
    Tensor y = loss();
    y.backward();
    return y;
  };
  return {step, [inputs, step](Fingerprint& print) mutable {
            print.add("loss", step().item().toDouble());
            for (std::size_t i = 0; i < inputs.size(); ++i)
              add(print, "gradient_" + std::to_string(i), inputs[i].grad());
          }};
}

/// A model that is trained by Adam.
template <class Loss>
Workload training(torch::nn::Sequential model, Loss loss) {
  const auto parameters = model->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Tensor p = parameters[i];
    fill(p, 10 + i, 1 / std::sqrt(static_cast<float>(p.size(-1))));
  }
  auto adam = std::make_shared<torch::optim::Adam>(parameters, torch::optim::AdamOptions(1e-3));
  auto step = [model, adam, loss]() mutable {
    model->zero_grad(/*set_to_none=*/true);
    Tensor y = loss(model);
    y.backward();
    adam->step();
    return y;
  };
  return {step, [parameters, step](Fingerprint& print) mutable {
            print.add("loss", step().item().toDouble());
            for (std::size_t i = 0; i < parameters.size(); ++i) {
              add(print, "gradient_" + std::to_string(i), parameters[i].grad());
            }
            for (int i = 0; i < 9; ++i) step();
            print.add("loss_after_10_steps", step().item().toDouble());
          }};
}

Workload small_chain() {
  const auto x = variable({16}, 1);
  const auto y = variable({16}, 2);
  return gradients({x, y}, [=] {
    Tensor z = x;
    for (int i = 0; i < 50; ++i) {
      z = z * y;
      z = z + x;
    }
    return z.sum();
  });
}

Workload ew_chain() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return (torch::tanh(0.5 * x) * x + torch::sigmoid(x) * x - torch::exp(-x * x)).sum(); });
}

Workload row_softmax() {
  const auto x = variable({1024, 1024}, 1);
  const auto b = variable({1024}, 2);
  return gradients({x, b}, [=] { return torch::log_softmax(x + b, -1).mean(); });
}

Workload reduce_axis0() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] {
    const Tensor m = x.mean(0);
    return ((x * x).mean(0) - m * m).sum();
  });
}

Workload transpose_mul() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return (x.t() * x).sum(); });
}

Workload matmul(std::int64_t n) {
  const auto a = variable({n, n}, 1);
  const auto b = variable({n, n}, 2);
  return gradients({a, b}, [=] { return torch::matmul(a, b).sum(); });
}

Workload bmm() {
  const auto a = variable({64, 64, 64}, 1);
  const auto b = variable({64, 64, 64}, 2);
  return gradients({a, b}, [=] { return torch::bmm(a, b).sum(); });
}

Workload tiny_mlp() {
  namespace nn = torch::nn;
  const auto x = constant({32, 32}, 1);
  const auto target = constant({32, 1}, 2);
  const nn::Sequential model(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, 1));
  return training(model, [=](nn::Sequential& f) { return torch::mse_loss(f->forward(x), target); });
}

Workload mlp() {
  namespace nn = torch::nn;
  const auto x = constant({128, 784}, 1);
  const auto target = torch::tensor(bench::labels(128, 10, 2));
  const nn::Sequential model(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
  return training(model, [=](nn::Sequential& f) { return nn::functional::cross_entropy(f->forward(x), target); });
}

}  // namespace

int main(int argc, char** argv) {
  bench::Worker worker;
  worker.title = "LibTorch " TORCH_VERSION;
  worker.set_threads = [](int n) { at::set_num_threads(n); };
  worker.workloads = {
      {"small_chain", small_chain},
      {"ew_chain", ew_chain},
      {"row_softmax", row_softmax},
      {"reduce_axis0", reduce_axis0},
      {"transpose_mul", transpose_mul},
      {"matmul_64", [] { return matmul(64); }},
      {"matmul_512", [] { return matmul(512); }},
      {"bmm", bmm},
      {"tiny_mlp", tiny_mlp},
      {"mlp", mlp},
  };
  return bench::serve(worker, argc, argv);
}
