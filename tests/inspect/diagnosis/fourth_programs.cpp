// SPDX-License-Identifier: BSD-3-Clause
#include "fourth.hpp"
#include "fourth_data.hpp"
#include "fourth_models.hpp"
#include "setting.hpp"

#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace zoo {

namespace fourth {

namespace {

using second::inputs;
using second::mislabelled;
using second::some;
using second::targets;
using second::test_inputs;
using second::test_targets;
using second::train_inputs;
using second::train_targets;

// Optimizers.
auto adam(double lr) { return make<optim::Adam>(optim::AdamOptions{.lr = lr}); }
auto adamw(double lr, double decay = 0.01) {
  return make<optim::AdamW>(optim::AdamWOptions{.lr = lr, .weight_decay = decay});
}
auto sgd(double lr, double momentum = 0.9) {
  return make<optim::SGD>(optim::SGDOptions{.lr = lr, .momentum = momentum});
}
auto rmsprop(double lr) { return make<optim::RMSprop>(optim::RMSpropOptions{.lr = lr}); }

// Steps.
template <class F>
auto scheduled(F rate) {
  return [rate, t = 0.0](const Training& s) mutable {
    s.optimizer.set_lr(rate(t++));
    return s.optimizer.step([&] { return s.loss(); });
  };
}
/// With `f` between sweep and step.
template <class F>
auto between(F f) {
  return [f](const Training& s) {
    s.optimizer.zero_grad();
    const Tensor loss = s.loss();
    loss.backward();
    f(s);
    s.optimizer.step();
    return loss;
  };
}
/// Of the batch with other inputs.
template <class F>
auto augmented(F change) {
  return [change](const Training& s) {
    return s.optimizer.step([&] { return s.batch.loss(s.forward(change(s.batch.x)), s.batch.y); });
  };
}

// Data.
/// A part of the columns of [n, columns] changed.
Tensor columns(const Tensor& x, double factor, double shift, std::int64_t from, std::int64_t to) {
  Array a = core::copy(x.value());
  const std::int64_t width = x.shape(-1);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    float& v = a.data<float>()[i];
    if (i % width >= from && i % width < to) v = static_cast<float>(factor * v + shift);
  }
  return a;
}
/// This value in a share of the elements.
Tensor holes(const Tensor& x, double share, double value, Seed seed) {
  Generator g(1700 + seed);
  return where(Tensor(random::uniform(x.shape(), 0, 1, f32, g)) < share, x * 0.0 + value, x);
}
Tensor mixed_rows(const Tensor& x, Seed seed) {
  Generator g(1800 + seed);
  return core::take(x.value(), random::permutation(x.shape(0), g), 0);
}
/// The words at the start, and zeros after them up to this length.
Tensor padded_behind(const Tensor& x, std::int64_t length) {
  const std::int64_t n = x.shape(0);
  const std::int64_t width = x.shape(1);
  Array a = core::zeros({n, length}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t at = 0;
    for (std::int64_t t = 0; t < width; ++t) {
      const std::int64_t word = x.value().data<std::int64_t>()[i * width + t];
      if (word != 0) a.data<std::int64_t>()[i * length + at++] = word;
    }
  }
  return a;
}
/// The first examples again and again.
Tensor repeated(const Tensor& x, std::int64_t n) {
  Array order = Array::empty({x.shape(0)}, i64);
  for (std::int64_t i = 0; i < order.size(); ++i) order.data<std::int64_t>()[i] = i % n;
  return core::take(x.value(), order, 0);
}
/// Powers 1 .. 9 of one number in [0, 1].
Tensor powers(const Tensor& x) {
  const Tensor t = sigmoid(slice(x, 1, 0, 1));
  std::vector<Tensor> all;
  for (int k = 1; k <= 9; ++k) all.push_back(pow(t, static_cast<double>(k)));
  return concatenate(all, 1);
}
Tensor price_of_powers(const Tensor& x) {
  const Tensor t = sigmoid(slice(x, 1, 0, 1));
  return 3.0 * sin(9.0 * t);
}

// Errors on examples that were kept back.
double class_error(const Tensor& output, const Tensor& y) {
  return 1 - mean((argmax(output, 1) == y).to(f64)).item<double>();
}
double square_error(const Tensor& output, const Tensor& y) {
  const Tensor t = y.reshape(output.shape());
  return (mean(square(output - t)) / mean(square(t - mean(t, 0, true)))).to(f64).item<double>();
}
double side_error(const Tensor& output, const Tensor& y) {
  return 1 - mean(((output > 0.0).to(f64) == y.to(f64)).to(f64)).item<double>();
}
double distance_error(const Tensor& d, const Tensor& same) {
  return 1 - mean(((d < 0.75).to(f64) == same.to(f64)).to(f64)).item<double>();
}
double regret(const Tensor& scores, const Tensor& rewards) {
  const Tensor got = gather(rewards, 1, argmax(scores, 1).reshape({-1, 1}));
  return 1 - mean(got.to(f64)).item<double>();
}
/// The mean share of wrong pixels of both classes.
double pixel_error(const Tensor& output, const Tensor& y) {
  const Tensor wrong = (argmax(output, 1) != y).to(f64);
  const Tensor one = y.to(f64);
  return (0.5 * sum(wrong * one) / sum(one) + 0.5 * sum(wrong * (1.0 - one)) / sum(1.0 - one)).item<double>();
}

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all{
      {"codec",
       [](Seed s) -> Setting {
         return {profiles(s), {}, adam(5e-3), 250};
       },
       trial_of<Codec>, square_error, 0.2},
      {"contrast",
       [](Seed s) -> Setting {
         return {people(s), {}, adam(5e-3), 250};
       },
       trial_of<Contrast>, distance_error, 0.2},
      {"reader",
       [](Seed s) -> Setting {
         return {phrases(s), {}, adam(1e-2), 300};
       },
       trial_of<Reader>, class_error, 0.25},
      {"residual",
       [](Seed s) -> Setting {
         return {arm(s), {}, adam(5e-3), 250};
       },
       trial_of<Residual>, square_error, 0.25},
      {"policy",
       [](Seed s) -> Setting {
         return {bandit(s), {}, adam(1e-2), 250};
       },
       trial_of<Policy>, regret, 0.4},
      {"ncf",
       [](Seed s) -> Setting {
         return {clicks(s), {}, adam(1e-2), 300};
       },
       trial_of<Ncf>, side_error, 0.2},
      {"vit",
       [](Seed s) -> Setting {
         return {quadrants(s), {}, adamw(3e-3), 250};
       },
       trial_of<Vit>, class_error, 0.2},
      {"unet",
       [](Seed s) -> Setting {
         return {stains(s), {}, adam(1e-2), 150};
       },
       trial_of<Unet>, pixel_error, 0.2},
      {"forecast",
       [](Seed s) -> Setting {
         return {series(s), {}, adam(1e-2), 250};
       },
       trial_of<Forecast>, square_error, 0.2},
      {"heart",
       [](Seed s) -> Setting {
         return {beats(s), {}, sgd(0.05), 200};
       },
       trial_of<Heart>, class_error, 0.25},
      {"price",
       [](Seed s) -> Setting {
         return {houses(s), {}, sgd(0.02), 150};
       },
       trial_of<Price>, square_error, 0.3},
      {"heads",
       [](Seed s) -> Setting {
         return {sensors(s), {}, adam(5e-3), 250};
       },
       trial_of<Heads>, square_error, 0.25},
      {"badge",
       [](Seed s) -> Setting {
         return {badges(s), {}, adam(5e-3), 150};
       },
       trial_of<Badge>, class_error, 0.2},
  };
  return all;
}

/// Settings that look wrong and work.
std::vector<Row> unusual() {
  return {
      {"price",
       nullptr,
       {},
       [](Setting& p, Seed) { p.parts.constant = 0, p.data.batch = 700, p.optimizer = sgd(0.2); }},
      {"residual", nullptr, {}, [](Setting& p, Seed) { p.parts.flag = true, p.parts.depth = 6; }},
      {"vit",
       nullptr,
       {},
       [](Setting& p, Seed) {  // random patches, a warm-up, strong decay
         p.optimizer = adamw(3e-3, 0.1), p.steps = 350;
         p.prepare = [](const nn::ModuleBase& m) { m.parameter("patch.weight").requires_grad(false); };
         p.step = scheduled([](double t) { return 4e-3 * std::min(1.0, (t + 1) / 60); });
       }},
      {"reader",
       nullptr,
       {},
       [](Setting& p, Seed) {
         p.parts.dropout = 0.2, p.steps = 450;
         p.step = between([](const Training& s) { optim::clip_grad_norm(s.model.parameters(), 0.5); });
       }},
      {"heart", nullptr, {}, [](Setting& p, Seed) { p.data.batch = 8, p.optimizer = sgd(0.01), p.steps = 500; }},
      {"badge",
       nullptr,
       {},
       [](Setting& p, Seed) {  // shifted and noisy pictures, smoothed labels
         p.steps = 250;
         p.data.loss = [](const Tensor& o, const Tensor& y) {
           return nn::cross_entropy(o, y, {.label_smoothing = 0.1});
         };
         p.step = augmented([](const Tensor& x) { return x + Tensor(random::normal(x.shape(), 0, 0.2, f32)); });
       }},
      {"codec",
       nullptr,
       {},
       [](Setting& p, Seed) {  // a code that is wider than what it codes, with a small penalty
         p.parts.width = 40;
         p.step = [](const Training& s) {
           return s.optimizer.step([&] { return s.loss() + 1e-5 * sum(abs(s.model.parameter("encode2.weight"))); });
         };
       }},
      {"policy",
       nullptr,
       {},
       [](Setting& p, Seed) {  // a small bonus for the entropy
         p.data.loss = [](const Tensor& scores, const Tensor& rewards) {
           const Tensor logs = log_softmax(scores, 1);
           return mean(sum(exp(logs) * (0.01 * logs - rewards), 1));
         };
       }},
      {"ncf",
       nullptr,
       {},
       [](Setting& p, Seed) {  // twice as much weight on what is liked
         p.data.loss = [](const Tensor& o, const Tensor& y) {
           return mean((1.0 + y) * (relu(o) - o * y + log1p(exp(-abs(o)))));
         };
       }},
      {"heads", nullptr, {}, [](Setting& p, Seed) { p.optimizer = rmsprop(2e-3), p.data.batch = 100, p.steps = 350; }},
      {"forecast",
       nullptr,
       {},
       [](Setting& p, Seed) {
         p.steps = 350;
         p.step = scheduled([](double t) { return 1e-2 * std::pow(0.5, std::floor(t / 70)); });
       }},
  };
}

std::vector<Row> faults_of_models() {
  return {
      // The embedding of positions is not used: accepted since the first look, at which it counted as wrong.
      {"vit",
       "patches without positions",
       {"order_is_ignored", "unreached_parameters"},
       [](Setting& p, Seed) { p.parts.fault = "place"; }},
      {"vit", "patches of several pictures", {"mixed_examples"}, [](Setting& p, Seed) { p.parts.fault = "pixels"; }},
      {"unet",
       "pixels and classes taken for each other",
       {"scrambled_axes", "mixed_positions", "unaligned_targets"},
       [](Setting& p, Seed) { p.parts.fault = "axes"; }},
      {"reader",
       "the state after the first word",
       {"unused_inputs"},
       [](Setting& p, Seed) { p.parts.fault = "first"; }},
      {"residual",
       "the trunk is detached",
       {"unreached_parameters"},
       [](Setting& p, Seed) { p.parts.fault = "detach", p.parts.activation = "relu"; }},
      {"residual",
       "a first layer that is made in each call",
       // The registered layer is not used: accepted since the first look, at which it counted as wrong.
       {"unregistered_parameters", "parameters_not_held", "random_outputs", "unreached_parameters"},
       [](Setting& p, Seed) { p.parts.fault = "new"; }},
      {"residual",
       "rounded results",
       {"zero_gradients", "vanishing_gradients", "unreached_parameters", "no_gradient"},
       [](Setting& p, Seed) { p.parts.fault = "round"; }},
      {"residual",
       "twelve blocks of weights from N(0, 1)",
       {"signal_by_depth", "initial_gain", "exploding_gradients"},
       [](Setting& p, Seed) { p.parts.depth = 12, p.parts.deviation = 1; }},
      {"residual", "no activation", {"missing_nonlinearity"}, [](Setting& p, Seed) { p.parts.activation = "none"; }},
      {"codec", "a code of one number", {"too_few_units"}, [](Setting& p, Seed) { p.parts.width = 1; }},
      {"codec",
       "sigmoid for targets of both signs",
       {"head_cannot_reach_targets"},
       [](Setting& p, Seed) { p.parts.head = "sigmoid"; }},
      {"policy",
       "weights from N(0, 20^2)",
       {"initial_gain", "saturated_units", "signal_by_depth"},
       [](Setting& p, Seed) { p.parts.deviation = 20; }},
      {"ncf",
       "three buckets for all numbers",
       {"collapsed_inputs", "too_few_units", "unused_inputs"},
       [](Setting& p, Seed) { p.parts.fault = "buckets"; }},
      {"ncf",
       "scores divided by 1000",
       {"rate_too_low", "signal_by_depth", "initial_gain", "small_outputs"},
       [](Setting& p, Seed) { p.parts.fault = "cold", p.optimizer = sgd(0.1); }},
      {"ncf", "all weights 0", {"constant_initialisation"}, [](Setting& p, Seed) { p.parts.constant = 0; }},
      {"reader", "dropout of 0.95", {"dropout_of_most"}, [](Setting& p, Seed) { p.parts.dropout = 0.95; }},
      {"reader",
       "labels from 1 to 4 for four outputs",
       {"labels_out_of_range"},
       [](Setting& p, Seed) { p.data = targets(std::move(p.data), [](const Tensor& y) { return y + 1; }); }},
      {"heads",
       "the third head sees nothing",
       {"unreached_parameters", "unused_inputs"},
       [](Setting& p, Seed) { p.parts.flag = true; }},
      {"heads",
       "relu for targets of both signs",
       {"head_cannot_reach_targets"},
       [](Setting& p, Seed) { p.parts.head = "relu"; }},
      {"badge",
       "a frozen trunk",
       {"frozen_parameters"},
       [](Setting& p, Seed) {
         p.prepare = [](const nn::ModuleBase& m) {
           for (const auto& [name, w] : m.named_parameters()) w.requires_grad(name.starts_with("last.bias"));
         };
       }},
  };
}

std::vector<Row> faults_of_training() {
  const std::vector<const char*> too_high{"rate_too_high", "unstable_sharpness", "oscillation"};
  return {
      {"price", "SGD with rate 3", too_high, [](Setting& p, Seed) { p.optimizer = sgd(3); }},
      {"reader", "Adam with rate 1", too_high, [](Setting& p, Seed) { p.optimizer = adam(1); }},
      {"heads",
       "a sum for a mean, and SGD",
       {"rate_too_high", "unstable_sharpness", "oscillation", "exploding_gradients", "sum_for_mean"},
       [](Setting& p, Seed) {
         p.optimizer = sgd(0.1);
         p.data.loss = [](const Tensor& o, const Tensor& y) { return sum(square(o - y)); };
       }},
      {"unet", "Adam with rate 1e-6", {"rate_too_low"}, [](Setting& p, Seed) { p.optimizer = adam(1e-6); }},
      {"price", "SGD with rate 1e-5", {"rate_too_low"}, [](Setting& p, Seed) { p.optimizer = sgd(1e-5); }},
      {"vit",
       "a warm-up of 1,000,000 steps",
       {"rate_too_low"},
       [](Setting& p, Seed) { p.step = scheduled([](double t) { return 3e-3 * (t + 1) / 1e6; }); }},
      {"forecast",
       "the rate of an epoch's decay in each step",
       {"schedule_decays_early"},
       [](Setting& p, Seed) { p.step = scheduled([](double t) { return 1e-2 * std::pow(0.8, t); }); }},
      {"codec",
       "Adam with epsilon 100",
       {"rate_too_low", "large_epsilon"},
       [](Setting& p, Seed) { p.optimizer = make<optim::Adam>(optim::AdamOptions{.lr = 5e-3, .eps = 100}); }},
      {"heart",
       "gradients clipped to 1e-4",
       {"always_clipped", "rate_too_low"},
       [](Setting& p, Seed) {
         p.step = between([](const Training& s) { optim::clip_grad_norm(s.model.parameters(), 1e-4); });
       }},
      {"vit", "AdamW with decay 100", {"decay_too_strong"}, [](Setting& p, Seed) { p.optimizer = adamw(3e-3, 100); }},
      {"codec",
       "a strong L1 penalty on the code",
       {"penalty_too_strong"},
       [](Setting& p, Seed) {
         p.step = [](const Training& s) {
           return s.optimizer.step([&] {
             Tensor all = 0.0 * s.loss();
             for (const auto& w : s.model.parameters()) all = all + 0.3 * sum(abs(w));
             return s.loss() + all;
           });
         };
       }},
      {"vit",
       "an optimizer for the last layer only",
       {"parameters_not_held"},
       [](Setting& p, Seed) {
         p.held = [](const nn::ModuleBase& m) {
           return std::vector<Parameter>{m.parameter("last.weight"), m.parameter("last.bias")};
         };
       }},
      {"forecast",
       "gradients are not cleared",
       {"accumulated_gradients"},
       [](Setting& p, Seed) {
         p.optimizer = sgd(0.1);
         p.step = [](const Training& s) {
           const Tensor loss = s.loss();
           loss.backward();
           s.optimizer.step();
           return loss;
         };
       }},
      {"badge",
       "gradients are cleared after the sweep",
       {"cleared_before_step"},
       [](Setting& p, Seed) { p.step = between([](const Training& s) { s.optimizer.zero_grad(); }); }},
      {"contrast",
       "1 for different where the loss takes 1 for the same",
       {"wrong_sign", "wrong_loss", "reversed_labels"},
       [](Setting& p, Seed) {
         p.data.loss = [loss = p.data.loss](const Tensor& d, const Tensor& same) { return loss(d, 1.0 - same); };
       }},
      {"contrast",
       "only pairs of the same count",
       {"wrong_loss", "collapse", "unbounded_loss"},
       [](Setting& p, Seed) {
         p.data.loss = [](const Tensor& d, const Tensor& same) { return mean(same * square(d)); };
       }},
      {"policy",
       "rewards are minimised",
       {"wrong_sign"},
       [](Setting& p, Seed) {
         p.data.loss = [loss = p.data.loss](const Tensor& o, const Tensor& y) { return -loss(o, y); };
       }},
      {"forecast",
       "targets [n] against outputs [n, 1]",
       {"broadcast_targets"},
       [](Setting& p, Seed) {
         p.data = targets(std::move(p.data), [](const Tensor& y) { return y.reshape({-1}); });
         p.data.loss = [](const Tensor& o, const Tensor& y) { return mean(square(o - y)); };
       }},
      {"badge",
       "the loss of the other head: each class against the rest with targets 0",
       {"loss_ignores_targets", "wrong_loss"},
       [](Setting& p, Seed) { p.data.loss = [](const Tensor& o, const Tensor&) { return mean(square(o)); }; }},
  };
}

std::vector<Row> faults_of_data() {
  return {
      {"price",
       "features in their own units",
       {"unscaled_inputs", "ill_conditioning"},
       [](Setting& p, Seed) {
         p.data =
             inputs(std::move(p.data), [](const Tensor& x) { return columns(columns(x, 50, 300, 0, 3), 1, 20, 5, 7); });
       }},
      {"price",
       "prices in full",
       {"unscaled_targets"},
       [](Setting& p, Seed) {
         p.optimizer = adam(1e-2);
         p.data = targets(std::move(p.data), [](const Tensor& y) { return 8e4 * y + 2e5; });
       }},
      {"residual",
       "-9999 for missing numbers",
       {"unscaled_inputs", "outliers_in_inputs", "missing_values"},
       [](Setting& p, Seed) {
         p.data = inputs(std::move(p.data), [](const Tensor& x) { return holes(x, 0.04, -9999, 1); });
       }},
      {"price",
       "a division by the deviation of a constant",
       {"non_finite_inputs"},
       [](Setting& p, Seed) {
         p.data = inputs(std::move(p.data), [](const Tensor& x) {
           const Tensor constant = columns(x, 0, 3, 2, 3);
           const Tensor centred = constant - mean(constant, 0, true);
           return centred / sqrt(mean(square(centred), 0, true));
         });
       }},
      {"price",
       "powers of one number, and SGD",
       {"ill_conditioning"},
       [](Setting& p, Seed) {
         p.optimizer = sgd(0.1);
         p.data = targets(std::move(p.data), [](const Tensor& y) { return y * 0.0; });
         const Tensor train = p.data.train.array(0);
         const Tensor test = p.data.test.array(0);
         p.data = train_targets(std::move(p.data), [train](const Tensor&) { return price_of_powers(train); });
         p.data = test_targets(std::move(p.data), [test](const Tensor&) { return price_of_powers(test); });
         p.data = inputs(std::move(p.data), powers);
       }},
      {"badge",
       "pixels divided by 255 twice",
       {"unscaled_inputs"},
       [](Setting& p, Seed) {
         p.optimizer = sgd(0.02);
         p.data = inputs(std::move(p.data), [](const Tensor& x) { return x / 65025.0; });
       }},
      {"unet",
       "pixels from 0 to 255, and SGD",
       {"unscaled_inputs"},
       [](Setting& p, Seed) {
         p.optimizer = sgd(0.05);
         p.data = inputs(std::move(p.data), [](const Tensor& x) { return 127.0 + 60.0 * x; });
       }},
      {"reader",
       "zeros behind the words up to 100",
       {"forgets_in_time", "padding"},
       [](Setting& p, Seed) {
         p.data = inputs(std::move(p.data), [](const Tensor& x) { return padded_behind(x, 100); });
       }},
      {"vit",
       "pictures are turned over at random",
       {"augmentation_changes_labels", "noisy_labels", "own_step"},
       [](Setting& p, Seed) {
         p.step = augmented([](const Tensor& x) {
           const Tensor sides = Tensor(random::uniform({x.shape(0), 1, 1, 1}, 0, 1, f32));
           const Tensor once = where(sides < 0.5, x, flip(x, {2}));
           return where(Tensor(random::uniform({x.shape(0), 1, 1, 1}, 0, 1, f32)) < 0.5, once, flip(once, {3}));
         });
       }},
      {"residual",
       "noise of five deviations on the inputs of each step",
       {"augmentation_changes_labels", "noisy_labels", "own_step", "noise_dominated"},
       [](Setting& p, Seed) {
         p.step = augmented([](const Tensor& x) { return x + Tensor(random::normal(x.shape(), 0, 5, f32)); });
       }},
      {"heart",
       "labels in another order than signals",
       {"shuffled_labels"},
       [](Setting& p, Seed) {
         p.data = train_targets(std::move(p.data), [](const Tensor& y) { return Tensor(sort(y).values); });
       }},
      {"heads",
       "inputs and targets shuffled apart",
       {"shuffled_labels"},
       [](Setting& p, Seed seed) {
         p.data = train_inputs(std::move(p.data), [seed](const Tensor& x) { return mixed_rows(x, seed); });
       }},
      {"badge",
       "labels numbered anew in the test set",
       {"different_test_labels"},
       [](Setting& p, Seed) { p.data = test_targets(std::move(p.data), [](const Tensor& y) { return 5 - y; }); }},
      {"badge",
       "85 % of the labels are random",
       {"noisy_labels", "shuffled_labels"},
       [](Setting& p, Seed seed) { p.data = mislabelled(std::move(p.data), 0.85, 6, seed); }},
      {"forecast",
       "test signals on another level",
       {"different_test_inputs"},
       [](Setting& p, Seed) { p.data = test_inputs(std::move(p.data), [](const Tensor& x) { return x + 3.0; }); }},
      {"heads",
       "a test column in other units",
       {"different_test_inputs"},
       [](Setting& p, Seed) {
         p.data = test_inputs(std::move(p.data), [](const Tensor& x) { return columns(x, 30, 0, 2, 3); });
       }},
      {"heads",
       "one target in thousands",
       {"unscaled_targets", "unbalanced_losses"},
       [](Setting& p, Seed) {
         p.data = targets(std::move(p.data), [](const Tensor& y) { return columns(y, 2000, 0, 0, 1); });
       }},
      {"residual",
       "twelve examples again and again",
       {"overfitting", "repeated_examples"},
       [](Setting& p, Seed) {
         p.data = train_inputs(std::move(p.data), [](const Tensor& x) { return repeated(x, 12); });
         p.data = train_targets(std::move(p.data), [](const Tensor& y) { return repeated(y, 12); });
       }},
      {"heart",
       "class after class, not shuffled",
       {"sorted_examples"},
       [](Setting& p, Seed) { p.data = second::sorted(std::move(p.data)); }},
      {"heart", "batches of two", {"small_batch_statistics"}, [](Setting& p, Seed) { p.data.batch = 2; }},
      {"badge",
       "one example in thirty is not of class 0",
       {"dominating_class"},
       [](Setting& p, Seed) {
         p.data = some(std::move(p.data), [](std::int64_t label, std::int64_t i) { return label == 0 || i % 40 == 0; });
       }},
  };
}

}  // namespace

}  // namespace fourth

const std::vector<SecondProgram>& fourth_programs() {
  static const std::vector<SecondProgram> all = [] {
    std::vector<Row> rows = fourth::unusual();
    for (const auto& more : {fourth::faults_of_models(), fourth::faults_of_training(), fourth::faults_of_data()}) {
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return programs_of(fourth::subjects(), rows);
  }();
  return all;
}

const std::vector<Goal>& fourth_goals() {
  static const std::vector<Goal> all = goals_of(fourth::subjects());
  return all;
}

}  // namespace zoo
