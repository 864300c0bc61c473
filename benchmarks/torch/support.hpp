// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"
#include "worker.hpp"

#include <torch/torch.h>

#include <cmath>
#include <memory>
#include <vector>

/// What LibTorch's workloads share; newtape/support.hpp is the other side's. Both sides do the same work on the same
/// numbers, each written as its library's users would write it when they care for speed.
namespace bench {

using torch::Tensor;

template <class T>
Tensor array(torch::IntArrayRef shape, const std::vector<T>& values) {
  return torch::tensor(values, torch::CppTypeToScalarType<T>::value).view(shape);
}

template <class T = float>
Tensor constant(torch::IntArrayRef shape, std::uint64_t stream, T scale = 1) {
  return array(shape, numbers<T>(static_cast<std::size_t>(c10::multiply_integers(shape)), stream, scale));
}

template <class T = float>
Tensor variable(torch::IntArrayRef shape, std::uint64_t stream, T scale = 1) {
  return constant<T>(shape, stream, scale).requires_grad_();
}

/// A model's parameters, set to numbers from the streams 10, 11, .., scaled by what reaches one output.
inline void fill(std::vector<Tensor> parameters) {
  torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto& p = parameters[i];
    const auto fan_in = p.dim() > 1 ? p.numel() / p.size(0) : p.numel();
    p.copy_(constant(p.sizes(), 10 + i, 1 / std::sqrt(static_cast<float>(fan_in))));
  }
}

inline void add(Fingerprint& print, const std::string& name, const Tensor& x) {
  const auto dense = x.detach().contiguous();
  const auto n = static_cast<std::size_t>(dense.numel());
  dense.scalar_type() == torch::kFloat ? print.add(name, dense.data_ptr<float>(), n)
                                       : print.add(name, dense.data_ptr<double>(), n);
}

inline void add_gradients(Fingerprint& print, const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) add(print, "gradient_" + std::to_string(i), inputs[i].grad());
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
            add_gradients(print, inputs);
          }};
}

/// A model that is trained.
template <class Optimizer, class Model, class Options, class Loss>
Workload training(Model model, const Options& options, Loss loss) {
  const auto parameters = model->parameters();
  fill(parameters);
  auto optimizer = std::make_shared<Optimizer>(parameters, options);
  auto step = [model, optimizer, loss]() mutable {
    model->zero_grad(/*set_to_none=*/true);
    Tensor y = loss(model);
    y.backward();
    optimizer->step();
    return y;
  };
  return {step, [parameters, step](Fingerprint& print) mutable {
            print.add("loss", step().item().toDouble());
            add_gradients(print, parameters);
            for (int i = 0; i < 9; ++i) step();
            print.add("loss_after_10_steps", step().item().toDouble());
          }};
}

}  // namespace bench
