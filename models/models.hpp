// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Linear models, fitted in closed form or by Newton's method.
#include <newtape/models/least_squares.hpp>
#include <newtape/models/linear_autoencoder.hpp>
#include <newtape/models/logistic.hpp>
#include <newtape/models/pca.hpp>
#include <newtape/models/truncated_svd.hpp>
