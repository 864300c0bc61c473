// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Losses, with PyTorch's names, defaults and derivatives at corners; as functions, and as modules in loss_modules.hpp.
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/ctc.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/losses/sampled_softmax.hpp>
