// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

/// Architectures, optimizers and data of the fresh programs.
namespace zoo::fresh {

using namespace newtape;
using inspect::TrainingData;

// Data, standardised by the training set unless `raw`; split by the seed.
TrainingData wine(std::uint64_t seed, bool raw = false);
TrainingData tumours(std::uint64_t seed, bool raw = false);   ///< binary
TrainingData cells(std::uint64_t seed);                       ///< the same measurements as inputs and targets
TrainingData diabetes(std::uint64_t seed, bool raw = false);  ///< `raw` leaves the target as it is
TrainingData iris(std::uint64_t seed);                        ///< one batch
TrainingData digits(std::uint64_t seed);
TrainingData sunspots(std::uint64_t seed);  ///< the next number after 20
TrainingData letters(std::uint64_t seed);   ///< the letter after four

// Faults.
TrainingData plus_one(TrainingData data);
TrainingData test_of(TrainingData data, const TrainingData& other);
TrainingData reversed_columns(TrainingData data);  ///< of the test inputs
TrainingData leaked(TrainingData data);            ///< half of the test examples
TrainingData first_ones(TrainingData data, std::int64_t n);
TrainingData nan_target(TrainingData data);
TrainingData shuffled_inputs(TrainingData data, std::uint64_t seed);
TrainingData unknown_inputs(TrainingData data);
TrainingData signed_labels(TrainingData data);
TrainingData broadcast(TrainingData data);

struct GruFaults {
  double recurrent_factor = 1;
};
struct Gru : nn::Module<Gru> {
  explicit Gru(const GruFaults& o) {
    gru.parameter("weight_hh_l0").set_value(gru.parameter("weight_hh_l0").detach() * o.recurrent_factor);
  }
  nn::GRU gru = add("gru", nn::GRU(1, 16, {.batch_first = true}));
  nn::Linear last = add("last", nn::Linear(16, 1));
  Tensor forward(const Tensor& x) const { return last(gru(x).output[{Slice{}, -1}]); }
  static auto make(GruFaults o = {}) {
    return [o] { return Gru(o); };
  }
};

struct ResidualFaults {
  bool unregistered = false;
};
struct Residual : nn::Module<Residual> {
  explicit Residual(const ResidualFaults& o) {
    if (!o.unregistered) add("block2", block2);
  }
  nn::Linear first = add("first", nn::Linear(13, 24));
  nn::LayerNorm norm1 = add("norm1", nn::LayerNorm(24));
  nn::Linear block1 = add("block1", nn::Linear(24, 24));
  nn::Linear block2 = nn::Linear(24, 24);
  nn::Linear last = add("last", nn::Linear(24, 3));
  Tensor forward(const Tensor& x) const {
    Tensor h = first(x);
    h = h + relu(block1(norm1(h)));
    h = h + relu(block2(h));
    return last(h);
  }
  static auto make(ResidualFaults o = {}) {
    return [o] { return Residual(o); };
  }
};

struct GroupCnn : nn::Module<GroupCnn> {
  nn::Conv2d conv1 = add("conv1", nn::Conv2d(1, 8, 3));
  nn::GroupNorm norm = add("norm", nn::GroupNorm(2, 8));
  nn::Conv2d conv2 = add("conv2", nn::Conv2d(8, 16, 3));
  nn::Linear last = add("last", nn::Linear(16, 10));
  Tensor forward(const Tensor& x) const {
    const Tensor h = gelu(conv2(gelu(norm(conv1(x.reshape({x.shape(0), 1, 8, 8}))))));
    return last(mean(h, {2, 3}));
  }
  static auto make() {
    return [] { return GroupCnn(); };
  }
};

struct AutoencoderFaults {
  bool detached = false, rounded = false;
};
struct Autoencoder : nn::Module<Autoencoder> {
  explicit Autoencoder(const AutoencoderFaults& o) : options(o) {}
  AutoencoderFaults options;
  nn::Linear encode = add("encode", nn::Linear(30, 8));
  nn::Linear decode = add("decode", nn::Linear(8, 30));
  Tensor forward(const Tensor& x) const {
    Tensor code = newtape::tanh(encode(x));
    if (options.detached) code = code.detach();
    if (options.rounded) code = round(code);
    return decode(code);
  }
  static auto make(AutoencoderFaults o = {}) {
    return [o] { return Autoencoder(o); };
  }
};

struct LettersFaults {
  bool detached = false;
};
struct Letters : nn::Module<Letters> {
  explicit Letters(const LettersFaults& o) : options(o) {}
  LettersFaults options;
  nn::Embedding embedding = add("embedding", nn::Embedding(28, 8));
  nn::Linear hidden = add("hidden", nn::Linear(32, 64));
  nn::Linear last = add("last", nn::Linear(64, 28));
  Tensor forward(const Tensor& x) const {
    Tensor h = embedding(x).reshape({x.shape(0), 32});
    if (options.detached) h = h.detach();
    return last(newtape::tanh(hidden(h)));
  }
  static auto make(LettersFaults o = {}) {
    return [o] { return Letters(o); };
  }
};

struct Logistic : nn::Module<Logistic> {
  nn::Linear last = add("last", nn::Linear(30, 1));
  Tensor forward(const Tensor& x) const { return last(x); }
  static auto make() {
    return [] { return Logistic(); };
  }
};

struct SmoothFaults {
  std::string head = {};
};
struct Smooth : nn::Module<Smooth> {
  explicit Smooth(SmoothFaults o) : options(std::move(o)) {}
  SmoothFaults options;
  nn::Linear fc1 = add("fc1", nn::Linear(10, 32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 1));
  Tensor forward(const Tensor& x) const {
    const Tensor y = fc2(silu(fc1(x)));
    if (options.head == "tanh") return newtape::tanh(y);
    return options.head == "softplus" ? softplus(y) : y;
  }
  static auto make(SmoothFaults o = {}) {
    return [o] { return Smooth(o); };
  }
};

struct Tiny : nn::Module<Tiny> {
  nn::Linear fc1 = add("fc1", nn::Linear(4, 10));
  nn::Linear fc2 = add("fc2", nn::Linear(10, 3));
  Tensor forward(const Tensor& x) const { return fc2(newtape::tanh(fc1(x))); }
  static auto make() {
    return [] { return Tiny(); };
  }
};

struct Plain : nn::Module<Plain> {
  Plain(std::int64_t inputs, std::int64_t outputs)
      : fc1(add("fc1", nn::Linear(inputs, 32))),
        fc2(add("fc2", nn::Linear(32, 32))),
        last(add("last", nn::Linear(32, outputs))) {}
  nn::Linear fc1, fc2, last;
  Tensor forward(const Tensor& x) const { return last(relu(fc2(relu(fc1(x))))); }
  static auto make(std::int64_t inputs, std::int64_t outputs) {
    return [=] { return Plain(inputs, outputs); };
  }
};

struct Deep : nn::Module<Deep> {
  Deep() {
    for (int i = 0; i < 8; ++i) layers.push_back(add("fc" + std::to_string(i), nn::Linear(i == 0 ? 13 : 24, 24)));
  }
  std::vector<nn::Linear> layers;
  nn::Linear last = add("last", nn::Linear(24, 3));
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = sigmoid(layer(x));
    return last(x);
  }
  static auto make() {
    return [] { return Deep(); };
  }
};

// Functions that make an optimizer for a model.
inline auto adam(double lr, double eps = 1e-8) {
  return [=](const auto& m) { return optim::Adam(m.parameters(), {.lr = lr, .eps = eps}); };
}
inline auto adamw(double lr) {
  return [=](const auto& m) { return optim::AdamW(m.parameters(), {.lr = lr}); };
}
inline auto rmsprop(double lr) {
  return [=](const auto& m) { return optim::RMSprop(m.parameters(), {.lr = lr}); };
}
inline auto sgd(double lr, double momentum = 0.9) {
  return [=](const auto& m) { return optim::SGD(m.parameters(), {.lr = lr, .momentum = momentum}); };
}

/// Diagnoses 150 steps.
template <class Make, class MakeOptimizer, class Step = inspect::detail::PlainStep>
inspect::Diagnosis look(std::uint64_t seed, TrainingData data, Make make, MakeOptimizer make_optimizer,
                        Step step = {}) {
  return inspect::diagnose(make, make_optimizer, data, step, {.steps = 150, .seed = seed});
}

}  // namespace zoo::fresh
