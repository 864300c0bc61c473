// SPDX-License-Identifier: BSD-3-Clause
// A chain that hangs between two hooks, over the ground: the least height of its joints subject to the lengths of its
// links. The multipliers of the constraints are the forces in the links and on the ground.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace optim = nt::optim;
using nt::Tensor;

int main() {
  // 20 links of length 0.1 from (0, 0) to (1, 0.2), with 19 joints of weight 1 between them; the ground is at -0.6.
  constexpr std::int64_t joints = 19;
  constexpr double length = 0.1, ground = -0.6;
  const Tensor left = nt::tensor({{0, 0}}, nt::f64), right = nt::tensor({{1, 0.2}}, nt::f64);

  const auto links = [&](const Tensor& p) { return nt::concatenate({p, right}, 0) - nt::concatenate({left, p}, 0); };
  const auto squared_lengths = [&](const Tensor& p) { return nt::sum(nt::square(links(p)), 1); };
  const auto heights = [](const Tensor& p) { return nt::select(p, 1, 1); };
  const auto heights_sum = [&](const Tensor& p) { return nt::sum(heights(p)); };
  // A curve between the hooks, which meets no constraint.
  const Tensor t = nt::arange(1, joints + 1).to(nt::f64) / (joints + 1);
  const Tensor start = nt::stack({t, 0.2 * t - 2 * t * (1 - t)}, 1);

  const optim::UnaryConstraints constraints{
      .equalities = [&](const Tensor& p) { return squared_lengths(p) - length * length; },
      .inequalities = [&](const Tensor& p) { return heights(p) - ground; }};
  const auto hung = optim::minimize_constrained(heights_sum, start, constraints, {.verbose = true});
  const auto again = optim::minimize_constrained(
      heights_sum, start, constraints,
      {.algorithm = optim::ConstrainedAlgorithm::augmented_lagrangian, .stop = {.max_iterations = 100}});

  // The force in a link is its vector times twice the multiplier of its squared length: the horizontal parts must be the
  // same in all links, and the hooks and the ground carry all joints.
  const Tensor force = -2 * nt::unsqueeze(hung.equality_multipliers, 1) * links(hung.x());
  const Tensor along = nt::select(force, 1, 0);
  const double spread = (nt::max(along) - nt::min(along)).item();
  const double hooks = -force[0][1].item() + force[joints][1].item();
  const double floor = nt::sum(hung.inequality_multipliers).item();
  fmt::print("\nheights of the joints: {}\n", heights(hung.x()));
  fmt::print("horizontal force {:.6f}, equal in all links to {:.1e}\n", along[0].item(), spread);
  fmt::print("the hooks carry {:.6f}, the ground {:.6f}, of {} joints\n", hooks, floor, joints);
  fmt::print("{} iterations of SQP, {} evaluations; the augmented Lagrangian: {} evaluations, the same to {:.1e}\n",
             hung.iterations, hung.counts.evaluations(), again.counts.evaluations(),
             std::abs(again.value - hung.value));
  const bool right_result = hung.converged() && spread < 1e-6 && std::abs(hooks + floor - joints) < 1e-5 && floor > 0 &&
                            std::abs(again.value - hung.value) < 1e-6;
  return right_result ? 0 : 1;
}
