// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/mpi/group.hpp>

#include <functional>

/// Operations across ranks with derivatives of any order. All ranks evaluate the same ones in the same order, and run
/// their sweeps together.
namespace newtape::mpi {

/// The sum of y over the ranks, which all of them go on with. The pullback is `replicate`.
Tensor all_sum(In y, const Group& group);

/// x, which is equal on all ranks, for this rank's term of a sum: its gradient is the sum over ranks. The pullback is
/// `all_sum`.
Tensor replicate(In x, const Group& group);

/// The tensors of all ranks (f32 or f64), joined along the first axis, whose lengths may differ. The gradient of a part
/// is the sum of what all ranks send back to it.
Tensor all_gather(In x, const Group& group);

/// The sum over ranks of this rank's term, x -> all_sum(term(replicate(x))), for optim::minimize, hvp and hessian:
///
///     const auto best = optim::minimize(mpi::summed([&](const Tensor& w) { return loss(w, my_rows); }, world), w0);
std::function<Tensor(const Tensor&)> summed(std::function<Tensor(const Tensor&)> term, const Group& group);

/// The residuals [rows] of all ranks, of which this rank computes its own, for optim::least_squares: every rank then
/// takes the same steps.
std::function<Tensor(const Tensor&)> gathered(std::function<Tensor(const Tensor&)> residuals, const Group& group);

}  // namespace newtape::mpi
