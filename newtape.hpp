// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// All of Newtape.
#include <newtape/autograd/anomaly.hpp>
#include <newtape/autograd/checkpoint.hpp>
#include <newtape/autograd/format.hpp>
#include <newtape/autograd/functional.hpp>
#include <newtape/autograd/gradcheck.hpp>
#include <newtape/autograd/graph.hpp>
#include <newtape/autograd/implicit.hpp>
#include <newtape/autograd/jacobian.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/core/krylov.hpp>
#include <newtape/core/linalg.hpp>
#include <newtape/core/parallel.hpp>
#include <newtape/core/print.hpp>
#include <newtape/core/random.hpp>
#include <newtape/core/reduce.hpp>
#include <newtape/data/checkpoint.hpp>
#include <newtape/data/csv.hpp>
#include <newtape/data/dataset.hpp>
#include <newtape/data/datasets.hpp>
#include <newtape/data/idx.hpp>
#include <newtape/data/image.hpp>
#include <newtape/data/loader.hpp>
#include <newtape/data/npy.hpp>
#include <newtape/data/safetensors.hpp>
#include <newtape/inspect/classification.hpp>
#include <newtape/inspect/progress.hpp>
#include <newtape/nn/nn.hpp>
#include <newtape/optim/optim.hpp>
