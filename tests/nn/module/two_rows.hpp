// SPDX-License-Identifier: BSD-3-Clause
// An input of networks with three features.
#pragma once

#include <newtape/autograd/ops/creation.hpp>

inline const newtape::Tensor two_rows = newtape::tensor({{0.3, -0.7, 1.1}, {1.2, 0.4, -0.5}}, newtape::f64);
