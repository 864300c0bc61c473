// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/buffer.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {
nn::Sequential nested_network() {
  return nn::Sequential(nn::Linear(3, 4), nn::ReLU(), nn::Sequential(nn::Linear(4, 4, {.bias = false}), nt::tanh),
                        nn::Linear(4, 2));
}
}  // namespace

TEST_CASE("the state of a Sequential has PyTorch's names and shapes") {
  const Reference torch("nn/reference.txt");
  const auto state = nested_network().state_dict();
  std::size_t next = 0;
  for (const auto& name : torch.names()) {
    if (name.rfind("state_dict/", 0) != 0) continue;
    REQUIRE(next < state.size());
    CHECK("state_dict/" + state[next].first == name);
    const auto& shape = torch(name);
    REQUIRE(shape.size() == static_cast<std::int64_t>(state[next].second.ndim()));
    for (std::int64_t i = 0; i < shape.size(); ++i) {
      CHECK(shape.data<std::int64_t>()[i] == state[next].second.shape(i));
    }
    ++next;
  }
  CHECK(next == state.size());
}

TEST_CASE("a state is copied to another module, and keeps its values") {
  const auto a = nested_network();
  const auto b = nested_network();
  const nt::Tensor x = nt::ones({2, 3});
  CHECK_FALSE(identical(a(x).value(), b(x).value()));
  const auto state = a.state_dict("model.");
  b.load_state_dict(state, {.prefix = "model."});
  CHECK(identical(a(x).value(), b(x).value()));

  const nt::Array before = nt::core::copy(state[0].second);
  nn::init::zeros(a.parameter("0.weight"));
  nn::init::zeros(b.parameter("0.weight"));
  CHECK(identical(state[0].second, before));
}

TEST_CASE("loading keeps gradients and the graphs of earlier results") {
  const auto m = nested_network();
  const auto w = m.parameter("3.weight");
  const nt::Tensor x = nt::ones({2, 3});
  nt::sum(m(x)).backward();
  const nt::Array grad = nt::core::copy(w.grad().value());
  const nt::Tensor y = nt::sum(m(x));
  auto state = m.state_dict();
  for (auto& s : state) s.second = nt::zeros(s.second.shape()).value();
  m.load_state_dict(state);
  CHECK(identical(w.grad().value(), grad));
  m.zero_grad();
  y.backward();  // through the old values
  CHECK(identical(w.grad().value(), grad));
}

TEST_CASE("loading names all mismatches, and changes nothing") {
  const auto m = nested_network();
  const auto before = m.state_dict();
  auto state = before;
  for (auto& s : state) s.second = nt::zeros(s.second.shape()).value();
  state[0].second = nt::zeros({3, 4}).value();
  state[1].second = nt::zeros({4}, nt::i64).value();
  state[2].first = "other";
  state.emplace_back("3.bias", state.back().second);
  try {
    m.load_state_dict(state);
    FAIL("nothing was thrown");
  } catch (const nt::ValueError& e) {
    const std::string what = e.what();
    CHECK_THAT(what, contains("missing: 2.0.weight"));
    CHECK_THAT(what, contains("unexpected: other"));
    CHECK_THAT(what, contains("0.weight: expected f32 [4, 3], got f32 [3, 4]"));
    CHECK_THAT(what, contains("0.bias: expected f32 [4], got i64 [4]"));
    CHECK_THAT(what, contains("3.bias: duplicate entry"));
  }
  const auto after = m.state_dict();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(identical(before[i].second, after[i].second));
}

TEST_CASE("loading without strict reports skipped names, and still rejects wrong shapes") {
  const auto m = nested_network();
  nn::StateDict state = {{"0.bias", nt::ones({4}).value()}, {"head.weight", nt::ones({1}).value()}};
  CHECK_THROWS_AS(m.load_state_dict(state), nt::ValueError);
  const auto report = m.load_state_dict(state, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"0.weight", "2.0.weight", "3.weight", "3.bias"});
  CHECK(report.unexpected == std::vector<std::string>{"head.weight"});
  CHECK(identical(m.parameter("0.bias").value(), nt::ones({4}).value()));
  state[0].second = nt::ones({5}).value();
  state.emplace_back("3.weight", nt::ones({1}).value());
  CHECK_THROWS_WITH(m.load_state_dict(state, {.strict = false}),
                    contains("0.bias: expected f32 [4], got f32 [5]") &&
                        contains("3.weight: expected f32 [2, 4], got f32 [1]") && !contains("head.weight"));
  CHECK(identical(m.parameter("0.bias").value(), nt::ones({4}).value()));
}

TEST_CASE("buffers are saved and loaded with their dtypes") {
  struct Counter : nn::Module<Counter> {
    nn::Buffer n = add("n", nn::Buffer(nt::zeros({}, nt::i64)));
    nt::Tensor forward(const nt::Tensor& x) const {
      n.set_value((n + 1).value());
      return x * n.tensor().to(x.dtype());
    }
  };
  const Counter a;
  const Counter b;
  const auto early = a.state_dict();
  CHECK(a(nt::ones({})).item() == 1);
  CHECK(a(nt::ones({})).item() == 2);
  CHECK(early[0].second.item() == 0);
  b.load_state_dict(a.state_dict());
  CHECK(b(nt::ones({})).item() == 3);
  CHECK(a.n.value().item() == 2);
  CHECK_THROWS_AS(a.n.set_value(nt::ones({}).value()), nt::DTypeError);
  CHECK_THROWS_AS(a.n.set_value(nt::zeros({1}, nt::i64).value()), nt::ShapeError);
}
