// SPDX-License-Identifier: BSD-3-Clause
// A plugin whose interface has nothing of Newtape in it: it trains a little, and returns a loss; less than 0 for an error.
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/layers/linear.hpp>

#include <exception>

extern "C" __attribute__((visibility("default"))) double PLUGIN_FUNCTION() {
  namespace nt = newtape;
  try {
    const nt::data::Table flowers = nt::data::iris();
    nt::nn::Linear layer(4, 1, {.dtype = nt::f64});
    const nt::Tensor loss = nt::mean(layer(nt::Tensor(flowers.features())));
    loss.backward();
    // The gradient of the mean with respect to the weights is the mean of the features; 3.758 is that of petal length.
    return layer.weight.grad().value().data<double>()[2];
  } catch (const std::exception&) {
    return -1;
  }
}
