// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/fold.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/optimizer_of.hpp>
#include <newtape/optim/peers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace newtape::optim {

template <>
struct OptionsTraits<KFACOptions> {
  static constexpr const char* name = "KFAC";
  static constexpr double max_int = std::numeric_limits<int>::max();
  static std::vector<const char*> moments() { return {"momentum_buffer", "exp_avg", "exp_avg_sq"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("momentum", o.momentum, below_one), f("damping", o.damping), f("weight_decay", o.weight_decay),
        f("decay", o.decay, below_one), f("kl_clip", o.kl_clip), f("update_freq", o.update_freq, Range{1, max_int}),
        f("inverse_freq", o.inverse_freq, Range{1, max_int}), f("fisher", o.fisher, Range{0, 3}),
        f("inverse", o.inverse, Range{0, 3}), f("likelihood", o.likelihood, Range{0, 2}),
        f("samples", o.samples, Range{1, max_int}), f("seed", o.seed), f("adam_scale", o.adam_scale), each_beta(o, f),
        f("eps", o.eps);
  }
};
template class OptimizerOf<KFACOptions>;

/// Collects the rows of inputs and cotangents of each layer during a sweep. If a weight is used in several forms in one
/// step, only the first one counts.
class KFAC::Collector : public LayerObserver {
 public:
  Collector(KFAC& of, bool weight_grads) : LayerObserver(weight_grads), of_(of) {
    for (auto& layer : of_.layers_) layer.factors.drop_rows();
    for (std::size_t i = 0; i < of_.slots().size(); ++i) {
      const auto* node = of_.slots()[i].param.tensor().node().get();
      if (node != nullptr) slots_.emplace(node, i);
    }
  }

  void on_layer_pass(const LayerPass& pass) override {
    const bool transposed = pass.leaf_transposed;
    const auto weight = find(pass.leaf);
    if (weight == nowhere || pass.input.size() == 0 || (pass.conv != nullptr && pass.conv->groups != 1)) return;
    auto biases = biases_of(pass, weight);
    Layer& layer = layer_of(weight);
    if (layer.factors.rows() > 0 && (layer.transposed != transposed || layer.biases != biases)) return;
    if (layer.transposed != transposed || layer.biases != biases) {
      layer.factors = KroneckerFactors();  // the averages belong to another form
      layer.transposed = transposed;
      layer.biases = std::move(biases);
    }
    Array inputs = pass.input.value();
    Array cotangents = pass.grad.value();
    const std::int64_t count = pass.conv != nullptr ? inputs.shape()[0] : inputs.size() / inputs.shape().back();
    samples_ = std::min(samples_, count);
    if (pass.conv != nullptr) {
      // Each position of each image is a row (Grosse & Martens 2016, section 3).
      inputs = core::transpose(core::unfold(inputs, *pass.conv), 1, 2);
      const auto m = layer_shape(weight)[0];
      const auto positions = element_count(pass.conv->output);
      cotangents = core::reshape(cotangents, {cotangents.size() / (m * positions), m, positions});
      cotangents = core::transpose(cotangents, 1, 2);
    }
    const auto k = inputs.shape().back();
    const auto m = cotangents.shape().back();
    inputs = core::reshape(inputs, {inputs.size() / k, k});
    const auto rows = inputs.shape()[0];
    if (!layer.biases.empty()) {
      inputs = core::concatenate(std::vector{inputs, core::ones({rows, 1}, inputs.dtype())}, 1);
    }
    layer.factors.add(std::move(inputs), core::reshape(cotangents, {cotangents.size() / (rows * m), rows, m}));
  }
  /// The number of samples: the smallest number of rows of any layer.
  double samples() const { return static_cast<double>(samples_); }

 private:
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  std::size_t find(const newtape::detail::Node* node) const {
    const auto at = slots_.find(node);
    return at == slots_.end() ? nowhere : at->second;
  }
  const Shape& layer_shape(std::size_t slot) const { return of_.slots()[slot].param.shape(); }

  /// The biases that no other layer owns.
  std::vector<std::size_t> biases_of(const LayerPass& pass, std::size_t weight) const {
    std::vector<std::size_t> found;
    for (const auto* leaf : pass.bias_leaves) {
      const auto slot = find(leaf);
      const Layer* owner = slot == nowhere ? nullptr : of_.layer_with(slot);
      if (slot != nowhere && (owner == nullptr || owner->weight == weight)) found.push_back(slot);
    }
    return found;
  }
  Layer& layer_of(std::size_t weight) {
    for (auto& layer : of_.layers_) {
      if (layer.weight == weight) return layer;
    }
    of_.layers_.emplace_back().weight = weight;
    return of_.layers_.back();
  }

  KFAC& of_;
  std::unordered_map<const newtape::detail::Node*, std::size_t> slots_;
  std::int64_t samples_ = std::numeric_limits<std::int64_t>::max();
};

bool KFAC::look_due() const {
  const auto& o = options();
  return steps_ % o.update_freq == 0 || static_cast<double>(steps_) * (1 - o.decay) < 1 || inversion_due();
}

bool KFAC::inversion_due() const {
  const auto steps = static_cast<std::uint64_t>(steps_);
  const auto gap = std::bit_floor(std::max<std::uint64_t>(steps / 4, 1));
  return steps % std::min(gap, static_cast<std::uint64_t>(options().inverse_freq)) == 0;
}

/// The layers' factors during a step, which restores them unless it succeeds. Their arrays are copied when they are
/// changed, as they are shared.
class KFAC::Factorization {
 public:
  explicit Factorization(KFAC& of) : of_(of), before_(of.layers_) {}
  Factorization(const Factorization&) = delete;
  Factorization& operator=(const Factorization&) = delete;
  ~Factorization() {
    if (!succeeded_) of_.layers_ = std::move(before_);
  }
  void succeed() noexcept { succeeded_ = true; }

 private:
  KFAC& of_;
  std::vector<Layer> before_;
  bool succeeded_ = false;
};

void KFAC::step() {
  OptimizerOf::step();
  ++steps_;
}

Tensor KFAC::step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  Factorization factorization(*this);
  Tensor value = attempt(outputs, loss);
  factorization.succeed();
  return value;
}

void KFAC::step(const Tensor& loss) {
  Factorization factorization(*this);
  attempt(loss);
  factorization.succeed();
}

namespace {

/// The gradients of these parameters become the means over all processes, weighted by their samples; returns that of the
/// loss.
Tensor average_over_peers(const std::vector<Parameter>& params, const Tensor& loss, double samples) {
  Peers* const others = peers();
  if (others == nullptr) return loss.detach();
  std::vector<Array> arrays{loss.value()};
  std::vector<Parameter> with_gradient;
  for (const auto& p : params) {
    if (!p.grad().defined()) continue;
    with_gradient.push_back(p);
    arrays.push_back(p.grad().value());
  }
  std::vector<Array*> pointers;
  for (auto& x : arrays) pointers.push_back(&x);
  others->average(pointers, samples);
  for (std::size_t i = 0; i < with_gradient.size(); ++i) with_gradient[i].set_grad(Tensor(arrays[i + 1]));
  return Tensor(arrays[0]);
}

double samples_in(const Tensor& outputs) {
  const auto d = outputs.ndim() < 2 ? 1 : outputs.shape().back();
  return static_cast<double>(outputs.size()) / static_cast<double>(std::max<std::int64_t>(d, 1));
}

}  // namespace

Tensor KFAC::attempt(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  const auto& o = options();
  const bool look = look_due();
  zero_grad();
  const GradMode on(true);
  const Tensor y = forward(outputs);
  const Tensor value = loss(y);
  if (!trainable()) return value.detach();
  if (look && o.fisher == KFACFisher::empirical) {
    Collector collector(*this, true);
    value.backward();
    refresh(samples_in(y));
  } else {
    value.backward({.retain_graph = look});
    if (look) {
      Generator generator = Generator(static_cast<std::uint64_t>(o.seed)).fork(static_cast<std::uint64_t>(steps_));
      // Other draws for the rows of other processes.
      if (peers() != nullptr && peers()->rank() > 0)
        generator = generator.fork(static_cast<std::uint64_t>(peers()->rank()));
      const Tensor c = o.fisher == KFACFisher::exact ? fisher_cotangents(loss, y, o.likelihood)
                                                     : sampled_cotangents(loss, y, o.likelihood, o.samples, generator);
      std::vector<Tensor> variables;
      for (const auto& s : slots()) {
        if (s.param.requires_grad()) variables.push_back(s.param);
      }
      Collector collector(*this, false);
      const Tensor g = c.shape()[0] == 1 ? Tensor(core::squeeze(c.value(), 0)) : c;
      grad(std::span(&y, 1), variables, {.grad_outputs = {g}, .allow_unused = true});
      refresh(1);
    }
  }
  const Tensor mean = average_over_peers(params(), value, samples_in(y));
  step();
  return mean;
}

void KFAC::attempt(const Tensor& loss) {
  if (options().fisher != KFACFisher::empirical) {
    raise<ValueError>("KFAC: the true Fisher matrix needs the model's outputs and the loss",
                      "step(outputs, loss), or fisher = KFACFisher::empirical", "a loss");
  }
  zero_grad();
  if (look_due()) {
    Collector collector(*this, true);
    loss.backward();
    refresh(collector.samples());
  } else {
    loss.backward();
  }
  average_over_peers(params(), loss, 1);
  step();
}

/// Updates the factors by the collected rows, and inverts them when that is due.
void KFAC::refresh(double scale) {
  const auto& o = options();
  const bool again = inversion_due();
  std::vector<Layer*> due;
  std::vector<double> costs;
  for (auto& layer : layers_) {
    if (layer.factors.rows() > 0) layer.factors.update(o.decay, scale, o.inverse);
    if (layer.factors.count() == 0 || (!again && layer.factors.solvable())) continue;
    const auto [m, k] = size_of(layer);
    due.push_back(&layer);
    costs.push_back(std::pow(static_cast<double>(m), 3) + std::pow(static_cast<double>(k), 3));
  }
  const auto invert = [&](std::size_t i) {
    due[i]->factors.invert(options_[slots()[due[i]->weight].group].damping, o.inverse);
  };
  if (Peers* const others = peers()) {
    others->divide(costs, invert, [&](std::size_t i) {
      std::vector<Array*> inverses;
      due[i]->factors.each([&](std::string_view name, Array& x) {
        if (name == "left" || name == "right" || name == "spectrum") inverses.push_back(&x);
      });
      return inverses;
    });
    return;
  }
  for (std::size_t i = 0; i < due.size(); ++i) invert(i);
}

const KFAC::Layer* KFAC::layer_with(std::size_t slot) const {
  for (const auto& layer : layers_) {
    if (layer.weight == slot || std::count(layer.biases.begin(), layer.biases.end(), slot) != 0) return &layer;
  }
  return nullptr;
}

std::pair<std::int64_t, std::int64_t> KFAC::size_of(const Layer& layer) const {
  const Shape& shape = slots()[layer.weight].param.shape();
  const auto m = layer.transposed ? shape[1] : shape[0];
  return {m, element_count(shape) / m + (layer.biases.empty() ? 0 : 1)};
}

std::pair<Array, Array> KFAC::factors(const Parameter& weight) const {
  for (const auto& layer : layers_) {
    if (slots()[layer.weight].param == weight) return {layer.factors.inputs(), layer.factors.outputs()};
  }
  return {};
}

bool KFAC::keeps(const Slot& slot, std::size_t k) const { return (layer_with(index(slot)) != nullptr) == (k == 0); }

/// The direction for the parameters of a layer. Returns lr^2 d^T g.
double KFAC::direction(const Layer& layer) {
  const Slot& weight = slots()[layer.weight];
  if (!weight.grad.defined() || !layer.factors.solvable()) return 0;
  const auto& o = options_[weight.group];
  const auto [m, columns] = size_of(layer);
  const auto k = columns - (layer.biases.empty() ? 0 : 1);
  Array v = layer.transposed ? core::transpose(weight.grad, 0, 1) : core::reshape(weight.grad, {m, k});
  if (!layer.biases.empty()) {
    Array of_bias = core::zeros({m, 1}, v.dtype());
    for (const auto b : layer.biases) {
      if (slots()[b].grad.defined()) of_bias = core::reshape(slots()[b].grad, {m, 1});
    }
    v = core::concatenate(std::vector{v, of_bias}, 1);
  }
  const Array d = layer.factors.solve(v, o.damping);
  Array of_weight = core::slice(d, 1, 0, k);
  if (layer.transposed) of_weight = core::transpose(of_weight, 0, 1);
  directions_[layer.weight] = core::reshape(core::contiguous(of_weight), weight.param.shape());
  for (const auto b : layer.biases) {
    // Biases that are added share the step of their sum equally.
    const double share = 1 / static_cast<double>(layer.biases.size());
    directions_[b] = core::contiguous(core::select(d, 1, k) * share);
  }
  return o.lr * o.lr * core::sum(d * v).item();
}

void KFAC::prepare() {
  directions_.assign(slots().size(), Array());
  double size = 0;
  for (const auto& layer : layers_) size += direction(layer);
  if (!std::isfinite(size)) {
    raise<NumericalError>("KFAC: the step must be finite", "finite numbers", fmt::format("d^T g = {}", size));
  }
  const double max_size = options().kl_clip;
  if (max_size > 0 && size > max_size) {
    for (auto& d : directions_) {
      if (d.defined()) d = std::sqrt(max_size / size) * std::move(d);
    }
  }
}

void KFAC::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto i = index(s);
  const Array d = std::exchange(directions_[i], Array());
  if (layer_with(i) == nullptr) {
    const double lr = o.lr * o.adam_scale;
    const auto t = static_cast<double>(s.steps);
    core::adam_step(s.param.writable(), s.grad, s.moments[1], s.moments[2],
                    {.lr = lr,
                     .beta1 = o.betas.first,
                     .beta2 = o.betas.second,
                     .eps = o.eps,
                     .decay = lr * o.weight_decay,
                     .l2 = 0,
                     .bias1 = 1 - std::pow(o.betas.first, t),
                     .bias2 = 1 - std::pow(o.betas.second, t)});
    return;
  }
  if (!d.defined()) return;
  Array& p = s.param.writable();
  if (o.weight_decay != 0) core::add_scaled(p, core::copy(p), -o.lr * o.weight_decay);
  core::sgd_step(p, d, s.moments[0],
                 {.lr = o.lr,
                  .momentum = o.momentum,
                  .dampening = o.momentum,
                  .weight_decay = 0,
                  .nesterov = false,
                  .first = s.fresh(0)});
}

}  // namespace newtape::optim
