// SPDX-License-Identifier: BSD-3-Clause
#include "zoo.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/nn/losses/classification.hpp>

#include <limits>

namespace zoo {

using namespace newtape;

namespace {

bool classifies(const Program& p) { return p.model != "regression"; }
bool is_regression(const Program& p) { return p.model == "regression"; }
bool is_perceptron(const Program& p) { return p.model == "mlp" || p.model == "regression"; }
bool has_relu(const Program& p) { return is_perceptron(p) || p.model == "cnn"; }
bool without_norm(const Program& p) { return p.model != "cnn_bn" && p.model != "transformer"; }
bool has_batch_norm(const Program& p) { return p.model == "cnn_bn"; }
bool is_lstm(const Program& p) { return p.model == "lstm"; }
bool is_deep(const Program& p) {
  return p.model == "cnn" || p.model == "cnn_bn" || p.model == "lstm" || p.model == "mlp";
}

Tensor x_of(const data::Dataset& set) { return set.array(0); }
Tensor y_of(const data::Dataset& set) { return set.array(1); }
void set_train(Program& p, const Tensor& x, const Tensor& y) { p.data.train = data::Dataset{x, y}; }

Tensor shuffled(const Tensor& y, std::uint64_t seed) {
  Generator g(seed + 77);
  return core::take(y.value(), random::permutation(y.shape(0), g), 0);
}

/// A copy in which `f` may write.
template <class F>
Tensor written(const Tensor& x, const F& f) {
  Array copy = core::copy(x.value());
  f(copy);
  return copy;
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      // Rates and schedules.
      {"rate 0", [](Program& p, std::uint64_t) { p.lr = 0; }, {"zero_learning_rate"}, nullptr, true},
      {"rate times 300",
       [](Program& p, std::uint64_t) { p.lr *= 300; },
       {"rate_too_high", "unstable_sharpness"},
       nullptr,
       true},
      {"rate times 1e-3", [](Program& p, std::uint64_t) { p.lr *= 1e-3; }, {"rate_too_low"}, nullptr, true},
      {"SGD with rate 5",
       [](Program& p, std::uint64_t) { p.sgd = true, p.lr = 5; },
       {"rate_too_high", "unstable_sharpness"},
       nullptr,
       false},
      {"SGD with rate 1e-6",
       [](Program& p, std::uint64_t) { p.sgd = true, p.lr = 1e-6; },
       {"rate_too_low"},
       nullptr,
       false},
      {"rate halves in every step",
       [](Program& p, std::uint64_t) { p.lr_decay = 0.5; },
       {"schedule_decays_early"},
       nullptr,
       true},
      // Losses and activations.
      {"softmax before cross entropy",
       [](Program& p, std::uint64_t) { p.head = "softmax"; },
       {"softmax_twice"},
       classifies,
       true},
      {"relu after the last layer",
       [](Program& p, std::uint64_t) { p.head = "relu"; },
       {"head_cannot_reach_targets"},
       nullptr,
       true},
      {"sigmoid after the last layer",
       [](Program& p, std::uint64_t) { p.head = "sigmoid"; },
       {"head_cannot_reach_targets"},
       nullptr,
       false},
      {"too few outputs", [](Program& p, std::uint64_t) { p.outputs = 6; }, {"labels_out_of_range"}, classifies, true},
      {"sigmoid with large weights",
       [](Program& p, std::uint64_t) { p.activation = "sigmoid", p.depth = 3, p.weight_factor = 40; },
       {"initial_gain", "saturated_units"},
       is_perceptron,
       false},
      {"loss with the wrong sign",
       [](Program& p, std::uint64_t) {
         p.data.loss = [loss = p.data.loss](const Tensor& output, const Tensor& y) { return -loss(output, y); };
       },
       {"wrong_sign"},
       classifies,
       true},
      // Initialisers.
      {"weights 0",
       [](Program& p, std::uint64_t) { p.weight_constant = 0; },
       {"constant_initialisation"},
       without_norm,
       true},
      {"weights 0.1",
       [](Program& p, std::uint64_t) { p.weight_constant = 0.1; },
       {"constant_initialisation"},
       without_norm,
       false},
      {"weights times 30",
       [](Program& p, std::uint64_t) { p.weight_factor = 30; },
       {"initial_gain"},
       without_norm,
       true},
      {"weights times 1e-4",
       [](Program& p, std::uint64_t) { p.weight_factor = 1e-4; },
       {"initial_gain", "signal_by_depth"},
       is_deep,
       false},
      {"biases minus 20", [](Program& p, std::uint64_t) { p.bias_shift = -20; }, {"dead_units"}, has_relu, true},
      // Data.
      {"NaN in the inputs",
       [](Program& p, std::uint64_t) {
         const Tensor x = written(x_of(p.data.train), [](Array& a) {
           for (std::int64_t i = 0; i < a.size(); i += 997)
             a.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
         });
         set_train(p, x, y_of(p.data.train));
       },
       {"non_finite_inputs"},
       nullptr,
       true},
      {"inputs times 1000",
       [](Program& p, std::uint64_t) {
         set_train(p, x_of(p.data.train) * 1000.0, y_of(p.data.train));
         p.data.test = data::Dataset{x_of(p.data.test) * 1000.0, y_of(p.data.test)};
       },
       {"unscaled_inputs"},
       without_norm,
       true},
      {"inputs times 1e-3",
       [](Program& p, std::uint64_t) {
         set_train(p, x_of(p.data.train) * 1e-3, y_of(p.data.train));
         p.data.test = data::Dataset{x_of(p.data.test) * 1e-3, y_of(p.data.test)};
       },
       {"unscaled_inputs"},
       without_norm,
       false},
      {"inputs are constant",
       [](Program& p, std::uint64_t) { set_train(p, zeros_like(x_of(p.data.train)) + 0.5, y_of(p.data.train)); },
       {"constant_inputs"},
       nullptr,
       true},
      {"test inputs not transformed",
       [](Program& p, std::uint64_t) {
         p.data.test = data::Dataset{x_of(p.data.test) * 16.0, y_of(p.data.test)};
       },
       {"different_test_inputs"},
       nullptr,
       true},
      {"test examples in the training set",
       [](Program& p, std::uint64_t) {
         p.data.test = p.data.train[{0, 200}];
       },
       {"leaked_test_examples"},
       nullptr,
       false},
      {"targets times 1000",
       [](Program& p, std::uint64_t) { set_train(p, x_of(p.data.train), y_of(p.data.train) * 1000.0); },
       {"unscaled_targets"},
       is_regression,
       true},
      {"sorted by class",
       [](Program& p, std::uint64_t) {
         const Tensor order = argsort(y_of(p.data.train), 0);
         p.data.train = p.data.train[order];
         p.data.shuffle = false;
       },
       {"sorted_examples"},
       classifies,
       false,
       true},
      // Labels.
      {"shuffled labels",
       [](Program& p, std::uint64_t seed) { set_train(p, x_of(p.data.train), shuffled(y_of(p.data.train), seed)); },
       {"shuffled_labels"},
       nullptr,
       true},
      {"labels of the next example",
       [](Program& p, std::uint64_t) {
         set_train(p, x_of(p.data.train), core::roll(y_of(p.data.train).value(), 1, 0));
       },
       {"shuffled_labels"},
       nullptr,
       false},
      {"constant labels",
       [](Program& p, std::uint64_t) { set_train(p, x_of(p.data.train), zeros_like(y_of(p.data.train))); },
       {"constant_labels"},
       nullptr,
       true},
      {"one class dominates",
       [](Program& p, std::uint64_t) {
         const Tensor y = written(y_of(p.data.train), [](Array& a) {
           for (std::int64_t i = 0; i < a.size(); ++i) {
             if (i % 20 != 0) a.data<std::int64_t>()[i] = 3;
           }
         });
         set_train(p, x_of(p.data.train), y);
       },
       {"dominating_class"},
       classifies,
       false},
      // Regularisers.
      {"dropout of 0.98", [](Program& p, std::uint64_t) { p.dropout = 0.98; }, {"dropout_of_most"}, nullptr, true},
      {"weight decay 10", [](Program& p, std::uint64_t) { p.weight_decay = 10; }, {"decay_too_strong"}, nullptr, true},
      {"SGD with weight decay 5",
       [](Program& p, std::uint64_t) { p.sgd = true, p.lr = 0.02, p.weight_decay = 5; },
       {"decay_too_strong"},
       nullptr,
       false},
      // The order of calls.
      {"zero_grad is missing",
       [](Program& p, std::uint64_t) { p.sgd = true, p.lr = 0.05, p.clears_gradients = false; },
       {"accumulated_gradients"},
       nullptr,
       true},
      {"evaluation mode in training",
       [](Program& p, std::uint64_t) { p.evaluation_mode = true; },
       {"evaluation_mode"},
       has_batch_norm,
       false,
       true},
      {"clipping to 1e-4",
       [](Program& p, std::uint64_t) { p.sgd = true, p.lr = 0.05, p.clip = 1e-4; },
       {"always_clipped", "rate_too_low"},
       nullptr,
       true},
      {"batches of 2",
       [](Program& p, std::uint64_t) { p.data.batch = 2; },
       {"small_batch_statistics", "noise_dominated"},
       has_batch_norm,
       false},
      // Parameters.
      {"frozen but for the last layer",
       [](Program& p, std::uint64_t) { p.freeze = true; },
       {"frozen_parameters"},
       is_regression,
       true},
      {"the optimizer holds one parameter",
       [](Program& p, std::uint64_t) { p.holds_first_layer_only = true; },
       {"parameters_not_held"},
       nullptr,
       true},
      {"a layer is not used",
       [](Program& p, std::uint64_t) { p.unused_layer = true; },
       {"unreached_parameters"},
       nullptr,
       false},
      // Operations of one's own.
      {"a wrong gradient",
       [](Program& p, std::uint64_t) { p.wrong_gradient = true; },
       {"wrong_gradient"},
       nullptr,
       true},
      // Of the rules about curvature, depth and the program.
      {"probabilities for nll_loss",
       [](Program& p, std::uint64_t) {
         p.head = "softmax";
         p.data.loss = [](const Tensor& output, const Tensor& y) { return nn::nll_loss(output, y); };
       },
       {"loss_of_log_probabilities"},
       classifies,
       true},
      {"twelve layers of small weights",
       [](Program& p, std::uint64_t) { p.activation = "tanh", p.depth = 12, p.weight_factor = 0.3; },
       {"signal_by_depth", "vanishing_gradients"},
       [](const Program& p) { return p.model == "mlp"; },
       true},
      {"columns in other units",
       [](Program& p, std::uint64_t) {
         p.sgd = true, p.lr = 0.02;
         const auto scaled = [](const data::Dataset& set) {
           Array scale = core::full({10}, 1, f32);
           scale.data<float>()[0] = scale.data<float>()[1] = 0.01F;
           return data::Dataset{x_of(set) * Tensor(scale), y_of(set)};
         };
         p.data.train = scaled(p.data.train);
         p.data.test = scaled(p.data.test);
       },
       {"ill_conditioning"},
       is_regression,
       false},
      {"forget gates closed",
       [](Program& p, std::uint64_t) {  // and all but the first five of eight rows are blank
         p.forget_bias = -10;
         const auto blank = [](const data::Dataset& set) {
           return data::Dataset{written(x_of(set),
                                        [](Array& a) {
                                          for (std::int64_t i = 0; i < a.size(); ++i) {
                                            if (i % 64 >= 40) a.data<float>()[i] = 0;
                                          }
                                        }),
                                y_of(set)};
         };
         p.data.train = blank(p.data.train);
         p.data.test = blank(p.data.test);
       },
       {"forgets_in_time"},
       is_lstm,
       true},
      {"one target is 1e4 times too large",
       [](Program& p, std::uint64_t seed) {
         const auto at = static_cast<std::int64_t>(100 + 7 * seed);
         set_train(p, x_of(p.data.train), written(y_of(p.data.train), [&](Array& a) { a.data<float>()[at] = 1e4F; }));
       },
       {"loss_spikes", "outliers_in_targets"},
       is_regression,
       true},
      {"a second optimizer at 100 times the rate",
       [](Program& p, std::uint64_t) { p.second_lr = 100 * p.lr; },
       {"parameters_held_twice"},
       nullptr,
       true},
      {"a second optimizer at the same rate",
       [](Program& p, std::uint64_t) { p.second_lr = p.lr; },
       {"parameters_held_twice"},
       nullptr,
       true,
       true},
      {"weights shrink after every step",
       [](Program& p, std::uint64_t) { p.shrink = 0.8; },
       {"parameters_held_twice"},
       without_norm,
       true},
      {"bias before batch normalisation",
       [](Program& p, std::uint64_t) { p.bias_before_norm = true; },
       {"bias_before_normalisation"},
       has_batch_norm,
       true,
       true},
      {"evaluation in training mode",
       [](Program& p, std::uint64_t) { p.evaluates = true; },
       {"training_mode_in_evaluation"},
       has_batch_norm,
       true,
       true},
  };
  return all;
}

}  // namespace zoo
