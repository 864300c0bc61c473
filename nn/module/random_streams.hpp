// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/draw_order.hpp>
#include <newtape/nn/module/module.hpp>

#include <string>
#include <utility>
#include <vector>

/// Random streams of the modules of a model, so that two models draw common random numbers where they agree: a module
/// that one of them has in addition does not shift the numbers of the others.
namespace newtape::nn {

/// The modules with names that inserting another module does not change: as in named_modules(), but a position in a
/// container is replaced by the type and the count among those of this type: "body.Linear#1" for "body.2". The name of
/// the model itself is empty; a module that occurs several times has the first of its names.
std::vector<std::pair<std::string, ModuleBase>> stream_names(const ModuleBase& model);

/// A scope that records how this thread draws the parameters of modules that are made in it.
using detail::RecordDraws;

/// Draws the initial values of all parameters again, each from `generator.fork("<stream name>.<parameter>")`. It covers
/// parameters that nn::init drew from the default generator within a RecordDraws scope, and that have kept this value;
/// returns the names of the others that are floating and not constant (set by hand, or from a generator of one's own).
std::vector<std::string> redraw_initial_values(const ModuleBase& model, const Generator& generator);

/// From now on each call of a module of the model draws (dropout, noise of one's own from the default generator) from a
/// stream of its own, determined by `generator`, the module's name, the number of calls of the model in its mode
/// (training or evaluation), and that of this module within the call of its parent. The thread's default generator is
/// as before after each call. Valid for calls in one thread at a time. A checkpoint within the model's forward draws the
/// same numbers again; it is a ValueError where these cannot be known (a checkpoint around the model, or around one of
/// several calls of a module by its parent).
void use_random_streams(const ModuleBase& model, const Generator& generator);

}  // namespace newtape::nn
