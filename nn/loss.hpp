// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Losses, with PyTorch's names, defaults and derivatives at corners; as functions, and as modules in loss_modules.hpp.
#include <newtape/nn/classification_loss.hpp>
#include <newtape/nn/ctc_loss.hpp>
#include <newtape/nn/margin_loss.hpp>
#include <newtape/nn/regression_loss.hpp>
