// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/export/export_call.hpp>

#include <algorithm>
#include <stdexcept>

namespace newtape::onnx::detail {

const OpAttribute::Value& ExportCall::find(std::string_view name) const {
  for (const auto& a : call_.attributes) {
    if (a.name == name) return a.value;
  }
  throw std::logic_error("onnx::save: " + std::string(call_.op) + " has no argument " + std::string(name));
}
std::int64_t ExportCall::integer(std::string_view name) const { return std::get<std::int64_t>(find(name)); }
double ExportCall::real(std::string_view name) const { return std::get<double>(find(name)); }
Dims ExportCall::dims(std::string_view name) const { return std::get<Dims>(find(name)); }
std::vector<double> ExportCall::reals(std::string_view name) const { return std::get<std::vector<double>>(find(name)); }
const std::string& ExportCall::text(std::string_view name) const { return std::get<std::string>(find(name)); }

std::string ExportCall::lengths(const Dims& shape) const {
  if (std::find(shape.begin(), shape.end(), follows_batch) != shape.end()) refuse("a length computed from the batch's");
  if (std::find(shape.begin(), shape.end(), batch_length) == shape.end()) return g.integers(shape);
  Names parts;
  Dims known;
  const auto flush = [&] {
    if (!known.empty()) parts.push_back(g.integers(known));
    known = Dims();
  };
  for (const auto d : shape) {
    if (d != batch_length) {
      known.push_back(d);
      continue;
    }
    flush();
    parts.push_back(batch_);
  }
  flush();
  return parts.size() == 1 ? parts[0] : g.node("Concat", parts, {{"axis", std::int64_t{0}}});
}

void ExportCall::refuse(std::string_view what) const {
  raise<ValueError>("onnx::save: " + std::string(call_.op) + " at " + to_string(call_.location) +
                        " cannot be written in ONNX (opset 17)",
                    {}, what);
}

std::vector<ExportRows> all_export_rows() {
  return {elementwise_export_rows(), reduce_export_rows(), shape_export_rows(),
          index_export_rows(),       layer_export_rows(),  transform_export_rows()};
}

const ExportRow* find_export_row(std::string_view op) {
  for (const auto& rows : all_export_rows()) {
    for (const auto& row : rows) {
      if (row.op == op) return &row;
    }
  }
  return nullptr;
}

std::vector<std::string_view> exported_ops() {
  std::vector<std::string_view> all;
  for (const auto& rows : all_export_rows()) {
    for (const auto& row : rows) all.push_back(row.op);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace newtape::onnx::detail
