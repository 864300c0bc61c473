// SPDX-License-Identifier: BSD-3-Clause
#include "nn/table.hpp"

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/embedding.hpp>

#include <optional>

namespace newtape::nn::table {
namespace {

Torch torch_bag(const std::string& train) { return {"attention", train, {}}; }

EmbeddingBag bag(BagMode mode, std::optional<std::int64_t> padding = {}) {
  return EmbeddingBag(6, 3, {.mode = mode, .padding_idx = padding});
}
const Refusal negative{[] { return Tensors{reshape(integers({0, -2}), {1, 2})}; }, "-2", Error::value};

const Rows bags{
    {.name = "EmbeddingBag",
     .make = make([] { return bag(BagMode::mean); }),
     .torch = torch_bag("bag/mean"),
     .refuses = {negative,
                 {[] {
                    return Tensors{integers({0, 1})};
                  },
                  "offsets"},
                 {floats({{2, 2}}), "i64", Error::dtype}}},
    {.name = "EmbeddingBag/sum",
     .make = make([] { return bag(BagMode::sum); }),
     .torch = torch_bag("bag/sum"),
     .refuses = {negative}},
    {.name = "EmbeddingBag/max",
     .make = make([] { return bag(BagMode::max); }),
     .torch = torch_bag("bag/max"),
     .refuses = {negative}},
    {.name = "EmbeddingBag/offsets",
     .make = make([] { return bag(BagMode::mean); }),
     .torch = torch_bag("bag/mean_offsets"),
     .batched = false,
     .refuses = {negative}},
    {.name = "EmbeddingBag/sum_offsets",
     .make = make([] { return bag(BagMode::sum); }),
     .torch = torch_bag("bag/sum_offsets"),
     .batched = false,
     .refuses = {negative}},
    {.name = "EmbeddingBag/max_offsets",
     .make = make([] { return bag(BagMode::max); }),
     .torch = torch_bag("bag/max_offsets"),
     .batched = false,
     .refuses = {negative}},
    {.name = "EmbeddingBag/padding",
     .make = make([] { return bag(BagMode::mean, 2); }),
     .torch = torch_bag("bag/mean_padding"),
     .refuses = {negative}},
    {.name = "EmbeddingBag/sum_padding",
     .make = make([] { return bag(BagMode::sum, 2); }),
     .torch = torch_bag("bag/sum_padding"),
     .refuses = {negative}},
    {.name = "EmbeddingBag/max_padding",
     .make = make([] { return bag(BagMode::max, 2); }),
     .torch = torch_bag("bag/max_padding"),
     .refuses = {negative}},
    {.name = "EmbeddingBag/weights",
     .make = make([] { return bag(BagMode::sum); },
                  [](const EmbeddingBag& m, const Tensors& x) { return m(x[1], Tensor(), x[0]); }),
     .torch = torch_bag("bag/weights"),
     .refuses = {{[] {
                    return Tensors{ones({2, 2}, f64), reshape(integers({0, 2}), {1, 2})};
                  },
                  "per_sample_weights"}}},
    {.name = "EmbeddingBag/weights_padding",
     .make = make([] { return bag(BagMode::sum, -4); },
                  [](const EmbeddingBag& m, const Tensors& x) { return m(x[1], x[2], x[0]); }),
     .torch = torch_bag("bag/weights_padding"),
     .batched = false,
     .refuses = {{[] {
                    return Tensors{ones({2}, f64), integers({0, 2}), integers({1})};
                  },
                  "ascend from 0", Error::value}}},
    {.name = "EmbeddingBag/last_offset",
     .make = make([] { return EmbeddingBag(6, 3, {.include_last_offset = true}); }),
     .torch = torch_bag("bag/last_offset"),
     .batched = false,
     .refuses = {negative}},
    {.name = "EmbeddingBag/max_norm",
     .make = make([] { return EmbeddingBag(6, 3, {.mode = BagMode::sum, .max_norm = 1.0}); }),
     .torch = torch_bag("bag/max_norm"),
     .refuses = {negative},
     .stateful_reason = "a call rescales rows of the weight"},
};

}  // namespace
}  // namespace newtape::nn::table
