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
#include <newtape/core/runtime/tick_clock.hpp>
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

TEST_CASE("ticks run with the steady clock, also over short times") {
  const auto wait = [](std::int64_t nanoseconds) {
    const auto start = newtape::detail::steady_nanoseconds();
    while (newtape::detail::steady_nanoseconds() - start < nanoseconds) {
    }
  };
  const newtape::detail::TickScale scale;
  double last = 0;
  for (const std::int64_t time : {0, 100'000, 2'000'000, 20'000'000}) {
    const auto start = newtape::detail::ticks();
    const auto from = newtape::detail::steady_nanoseconds();
    wait(time);
    const auto to = newtape::detail::steady_nanoseconds();
    const auto end = newtape::detail::ticks();
    CHECK(end >= start);
    last = scale.seconds_per_tick();
    // Ticks enclose the steady clock's readings; the scale is right to a few readings of the clock, of 1 ms at least.
    // An interruption between two readings can only make the enclosing interval longer.
    CHECK(static_cast<double>(end - start) * last >= 1e-9 * static_cast<double>(to - from) * (1 - 1e-2));
  }
  CHECK(last > 0);
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
  // The fields of complete events ("Trace Event Format", Google): name, categories, "X", process and thread, and times
  // in microseconds.
  CHECK(trace.at("displayTimeUnit") == "ns");
  CHECK(events[0].at("ph") == "M");
  CHECK(events[0].at("args").at("name") == "newtape");
  const double whole = 1e6 * profiler.seconds();
  std::vector<double> ends;  // of the open events, as a viewer nests them
  double before = 0;
  double inside_of_layers = 0;
  for (std::size_t i = 1; i < events.size(); ++i) {
    const auto& e = events[i];
    INFO(e.dump());
    CHECK(e.at("ph") == "X");
    CHECK(e.at("pid") == 1);
    CHECK(e.at("tid") == 1);
    CHECK(e.at("cat").is_string());
    const double ts = e.at("ts");
    const double dur = e.at("dur");
    CHECK(ts >= before);
    CHECK(dur >= 0);
    CHECK(ts + dur <= whole + 0.001);  // rounded to a nanosecond
    before = ts;
    // Sums of decimal fractions of this size are right to 1e-9 microseconds.
    while (!ends.empty() && ends.back() <= ts + 1e-6) ends.pop_back();
    if (!ends.empty()) CHECK(ts + dur <= ends.back() + 1e-6);
    if (e.at("cat") == "forward" && e.at("args").at("layer") != "-") inside_of_layers += ends.empty() ? 0 : 1;
    ends.push_back(ts + dur);
  }
  CHECK(inside_of_layers > 0);
  const auto linear =
      std::find_if(events.begin(), events.end(), [](const auto& e) { return e.at("name") == "linear"; });
  REQUIRE(linear != events.end());
  CHECK(linear->at("cat") == "forward");
  CHECK(linear->at("args").at("layer") == "0");
  CHECK(linear->at("args").at("multiply_adds") == 4 * 8 * 8);
  CHECK_THAT(linear->at("args").at("at").template get<std::string>(), contains("profiler_test.cpp:"));
  CHECK(trace.at("otherData").at("events left out") != "0");
  CHECK_THROWS_AS(profiler.write_trace("/no/such/folder/trace.json"), IoError);
}
