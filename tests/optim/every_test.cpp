// SPDX-License-Identifier: BSD-3-Clause
// Properties of every optimizer: one driver for each, over the table.
#include "bounds.hpp"
#include "catch.hpp"
#include "optim/table.hpp"
#include "test_files.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/hessian_diagonal.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <regex>
#include <set>

namespace nt = newtape;
namespace optim = newtape::optim;
using optim::table::Needs;
using optim::table::Problem;
using optim::table::reference;
using optim::table::Row;
using optim::table::rows;
using optim::table::train;

namespace {

/// The optimizers in the headers of optim/: classes that derive from Optimizer or OptimizerOf, in one or more steps.
std::set<std::string> declared() {
  std::map<std::string, std::string> base_of;
  const std::regex derived(R"(^(?:class|struct) (\w+)(?: final)? : (?:public )?(\w+).*)");
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(test_files()) / "../../optim")) {
    if (file.path().extension() != ".hpp") continue;
    std::ifstream text(file.path());
    std::smatch match;
    for (std::string line; std::getline(text, line);) {
      if (std::regex_match(line, match, derived)) base_of[match[1]] = match[2];
    }
  }
  std::set<std::string> optimizers;
  for (const auto& [name, base] : base_of) {
    std::string root = base;
    while (root != "OptimizerOf" && base_of.count(root) == 1) root = base_of[root];
    if (root == "OptimizerOf" || (root == "Optimizer" && name != "OptimizerOf")) optimizers.insert(name);
  }
  return optimizers;
}

/// The elements of `a` that are not in `b`.
std::string missing(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::string list;
  for (const auto& name : a) {
    if (b.count(name) == 0) list += (list.empty() ? "" : ", ") + name;
  }
  return list;
}

void check_identical(const optim::StateDict& a, const optim::StateDict& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    CHECK(identical(a[i].second, b[i].second));
  }
}

nt::Array as_f64(const nt::Array& x) { return nt::core::cast(x, nt::f64); }

/// The numbers of an f32 problem in f64.
Problem in_f64(const Problem& single, const Row& row) {
  Problem p("f64", row);
  p.x = nt::Tensor(as_f64(single.x.value()));
  p.y = nt::Tensor(as_f64(single.y.value()));
  p.c = nt::Tensor(as_f64(single.c.value()));
  p.a.set_value(as_f64(single.a.value()));
  p.b.set_value(as_f64(single.b.value()));
  return p;
}

/// The largest difference of the parameters of two problems.
double apart(const Problem& p, const Problem& q) {
  return std::max(distance(as_f64(p.a.value()), as_f64(q.a.value())),
                  distance(as_f64(p.b.value()), as_f64(q.b.value())));
}

/// The roundings that one number goes through in a step: sums over the samples and the features, there and back, and
/// some 30 in an update.
double roundings(const Problem& p) { return 2.0 * static_cast<double>(p.x.shape()[0] + p.x.shape()[1]) + 30; }

/// How far these steps carry relative errors of 1 that all numbers of the problem get before each step, linearised: what
/// the roundings of a step do is what errors of its data do (backward stability). Measured in f64 on random small errors.
double amplification(const Row& row, const Problem& reached, int steps) {
  const double h = 1e-7;
  nt::Generator random(17);
  const auto disturbed = [&](const nt::Tensor& t) {
    const nt::Tensor noise(nt::random::uniform(t.shape(), -h, h, nt::f64, random));
    return nt::Tensor((t * (1 + noise)).value());
  };
  double most = 0;
  for (int trial = 0; trial < 16; ++trial) {
    const Problem start = in_f64(Problem("f32", row), row);
    Problem p = in_f64(Problem("f32", row), row);
    const auto optimizer = row.make({p.a, p.b});
    for (int i = 0; i < steps; ++i) {
      p.x = disturbed(start.x), p.y = disturbed(start.y), p.c = disturbed(start.c);
      p.a.set_value(disturbed(p.a.tensor()).value());
      p.b.set_value(disturbed(p.b.tensor()).value());
      train(row, *optimizer, p, 1);
    }
    most = std::max(most, apart(p, reached));
  }
  return most / h;
}

}  // namespace

TEST_CASE("every optimizer in the headers has a row, and every row an optimizer in the headers") {
  std::set<std::string> covered, names;
  for (const auto& row : rows()) {
    covered.insert(optim::table::type_of(row));
    INFO(row.name << " occurs twice");
    CHECK(names.insert(row.name).second);
  }
  INFO("without a row in tests/optim/table.cpp: " << missing(declared(), covered));
  INFO("not in the headers of optim/: " << missing(covered, declared()));
  CHECK(missing(declared(), covered).empty());
  CHECK(missing(covered, declared()).empty());
  CHECK(declared().size() >= 33);
}

TEST_CASE("five steps of every optimizer agree with PyTorch's") {
  for (const auto& [dtype, tolerance] : {std::pair("f64", 1e-13), std::pair("f32", 2e-6)}) {
    for (const auto& row : rows()) {
      if (!row.in_torch) continue;
      const Problem p(dtype, row);
      const auto o = row.make({p.a, p.b});
      for (int step = 0; step < 5; ++step) {
        train(row, *o, p, 1);
        const auto at = std::string(dtype) + "/" + row.name + "/" + std::to_string(step) + "/";
        INFO(at);
        CHECK(distance(p.a.value(), reference()(at + "a")) < tolerance);
        CHECK(distance(p.b.value(), reference()(at + "b")) < tolerance);
      }
    }
  }
}

TEST_CASE("every optimizer resumes from a state dict bit for bit") {
  for (const auto& row : rows()) {
    for (const char* dtype : {"f32", "f64"}) {
      INFO(row.name << " " << dtype);
      const Problem whole(dtype, row);
      const auto first = row.make({whole.a, whole.b});
      train(row, *first, whole, 3);
      const auto state = first->state_dict("optimizer.");

      const Problem resumed(dtype, row);
      resumed.a.set_value(whole.a.value());
      resumed.b.set_value(whole.b.value());
      const auto second = row.make({resumed.a, resumed.b});
      second->set_lr(0.9);  // the state restores the learning rate
      second->load_state_dict(state, {.prefix = "optimizer."});
      train(row, *first, whole, 4);
      train(row, *second, resumed, 4);
      CHECK(identical(whole.a.value(), resumed.a.value()));
      CHECK(identical(whole.b.value(), resumed.b.value()));

      // Later steps did not change the saved state.
      const Problem again(dtype, row);
      const auto third = row.make({again.a, again.b});
      train(row, *third, again, 3);
      check_identical(state, third->state_dict("optimizer."));
    }
  }
}

TEST_CASE("every optimizer gives the same in f32 as in f64") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem single("f32", row);
    const Problem exact = in_f64(single, row);
    const int steps = row.converges ? 20 : 5;
    train(row, *row.make({single.a, single.b}), single, steps);
    train(row, *row.make({exact.a, exact.b}), exact, steps);
    if (row.converges) {
      // A line search in f32 does not tell apart values within 16 eps |value|, the noise that it assumes.
      const Problem reached = in_f64(single, row);
      const double minimum = exact.loss().item();
      const double above = reached.loss().item() - minimum;
      CHECK(above <= 16 * static_cast<double>(std::numeric_limits<float>::epsilon()) * minimum);
      CHECK(above >= -bounds::gamma(100, nt::f64) * minimum);
    } else {
      const double bound = bounds::gamma(roundings(exact), nt::f32) * amplification(row, exact, steps);
      const double found = apart(single, exact);
      INFO("distance " << found << ", bound " << bound);
      CHECK(found <= bound);
      CHECK(bound < 1e-2);
    }
    CHECK_FALSE(identical(single.a.value(), reference()("f32/a")));
  }
}

TEST_CASE("every optimizer skips frozen parameters") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p("f64", row);
    const Problem alone("f64", row);
    const nt::Parameter frozen(nt::ones({2, 3}, nt::f64));
    frozen.requires_grad(false);
    const auto o = row.make({p.a, frozen, p.b});
    const auto other = row.make({alone.a, alone.b});
    train(row, *o, p, 3);
    train(row, *other, alone, 3);
    CHECK(identical(frozen.value(), nt::ones({2, 3}, nt::f64).value()));
    CHECK(identical(p.a.value(), alone.a.value()));
    CHECK(identical(p.b.value(), alone.b.value()));
    for (const auto& [name, value] : o->state_dict()) CHECK(name.rfind("state.1", 0) != 0);
  }
}

TEST_CASE("optimizers that need no closure skip parameters without a gradient") {
  for (const auto& row : rows()) {
    if (!row.from_loss()) continue;
    INFO(row.name);
    const Problem p("f64", row);
    const Problem alone("f64", row);
    const nt::Parameter unused(nt::ones({2, 2}, nt::f64));
    const auto o = row.make({unused, p.a, p.b});
    const auto other = row.make({alone.a, alone.b});
    train(row, *o, p, 3);
    train(row, *other, alone, 3);
    CHECK(identical(unused.value(), nt::ones({2, 2}, nt::f64).value()));
    CHECK(identical(p.a.value(), alone.a.value()));
    CHECK(identical(p.b.value(), alone.b.value()));
    for (const auto& [name, value] : o->state_dict()) CHECK(name.rfind("state.0", 0) != 0);
    // No parameter to update.
    o->zero_grad();
    const nt::Array before = nt::core::copy(p.a.value());
    if (row.needs == Needs::gradients) o->step();
    CHECK(identical(p.a.value(), before));
  }
}

TEST_CASE("optimizers that need no closure take gradients of zeros, and parameters without elements") {
  for (const auto& row : rows()) {
    if (!row.from_loss()) continue;
    INFO(row.name);
    const nt::Parameter flat(nt::ones({3, 2}));
    const nt::Parameter none(nt::zeros({0, 3}));
    const nt::Parameter nowhere(nt::zeros({2, 0, 3}));
    const nt::Parameter nothing(row.matrices ? nt::zeros({0, 0}) : nt::zeros({0}));
    const auto params = std::vector{flat, none, nowhere, nothing};
    const auto o = row.make(params);
    const auto loss = [&] {
      nt::Tensor sum = nt::sum(0.0 * flat * flat);
      for (std::size_t i = 1; i < params.size(); ++i) sum = sum + nt::sum(params[i] * params[i]);
      return sum;
    };
    for (int i = 0; i < 3; ++i) o->step(loss);
    CHECK(nt::all(nt::isfinite(flat)).item<bool>());
    CHECK(none.shape() == nt::Shape{0, 3});
    CHECK(nowhere.shape() == nt::Shape{2, 0, 3});
    const auto state = o->state_dict();
    for (const auto& [name, value] : state) CHECK(nt::all(nt::isfinite(nt::Tensor(value))).item<bool>());
    const auto other = row.make(params);
    other->load_state_dict(state);
    check_identical(state, other->state_dict());
    o->step(loss);
  }
}

TEST_CASE("every optimizer of a loss takes scalars and kernels, and lowers it") {
  for (const auto& row : rows()) {
    if (row.needs == Needs::outputs || row.needs == Needs::residuals) continue;
    INFO(row.name);
    Problem p("f64", row);
    const nt::Parameter s(row.matrices ? nt::full({1, 1}, 0.5, nt::f64) : nt::tensor(0.5, nt::f64));
    p.c = nt::abs(p.c);
    const nt::Tensor weights = nt::reshape(nt::arange(24, nt::f64) / 12.0 + 0.5, {2, 3, 2, 2});
    const nt::Parameter kernel(0.1 * weights - 0.2);
    const auto o = row.make({p.a, p.b, s, kernel});
    const auto loss = [&] { return p.loss() + nt::sum(nt::square(s)) + nt::sum(weights * kernel * kernel); };
    const double first = loss().item();
    for (int i = 0; i < 30; ++i) o->step(loss);
    CHECK(loss().item() < first);
    CHECK(std::abs(s.value().item()) < 0.5);
  }
}

TEST_CASE("gradients of several parts of a batch add up to those of the whole") {
  for (const auto& row : rows()) {
    if (row.needs != Needs::gradients) continue;
    INFO(row.name);
    const Problem whole("f64", row);
    const Problem parts("f64", row);
    const auto one = row.make({whole.a, whole.b});
    const auto other = row.make({parts.a, parts.b});
    for (int step = 0; step < 3; ++step) {
      one->zero_grad();
      nt::mean(nt::square(nt::matmul(whole.x, whole.a) - whole.y)).backward();
      one->step();
      other->zero_grad();
      constexpr int count = 3;
      for (int i = 0; i < count; ++i) {
        const nt::Slice rows(2 * i, 2 * i + 2);
        const nt::Tensor loss = nt::mean(nt::square(nt::matmul(parts.x[rows], parts.a) - parts.y[rows]));
        (loss / count).backward();
      }
      other->step();
      CHECK(distance(whole.a.value(), parts.a.value()) < 1e-9);
    }
    CHECK_FALSE(identical(whole.a.value(), reference()("f64/a")));
  }
}
