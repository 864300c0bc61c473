// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>
#include <newtape/onnx/format/mapped_file.hpp>
#include <newtape/onnx/format/proto.hpp>
#include <newtape/onnx/import/model.hpp>
#include <newtape/onnx/import/table.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// A model as it is run: names are resolved to places, operators to rows, and constants are computed.
namespace newtape::onnx::detail {

/// Where a value is.
struct Ref {
  enum class Kind : std::uint8_t { absent, local, constant, weight, statistic, prepared };
  Kind kind = Kind::absent;
  std::int32_t up = 0;  ///< of a local one: how many graphs further out
  std::int32_t index = 0;
};

/// Whether it is not computed by a graph.
inline bool is_static(const Ref& ref) { return ref.kind != Ref::Kind::local && ref.kind != Ref::Kind::absent; }

struct GraphPlan;

struct FusedGroup;

struct Step {
  const format::NodeProto* node = nullptr;
  const Row* row = nullptr;  ///< null for a function, and where the operator is not supported
  std::int64_t version = 0;  ///< of the operators, as imported
  std::vector<Ref> inputs;
  std::vector<bool> last;             ///< whether an input's value is not used again
  std::vector<std::int32_t> outputs;  ///< slots; -1: not wanted
  std::vector<std::int32_t> release;  ///< slots whose values are not used after this step
  std::vector<std::pair<std::string_view, std::shared_ptr<GraphPlan>>> graphs;  ///< attributes
  std::shared_ptr<GraphPlan> function;  ///< or, beside a row, the members of a group of elementwise operators
  std::shared_ptr<FusedGroup> fused;    ///< of such a group
};

struct GraphPlan {
  std::vector<Step> steps;
  std::int32_t slots = 0;
  std::vector<std::int32_t> inputs;                    ///< slots
  std::vector<std::pair<std::int32_t, Ref>> defaults;  ///< initialisers that an input replaces
  std::vector<Ref> outputs;
  std::vector<std::pair<std::string_view, Ref>> names;  ///< for Gradient, which names values
  /// The same for evaluation without gradients, in fewer steps: see join.hpp.
  std::vector<Step> joined_steps;
  std::vector<Ref> joined_outputs;
};

struct Plan {
  std::string path;
  std::shared_ptr<const format::MappedFile> file;
  format::Origin origin;
  format::ModelProto proto;
  std::deque<format::NodeProto> nodes;  ///< of functions, with the attributes of their calls, and of joined steps
  GraphPlan graph;
  std::vector<Value> constants;
  std::vector<std::pair<std::string, Value>> weights, statistics;  ///< initial values by name
  /// Steps that only depend on weights, statistics and constants; their outputs are numbers of prepared values.
  std::vector<Step> preparations;
  std::vector<std::int32_t> prepared_by;  ///< the preparation that gives each prepared value
  std::shared_ptr<const std::vector<Port>> inputs, outputs;
  std::vector<UnsupportedOperator> unsupported;
  std::int64_t opset = 0;
};

/// Reads and prepares a model. `folder` is that of external data, empty for none.
std::shared_ptr<Plan> make_plan(std::string who, std::shared_ptr<const format::MappedFile> file,
                                const std::string& folder, const LoadOptions& options);

/// "node 'conv1' (Conv, version 11, byte 1234)"
std::string describe_node(const format::NodeProto& node, std::int64_t version);

}  // namespace newtape::onnx::detail
