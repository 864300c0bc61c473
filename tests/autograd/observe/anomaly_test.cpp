// SPDX-License-Identifier: BSD-3-Clause
// Detection of the first NaN or infinity, and of the operation that produced it.
#include "catch.hpp"

#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace newtape;

namespace {
std::string numerical_error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const NumericalError& e) {
    return e.what();
  }
  return "";
}
const std::string here = "anomaly_test.cpp:";

static const Op bad_op{"test.bad_pullback"};
Tensor bad(In x) {
  return bad_op(x.value(), wrt(x, [](const Tensor& g) { return g * std::numeric_limits<double>::quiet_NaN(); }));
}
}  // namespace

TEST_CASE("anomaly: the operation with the first NaN or infinity is named, with its line and entry") {
  const auto x = variable(tensor({{1, 2}, {3, 0}}, f64));
  const DetectAnomaly scope;
  const auto line = std::to_string(__LINE__ + 1);
  const auto text = numerical_error_of([&] { exp(sum(log(x))); });
  CHECK_THAT(text, contains("log, recorded at " + here + line) && contains("-infinity at [1, 1] of f64 [2, 2]"));
  CHECK_THAT(numerical_error_of([&] { sqrt(x - 2.0); }), contains("the result of sqrt") && contains("NaN at [0, 0]"));
  CHECK_THAT(numerical_error_of([&] { x / (x - 3.0); }),
             contains("the result of div") && contains("infinity at [1, 0]"));
  CHECK(numerical_error_of([&] { exp(x); }).empty());
}

TEST_CASE("anomaly: the ranges of the operands are named, of temporaries too") {
  const auto x = variable(tensor({{1, 2}, {3, 0}}, f64));
  const double infinity = std::numeric_limits<double>::infinity();
  const auto masked = tensor({{-infinity, 2}, {3, 0}}, f64);
  struct Case {
    const char* op;
    std::function<void()> run;
    std::vector<std::string> operands;
  };
  const Case cases[] = {
      {"log", [&] { log(x); }, {"f64 [2, 2] in [0, 3]"}},
      {"div", [&] { x / (x - 3.0); }, {"f64 [2, 2] in [0, 3]", "f64 [2, 2] in [-3, 0]"}},
      {"sqrt", [&] { sqrt(x - 2.0); }, {"f64 [2, 2] in [-2, 1]"}},
      {"sqrt",
       [&] {
         sqrt(tensor({-4.0, 9.0}, f64) + 1.0);
       },
       {"f64 [2] in [-3, 10]"}},
      {"div", [&] { 1.0 / x; }, {"f64 [] in [1, 1]", "f64 [2, 2] in [0, 3]"}},
      {"add", [&] { x + masked; }, {"f64 [2, 2] in [0, 3]", "f64 [2, 2] in [0, 3], 1 not finite"}},
      {"concatenate",
       [&] {
         const Tensor both[] = {x, masked};
         concatenate(both, 0);
       },
       {"f64 [2, 2] in [0, 3]", "f64 [2, 2] in [0, 3], 1 not finite"}},
      {"layer_norm",
       [&] {
         layer_norm(x, {2}, tensor({1, 1e308}, f64), tensor({0, 1.7e308}, f64));
       },
       {"f64 [2, 1, 2, 1] in [0, 3]", "f64 [1, 2, 1] in [1, 1e+308]", "f64 [1, 2, 1] in [0, 1.7e+308]"}},
  };
  for (const auto& c : cases) {
    const DetectAnomaly scope;
    const auto text = numerical_error_of(c.run);
    INFO(text);
    CHECK(text.find(std::string("result of ") + c.op) != std::string::npos);
    for (std::size_t i = 0; i < c.operands.size(); ++i) {
      CHECK(text.find("\n  operand " + std::to_string(i) + ": " + c.operands[i]) != std::string::npos);
    }
  }
  const DetectAnomaly scope;
  const auto small = variable(tensor({0.0, 4.0}, f64));
  CHECK_THAT(numerical_error_of([&] {
               sum(sqrt(small) * tensor({2.0, 5.0}, f64)).backward();
             }),
             contains("the pullback of sqrt") && contains("\n  cotangent: f64 [2] in [2, 5]"));
}

TEST_CASE("anomaly: in a sweep, the pullback is named, and the line where its operation was recorded") {
  const auto x = variable(tensor({1, 0, 4}, f64));
  const DetectAnomaly scope;
  const auto line = std::to_string(__LINE__ + 1);
  const Tensor y = sum(sqrt(x) * 2.0);
  for (const bool create_graph : {true, false}) {
    CHECK_THAT(numerical_error_of([&] { y.backward({.create_graph = create_graph}); }),
               contains("the pullback of sqrt, recorded at " + here + line) && contains("infinity at [1] of f64 [3]"));
  }
  CHECK_FALSE(x.grad().defined());
  CHECK_THAT(numerical_error_of([&] { sum(bad(tanh(x))).backward(); }), contains("the pullback of test.bad_pullback"));
  const Tensor z = x * 2.0;
  CHECK_THAT(numerical_error_of([&] {
               z.backward({.gradient = tensor({1, 2, std::numeric_limits<double>::infinity()}, f64)});
             }),
             contains("the cotangent for mul"));
}

TEST_CASE("anomaly: also in derivatives of gradients") {
  const auto x = variable(tensor({1, 0}, f64));
  const Tensor g = grad(sum(pow(x, 1.5)), x, {.create_graph = true});
  const DetectAnomaly scope;
  CHECK_THAT(numerical_error_of([&] { sum(g).backward(); }), contains("the pullback of pow"));
}

TEST_CASE("anomaly: infinities may be allowed") {
  const auto x = variable(tensor({1, 0}, f64));
  const DetectAnomaly all;
  {
    const DetectAnomaly scope({.infinity = false});
    const Tensor y = log(x);
    CHECK_THAT(numerical_error_of([&] { y - y; }), contains("the result of sub") && contains("NaN at [1]"));
  }
  CHECK_THAT(numerical_error_of([&] { log(x); }), contains("-infinity"));
}

TEST_CASE("anomaly: no checks outside the scope, or in another thread") {
  const auto x = variable(tensor({0.0}, f64));
  { const DetectAnomaly scope; }
  CHECK(numerical_error_of([&] { sum(log(x)).backward(); }).empty());
  const DetectAnomaly scope;
  std::string other = "not run";
  std::thread([&] { other = numerical_error_of([&] { log(x); }); }).join();
  CHECK(other.empty());
}
