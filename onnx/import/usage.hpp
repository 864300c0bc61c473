// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/format/proto.hpp>
#include <newtape/onnx/import/plan.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace newtape::onnx::detail {

/// What an initialiser is for, by the nodes that use it: the last of these that any of them tells.
enum class Usage : std::uint8_t { setting, statistic, weight };

/// The usage of the names in a graph and in those within it.
class UsageOf {
 public:
  UsageOf(const format::GraphProto& graph, std::int64_t version) : version_(version) { visit(graph); }
  /// A setting when it is not used at all.
  Usage operator()(std::string_view name) const;

 private:
  void visit(const format::GraphProto& graph);
  void note(std::string_view name, Usage usage);

  std::int64_t version_;
  std::unordered_map<std::string_view, Usage> usage_;
};

/// Leaves of a graph what these values need, which become its outputs. ValueError when no node gives one of them.
void keep_part(format::GraphProto& graph, const std::vector<std::string>& outputs, const format::Origin& origin);

/// Sets `last` and `release` of the steps of a graph.
void find_last_uses(std::vector<Step>& steps, const std::vector<Ref>& outputs, std::int32_t slots);

/// Calls f(slot) for each use of a value of the graph `levels` further out by these steps, by the graphs in them, and by
/// `outputs`.
void visit_uses(const std::vector<Step>& steps, const std::vector<Ref>& outputs, std::int32_t levels,
                const std::function<void(std::int32_t)>& f);

}  // namespace newtape::onnx::detail
