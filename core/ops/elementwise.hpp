// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// All elementwise functions of arrays. The library's sources include the parts that they use.
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
