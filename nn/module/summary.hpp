// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/nn/module/module.hpp>

namespace newtape::nn {

/// The layers of a model, their sizes, and the cost of one forward pass.
///
/// Sums over the layers are those of the model: a parameter that several layers share counts in the first of them, and
/// the parameters of a parametrization count in the layer whose parameter it computes, as do the costs of computing it.
struct Summary {
  /// One module, with its sizes and costs.
  struct Layer {
    std::string path;                ///< empty for the model itself
    std::string type;                ///< "Linear"
    std::vector<Shape> outputs;      ///< one for each call with a tensor result
    std::int64_t parameters = 0;     ///< elements, without those of child layers and of earlier layers
    std::int64_t trainable = 0;      ///< trainable ones among them
    std::int64_t shared = 0;         ///< elements of parameters that an earlier layer has, too
    std::int64_t bytes = 0;          ///< of parameters and buffers, without those of child layers and of earlier ones
    std::int64_t multiply_adds = 0;  ///< in matrix products and convolutions, without those of child layers
    double seconds = 0;              ///< of all calls, without those of child layers
    std::int64_t kept_bytes = 0;     ///< that its calls leave allocated when they return, without child layers
    /// The most that a call had allocated beyond what was at its start, in child layers too.
    std::int64_t peak_bytes = 0;
  };
  std::vector<Layer> layers;    ///< in the order of named_modules(), without modules of parametrizations
  std::int64_t parameters = 0;  ///< of the whole model, shared ones counted once
  std::int64_t trainable = 0;
  std::int64_t bytes = 0;
  std::int64_t multiply_adds = 0;
  double seconds = 0;  ///< 0 when not measured
  /// What a recorded forward pass keeps for the backward pass, as the allocator counts it; 0 when not measured. Less than
  /// the sum over layers where a result is not needed once the next layer has its own.
  std::int64_t kept_bytes = 0;
  std::int64_t peak_bytes = 0;  ///< the most that was allocated during the recorded pass, beyond what was before

  /// A table with one line for each layer.
  std::string to_string() const;
};

struct SummaryOptions {
  bool measure = true;  ///< time and memory, in two more passes: one unrecorded, one recorded
};

/// Runs `forward` once, in eval mode and without recording, and records shapes and costs of `model` and all modules
/// below it; again for time and memory. Training modes are restored afterwards.
Summary summary(const ModuleBase& model, const std::function<void()>& forward, const SummaryOptions& options = {});

/// The summary of a model with one input, for zeros of this shape (including the batch axis) and dtype.
template <class M>
Summary summary(const M& model, const Shape& input_shape, DType dtype = f32, const SummaryOptions& options = {}) {
  return summary(
      model, [&] { static_cast<void>(model(zeros(input_shape, dtype))); }, options);
}

}  // namespace newtape::nn

template <>
struct fmt::formatter<newtape::nn::Summary> : newtape::detail::StringFormatter {
  auto format(const newtape::nn::Summary& s, fmt::format_context& context) const {
    return write(s.to_string(), context);
  }
};
template <class M>
  requires std::derived_from<M, newtape::nn::ModuleBase>
struct fmt::formatter<M> : newtape::detail::StringFormatter {
  auto format(const newtape::nn::ModuleBase& m, fmt::format_context& context) const {
    return write(newtape::nn::to_string(m), context);
  }
};
