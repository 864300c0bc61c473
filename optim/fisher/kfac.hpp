// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/kronecker.hpp>
#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

/// The gradients from which K-FAC computes the Fisher matrix.
enum class KFACFisher {
  sampled,    ///< of losses for targets drawn from the model's prediction: in expectation, the true Fisher matrix
  exact,      ///< the true Fisher matrix: a sweep with as many cotangents as a sample has outputs
  empirical,  ///< of the loss itself
};

struct KFACOptions {
  double lr = 1;
  double momentum = 0.9;
  double damping = 0.1;     ///< needs more in the eigenbases, where it is not split between the factors
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step
  double decay = 0.95;      ///< of the factors' averages
  double kl_clip = 0.1;     ///< bound of lr^2 d^T F d; 0: none
  int update_freq = 10;     ///< steps between updates of the factors; fewer at first, while averages fill
  int inverse_freq = 50;    ///< steps between inversions; fewer in the first hundreds of steps
  KFACFisher fisher = KFACFisher::sampled;
  KFACInverse inverse = KFACInverse::factors;
  Likelihood likelihood = Likelihood::categorical;  ///< of the loss, unless the Fisher matrix is empirical
  int samples = 1;                                  ///< targets drawn for each output
  int seed = 0;                                     ///< of these draws
  double adam_scale = 1e-3;                         ///< times lr: Adam's learning rate for parameters of no layer
  std::pair<double, double> betas = {0.9, 0.999};   ///< of Adam, as eps
  double eps = 1e-8;
};

extern template class OptimizerOf<KFACOptions>;
/// K-FAC (Martens & Grosse 2015; convolutions: Grosse & Martens 2016; recurrent layers, with time steps taken as
/// independent: Martens, Ba & Johnson 2018): v = momentum v + (1 - momentum) nu d, at first v = nu d, and p -= lr v,
/// with d = (A (x) G + damping)^-1 g for each weight and its bias, and nu <= 1 from kl_clip (Ba, Grosse & Martens
/// 2017). The weights are those of linear, matmul, convolutions without groups and recurrent scans in the backward
/// sweep (see LayerObserver); Adam trains all other parameters. lr, momentum, damping, weight_decay and Adam's options
/// are a group's own; the other options are the first group's.
class KFAC : public OptimizerOf<KFACOptions> {
 public:
  using OptimizerOf::OptimizerOf;

  using OptimizerOf::step;
  void step() override;
  /// One step on loss(outputs()), where `outputs` runs the model: forward, backward, the factors when they are due, and
  /// the update. NumericalError, ValueError: nothing is changed then.
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) override;
  /// A step on a loss alone, as by a closure, for the empirical Fisher matrix (ValueError otherwise). The loss counts as
  /// a mean over as many samples as the smallest number of rows of any layer.
  void step(const Tensor& loss) override;

  /// The averages for a weight: A [k, k] (one more with a bias) and G [m, m]; undefined before the first update.
  std::pair<Array, Array> factors(const Parameter& weight) const;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override;
  void prepare() override;
  void update(Slot& slot) override;
  void save_more(std::string_view prefix, StateDict& state) const override;
  std::function<void()> load_more(newtape::detail::StateReader& reader) override;

 private:
  /// A weight as a matrix [m, k], with its biases.
  struct Layer {
    std::size_t weight = 0;           ///< its slot
    std::vector<std::size_t> biases;  ///< the slots of the biases, whose sum is added
    bool transposed = false;          ///< it is stored as [k, m]
    KroneckerFactors factors;
  };
  class Collector;
  class Factorization;

  Tensor attempt(const std::function<Tensor()>& outputs, const UnaryFunction& loss);
  void attempt(const Tensor& loss);
  /// Whether the factors are due; in every step at first, to fill the averages.
  bool look_due() const;
  /// Whether inversions are due; at first four to eight times for every doubling of the step count.
  bool inversion_due() const;
  std::size_t index(const Slot& slot) const { return static_cast<std::size_t>(&slot - slots().data()); }
  const Layer* layer_with(std::size_t slot) const;
  /// Rows and columns of the layer's matrix, the bias's column included.
  std::pair<std::int64_t, std::int64_t> size_of(const Layer& layer) const;
  void refresh(double scale);
  double direction(const Layer& layer);

  std::vector<Layer> layers_;
  std::int64_t steps_ = 0;
  std::vector<Array> directions_;  ///< one for each slot, during a step
};

}  // namespace newtape::optim
