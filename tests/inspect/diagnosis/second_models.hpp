// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_data.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/recurrent.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

/// Architectures of the second programs, with the faults that can be planted in them.
namespace zoo::second {

using namespace newtape;

/// What a program changes in a model.
struct Parts {
  std::string activation = {};  ///< "": the model's own
  std::string head = {};        ///< after the last layer
  double dropout = 0;
  std::int64_t width = 0;    ///< 0: the model's own
  std::int64_t depth = 0;    ///< 0: the model's own
  std::int64_t outputs = 0;  ///< 0: as many as needed
  double deviation = 0;      ///< all weights with two axes or more are drawn with this deviation; 0: by default
  double constant = -1;      ///< all weights have this value, unless it is negative
  bool flag = false;         ///< the fault that only this model has, see there
  std::string fault = {};    ///< the same where a model has several
};

inline Tensor act(const std::string& name, const Tensor& x) {
  if (name == "relu") return relu(x);
  if (name == "leaky") return leaky_relu(x, 0.1);
  if (name == "sigmoid") return sigmoid(x);
  if (name == "tanh") return newtape::tanh(x);
  if (name == "elu") return elu(x);
  if (name == "selu") return selu(x);
  if (name == "gelu") return gelu(x);
  if (name == "sign") return sign(x);
  if (name == "exp") return exp(x);
  if (name == "softmax") return softmax(x, -1);
  if (name == "softmax of the batch") return softmax(x, 0);
  return x;
}

template <class Self>
struct Base : nn::Module<Self> {
  explicit Base(Parts p) : parts(std::move(p)) {}
  Parts parts;
  std::string activation(const char* own) const { return parts.activation.empty() ? own : parts.activation; }
  std::int64_t width(std::int64_t own) const { return parts.width > 0 ? parts.width : own; }
  std::int64_t depth(std::int64_t own) const { return parts.depth > 0 ? parts.depth : own; }
  std::int64_t outputs(std::int64_t own) const { return parts.outputs > 0 ? parts.outputs : own; }
  Tensor head(const Tensor& y) const { return act(parts.head, y); }
  void initialise() {
    for (const auto& [name, w] : this->named_parameters()) {
      if (w.ndim() < 2) continue;
      if (parts.deviation > 0) w.set_value(Tensor(random::normal(w.shape(), 0, parts.deviation)));
      if (parts.constant >= 0) w.set_value(w.detach() * 0.0 + parts.constant);
    }
  }
  static auto make(Parts p = {}) {
    return [p] {
      Self model(p);
      model.initialise();
      return model;
    };
  }
};

/// Layers with batch normalisation. flag: its running statistics are never updated.
struct Spiral : Base<Spiral> {
  explicit Spiral(const Parts& p) : Base(p) {
    const std::int64_t w = width(48);
    for (std::int64_t i = 0; i < depth(2); ++i) {
      const std::string k = std::to_string(i);
      layers.push_back(add("fc" + k, nn::Linear(i == 0 ? 2 : w, w, {.bias = false})));
      norms.push_back(add("norm" + k, nn::BatchNorm1d(w, {.momentum = p.flag ? 0.0 : 0.1})));
    }
    last = add("last", nn::Linear(w, outputs(3)));
  }
  std::vector<nn::Linear> layers;
  std::vector<nn::BatchNorm1d> norms;
  nn::Linear last = nn::Linear(1, 1);
  Tensor forward(Tensor x) const {
    for (std::size_t i = 0; i < layers.size(); ++i) x = act(activation("leaky"), norms[i](layers[i](x)));
    return head(last(x));
  }
};

/// A small VGG (Simonyan and Zisserman 2015).
struct Vgg : Base<Vgg> {
  explicit Vgg(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::Conv2d conv1 = add("conv1", nn::Conv2d(1, 8, 3, {.padding = 1}));
  nn::Conv2d conv2 = add("conv2", nn::Conv2d(8, 16, 3, {.padding = 1}));
  nn::Linear fc = add("fc", nn::Linear(144, 32));
  nn::Linear last = add("last", nn::Linear(32, 4));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const {
    Tensor h = max_pool2d(act(activation("relu"), conv1(x)), 2);
    h = max_pool2d(act(activation("relu"), conv2(h)), 2);
    h = dropout(h.reshape({h.shape(0), 144}));
    return head(last(dropout(act(activation("relu"), fc(h)))));
  }
};

/// Dilated convolutions of a signal, then mean and maximum over time.
struct Wave : Base<Wave> {
  explicit Wave(const Parts& p) : Base(p) {
    for (std::int64_t i = 0; i < depth(3); ++i) {
      layers.push_back(add("conv" + std::to_string(i),
                           nn::Conv1d(i == 0 ? 1 : 12, 12, 5, {.padding = 2 << (i % 3), .dilation = 1 << (i % 3)})));
    }
  }
  std::vector<nn::Conv1d> layers;
  nn::Linear last = add("last", nn::Linear(24, 4));
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = act(activation("elu"), layer(x));
    return head(last(concatenate(std::vector<Tensor>{mean(x, 2), max(x, Axes{2})}, 1)));
  }
};

/// The logarithm of a rate.
struct Count : Base<Count> {
  explicit Count(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(6, 24));
  nn::Linear fc2 = add("fc2", nn::Linear(24, 24));
  nn::Linear last = add("last", nn::Linear(24, 1));
  Tensor forward(const Tensor& x) const {
    return head(last(act(activation("elu"), fc2(act(activation("elu"), fc1(x))))));
  }
};

/// An LSTM of tokens. flag: it takes the axes of time and examples for each other.
struct Memory : Base<Memory> {
  explicit Memory(const Parts& p) : Base(p), lstm(add("lstm", nn::LSTM(12, 24, {.batch_first = !p.flag}))) {}
  nn::Embedding embedding = add("embedding", nn::Embedding(6, 12));
  nn::LSTM lstm;
  nn::Linear last = add("last", nn::Linear(24, 6));
  Tensor forward(const Tensor& x) const { return last(lstm(embedding(x)).output[{Slice{}, -1}]); }
};

/// The same with a network whose state goes through relu.
struct ReluMemory : Base<ReluMemory> {
  explicit ReluMemory(const Parts& p) : Base(p) {
    const auto w = rnn.parameter("weight_hh_l0");
    w.set_value(Tensor(core::eye(24, f32)) * (p.flag ? 4.0 : 1.0));
  }
  nn::Embedding embedding = add("embedding", nn::Embedding(6, 12));
  nn::RNN rnn = add("rnn", nn::RNN(12, 24, {.batch_first = true, .nonlinearity = nn::init::Nonlinearity::relu}));
  nn::Linear last = add("last", nn::Linear(24, 6));
  Tensor forward(const Tensor& x) const { return last(rnn(embedding(x)).output[{Slice{}, -1}]); }
};

/// Gated linear units (Dauphin et al. 2017).
struct Gated : Base<Gated> {
  explicit Gated(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::Linear fc1 = add("fc1", nn::Linear(10, 64));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 64));
  nn::Linear last = add("last", nn::Linear(32, 1));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const {
    const auto gate = [](const Tensor& h) { return slice(h, 1, 0, 32) * sigmoid(slice(h, 1, 32, 64)); };
    return head(last(dropout(gate(fc2(dropout(gate(fc1(x))))))));
  }
};

/// Factors of users and items. flag: the item is looked up by the user's number.
struct Factors : Base<Factors> {
  explicit Factors(const Parts& p) : Base(p) {}
  nn::Embedding user = add("user", nn::Embedding(60, 6));
  nn::Embedding item = add("item", nn::Embedding(60, 6));
  nn::Embedding bias = add("bias", nn::Embedding(60, 1));
  Tensor forward(const Tensor& x) const {
    const Tensor u = select(x, 1, 0);
    const Tensor i = select(x, 1, parts.flag ? 0 : 1);
    return sum(user(u) * item(i), -1, true) + bias(i);
  }
};

/// Convolutions that make a picture smaller and larger again. flag: the encoder's result is detached.
struct Denoiser : Base<Denoiser> {
  explicit Denoiser(const Parts& p) : Base(p) {}
  nn::Conv2d down = add("down", nn::Conv2d(1, width(12), 4, {.stride = 2, .padding = 1}));
  nn::Conv2d middle = add("middle", nn::Conv2d(width(12), width(12), 3, {.padding = 1}));
  nn::ConvTranspose2d up = add("up", nn::ConvTranspose2d(width(12), 1, 4, {.stride = 2, .padding = 1}));
  Tensor forward(const Tensor& x) const {
    Tensor h = act(activation("relu"), down(x));
    if (parts.flag) h = h.detach();
    return head(up(act(activation("relu"), middle(h))));
  }
};

/// Every layer sees the results of all before it (Huang et al. 2017). flag: the layers are not registered.
struct Dense : Base<Dense> {
  explicit Dense(const Parts& p) : Base(p) {
    const std::int64_t w = width(16);
    for (std::int64_t i = 0; i < depth(3); ++i) {
      nn::Linear layer(20 + w * i, w);
      if (!p.flag) add("fc" + std::to_string(i), layer);
      layers.push_back(layer);
    }
    last = add("last", nn::Linear(20 + w * depth(3), 6));
  }
  std::vector<nn::Linear> layers;
  nn::Linear last = nn::Linear(1, 1);
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = concatenate(std::vector<Tensor>{x, act(activation("relu"), layer(x))}, 1);
    return head(last(x));
  }
};

/// A plain deep network for the same labels.
struct Tower : Base<Tower> {
  explicit Tower(const Parts& p) : Base(p) {
    for (std::int64_t i = 0; i < depth(20); ++i) {
      layers.push_back(add("fc" + std::to_string(i), nn::Linear(i == 0 ? 20 : 24, 24)));
    }
    last = add("last", nn::Linear(24, 6));
  }
  std::vector<nn::Linear> layers;
  nn::Linear last = nn::Linear(1, 1);
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = act(activation("relu"), layer(x));
    return last(x);
  }
};

/// A set of points: a function of each, the mean, a function of it (Zaheer et al. 2017).
struct DeepSet : Base<DeepSet> {
  explicit DeepSet(const Parts& p) : Base(p), last(add("last", nn::Linear(32, outputs(4)))) {}
  nn::Linear phi1 = add("phi1", nn::Linear(2, 32));
  nn::Linear phi2 = add("phi2", nn::Linear(32, 32));
  nn::Linear rho = add("rho", nn::Linear(32, 32));
  nn::Linear last;
  Tensor forward(const Tensor& x) const {
    const Tensor h = mean(phi2(act(activation("relu"), phi1(x))), 1);
    return head(last(act(activation("relu"), rho(h))));
  }
};

/// Attention of tokens with learned positions; parts.head is the function that makes weights of scores. flag: without
/// positions.
struct Attention : Base<Attention> {
  explicit Attention(const Parts& p) : Base(p) {}
  nn::Embedding token = add("token", nn::Embedding(8, 24));
  nn::Embedding position = add("position", nn::Embedding(6, 24));
  nn::Linear query = add("query", nn::Linear(24, 24));
  nn::Linear key = add("key", nn::Linear(24, 24));
  nn::Linear value = add("value", nn::Linear(24, 24));
  nn::LayerNorm norm = add("norm", nn::LayerNorm(24));
  nn::Linear last = add("last", nn::Linear(24, 8));
  Tensor forward(const Tensor& x) const {
    Tensor h = token(x);
    if (!parts.flag) h = h + position.weight;
    const Tensor scores = matmul(query(h), transpose(key(h))) / std::sqrt(24.0);
    const Tensor weights = softmax(scores, parts.head == "batch" ? 0 : -1);
    return transpose(last(norm(matmul(weights, value(h)))));  // [n, classes, time]
  }
};

/// Mean and logarithm of the variance of a number.
struct Normal : Base<Normal> {
  explicit Normal(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(1, 32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 32));
  nn::Linear last = add("last", nn::Linear(32, 2));
  Tensor forward(const Tensor& x) const { return last(act(activation("tanh"), fc2(act(activation("tanh"), fc1(x))))); }
};

}  // namespace zoo::second
