// SPDX-License-Identifier: BSD-3-Clause
#include "nn/table.hpp"

#include <newtape/autograd/ops/distance.hpp>
#include <newtape/nn/layers/norm.hpp>

namespace newtape::nn::table {
namespace {

/// A row with the cases of this name in both modes; `wrong` is an invalid shape.
template <class Make>
Row norm(const std::string& name, const std::string& torch, Make module, const Shape& wrong, bool modes = false) {
  return {.name = name,
          .make = make(module),
          .torch = {"norm", torch + "/train", torch + "/eval"},
          .refuses = {{floats({wrong}), to_string(wrong)}},
          .modes = modes};
}
/// The row for arguments without a batch axis.
Row alone(Row row) {
  row.batched = false;
  return row;
}

const Rows norms{
    norm(
        "BatchNorm1d", "batch_norm1d", [] { return BatchNorm1d(3); }, {4, 4}, true),
    norm(
        "BatchNorm1d/spatial", "batch_norm1d/spatial", [] { return BatchNorm1d(3, {.eps = 0.1, .momentum = 0.3}); },
        {3, 3, 4, 1}, true),
    norm(
        "BatchNorm2d", "batch_norm2d", [] { return BatchNorm2d(4); }, {2, 3, 5, 5}, true),
    norm(
        "BatchNorm2d/cumulative", "batch_norm2d/cumulative",
        [] { return BatchNorm2d(4, {.momentum = std::nullopt, .affine = false}); }, {2, 4}, true),
    norm("BatchNorm2d/untracked", "batch_norm2d/untracked",
         [] { return BatchNorm2d(4, {.track_running_stats = false}); }, {4, 2, 3}),
    norm(
        "BatchNorm3d", "batch_norm3d", [] { return BatchNorm3d(2); }, {2, 2, 3, 3}, true),
    norm("InstanceNorm1d", "instance_norm1d", [] { return InstanceNorm1d(3); }, {2, 4, 3}),
    alone(norm("InstanceNorm1d/unbatched", "instance_norm1d/unbatched",
               [] { return InstanceNorm1d(3, {.affine = true}); }, {4, 3})),
    norm(
        "InstanceNorm2d", "instance_norm2d",
        [] { return InstanceNorm2d(4, {.affine = true, .track_running_stats = true}); }, {2, 3, 2, 2}, true),
    norm("InstanceNorm3d", "instance_norm3d", [] { return InstanceNorm3d(2, {.eps = 0.01}); }, {2, 2, 2}),
    norm("LayerNorm", "layer_norm", [] { return LayerNorm(4); }, {3, 5}),
    norm("LayerNorm/two", "layer_norm/two",
         [] {
           return LayerNorm({2, 3}, {.eps = 0.1});
         },
         {2, 3, 2}),
    norm("LayerNorm/plain", "layer_norm/plain", [] { return LayerNorm(4, {.elementwise_affine = false}); }, {4, 3}),
    norm("RMSNorm", "rms_norm", [] { return RMSNorm(4, {.eps = 1e-3}); }, {4, 3}),
    norm("GroupNorm", "group_norm", [] { return GroupNorm(2, 4); }, {2, 3, 4}),
    norm("GroupNorm/plain", "group_norm/plain", [] { return GroupNorm(1, 3, {.affine = false}); }, {2, 4}),
    norm("GroupNorm/two", "group_norm/two", [] { return GroupNorm(3, 3, {.eps = 0.1}); }, {3}),
    norm("LocalResponseNorm", "local_response_norm", [] { return LocalResponseNorm(3, {.alpha = 0.5, .k = 1.5}); },
         {4}),
    norm("LayerNorm/without bias", "layer_norm/without_bias", [] { return LayerNorm(4, {.bias = false}); }, {2, 3}),
};

}  // namespace
}  // namespace newtape::nn::table
