// SPDX-License-Identifier: BSD-3-Clause
#include "nn/table.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/dropout.hpp>

#include <cmath>

namespace newtape::nn::table {
namespace {

Torch torch_activation(const std::string& name) { return {"small_layers", name}; }

template <class M, class... Args>
Row elementwise(const std::string& name, const Args&... args) {
  return {.name = name, .make = make([=] { return M(args...); }), .torch = torch_activation(name), .takes_all = true};
}

/// Elements that dropout sets to 0, and to selu(-inf), scaled and shifted, at probability 1/2.
const Ignores zeros_of_result{[](const Tensors&, const Tensors& y) { return Tensors{y[0] == 0.0}; }};
const Ignores alpha_constants{[](const Tensors&, const Tensors& y) {
  constexpr double low = -1.7580993408473766;
  return Tensors{abs(y[0] - low / 2 / std::sqrt(0.5 * (1 + 0.5 * low * low))) < 1e-12};
}};

const Rows activations{
    elementwise<ReLU>("ReLU"),
    elementwise<ReLU6>("ReLU6"),
    elementwise<Tanh>("Tanh"),
    elementwise<Sigmoid>("Sigmoid"),
    elementwise<LogSigmoid>("LogSigmoid"),
    elementwise<SELU>("SELU"),
    elementwise<SiLU>("SiLU"),
    elementwise<Mish>("Mish"),
    elementwise<Softsign>("Softsign"),
    elementwise<Hardswish>("Hardswish"),
    elementwise<Tanhshrink>("Tanhshrink"),
    elementwise<GELU>("GELU"),
    elementwise<GELU>("GELU/tanh", Approximate::tanh),
    elementwise<ELU>("ELU"),
    elementwise<ELU>("ELU/2", 2),
    elementwise<CELU>("CELU"),
    elementwise<CELU>("CELU/2", 2),
    elementwise<LeakyReLU>("LeakyReLU"),
    elementwise<LeakyReLU>("LeakyReLU/0.2", 0.2),
    elementwise<Hardtanh>("Hardtanh"),
    elementwise<Hardtanh>("Hardtanh/-2,0.5", -2, 0.5),
    elementwise<Threshold>("Threshold", 0.3, -2),
    elementwise<Hardshrink>("Hardshrink"),
    elementwise<Softshrink>("Softshrink"),
    elementwise<Softplus>("Softplus/2,1", SoftplusOptions{.beta = 2, .threshold = 1}),
    elementwise<Identity>("Identity"),
    // PyTorch's gradient uses 1/6 rounded to f32.
    {.name = "Hardsigmoid",
     .make = make([] { return Hardsigmoid(); }),
     .torch = torch_activation("Hardsigmoid"),
     .takes_all = true,
     .tolerance = 1e-7},
    // PyTorch returns x beyond the threshold; the exact value differs by exp(-20).
    {.name = "Softplus",
     .make = make([] { return Softplus(); }),
     .torch = torch_activation("Softplus"),
     .takes_all = true,
     .tolerance = 1e-8},
    {.name = "Softplus/1,30",
     .make = make([] { return Softplus({.threshold = 30}); }),
     .torch = torch_activation("Softplus/1,30"),
     .takes_all = true,
     .tolerance = 1e-12},
    {.name = "RReLU",
     .make = make([] { return RReLU(0.1, 0.4); }),
     .torch = {"small_layers", "", "RReLU/eval"},
     .takes_all = true,
     .modes = true},
    {.name = "Dropout",
     .make = make([] { return Dropout(); }),
     .torch = {"small_layers", "", "Dropout/eval"},
     .takes_all = true,
     .modes = true,
     .ignores = zeros_of_result},
    {.name = "AlphaDropout",
     .make = make([] { return AlphaDropout(); }),
     .torch = {"small_layers", "", "AlphaDropout/eval"},
     .takes_all = true,
     .modes = true,
     .ignores = alpha_constants},
    {.name = "FeatureAlphaDropout",
     .make = make([] { return FeatureAlphaDropout(); }),
     .torch = {"small_layers", "", "FeatureAlphaDropout/eval"},
     .refuses = {{floats({{3}}), "x [3]"}},
     .modes = true,
     .ignores = alpha_constants},
    {.name = "Dropout1d",
     .make = make([] { return Dropout1d(); }),
     .torch = {"small_layers", "", "Dropout1d/eval"},
     .refuses = {{floats({{3}}), "x [3]"}},
     .modes = true,
     .ignores = zeros_of_result},
    {.name = "Dropout2d",
     .make = make([] { return Dropout2d(); }),
     .torch = {"small_layers", "", "Dropout2d/eval"},
     .refuses = {{floats({{2, 3}}), "x [2, 3]"}},
     .modes = true,
     .ignores = zeros_of_result},
    {.name = "Dropout3d",
     .make = make([] { return Dropout3d(); }),
     .torch = {"small_layers", "", "Dropout3d/eval"},
     .refuses = {{floats({{2, 3, 4}}), "x [2, 3, 4]"}},
     .modes = true,
     .ignores = zeros_of_result},
    {.name = "PReLU", .make = make([] { return PReLU(); }), .torch = torch_activation("PReLU"), .takes_all = true},
    {.name = "PReLU/3",
     .make = make([] { return PReLU(3, {.init = 0.1}); }),
     .torch = torch_activation("PReLU/3"),
     .refuses = {{floats({{2, 4}}), "[2, 4]"}, {floats({{}}), "[]"}}},
    {.name = "GLU",
     .make = make([] { return GLU(); }),
     .torch = torch_activation("GLU"),
     .refuses = {{floats({{2, 3}}), "[2, 3]"}}},
    {.name = "GLU/1",
     .make = make([] { return GLU(1); }),
     .torch = torch_activation("GLU/1"),
     .refuses = {{floats({{4}}), "1 axes"}}},
    {.name = "Softmin",
     .make = make([] { return Softmin(1); }),
     .torch = torch_activation("Softmin"),
     .refuses = {{floats({{4}}), "1 axes"}}},
    {.name = "Softmax",
     .make = make([] { return Softmax(0); }),
     .torch = torch_activation("Softmax"),
     .batch = {1},
     .takes_all = true},
    {.name = "LogSoftmax",
     .make = make([] { return LogSoftmax(1); }),
     .torch = torch_activation("LogSoftmax"),
     .refuses = {{floats({{4}}), "1 axes"}}},
    {.name = "Softmax2d",
     .make = make([] { return Softmax2d(); }),
     .torch = torch_activation("Softmax2d"),
     .refuses = {{floats({{2, 3}}), "[2, 3]"}}},
    {.name = "Flatten",
     .make = make([] { return Flatten(); }),
     .torch = torch_activation("Flatten"),
     .refuses = {{floats({{3}}), "1 axes"}}},
    {.name = "Flatten/all",
     .make = make([] { return Flatten(0); }),
     .torch = torch_activation("Flatten/all"),
     .takes_all = true},
    {.name = "Unflatten",
     .make = make([] {
       return Unflatten(1, {2, 3});
     }),
     .torch = torch_activation("Unflatten"),
     .refuses = {{floats({{2, 7}}), "[2, 7]"}}},
};

}  // namespace
}  // namespace newtape::nn::table
