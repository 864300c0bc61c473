// SPDX-License-Identifier: BSD-3-Clause
#include "program_parts.hpp"
#include "third.hpp"
#include "third_models.hpp"

#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/penalty.hpp>
#include <newtape/optim/clip.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace zoo::third {

namespace {

using second::adam;
using second::adamw;
using second::batches;
using second::between;
using second::first;
using second::in_two_parts;
using second::inputs;
using second::mislabelled;
using second::nadam;
using second::rmsprop;
using second::scheduled;
using second::Seed;
using second::sgd;
using second::some;
using second::sorted;
using second::targets;
using second::test_inputs;
using second::train_inputs;
using second::train_targets;
using second::TrainingBatch;
using second::trial;
using second::with;
using second::with_loss;

// Steps.
/// The optimizer's step comes before the sweep whose gradients it is to use, and after they were cleared.
auto step_first() {
  return [](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    optimizer.zero_grad();
    const Tensor loss = b.loss(model(b.x), b.y);
    optimizer.step();
    loss.backward();
    return loss;
  };
}
/// Only the last layer's gradients are cleared.
auto clears_last() {
  return [](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    model.last.zero_grad();
    const Tensor loss = b.loss(model(b.x), b.y);
    loss.backward();
    optimizer.step();
    return loss;
  };
}
/// All parameters get their first values again in every n-th step.
auto starts_again(std::int64_t n) {
  return [n, t = std::int64_t{0}, values = std::vector<Tensor>()](const auto& model, optim::Optimizer& optimizer,
                                                                  const TrainingBatch& b) mutable {
    const auto parameters = model.parameters();
    if (values.empty()) {
      for (const auto& p : parameters) values.emplace_back(core::copy(p.value()));
    }
    if (t++ % n == 0) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        parameters[i].set_value(Tensor(core::copy(values[i].value())));
      }
    }
    return optimizer.step([&] { return b.loss(model(b.x), b.y); });
  };
}
/// All parameters are kept within this bound.
auto bounded(double bound) {
  return [bound](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    const Tensor loss = optimizer.step([&] { return b.loss(model(b.x), b.y); });
    for (const auto& p : model.parameters()) p.set_value(clip(p.detach(), -bound, bound));
    return loss;
  };
}
auto with_divergence(double factor) {
  return [factor](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    return optimizer.step([&] { return b.loss(model(b.x), b.y) + factor * model.divergence(b.x); });
  };
}

/// An optimizer of another model's parameters.
template <class MakeOptimizer>
auto of_another(MakeOptimizer make) {
  return [make](const auto& m) { return make(std::decay_t<decltype(m)>(m.parts)); };
}
/// A model of which a layer is frozen.
template <class Make, class Layer>
auto frozen(Make make, Layer layer) {
  return [make, layer] {
    auto model = make();
    (model.*layer).requires_grad(false);
    return model;
  };
}
/// A model with a number added to the biases of a layer.
template <class Make, class Layer>
auto shifted(Make make, Layer layer, double shift) {
  return [make, layer, shift] {
    auto model = make();
    const Parameter bias = (model.*layer).bias;
    bias.set_value(bias.detach() + shift);
    return model;
  };
}

// Data.
Tensor permuted(const Tensor& x, Seed seed) {
  Generator g(900 + seed);
  return core::take(x.value(), random::permutation(x.shape(0), g), 0);
}
Tensor one_column_large(const Tensor& x) {
  Array scale = core::full({x.shape(1)}, 1.0, f32);
  scale.data<float>()[1] = 2e4F;
  return x * Tensor(scale);
}
/// Every n-th target times a factor.
Tensor outliers(const Tensor& y, std::int64_t n, float factor) {
  Array a = core::copy(y.value());
  for (std::int64_t i = 0; i < a.size(); i += n) a.data<float>()[i] *= factor;
  return a;
}
Tensor nan_at(const Tensor& y, std::int64_t i) {
  Array a = core::copy(y.value());
  a.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
  return a;
}
/// This share of labels 0 and 1 is turned round.
Tensor turned(const Tensor& y, double share, Seed seed) {
  Generator g(950 + seed);
  const Tensor u = random::uniform(y.shape(), 0, 1, f32, g);
  return where(u < share, 1.0 - y, y);
}
/// The logarithm of a label's probability with its sign forgotten.
Tensor without_sign(const Tensor& o, const Tensor& y) { return mean(gather(log_softmax(o, 1), 1, y.reshape({-1, 1}))); }

const std::vector<const char*> too_high{"rate_too_high", "unstable_sharpness", "oscillation"};

// What the rows of a model share: its optimizer and its number of steps.
Trial train_board(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Board::make(p), adam(2e-2), 350);
}
Trial train_graph(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Graph::make(p), adam(1e-2), 200);
}
Trial train_wide(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Wide::make(p), adam(5e-3), 200);
}
Trial train_siamese(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Siamese::make(p), rmsprop(3e-3), 200);
}
Trial train_margin(TrainingData data, const Parts& p = {}) { return trial(std::move(data), Margin::make(p), sgd(0.1)); }
Trial train_experts(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Experts::make(p), adam(2e-2), 250);
}
Trial train_tagger(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Tagger::make(p), adam(2e-2), 150);
}
Trial train_mobile(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Mobile::make(p), sgd(0.1), 150);
}
Trial train_mixer(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Mixer::make(p), adamw(5e-3), 150);
}
Trial train_siren(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Siren::make(p), adam(5e-3), 200);
}
Trial train_words(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Words::make(p), adam(1e-2), 200);
}
Trial train_vae(TrainingData data, const Parts& p = {}) {
  return trial(std::move(data), Vae::make(p), adam(1e-2), 200, with_divergence(0.02));
}

std::vector<SecondProgram> twins() {
  return {
      {"board", nullptr, {}, [](Seed s) { return train_board(board(s)); }},
      {"graph", nullptr, {}, [](Seed s) { return train_graph(molecules(s)); }},
      {"wide", nullptr, {}, [](Seed s) { return train_wide(delays(s)); }},
      {"siamese", nullptr, {}, [](Seed s) { return train_siamese(pairs(s)); }},
      {"margin", nullptr, {}, [](Seed s) { return train_margin(blobs(s)); }},
      {"experts", nullptr, {}, [](Seed s) { return train_experts(pieces(s)); }},
      {"tagger", nullptr, {}, [](Seed s) { return train_tagger(bits(s)); }},
      {"mobile", nullptr, {}, [](Seed s) { return train_mobile(patches(s)); }},
      {"mixer", nullptr, {}, [](Seed s) { return train_mixer(tiles(s)); }},
      {"siren", nullptr, {}, [](Seed s) { return train_siren(tune(s)); }},
      {"words", nullptr, {}, [](Seed s) { return train_words(topics(s)); }},
      {"vae", nullptr, {}, [](Seed s) { return train_vae(rings(s)); }},
  };
}

/// Settings that look wrong and work.
std::vector<SecondProgram> unusual_programs() {
  return {
      // A convex problem may start at 0.
      {"margin", nullptr, {}, [](Seed s) { return trial(blobs(s), Margin::make({.constant = 0}), sgd(0.5, 0)); }},
      {"words",  // random vectors that are not trained
       nullptr,
       {},
       [](Seed s) { return trial(topics(s), frozen(Words::make({.width = 64}), &Words::embedding), adam(1e-2), 300); }},
      {"mobile", nullptr, {}, [](Seed s) { return trial(batches(patches(s), 200), Mobile::make(), nadam(1e-2)); }},
      {"mixer",
       nullptr,
       {},
       [](Seed s) {
         return trial(tiles(s), Mixer::make(), sgd(0.05), 250,
                      between([](const auto& m, auto&) { optim::clip_grad_norm(m.parameters(), 1.0); }));
       }},
      {"board",  // labels that are wrong once in ten times
       nullptr,
       {},
       [](Seed s) {
         return trial(train_targets(board(s), [s](const Tensor& y) { return turned(y, 0.1, s); }), Board::make(),
                      adam(2e-2), 500);
       }},
      {"siamese",
       nullptr,
       {},
       [](Seed s) { return trial(pairs(s), Siamese::make(), adam(1e-2), 200, in_two_parts()); }},
      {"wide",
       nullptr,
       {},
       [](Seed s) {
         return trial(delays(s), Wide::make({.dropout = 0.2}), adam(5e-3), 300, scheduled([](double t) {
                        return t < 150 ? 5e-3 : t < 225 ? 1e-3 : 2e-4;
                      }));
       }},
      {"graph",
       nullptr,
       {},
       [](Seed s) { return trial(molecules(s), Graph::make({.activation = "elu"}), sgd(0.2), 400); }},
  };
}

std::vector<SecondProgram> faults_of_models() {
  return {
      {"graph",
       "edges are not used",
       {"unused_inputs"},
       [](Seed s) { return train_graph(molecules(s), {.flag = true}); }},
      {"siamese",
       "the first vector against itself",
       {"unused_inputs"},
       [](Seed s) { return train_siamese(pairs(s), {.flag = true}); }},
      {"siamese",
       "the root of a square that may be 0",
       {"undefined_operation", "non_finite_gradient", "exploding_gradients"},
       [](Seed s) {
         return train_siamese(
             train_inputs(
                 pairs(s),
                 [](const Tensor& x) {
                   const Tensor a = slice(x, 1, 0, 1);
                   const Tensor head = slice(x, 0, 0, 60);
                   const Tensor same = concatenate(std::vector<Tensor>{a, a}, 1);
                   return concatenate(std::vector<Tensor>{slice(same, 0, 0, 60), slice(x, 0, 60, x.shape(0))}, 0);
                 }),
             {.head = "root"});
       }},
      {"experts",
       "the gate's softmax over the examples",
       {"mixed_examples", "softmax_of_wrong_axis"},
       [](Seed s) { return train_experts(pieces(s), {.flag = true}); }},
      {"board",
       "a linear model",
       {"missing_nonlinearity", "too_few_units"},
       [](Seed s) { return trial(board(s), Board::make({.flag = true}), adam(2e-2), 200); }},
      {"experts",
       "relu after the mixture",
       {"head_cannot_reach_targets", "dead_units"},
       [](Seed s) { return train_experts(pieces(s), {.head = "relu"}); }},
      {"siren",
       "tanh after the last layer",
       {"head_cannot_reach_targets"},
       [](Seed s) { return train_siren(targets(tune(s), [](const Tensor& y) { return 3.0 * y; }), {.head = "tanh"}); }},
      {"siren",
       "a frequency 500 times too low",
       {"signal_by_depth", "initial_gain", "unscaled_inputs"},
       [](Seed s) { return train_siren(tune(s), {.flag = true}); }},
      {"wide",
       "exp after the last layer",
       {"head_cannot_reach_targets"},
       [](Seed s) { return train_wide(delays(s), {.head = "exp"}); }},
      {"board",
       "sigmoid before a loss of logits",
       {"sigmoid_twice"},
       [](Seed s) { return trial(board(s), Board::make({.head = "sigmoid"}), sgd(0.2), 200); }},
      {"mobile",
       "kernels of 0.05",
       {"constant_initialisation"},
       [](Seed s) { return train_mobile(patches(s), {.constant = 0.05}); }},
      {"graph",
       "weights from N(0, 10^2)",
       {"initial_gain", "signal_by_depth", "exploding_gradients"},
       [](Seed s) { return trial(molecules(s), Graph::make({.deviation = 10}), sgd(0.01), 200); }},
      {"mixer",
       "an output too few",
       {"labels_out_of_range"},
       [](Seed s) {
         return trial(train_targets(tiles(s), [](const Tensor& y) { return y + 1; }), Mixer::make(), adamw(5e-3));
       }},
      {"wide",
       "biases of -30 in the deep part",
       {"dead_units"},
       [](Seed s) { return trial(delays(s), shifted(Wide::make(), &Wide::deep1, -30), adam(5e-3), 200); }},
      {"tagger",
       "read from the end",
       {"shuffled_labels", "unaligned_targets"},
       [](Seed s) { return train_tagger(bits(s), {.flag = true}); }},
      {"words",
       "three dimensions that are frozen",
       {"frozen_parameters"},
       [](Seed s) { return trial(topics(s), frozen(Words::make({.width = 3}), &Words::embedding), adam(1e-2), 200); }},
  };
}

std::vector<SecondProgram> faults_of_training() {
  return {
      {"board", "SGD with rate 30", too_high, [](Seed s) { return trial(board(s), Board::make(), sgd(30), 200); }},
      {"experts", "RMSprop with rate 2", too_high,
       [](Seed s) { return trial(pieces(s), Experts::make(), rmsprop(2), 250); }},
      {"siren",
       "Adam with rate 2e-7",
       {"rate_too_low"},
       [](Seed s) { return trial(tune(s), Siren::make(), adam(2e-7), 200); }},
      {"words",
       "SGD with rate 1e-3",
       {"rate_too_low"},
       [](Seed s) { return trial(topics(s), Words::make(), sgd(1e-3), 200); }},
      {"wide",
       "loss times 1e-6",
       {"rate_too_low"},
       [](Seed s) {
         return trial(delays(s), Wide::make(), sgd(0.05), 200,
                      with_loss([](const auto&, const Tensor& loss) { return loss * 1e-6; }));
       }},
      {"tagger",
       "the rate falls by 30 % a step",
       {"schedule_decays_early"},
       [](Seed s) {
         return trial(bits(s), Tagger::make(), adam(2e-2), 150,
                      scheduled([](double t) { return 2e-2 * std::pow(0.7, t); }));
       }},
      {"vae",
       "divergence times 50",
       {"penalty_too_strong"},
       [](Seed s) { return trial(rings(s), Vae::make(), adam(1e-2), 200, with_divergence(50)); }},
      {"graph",
       "a strong L2 penalty",
       {"penalty_too_strong", "decay_too_strong"},
       [](Seed s) {
         return trial(molecules(s), Graph::make(), adam(1e-2), 200,
                      with_loss([](const auto& m, const Tensor& loss) { return loss + 0.5 * nn::l2_penalty(m); }));
       }},
      {"siamese",
       "weight decay 3",
       {"decay_too_strong"},
       [](Seed s) { return trial(pairs(s), Siamese::make(), sgd(0.05, 0.9, 3), 200); }},
      {"wide",
       "only the last layer's gradients are cleared",
       {"accumulated_gradients"},
       [](Seed s) { return trial(delays(s), Wide::make(), sgd(0.05), 200, clears_last()); }},
      {"board",
       "the optimizer of another model",
       {"parameters_not_held", "optimizer_never_steps"},
       [](Seed s) { return trial(board(s), Board::make(), of_another(adam(2e-2)), 200); }},
      {"experts",
       "the step before the sweep",
       {"cleared_before_step", "optimizer_never_steps", "no_progress", "zero_learning_rate"},
       [](Seed s) { return trial(pieces(s), Experts::make(), adam(2e-2), 250, step_first()); }},
      {"siren",
       "first values again in every fourth step",
       {"parameters_held_twice", "changed_between_steps"},
       [](Seed s) { return trial(tune(s), Siren::make(), adam(5e-3), 200, starts_again(4)); }},
      {"words",
       "parameters within 0.02",
       {"parameters_held_twice", "changed_between_steps"},
       [](Seed s) { return trial(topics(s), Words::make(), adam(1e-2), 200, bounded(0.02)); }},
      {"tagger",
       "gradients clipped at 1e-5 each",
       {"always_clipped", "rate_too_low"},
       [](Seed s) {
         return trial(bits(s), Tagger::make(), sgd(0.3), 150,
                      between([](const auto& m, auto&) { optim::clip_grad_value(m.parameters(), 1e-5); }));
       }},
      {"mobile",
       "a log-probability for a loss",
       {"wrong_sign"},
       [](Seed s) { return train_mobile(with(patches(s), without_sign)); }},
      {"words",
       "logits for nll_loss",
       {"loss_of_log_probabilities"},
       [](Seed s) {
         return train_words(with(topics(s), [](const Tensor& o, const Tensor& y) { return nn::nll_loss(o, y); }));
       }},
      {"siren",
       "targets [n] against outputs [n, 1]",
       {"broadcast_targets"},
       [](Seed s) {
         return train_siren(with(targets(tune(s), [](const Tensor& y) { return y.reshape({-1}); }),
                                 [](const Tensor& o, const Tensor& y) { return mean(square(o - y)); }));
       }},
  };
}

std::vector<SecondProgram> faults_of_data() {
  return {
      {"wide",
       "a column 2e4 times too large",
       {"unscaled_inputs", "ill_conditioning"},
       [](Seed s) { return train_wide(inputs(delays(s), one_column_large)); }},
      {"siren",
       "a coordinate in thousandths",
       {"unscaled_inputs"},
       [](Seed s) { return train_siren(inputs(tune(s), [](const Tensor& x) { return 1000.0 * x; })); }},
      {"vae",
       "targets in other units",
       {"unscaled_targets"},
       [](Seed s) { return train_vae(targets(rings(s), [](const Tensor& y) { return 2000.0 * y; })); }},
      {"experts",
       "every 25th target times 3000",
       {"loss_spikes", "outliers_in_targets", "unscaled_targets"},
       [](Seed s) {
         return train_experts(train_targets(pieces(s), [](const Tensor& y) { return outliers(y, 25, 3000); }));
       }},
      {"experts",
       "a target is NaN",
       {"non_finite_targets"},
       [](Seed s) { return train_experts(train_targets(pieces(s), [](const Tensor& y) { return nan_at(y, 500); })); }},
      {"mobile",
       "one class in nearly all examples",
       {"dominating_class"},
       [](Seed s) {
         return train_mobile(
             some(patches(s), [](std::int64_t label, std::int64_t i) { return label == 3 || i % 25 == 0; }));
       }},
      {"board",
       "45 % of the labels are turned round",
       {"noisy_labels", "shuffled_labels"},
       [](Seed s) {
         return trial(train_targets(board(s), [s](const Tensor& y) { return turned(y, 0.45, s); }), Board::make(),
                      adam(2e-2), 200);
       }},
      {"words",
       "texts shuffled without their topics",
       {"shuffled_labels"},
       [](Seed s) { return train_words(train_inputs(topics(s), [s](const Tensor& x) { return permuted(x, s); })); }},
      {"margin",
       "inputs shuffled without their labels",
       {"shuffled_labels"},
       [](Seed s) { return train_margin(train_inputs(blobs(s), [s](const Tensor& x) { return permuted(x, s); })); }},
      {"siamese",
       "train labels mean the opposite",
       {"different_test_labels"},
       [](Seed s) { return train_siamese(train_targets(pairs(s), [](const Tensor& y) { return 1.0 - y; })); }},
      {"margin",
       "two classes have one label",
       {"missing_class", "different_test_labels"},
       [](Seed s) {
         return train_margin(train_targets(blobs(s), [](const Tensor& y) { return where(y == 4, y * 0 + 3, y); }));
       }},
      {"mobile",
       "all labels are 2",
       {"constant_labels"},
       [](Seed s) {
         return trial(train_targets(patches(s), [](const Tensor& y) { return y * 0 + 2; }), Mobile::make(), sgd(0.1));
       }},
      {"tagger",
       "all inputs are 0",
       {"constant_inputs"},
       [](Seed s) {
         return trial(inputs(bits(s), [](const Tensor& x) { return x * 0.0; }), Tagger::make(), adam(2e-2));
       }},
      {"mixer",
       "test tiles in another scale",
       {"different_test_inputs"},
       [](Seed s) {
         return trial(test_inputs(tiles(s), [](const Tensor& x) { return 0.1 * x - 2.0; }), Mixer::make(), adamw(5e-3));
       }},
      {"mobile",
       "test pictures with channels last",
       {"different_test_inputs"},
       [](Seed s) {
         return trial(test_inputs(patches(s),
                                  [](const Tensor& x) {
                                    return permute(x, {0, 2, 3, 1}).reshape(x.shape());
                                  }),
                      Mobile::make(), sgd(0.1));
       }},
      {"board",
       "15 examples",
       {"overfitting"},
       [](Seed s) { return trial(first(board(s), 15), Board::make({.width = 128}), adam(2e-2), 300); }},
      {"mobile", "sorted by class", {"sorted_examples"}, [](Seed s) { return train_mobile(sorted(patches(s))); }},
      {"graph",
       "a feature is infinite",
       {"non_finite_inputs"},
       [](Seed s) {
         return train_graph(train_inputs(molecules(s), [](const Tensor& x) {
           Array a = core::copy(x.value());
           a.data<float>()[88 * 30] = std::numeric_limits<float>::infinity();
           return Tensor(a);
         }));
       }},
  };
}

double class_error(const Tensor& output, const Tensor& y) {
  return 1 - mean((argmax(output, 1) == y).to(f64)).item<double>();
}
double side_error(const Tensor& output, const Tensor& y) {
  const Tensor side = (output > (min(output).item() >= 0 && max(output).item() <= 1 ? 0.5 : 0.0)).to(f32);
  return mean((side != y).to(f64)).item<double>();
}
double square_error(const Tensor& output, const Tensor& y) {
  const Tensor t = y.reshape(output.shape());
  return (mean(square(output - t)) / mean(square(t - mean(t)))).to(f64).item<double>();
}

}  // namespace

}  // namespace zoo::third

namespace zoo {

const std::vector<SecondProgram>& third_programs() {
  static const std::vector<SecondProgram> all = [] {
    auto rows = third::twins();
    for (const auto& more :
         {third::unusual_programs(), third::faults_of_models(), third::faults_of_training(), third::faults_of_data()}) {
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

const std::vector<Goal>& third_goals() {
  static const std::vector<Goal> all{
      {"board", third::side_error, 0.25},  {"graph", third::class_error, 0.35},  {"wide", third::square_error, 0.35},
      {"siamese", third::side_error, 0.2}, {"margin", third::class_error, 0.15}, {"experts", third::square_error, 0.3},
      {"tagger", third::class_error, 0.1}, {"mobile", third::class_error, 0.25}, {"mixer", third::class_error, 0.2},
      {"siren", third::square_error, 0.2}, {"words", third::class_error, 0.3},   {"vae", third::square_error, 0.25},
  };
  return all;
}

}  // namespace zoo
