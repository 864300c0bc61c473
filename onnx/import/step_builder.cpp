// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/call.hpp>
#include <newtape/onnx/import/step_builder.hpp>

#include <algorithm>
#include <utility>

namespace newtape::onnx::detail {

std::vector<Ref> StepBuilder::prepare(Step step) {
  std::vector<Ref> refs;
  const auto number = static_cast<std::int32_t>(plan_.preparations.size());
  for (auto& slot : step.outputs) {
    refs.push_back(slot < 0 ? Ref{} : Ref{Ref::Kind::prepared, 0, static_cast<std::int32_t>(plan_.prepared_by.size())});
    if (slot < 0) continue;
    slot = refs.back().index;
    plan_.prepared_by.push_back(number);
    prepared_shapes_.emplace_back();
  }
  step.last.clear();
  step.release.clear();
  plan_.preparations.push_back(std::move(step));
  return refs;
}

format::NodeProto& StepBuilder::own_node(Step& step) {
  format::NodeProto& node = plan_.nodes.emplace_back(*step.node);
  step.node = &node;
  return node;
}

Step StepBuilder::make(Joined kind, const Step& like, std::vector<Ref> inputs, std::vector<std::int32_t> outputs) {
  Step step;
  step.node = like.node;
  step.row = &joined_row(kind);
  step.version = 1;
  step.inputs = std::move(inputs);
  step.outputs = std::move(outputs);
  return step;
}

void StepBuilder::set_real(Step& step, std::string_view name, double value) {
  auto& node = own_node(step);
  std::erase_if(node.attributes, [&](const auto& a) { return a.name == name; });
  auto& attribute = node.attributes.emplace_back();
  attribute.name = name;
  attribute.type = format::AttributeProto::Type::real;
  attribute.f = static_cast<float>(value);
}

std::pair<Ref, Ref> StepBuilder::prepare_convolution(Joined kind, const Step& like, std::vector<Ref> inputs) {
  const auto shape = shape_of(inputs[0]);
  const auto made = prepare(make(kind, like, std::move(inputs), {0, 0}));
  prepared_shapes_[static_cast<std::size_t>(made[0].index)] = shape;
  if (shape) prepared_shapes_[static_cast<std::size_t>(made[1].index)] = Shape{(*shape)[0]};
  return {made[0], made[1]};
}

std::optional<Shape> StepBuilder::shape_of(const Ref& ref) const {
  const auto i = static_cast<std::size_t>(ref.index);
  const auto of = [](const Value& v) { return v.is_tensor() ? std::optional(v.shape()) : std::nullopt; };
  switch (ref.kind) {
    case Ref::Kind::constant: return of(plan_.constants[i]);
    case Ref::Kind::weight: return of(plan_.weights[i].second);
    case Ref::Kind::statistic: return of(plan_.statistics[i].second);
    case Ref::Kind::prepared: return prepared_shapes_[i];
    default: return {};
  }
}

std::optional<double> StepBuilder::number_of(const Ref& ref) const {
  if (ref.kind != Ref::Kind::constant) return {};
  const Value& v = plan_.constants[static_cast<std::size_t>(ref.index)];
  if (!v.is_tensor() || v.tensor().size() != 1 || !is_floating(v.type())) return {};
  return reals_of(v.tensor().value())[0];
}

std::optional<Dims> StepBuilder::integers_of(const Ref& ref) const {
  if (ref.kind != Ref::Kind::constant) return {};
  const Value& v = plan_.constants[static_cast<std::size_t>(ref.index)];
  if (!v.is_tensor() || v.tensor().dtype() != i64) return {};
  return detail::integers_of(v.tensor().value());
}

}  // namespace newtape::onnx::detail
