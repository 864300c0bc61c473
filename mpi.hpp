// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Training by several processes, on one machine or many. Needs MPI: link newtape::mpi.
#include <newtape/mpi/checkpoint.hpp>
#include <newtape/mpi/consistency.hpp>
#include <newtape/mpi/data_parallel.hpp>
#include <newtape/mpi/group.hpp>
#include <newtape/mpi/metrics.hpp>
#include <newtape/mpi/ops.hpp>
#include <newtape/mpi/runs.hpp>
#include <newtape/mpi/sampler.hpp>
#include <newtape/mpi/shared_steps.hpp>
#include <newtape/mpi/sync_batch_norm.hpp>
#include <newtape/mpi/timeline.hpp>
