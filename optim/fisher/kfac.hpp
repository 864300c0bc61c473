// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/kronecker.hpp>
#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

/// From which gradients K-FAC takes the Fisher matrix.
enum class KfacFisher {
  sampled,    ///< of losses for targets drawn from the model's prediction: the true Fisher matrix, in expectation
  exact,      ///< the true Fisher matrix: a sweep with as many cotangents as a sample has outputs
  empirical,  ///< of the loss itself
};

struct KfacOptions {
  double lr = 1;
  double momentum = 0.9;
  double damping = 0.1;     ///< more for the eigenbases, where it is not spread over the factors
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step
  double decay = 0.95;      ///< of the factors' averages
  double kl_clip = 0.1;     ///< bound of lr^2 d^T F d; 0: none
  int update_freq = 10;     ///< steps from one look at the factors to the next; fewer while the averages fill
  int inverse_freq = 50;    ///< steps from one inversion to the next; fewer in the first hundreds
  KfacFisher fisher = KfacFisher::sampled;
  KfacInverse inverse = KfacInverse::factors;
  Likelihood likelihood = Likelihood::categorical;  ///< of the loss, unless the Fisher matrix is empirical
  int samples = 1;                                  ///< targets drawn for each output
  int seed = 0;                                     ///< of these draws
  double adam_scale = 1e-3;                         ///< parameters of no layer: Adam's step, with this times lr
  std::pair<double, double> betas = {0.9, 0.999};   ///< theirs
  double eps = 1e-8;

  static constexpr const char* name = "KFAC";
  static std::vector<const char*> moments() { return {"momentum_buffer", "exp_avg", "exp_avg_sq"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("momentum", momentum), f("damping", damping), f("weight_decay", weight_decay), f("decay", decay),
        f("kl_clip", kl_clip), f("update_freq", update_freq), f("inverse_freq", inverse_freq), f("fisher", fisher),
        f("inverse", inverse), f("likelihood", likelihood), f("samples", samples), f("seed", seed),
        f("adam_scale", adam_scale), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps);
  }
};

extern template class OptimizerOf<KfacOptions>;
/// K-FAC (Martens & Grosse 2015; convolutions: Grosse & Martens 2016; recurrent layers, with time steps taken as
/// independent: Martens, Ba & Johnson 2018): v = momentum v + (1 - momentum) nu d, at first v = nu d, and p -= lr v,
/// with d = (A (x) G + damping)^-1 g for each weight and its bias, and nu <= 1 from kl_clip (Ba, Grosse & Martens
/// 2017). The weights are those that backward sweeps pass in linear, matmul, convolutions without groups and recurrent
/// scans (see LayerObserver); all other parameters take Adam's steps. lr, momentum, damping, weight_decay and what
/// concerns Adam are a group's own; the other options are the first group's.
class KFAC : public OptimizerOf<KfacOptions> {
 public:
  using OptimizerOf::OptimizerOf;

  /// One step on loss(outputs()), where `outputs` runs the model: forward, backward, the factors when they are due, and
  /// the update. Clears the gradients first, and leaves those of the loss behind. Returns the loss. NumericalError,
  /// ValueError before any parameter is changed.
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss);
  /// With the empirical Fisher matrix (ValueError otherwise) a loss does, as with other optimizers; it is taken for a
  /// mean over as many samples as the fewest rows that a layer got.
  Tensor step(const std::function<Tensor()>& closure) override;
  void step(const Tensor& loss) override;
  /// An update from the gradients that are there, and the factors as they are.
  using OptimizerOf::step;

  /// The averages for a weight: A [k, k] (one more with a bias) and G [m, m]; undefined while none has been seen.
  std::pair<Array, Array> factors(const Parameter& weight) const;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override;
  void prepare() override;
  void update(Slot& slot) override;
  void save_more(std::string_view prefix, StateDict& state) const override;
  std::function<void()> load_more(newtape::detail::StateReader& reader) override;

 private:
  /// A weight seen as a matrix [m, k], with what its output is shifted by.
  struct Layer {
    std::size_t weight = 0;           ///< its slot
    std::vector<std::size_t> biases;  ///< theirs, the sum of which is the bias
    bool transposed = false;          ///< it is stored as [k, m]
    KroneckerFactors factors;
  };
  class Collector;

  /// The averages are filled step by step first.
  bool look_due() const;
  /// At the start, when everything changes fast, four to eight times while the steps double.
  bool inversion_due() const;
  std::size_t index(const Slot& slot) const { return static_cast<std::size_t>(&slot - slots().data()); }
  const Layer* layer_with(std::size_t slot) const;
  /// Rows and columns of the layer's matrix, the bias's column included.
  std::pair<std::int64_t, std::int64_t> size_of(const Layer& layer) const;
  void backward_and_look(const std::function<void()>& backward);
  void refresh(double scale);
  double direction(const Layer& layer);

  std::vector<Layer> layers_;
  std::int64_t steps_ = 0;
  std::vector<Array> directions_;  ///< only while stepping, one for each slot
};

}  // namespace newtape::optim
