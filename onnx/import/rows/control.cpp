// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

/// If, Loop and Scan: C++'s own control flow, so that derivatives follow the path that was taken.
namespace newtape::onnx::detail {
namespace {

bool truth(Call& c, const Value& v) {
  if (v.tensor().size() != 1) c.fail("a condition must be one bool", "1 element", describe(v));
  return v.tensor().item<bool>();
}

Results if_row(Call& c) { return c.run(c.graph(truth(c, c.value(0)) ? "then_branch" : "else_branch"), {}); }

/// What an iteration yields, joined along `axis` by `combine`.
struct ScanOutput {
  std::vector<Tensor> parts;
  ElementType type = ElementType::float32;

  void add(const Value& v) {
    parts.push_back(v.tensor());
    type = v.type();
  }
  Value stacked(Call& c, std::int64_t axis = 0, bool reversed = false) {
    if (parts.empty()) return c.as(zeros({0}, c.dtype_of(type)), type);
    if (reversed) std::reverse(parts.begin(), parts.end());
    return c.as(stack(parts, axis), type);
  }
};

Results loop(Call& c) {
  const GraphPlan& body = c.graph("body");
  const auto most = c.given(0) ? c.integer(0) : std::numeric_limits<std::int64_t>::max();
  bool go_on = !c.given(1) || truth(c, c.value(1));
  std::vector<Value> state(c.inputs().begin() + std::min<std::ptrdiff_t>(2, std::ssize(c.inputs())), c.inputs().end());
  if (body.outputs.size() < 1 + state.size()) c.fail("the body has too few outputs");
  std::vector<ScanOutput> scans(body.outputs.size() - 1 - state.size());
  for (std::int64_t i = 0; i < most && go_on; ++i) {
    std::vector<Value> inputs{Value(tensor(i, i64)), Value(tensor(true))};
    for (auto& s : state) inputs.push_back(std::move(s));
    auto outputs = c.run(body, std::move(inputs));
    go_on = outputs[0].is_none() || truth(c, outputs[0]);
    for (std::size_t k = 0; k < state.size(); ++k) state[k] = std::move(outputs[1 + k]);
    for (std::size_t k = 0; k < scans.size(); ++k) scans[k].add(outputs[1 + state.size() + k]);
  }
  for (auto& scan : scans) state.push_back(scan.stacked(c));
  return state;
}

/// The attributes of Scan, with their defaults.
struct ScanSettings {
  std::size_t scans = 0, states = 0, outputs = 0;
  Dims input_axes, output_axes, input_directions, output_directions;

  ScanSettings(Call& c, const GraphPlan& body, std::size_t inputs) {
    const auto n = c.integer("num_scan_inputs");
    if (n < 0 || static_cast<std::size_t>(n) > inputs) c.fail("num_scan_inputs is out of range");
    scans = static_cast<std::size_t>(n);
    states = inputs - scans;
    if (body.outputs.size() < states) c.fail("the body has too few outputs");
    outputs = body.outputs.size() - states;
    const auto read = [&](std::string_view name, std::size_t count) {
      Dims all = c.integers(name);
      if (all.empty()) all = Dims(count);
      if (all.size() != count) c.fail(std::string(name) + " has the wrong length");
      return all;
    };
    input_axes = read("scan_input_axes", scans);
    output_axes = read("scan_output_axes", outputs);
    input_directions = read(c.since() < 9 ? "directions" : "scan_input_directions", scans);
    output_directions = read("scan_output_directions", outputs);
  }
};

Results scan_over(Call& c, const GraphPlan& body, const ScanSettings& s, std::vector<Value> inputs) {
  std::vector<Value> state(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(s.states));
  std::vector<ScanOutput> outputs(s.outputs);
  std::int64_t steps = 0;
  for (std::size_t k = 0; k < s.scans; ++k) {
    const auto length = inputs[s.states + k].tensor().shape(s.input_axes[k]);
    if (k > 0 && length != steps)
      c.fail("the scan inputs differ in length", std::to_string(steps), std::to_string(length));
    steps = length;
  }
  for (std::int64_t t = 0; t < steps; ++t) {
    std::vector<Value> step = std::move(state);
    for (std::size_t k = 0; k < s.scans; ++k) {
      const Value& v = inputs[s.states + k];
      step.emplace_back(select(v.tensor(), s.input_axes[k], s.input_directions[k] == 0 ? t : steps - 1 - t), v.type());
    }
    auto results = c.run(body, std::move(step));
    state.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(s.states));
    for (std::size_t k = 0; k < s.outputs; ++k) outputs[k].add(results[s.states + k]);
  }
  for (std::size_t k = 0; k < s.outputs; ++k) {
    state.push_back(outputs[k].stacked(c, s.output_axes[k], s.output_directions[k] != 0));
  }
  return state;
}

Results scan(Call& c) {
  const GraphPlan& body = c.graph("body");
  if (c.since() >= 9) {
    const ScanSettings s(c, body, c.size());
    return scan_over(c, body, s, std::move(c.inputs()));
  }
  // Version 8: input 0 holds lengths of sequences; the others have a batch axis in front.
  const ScanSettings s(c, body, c.size() - 1);
  const Dims given = c.given(0) ? c.integers(0) : Dims();
  const auto batch = c.peek(1).shape(0);
  std::vector<ScanOutput> results(s.states + s.outputs);
  for (std::int64_t b = 0; b < batch; ++b) {
    std::vector<Value> inputs;
    for (std::size_t k = 1; k < c.size(); ++k) {
      Tensor x = select(c.peek(k), 0, b);
      if (k > s.states && !given.empty()) x = slice(std::move(x), 0, 0, given[static_cast<std::size_t>(b)]);
      inputs.emplace_back(std::move(x), c.type(k));
    }
    auto outputs = scan_over(c, body, s, std::move(inputs));
    for (std::size_t k = 0; k < outputs.size(); ++k) results[k].add(outputs[k]);
  }
  Results stacked;
  for (auto& r : results) stacked.push_back(r.stacked(c));
  return stacked;
}

constexpr Row control_table[] = {
    {"If", {1, 11, 13, 16, 19, 21}, if_row},
    {"Loop", {1, 11, 13, 16, 19, 21}, loop},
    {"Scan", {8, 9, 11, 16, 19, 21}, scan},
};

}  // namespace

Rows control_rows() { return control_table; }

}  // namespace newtape::onnx::detail
