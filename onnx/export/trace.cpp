// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/source_location.hpp>
#include <newtape/onnx/export/trace.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace newtape::onnx::detail {
namespace {

class Recorder final : public OpTracer {
 public:
  void on_call(OpCall call) override { calls.push_back(std::move(call)); }
  std::vector<OpCall> calls;
};

}  // namespace

ArrayKey key_of(const Tensor& x) {
  const Array& a = x.value();
  return {a.raw(), a.dtype(), {a.shape().begin(), a.shape().end()}, {a.strides().begin(), a.strides().end()}};
}

Trace trace(const Program& program, std::vector<Tensor> inputs) {
  const NoGrad off;
  Trace t;
  t.inputs = std::move(inputs);
  Recorder recorder;
  const UserCode lines_of_the_program;
  t.outputs = program(t.inputs);
  t.calls = std::move(recorder.calls);
  return t;
}

void drop_unused(Trace& t) {
  std::set<ArrayKey> needed;
  for (const auto& y : t.outputs) needed.insert(key_of(y));
  std::vector<OpCall> used;
  for (auto call = t.calls.rbegin(); call != t.calls.rend(); ++call) {
    const bool any = std::any_of(call->results.begin(), call->results.end(),
                                 [&](const Tensor& y) { return y.defined() && needed.count(key_of(y)) == 1; });
    if (!any) continue;
    for (const auto& x : call->operands) {
      if (x.defined()) needed.insert(key_of(x));
    }
    used.push_back(std::move(*call));
  }
  std::reverse(used.begin(), used.end());
  t.calls = std::move(used);
}

}  // namespace newtape::onnx::detail
