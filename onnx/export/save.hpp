// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/nn/module/module.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace newtape::onnx {

struct SaveOptions {
  std::vector<std::string> input_names = {};   ///< default: "input", or "input_0", "input_1", ..
  std::vector<std::string> output_names = {};  ///< default: "output", or "output_0", ..
  bool dynamic_batch = false;                  ///< axis 0 of all inputs and outputs may have any length
};

/// What is saved: results of tensors.
using Program = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

/// Writes what `program` computes of `inputs` as an ONNX model (opset 17): one evaluation in evaluation mode is traced,
/// and branches that C++ takes are those of this evaluation. Parameters and buffers of `model` keep their names. The
/// file is replaced atomically, after it has been loaded again and given the same results to 1e-4 (relative to the
/// largest; f32). ValueError naming the operation and its line for one that ONNX or Newtape's writer does not know, and
/// for results that depend on the inputs otherwise than through operations; NumericalError when the results differ; IoError.
void save(const std::string& path, const nn::ModuleBase& model, const Program& program,
          const std::vector<Tensor>& inputs, const SaveOptions& options = {},
          SourceLocation location = SourceLocation::current());
/// The bytes of that file.
std::string save_bytes(const nn::ModuleBase& model, const Program& program, const std::vector<Tensor>& inputs,
                       const SaveOptions& options = {}, SourceLocation location = SourceLocation::current());

/// A model that is called with one tensor: `onnx::save("model.onnx", model, x, {.dynamic_batch = true})`.
template <std::derived_from<nn::ModuleBase> M>
  requires requires(const M& model, const Tensor& x) {
    { model(x) } -> std::convertible_to<Tensor>;
  }
void save(const std::string& path, const M& model, const Tensor& input, const SaveOptions& options = {},
          SourceLocation location = SourceLocation::current()) {
  save(
      path, model, [&](std::span<const Tensor> xs) { return std::vector<Tensor>{model(xs[0])}; },
      std::vector<Tensor>{input}, options, location);
}

/// The operations that can be written, sorted.
std::vector<std::string> exported_operations();

}  // namespace newtape::onnx
