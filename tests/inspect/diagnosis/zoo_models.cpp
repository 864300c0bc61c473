// SPDX-License-Identifier: BSD-3-Clause
#include "zoo.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/activation.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/pooling.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

namespace zoo {

using namespace newtape;

namespace {

const Op wrong_op{"zoo_wrong_gradient"};
/// A scaled tanh whose pullback forgets the square: 1 - y for 1 - y^2.
Tensor wrong_tanh(In x) {
  return wrong_op(core::tanh(x.value()), wrt(x, [](Cotangent g, const Tensor& y) { return g * (1.0 - y); }));
}

Tensor activate(const std::string& name, const Tensor& x) {
  if (name == "relu") return relu(x);
  if (name == "tanh") return newtape::tanh(x);
  if (name == "sigmoid") return sigmoid(x);
  if (name == "softmax") return softmax(x, -1);
  return x;
}

/// All models: layers that are applied in order, as the program says.
struct ZooNet : nn::Module<ZooNet> {
  explicit ZooNet(const Program& p) : program(p) {
    const std::int64_t outputs = p.outputs > 0 ? p.outputs : p.model == "regression" ? 1 : 10;
    if (p.model == "cnn" || p.model == "cnn_bn") {
      const bool bias = p.model == "cnn" || p.bias_before_norm;
      conv = add("conv", nn::Sequential(nn::Conv2d(1, 8, 3, {.bias = bias})));
      conv2 = add("conv2", nn::Sequential(nn::Conv2d(8, 16, 3, {.bias = bias})));
      if (p.model == "cnn_bn") {
        norm = add("norm", nn::Sequential(nn::BatchNorm2d(8)));
        norm2 = add("norm2", nn::Sequential(nn::BatchNorm2d(16)));
      }
      last = add("last", nn::Linear(16 * 4 * 4, outputs));
    } else if (p.model == "lstm") {
      lstm = add("lstm", nn::LSTM(8, 32, {.batch_first = true}));
      last = add("last", nn::Linear(32, outputs));
    } else if (p.model == "transformer") {
      embed = add("embed", nn::Sequential(nn::Linear(8, 16)));
      encoder = add("encoder", nn::Sequential(nn::TransformerEncoderLayer(
                                   16, 2, {.dim_feedforward = 32, .dropout = 0, .batch_first = true})));
      last = add("last", nn::Linear(16, outputs));
    } else {
      const std::int64_t inputs = p.model == "regression" ? 10 : 64;
      for (std::int64_t i = 0; i + 1 < p.depth + 1; ++i) {
        hidden.push_back(add("fc" + std::to_string(i + 1), nn::Linear(i == 0 ? inputs : 32, 32)));
      }
      last = add("last", nn::Linear(32, outputs));
    }
    if (p.unused_layer) unused = add("unused", nn::Sequential(nn::Linear(4, 4)));
    if (p.dropout > 0) dropout = add("dropout", nn::Dropout(p.dropout));
  }

  Tensor features(const Tensor& x) const {
    const auto& a = program.activation;
    if (program.model == "cnn" || program.model == "cnn_bn") {
      Tensor h = conv(x.reshape({x.shape(0), 1, 8, 8}));
      if (norm.size() > 0) h = norm(h);
      h = conv2(activate(a, h));
      if (norm2.size() > 0) h = norm2(h);
      return activate(a, h).reshape({x.shape(0), 256});
    }
    const Tensor rows = x.reshape({x.shape(0), -1});
    if (program.model == "lstm") {
      const auto out = lstm(x.reshape({x.shape(0), 8, 8})).output;
      return out[{all, -1}];
    }
    if (program.model == "transformer") return mean(encoder(embed(x.reshape({x.shape(0), 8, 8}))), 1);
    Tensor h = rows;
    for (const auto& layer : hidden) h = activate(a, layer(h));
    return h;
  }
  Tensor forward(const Tensor& x) const {
    Tensor h = features(x);
    if (program.dropout > 0) h = dropout(h);
    if (program.wrong_gradient) h = wrong_tanh(h);
    return activate(program.head, last(h));
  }

  Program program;
  std::vector<nn::Linear> hidden;
  nn::Sequential conv, conv2, norm, norm2, embed, encoder, unused;
  nn::LSTM lstm = nn::LSTM(1, 1);
  nn::Dropout dropout = nn::Dropout(0.0);
  nn::Linear last = nn::Linear(1, 1);
  static constexpr Slice all{};
};

void initialise(const ZooNet& net, const Program& p) {
  for (const auto& [name, w] : net.named_parameters()) {
    if (w.ndim() >= 2 && p.weight_factor != 1) w.set_value(w.detach() * p.weight_factor);
    if (w.ndim() >= 2 && p.weight_constant >= 0) w.set_value(full(w.shape(), p.weight_constant, w.dtype()));
    if (w.ndim() == 1 && p.bias_shift != 0 && name.find("last") == std::string::npos) {
      w.set_value(w.detach() + p.bias_shift);
    }
    if (p.forget_bias != 0 && name.find("bias_ih") != std::string::npos) {
      Array values = core::copy(w.value());
      auto* v = values.data<float>();
      for (std::int64_t i = w.size() / 4; i < w.size() / 2; ++i) v[i] += static_cast<float>(p.forget_bias);
      w.set_value(Tensor(values));
    }
    if (p.freeze && name.find("last") == std::string::npos) w.requires_grad(false);
  }
}

class ZooTrainee final : public inspect::Trainee {
 public:
  explicit ZooTrainee(const Program& p) : program_(p), net_(p) {
    initialise(net_, p);
    auto params = net_.parameters();
    if (p.holds_first_layer_only) params.resize(1);
    if (p.sgd) {
      optimizer_ = std::make_unique<optim::SGD>(
          params, optim::SGDOptions{.lr = p.lr, .momentum = p.momentum, .weight_decay = p.weight_decay});
    } else {
      optimizer_ =
          std::make_unique<optim::Adam>(params, optim::AdamOptions{.lr = p.lr, .weight_decay = p.weight_decay});
    }
    if (p.second_lr > 0) second_ = std::make_unique<optim::Adam>(params, optim::AdamOptions{.lr = p.second_lr});
  }
  const nn::ModuleBase& model() const override { return net_; }
  optim::Optimizer& optimizer() override { return *optimizer_; }
  Tensor forward(const Tensor& x) const override { return net_(x); }
  Tensor step(const inspect::TrainingBatch& batch) override {
    if (program_.evaluation_mode) net_.eval();
    if (program_.clears_gradients) optimizer_->zero_grad();
    const Tensor loss = batch.loss(net_(batch.x), batch.y);
    loss.backward();
    if (program_.clip > 0) optim::clip_grad_norm(net_.parameters(), program_.clip);
    optimizer_->step();
    if (second_) second_->step();
    if (program_.shrink != 1) {
      for (const auto& p : net_.parameters()) p.set_value(p.detach() * program_.shrink);
    }
    if (program_.evaluates && steps_++ % 10 == 0) {
      const NoGrad off;
      net_(batch.x);
    }
    if (program_.lr_decay != 1) optimizer_->set_lr(optimizer_->lr() * program_.lr_decay);
    return loss;
  }

 private:
  Program program_;
  ZooNet net_;
  std::unique_ptr<optim::Optimizer> optimizer_, second_;
  std::int64_t steps_ = 0;
};

constexpr const char* model_names[] = {"mlp", "regression", "cnn", "cnn_bn", "lstm", "transformer"};

/// A smooth function of ten normal inputs.
data::Dataset regression_set(std::int64_t n, Generator& g) {
  const Tensor x = random::normal({n, 10}, 0, 1, f32, g);
  const Tensor y =
      newtape::abs(x[{ZooNet::all, Slice(0, 1)}]) + x[{ZooNet::all, Slice(1, 2)}] - x[{ZooNet::all, Slice(2, 3)}];
  return {x, y};
}

}  // namespace

std::span<const char* const> models() { return model_names; }

Program healthy(const std::string& model, std::uint64_t seed) {
  Program p;
  p.model = model;
  Generator g(1000 + seed);
  if (model == "regression") {
    p.lr = 1e-2;
    p.data.train = regression_set(600, g);
    p.data.test = regression_set(200, g);
    p.data.loss = [](const Tensor& out, const Tensor& y) { return nn::mse_loss(out, y); };
    return p;
  }
  if (model == "lstm") p.lr = 1e-2;
  const auto parts = data::digits().train.split({900, 300, -1}, g);
  const auto flat = [](const data::Dataset& set) {
    return data::Dataset{Tensor(set.array(0)).reshape({set.size(), 64}), set.array(1)};
  };
  p.data.train = flat(parts[0]);
  p.data.test = flat(parts[1]);
  p.data.loss = [](const Tensor& out, const Tensor& y) { return nn::cross_entropy(out, y); };
  return p;
}

inspect::TraineeFactory factory(const Program& program) {
  return [program] { return std::make_unique<ZooTrainee>(program); };
}

inspect::Diagnosis diagnose(const Program& program, std::uint64_t seed, std::int64_t steps) {
  return inspect::diagnose(factory(program), program.data, {.steps = steps, .seed = seed});
}

}  // namespace zoo
