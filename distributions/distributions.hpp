// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Probability distributions: see docs/distributions.md.
#include <newtape/distributions/categorical.hpp>
#include <newtape/distributions/composed.hpp>
#include <newtape/distributions/counts.hpp>
#include <newtape/distributions/gamma.hpp>
#include <newtape/distributions/location_scale.hpp>
#include <newtape/distributions/matrices.hpp>
#include <newtape/distributions/multivariate_normal.hpp>
#include <newtape/distributions/normal.hpp>
#include <newtape/distributions/positive.hpp>
#include <newtape/distributions/transforms.hpp>
#include <newtape/distributions/unit_interval.hpp>
