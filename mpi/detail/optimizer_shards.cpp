// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/optimizer_shards.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/mpi/detail/layout.hpp>
#include <newtape/mpi/detail/messages.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

namespace newtape::mpi::detail {
namespace {

constexpr std::string_view state_prefix = "state.";
constexpr std::string_view options_prefix = "param_groups.";

/// The parameter that an entry "state.<i>.<what>" belongs to.
std::optional<std::size_t> parameter_of(std::string_view key) {
  if (!key.starts_with(state_prefix)) return {};
  key.remove_prefix(state_prefix.size());
  std::size_t i = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), i);
  if (error != std::errc() || end == key.data() + key.size() || *end != '.') return {};
  return i;
}

/// Hides the gradients of the parameters that other ranks own.
class HiddenGradients {
 public:
  HiddenGradients(const std::vector<Parameter>& params, const std::vector<int>& owners, int rank) {
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (owners[i] == rank || !params[i].grad().defined()) continue;
      hidden_.emplace_back(params[i], params[i].grad());
      params[i].zero_grad();
    }
  }
  HiddenGradients(const HiddenGradients&) = delete;
  HiddenGradients& operator=(const HiddenGradients&) = delete;
  ~HiddenGradients() {
    for (auto& [p, g] : hidden_) p.set_grad(std::move(g));
  }

 private:
  std::vector<std::pair<Parameter, Tensor>> hidden_;
};

}  // namespace

std::vector<int> OptimizerShards::owners(const std::vector<Parameter>& params) const {
  std::vector<std::size_t> order(params.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return params[a].size() > params[b].size(); });
  std::vector<std::int64_t> elements(static_cast<std::size_t>(group_.size()));
  std::vector<int> owners(params.size());
  for (const auto i : order) {
    const auto least = std::min_element(elements.begin(), elements.end());
    owners[i] = static_cast<int>(least - elements.begin());
    *least += params[i].size();
  }
  return owners;
}

optim::StateDict OptimizerShards::filtered(const optim::StateDict& state, const std::vector<int>& owners) const {
  optim::StateDict mine;
  for (const auto& entry : state) {
    const auto i = parameter_of(entry.first);
    if (!i || (*i < owners.size() && owners[*i] == group_.rank())) mine.push_back(entry);
  }
  return mine;
}

/// Drops what an optimizer has of other ranks' parameters, from steps or a state of before.
void OptimizerShards::adopt(optim::Optimizer& optimizer) {
  if (adopted_ == &optimizer) return;
  const auto state = optimizer.state_dict();
  const auto more = std::find_if(state.begin(), state.end(), [](const auto& entry) {
    return !parameter_of(entry.first) && !entry.first.starts_with(options_prefix);
  });
  const bool averages = dynamic_cast<const optim::AdamWScheduleFree*>(&optimizer) != nullptr;
  if (more != state.end() || averages) {
    raise<ValueError>("mpi::DataParallel: the state of this optimizer cannot be divided by parameters",
                      "shard_optimizer = false, or a first-order optimizer",
                      averages ? "AdamWScheduleFree, whose eval() needs the averages of all parameters"
                               : "one with the state " + more->first);
  }
  const auto mine = filtered(state, owners(optimizer.params()));
  if (mine.size() < state.size()) optimizer.load_state_dict(mine);
  adopted_ = &optimizer;
}

void OptimizerShards::step(optim::Optimizer& optimizer) {
  adopt(optimizer);
  const auto params = optimizer.params();
  const auto owned_by = owners(params);
  try {
    const HiddenGradients hidden(params, owned_by, group_.rank());
    optimizer.step();
  } catch (const std::exception& e) {
    group_.fail(e.what());
    throw;
  }
  send(params, owned_by);
}

/// Sends those that have a gradient, and so may have changed: the same on all ranks.
void OptimizerShards::send(const std::vector<Parameter>& params, const std::vector<int>& owned_by) const {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!params[i].grad().defined()) continue;
    Array& x = params[i].writable();
    pieces.push_back({x.raw(), byte_size(x), owned_by[i]});
  }
  broadcast_pieces(group_, "the exchange of updated parameters", pieces);
}

optim::StateDict OptimizerShards::own(const optim::Optimizer& optimizer) const {
  return filtered(optimizer.state_dict(), owners(optimizer.params()));
}

optim::StateDict OptimizerShards::gathered(const optim::Optimizer& optimizer) const {
  const auto owned_by = owners(optimizer.params());
  const auto mine = filtered(optimizer.state_dict(), owned_by);
  optim::StateDict all;
  for (const auto& entry : mine) {
    if (!parameter_of(entry.first)) all.push_back(entry);
  }
  const auto layouts = all_gather_text(group_, layout_text(mine));
  std::vector<optim::StateDict> of_ranks;
  std::vector<Piece> pieces;
  for (int r = 0; r < group_.size(); ++r) {
    auto part = r == group_.rank() ? mine : arrays_of_layout(layouts[static_cast<std::size_t>(r)]);
    std::erase_if(part, [](const auto& entry) { return !parameter_of(entry.first); });
    for (auto& [key, x] : part) {
      if (r == group_.rank()) x = core::contiguous(x);
      pieces.push_back({const_cast<void*>(std::as_const(x).raw()), byte_size(x), r});
    }
    of_ranks.push_back(std::move(part));
  }
  broadcast_pieces(group_, "the exchange of optimizer states", pieces);
  for (std::size_t i = 0; i < owned_by.size(); ++i) {
    for (const auto& entry : of_ranks[static_cast<std::size_t>(owned_by[i])]) {
      if (parameter_of(entry.first) == i) all.push_back(entry);
    }
  }
  return all;
}

void OptimizerShards::load(optim::Optimizer& optimizer, const optim::StateDict& state) const {
  optimizer.load_state_dict(filtered(state, owners(optimizer.params())));
}

}  // namespace newtape::mpi::detail
