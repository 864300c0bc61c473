// SPDX-License-Identifier: BSD-3-Clause
// Whole models and their training against PyTorch: files/golden/make.py describes the files.
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/positional.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/optimizer.hpp>

#include <algorithm>
#include <functional>
#include <memory>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {

struct CNN : nn::Module<CNN> {
  nn::Conv2d conv1 = add("conv1", nn::Conv2d(2, 4, 3, {.padding = 1, .bias = false}));
  nn::BatchNorm2d norm1 = add("norm1", nn::BatchNorm2d(4));
  nn::Conv2d conv2 = add("conv2", nn::Conv2d(4, 6, 3, {.stride = 2, .groups = 2, .bias = false}));
  nn::BatchNorm2d norm2 = add("norm2", nn::BatchNorm2d(6));
  nn::Linear head = add("head", nn::Linear(6, 3));
  nt::Tensor forward(const nt::Tensor& x) const {
    const nt::Tensor y = nt::max_pool2d(nt::relu(norm1(conv1(x))), 2);
    return head(nt::flatten(nt::adaptive_avg_pool2d(nt::relu(norm2(conv2(y))), 1), 1));
  }
};

struct CharLSTM : nn::Module<CharLSTM> {
  nn::Embedding embedding = add("embedding", nn::Embedding(7, 4));
  nn::LSTM lstm = add("lstm", nn::LSTM(4, 6, {.num_layers = 2, .batch_first = true}));
  nn::Linear head = add("head", nn::Linear(6, 7));
  nt::Tensor forward(const nt::Tensor& x) const { return head(lstm(embedding(x)).output); }
};

struct CharTransformer : nn::Module<CharTransformer> {
  nn::Embedding embedding = add("embedding", nn::Embedding(7, 8));
  nn::LearnedPositions positions = add("positions", nn::LearnedPositions(8, {.max_len = 6, .batch_first = true}));
  nn::TransformerEncoder encoder = add("encoder", nn::TransformerEncoder(8, 2, 2,
                                                                         {.layer = {.dim_feedforward = 16,
                                                                                    .dropout = 0,
                                                                                    .activation = nt::gelu,
                                                                                    .batch_first = true,
                                                                                    .norm_first = true},
                                                                          .norm = true}));
  nn::Linear head = add("head", nn::Linear(8, 7));
  nt::Tensor forward(const nt::Tensor& x) const { return head(encoder(positions(embedding(x)), {.is_causal = true})); }
};

/// Compares arrays with those of a file. An array's bound is gamma_n (condition + largest element): rounding errors act
/// as relative changes of weights, gradients and inputs by at most gamma_n in each step, of which the file knows the
/// effect, and of the results.
class Comparison {
 public:
  Comparison(const Reference& torch, double roundings, nt::DType dtype)
      : torch_(torch), gamma_(bounds::gamma(roundings, dtype)) {}

  void operator()(const std::string& name, const nt::Array& value) const {
    const auto& expected = torch_(name);
    INFO(name);
    REQUIRE(value.shape() == expected.shape());
    const auto got = nt::core::contiguous(nt::core::cast(value, nt::f64));
    const auto want = nt::core::contiguous(nt::core::cast(expected, nt::f64));
    double error = 0, largest = 0;
    for (std::int64_t i = 0; i < got.size(); ++i) {
      const double difference = std::abs(got.data<double>()[i] - want.data<double>()[i]);
      error = difference <= error ? error : difference;  // NaN stays
      largest = std::max(largest, std::abs(want.data<double>()[i]));
    }
    CHECK(error <= gamma_ * (nt::Tensor(torch_("condition/" + name)).item() + largest));
  }

 private:
  const Reference& torch_;
  double gamma_;
};

using Optimizers = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<nt::Parameter>&)>;
template <class O, class Options>
Optimizers optimizer(const Options& options) {
  return [options](const std::vector<nt::Parameter>& params) { return std::make_unique<O>(params, options); };
}

template <class M>
void load(const M& model, const Reference& torch, nt::DType dtype) {
  model.to(dtype);
  nn::StateDict state;
  const std::string prefix = "state/";
  for (const auto& name : torch.names()) {
    if (name.rfind(prefix, 0) != 0) continue;
    const auto& value = torch(name);
    state.emplace_back(name.substr(prefix.size()),
                       nt::is_floating(value.dtype()) ? nt::core::cast(value, dtype) : value);
  }
  model.load_state_dict(state);
}

/// `roundings` bounds those of one element on its way through a step: the lengths of all sums in sequence, forward and
/// backward.
template <class Make>
void check_golden(const std::string& name, const Make& make, const Optimizers& optimizers, double roundings,
                  double clip = 0) {
  const Reference torch("golden/" + name + ".txt");
  for (const auto dtype : {nt::f64, nt::f32}) {
    INFO(name << ", " << nt::name(dtype));
    const auto model = make();
    load(model, torch, dtype);
    const auto& input = torch("in");
    const nt::Tensor x = nt::is_floating(input.dtype()) ? nt::Tensor(nt::core::cast(input, dtype)) : nt::Tensor(input);
    const nt::Tensor target = nt::ravel(nt::Tensor(torch("target")));
    const auto optimizer = optimizers(model.parameters());
    const Comparison compare(torch, roundings, dtype);
    const auto& losses = torch("losses");
    auto trained = nt::Array::empty(losses.shape(), nt::f64);
    for (std::int64_t step = 0; step < losses.size(); ++step) {
      optimizer->zero_grad();
      const nt::Tensor logits = model(x);
      const nt::Tensor loss = nn::cross_entropy(nt::flatten(logits, 0, -2), target);
      loss.backward();
      trained.template data<double>()[step] = loss.item();
      if (step == 0) {
        compare("out", logits.value());
        for (const auto& [path, p] : model.named_parameters()) compare("grad/" + path, p.grad().value());
      }
      if (clip > 0) optim::clip_grad_norm(model.parameters(), clip);
      optimizer->step();
    }
    compare("losses", trained);
    for (const auto& [path, value] : model.state_dict()) compare("after/" + path, value);
    model.eval();
    compare("eval", model(x).value());
  }
}

/// Roundings of an exponential with its sum and logarithm, of an elementwise function, of a normalisation of n elements.
constexpr double softmax(double n) { return n + 6; }
constexpr double elementwise = 4;
constexpr double norm(double n) { return 2 * n + 6; }
constexpr double update = 12;  // of an optimizer

}  // namespace

TEST_CASE("golden: an MLP with SGD, Nesterov's momentum and weight decay") {
  const double forward = 6 + 8 + 8 + 2 * elementwise + softmax(4);
  check_golden(
      "mlp", [] { return nn::Sequential(nn::Linear(6, 8), nt::tanh, nn::Linear(8, 8), nt::relu, nn::Linear(8, 4)); },
      optimizer<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-3, .nesterov = true}),
      2 * forward + 5 + update);
}

TEST_CASE("golden: a CNN with batch norm and RMSprop") {
  const double forward = 2 * 9 + norm(4 * 64) + 2 * 9 + norm(4) + elementwise + 6 + softmax(3);
  check_golden(
      "cnn", [] { return CNN(); },
      optimizer<optim::RMSprop>(optim::RMSpropOptions{.lr = 1e-2, .alpha = 0.9, .eps = 1e-2, .momentum = 0.5}),
      2 * forward + 4 * 64 + update);
}

TEST_CASE("golden: an LSTM with Adam and clipped gradients") {
  const double cell = 4 + 6 + 4 * elementwise;  // of two layers at six times
  const double forward = 7 * cell + 6 + softmax(7);
  check_golden(
      "lstm", [] { return CharLSTM(); }, optimizer<optim::Adam>(optim::AdamOptions{.lr = 1e-2, .eps = 1e-4}),
      2 * forward + 3 * 6 + update, 0.1);
}

TEST_CASE("golden: a causal transformer encoder with AdamW") {
  const double layer = 2 * norm(8) + 8 + 4 + softmax(6) + 6 + 8 + 8 + elementwise + 16 + 2;
  const double forward = 1 + 2 * layer + norm(8) + 8 + softmax(7);
  check_golden(
      "transformer", [] { return CharTransformer(); },
      optimizer<optim::AdamW>(optim::AdamWOptions{.lr = 1e-2, .eps = 1e-2}), 2 * forward + 3 * 6 + update);
}
