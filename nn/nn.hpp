// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/activation.hpp>
#include <newtape/nn/attention.hpp>
#include <newtape/nn/buffer.hpp>
#include <newtape/nn/dropout.hpp>
#include <newtape/nn/embedding.hpp>
#include <newtape/nn/functional.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/linear.hpp>
#include <newtape/nn/loss.hpp>
#include <newtape/nn/module.hpp>
#include <newtape/nn/positional.hpp>
#include <newtape/nn/sequential.hpp>
#include <newtape/nn/summary.hpp>
#include <newtape/nn/transformer.hpp>
