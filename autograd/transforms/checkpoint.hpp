// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

namespace newtape {

/// f(xs) without storing intermediate results: f is recomputed in the backward pass, with the same state of the default
/// random generator, so that dropout masks repeat (Chen et al. 2016). Derivatives of any order, with respect to `xs`
/// only (see nn::checkpoint for modules): ValueError when f captures another variable.
Tensor checkpoint(const Located<Function>& f, std::span<const Tensor> xs);
Tensor checkpoint(const Located<UnaryFunction>& f, const Tensor& x);

namespace detail {
/// Whether this thread recomputes a checkpointed function; the default generator is then in its saved state.
bool recomputing_checkpoint() noexcept;
}  // namespace detail

}  // namespace newtape
