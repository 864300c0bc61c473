// SPDX-License-Identifier: BSD-3-Clause
#include "program_parts.hpp"
#include "second.hpp"
#include "second_models.hpp"

#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/penalty.hpp>
#include <newtape/optim/clip.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace zoo::second {

namespace {

// Data and losses.
Tensor swapped(const Tensor& y) { return remainder(y + 1, 4); }
TrainingData rare(TrainingData data, std::int64_t each) {
  return some(std::move(data), [each](std::int64_t label, std::int64_t i) { return label == 0 || i % each == 0; });
}

double class_error(const Tensor& output, const Tensor& y) {
  const Tensor named = argmax(output, 1);
  return 1 - mean((named == y).to(f64)).item<double>();
}
double label_error(const Tensor& output, const Tensor& y) {
  return nn::binary_cross_entropy_with_logits(output, y).to(f64).item<double>();
}
double square_error(const Tensor& output, const Tensor& y) {
  if (output.shape() != y.shape()) return class_error(output, y);
  return (mean(square(output - y)) / mean(square(y - mean(y)))).to(f64).item<double>();
}
/// The deviance as a share of that of the best constant.
double count_error(const Tensor& output, const Tensor& y) {
  const Tensor own = where(y > 0, y * log(maximum(y, Tensor(core::full(y.shape(), 1, f32)))) - y, y * 0.0);
  const Tensor constant = log(mean(y));
  const Tensor excess = mean(exp(output) - y * output + own);
  return (excess / mean(exp(constant) - y * constant + own)).to(f64).item<double>();
}
double normal_error(const Tensor& output, const Tensor& y) {
  return nn::gaussian_nll_loss(slice(output, 1, 0, 1), y, exp(slice(output, 1, 1, 2))).to(f64).item<double>();
}

// What the rows of a model share: its optimizer and its number of steps.
Trial train_spiral(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Spiral::make(p), adam(1e-2));
}
Trial train_vgg(TrainingData data, const Parts& p = {}) { return trial(std::move(data), Vgg::make(p), sgd(0.05), 200); }
Trial train_wave(TrainingData data, const Parts& p = {}) { return trial(std::move(data), Wave::make(p), adamw(5e-3)); }
Trial train_count(TrainingData data, const Parts& p = {}) { return trial(std::move(data), Count::make(p), adam(1e-2)); }
Trial train_memory(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Memory::make(p), adam(1e-2), 300);
}
Trial train_relu_rnn(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), ReluMemory::make(p), adam(5e-3), 300);
}
Trial train_gated(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Gated::make(p), nadam(1e-2));
}
Trial train_factors(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Factors::make(p), adam(3e-2), 300);
}
Trial train_denoiser(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Denoiser::make(p), adam(1e-2));
}
Trial train_dense(TrainingData data, const Parts& p = {}) { return trial(std::move(data), Dense::make(p), sgd(0.2)); }
Trial train_tower(TrainingData data) { return trial(std::move(data), Tower::make({.depth = 3}), adam(5e-3)); }
Trial train_set(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), DeepSet::make(p), rmsprop(3e-3));
}
Trial train_attention(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Attention::make(p), adam(1e-2), 200);
}
Trial train_normal(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Normal::make(p), adam(1e-2), 250);
}

std::vector<SecondProgram> twins() {
  return {
      {"spiral", nullptr, {}, [](Seed s) { return train_spiral(spirals(s)); }},
      {"vgg", nullptr, {}, [](Seed s) { return train_vgg(shapes(s)); }},
      {"wave", nullptr, {}, [](Seed s) { return train_wave(waves(s)); }},
      {"count", nullptr, {}, [](Seed s) { return train_count(counts(s)); }},
      {"memory", nullptr, {}, [](Seed s) { return train_memory(memory(s)); }},
      {"relu_rnn", nullptr, {}, [](Seed s) { return train_relu_rnn(memory(s)); }},
      {"gated", nullptr, {}, [](Seed s) { return train_gated(friedman(s)); }},
      {"factors", nullptr, {}, [](Seed s) { return train_factors(ratings(s)); }},
      {"denoiser", nullptr, {}, [](Seed s) { return train_denoiser(pictures(s)); }},
      {"dense", nullptr, {}, [](Seed s) { return train_dense(tags(s)); }},
      {"tower", nullptr, {}, [](Seed s) { return train_tower(tags(s)); }},
      {"set", nullptr, {}, [](Seed s) { return train_set(clouds(s)); }},
      {"attention", nullptr, {}, [](Seed s) { return train_attention(backwards(s)); }},
      {"normal", nullptr, {}, [](Seed s) { return train_normal(spread(s)); }},
  };
}

/// Settings that look wrong and work.
std::vector<SecondProgram> unusual_programs() {
  return {
      {"vgg", nullptr, {}, [](Seed s) { return trial(shapes(s), Vgg::make({.dropout = 0.5}), adam(5e-3), 300); }},
      {"wave", nullptr, {}, [](Seed s) { return trial(batches(waves(s), 4), Wave::make(), adamw(2e-3), 500); }},
      {"spiral", nullptr, {}, [](Seed s) { return trial(spirals(s), Spiral::make(), sgd(1.0, 0)); }},
      {"set",
       nullptr,
       {},
       [](Seed s) {  // unbalanced, and weighted
         return trial(with(rare(clouds(s), 3),
                           [](const Tensor& o, const Tensor& y) {
                             Array w = core::full({4}, 1.0, f32);
                             w.data<float>()[0] = 1.0F / 3;
                             return nn::cross_entropy(o, y, {.weight = w});
                           }),
                      DeepSet::make(), rmsprop(3e-3), 300);
       }},
      {"spiral", nullptr, {}, [](Seed s) { return trial(batches(spirals(s), 900), Spiral::make(), adam(2e-2)); }},
      {"gated",
       nullptr,
       {},
       [](Seed s) {
         return trial(friedman(s), Gated::make(), adam(1e-2), 200,
                      scheduled([](double t) { return 5e-3 * (1 + std::cos(std::min(t, 200.0) / 200 * 3.14159265)); }));
       }},
      {"attention",
       nullptr,
       {},
       [](Seed s) {
         return trial(backwards(s), Attention::make(), adam(1e-2), 300,
                      scheduled([](double t) { return 1e-2 * std::min(1.0, (t + 1) / 50); }));
       }},
      {"wave",
       nullptr,
       {},
       [](Seed s) {  // always clipped, and Adam does not mind
         return trial(waves(s), Wave::make(), adam(5e-3), 200,
                      between([](const auto& m, auto&) { optim::clip_grad_norm(m.parameters(), 0.05); }));
       }},
      {"set", nullptr, {}, [](Seed s) { return trial(clouds(s), DeepSet::make(), adam(5e-3), 300, in_two_parts()); }},
      {"dense", nullptr, {}, [](Seed s) { return trial(tags(s), Dense::make(), sgd(0.01, 0.99), 250); }},
      {"attention",
       nullptr,
       {},
       [](Seed s) {
         return train_attention(with(backwards(s), [](const Tensor& o, const Tensor& y) {
           return nn::cross_entropy(o, y, {.label_smoothing = 0.1});
         }));
       }},
      {"spiral",
       nullptr,
       {},
       [](Seed s) { return trial(mislabelled(spirals(s), 0.1, 3, s), Spiral::make(), adam(1e-2), 200); }},
      {"gated",
       nullptr,
       {},
       [](Seed s) {
         return trial(with(friedman(s), [](const Tensor& o, const Tensor& y) { return nn::huber_loss(o, y); }),
                      Gated::make({.dropout = 0.1}), adamw(1e-2, 0.1), 250);
       }},
      {"tower",
       nullptr,
       {},
       [](Seed s) { return trial(tags(s), Tower::make({.activation = "tanh", .depth = 6}), adam(3e-3), 250); }},
      {"denoiser",
       nullptr,
       {},
       [](Seed s) {  // the share of ones in a picture is small
         return trial(batches(pictures(s), 8), Denoiser::make({.activation = "elu", .width = 24}), rmsprop(2e-3), 300);
       }},
      {"count",
       nullptr,
       {},
       [](Seed s) {
         return trial(counts(s), Count::make(), adam(1e-2), 200,
                      with_loss([](const auto& m, const Tensor& loss) { return loss + 1e-4 * nn::l1_penalty(m); }));
       }},
  };
}

std::vector<SecondProgram> faults_of_models() {
  return {
      {"spiral",
       "no activation between layers",
       {"missing_nonlinearity"},
       [](Seed s) { return train_spiral(spirals(s), {.activation = "none"}); }},
      {"gated",
       "relu after the last layer",
       {"head_cannot_reach_targets", "dead_units"},
       [](Seed s) { return train_gated(friedman(s), {.head = "relu"}); }},
      {"gated",
       "sigmoid after the last layer",
       {"head_cannot_reach_targets"},
       [](Seed s) { return train_gated(friedman(s), {.head = "sigmoid"}); }},
      {"spiral",
       "softmax over the examples",
       {"softmax_twice", "mixed_examples", "softmax_of_wrong_axis"},
       [](Seed s) { return train_spiral(spirals(s), {.head = "softmax of the batch"}); }},
      {"set",
       "softmax before a loss of logits",
       {"softmax_twice"},
       [](Seed s) { return train_set(clouds(s), {.head = "softmax"}); }},
      {"denoiser",
       "sigmoid before a loss of logits",
       {"sigmoid_twice"},
       [](Seed s) { return train_denoiser(pictures(s), {.head = "sigmoid"}); }},
      {"spiral", "two units a layer", {"too_few_units"}, [](Seed s) { return train_spiral(spirals(s), {.width = 2}); }},
      {"vgg", "dropout 0.95", {"dropout_of_most"}, [](Seed s) { return train_vgg(shapes(s), {.dropout = 0.95}); }},
      {"gated",
       "dropout 0.95",
       {"dropout_of_most"},
       [](Seed s) { return train_gated(friedman(s), {.dropout = 0.95}); }},
      {"vgg",
       "weights of 0",
       {"constant_initialisation"},
       [](Seed s) { return train_vgg(shapes(s), {.constant = 0}); }},
      {"attention",
       "weights of 0.1",
       {"constant_initialisation"},
       [](Seed s) { return train_attention(backwards(s), {.constant = 0.1}); }},
      {"factors",
       "weights of 0",
       {"constant_initialisation", "saddle_point"},
       [](Seed s) { return train_factors(ratings(s), {.constant = 0}); }},
      {"vgg",
       "weights from N(0, 1)",
       {"initial_gain", "signal_by_depth", "exploding_gradients", "saturated_units"},
       [](Seed s) { return train_vgg(shapes(s), {.deviation = 1}); }},
      {"tower",
       "weights from N(0, 0.01^2)",
       {"initial_gain", "signal_by_depth", "vanishing_gradients"},
       [](Seed s) { return trial(tags(s), Tower::make({.depth = 6, .deviation = 0.01}), adam(5e-3)); }},
      {"tower",
       "thirty layers",
       {"signal_by_depth", "vanishing_gradients"},
       [](Seed s) { return trial(tags(s), Tower::make({.depth = 30}), adam(5e-3)); }},
      {"wave",
       "six layers of sigmoid",
       {"vanishing_gradients", "signal_by_depth", "saturated_units"},
       [](Seed s) { return train_wave(waves(s), {.activation = "sigmoid", .depth = 6}); }},
      {"memory",
       "batch_first forgotten",
       {"mixed_examples"},
       [](Seed s) { return train_memory(memory(s), {.flag = true}); }},
      {"attention",
       "softmax of scores over the examples",
       {"mixed_examples", "softmax_of_wrong_axis"},
       [](Seed s) { return train_attention(backwards(s), {.head = "batch"}); }},
      {"attention",
       "no positions",
       {"missing_positions", "order_is_ignored"},
       [](Seed s) { return train_attention(backwards(s), {.flag = true}); }},
      {"factors",
       "items looked up by the user's number",
       {"unused_inputs"},
       [](Seed s) { return train_factors(ratings(s), {.flag = true}); }},
      {"spiral",
       "running statistics with momentum 0",
       {"stale_running_statistics", "small_batch_statistics"},
       [](Seed s) { return train_spiral(spirals(s), {.flag = true}); }},
      {"set",
       "an output too few",
       {"labels_out_of_range"},
       [](Seed s) { return train_set(clouds(s), {.outputs = 3}); }},
  };
}

std::vector<SecondProgram> faults_of_training() {
  const std::vector<const char*> too_high{"rate_too_high", "unstable_sharpness", "oscillation"};
  return {
      {"spiral",
       "Adam with rate 1e-5",
       {"rate_too_low"},
       [](Seed s) { return trial(spirals(s), Spiral::make(), adam(1e-5)); }},
      {"vgg",
       "Adam's rate for SGD without momentum",
       {"rate_too_low"},
       [](Seed s) { return trial(shapes(s), Vgg::make(), sgd(1e-3, 0), 200); }},
      {"gated",
       "Adagrad with rate 1e-4",
       {"rate_too_low"},
       [](Seed s) { return trial(friedman(s), Gated::make(), adagrad(1e-4)); }},
      {"dense",
       "loss divided by the number of examples twice",
       {"rate_too_low"},
       [](Seed s) {
         return trial(tags(s), Dense::make(), sgd(0.2), 150,
                      with_loss([](const auto&, const Tensor& loss) { return loss / 1000.0; }));
       }},
      {"wave", "rate 1", too_high, [](Seed s) { return trial(waves(s), Wave::make(), adamw(1)); }},
      {"memory", "rate 0.5", too_high, [](Seed s) { return trial(memory(s), Memory::make(), adam(0.5), 300); }},
      {"attention", "rate 0.3", too_high,
       [](Seed s) { return trial(backwards(s), Attention::make(), adam(0.3), 200); }},
      {"vgg", "the rate grows by 5 % a step", too_high,
       [](Seed s) {
         return trial(shapes(s), Vgg::make(), sgd(0.05), 200,
                      scheduled([](double t) { return 0.05 * std::pow(1.05, t); }));
       }},
      {"denoiser",
       "the rate falls by 20 % a step",
       {"schedule_decays_early"},
       [](Seed s) {
         return trial(pictures(s), Denoiser::make(), adam(1e-2), 150,
                      scheduled([](double t) { return 1e-2 * std::pow(0.8, t); }));
       }},
      {"wave",
       "no step",
       {"optimizer_never_steps", "zero_learning_rate", "no_progress", "parameters_not_held"},
       [](Seed s) { return trial(waves(s), Wave::make(), adamw(5e-3), 150, without_step()); }},
      {"set",
       "gradients cleared before the step",
       {"cleared_before_step", "optimizer_never_steps", "no_progress", "zero_learning_rate"},
       [](Seed s) {
         return trial(clouds(s), DeepSet::make(), rmsprop(3e-3), 150,
                      between([](const auto&, optim::Optimizer& o) { o.zero_grad(); }));
       }},
      {"memory",
       "the same batch in every step",
       {"repeated_batch", "overfitting"},
       [](Seed s) { return trial(memory(s), Memory::make(), adam(1e-2), 300, first_batch_only()); }},
      {"gated",
       "the same batch in every step",
       {"repeated_batch", "overfitting"},
       [](Seed s) { return trial(friedman(s), Gated::make(), nadam(1e-2), 150, first_batch_only()); }},
      {"set",
       "targets of the batch before",
       {"shuffled_labels"},
       [](Seed s) { return trial(clouds(s), DeepSet::make(), rmsprop(3e-3), 150, late_targets()); }},
      {"count",
       "gradients clipped at 1e-3",
       {"always_clipped", "rate_too_low"},
       [](Seed s) {
         return trial(counts(s), Count::make(), sgd(0.02), 150,
                      between([](const auto& m, auto&) { optim::clip_grad_norm(m.parameters(), 1e-3); }));
       }},
      {"dense",
       "weight decay 1",
       {"decay_too_strong"},
       [](Seed s) { return trial(tags(s), Dense::make(), sgd(0.05, 0.9, 1)); }},
      {"gated",
       "a strong L1 penalty",
       {"penalty_too_strong", "decay_too_strong"},
       [](Seed s) {
         return trial(friedman(s), Gated::make(), nadam(1e-2), 150,
                      with_loss([](const auto& m, const Tensor& loss) { return loss + 0.1 * nn::l1_penalty(m); }));
       }},
      {"spiral",
       "batches of two",
       {"small_batch_statistics", "noise_dominated"},
       [](Seed s) { return train_spiral(batches(spirals(s), 2)); }},
      {"gated",
       "the mean error without its square",
       {"unbounded_loss"},
       [](Seed s) {
         return train_gated(with(friedman(s), [](const Tensor& o, const Tensor& y) { return mean(o - y); }));
       }},
      {"wave",
       "the error rate as the loss",
       {"unreached_parameters"},
       [](Seed s) {
         return train_wave(
             with(waves(s), [](const Tensor& o, const Tensor& y) { return 1.0 - mean((argmax(o, 1) == y).to(f32)); }));
       }},
      {"dense",
       "softmax cross-entropy for several labels",
       {"targets_are_no_probabilities", "wrong_loss"},
       [](Seed s) {
         return train_dense(with(tags(s), [](const Tensor& o, const Tensor& y) { return nn::cross_entropy(o, y); }));
       }},
      {"normal",
       "the logarithm of a variance that may be negative",
       {"undefined_operation"},
       [](Seed s) {
         return train_normal(with(spread(s), [](const Tensor& o, const Tensor& y) {
           const Tensor v = slice(o, 1, 1, 2);
           return mean(0.5 * (log(v) + square(slice(o, 1, 0, 1) - y) / v));
         }));
       }},
      {"factors",
       "targets [n] against outputs [n, 1]",
       {"broadcast_targets"},
       [](Seed s) {
         return train_factors(with(targets(ratings(s), [](const Tensor& y) { return y.reshape({-1}); }),
                                   [](const Tensor& o, const Tensor& y) { return mean(square(o - y)); }));
       }},
  };
}

std::vector<SecondProgram> faults_of_data() {
  return {
      {"vgg",
       "pixels up to 255",
       {"unscaled_inputs"},
       [](Seed s) { return train_vgg(inputs(shapes(s), [](const Tensor& x) { return 255.0 * x; })); }},
      {"vgg",
       "pixels divided by 255 twice",
       {"unscaled_inputs"},
       [](Seed s) { return train_vgg(inputs(shapes(s), [](const Tensor& x) { return x / 255.0; })); }},
      {"gated",
       "targets in thousands",
       {"unscaled_targets"},
       [](Seed s) { return train_gated(targets(friedman(s), [](const Tensor& y) { return 1000.0 * y + 5000.0; })); }},
      {"count",
       "targets standardised for a Poisson loss",
       {"targets_out_of_domain", "head_cannot_reach_targets", "targets_are_no_probabilities"},
       [](Seed s) { return train_count(targets(counts(s), [](const Tensor& y) { return (y - mean(y)) / 3.0; })); }},
      {"set",
       "one class in ten examples of eleven",
       {"dominating_class"},
       [](Seed s) { return train_set(rare(clouds(s), 25)); }},
      {"set",
       "a class is missing",
       {"missing_class", "different_test_labels", "different_test_inputs"},
       [](Seed s) { return train_set(some(clouds(s), [](std::int64_t label, std::int64_t) { return label != 2; })); }},
      {"wave",
       "test labels numbered otherwise",
       {"different_test_labels"},
       [](Seed s) { return train_wave(test_targets(waves(s), swapped)); }},
      {"set",
       "test inputs in other units",
       {"different_test_inputs"},
       [](Seed s) { return train_set(test_inputs(clouds(s), [](const Tensor& x) { return 10.0 * x + 3.0; })); }},
      {"denoiser",
       "inputs flipped, targets not",
       {"shuffled_labels", "unaligned_targets"},
       [](Seed s) {
         return train_denoiser(train_inputs(pictures(s), [](const Tensor& x) { return flip(x, {2, 3}); }));
       }},
      {"memory",
       "labels moved on by one example",
       {"shuffled_labels"},
       [](Seed s) { return train_memory(train_targets(memory(s), roll)); }},
      {"count",
       "targets moved on by one example",
       {"shuffled_labels"},
       [](Seed s) { return train_count(train_targets(counts(s), roll)); }},
      {"wave",
       "noise of deviation 4 in training inputs",
       {"noisy_inputs", "different_test_inputs"},
       [](Seed s) {
         return train_wave(train_inputs(waves(s), [s](const Tensor& x) { return x + noise(x, 4, 77 + s); }));
       }},
      {"gated",
       "gaps written as -999",
       {"outliers_in_inputs", "unscaled_inputs", "different_test_inputs"},
       [](Seed s) { return train_gated(gaps(friedman(s), 0.02, -999, s)); }},
      {"count",
       "a gap written as NaN",
       {"non_finite_inputs"},
       [](Seed s) { return train_count(gaps(counts(s), 0.002, std::nan(""), s)); }},
      {"dense",
       "forty examples",
       {"overfitting"},
       [](Seed s) { return train_dense(first(tags(s), 40), {.width = 64}); }},
      {"factors",
       "all users are the first",
       {"constant_inputs", "unused_inputs"},
       [](Seed s) {
         return train_factors(inputs(ratings(s), [](const Tensor& x) {
           const Tensor u = select(x, 1, 0);
           return stack(std::vector<Tensor>{u * 0, select(x, 1, 1)}, 1);
         }));
       }},
  };
}

}  // namespace

}  // namespace zoo::second

namespace zoo {

const std::vector<SecondProgram>& second_programs() {
  static const std::vector<SecondProgram> all = [] {
    auto rows = second::twins();
    for (const auto& more : {second::unusual_programs(), second::faults_of_models(), second::faults_of_training(),
                             second::faults_of_data()}) {
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

const std::vector<Goal>& second_goals() {
  static const std::vector<Goal> all{
      {"spiral", second::class_error, 0.2},    {"vgg", second::class_error, 0.2},
      {"wave", second::class_error, 0.2},      {"count", second::count_error, 0.6},
      {"memory", second::class_error, 0.4},    {"relu_rnn", second::class_error, 0.2},
      {"gated", second::square_error, 0.25},   {"factors", second::square_error, 0.6},
      {"denoiser", second::label_error, 0.25}, {"dense", second::label_error, 0.25},
      {"tower", second::label_error, 0.3},     {"set", second::class_error, 0.4},
      {"attention", second::class_error, 0.2}, {"normal", second::normal_error, -0.7},
  };
  return all;
}

}  // namespace zoo
