// SPDX-License-Identifier: BSD-3-Clause
// REINFORCE (Williams 1992) learns to balance a pole on a cart, whose equations are written here: a policy that is
// trained by its own episodes, without derivatives of the world.
#include <newtape/newtape.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

/// Barto, Sutton & Anderson 1983, as in Gymnasium's CartPole-v1, but for 200 steps of 0.02 s.
struct CartPole {
  std::array<float, 4> s{};  // position in m, velocity, angle in rad, its velocity
  bool alive = true;

  void step(bool right) {
    const float force = right ? 10.0F : -10.0F;  // N; the cart has 1 kg, the pole 0.1 kg and 1 m
    const float sine = std::sin(s[2]);
    const float cosine = std::cos(s[2]);
    const float push = (force + 0.05F * s[3] * s[3] * sine) / 1.1F;
    const float turn = (9.8F * sine - cosine * push) / (0.5F * (4.0F / 3 - 0.1F * cosine * cosine / 1.1F));
    const float a = push - 0.05F * turn * cosine / 1.1F;
    s = {s[0] + 0.02F * s[1], s[1] + 0.02F * a, s[2] + 0.02F * s[3], s[3] + 0.02F * turn};
    alive = std::abs(s[0]) < 2.4F && std::abs(s[2]) < 0.2095F;
  }
};

/// One batch of episodes: the states seen, the actions taken, and how many steps each episode still lasted.
struct Experience {
  std::vector<float> states, actions, left;
  double mean_length = 0;
};

Experience play(const nn::Sequential& policy, int episodes, bool greedy) {
  const nt::NoGrad off;
  std::vector<CartPole> worlds(static_cast<std::size_t>(episodes));
  for (auto& w : worlds) {
    const nt::Array start = nt::random::uniform({4}, -0.05, 0.05);
    std::copy_n(start.data<float>(), 4, w.s.begin());
  }
  Experience e;
  std::vector<std::vector<std::size_t>> rows(worlds.size());  // those of each episode
  for (int t = 0; t < 200; ++t) {
    std::vector<float> states;
    for (const auto& w : worlds) states.insert(states.end(), w.s.begin(), w.s.end());
    const nt::Tensor p = nt::sigmoid(nt::squeeze(policy(nt::tensor(states, {episodes, 4})), 1));  // of a push right
    const nt::Tensor draws = greedy ? nt::full_like(p, 0.5) : nt::rand_like(p);
    for (std::size_t i = 0; i < worlds.size(); ++i) {
      if (!worlds[i].alive) continue;
      const bool right = draws.value().data<float>()[i] < p.value().data<float>()[i];
      rows[i].push_back(e.actions.size());
      e.states.insert(e.states.end(), worlds[i].s.begin(), worlds[i].s.end());
      e.actions.push_back(right ? 1 : 0);
      worlds[i].step(right);
    }
  }
  e.left.resize(e.actions.size());
  for (const auto& r : rows) {
    for (std::size_t k = 0; k < r.size(); ++k)
      e.left[r[k]] = static_cast<float>(std::min<std::size_t>(r.size() - k, 50));
  }
  e.mean_length = static_cast<double>(e.actions.size()) / episodes;
  return e;
}

int main() {
  nt::manual_seed(1);
  const nn::Sequential policy(nn::Linear(4, 32), nn::Tanh(), nn::Linear(32, 1));
  nt::optim::Adam optimizer(policy.parameters(), {.lr = 1e-2});
  const double before = play(policy, 50, true).mean_length;
  for (int update = 1; update <= 60; ++update) {
    const Experience e = play(policy, 20, false);
    const auto n = static_cast<std::int64_t>(e.actions.size());
    const nt::Tensor left = nt::tensor(e.left);
    const nt::Tensor advantage = (left - nt::mean(left)) / (nt::stddev(left) + 1e-6);
    // The gradient of E[advantage log pi(action | state)].
    optimizer.step([&] {
      const nt::Tensor logits = nt::squeeze(policy(nt::tensor(e.states, {n, 4})), 1);
      return nt::mean(advantage * nn::binary_cross_entropy_with_logits(logits, nt::tensor(e.actions),
                                                                       {.reduction = nn::Reduction::none}));
    });
    if (update % 10 == 0) fmt::print("update {:2}: episodes of {:5.1f} steps\n", update, e.mean_length);
  }
  const double after = play(policy, 50, true).mean_length;
  fmt::print("50 new episodes, the likelier action each time: {:.1f} steps, before training {:.1f}\n", after, before);
  fmt::print("An episode ends after 200 steps, 4 s; from 195 on the problem counts as solved.\n");
  return after >= 195 && before < 100 ? 0 : 1;
}
