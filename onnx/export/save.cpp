// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/onnx/export/export_call.hpp>
#include <newtape/onnx/export/graph_builder.hpp>
#include <newtape/onnx/export/save.hpp>
#include <newtape/onnx/export/trace.hpp>
#include <newtape/onnx/import/model.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace newtape::onnx {
namespace {

using namespace detail;

/// Evaluation mode for a scope.
class Evaluation {
 public:
  explicit Evaluation(const nn::ModuleBase& model) {
    for (const auto& [path, module] : model.named_modules()) before_.emplace_back(module, module.is_training());
    model.eval();
  }
  // Parents come first: they set their children.
  ~Evaluation() {
    for (const auto& [module, training] : before_) module.train(training);
  }
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

 private:
  std::vector<std::pair<nn::ModuleBase, bool>> before_;
};

[[noreturn]] void refuse(const OpCall& call, const std::string& what) {
  raise<ValueError>("onnx::save: " + std::string(call.op) + " at " + to_string(call.location) + ": " + what,
                    "operations of the inputs, parameters and constants",
                    "a value that was computed from the inputs otherwise (by reading numbers, or by an operation that "
                    "cannot be traced)");
}

/// Inputs with other numbers, and another batch if that is dynamic: what does not follow from operations shows.
std::vector<Tensor> other_inputs(const std::vector<Tensor>& inputs, bool dynamic_batch) {
  std::vector<Tensor> others;
  for (const auto& x : inputs) {
    Tensor y = is_floating(x.dtype()) ? x * 0.75 + 0.125 : Tensor(core::copy(x.value()));
    if (dynamic_batch) y = concatenate({y, slice(y, 0, 0, 1)}, 0);
    others.push_back(y.detach());
  }
  return others;
}

bool same_bits(const Array& a, const Array& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Array x = core::contiguous(a), y = core::contiguous(b);
  return x.size() == 0 || std::memcmp(x.raw(), y.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) == 0;
}

/// Writes a trace as a graph.
class Exporter {
 public:
  Exporter(const nn::ModuleBase& model, Trace trace, Trace other, const SaveOptions& options)
      : options_(options), trace_(std::move(trace)), other_(std::move(other)) {
    name_inputs();
    const auto name_all = [&](const auto& named, auto tensor_of) {
      for (const auto& [name, cell] : named) cells_.emplace(key_of(tensor_of(cell)), name);
    };
    name_all(model.named_parameters(), [](const Parameter& p) { return p.tensor(); });
    name_all(model.named_buffers(), [](const nn::Buffer& b) { return Tensor(b.value()); });
  }

  std::string write() {
    if (trace_.calls.size() != other_.calls.size() || trace_.outputs.size() != other_.outputs.size()) {
      raise<ValueError>("onnx::save: the program must compute the same operations for all inputs",
                        std::to_string(trace_.calls.size()) + " operations",
                        std::to_string(other_.calls.size()) + " for other inputs");
    }
    for (std::size_t i = 0; i < trace_.calls.size(); ++i) write_call(trace_.calls[i], other_.calls[i]);
    for (std::size_t i = 0; i < trace_.outputs.size(); ++i) write_output(i);
    return graph_.model("newtape");
  }

 private:
  std::string given(const std::vector<std::string>& names, const char* fallback, std::size_t i, std::size_t n) const {
    if (i < names.size()) return names[i];
    return n == 1 ? fallback : std::string(fallback) + "_" + std::to_string(i);
  }

  void name_inputs() {
    for (std::size_t i = 0; i < trace_.inputs.size(); ++i) {
      const Tensor& x = trace_.inputs[i];
      const auto name = graph_.fresh(given(options_.input_names, "input", i, trace_.inputs.size()));
      graph_.input(name, x.value(), options_.dynamic_batch);
      names_[key_of(x)] = name;
      other_names_[key_of(other_.inputs[i])] = name;
      if (i == 0 && options_.dynamic_batch) {
        batch_ = graph_.node("Shape", {name}, {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}});
      }
    }
    for (std::size_t i = 0; i < trace_.outputs.size(); ++i) {
      output_names_.push_back(graph_.fresh(given(options_.output_names, "output", i, trace_.outputs.size())));
    }
  }

  /// The name of an operand: of an input or result, of a parameter or buffer, or of a constant.
  std::string name_of(const Tensor& x, const Tensor& other, const OpCall& call) {
    if (!x.defined()) return {};
    const auto key = key_of(x);
    const auto known = names_.find(key), other_known = other_names_.find(key_of(other));
    if ((known == names_.end()) != (other_known == other_names_.end()) ||
        (known != names_.end() && known->second != other_known->second)) {
      refuse(call, "an operand comes from elsewhere for other inputs");
    }
    if (known != names_.end()) return known->second;
    if (const auto cell = cells_.find(key); cell != cells_.end()) {
      const std::string name = graph_.fresh(cell->second);
      graph_.initializer(name, x.value());
      names_[key] = name;
      other_names_[key] = name;
      return name;
    }
    if (same_bits(x.value(), other.value())) return graph_.constant(x.value());
    return batch_constant(x, other, call);
  }

  /// A constant as long as the batch, all of whose elements are equal.
  std::string batch_constant(const Tensor& x, const Tensor& other, const OpCall& call) {
    const Array a = core::contiguous(core::cast(x.value(), f64)), b = core::contiguous(core::cast(other.value(), f64));
    const bool equal = a.size() > 0 && core::min(a).item() == core::max(a).item() && b.size() > 0 &&
                       core::min(b).item() == core::max(b).item() && core::min(a).item() == core::min(b).item();
    if (!equal || !options_.dynamic_batch) refuse(call, "a constant operand differs for other inputs");
    const auto shape = merged(call, x.shape(), other.shape());
    ExportCall with_lengths(graph_, call, {}, {}, batch_);
    return graph_.node("Expand", {graph_.number(core::min(a).item(), x.dtype()), with_lengths.lengths(shape)});
  }

  /// Lengths of which those that differ follow the batch.
  Dims merged(const OpCall& call, const Dims& a, const Dims& b) const {
    if (a.size() != b.size()) refuse(call, "the number of axes differs for other inputs");
    Dims m = a;
    for (std::size_t i = 0; i < m.size(); ++i) {
      if (a[i] == b[i]) continue;
      if (!options_.dynamic_batch) refuse(call, "a length differs for other inputs");
      const bool is_batch = a[i] == trace_.inputs[0].shape(0) && b[i] == other_.inputs[0].shape(0);
      m[i] = is_batch ? batch_length : follows_batch;
    }
    return m;
  }

  OpCall merged(const OpCall& call, const OpCall& other) const {
    OpCall m = call;
    if (call.op != other.op || call.operands.size() != other.operands.size() ||
        call.attributes.size() != other.attributes.size() || call.results.size() != other.results.size()) {
      refuse(call, "other inputs lead to " + std::string(other.op));
    }
    for (std::size_t i = 0; i < m.attributes.size(); ++i) {
      auto& value = m.attributes[i].value;
      const auto& with = other.attributes[i].value;
      if (value == with) continue;
      if (auto* dims = std::get_if<Dims>(&value)) {
        *dims = merged(call, *dims, std::get<Dims>(with));
      } else if (m.attributes[i].name == "stop" && options_.dynamic_batch) {
        value = std::numeric_limits<std::int64_t>::max();
      } else {
        refuse(call, "the argument " + std::string(m.attributes[i].name) + " differs for other inputs");
      }
    }
    return m;
  }

  void write_call(const OpCall& traced, const OpCall& other) {
    const OpCall call = merged(traced, other);
    const ExportRow* row = find_export_row(call.op);
    if (row == nullptr) {
      raise<ValueError>("onnx::save: the operation " + std::string(call.op) + " has no counterpart in ONNX",
                        "operations of onnx::exported_operations()", to_string(call.location));
    }
    GraphBuilder::Names in, out;
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      in.push_back(name_of(call.operands[i], other.operands[i], call));
    }
    bool any = false;
    for (std::size_t i = 0; i < call.results.size(); ++i) {
      const Tensor& y = call.results[i];
      const bool is_new = y.defined() && names_.count(key_of(y)) == 0;
      out.push_back(is_new ? graph_.fresh(call.op) : std::string());
      any = any || is_new;
      if (!is_new) continue;
      names_[key_of(y)] = out.back();
      other_names_[key_of(other.results[i])] = out.back();
    }
    if (!any) return;  // the operand itself
    ExportCall writer(graph_, call, std::move(in), std::move(out), batch_);
    if (row->write != nullptr) {
      row->write(writer);
    } else {
      writer.emit_same(row->same);
    }
  }

  void write_output(std::size_t i) {
    const OpCall as_call{"the output", {}, {}, {}, {}};
    const auto name = name_of(trace_.outputs[i], other_.outputs[i], as_call);
    graph_.add("Identity", {name}, {output_names_[i]});
    graph_.output(output_names_[i], trace_.outputs[i].value(), options_.dynamic_batch);
  }

  const SaveOptions& options_;
  Trace trace_, other_;
  GraphBuilder graph_;
  std::map<ArrayKey, std::string> names_, other_names_, cells_;
  std::vector<std::string> output_names_;
  std::string batch_;
};

void check_names(const char* option, const std::vector<std::string>& names, std::size_t count) {
  const std::set<std::string> distinct(names.begin(), names.end());
  if (names.empty() || (names.size() == count && distinct.size() == count && distinct.count("") == 0)) return;
  raise<ValueError>(std::string("onnx::save: ") + option + " must have a name for each tensor",
                    std::to_string(count) + " different names", std::to_string(names.size()) + " names");
}

/// NumericalError unless the written model gives the program's results.
void check_written(const std::string& bytes, const Trace& trace) {
  DType dtype = f32;
  for (const auto& x : trace.inputs) {
    if (x.dtype() == f64) dtype = f64;
  }
  const NoGrad off;
  const Model model = load_bytes(bytes, {.dtype = dtype});
  NamedValues inputs;
  for (std::size_t i = 0; i < trace.inputs.size(); ++i) inputs.emplace_back(model.inputs()[i].name, trace.inputs[i]);
  const Outputs written = model(inputs);
  for (std::size_t i = 0; i < trace.outputs.size(); ++i) {
    const Array expected = core::cast(trace.outputs[i].value(), f64), got = core::cast(written[i].value(), f64);
    if (expected.size() == 0 && got.shape() == expected.shape()) continue;
    double scale = 1, error = std::numeric_limits<double>::infinity();
    if (got.shape() == expected.shape()) {
      // Infinite and NaN results must be so again.
      const Tensor a(expected), b(got);
      const Tensor same = (a == b) | (isnan(a) & isnan(b));
      scale = max(where(isfinite(a), abs(a), 0.0)).item();
      error = max(where(same, 0.0, abs(a - b))).item();
    }
    if (!(error <= 1e-4 * std::max(scale, 1.0))) {
      raise<NumericalError>("onnx::save: the written model must give the program's results",
                            "output " + std::to_string(i) + " " + to_string(expected.shape()),
                            "a difference of " + std::to_string(error) + " for results up to " + std::to_string(scale));
    }
  }
}

}  // namespace

std::string save_bytes(const nn::ModuleBase& model, const Program& program, const std::vector<Tensor>& inputs,
                       const SaveOptions& options, SourceLocation location) {
  const CallSite site(location);
  if (!program) raise<ValueError>("onnx::save: the program is empty", "a function of tensors", "an empty function");
  if (inputs.empty()) raise<ValueError>("onnx::save: no inputs", "at least one tensor", "none");
  check_names("input_names", options.input_names, inputs.size());
  for (const auto& x : inputs) {
    if (!x.defined()) raise<ValueError>("onnx::save: an input is undefined", "tensors", "an undefined one");
    if (options.dynamic_batch && (x.ndim() == 0 || x.shape(0) < 1)) {
      raise<ShapeError>("onnx::save: dynamic_batch needs a batch axis", "inputs [n, ..] with n > 0",
                        to_string(x.shape()));
    }
  }
  const Evaluation evaluation(model);
  // Copies: one tensor that is given twice would be one operand.
  std::vector<Tensor> own;
  for (const auto& x : inputs) own.emplace_back(core::copy(x.value()));
  Trace first = trace(program, std::move(own)), other = trace(program, other_inputs(inputs, options.dynamic_batch));
  check_names("output_names", options.output_names, first.outputs.size());
  for (const auto& t : {&first, &other}) {
    for (const auto& y : t->outputs) {
      if (!y.defined()) raise<ValueError>("onnx::save: an output is undefined", "tensors", "an undefined one");
    }
  }
  drop_unused(first);
  drop_unused(other);
  const Trace kept = first;
  std::string bytes = Exporter(model, std::move(first), std::move(other), options).write();
  check_written(bytes, kept);
  return bytes;
}

void save(const std::string& path, const nn::ModuleBase& model, const Program& program,
          const std::vector<Tensor>& inputs, const SaveOptions& options, SourceLocation location) {
  const std::string bytes = save_bytes(model, program, inputs, options, location);
  data::detail::Output file("onnx::save", path);
  file.write(bytes);
  file.commit();
}

std::vector<std::string> exported_operations() {
  std::vector<std::string> all;
  for (const auto op : exported_ops()) all.emplace_back(op);
  return all;
}

}  // namespace newtape::onnx
