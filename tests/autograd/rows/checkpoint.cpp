// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>

#include <cmath>

namespace newtape::table {
namespace {

/// sin(x) y + x, through an intermediate result.
Tensor segment(std::span<const Tensor> xs) {
  const Tensor s = sin(xs[0]);
  return s * xs[1] + xs[0];
}
Values wanted(const std::vector<Values>& x) {
  Values y(broadcast_shapes("reference", x[0].shape, x[1].shape));
  for_each_index(y.shape, [&](const Dims& at) { y[at] = std::sin(x[0][at]) * x[1][at] + x[0][at]; });
  return y;
}
const Call run = [](Args& x) { return checkpoint(segment, x.list()); };

const Rows checkpoints{{
    {.name = "checkpoint",
     .samples = {{{{2, 3}, {2, 3}}, run, wanted},
                 {{{2, 1}, {3}}, run, wanted},
                 {{{}, {}}, run, wanted},
                 {{{0, 2}, {2}}, run, wanted}},
     .rejects = {{Error::value, "checkpoint: the function must not depend on variables other than its arguments",
                  [] {
                    const Tensor other = variable(ones({2}));
                    checkpoint([&](const Tensor& x) { return x * other; }, variable(ones({2})));
                  }}},
     .no_line = true},
}};

}  // namespace
}  // namespace newtape::table
