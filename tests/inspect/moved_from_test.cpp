// SPDX-License-Identifier: BSD-3-Clause
// Every member of an object that was moved from throws a ValueError: classes with hidden members. Modules and parameters:
// nn/module/empty_handle_test.cpp.
#include "catch.hpp"
#include "temporary_directory.hpp"

#include <newtape/newtape.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace newtape {
namespace {

struct MovedFromUse {
  std::string name;
  std::function<void()> call;
};

/// Calls of members of `object`, which was moved from; the receiver works and is destroyed first.
template <class T>
void each_throws(const std::string& type, T object, const std::function<std::vector<MovedFromUse>(T& object)>& uses) {
  { const T receiver = std::move(object); }
  for (const auto& [name, call] : uses(object)) {
    INFO(type << "::" << name);
    CHECK_THROWS_AS(call(), ValueError);
  }
}

TEST_CASE("a moved-from object of inspect throws") {
  using namespace inspect;
  const TemporaryDirectory folder;
  const nn::Linear model(2, 1);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  const Tensor x = ones({3, 2});

  each_throws<Probe>("Probe", Probe(model, optimizer), [](Probe& p) {
    return std::vector<MovedFromUse>{
        {"steps", [&] { p.steps(); }},
        {"parameters", [&] { p.parameters(); }},
        {"results", [&] { p.results(); }},
        {"losses", [&] { p.losses(); }},
        {"step_records", [&] { p.step_records(); }},
        {"options", [&] { p.options(); }},
        {"on_backward", [&] { p.on_backward({}); }},
        {"on_step", [&] { p.on_step({}); }},
    };
  });
  each_throws<Watch>("Watch", watch(model, optimizer, {.print = false}), [&](Watch& w) {
    return std::vector<MovedFromUse>{
        {"keep", [&] { w.keep(x, x); }}, {"report", [&] { w.report(); }}, {"probe", [&] { w.probe(); }}};
  });
  each_throws<Report>("Report", Report(folder / "report.html"), [](Report& r) {
    return std::vector<MovedFromUse>{
        {"add_scalar", [&] { r.add_scalar("loss", 1, 1); }},
        {"add_text", [&] { r.add_text("name", "text"); }},
        {"add_heat_map",
         [&] {
           r.add_heat_map("name", ones({2, 2}));
         }},
        {"write", [&] { r.write(); }},
        {"finish", [&] { r.finish(); }},
        {"path", [&] { r.path(); }},
    };
  });
  each_throws<TensorBoardWriter>("TensorBoardWriter", TensorBoardWriter(folder / "board"), [](TensorBoardWriter& b) {
    return std::vector<MovedFromUse>{
        {"add_scalar", [&] { b.add_scalar("loss", 1, 1); }},
        {"add_text", [&] { b.add_text("name", "text", 1); }},
        {"add_histogram", [&] { b.add_histogram("name", ones({2}), 1); }},
        {"flush", [&] { b.flush(); }},
        {"path", [&] { b.path(); }},
    };
  });
  each_throws<ConditioningTracker>("ConditioningTracker", ConditioningTracker(), [](ConditioningTracker& t) {
    return std::vector<MovedFromUse>{
        {"attach", [&] { t.attach(optim::damped_newton()); }},
        {"record", [&] { t.record("a", LinearOperator(core::eye(2, f64))); }},
        {"records", [&] { t.records(); }},
        {"records of a name", [&] { t.records("a"); }},
        {"clear", [&] { t.clear(); }},
    };
  });
  each_throws<LinearOperator>("LinearOperator", LinearOperator(core::eye(2, f64)), [](LinearOperator& a) {
    return std::vector<MovedFromUse>{
        {"operator()", [&] { a(core::ones({2}, f64)); }},
        {"adjoint", [&] { a.adjoint(core::ones({2}, f64)); }},
        {"matrix", [&] { a.matrix(); }},
    };
  });
  each_throws<LossSurface>("LossSurface", LossSurface(model, [&] { return sum(model(x)); }), [](LossSurface& s) {
    return std::vector<MovedFromUse>{
        {"loss", [&] { s.loss(); }},
        {"loss_and_gradient", [&] { s.loss_and_gradient(); }},
        {"dtype", [&] { s.dtype(); }},
    };
  });
}

template <class O>
void moved_optimizer_throws(const std::string& type, O optimizer) {
  const Tensor loss = sum(variable(ones({2})));
  each_throws<O>(type, std::move(optimizer), [&](O& o) {
    return std::vector<MovedFromUse>{{"step", [&] { o.step([&] { return loss; }); }}};
  });
}

TEST_CASE("a moved-from optimizer throws") {
  const nn::Linear model(2, 1);
  moved_optimizer_throws("SGD", optim::SGD(model.parameters(), {.lr = 0.1}));
  moved_optimizer_throws("Adam", optim::Adam(model.parameters()));
  moved_optimizer_throws("SecondOrder", optim::SecondOrder(model.parameters(), optim::damped_newton()));
}

}  // namespace
}  // namespace newtape
