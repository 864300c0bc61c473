// SPDX-License-Identifier: BSD-3-Clause
#include "fresh.hpp"
#include "fresh_models.hpp"

namespace zoo {

namespace {

using namespace fresh;
using inspect::Diagnosis;

/// For faults that are in the data: the model's usual optimizer.
template <class M>
Diagnosis with_data(std::uint64_t seed, TrainingData data, const M& make) {
  return look(seed, std::move(data), make, adam(3e-3));
}

/// A step that takes another loss than that of the batch.
template <class F>
auto on_loss(F change) {
  return [change](const auto& model, optim::Optimizer& optimizer, const inspect::TrainingBatch& b) {
    return optimizer.step([&] { return change(model, b.loss(model(b.x), b.y)); });
  };
}

/// The sum over the batch for its mean.
auto summed(double batch) {
  return on_loss([batch](const auto&, const Tensor& loss) { return loss * batch; });
}
auto ascending() {
  return on_loss([](const auto&, const Tensor& loss) { return -loss; });
}
/// With the squared length of all parameters.
auto with_penalty(double factor) {
  return on_loss([factor](const auto& model, const Tensor& loss) {
    Tensor total = loss;
    for (const auto& p : model.parameters()) total = total + factor * sum(square(p));
    return total;
  });
}
/// The rate of step t, from the first rate.
template <class F>
auto scheduled(F rate) {
  // Each run gets a copy of the step, which starts to count anew.
  return [rate, t = std::int64_t{0}](const auto& model, optim::Optimizer& optimizer,
                                     const inspect::TrainingBatch& b) mutable {
    optimizer.set_lr(rate(t++));
    return optimizer.step([&] { return b.loss(model(b.x), b.y); });
  };
}

std::vector<FreshProgram> healthy_programs() {
  return {
      {"gru", nullptr, {}, [](std::uint64_t s) { return look(s, sunspots(s), Gru::make(), adam(1e-2)); }},
      {"residual", nullptr, {}, [](std::uint64_t s) { return look(s, wine(s), Residual::make(), sgd(0.05)); }},
      {"cnn_gn", nullptr, {}, [](std::uint64_t s) { return look(s, digits(s), GroupCnn::make(), adamw(3e-3)); }},
      {"autoencoder", nullptr, {}, [](std::uint64_t s) { return look(s, cells(s), Autoencoder::make(), adam(1e-2)); }},
      {"embedding", nullptr, {}, [](std::uint64_t s) { return look(s, letters(s), Letters::make(), adam(1e-2)); }},
      {"logistic", nullptr, {}, [](std::uint64_t s) { return look(s, tumours(s), Logistic::make(), sgd(0.05)); }},
      {"diabetes", nullptr, {}, [](std::uint64_t s) { return look(s, diabetes(s), Smooth::make(), rmsprop(1e-3)); }},
      {"iris", nullptr, {}, [](std::uint64_t s) { return look(s, iris(s), Tiny::make(), sgd(0.1)); }},
  };
}

std::vector<FreshProgram> programs_with_faults_of_optimizers() {
  return {
      {"residual",
       "momentum 0.999",
       {"rate_too_high", "unstable_sharpness", "oscillation"},
       [](std::uint64_t s) { return look(s, wine(s), Residual::make(), sgd(0.05, 0.999)); }},
      {"iris",
       "momentum 0.999",
       {"rate_too_high", "unstable_sharpness", "oscillation"},
       [](std::uint64_t s) { return look(s, iris(s), Tiny::make(), sgd(0.1, 0.999)); }},
      {"residual",
       "loss summed over the batch",
       {"rate_too_high", "unstable_sharpness", "oscillation"},
       [](std::uint64_t s) { return look(s, wine(s), Residual::make(), sgd(0.05), summed(32)); }},
      {"logistic",
       "loss summed over the batch",
       {"rate_too_high", "unstable_sharpness", "oscillation"},
       [](std::uint64_t s) { return look(s, tumours(s), Logistic::make(), sgd(0.5), summed(64)); }},
      {"iris",
       "loss summed over the batch",
       {"rate_too_high", "unstable_sharpness", "oscillation"},
       [](std::uint64_t s) { return look(s, iris(s), Tiny::make(), sgd(0.1), summed(120)); }},
      {"gru",
       "a warm-up that does not end",
       {"rate_too_low"},
       [](std::uint64_t s) {
         return look(s, sunspots(s), Gru::make(), adam(1e-2),
                     scheduled([](std::int64_t t) { return 1e-7 * static_cast<double>(t + 1); }));
       }},
      {"cnn_gn",
       "a warm-up that does not end",
       {"rate_too_low"},
       [](std::uint64_t s) {
         return look(s, digits(s), GroupCnn::make(), adamw(3e-3),
                     scheduled([](std::int64_t t) { return 1e-8 * static_cast<double>(t + 1); }));
       }},
      {"cnn_gn",
       "the schedule reaches 0 after 10 steps",
       {"schedule_decays_early"},
       [](std::uint64_t s) {
         return look(s, digits(s), GroupCnn::make(), adamw(3e-3),
                     scheduled([](std::int64_t t) { return 3e-3 * std::max(0.0, 1 - 0.1 * static_cast<double>(t)); }));
       }},
      {"residual",
       "the schedule reaches 0 after 10 steps",
       {"schedule_decays_early"},
       [](std::uint64_t s) {
         return look(s, wine(s), Residual::make(), sgd(0.01),
                     scheduled([](std::int64_t t) { return 0.01 * std::max(0.0, 1 - 0.1 * static_cast<double>(t)); }));
       }},
      {"gru",
       "eps 100",
       {"rate_too_low"},
       [](std::uint64_t s) { return look(s, sunspots(s), Gru::make(), adam(1e-2, 100)); }},
      {"embedding",
       "eps 100",
       {"rate_too_low"},
       [](std::uint64_t s) { return look(s, letters(s), Letters::make(), adam(1e-2, 100)); }},
      {"autoencoder",
       "a group with rate 0",
       {"zero_learning_rate", "parameters_not_held", "frozen_parameters"},
       [](std::uint64_t s) {
         return look(s, cells(s), Autoencoder::make(), [](const Autoencoder& m) {
           return optim::SGD(
               std::vector<optim::ParamGroup<optim::SGDOptions>>{{m.encode.parameters(), {.lr = 0.05, .momentum = 0.9}},
                                                                 {m.decode.parameters(), {.lr = 0, .momentum = 0.9}}});
         });
       }},
      {"embedding",
       "zero_grad in every 50th step",
       {"accumulated_gradients"},
       [](std::uint64_t s) {
         return look(s, letters(s), Letters::make(), sgd(0.3),
                     [t = std::int64_t{0}](const auto& model, optim::Optimizer& optimizer,
                                           const inspect::TrainingBatch& b) mutable {
                       if (t++ % 50 == 0) optimizer.zero_grad();
                       const Tensor loss = b.loss(model(b.x), b.y);
                       loss.backward();
                       optimizer.step();
                       return loss;
                     });
       }},
      {"residual",
       "a strong penalty in the loss",
       {"decay_too_strong", "penalty_too_strong"},
       [](std::uint64_t s) { return look(s, wine(s), Residual::make(), sgd(0.02), with_penalty(1)); }},
      {"logistic",
       "a strong penalty in the loss",
       {"decay_too_strong", "penalty_too_strong"},
       [](std::uint64_t s) { return look(s, tumours(s), Logistic::make(), sgd(0.02), with_penalty(3)); }},
      {"residual",
       "steps up the gradient",
       {"wrong_sign"},
       [](std::uint64_t s) { return look(s, wine(s), Residual::make(), sgd(0.05), ascending()); }},
      {"iris",
       "steps up the gradient",
       {"wrong_sign"},
       [](std::uint64_t s) { return look(s, iris(s), Tiny::make(), sgd(0.1), ascending()); }},
  };
}

std::vector<FreshProgram> programs_with_faults_of_models() {
  return {
      {"autoencoder",
       "detached in the middle",
       {"unreached_parameters"},
       [](std::uint64_t s) { return look(s, cells(s), Autoencoder::make({.detached = true}), adam(1e-2)); }},
      {"embedding",
       "detached in the middle",
       {"unreached_parameters"},
       [](std::uint64_t s) { return look(s, letters(s), Letters::make({.detached = true}), adam(1e-2)); }},
      {"autoencoder",
       "rounded in the middle",
       {"unreached_parameters", "vanishing_gradients", "wrong_gradient", "plateau"},
       [](std::uint64_t s) { return look(s, cells(s), Autoencoder::make({.rounded = true}), adam(1e-2)); }},
      {"residual",
       "a layer that is not registered",
       {"unregistered_parameters", "parameters_not_held"},
       [](std::uint64_t s) { return look(s, wine(s), Residual::make({.unregistered = true}), sgd(0.05)); }},
      {"gru",
       "recurrent weights times 20",
       {"initial_gain", "saturated_units", "exploding_gradients"},
       [](std::uint64_t s) { return look(s, sunspots(s), Gru::make({.recurrent_factor = 20}), adam(1e-2)); }},
      {"wine",
       "eight layers of sigmoid",
       {"vanishing_gradients", "signal_by_depth"},
       [](std::uint64_t s) { return look(s, wine(s), Deep::make(), sgd(0.05)); }},
      {"diabetes",
       "tanh after the last layer",
       {"head_cannot_reach_targets"},
       [](std::uint64_t s) { return look(s, diabetes(s), Smooth::make({.head = "tanh"}), rmsprop(1e-3)); }},
      {"diabetes",
       "softplus after the last layer",
       {"head_cannot_reach_targets"},
       [](std::uint64_t s) { return look(s, diabetes(s), Smooth::make({.head = "softplus"}), rmsprop(1e-3)); }},
      {"diabetes",
       "targets [n] against outputs [n, 1]",
       {"broadcast_targets"},
       [](std::uint64_t s) { return look(s, broadcast(diabetes(s)), Smooth::make(), rmsprop(1e-3)); }},
      {"gru",
       "targets [n] against outputs [n, 1]",
       {"broadcast_targets"},
       [](std::uint64_t s) { return look(s, broadcast(sunspots(s)), Gru::make(), adam(1e-2)); }},
  };
}

std::vector<FreshProgram> programs_with_faults_of_data() {
  return {
      {"wine",
       "measurements as they are",
       {"unscaled_inputs", "ill_conditioning"},
       [](std::uint64_t s) { return look(s, wine(s, true), Plain::make(13, 3), sgd(0.01)); }},
      {"logistic",
       "measurements as they are",
       {"unscaled_inputs", "ill_conditioning"},
       [](std::uint64_t s) { return look(s, tumours(s, true), Logistic::make(), sgd(0.05)); }},
      {"diabetes",
       "a target as it is",
       {"unscaled_targets"},
       [](std::uint64_t s) { return look(s, diabetes(s, true), Smooth::make(), rmsprop(1e-3)); }},
      {"wine",
       "labels from 1",
       {"labels_out_of_range"},
       [](std::uint64_t s) { return with_data(s, plus_one(wine(s)), Residual::make()); }},
      {"iris",
       "labels from 1",
       {"labels_out_of_range"},
       [](std::uint64_t s) { return with_data(s, plus_one(iris(s)), Tiny::make()); }},
      {"wine",
       "test inputs in other units",
       {"different_test_inputs"},
       [](std::uint64_t s) { return with_data(s, test_of(wine(s), wine(s, true)), Residual::make()); }},
      {"diabetes",
       "test columns in another order",
       {"different_test_inputs"},
       [](std::uint64_t s) { return with_data(s, reversed_columns(diabetes(s)), Smooth::make()); }},
      {"wine",
       "copies of test examples in the training set",
       {"leaked_test_examples"},
       [](std::uint64_t s) { return with_data(s, leaked(wine(s)), Residual::make()); }},
      {"cnn_gn",
       "copies of test examples in the training set",
       {"leaked_test_examples"},
       [](std::uint64_t s) { return look(s, leaked(digits(s)), GroupCnn::make(), adamw(3e-3)); }},
      {"diabetes",
       "30 examples",
       {"overfitting"},
       [](std::uint64_t s) { return look(s, first_ones(diabetes(s), 30), Plain::make(10, 1), adam(1e-2)); }},
      {"embedding",
       "100 examples",
       {"overfitting"},
       [](std::uint64_t s) { return look(s, first_ones(letters(s), 100), Letters::make(), adam(1e-2)); }},
      {"diabetes",
       "a target is NaN",
       {"non_finite_targets", "non_finite_inputs"},
       [](std::uint64_t s) { return look(s, nan_target(diabetes(s)), Smooth::make(), rmsprop(1e-3)); }},
      {"wine",
       "inputs shuffled without their labels",
       {"shuffled_labels"},
       [](std::uint64_t s) { return with_data(s, shuffled_inputs(wine(s), s), Residual::make()); }},
      {"logistic",
       "inputs shuffled without their labels",
       {"shuffled_labels"},
       [](std::uint64_t s) { return look(s, shuffled_inputs(tumours(s), s), Logistic::make(), sgd(0.05)); }},
      {"gru",
       "inputs shuffled without their labels",
       {"shuffled_labels"},
       [](std::uint64_t s) { return look(s, shuffled_inputs(sunspots(s), s), Gru::make(), adam(1e-2)); }},
      {"embedding",
       "inputs shuffled without their labels",
       {"shuffled_labels"},
       [](std::uint64_t s) { return look(s, shuffled_inputs(letters(s), s), Letters::make(), adam(1e-2)); }},
      {"embedding",
       "all inputs are the unknown letter",
       {"constant_inputs"},
       [](std::uint64_t s) { return look(s, unknown_inputs(letters(s)), Letters::make(), adam(1e-2)); }},
      {"logistic",
       "labels -1 and 1",
       {"labels_out_of_range", "wrong_sign", "head_cannot_reach_targets", "targets_are_no_probabilities"},
       [](std::uint64_t s) { return look(s, signed_labels(tumours(s)), Logistic::make(), sgd(0.05)); }},
  };
}

}  // namespace

const std::vector<FreshProgram>& fresh_programs() {
  static const std::vector<FreshProgram> all = [] {
    auto rows = healthy_programs();
    for (const auto& more :
         {programs_with_faults_of_optimizers(), programs_with_faults_of_models(), programs_with_faults_of_data()}) {
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

}  // namespace zoo
