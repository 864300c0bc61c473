// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/spectra/loss_surface.hpp>

#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <algorithm>

namespace newtape::inspect {

namespace {

Tensor mean_loss(const Tensor& losses) {
  if (!losses.defined() || losses.size() == 0) {
    raise<ValueError>("LossSurface: the function must return a loss, or one for each sample", "one or more elements",
                      losses.defined() ? to_string(losses.shape()) : "an undefined tensor");
  }
  return losses.size() == 1 ? losses : mean(losses);
}

/// Restores buffers and the default generator, which starts from `generator` for the scope.
class UnchangedModel {
 public:
  UnchangedModel(const std::vector<Buffer>& buffers, const Generator& generator)
      : buffers_(buffers), generator_(generator) {
    for (const auto& b : buffers) values_.push_back(b.tensor());
  }
  ~UnchangedModel() {
    for (std::size_t i = 0; i < values_.size(); ++i) buffers_[i].exchange(std::move(values_[i]));
  }
  UnchangedModel(const UnchangedModel&) = delete;
  UnchangedModel& operator=(const UnchangedModel&) = delete;

 private:
  const std::vector<Buffer>& buffers_;
  std::vector<Tensor> values_;
  detail::DefaultGeneratorScope generator_;
};

std::string module_of(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

std::int64_t samples_of(const data::Batch& batch) { return batch.size() == 0 ? 1 : batch[0].shape(0); }

}  // namespace

SurfaceModel::SurfaceModel(const nn::ModuleBase& module)
    : parameters(module.named_parameters()), buffers(module.buffers()) {}

SurfaceModel::SurfaceModel(const std::vector<Parameter>& list) {
  for (std::size_t i = 0; i < list.size(); ++i) parameters.emplace_back(std::to_string(i), list[i]);
}

LossSurface::LossSurface(SurfaceModel model, std::unique_ptr<data::Loader> loader, BatchFunction loss,
                         OutputLoss output_loss)
    : buffers_(std::move(model.buffers)),
      loader_(std::move(loader)),
      function_(std::move(loss)),
      output_loss_(std::move(output_loss)),
      generator_(default_generator()) {
  for (auto& [name, parameter] : model.parameters) {
    if (!parameter.requires_grad()) continue;
    size_ += parameter.size();
    parameters_.emplace_back(std::move(name), std::move(parameter));
  }
  if (size_ == 0) {
    raise<ValueError>("LossSurface: the model has no trainable parameter", "one or more that require gradients",
                      std::to_string(model.parameters.size()) + " parameters, none trainable");
  }
  optim::expect_one_dtype("LossSurface", cells());
}

LossSurface::LossSurface(SurfaceModel model, std::function<Tensor()> loss)
    : LossSurface(
          std::move(model), nullptr, [f = std::move(loss)](const data::Batch&) { return f(); }, OutputLoss()) {}

LossSurface::LossSurface(SurfaceModel model, std::function<Tensor()> outputs, UnaryFunction loss)
    : LossSurface(
          std::move(model), nullptr, [f = std::move(outputs)](const data::Batch&) { return f(); },
          [f = std::move(loss)](const Tensor& y, const data::Batch&) { return f(y); }) {}

LossSurface::LossSurface(SurfaceModel model, const data::Loader& loader, BatchFunction loss,
                         const LossSurfaceOptions& options)
    : LossSurface(std::move(model), loader, options, std::move(loss), OutputLoss()) {}

LossSurface::LossSurface(SurfaceModel model, const data::Loader& loader, const LossSurfaceOptions& options,
                         BatchFunction outputs, OutputLoss loss)
    : LossSurface(std::move(model), std::make_unique<data::Loader>(loader), std::move(outputs), std::move(loss)) {
  if (options.max_batches < 0) {
    raise<ValueError>("LossSurface: max_batches must not be negative", "0 or more",
                      std::to_string(options.max_batches));
  }
  if (loader.size() == 0) raise<ValueError>("LossSurface: the loader has no batches", "one or more", "0");
  max_batches_ = options.max_batches;
}

std::vector<Parameter> LossSurface::cells() const {
  std::vector<Parameter> all;
  for (const auto& [name, p] : parameters_) all.push_back(p);
  return all;
}

std::vector<Tensor> LossSurface::values() const { return values_of(cells()); }

LossSurface LossSurface::block(std::string_view name) const {
  LossSurface part = *this;
  part.parameters_.clear();
  part.size_ = 0;
  std::string known;
  for (const auto& p : parameters_) {
    known += (known.empty() ? "" : ", ") + p.first;
    if (p.first != name && !p.first.starts_with(std::string(name) + ".")) continue;
    part.parameters_.push_back(p);
    part.size_ += p.second.size();
  }
  if (part.parameters_.empty()) {
    raise<ValueError>("LossSurface: no trainable parameter is named " + std::string(name), known, std::string(name));
  }
  return part;
}

std::vector<std::string> LossSurface::blocks() const {
  std::vector<std::string> all;
  for (const auto& [name, p] : parameters_) {
    std::string path = module_of(name);
    if (path.empty()) path = name;
    if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(std::move(path));
  }
  return all;
}

LossSurface::Piece LossSurface::piece(const data::Batch& batch) const {
  if (!function_) newtape::detail::undefined_array();  // moved from
  const auto of_values = [&](std::function<Tensor()> f) { return function_of(cells(), std::move(f)); };
  const auto run = [f = function_, batch] { return f(batch); };
  Piece p;
  p.batch = batch;
  if (!output_loss_) {
    p.losses = of_values(run);
    p.loss = of_values([run] { return mean_loss(run()); });
    return p;
  }
  const auto of_outputs = [f = output_loss_, batch](const Tensor& y) { return f(y, batch); };
  p.outputs = of_values(run);
  p.of_outputs = [of_outputs](const Tensor& y) { return mean_loss(of_outputs(y)); };
  p.losses = of_values([run, of_outputs] { return of_outputs(run()); });
  p.loss = of_values([run, of_outputs] { return mean_loss(of_outputs(run())); });
  return p;
}

void LossSurface::each(const std::function<void(const Piece&)>& f) const {
  const NoGrad constants;
  const UnchangedModel scope(buffers_, generator_);
  if (loader_ == nullptr) return f(piece({}));
  data::Loader loader = *loader_;
  loader.set_epoch(loader.epoch());
  const auto size = loader.options().batch_size;
  const auto batches = max_batches_ > 0 ? std::min(max_batches_, loader.size()) : loader.size();
  const auto samples = std::min(loader.examples(), batches * size);
  std::int64_t index = 0;
  for (auto& batch : loader) {
    Piece p = piece(batch);
    p.weight = static_cast<double>(samples_of(batch)) / static_cast<double>(samples);
    p.index = index;
    f(p);
    if (++index == batches) break;
  }
}

double LossSurface::loss(std::span<const Tensor> xs) const {
  double sum = 0;
  each([&](const Piece& p) { sum += p.weight * p.loss(xs).item(); });
  return sum;
}

double LossSurface::loss() const { return loss(values()); }

std::pair<double, Array> LossSurface::loss_and_gradient() const {
  const auto xs = values();
  double value = 0;
  Array gradient = core::zeros({size_}, dtype());
  each([&](const Piece& p) {
    const auto [y, g] = value_and_grad(p.loss, xs);
    value += p.weight * y.item();
    gradient = core::axpy(p.weight, parameters_to_vector(g).value(), std::move(gradient));
  });
  return {value, gradient};
}

}  // namespace newtape::inspect
