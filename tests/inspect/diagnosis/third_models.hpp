// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_models.hpp"
#include "third_data.hpp"

#include <newtape/autograd/ops/index.hpp>

#include <cmath>
#include <string>
#include <vector>

/// Architectures of the third programs, with the faults that can be planted in them.
namespace zoo::third {

using namespace newtape;
using second::act;
using second::Base;
using second::Parts;

/// A perceptron with one logit. flag: without layers before the last.
struct Board : Base<Board> {
  explicit Board(const Parts& p) : Base(p) {
    for (std::int64_t i = 0; i < 2 && !p.flag; ++i) {
      layers.push_back(add("fc" + std::to_string(i), nn::Linear(i == 0 ? 2 : width(40), width(40))));
    }
    last = add("last", nn::Linear(p.flag ? 2 : width(40), 1));
  }
  std::vector<nn::Linear> layers;
  nn::Linear last = nn::Linear(1, 1);
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = act(activation("tanh"), layer(x));
    return head(last(x));
  }
};

/// Messages along edges (Kipf and Welling 2017), summed over nodes. flag: nodes hear themselves only.
struct Graph : Base<Graph> {
  explicit Graph(const Parts& p) : Base(p), last(add("last", nn::Linear(32, outputs(4)))) {}
  nn::Linear own1 = add("own1", nn::Linear(3, 32));
  nn::Linear others1 = add("others1", nn::Linear(3, 32));
  nn::Linear own2 = add("own2", nn::Linear(32, 32));
  nn::Linear others2 = add("others2", nn::Linear(32, 32));
  nn::Linear last;
  Tensor forward(const Tensor& x) const {
    Tensor h = slice(x, 2, 0, 3);
    const Tensor edges = parts.flag ? Tensor(core::eye(8, f32)) : slice(x, 2, 3, 11) / 2.0;
    h = act(activation("relu"), own1(h) + others1(matmul(edges, h)));
    h = act(activation("relu"), own2(h) + others2(matmul(edges, h)));
    return head(last(mean(h, 1)));
  }
};

/// A wide and a deep part (Cheng et al. 2016).
struct Wide : Base<Wide> {
  explicit Wide(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::Linear wide = add("wide", nn::Linear(7, 1));
  nn::Linear deep1 = add("deep1", nn::Linear(7, 48));
  nn::Linear deep2 = add("deep2", nn::Linear(48, 48));
  nn::Linear last = add("last", nn::Linear(48, 1, {.bias = false}));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const {
    const Tensor h = dropout(act(activation("relu"), deep2(act(activation("relu"), deep1(x)))));
    return head(wide(x) + last(h));
  }
};

/// The distance of two encodings (Bromley et al. 1993). flag: of the first with itself. head "root": its square root.
struct Siamese : Base<Siamese> {
  explicit Siamese(const Parts& p) : Base(p) {
    last.weight.set_value(last.weight.detach() * 0.0 - 3.0);  // far apart is no
    last.bias.set_value(last.bias.detach() * 0.0 + 1.0);
  }
  nn::Linear fc1 = add("fc1", nn::Linear(8, 32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 8));
  nn::Linear last = add("last", nn::Linear(1, 1));
  Tensor encode(const Tensor& x) const { return fc2(act(activation("relu"), fc1(x))); }
  Tensor forward(const Tensor& x) const {
    const Tensor off = encode(select(x, 1, 0)) - encode(select(x, 1, parts.flag ? 0 : 1));
    const Tensor squared = mean(square(off), -1, true);
    return last(parts.head == "root" ? sqrt(squared) : squared);
  }
};

/// A linear model of margins.
struct Margin : Base<Margin> {
  explicit Margin(const Parts& p) : Base(p), last(add("last", nn::Linear(12, outputs(5)))) {}
  nn::Linear last;
  Tensor forward(const Tensor& x) const { return head(last(x)); }
};

/// Experts and a gate that mixes them (Jacobs et al. 1991). flag: the gate's softmax is over the examples.
struct Experts : Base<Experts> {
  explicit Experts(const Parts& p) : Base(p) {}
  nn::Linear experts = add("experts", nn::Linear(4, 8));
  nn::Linear gate1 = add("gate1", nn::Linear(4, 32));
  nn::Linear gate2 = add("gate2", nn::Linear(32, 8));
  Tensor forward(const Tensor& x) const {
    const Tensor g = softmax(gate2(act(activation("relu"), gate1(x))), parts.flag ? 0 : 1);
    return head(sum(experts(x) * g, 1, true));
  }
};

/// A GRU that names a class at each step. flag: the sequence is read from its end.
struct Tagger : Base<Tagger> {
  explicit Tagger(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::GRU gru = add("gru", nn::GRU(1, 20, {.batch_first = true}));
  nn::Linear last = add("last", nn::Linear(20, 2));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const {
    const Tensor h = gru(parts.flag ? flip(x, {1}) : x).output;
    return transpose(last(dropout(h)));  // [n, classes, time]
  }
};

/// Convolutions by channel and across them (Howard et al. 2017), with batch normalisation.
struct Mobile : Base<Mobile> {
  explicit Mobile(const Parts& p) : Base(p) {}
  nn::Conv2d first = add("first", nn::Conv2d(3, 12, 3, {.padding = 1, .bias = false}));
  nn::BatchNorm2d norm1 = add("norm1", nn::BatchNorm2d(12));
  nn::Conv2d each = add("each", nn::Conv2d(12, 12, 3, {.stride = 2, .padding = 1, .groups = 12, .bias = false}));
  nn::Conv2d across = add("across", nn::Conv2d(12, 24, 1, {.bias = false}));
  nn::BatchNorm2d norm2 = add("norm2", nn::BatchNorm2d(24));
  nn::Linear last = add("last", nn::Linear(24, 5));
  Tensor forward(const Tensor& x) const {
    Tensor h = act(activation("relu"), norm1(first(x)));
    h = act(activation("relu"), norm2(across(each(h))));
    return head(last(mean(h, {2, 3})));
  }
};

/// An MLP-Mixer (Tolstikhin et al. 2021). flag: tokens are mixed over the batch.
struct Mixer : Base<Mixer> {
  explicit Mixer(const Parts& p) : Base(p) {}
  nn::Linear embed = add("embed", nn::Linear(16, 24));
  nn::LayerNorm norm1 = add("norm1", nn::LayerNorm(24));
  nn::Linear tokens1 = add("tokens1", nn::Linear(4, 16));
  nn::Linear tokens2 = add("tokens2", nn::Linear(16, 4));
  nn::LayerNorm norm2 = add("norm2", nn::LayerNorm(24));
  nn::Linear channels1 = add("channels1", nn::Linear(24, 48));
  nn::Linear channels2 = add("channels2", nn::Linear(48, 24));
  nn::Linear last = add("last", nn::Linear(96, 4));
  Tensor forward(const Tensor& x) const {
    Tensor h = embed(x);  // [n, 4, 24]
    const auto n = h.shape(0);
    // What should be a transposition takes the elements in their order: of other examples too.
    const auto turned = [&](const Tensor& t, std::int64_t length) {
      return parts.flag ? permute(t, {1, 2, 0}).reshape({n, -1, length}) : transpose(t);
    };
    const Tensor mixed = tokens2(act(activation("gelu"), tokens1(turned(norm1(h), 4))));
    h = h + turned(mixed, 24);
    h = h + channels2(act(activation("gelu"), channels1(norm2(h))));
    return head(last(h.reshape({n, 96})));
  }
};

/// Sines of a coordinate (Sitzmann et al. 2020). deviation 0: that of the paper.
struct Siren : Base<Siren> {
  explicit Siren(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(1, 40));
  nn::Linear fc2 = add("fc2", nn::Linear(40, 40));
  nn::Linear last = add("last", nn::Linear(40, 1));
  Tensor forward(const Tensor& x) const {
    const double frequency = parts.flag ? 0.02 : 10.0;
    return head(last(sin(fc2(sin(frequency * fc1(x))) * 2.0)));
  }
};

/// The mean of words' vectors, and a function of it.
struct Words : Base<Words> {
  explicit Words(const Parts& p) : Base(p) {}
  nn::Embedding embedding = add("embedding", nn::Embedding(80, width(16)));
  nn::Linear fc = add("fc", nn::Linear(width(16), 24));
  nn::Linear last = add("last", nn::Linear(24, 5));
  Tensor forward(const Tensor& x) const { return head(last(act(activation("relu"), fc(mean(embedding(x), 1))))); }
};

/// A variational autoencoder (Kingma and Welling 2014), whose divergence is added in the step.
struct Vae : Base<Vae> {
  explicit Vae(const Parts& p) : Base(p) {}
  nn::Linear encode = add("encode", nn::Linear(6, 32));
  nn::Linear code = add("code", nn::Linear(32, 4));
  nn::Linear decode = add("decode", nn::Linear(2, 32));
  nn::Linear last = add("last", nn::Linear(32, 6));
  Tensor codes(const Tensor& x) const { return code(act(activation("tanh"), encode(x))); }
  Tensor divergence(const Tensor& x) const {
    const Tensor c = codes(x);
    const Tensor m = slice(c, 1, 0, 2);
    const Tensor v = slice(c, 1, 2, 4);
    return 0.5 * mean(square(m) + exp(v) - v - 1.0);
  }
  Tensor forward(const Tensor& x) const {
    const Tensor c = codes(x);
    Tensor z = slice(c, 1, 0, 2);
    if (this->is_training()) z = z + exp(0.5 * slice(c, 1, 2, 4)) * Tensor(random::normal(z.shape(), 0, 1, f32));
    return head(last(act(activation("tanh"), decode(z))));
  }
};

}  // namespace zoo::third
