// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

namespace newtape {

/// f(xs) without what its operations save: they run again when the derivative is taken, with the default random
/// generator where it stood, so that dropout drops the same (Chen et al. 2016). Derivatives of any order. Whatever is
/// differentiated must be among `xs` (see nn::checkpoint for modules): ValueError when f captured another variable.
Tensor checkpoint(const Function& f, std::span<const Tensor> xs);
Tensor checkpoint(const UnaryFunction& f, const Tensor& x);

}  // namespace newtape
