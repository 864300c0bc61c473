// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/index.hpp>
#include <newtape/inspect/diagnosis/watched_program.hpp>
#include <newtape/optim/clip.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace newtape::inspect {

ProgramState::ProgramState(const nn::ModuleBase& model, const optim::Optimizer& optimizer)
    : values_(model.state_dict()), optimizer_(optimizer.state_dict()) {
  for (const auto& p : model.parameters()) {
    trainable_.push_back(p.requires_grad());
    gradients_.push_back(p.grad());
  }
  for (const auto& m : model.named_modules()) modes_.push_back(m.second.is_training());
}

void ProgramState::restore(const nn::ModuleBase& model, optim::Optimizer& optimizer) const {
  model.load_state_dict(values_);
  optimizer.load_state_dict(optimizer_);
  const auto parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].requires_grad() != trainable_[i]) parameters[i].requires_grad(trainable_[i]);
    if (trainable_[i]) parameters[i].set_grad(gradients_[i]);
  }
  const auto modules = model.named_modules();
  for (std::size_t i = modules.size(); i-- > 0;) modules[i].second.train(modes_[i]);
  // Children that differ from their parent's mode: train() sets all below.
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (modules[i].second.is_training() != modes_[i]) modules[i].second.train(modes_[i]);
  }
}

ObservedStep observe_step(const Evidence& evidence) {
  ObservedStep step;
  if (evidence.probe == nullptr) return step;
  std::vector<double> norms;
  std::size_t clipped = 0;
  std::size_t grown = 0;
  std::size_t evaluated = 0;
  const auto records = evidence.probe->step_records().records();
  for (const auto& r : records) {
    evaluated += r.training ? 0 : 1;
    if (r.step > 0 && (step.rates.empty() || step.rates.back().second != r.lr)) step.rates.emplace_back(r.step, r.lr);
    if (r.sweeps != 1 || !(r.swept_norm > 0) || !std::isfinite(r.grad_norm)) continue;
    norms.push_back(r.grad_norm);
    clipped += r.grad_norm < 0.99 * r.swept_norm ? 1 : 0;
    grown += r.grad_norm > 1.01 * r.swept_norm ? 1 : 0;
  }
  if (step.rates.size() < 2) step.rates.clear();
  const auto most = [&](std::size_t n) { return norms.size() > 1 && 2 * n > norms.size(); };
  step.evaluation_mode = 2 * evaluated > records.size();
  step.clears_gradients = !most(grown);
  if (most(clipped) && step.clears_gradients) step.clip = median(norms);
  return step;
}

namespace {

class WatchedTrainee final : public Trainee {
 public:
  WatchedTrainee(const nn::ModuleBase& model, optim::Optimizer& optimizer,
                 const std::function<Tensor(const Tensor&)>& forward, ObservedStep step)
      : model_(model), optimizer_(optimizer), forward_(forward), how_(std::move(step)) {}

  const nn::ModuleBase& model() const override { return model_; }
  optim::Optimizer& optimizer() override { return optimizer_; }
  Tensor forward(const Tensor& x) const override { return forward_(x); }
  Tensor step(const TrainingBatch& b) override {
    model_.train(!how_.evaluation_mode);
    follow_rates();
    if (how_.clears_gradients && how_.clip == 0) {
      return optimizer_.step([&] { return b.loss(forward_(b.x), b.y); });
    }
    if (how_.clears_gradients) optimizer_.zero_grad();
    const Tensor loss = b.loss(forward_(b.x), b.y);
    loss.backward();
    if (how_.clip > 0) optim::clip_grad_norm(model_.parameters(), how_.clip);
    optimizer_.step();
    return loss;
  }

 private:
  /// The rates of the run at the same steps, times what a remedy made of them.
  void follow_rates() {
    const auto at =
        std::find_if(how_.rates.rbegin(), how_.rates.rend(), [&](const auto& r) { return r.first <= steps_; });
    ++steps_;
    if (at == how_.rates.rend()) return;
    const double before = last_ > 0 ? last_ : optimizer_.lr();
    const double changed = before > 0 ? optimizer_.lr() / before : 1;
    last_ = at->second * changed;
    optimizer_.set_lr(last_);
    last_ = optimizer_.lr();
  }

  nn::ModuleBase model_;
  optim::Optimizer& optimizer_;
  std::function<Tensor(const Tensor&)> forward_;
  ObservedStep how_;
  std::int64_t steps_ = 0;
  double last_ = 0;
};

}  // namespace

WatchedProgram::WatchedProgram(const nn::ModuleBase& model, optim::Optimizer& optimizer,
                               std::function<Tensor(const Tensor&)> forward, LossFunction loss,
                               std::size_t most_batches)
    : model_(model),
      optimizer_(&optimizer),
      forward_(std::move(forward)),
      loss_(std::move(loss)),
      most_batches_(std::max<std::size_t>(1, most_batches)),
      start_(model, optimizer) {
  if (!loss_) raise<ValueError>("watch: a loss is missing", "loss(output, target)", "an empty function");
}

void WatchedProgram::keep(const Tensor& x, const Tensor& y) {
  if (!x.defined() || !y.defined() || x.ndim() == 0 || y.ndim() == 0 || x.shape(0) != y.shape(0)) {
    raise<ValueError>("keep: inputs and targets must have the same number of examples", "x [n, ..], y [n, ..]",
                      describe(x.defined() ? x.value() : Array()) + ", " + describe(y.defined() ? y.value() : Array()));
  }
  if (batches_.size() == most_batches_) batches_.pop_front();
  batches_.emplace_back(x.value(), y.value());
}

TrainingData WatchedProgram::data() const {
  std::vector<Array> xs, ys;
  const auto& like = batches_.back();
  for (const auto& [x, y] : batches_) {
    // Batches of other shapes, sequences of another length say, cannot be joined.
    const auto fits = [](const Array& a, const Array& b) {
      return a.dtype() == b.dtype() && a.ndim() == b.ndim() &&
             std::equal(a.shape().begin() + 1, a.shape().end(), b.shape().begin() + 1);
    };
    if (fits(x, like.first) && fits(y, like.second)) xs.push_back(x), ys.push_back(y);
  }
  return {.train = data::Dataset{core::concatenate(xs), core::concatenate(ys)},
          .loss = loss_,
          .batch = xs.front().shape(0),
          .shuffle = false};
}

TraineeFactory WatchedProgram::factory(const ObservedStep& step) const {
  return [this, step] {
    start_.restore(model_, *optimizer_);
    return std::make_unique<WatchedTrainee>(model_, *optimizer_, forward_, step);
  };
}

std::unique_ptr<Trainee> WatchedProgram::present() const {
  return std::make_unique<WatchedTrainee>(model_, *optimizer_, forward_, ObservedStep{});
}

}  // namespace newtape::inspect
