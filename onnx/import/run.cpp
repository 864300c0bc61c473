// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/import/call.hpp>
#include <newtape/onnx/import/prepared.hpp>

#include <fmt/format.h>

#include <utility>

namespace newtape::onnx::detail {
namespace {

/// A value in the dtype of this run.
Value in_run_dtype(Value value, const Context& context) {
  if (!value.is_tensor() || !is_floating(value.type()) || value.type() == ElementType::float64) return value;
  if (value.tensor().dtype() == context.dtype) return value;
  return Value(value.tensor().to(context.dtype), value.type());
}

[[noreturn]] void rethrow_for(const Step& step, const Context& context) {
  const auto text = [&](const std::exception& e) {
    return fmt::format("{}: {}: {}", context.plan->path.empty() ? "onnx" : context.plan->path,
                       describe_node(*step.node, step.version), e.what());
  };
  try {
    throw;
  } catch (const ShapeError& e) {
    throw ShapeError(text(e));
  } catch (const DTypeError& e) {
    throw DTypeError(text(e));
  } catch (const ValueError& e) {
    throw ValueError(text(e));
  } catch (const NumericalError& e) {
    throw NumericalError(text(e));
  } catch (const IoError& e) {
    throw IoError(text(e));
  }
}

}  // namespace

Value fetch(const Frame& frame, const Ref& ref) {
  const Context& context = frame.context;
  const auto i = static_cast<std::size_t>(ref.index);
  switch (ref.kind) {
    case Ref::Kind::local: {
      const Frame* f = &frame;
      for (auto up = ref.up; up > 0; --up) f = f->outer;
      return f->values[i];
    }
    case Ref::Kind::constant: return in_run_dtype(context.plan->constants[i], context);
    case Ref::Kind::weight: return Value(context.weights[i].tensor(), context.plan->weights[i].second.type());
    case Ref::Kind::statistic: return Value(context.statistics[i].tensor(), context.plan->statistics[i].second.type());
    case Ref::Kind::prepared: return context.prepared->at(context, ref.index);
    default: return {};
  }
}

namespace {

Results results_of(Frame* frame, const Context& context, const Step& step, std::vector<Value> inputs) {
  try {
    if (step.function && step.row == nullptr) return run_graph(*step.function, context, nullptr, std::move(inputs));
    Call call(step, frame, context, std::move(inputs));
    if (step.row == nullptr) call.fail("the operator is not supported");
    Results results = step.row->run(call);
    if (results.size() < step.outputs.size()) {
      call.fail("the operator has fewer outputs", std::to_string(step.outputs.size()), std::to_string(results.size()));
    }
    return results;
  } catch (const std::exception&) {
    rethrow_for(step, context);
  }
}

}  // namespace

Results run_prepared_step(const Context& context, const Step& step) {
  static const GraphPlan none;
  const Frame frame{none, context, nullptr};
  std::vector<Value> inputs;
  for (const auto& ref : step.inputs) inputs.push_back(fetch(frame, ref));
  return results_of(nullptr, context, step, std::move(inputs));
}

void run_step(Frame& frame, const Step& step) {
  std::vector<Value> inputs;
  inputs.reserve(step.inputs.size());
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const Ref& ref = step.inputs[i];
    if (i < step.last.size() && step.last[i]) {
      inputs.push_back(std::exchange(frame.values[static_cast<std::size_t>(ref.index)], Value()));
    } else {
      inputs.push_back(fetch(frame, ref));
    }
  }
  Results results = results_of(&frame, frame.context, step, std::move(inputs));
  for (std::size_t i = 0; i < step.outputs.size() && i < results.size(); ++i) {
    const auto slot = step.outputs[i];
    if (slot >= 0) frame.values[static_cast<std::size_t>(slot)] = std::move(results[i]);
  }
  for (const auto slot : step.release) frame.values[static_cast<std::size_t>(slot)] = Value();
}

std::vector<Value> run_graph(const GraphPlan& plan, const Context& context, Frame* outer, std::vector<Value> inputs) {
  Frame frame{plan, context, outer};
  frame.values.resize(static_cast<std::size_t>(plan.slots));
  for (std::size_t i = 0; i < plan.inputs.size() && i < inputs.size(); ++i) {
    frame.values[static_cast<std::size_t>(plan.inputs[i])] = std::move(inputs[i]);
  }
  for (const auto& [slot, ref] : plan.defaults) {
    auto& value = frame.values[static_cast<std::size_t>(slot)];
    if (value.is_none()) value = fetch(frame, ref);
  }
  const bool joined = context.prepared != nullptr;
  for (const auto& step : joined ? plan.joined_steps : plan.steps) run_step(frame, step);
  std::vector<Value> outputs;
  outputs.reserve(plan.outputs.size());
  for (const auto& ref : joined ? plan.joined_outputs : plan.outputs) outputs.push_back(fetch(frame, ref));
  return outputs;
}

}  // namespace newtape::onnx::detail
