// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "arrays.hpp"

#include <newtape/autograd/ops/product.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/fisher/kronecker.hpp>

/// Operands of K-FAC's tests.
namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using optim::KFACFisher;
using optim::KFACInverse;

/// One undamped, unclipped step with the exact Fisher matrix of squared errors.
inline optim::KFACOptions plain(KFACInverse inverse = KFACInverse::factors) {
  return {.lr = 1,
          .momentum = 0,
          .damping = 0,
          .kl_clip = 0,
          .update_freq = 1,
          .inverse_freq = 1,
          .fisher = KFACFisher::exact,
          .inverse = inverse,
          .likelihood = optim::Likelihood::independent};
}

inline nn::Linear linear(std::int64_t in, std::int64_t out, bool bias = true) {
  return {in, out, {.bias = bias, .dtype = nt::f64}};
}
