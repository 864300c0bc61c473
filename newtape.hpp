// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/core/linalg.hpp>
#include <newtape/core/parallel.hpp>
#include <newtape/core/print.hpp>
#include <newtape/core/random.hpp>
#include <newtape/core/reduce.hpp>
