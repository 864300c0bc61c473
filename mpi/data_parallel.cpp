// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/data_parallel.hpp>

#include <newtape/core/runtime/random.hpp>
#include <newtape/mpi/consistency.hpp>
#include <newtape/mpi/detail/engine.hpp>
#include <newtape/optim/clip.hpp>

namespace newtape::mpi {

DataParallel::DataParallel(const nn::ModuleBase& model, const DataParallelOptions& options, SourceLocation at)
    : DataParallel(model, Group(), options, at) {}
DataParallel::DataParallel(const nn::ModuleBase& model, const Group& group, const DataParallelOptions& options,
                           SourceLocation at) {
  const CallSite here(at);
  engine_ = std::make_unique<Engine>(model, group, options);
}
DataParallel::DataParallel(DataParallel&&) noexcept = default;
DataParallel& DataParallel::operator=(DataParallel&&) noexcept = default;
DataParallel::~DataParallel() = default;

DataParallel::Engine& DataParallel::engine() const {
  if (engine_ == nullptr) raise<ValueError>("mpi::DataParallel: this object was moved from", "a model", "none");
  return *engine_;
}

const Group& DataParallel::group() const { return engine().group(); }
void DataParallel::accumulate(int k, SourceLocation at) {
  const CallSite here(at);
  engine().accumulate(k);
}
DataParallel::Statistics DataParallel::statistics() const { return engine().statistics(); }

void DataParallel::check(const optim::Optimizer* optimizer, SourceLocation at) const {
  const CallSite here(at);
  if (group().size() == 1) return;
  check_equal("model", engine().state(), group());
  if (optimizer != nullptr) {
    auto state = optimizer->state_dict();
    if (engine().divides_optimizer()) {
      std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("state."); });
    }
    check_equal("optimizer", state, group());
  }
  check_equal("random state", default_generator().state_dict(), group());
}

optim::StateDict DataParallel::state_dict(const optim::Optimizer& optimizer, SourceLocation at) const {
  const CallSite here(at);
  return engine().divides_optimizer() ? engine().optimizer_shards().gathered(optimizer) : optimizer.state_dict();
}

optim::StateDict DataParallel::local_state_dict(const optim::Optimizer& optimizer) const {
  return engine().divides_optimizer() ? engine().optimizer_shards().own(optimizer) : optimizer.state_dict();
}

void DataParallel::load_state_dict(optim::Optimizer& optimizer, const optim::StateDict& state) const {
  if (!engine().divides_optimizer()) return optimizer.load_state_dict(state);
  engine().optimizer_shards().load(optimizer, state);
}

Tensor DataParallel::run(const data::Batch& batch, const LossFunction& loss, SourceLocation at) {
  const CallSite here(at);
  return engine().backward(batch, loss);
}

Tensor DataParallel::run_step(optim::Optimizer& optimizer, const data::Batch& batch, const LossFunction& loss,
                              SourceLocation at) {
  const CallSite here(at);
  auto& e = engine();
  const auto& options = e.options();
  if (e.at_start()) {
    optimizer.zero_grad();
    if (options.check_every > 0 && e.steps % options.check_every == 0) check(&optimizer, at);
  }
  const Tensor value = e.backward(batch, loss, e.can_step_late(optimizer));
  if (!e.at_start()) return value;
  if (options.max_norm > 0) optim::clip_grad_norm(optimizer.params(), options.max_norm);
  if (e.divides_optimizer()) {
    e.optimizer_shards().step(optimizer);
  } else if (e.gradients_are_late()) {
    e.step_late(optimizer);
  } else {
    optimizer.step();
  }
  ++e.steps;
  return value;
}

}  // namespace newtape::mpi
