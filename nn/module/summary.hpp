// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <fmt/core.h>

namespace newtape::nn {

/// What a model is made of, and what one pass through it takes.
struct Summary {
  struct Layer {
    std::string path;                ///< empty for the model itself
    std::string type;                ///< "Linear"
    std::vector<Shape> outputs;      ///< of each call; none when the layer was not called, or its result is no tensor
    std::int64_t parameters = 0;     ///< elements, those of the layers below it left out
    std::int64_t trainable = 0;      ///< of these
    std::int64_t bytes = 0;          ///< of parameters and buffers, those of the layers below left out
    std::int64_t multiply_adds = 0;  ///< in matrix products and convolutions, those of the layers below left out
  };
  std::vector<Layer> layers;    ///< in the order of named_modules()
  std::int64_t parameters = 0;  ///< of the whole model, shared ones once
  std::int64_t trainable = 0;
  std::int64_t bytes = 0;
  std::int64_t multiply_adds = 0;

  /// As a table, one line a layer.
  std::string to_string() const;
};

/// Runs `forward` once, in eval mode and without recording, and notes what each module below `model` did.
/// Modes are put back afterwards.
Summary summary(const ModuleBase& model, const std::function<void()>& forward);

/// The same for a model that takes one tensor, of zeros of this shape (the batch axis included) and dtype.
template <class M>
Summary summary(const M& model, const Shape& input_shape, DType dtype = f32) {
  return summary(model, [&] { model(zeros(input_shape, dtype)); });
}

}  // namespace newtape::nn

template <>
struct fmt::formatter<newtape::nn::Summary> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const newtape::nn::Summary& s, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(s.to_string(), context);
  }
};
