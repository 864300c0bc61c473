// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/batch.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/nn/module/module.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::inspect {

/// The model of a LossSurface: a module, with the names of its parameters and with its buffers, or a list of
/// parameters, which are named by their positions.
struct SurfaceModel {
  SurfaceModel(const nn::ModuleBase& module);
  SurfaceModel(const std::vector<Parameter>& list);

  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<Buffer> buffers;
};

struct LossSurfaceOptions {
  std::int64_t max_batches = 0;  ///< of the loader's epoch; 0: all
};

/// A loss as a function of a model's parameters, on one batch or as the mean over the batches of a loader: what
/// Hessians, spectra, noise and landscapes are computed from.
///
///     const inspect::LossSurface surface(model, [&] { return nn::cross_entropy(model(x), y); });
///     const inspect::LossSurface all(model, loader, [&](const nt::data::Batch& b) {
///       return nn::cross_entropy(model(b[0]), b[1]);
///     });
///
/// The functions run the model. They return the loss, or the losses [n] of the samples, whose mean counts. Frozen
/// parameters are constants; the others must have one dtype.
///
/// Looking changes nothing: parameters, buffers (running statistics) and the default generator have their values
/// afterwards, also when a function throws. Every evaluation starts from the generator's state at the construction, and
/// draws the same batches, so that dropout and augmentation repeat. Values replace those of the parameters during a
/// call: not thread-safe.
class LossSurface {
 public:
  using BatchFunction = std::function<Tensor(const data::Batch& batch)>;
  using OutputLoss = std::function<Tensor(const Tensor& outputs, const data::Batch& batch)>;

  /// ValueError when no parameter is trainable, DTypeError when their dtypes differ.
  LossSurface(SurfaceModel model, std::function<Tensor()> loss);
  /// Outputs and loss as two functions, from which Gauss-Newton and Fisher matrices are computed.
  LossSurface(SurfaceModel model, std::function<Tensor()> outputs, UnaryFunction loss);
  /// Batches count by their number of samples, the length of their first array. The loader is copied.
  LossSurface(SurfaceModel model, const data::Loader& loader, BatchFunction loss,
              const LossSurfaceOptions& options = {});
  /// F: an OutputLoss; a template, since Clang 14 would make an OutputLoss of the options {.max_batches = 3}.
  template <std::invocable<const Tensor&, const data::Batch&> F>
  LossSurface(SurfaceModel model, const data::Loader& loader, BatchFunction outputs, F loss,
              const LossSurfaceOptions& options = {})
      : LossSurface(std::move(model), loader, options, std::move(outputs), OutputLoss(std::move(loss))) {}

  /// The trainable parameters with their names, and the number of their elements.
  const std::vector<std::pair<std::string, Parameter>>& parameters() const noexcept { return parameters_; }
  std::int64_t size() const noexcept { return size_; }
  DType dtype() const { return (parameters_.empty() ? Parameter() : parameters_[0].second).dtype(); }
  /// The present values, as constants.
  std::vector<Tensor> values() const;
  bool has_outputs() const noexcept { return static_cast<bool>(output_loss_); }
  bool has_loader() const noexcept { return loader_ != nullptr; }

  /// The same loss as a function of the parameters of one module, or of one parameter: "fc1", "fc1.weight". ValueError
  /// when there is none of this name.
  LossSurface block(std::string_view name) const;
  /// The paths of the modules that have trainable parameters of their own, or their positions for a list.
  std::vector<std::string> blocks() const;

  /// The mean loss for parameters `xs`, one for each of parameters().
  double loss(std::span<const Tensor> xs) const;
  double loss() const;
  /// The mean loss and its gradient [size], at the present values.
  std::pair<double, Array> loss_and_gradient() const;

  /// The functions on one batch, of the values of parameters().
  struct Piece {
    Function loss;             ///< the mean, one element
    Function losses;           ///< as the function returns them
    Function outputs;          ///< empty without them
    UnaryFunction of_outputs;  ///< the mean loss of the outputs
    data::Batch batch;         ///< empty without a loader
    double weight = 1;         ///< share of the samples
    std::int64_t index = 0;
  };
  /// Calls `f` with every batch in turn. For what is computed from surfaces; its functions are valid during the call.
  void each(const std::function<void(const Piece& piece)>& f) const;
  /// The functions on a part of a batch.
  Piece piece(const data::Batch& batch) const;

 private:
  LossSurface(SurfaceModel model, std::unique_ptr<data::Loader> loader, BatchFunction loss, OutputLoss output_loss);
  LossSurface(SurfaceModel model, const data::Loader& loader, const LossSurfaceOptions& options, BatchFunction outputs,
              OutputLoss loss);
  std::vector<Parameter> cells() const;

  std::vector<std::pair<std::string, Parameter>> parameters_;
  std::vector<Buffer> buffers_;
  std::shared_ptr<const data::Loader> loader_;  ///< null: one batch
  BatchFunction function_;                      ///< the loss, or the outputs
  OutputLoss output_loss_;                      ///< empty: function_ is the loss
  std::int64_t max_batches_ = 0;
  std::int64_t size_ = 0;
  Generator generator_;
};

}  // namespace newtape::inspect
