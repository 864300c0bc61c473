// SPDX-License-Identifier: BSD-3-Clause
// The third set, in the form of the second: decided when its mends were written, and before any of it was run.
#include "second.hpp"
#include "second_models.hpp"
#include "second_steps.hpp"

#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <cmath>

namespace zoo {

using namespace second;

namespace third {

using Seed = std::uint64_t;

TrainingData parts(const Tensor& x, const Tensor& y, std::int64_t n, inspect::LossFunction loss) {
  const auto cut = data::Dataset{x, y}.split({n, -1});
  return {.train = cut[0], .loss = std::move(loss), .test = cut[1]};
}
Tensor class_loss(const Tensor& o, const Tensor& y) { return nn::cross_entropy(o, y); }
Tensor binary_loss(const Tensor& o, const Tensor& y) { return nn::binary_cross_entropy_with_logits(o, y); }
Tensor square_loss(const Tensor& o, const Tensor& y) { return nn::mse_loss(o, y); }

/// Two items of eight numbers: whether they are noisy pictures of the same. [2, 8] -> [1]
TrainingData pairs(Seed s) {
  Generator g(51000 + s);
  const Tensor a = random::normal({1200, 8}, 0, 1, f32, g);
  const Tensor other = random::normal({1200, 8}, 0, 1, f32, g);
  const Tensor same = random::bernoulli({1200, 1}, 0.5, f32, g);
  const Tensor b = same * a + (1.0 - same) * other + Tensor(random::normal({1200, 8}, 0, 0.3, f32, g));
  return parts(stack(std::vector<Tensor>{a, b}, 1), same, 900, binary_loss);
}
/// A bag of ten words of fifty, each with an opinion: the sign of their sum. [10] -> class
TrainingData opinions(Seed s) {
  Generator g(52000 + s);
  const Tensor worth = random::normal({50}, 0, 1, f32, g);
  const Tensor x = random::integers({1400, 10}, 0, 50, g);
  return parts(x, (sum(take(worth, x), 1) > 0).to(i64), 1100, class_loss);
}
/// Which pixels of a picture with noise belong to the shape. [1, 12, 12] -> [12, 12] classes
TrainingData masks(Seed s) {
  auto data = pictures(s);
  data = targets(data, [](const Tensor& y) { return y.reshape({y.shape(0), 12, 12}).to(i64); });
  data.loss = class_loss;
  return data;
}
/// After each token of 0 and 1, whether the last two differ. [9] -> [9] classes
TrainingData changes(Seed s) {
  Generator g(54000 + s);
  const Tensor x = random::integers({1100, 9}, 0, 2, g);
  const Tensor before = concatenate(std::vector<Tensor>{slice(x, 1, 0, 1), slice(x, 1, 0, 8)}, 1);
  return parts(x, (x == before).to(i64), 900, class_loss);
}
/// Five clusters that overlap little. [8] -> class
TrainingData clusters(Seed s) {
  Generator g(55000 + s);
  const Tensor centres = random::normal({10, 8}, 0, 1.3, f32, g);
  const Tensor which = random::integers({1000}, 0, 10, g);
  const Tensor x = take(centres, which) + Tensor(random::normal({1000, 8}, 0, 0.7, f32, g));
  return parts(x, remainder(which, 5), 700, class_loss);
}
/// The state of a damped pendulum a while later. [2] -> [2]
TrainingData pendulum(Seed s) {
  Generator g(56000 + s);
  const Tensor start = random::uniform({1200, 2}, -2.5, 2.5, f32, g);
  Tensor angle = slice(start, 1, 0, 1);
  Tensor speed = slice(start, 1, 1, 2);
  for (int i = 0; i < 20; ++i) {
    speed = speed - 0.05 * (2.0 * sin(angle) + 0.1 * speed);
    angle = angle + 0.05 * speed;
  }
  return parts(start, concatenate(std::vector<Tensor>{angle, speed}, 1), 900, square_loss);
}

/// The same network for both items. flag: both times the first.
struct Siamese : Base<Siamese> {
  explicit Siamese(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(8, 32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 16));
  nn::Linear last = add("last", nn::Linear(16, 1));
  Tensor code(const Tensor& x) const { return fc2(relu(fc1(x))); }
  Tensor forward(const Tensor& x) const {
    return last(newtape::abs(code(select(x, 1, 0)) - code(select(x, 1, parts.flag ? 0 : 1))));
  }
};
struct Bag : Base<Bag> {
  explicit Bag(const Parts& p) : Base(p) {}
  nn::Embedding words = add("words", nn::Embedding(50, 8));
  nn::Linear last = add("last", nn::Linear(8, 2));
  Tensor forward(const Tensor& x) const { return last(mean(words(x), 1)); }
};
struct Segmenter : Base<Segmenter> {
  explicit Segmenter(const Parts& p) : Base(p) {
    for (std::int64_t i = 0; i < depth(2); ++i) {
      layers.push_back(add("conv" + std::to_string(i), nn::Conv2d(i == 0 ? 1 : 12, 12, 3, {.padding = 1})));
    }
  }
  std::vector<nn::Conv2d> layers;
  nn::Conv2d last = add("last", nn::Conv2d(12, 2, 3, {.padding = 1}));
  Tensor forward(Tensor x) const {
    for (const auto& layer : layers) x = act(activation("relu"), layer(x));
    return head(last(x));
  }
};
/// flag: axes of time and examples taken for each other.
struct Tagger : Base<Tagger> {
  explicit Tagger(const Parts& p) : Base(p), gru(add("gru", nn::GRU(6, 16, {.batch_first = !p.flag}))) {}
  nn::Embedding token = add("token", nn::Embedding(2, 6));
  nn::GRU gru;
  nn::Linear last = add("last", nn::Linear(16, 2));
  Tensor forward(const Tensor& x) const { return transpose(last(gru(token(x)).output)); }
};
struct Normalised : Base<Normalised> {
  explicit Normalised(const Parts& p) : Base(p), dropout(add("dropout", nn::Dropout(p.dropout))) {}
  nn::Linear fc1 = add("fc1", nn::Linear(8, 32));
  nn::LayerNorm norm = add("norm", nn::LayerNorm(32));
  nn::Linear fc2 = add("fc2", nn::Linear(32, 32));
  nn::Linear last = add("last", nn::Linear(32, 5));
  nn::Dropout dropout;
  Tensor forward(const Tensor& x) const { return last(dropout(mish(fc2(dropout(mish(norm(fc1(x)))))))); }
};
/// Steps of one network that are added up.
struct Flow : Base<Flow> {
  explicit Flow(const Parts& p) : Base(p) {}
  nn::Linear fc1 = add("fc1", nn::Linear(2, 24));
  nn::Linear fc2 = add("fc2", nn::Linear(24, 2));
  Tensor forward(Tensor x) const {
    for (int i = 0; i < 4; ++i) x = x + 0.25 * fc2(newtape::tanh(fc1(x)));
    return head(x);
  }
};

double class_error(const Tensor& o, const Tensor& y) {
  return 1 - mean((argmax(o, 1) == y).to(f64)).item<double>();
}
double binary_error(const Tensor& o, const Tensor& y) {
  return mean(((o > 0) != (y > 0.5)).to(f64)).item<double>();
}
double square_error(const Tensor& o, const Tensor& y) {
  return (mean(square(o - y)) / mean(square(y - mean(y)))).to(f64).item<double>();
}

auto accumulating() {
  return [](const auto& model, optim::Optimizer& optimizer, const inspect::TrainingBatch& b) {
    const Tensor loss = b.loss(model(b.x), b.y);
    loss.backward();
    optimizer.step();
    return loss;
  };
}
const std::vector<const char*> high{"rate_too_high", "unstable_sharpness", "oscillation"};

std::vector<SecondProgram> healthy() {
  return {
      {"pairs", nullptr, {}, [](Seed s) { return trial(pairs(s), Siamese::make(), adam(5e-3), 250); }},
      {"opinions", nullptr, {}, [](Seed s) { return trial(opinions(s), Bag::make(), adam(3e-2)); }},
      {"masks", nullptr, {}, [](Seed s) { return trial(masks(s), Segmenter::make(), adam(1e-2)); }},
      {"changes", nullptr, {}, [](Seed s) { return trial(changes(s), Tagger::make(), adam(1e-2)); }},
      {"clusters", nullptr, {}, [](Seed s) { return trial(clusters(s), Normalised::make(), sgd(0.05)); }},
      {"pendulum", nullptr, {}, [](Seed s) { return trial(pendulum(s), Flow::make(), adam(1e-2), 250); }},
      {"pairs", nullptr, {}, [](Seed s) { return trial(pairs(s), Siamese::make(), sgd(0.1, 0.95), 300); }},
      {"clusters", nullptr, {}, [](Seed s) { return trial(clusters(s), Normalised::make({.dropout = 0.4}), adam(1e-2), 250); }},
      {"pendulum", nullptr, {}, [](Seed s) { return trial(pendulum(s), Flow::make(), rmsprop(3e-3), 250); }},
      {"opinions", nullptr, {}, [](Seed s) { return trial(opinions(s), Bag::make(), adagrad(0.3)); }},
  };
}

std::vector<SecondProgram> faulty() {
  return {
      {"pairs", "the first item twice", {"unused_inputs"}, [](Seed s) { return trial(pairs(s), Siamese::make({.flag = true}), adam(5e-3), 250); }},
      {"pairs", "rate 2", high, [](Seed s) { return trial(pairs(s), Siamese::make(), adam(2), 250); }},
      {"pairs", "test labels the other way round", {"different_test_labels"},
       [](Seed s) { return trial(test_targets(pairs(s), [](const Tensor& y) { return 1.0 - y; }), Siamese::make(), adam(5e-3), 250); }},
      {"pairs", "gradients are never cleared", {"accumulated_gradients"},
       [](Seed s) { return trial(pairs(s), Siamese::make(), sgd(0.1), 250, accumulating()); }},
      {"pairs", "weights of 0.5", {"constant_initialisation"},
       [](Seed s) { return trial(pairs(s), Siamese::make({.constant = 0.5}), adam(5e-3), 250); }},
      {"opinions", "all words but three are unknown", {"constant_inputs", "collapsed_inputs"},
       [](Seed s) { return trial(inputs(opinions(s), [](const Tensor& x) { return minimum(x, Tensor(core::full(x.shape(), 3, i64))); }), Bag::make(), adam(3e-2)); }},
      {"opinions", "three labels of five are random", {"noisy_labels", "shuffled_labels"},
       [](Seed s) { return trial(mislabelled(opinions(s), 0.8, 2, s), Bag::make(), adam(3e-2)); }},
      {"opinions", "rate 1e-5", {"rate_too_low"}, [](Seed s) { return trial(opinions(s), Bag::make(), adam(1e-5)); }},
      {"opinions", "words in lower case for training, others for the test", {"different_test_inputs"},
       [](Seed s) { return trial(test_inputs(opinions(s), [](const Tensor& x) { return remainder(x + 25, 50); }), Bag::make(), adam(3e-2)); }},
      {"masks", "rows and columns of targets exchanged", {"unaligned_targets", "shuffled_labels"},
       [](Seed s) { return trial(train_targets(masks(s), [](const Tensor& y) { return flip(y, {1}); }), Segmenter::make(), adam(1e-2)); }},
      {"masks", "eight layers of sigmoid", {"vanishing_gradients", "signal_by_depth", "saturated_units"},
       [](Seed s) { return trial(masks(s), Segmenter::make({.activation = "sigmoid", .depth = 8}), adam(1e-2)); }},
      {"masks", "the same picture for all", {"constant_inputs"},
       [](Seed s) { return trial(train_inputs(masks(s), [](const Tensor& x) { return x * 0.0 + slice(x, 0, 0, 1); }), Segmenter::make(), adam(1e-2)); }},
      {"changes", "batch_first forgotten", {"mixed_examples"},
       [](Seed s) { return trial(changes(s), Tagger::make({.flag = true}), adam(1e-2)); }},
      {"changes", "targets of the token after", {"unaligned_targets", "shuffled_labels"},
       [](Seed s) { return trial(train_targets(changes(s), [](const Tensor& y) { return concatenate(std::vector<Tensor>{slice(y, 1, 1, 9), slice(y, 1, 0, 1)}, 1); }), Tagger::make(), adam(1e-2)); }},
      {"changes", "gradients clipped at 1e-4", {"always_clipped", "rate_too_low"},
       [](Seed s) { return trial(changes(s), Tagger::make(), sgd(0.1), 150, between([](const auto& m, auto&) { optim::clip_grad_norm(m.parameters(), 1e-4); })); }},
      {"clusters", "test inputs scaled by their own range", {"different_test_inputs"},
       [](Seed s) { return trial(test_inputs(clusters(s), [](const Tensor& x) { return (x - min(x)) / (max(x) - min(x)); }), Normalised::make(), sgd(0.05)); }},
      {"clusters", "dropout 0.92", {"dropout_of_most"},
       [](Seed s) { return trial(clusters(s), Normalised::make({.dropout = 0.92}), sgd(0.05)); }},
      {"clusters", "momentum 0.9995", high, [](Seed s) { return trial(clusters(s), Normalised::make(), sgd(0.05, 0.9995)); }},
      {"clusters", "weight decay 0.5", {"decay_too_strong"},
       [](Seed s) { return trial(clusters(s), Normalised::make(), sgd(0.05, 0.9, 0.5)); }},
      {"clusters", "twenty examples", {"overfitting"},
       [](Seed s) { return trial(first(clusters(s), 20), Normalised::make(), sgd(0.05)); }},
      {"clusters", "softmax over the examples", {"softmax_twice", "mixed_examples", "softmax_of_wrong_axis"},
       [](Seed s) { return trial(with(clusters(s), [](const Tensor& o, const Tensor& y) { return nn::nll_loss(log_softmax(o, 0), y); }), Normalised::make(), sgd(0.05)); }},
      {"pendulum", "tanh after the last layer", {"head_cannot_reach_targets"},
       [](Seed s) { return trial(pendulum(s), Flow::make({.head = "tanh"}), adam(1e-2), 250); }},
      {"pendulum", "the cube of the error", {"unbounded_loss"},
       [](Seed s) { return trial(with(pendulum(s), [](const Tensor& o, const Tensor& y) { return mean((o - y) * square(o - y)); }), Flow::make(), adam(1e-2), 250); }},
      {"pendulum", "the rate is halved in every step", {"schedule_decays_early"},
       [](Seed s) { return trial(pendulum(s), Flow::make(), adam(1e-2), 250, scheduled([](double t) { return 1e-2 * std::pow(0.5, t); })); }},
      {"pendulum", "inputs in thousandths", {"unscaled_inputs"},
       [](Seed s) { return trial(inputs(pendulum(s), [](const Tensor& x) { return 1000.0 * x; }), Flow::make(), adam(1e-2), 250); }},
      {"pendulum", "no step", {"optimizer_never_steps", "zero_learning_rate", "no_progress"},
       [](Seed s) { return trial(pendulum(s), Flow::make(), adam(1e-2), 250, without_step()); }},
  };
}

}  // namespace third

const std::vector<SecondProgram>& third_programs() {
  static const std::vector<SecondProgram> all = [] {
    auto rows = third::healthy();
    const auto more = third::faulty();
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return all;
}

const std::vector<Goal>& third_goals() {
  static const std::vector<Goal> all{
      {"pairs", third::binary_error, 0.2},  {"opinions", third::class_error, 0.2},
      {"masks", third::class_error, 0.1},   {"changes", third::class_error, 0.1},
      {"clusters", third::class_error, 0.2}, {"pendulum", third::square_error, 0.1},
  };
  return all;
}

}  // namespace zoo
