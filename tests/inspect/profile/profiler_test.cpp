// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/parametrize.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace newtape;

namespace {

inspect::ProfileEntry entry_named(const std::vector<inspect::ProfileEntry>& entries, const std::string& name) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == name; });
  return at == entries.end() ? inspect::ProfileEntry{} : *at;
}

/// Counts what it sees.
struct CountingObserver : OpObserver {
  void on_op(const Op&, SourceLocation, const Array&) noexcept override { ++ops; }
  void on_pullback_begin(const Op&, SourceLocation) noexcept override { ++begins; }
  void on_pullback_end(const Op&, SourceLocation) noexcept override { ++ends; }
  int ops = 0, begins = 0, ends = 0;
};

}  // namespace

TEST_CASE("an observer sees operations and pullbacks, innermost only, beside anomaly checks") {
  const Tensor x = variable(normal({4}, 1));
  CountingObserver outer;
  sum(exp(x) * 2.0).backward();
  CHECK(outer.ops == 3);
  CHECK(outer.begins == 3);
  CHECK(outer.ends == 3);
  {
    CountingObserver inner;
    CHECK(OpObserver::current() == &inner);
    const DetectAnomaly checks;
    exp(x);
    CHECK(inner.ops == 1);
    CHECK_THROWS_AS(log(x * 0.0 - 1.0), NumericalError);
  }
  CHECK(OpObserver::current() == &outer);
  CHECK(outer.ops == 3);
  // NaN is no error with an observer alone.
  log(x * 0.0 - 1.0);
  CHECK(outer.ops == 6);
  auto first = std::make_unique<CountingObserver>();
  auto second = std::make_unique<CountingObserver>();
  first.reset();
  exp(x);
  CHECK(second->ops == 1);
  second.reset();
  CHECK(OpObserver::current() == &outer);
}

TEST_CASE("profiler: calls, bytes and multiply-adds by operation and layer") {
  const nn::Sequential model(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 8));
  const Tensor x = normal({16, 32}, 1, f32);
  inspect::Profiler profiler(model);
  for (int i = 0; i < 3; ++i) sum(square(model(x))).backward();
  profiler.stop();
  sum(square(model(x))).backward();  // not counted

  const auto ops = profiler.by_op();
  CHECK(entry_named(ops, "linear").calls == 6);
  CHECK(entry_named(ops, "tanh").calls == 3);
  CHECK(entry_named(ops, "sum").calls == 3);
  CHECK(entry_named(ops, "tanh").backward_seconds > 0);
  // The forward pass, the weights' gradients, and that of the second layer's input.
  CHECK(entry_named(ops, "linear").multiply_adds == 3 * 16 * (2 * 32 * 64 + 3 * 64 * 8));
  CHECK(entry_named(ops, "linear").bytes >= 3 * 16 * (64 + 8) * 4);

  const auto layers = profiler.by_layer();
  CHECK(entry_named(layers, "0").calls == 3);
  CHECK(entry_named(layers, "0").multiply_adds == 3 * 16 * 2 * 32 * 64);
  CHECK(entry_named(layers, "2").multiply_adds == 3 * 16 * 3 * 64 * 8);
  CHECK(entry_named(layers, "1").backward_seconds > 0);
  // square and sum, and the additions of the later gradients to those of the four parameters
  CHECK(entry_named(layers, "-").calls == 6 + 2 * 4);
  double by_op = 0;
  double by_layer = 0;
  for (const auto& e : ops) by_op += e.seconds + e.backward_seconds;
  for (const auto& e : layers) by_layer += e.seconds + e.backward_seconds;
  CHECK(by_op == Approx(by_layer));
  CHECK(by_op <= profiler.seconds());
  CHECK_THAT(profiler.to_string(), contains("linear") && contains("layer") && contains("share"));
}

TEST_CASE("profiler: an exception in a layer, parametrised layers, and an ended profiler with a living graph") {
  struct Failing : nn::Module<Failing> {
    nn::Linear inner = add("inner", nn::Linear(3, 3));
    Tensor forward(const Tensor& a) const {
      const Tensor y = inner(a);
      if (y.shape(0) == 1) throw std::runtime_error("one row");
      return y;
    }
  };
  const Failing model;
  Tensor y;
  {
    inspect::Profiler profiler(model);
    CHECK_THROWS_AS(model(ones({1, 3})), std::runtime_error);
    y = model(ones({2, 3}));
    profiler.stop();
    const auto layers = profiler.by_layer();
    CHECK(entry_named(layers, "inner").calls == 2);
    CHECK(entry_named(layers, "-").calls == 0);
  }
  sum(y).backward();
  CHECK(model.inner.weight.grad().defined());

  const nn::Sequential normed(nn::parametrize::weight_norm(nn::Linear(3, 3)));
  inspect::Profiler profiler(normed);
  sum(normed(ones({2, 3}))).backward();
  profiler.stop();
  CHECK(entry_named(profiler.by_op(), "linear").calls == 1);
}

TEST_CASE("profiler: the trace is valid JSON, its events are nested and in the measured time") {
  const nn::Sequential model(nn::Linear(8, 8), nn::Sequential(nn::ReLU()));
  inspect::Profiler profiler(model, {.max_events = 9});
  {
    const auto range = profiler.range("load <\"data\">");
    CHECK(ones({100}).defined());
  }
  sum(model(ones({4, 8}))).backward();
  sum(model(ones({4, 8}))).backward();
  profiler.stop();
  const std::string path = (std::filesystem::temp_directory_path() / "newtape_trace.json").string();
  profiler.write_trace(path);
  std::ifstream in(path);
  const auto trace = nlohmann::json::parse(in);
  std::filesystem::remove(path);
  const auto& events = trace.at("traceEvents");
  REQUIRE(events.size() == 1 + 9);
  CHECK(events[1].at("name") == "load <\"data\">");
  double whole = 1e6 * profiler.seconds();
  struct Span {
    double from, to;
  };
  std::vector<Span> spans;
  for (std::size_t i = 1; i < events.size(); ++i) {
    const double ts = events[i].at("ts");
    const double dur = events[i].at("dur");
    CHECK(ts >= 0);
    CHECK(ts + dur <= whole + 0.001);  // written to a nanosecond
    spans.push_back({ts, ts + dur});
  }
  for (const auto& a : spans) {
    for (const auto& b : spans) {
      const bool apart = a.to <= b.from + 0.0015 || b.to <= a.from + 0.0015;
      const bool inside =
          (a.from >= b.from - 0.0015 && a.to <= b.to + 0.0015) || (b.from >= a.from - 0.0015 && b.to <= a.to + 0.0015);
      CHECK((apart || inside));
    }
  }
  CHECK(events[2].at("cat") == "forward");
  CHECK(events[2].at("args").at("layer") == "0");
  CHECK(events[2].at("args").at("multiply_adds") == 4 * 8 * 8);
  CHECK_THAT(events[2].at("args").at("at").get<std::string>(), contains("profiler_test.cpp:"));
  CHECK(trace.at("otherData").at("events left out") != "0");
  CHECK_THROWS_AS(profiler.write_trace("/no/such/folder/trace.json"), IoError);
}
