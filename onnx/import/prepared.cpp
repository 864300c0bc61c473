// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/onnx/import/prepared.hpp>

#include <algorithm>
#include <utility>

namespace newtape::onnx::detail {
namespace {

const Array& source_of(const Context& context, const Ref& ref) {
  const auto i = static_cast<std::size_t>(ref.index);
  return ref.kind == Ref::Kind::weight ? context.weights[i].value() : context.statistics[i].value();
}

bool is_same(const Array& a, const Array& b) {
  return a.raw() == b.raw() && a.dtype() == b.dtype() && a.shape() == b.shape() && a.strides() == b.strides();
}

}  // namespace

void Prepared::refresh(const Context& context) {
  const bool current = dtype_ == context.dtype && std::all_of(sources_.begin(), sources_.end(), [&](const auto& s) {
                         return is_same(s.second, source_of(context, s.first));
                       });
  if (!current) clear();
  dtype_ = context.dtype;
}

void Prepared::clear() noexcept {
  if (sources_.empty() && std::all_of(values_.begin(), values_.end(), [](const Value& v) { return v.is_none(); }))
    return;
  std::fill(values_.begin(), values_.end(), Value());
  sources_.clear();
  ++generation_;
}

const Value& Prepared::at(const Context& context, std::int32_t index) {
  const auto i = static_cast<std::size_t>(index);
  if (values_[i].is_none()) {
    // The values are constants of whatever is being recorded.
    const core::Recording no_recording(nullptr);
    const newtape::detail::StateObserving no_observing(nullptr);
    compute(context, plan_.preparations[static_cast<std::size_t>(plan_.prepared_by[i])]);
  }
  return values_[i];
}

void Prepared::note_source(const Context& context, const Ref& ref) {
  if (ref.kind != Ref::Kind::weight && ref.kind != Ref::Kind::statistic) return;
  const bool known = std::any_of(sources_.begin(), sources_.end(),
                                 [&](const auto& s) { return s.first.kind == ref.kind && s.first.index == ref.index; });
  if (!known) sources_.emplace_back(ref, source_of(context, ref));
}

void Prepared::compute(const Context& context, const Step& step) {
  for (const auto& ref : step.inputs) note_source(context, ref);
  Results results = run_prepared_step(context, step);
  for (std::size_t k = 0; k < step.outputs.size(); ++k) {
    if (step.outputs[k] >= 0) values_[static_cast<std::size_t>(step.outputs[k])] = std::move(results[k]);
  }
}

}  // namespace newtape::onnx::detail
