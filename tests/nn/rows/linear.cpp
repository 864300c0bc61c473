// SPDX-License-Identifier: BSD-3-Clause
// Linear layers, distances, containers, and parametrizations.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/models/linear_autoencoder.hpp>
#include <newtape/nn/layers/bilinear.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/distance.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/parametrize.hpp>
#include "nn/plain.hpp"
#include "nn/table.hpp"

#include <cmath>

namespace newtape::nn::table {
namespace {

using plain::Matrix;

Torch torch_linear(const std::string& train, const std::string& eval = {}) { return {"small_layers", train, eval}; }

const Rows linear{
    {.name = "Linear",
     .make = make([] { return Linear(3, 2); }),
     .torch = torch_linear("Linear"),
     .refuses = {{floats({{4, 5}}), "x [4, 5]"}, {floats({{}}), "x []"}}},
    {.name = "Linear/plain",
     .make = make([] { return Linear(3, 2, {.bias = false}); }),
     .torch = torch_linear("Linear/plain"),
     .refuses = {{floats({{2, 5, 2}}), "x [2, 5, 2]"}}},
    {.name = "Linear/vector",
     .make = make([] { return Linear(3, 2); }),
     .torch = torch_linear("Linear/vector"),
     .batched = false,
     .refuses = {{floats({{2}}), "x [2]"}}},
    {.name = "Bilinear",
     .make = make([] { return Bilinear(3, 4, 2); }),
     .torch = torch_linear("Bilinear"),
     .refuses = {{floats({{5, 4}, {5, 4}}), "x1 [5, 4]"}, {floats({{5, 3}, {4, 4}}), "[4, 4]"}}},
    {.name = "Bilinear/plain",
     .make = make([] { return Bilinear(3, 4, 2, {.bias = false}); }),
     .torch = torch_linear("Bilinear/plain"),
     .refuses = {{floats({{5, 3}, {5, 3}}), "x2 [5, 3]"}}},
    {.name = "LinearAutoencoder",
     .make = make([] { return models::LinearAutoencoder(4, 2); }),
     .inputs = floats({{3, 4}}),
     .no_reference_reason = "not in PyTorch",
     .reference = plain::rows_of([](const Matrix& x, const StateDict& s) {
       return plain::linear(plain::linear(x, s, "encoder"), s, "decoder");
     }),
     .refuses = {{floats({{3, 5}}), "x [3, 5]"}}},
};

const Rows distances{
    {.name = "CosineSimilarity",
     .make = make([] { return CosineSimilarity(); }),
     .torch = torch_linear("CosineSimilarity"),
     .refuses = {{floats({{3, 4}, {3, 5}}), "[3, 5]"}}},
    {.name = "CosineSimilarity/0",
     .make = make([] { return CosineSimilarity({.dim = 0}); }),
     .torch = torch_linear("CosineSimilarity/0"),
     .batch = {1},
     .refuses = {{floats({{2}, {3}}), "[3]"}}},
    {.name = "PairwiseDistance",
     .make = make([] { return PairwiseDistance(); }),
     .torch = torch_linear("PairwiseDistance"),
     .refuses = {{floats({{3, 4}, {3, 5}}), "[3, 5]"}}},
    {.name = "PairwiseDistance/1",
     .make = make([] { return PairwiseDistance({.p = 1, .keepdim = true}); }),
     .torch = torch_linear("PairwiseDistance/1"),
     .refuses = {{floats({{3, 4}, {2, 4}}), "[2, 4]"}}},
};

/// All lists of modules and of parameters.
struct Lists : Module<Lists> {
  ModuleList<Linear> layers = add("layers", ModuleList<Linear>{Linear(3, 3), Linear(3, 3)});
  ModuleDict<Linear> heads = add("heads", ModuleDict<Linear>{{"a", Linear(3, 1)}, {"b", Linear(3, 2)}});
  ParameterList scales = add("scales", ParameterList{Parameter(ones({3}))});
  ParameterDict shifts = add("shifts", ParameterDict{{"early", Parameter(ones({3}))}, {"late", Parameter(ones({2}))}});
  Tensor forward(const Tensor& x) const {
    Tensor y = x;
    for (const auto& layer : layers) y = layer(y) * scales[0];
    return heads["b"](y + shifts["early"]) + shifts["late"];
  }
};

const Rows containers{
    {.name = "Sequential",
     .make = make([] {
       return Sequential(
           Linear(3, 4), tanh, [](const Tensor& x) { return x * x; }, Linear(4, 2));
     }),
     .inputs = floats({{2, 3}}),
     .no_reference_reason = "composed of other layers",
     .reference = plain::rows_of([](const Matrix& x, const StateDict& s) {
       const Matrix y = plain::map(plain::linear(x, s, "0"), [](double v) { return std::tanh(v) * std::tanh(v); });
       return plain::linear(y, s, "3");
     }),
     .refuses = {{floats({{2, 4}}), "0: Linear"}},
     .covers = {"Lambda"}},
    {.name = "Residual",
     .make = make([] { return Residual(Linear(3, 3)); }),
     .inputs = floats({{2, 3}}),
     .no_reference_reason = "composed of other layers",
     .reference = plain::rows_of([](const Matrix& x, const StateDict& s) {
       Matrix y = plain::linear(x, s, "inner");
       for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += x.data[i];
       return y;
     }),
     .refuses = {{floats({{2, 4}}), "inner: Linear"}}},
    {.name = "Lists",
     .make = make([] { return Lists(); }),
     .inputs = floats({{2, 3}}),
     .no_reference_reason = "composed of other layers",
     .reference = plain::rows_of([](const Matrix& x, const StateDict& s) {
       const auto shifted = [&s](Matrix m, const std::string& name) {
         for (std::int64_t i = 0; i < m.rows; ++i) {
           for (std::int64_t j = 0; j < m.columns; ++j) m(i, j) += plain::at(s, name)(0, j);
         }
         return m;
       };
       Matrix y = x;
       for (const std::string name : {"layers.0", "layers.1"}) {
         y = plain::linear(y, s, name);
         for (std::int64_t i = 0; i < y.rows; ++i) {
           for (std::int64_t j = 0; j < y.columns; ++j) y(i, j) *= plain::at(s, "scales.0")(0, j);
         }
       }
       return shifted(plain::linear(shifted(y, "shifts.early"), s, "heads.b"), "shifts.late");
     }),
     .refuses = {{floats({{2, 4}}), "layers.0: Linear"}},
     .covers = {"ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}},
};

Row orthogonal(const std::string& map, std::int64_t in, std::int64_t out) {
  const auto kind = map == "cayley" ? parametrize::OrthogonalMap::cayley : parametrize::OrthogonalMap::matrix_exp;
  const std::string name = "orthogonal/" + map + "/" + std::to_string(in) + "x" + std::to_string(out);
  return {.name = "Linear/" + name,
          .make = make([=] { return parametrize::orthogonal(Linear(in, out), "weight", {.map = kind}); }),
          .torch = torch_linear(name),
          .refuses = {{floats({{2, 5}}), "[2, 5]"}},
          .tolerance = 1e-12,
          .covers = {"Orthogonal"}};
}

const std::string follows = "the vectors depend on the weight, but are constants";

const Rows parametrizations{
    {.name = "Linear/weight_norm",
     .make = make([] { return parametrize::weight_norm(Linear(3, 4)); }),
     .torch = torch_linear("weight_norm/0"),
     .refuses = {{floats({{2, 4}}), "Linear"}},
     .covers = {"WeightNorm"}},
    {.name = "Linear/weight_norm/1",
     .make = make([] { return parametrize::weight_norm(Linear(3, 4), "weight", {.dim = 1}); }),
     .torch = torch_linear("weight_norm/1"),
     .refuses = {{floats({{2, 4}}), "Linear"}}},
    {.name = "Linear/weight_norm/whole",
     .make = make([] { return parametrize::weight_norm(Linear(3, 4), "weight", {.dim = {}}); }),
     .torch = torch_linear("weight_norm/-1"),
     .refuses = {{floats({{2, 4}}), "Linear"}}},
    {.name = "Linear/spectral_norm",
     .make = make([] { return parametrize::spectral_norm(Linear(3, 4), "weight", {.n_power_iterations = 2}); }),
     .torch = torch_linear("spectral_norm/Linear/train", "spectral_norm/Linear/eval"),
     .refuses = {{floats({{2, 4}}), "Linear"}},
     .modes = true,
     .stateful_reason = follows,
     .covers = {"SpectralNorm"}},
    {.name = "Conv1d/spectral_norm",
     .make = make([] { return parametrize::spectral_norm(Conv1d(2, 3, 2), "weight", {.n_power_iterations = 2}); }),
     .torch = torch_linear("spectral_norm/Conv1d/train", "spectral_norm/Conv1d/eval"),
     .refuses = {{floats({{2, 3, 4}}), "Conv1d"}},
     .modes = true,
     .stateful_reason = follows},
    {.name = "Linear/symmetric",
     .make = make([] { return parametrize::symmetric(Linear(3, 3)); }),
     .inputs = floats({{2, 3}}),
     .no_reference_reason = "its example in PyTorch's documentation is the definition",
     .reference = plain::rows_of([](const Matrix& x, const StateDict& s) {
       Matrix w = plain::at(s, "parametrizations.weight.original");
       for (std::int64_t i = 0; i < w.rows; ++i) {
         for (std::int64_t j = 0; j < i; ++j) w(i, j) = w(j, i);  // the upper triangle counts
       }
       return plain::linear(x, w, plain::at(s, "bias"));
     }),
     .refuses = {{floats({{2, 4}}), "Linear"}},
     .covers = {"Symmetric"}},
    orthogonal("matrix_exp", 3, 3),
    orthogonal("matrix_exp", 4, 2),
    orthogonal("matrix_exp", 2, 4),
    orthogonal("cayley", 3, 3),
    orthogonal("cayley", 4, 2),
    orthogonal("cayley", 2, 4),
};

}  // namespace
}  // namespace newtape::nn::table
