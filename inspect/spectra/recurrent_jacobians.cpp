// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/recurrent_jacobians.hpp>

#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/sample_jacobians.hpp>

#include <functional>
#include <numbers>
#include <vector>

namespace newtape::inspect {

namespace {

/// The state [B, parts, layers, size] of one step after another, as a vector for each sequence.
struct RecurrentSteps {
  std::int64_t steps = 0, batch = 0;
  std::int64_t hidden = 0;  ///< numbers of the hidden states of all layers
  std::int64_t state = 0;   ///< of the whole state
  /// s [B, state] before step t -> after it.
  std::function<Tensor(std::int64_t t, const Tensor& s)> step;
};

Array singular_values_of(const Array& stack) {
  return core::contiguous(core::svd(stack, core::SVDPart::values, "recurrent_jacobians").s);
}

RecurrentJacobians product_of(const RecurrentSteps& steps) {
  const NoGrad constants;
  std::vector<Array> jacobians;
  std::vector<Array> norms;
  Tensor s = zeros({steps.batch, steps.state}, f64);
  for (std::int64_t t = 0; t < steps.steps; ++t) {
    const detail::SampleLinearization step(
        "recurrent_jacobians", [&](const Tensor& before) { return steps.step(t, before); }, s);
    jacobians.push_back(step.jacobians());
    norms.push_back(core::select(singular_values_of(jacobians.back()), 1, 0));
    s = step.value().detach();
  }
  // From the last step back, as gradients flow.
  const auto hidden_block = [&](const Array& j) {
    return core::slice(core::slice(j, 1, 0, steps.hidden), 2, 0, steps.hidden);
  };
  std::vector<Array> values(jacobians.size());
  Array product;
  Array exponent = core::zeros({steps.batch}, f64);  // of 2, so that no product under- or overflows
  for (std::size_t t = jacobians.size(); t-- > 0;) {
    product = product.defined() ? core::matmul(product, jacobians[t]) : jacobians[t];
    const Array size = core::binary_scale(product, {1, 2});
    product = product / size;
    exponent = exponent + core::log2(core::reshape(size, {steps.batch}));
    values[t] = singular_values_of(core::contiguous(hidden_block(product))) * core::unsqueeze(core::exp2(exponent), 1);
  }
  const Array total = core::select(singular_values_of(product), 1, 0);
  return {.singular_values = core::stack(values),
          .step_norms = core::stack(norms),
          .exponents = (core::log(total) + exponent * std::numbers::ln2) / static_cast<double>(steps.steps)};
}

/// `original` is not changed: its copy runs in f64.
template <class Layer>
RecurrentJacobians run_layer(const Layer& original, const Tensor& x, bool cell_states) {
  const auto& o = original.options();
  if (o.bidirectional) {
    raise<ValueError>("recurrent_jacobians: the layer must run in one direction", "bidirectional = false", "true");
  }
  if (x.ndim() != 3 || x.size() == 0) {
    raise<ShapeError>("recurrent_jacobians: the input must have steps and a batch",
                      o.batch_first ? "[B, T, input]" : "[T, B, input]", to_string(x.shape()));
  }
  const Layer layer = nn::clone(original);
  layer.to(f64);
  layer.eval();
  const Tensor input = x.detach().to(f64);
  const std::int64_t time_axis = o.batch_first ? 1 : 0;
  const auto batch = x.shape(o.batch_first ? 0 : 1);
  const auto layers = o.num_layers;
  const auto h_size = o.proj_size > 0 ? o.proj_size : original.hidden_size();
  const auto hidden = layers * h_size;
  const auto cells = cell_states ? layers * original.hidden_size() : 0;
  const auto layers_first = [=](const Tensor& part, std::int64_t size) {
    return transpose(reshape(part, {batch, layers, size}), 0, 1);
  };
  const auto batch_first = [=](const Tensor& part) {
    return reshape(transpose(part, 0, 1), {batch, part.size() / batch});
  };
  const auto step = [=](std::int64_t t, const Tensor& s) {
    nn::RecurrentInput more{.h_0 = layers_first(slice(s, 1, 0, hidden), h_size)};
    if (cell_states) more.c_0 = layers_first(slice(s, 1, hidden, hidden + cells), layer.hidden_size());
    const nn::RecurrentResult r = layer(slice(input, time_axis, t, t + 1), more);
    if (!cell_states) return batch_first(r.h_n);
    const Tensor parts[] = {batch_first(r.h_n), batch_first(r.c_n)};
    return concatenate(parts, 1);
  };
  return product_of(
      {.steps = x.shape(time_axis), .batch = batch, .hidden = hidden, .state = hidden + cells, .step = step});
}

}  // namespace

RecurrentJacobians recurrent_jacobians(const nn::RNN& layer, const Tensor& x) { return run_layer(layer, x, false); }
RecurrentJacobians recurrent_jacobians(const nn::LSTM& layer, const Tensor& x) { return run_layer(layer, x, true); }
RecurrentJacobians recurrent_jacobians(const nn::GRU& layer, const Tensor& x) { return run_layer(layer, x, false); }

}  // namespace newtape::inspect
