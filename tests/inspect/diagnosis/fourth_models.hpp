// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_models.hpp"

#include <newtape/autograd/ops/index.hpp>

#include <cmath>
#include <string>
#include <vector>

/// Architectures of the fourth programs, with the faults that can be planted in them.
namespace zoo::fourth {

using namespace newtape;
using second::act;
using second::Base;
using second::Parts;

/// A dense autoencoder. width: of the code.
struct Codec : Base<Codec> {
  explicit Codec(const Parts& p) : Base(p) {}
  nn::Linear encode1 = add("encode1", nn::Linear(24, 32));
  nn::Linear encode2 = add("encode2", nn::Linear(32, width(6)));
  nn::Linear decode1 = add("decode1", nn::Linear(width(6), 32));
  nn::Linear decode2 = add("decode2", nn::Linear(32, 24));
  Tensor code(const Tensor& x) const { return encode2(act(activation("elu"), encode1(x))); }
  Tensor forward(const Tensor& x) const { return head(decode2(act(activation("elu"), decode1(code(x))))); }
};

/// The distance of two embeddings. fault "one": the second is embedded by layers of its own, which start elsewhere.
struct Contrast : Base<Contrast> {
  explicit Contrast(const Parts& p) : Base(p) {
    if (p.fault == "one") other = add("other", nn::Linear(10, 24));
  }
  nn::Linear fc1 = add("fc1", nn::Linear(10, 24));
  nn::Linear fc2 = add("fc2", nn::Linear(24, 6));
  nn::Linear other = nn::Linear(1, 1);
  Tensor embed(const nn::Linear& layer, const Tensor& x) const { return fc2(act(activation("relu"), layer(x))); }
  Tensor forward(const Tensor& x) const {
    const Tensor a = embed(fc1, select(x, 1, 0));
    const Tensor b = embed(parts.fault == "one" ? other : fc1, select(x, 1, 1));
    return sqrt(sum(square(a - b), -1, true) + 1e-6);
  }
};

/// A GRU that reads words. fault "first": its result at the first word.
struct Reader : Base<Reader> {
  explicit Reader(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::Embedding embedding = add("embedding", nn::Embedding(30, 12));
  nn::GRU gru = add("gru", nn::GRU(12, 24, {.batch_first = true}));
  nn::Linear last = add("last", nn::Linear(24, outputs(4)));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const {
    const Tensor h = gru(dropout(embedding(x))).output;
    return head(last(dropout(select(h, 1, parts.fault == "first" ? 0 : h.shape(1) - 1))));
  }
};

/// Residual blocks of a perceptron. flag: the last layers of the blocks start at 0 (Zhang et al. 2019). fault "detach": the
/// trunk's result is detached; "new": the first layer is made in each call; "round": results are rounded.
struct Residual : Base<Residual> {
  explicit Residual(const Parts& p) : Base(p) {
    for (std::int64_t i = 0; i < depth(3); ++i) {
      const std::string k = std::to_string(i);
      up.push_back(add("up" + k, nn::Linear(32, 32)));
      down.push_back(add("down" + k, nn::Linear(32, 32)));
      if (p.flag) down.back().weight.set_value(down.back().weight.detach() * 0.0);
    }
  }
  nn::Linear in = add("in", nn::Linear(8, 32));
  std::vector<nn::Linear> up, down;
  nn::Linear last = add("last", nn::Linear(32, 1));
  Tensor forward(const Tensor& x) const {
    Tensor h = parts.fault == "new" ? nn::Linear(8, 32)(x) : in(x);
    for (std::size_t i = 0; i < up.size(); ++i) h = h + down[i](act(activation("relu"), up[i](h)));
    if (parts.fault == "detach") h = h.detach();
    const Tensor y = head(last(h));
    return parts.fault == "round" ? round(2.0 * y) / 2.0 : y;
  }
};

/// Scores of four arms.
struct Policy : Base<Policy> {
  explicit Policy(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(8, 32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 32));
  nn::Linear last = add("last", nn::Linear(32, 4));
  Tensor forward(const Tensor& x) const {
    return head(last(act(activation("tanh"), fc2(act(activation("tanh"), fc1(x))))));
  }
};

/// Neural collaborative filtering (He et al. 2017). fault "buckets": numbers are cut to three; "cold": scores are divided by
/// a thousand.
struct Ncf : Base<Ncf> {
  explicit Ncf(const Parts& p) : Base(p) {}
  nn::Embedding user = add("user", nn::Embedding(40, 8));
  nn::Embedding item = add("item", nn::Embedding(40, 8));
  nn::Linear fc = add("fc", nn::Linear(24, 32));
  nn::Linear last = add("last", nn::Linear(32, 1));
  Tensor forward(const Tensor& x) const {
    const auto number = [&](std::int64_t column) {
      const Tensor i = select(x, 1, column);
      return parts.fault == "buckets" ? remainder(i, 3) : i;
    };
    const Tensor u = user(number(0));
    const Tensor v = item(number(1));
    const Tensor y = last(act(activation("relu"), fc(concatenate(std::vector<Tensor>{u, v, u * v}, 1))));
    return head(parts.fault == "cold" ? y / 1000.0 : y);
  }
};

/// A small vision transformer (Dosovitskiy et al. 2021). fault "place": without positions; "queries": the softmax is over
/// queries; "batch": over pictures; "pixels": patches are cut out of the wrong axes.
struct Vit : Base<Vit> {
  explicit Vit(const Parts& p) : Base(p) {}
  nn::Linear patch = add("patch", nn::Linear(16, 24));
  nn::Embedding position = add("position", nn::Embedding(9, 24));
  nn::LayerNorm norm1 = add("norm1", nn::LayerNorm(24));
  nn::Linear qkv = add("qkv", nn::Linear(24, 72));
  nn::Linear out = add("out", nn::Linear(24, 24));
  nn::LayerNorm norm2 = add("norm2", nn::LayerNorm(24));
  nn::Linear up = add("up", nn::Linear(24, 48));
  nn::Linear down = add("down", nn::Linear(48, 24));
  nn::LayerNorm norm3 = add("norm3", nn::LayerNorm(24));
  nn::Linear last = add("last", nn::Linear(24, outputs(4)));
  Tensor forward(const Tensor& x) const {
    const auto n = x.shape(0);
    const Tensor tiles = parts.fault == "pixels"
                             ? permute(x.reshape({-1, n, 12, 12}), {2, 1, 0, 3}).reshape({n, 9, 16})
                             : permute(x.reshape({n, 3, 4, 3, 4}), {0, 1, 3, 2, 4}).reshape({n, 9, 16});
    Tensor h = patch(tiles);
    if (parts.fault != "place") h = h + position.weight;
    const Tensor all = qkv(norm1(h));
    const auto part = [&](std::int64_t k) { return slice(all, 2, 24 * k, 24 * (k + 1)); };
    const Tensor scores = matmul(part(0), transpose(part(1))) / std::sqrt(24.0);
    const std::int64_t axis = parts.fault == "queries" ? 1 : parts.fault == "batch" ? 0 : 2;
    h = h + out(matmul(softmax(scores, axis), part(2)));
    h = h + down(act(activation("gelu"), up(norm2(h))));
    return head(last(mean(norm3(h), 1)));
  }
};

/// A U-Net of two levels (Ronneberger et al. 2015). fault "axes": pixels and classes of the result are taken for each other.
struct Unet : Base<Unet> {
  explicit Unet(const Parts& p) : Base(p) {}
  nn::Conv2d fine = add("fine", nn::Conv2d(1, 8, 3, {.padding = 1}));
  nn::Conv2d coarse = add("coarse", nn::Conv2d(8, 12, 3, {.stride = 2, .padding = 1}));
  nn::ConvTranspose2d up = add("up", nn::ConvTranspose2d(12, 8, 2, {.stride = 2}));
  nn::Conv2d last = add("last", nn::Conv2d(16, 2, 3, {.padding = 1}));
  Tensor forward(const Tensor& x) const {
    const Tensor a = act(activation("relu"), fine(x));
    const Tensor b = act(activation("relu"), up(act(activation("relu"), coarse(a))));
    const Tensor y = last(concatenate(std::vector<Tensor>{a, b}, 1));
    if (parts.fault == "axes") return permute(y, {0, 2, 3, 1}).reshape(y.shape());
    return head(y);
  }
};

/// An LSTM that continues a signal.
struct Forecast : Base<Forecast> {
  explicit Forecast(const Parts& p) : Base(p) {}
  nn::LSTM lstm = add("lstm", nn::LSTM(1, 20, {.batch_first = true}));
  nn::Linear last = add("last", nn::Linear(20, 1));
  Tensor forward(const Tensor& x) const {
    const Tensor h = lstm(x).output;
    return head(last(select(h, 1, h.shape(1) - 1)));
  }
};

/// Residual convolutions of a signal with batch normalisation.
struct Heart : Base<Heart> {
  explicit Heart(const Parts& p) : Base(p) {}
  nn::Conv1d in = add("in", nn::Conv1d(1, 12, 5, {.padding = 2, .bias = false}));
  nn::BatchNorm1d norm1 = add("norm1", nn::BatchNorm1d(12));
  nn::Conv1d wide = add("wide", nn::Conv1d(12, 12, 7, {.padding = 6, .dilation = 2, .bias = false}));
  nn::BatchNorm1d norm2 = add("norm2", nn::BatchNorm1d(12));
  nn::Conv1d wider = add("wider", nn::Conv1d(12, 12, 5, {.padding = 8, .dilation = 4, .bias = false}));
  nn::BatchNorm1d norm3 = add("norm3", nn::BatchNorm1d(12));
  nn::Linear last = add("last", nn::Linear(24, outputs(3)));
  Tensor forward(const Tensor& x) const {
    Tensor h = act(activation("relu"), norm1(in(x)));
    h = h + act(activation("relu"), norm2(wide(h)));
    h = h + act(activation("relu"), norm3(wider(h)));
    return head(last(concatenate(std::vector<Tensor>{mean(h, 2), max(h, Axes{2})}, 1)));
  }
};

/// A linear model.
struct Price : Base<Price> {
  explicit Price(const Parts& p) : Base(p) {}
  nn::Linear last = add("last", nn::Linear(9, 1));
  Tensor forward(const Tensor& x) const { return head(last(x)); }
};

/// A trunk with three heads.
struct Heads : Base<Heads> {
  explicit Heads(const Parts& p) : Base(p) {}
  nn::Linear trunk1 = add("trunk1", nn::Linear(6, 48));
  nn::Linear trunk2 = add("trunk2", nn::Linear(48, 48));
  nn::Linear head1 = add("head1", nn::Linear(48, 1));
  nn::Linear head2 = add("head2", nn::Linear(48, 1));
  nn::Linear head3 = add("head3", nn::Linear(48, 1));
  Tensor forward(const Tensor& x) const {
    const Tensor h = act(activation("elu"), trunk2(act(activation("elu"), trunk1(x))));
    return head(concatenate(std::vector<Tensor>{head1(h), head2(h), head3(parts.flag ? h.detach() * 0.0 : h)}, 1));
  }
};

/// Convolutions with group normalisation whose channels are weighted (Hu et al. 2018).
struct Badge : Base<Badge> {
  explicit Badge(const Parts& p) : Base(p) {}
  nn::Conv2d conv1 = add("conv1", nn::Conv2d(3, 12, 3, {.padding = 1}));
  nn::GroupNorm norm1 = add("norm1", nn::GroupNorm(3, 12));
  nn::Conv2d conv2 = add("conv2", nn::Conv2d(12, 16, 3, {.stride = 2, .padding = 1}));
  nn::GroupNorm norm2 = add("norm2", nn::GroupNorm(4, 16));
  nn::Linear squeeze = add("squeeze", nn::Linear(16, 8));
  nn::Linear excite = add("excite", nn::Linear(8, 16));
  nn::Linear last = add("last", nn::Linear(16, outputs(6)));
  Tensor forward(const Tensor& x) const {
    Tensor h = act(activation("relu"), norm1(conv1(x)));
    h = act(activation("relu"), norm2(conv2(h)));
    const Tensor w = sigmoid(excite(relu(squeeze(mean(h, {2, 3})))));
    return head(last(max(h * w.reshape({w.shape(0), 16, 1, 1}), Axes{2, 3})));
  }
};

}  // namespace zoo::fourth
