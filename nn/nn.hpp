// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/activation.hpp>
#include <newtape/nn/bilinear.hpp>
#include <newtape/nn/buffer.hpp>
#include <newtape/nn/containers.hpp>
#include <newtape/nn/conv.hpp>
#include <newtape/nn/distance.hpp>
#include <newtape/nn/dropout.hpp>
#include <newtape/nn/functional.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/linear.hpp>
#include <newtape/nn/loss.hpp>
#include <newtape/nn/loss_modules.hpp>
#include <newtape/nn/module.hpp>
#include <newtape/nn/norm.hpp>
#include <newtape/nn/parametrize.hpp>
#include <newtape/nn/penalty.hpp>
#include <newtape/nn/pooling.hpp>
#include <newtape/nn/recurrent.hpp>
#include <newtape/nn/recurrent_cell.hpp>
#include <newtape/nn/sequential.hpp>
#include <newtape/nn/summary.hpp>
#include <newtape/nn/unflatten.hpp>
#include <newtape/nn/upsample.hpp>
