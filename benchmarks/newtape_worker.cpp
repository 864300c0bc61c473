// SPDX-License-Identifier: BSD-3-Clause
// Newtape's side of the benchmarks; torch_worker.cpp is the other. Both do the same work on the same numbers, each
// written as its library's users would write it when they care for speed.
#include "worker.hpp"

#include <newtape/core/xtensor.hpp>
#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

namespace nt = newtape;

namespace {

using bench::Fingerprint;
using bench::Workload;
using nt::Tensor;

nt::Array filled(const nt::Shape& shape, std::uint64_t stream, float scale = 1) {
  auto x = nt::Array::empty(shape, nt::f32);
  const auto values = bench::numbers(static_cast<std::size_t>(x.size()), stream, scale);
  std::copy(values.begin(), values.end(), x.data<float>());
  return x;
}

Tensor variable(const nt::Shape& shape, std::uint64_t stream) { return nt::variable(filled(shape, stream)); }

void add(Fingerprint& print, const std::string& name, const Tensor& x) {
  // xtensor walks the memory by its strides: a gradient may be a view.
  const auto& array = x.value();
  const auto view = array.view<float>();
  const std::vector<float> dense(view.begin(), view.end());
  print.add(name, dense.data(), dense.size());
}

/// A loss and its gradients. Old gradients are dropped, not zeroed, so that the sweep need not add to them.
template <class Loss>
Workload gradients(std::vector<Tensor> inputs, Loss loss) {
  const auto step = [inputs, loss] {
    for (const auto& x : inputs) x.set_grad({});
    Tensor y = loss();
    y.backward();
    return y;
  };
  return {step, [inputs, step](Fingerprint& print) {
            print.add("loss", step().item());
            for (std::size_t i = 0; i < inputs.size(); ++i) {
              add(print, "gradient_" + std::to_string(i), inputs[i].grad());
            }
          }};
}

/// A model that is trained by Adam.
template <class Loss>
Workload training(const nt::nn::Sequential& model, Loss loss) {
  const auto parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& shape = parameters[i].shape();
    parameters[i].set_value(filled(shape, 10 + i, 1 / std::sqrt(static_cast<float>(shape.back()))));
  }
  const auto adam = std::make_shared<nt::optim::Adam>(parameters, nt::optim::AdamOptions{.lr = 1e-3});
  const auto step = [model, adam, loss] {
    adam->zero_grad();
    Tensor y = loss(model);
    y.backward();
    adam->step();
    return y;
  };
  return {step, [parameters, step](Fingerprint& print) {
            print.add("loss", step().item());
            for (std::size_t i = 0; i < parameters.size(); ++i) {
              add(print, "gradient_" + std::to_string(i), parameters[i].grad());
            }
            for (int i = 0; i < 9; ++i) step();
            print.add("loss_after_10_steps", step().item());
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
    return nt::sum(z);
  });
}

Workload ew_chain() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return nt::sum(nt::tanh(0.5 * x) * x + nt::sigmoid(x) * x - nt::exp(-x * x)); });
}

Workload row_softmax() {
  const auto x = variable({1024, 1024}, 1);
  const auto b = variable({1024}, 2);
  return gradients({x, b}, [=] { return nt::mean(nt::log_softmax(x + b, -1)); });
}

Workload reduce_axis0() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] {
    const Tensor m = nt::mean(x, 0);
    return nt::sum(nt::mean(x * x, 0) - m * m);
  });
}

Workload transpose_mul() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return nt::sum(nt::transpose(x) * x); });
}

Workload matmul(std::int64_t n) {
  const auto a = variable({n, n}, 1);
  const auto b = variable({n, n}, 2);
  return gradients({a, b}, [=] { return nt::sum(nt::matmul(a, b)); });
}

Workload bmm() {
  const auto a = variable({64, 64, 64}, 1);
  const auto b = variable({64, 64, 64}, 2);
  return gradients({a, b}, [=] { return nt::sum(nt::matmul(a, b)); });
}

Workload tiny_mlp() {
  namespace nn = nt::nn;
  const Tensor x = filled({32, 32}, 1);
  const Tensor target = filled({32, 1}, 2);
  const nn::Sequential model(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, 1));
  return training(model, [=](const nn::Sequential& f) { return nn::mse_loss(f(x), target); });
}

Workload mlp() {
  namespace nn = nt::nn;
  const Tensor x = filled({128, 784}, 1);
  auto target = nt::Array::empty({128}, nt::i64);
  const auto labels = bench::labels(128, 10, 2);
  std::copy(labels.begin(), labels.end(), target.data<std::int64_t>());
  const nn::Sequential model(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
  return training(model, [=](const nn::Sequential& f) { return nn::cross_entropy(f(x), target); });
}

}  // namespace

int main(int argc, char** argv) {
  bench::Worker worker;
  worker.title = "Newtape";
  worker.set_threads = [](int n) { nt::set_num_threads(n); };
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
