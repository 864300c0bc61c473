// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/activation.hpp>
#include <newtape/nn/buffer.hpp>
#include <newtape/nn/dropout.hpp>
#include <newtape/nn/functional.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/linear.hpp>
#include <newtape/nn/linear_models/least_squares.hpp>
#include <newtape/nn/linear_models/linear_autoencoder.hpp>
#include <newtape/nn/linear_models/logistic.hpp>
#include <newtape/nn/linear_models/pca.hpp>
#include <newtape/nn/linear_models/truncated_svd.hpp>
#include <newtape/nn/loss.hpp>
#include <newtape/nn/module.hpp>
#include <newtape/nn/sequential.hpp>
#include <newtape/nn/summary.hpp>
