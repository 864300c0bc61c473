// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"
#include "worker.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tensor.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/nn/losses/loss_modules.hpp>
#include <newtape/optim/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

/// What Newtape's workloads share; torch/support.hpp is the other side's. Both sides do the same work on the same
/// numbers, each written as its library's users would write it when they care for speed.
namespace bench {

namespace nt = newtape;
using nt::Tensor;

template <class T>
nt::Array array(const nt::Shape& shape, const std::vector<T>& values) {
  auto x = nt::Array::empty(shape, nt::dtype_of<T>);
  std::copy(values.begin(), values.end(), x.template data<T>());
  return x;
}

template <class T = float>
nt::Array filled(const nt::Shape& shape, std::uint64_t stream, T scale = 1) {
  return array(shape, numbers<T>(static_cast<std::size_t>(nt::element_count(shape)), stream, scale));
}

template <class T = float>
Tensor constant(const nt::Shape& shape, std::uint64_t stream, T scale = 1) {
  return filled<T>(shape, stream, scale);
}

template <class T = float>
Tensor variable(const nt::Shape& shape, std::uint64_t stream, T scale = 1) {
  return nt::variable(filled<T>(shape, stream, scale));
}

/// A model's parameters, set to numbers from the streams 10, 11, .., scaled by what reaches one output.
inline void fill(const std::vector<nt::Parameter>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& shape = parameters[i].shape();
    const auto size = nt::element_count(shape);
    const auto fan_in = shape.size() > 1 ? size / shape[0] : size;
    parameters[i].set_value(filled(shape, 10 + i, 1 / std::sqrt(static_cast<float>(fan_in))));
  }
}

inline void add(Fingerprint& print, const std::string& name, const Tensor& x) {
  const auto add_as = [&](auto zero) {
    using T = decltype(zero);
    // xtensor walks the memory by its strides: a gradient may be a view.
    const auto& value = x.value();
    const auto view = value.view<T>();
    const std::vector<T> dense(view.begin(), view.end());
    print.add(name, dense.data(), dense.size());
  };
  x.dtype() == nt::f32 ? add_as(float{}) : add_as(double{});
}

template <class X>
void add_gradients(Fingerprint& print, const std::vector<X>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) add(print, "gradient_" + std::to_string(i), inputs[i].grad());
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
            add_gradients(print, inputs);
          }};
}

/// A model that is trained.
template <class Optimizer, class Model, class Options, class Loss>
Workload training(const Model& model, const Options& options, Loss loss) {
  const auto parameters = model.parameters();
  fill(parameters);
  const auto optimizer = std::make_shared<Optimizer>(parameters, options);
  const auto step = [model, optimizer, loss] {
    optimizer->zero_grad();
    Tensor y = loss(model);
    y.backward();
    optimizer->step();
    return y;
  };
  return {step, [parameters, step](Fingerprint& print) {
            print.add("loss", step().item());
            add_gradients(print, parameters);
            for (int i = 0; i < 9; ++i) step();
            print.add("loss_after_10_steps", step().item());
          }};
}

}  // namespace bench
