// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/adam.hpp>
#include <newtape/optim/adaptive.hpp>
#include <newtape/optim/argmin.hpp>
#include <newtape/optim/average.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/fisher.hpp>
#include <newtape/optim/hessian_diagonal.hpp>
#include <newtape/optim/hutchinson.hpp>
#include <newtape/optim/kfac.hpp>
#include <newtape/optim/least_squares.hpp>
#include <newtape/optim/least_squares_optimizer.hpp>
#include <newtape/optim/methods.hpp>
#include <newtape/optim/minimize.hpp>
#include <newtape/optim/muon.hpp>
#include <newtape/optim/natural_gradient.hpp>
#include <newtape/optim/objective.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/proximal.hpp>
#include <newtape/optim/result.hpp>
#include <newtape/optim/schedule.hpp>
#include <newtape/optim/schedule_free.hpp>
#include <newtape/optim/second_order.hpp>
#include <newtape/optim/sgd.hpp>
#include <newtape/optim/shampoo.hpp>
