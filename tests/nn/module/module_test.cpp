// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/buffer.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/parametrize.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

struct Mlp : nn::Module<Mlp> {
  nn::Linear fc1 = add("fc1", nn::Linear(3, 4));
  nn::Linear fc2 = add("fc2", nn::Linear(4, 2, {.bias = false}));
  nt::Parameter scale = add("scale", nt::Parameter(nt::ones({2})));
  nn::Buffer seen = add("seen", nn::Buffer(nt::zeros({}, nt::i64)));
  nn::Buffer shift = add("shift", nn::Buffer(nt::zeros({2})));
  nt::Tensor forward(const nt::Tensor& x) const { return fc2(nt::relu(fc1(x))) * scale + shift; }
};

struct Wide : nn::Module<Wide> {
  nn::Linear fc1 = add("fc1", nn::Linear(5, 4));
  nt::Tensor forward(const nt::Tensor& x) const { return fc1(x); }
};

struct Encoder : nn::Module<Encoder> {
  nn::Sequential layers = add("layers", nn::Sequential(nn::Linear(3, 4), nt::tanh, Wide()));
  nt::Tensor forward(const nt::Tensor& x) const { return layers(x); }
};

struct Model : nn::Module<Model> {
  Encoder encoder = add("encoder", Encoder());
  nt::Tensor forward(const nt::Tensor& x) const { return encoder(x); }
};

std::vector<std::string> names(const auto& named) {
  std::vector<std::string> result;
  for (const auto& n : named) result.push_back(n.first);
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a module lists its own members first, then its children's") {
  const Mlp m;
  CHECK(names(m.named_parameters()) == Names{"scale", "fc1.weight", "fc1.bias", "fc2.weight"});
  CHECK(names(m.named_buffers()) == Names{"seen", "shift"});
  CHECK(names(m.children()) == Names{"fc1", "fc2"});
  CHECK(names(m.state_dict()) == Names{"scale", "seen", "shift", "fc1.weight", "fc1.bias", "fc2.weight"});
  CHECK(names(m.state_dict("model."))[3] == "model.fc1.weight");
  REQUIRE(m.parameters().size() == 4);
  CHECK(m.parameters()[1] == m.fc1.weight);
  CHECK(m.buffers()[1] == m.shift);
  CHECK(m.parameter("fc2.weight") == m.fc2.weight);
  CHECK_THROWS_WITH(m.parameter("fc2.bias"), contains("fc2.bias") && contains("scale, fc1.weight"));
}

TEST_CASE("a copy of a module is the same module") {
  Mlp a;
  Mlp b = a;
  CHECK(a == b);
  CHECK(b.parameters() == a.parameters());
  b.fc1.weight.set_value(nt::ones({4, 3}).value());
  CHECK(identical(a.fc1.weight.value(), nt::ones({4, 3}).value()));
  b.eval();
  CHECK_FALSE(a.is_training());
  nt::sum(a(nt::ones({1, 3}))).backward();
  CHECK(b.scale.grad().defined());
  b.zero_grad();
  CHECK_FALSE(a.scale.grad().defined());
  // Registered members do not refer to the original object.
  const auto moved = [] {
    Mlp inner;
    return std::vector<Mlp>{inner, Mlp()};
  }();
  CHECK(moved[0].parameter("fc1.weight") == moved[0].fc1.weight);
  CHECK(moved[1].parameter("fc1.weight") == moved[1].fc1.weight);
  CHECK_FALSE(moved[0] == moved[1]);
}

TEST_CASE("a shared cell is listed once, and saved under each name") {
  struct Tied : nn::Module<Tied> {
    nn::Linear a = add("a", nn::Linear(3, 3));
    nn::Linear b = add("b", a);
    nt::Tensor forward(const nt::Tensor& x) const { return b(a(x)); }
  };
  const Tied m;
  CHECK(names(m.named_parameters()) == Names{"a.weight", "a.bias"});
  CHECK(names(m.state_dict()) == Names{"a.weight", "a.bias", "b.weight", "b.bias"});
  m.load_state_dict(m.state_dict());
}

TEST_CASE("names in a module are unique, not empty, and without dots") {
  struct Open : nn::Module<Open> {
    using nn::ModuleBase::add;
    nt::Tensor forward(const nt::Tensor& x) const { return x; }
  };
  Open m;
  const nt::Parameter p(nt::ones({2}));
  m.add("x", p);
  CHECK_THROWS_AS(m.add("x", p), nt::ValueError);
  CHECK_THROWS_AS(m.add("x", nn::Linear(1, 1)), nt::ValueError);
  CHECK_THROWS_WITH(m.add("x", nn::Buffer(nt::ones({2}))), contains("\"x\""));
  CHECK_THROWS_AS(m.add("", p), nt::ValueError);
  CHECK_THROWS_AS(m.add("a.b", p), nt::ValueError);
  CHECK_THROWS_AS(m.add("y", nt::Parameter()), nt::ValueError);
  CHECK_THROWS_AS(m.add("y", nn::Buffer()), nt::ValueError);
  CHECK_THROWS_AS(m.add("self", m), nt::ValueError);
  Open outer;
  outer.add("inner", m);
  CHECK_THROWS_AS(m.add("outer", outer), nt::ValueError);
  CHECK(names(m.state_dict()) == Names{"x"});
}

TEST_CASE("train and eval reach every module below") {
  nn::Sequential m(nn::Linear(2, 2), nn::Sequential(nn::Dropout(0.5), nn::ReLU()));
  m.eval();
  CHECK_FALSE(m.is_training());
  CHECK_FALSE(m.children()[1].second.children()[0].second.is_training());
  m.train();
  CHECK(m.children()[1].second.children()[0].second.is_training());
}

TEST_CASE("to converts floats, but not integers") {
  const Mlp m;
  const Mlp same = m.to(nt::f64);
  CHECK(same == m);
  for (const auto& p : m.parameters()) CHECK(p.dtype() == nt::f64);
  CHECK(m.shift.dtype() == nt::f64);
  CHECK(m.seen.dtype() == nt::i64);
  CHECK(m(nt::ones({1, 3}, nt::f64)).dtype() == nt::f64);
  CHECK_THROWS_AS(m.to(nt::i64), nt::DTypeError);
}

TEST_CASE("frozen parameters get no gradient") {
  const Mlp m;
  m.fc1.requires_grad(false);
  nt::sum(m(nt::ones({1, 3}))).backward();
  CHECK_FALSE(m.fc1.weight.grad().defined());
  CHECK(m.fc2.weight.grad().defined());
  m.requires_grad(false);
  CHECK_FALSE(m(nt::ones({1, 3})).requires_grad());
  m.requires_grad(true);
  CHECK(m(nt::ones({1, 3})).requires_grad());
}

TEST_CASE("an error names the path of the module that raised it") {
  const Model m;
  const nt::Tensor x = nt::ones({2, 3});
  CHECK_THROWS_AS(m(x), nt::ShapeError);
  CHECK_THROWS_WITH(m(x), Catch::Matchers::StartsWith("encoder.layers.2.fc1: Linear: the last axis"));
  CHECK_THROWS_WITH(m.encoder(x), Catch::Matchers::StartsWith("layers.2.fc1: Linear"));
  CHECK_THROWS_WITH(m.encoder.layers(nt::ones({2, 7})), Catch::Matchers::StartsWith("0: Linear"));
  CHECK_THROWS_WITH(nn::Linear(3, 2)(nt::ones({2, 7})), Catch::Matchers::StartsWith("Linear"));

  const nn::Sequential lambda(nn::ReLU(), [](const nt::Tensor& t) { return nt::matmul(t, t); });
  CHECK_THROWS_WITH(lambda(x), Catch::Matchers::StartsWith("1: matmul"));

  struct Thrower : nn::Module<Thrower> {
    nt::Tensor forward(const nt::Tensor&, int which) const {
      switch (which) {
        case 0: throw nt::DTypeError("what");
        case 1: throw nt::ValueError("what");
        case 2: throw nt::NumericalError("what");
        case 3: throw nt::IoError("what");
        default: throw std::out_of_range("what");
      }
    }
  };
  struct Outer : nn::Module<Outer> {
    Thrower inner = add("inner", Thrower());
    nt::Tensor forward(const nt::Tensor& t, int which) const { return inner(t, which); }
  };
  const Outer outer;
  CHECK_THROWS_AS(outer(x, 0), nt::DTypeError);
  CHECK_THROWS_AS(outer(x, 1), nt::ValueError);
  CHECK_THROWS_AS(outer(x, 2), nt::NumericalError);
  CHECK_THROWS_AS(outer(x, 3), nt::IoError);
  CHECK_THROWS_WITH(outer(x, 3), "inner: what");
  CHECK_THROWS_AS(outer(x, 4), std::out_of_range);
  CHECK_THROWS_WITH(outer(x, 4), "what");
}

TEST_CASE("a backward error names the line of the call of a layer") {
  const nn::Linear fc(3, 2);
  const nt::Tensor y = nt::sum(fc(nt::ones({1, 3})));
  y.backward();
  CHECK_THROWS_WITH(y.backward(), contains("module_test.cpp"));
}

TEST_CASE("Sequential draws parametrized layers in the order of its arguments") {
  namespace parametrize = nn::parametrize;
  const auto same = [](const nn::ModuleBase& a, const nn::ModuleBase& b) {
    const auto x = a.state_dict();
    const auto y = b.state_dict();
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      INFO(x[i].first);
      CHECK(identical(x[i].second, y[i].second));
    }
  };
  const auto normed = [] { return parametrize::weight_norm(nn::Linear(3, 3)); };
  const auto spectral = [] { return parametrize::spectral_norm(nn::Linear(3, 3)); };
  const auto turned = [] { return parametrize::orthogonal(nn::Linear(3, 3)); };
  nt::manual_seed(5);
  const auto a = normed();
  const nn::Linear b(3, 3);
  const auto c = spectral();
  const auto d = turned();
  const auto e = nn::Sequential(normed());
  nt::manual_seed(5);
  const nn::Sequential at_once(normed(), nn::Linear(3, 3), spectral(), turned(), nn::Sequential(normed()));
  same(at_once, nn::Sequential(a, b, c, d, e));
  const nt::Tensor x = nt::ones({2, 3});
  nn::Sequential one_by_one(a, b, c, d, e);
  CHECK(identical(at_once(x).value(), one_by_one(x).value()));
  // Originals that were changed stay.
  nt::manual_seed(5);
  const auto changed = normed();
  const auto own = changed.parameters();
  for (const auto& p : own) p.set_value(nt::full(p.shape(), 2.0).value());
  const nn::Sequential with(nn::Linear(3, 3), changed);
  for (const auto& p : own) CHECK(identical(p.value(), nt::full(p.shape(), 2.0).value()));
}

TEST_CASE("Sequential draws weights in the order of its arguments, whatever the compiler") {
  const auto same = [](const nn::ModuleBase& a, const nn::ModuleBase& b) {
    const auto x = a.parameters();
    const auto y = b.parameters();
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(identical(x[i].value(), y[i].value()));
  };
  nt::manual_seed(5);
  const nn::Linear a(3, 3);
  const nn::Embedding b(3, 3, {.padding_idx = 1});
  const nn::Linear c(3, 3);
  nt::manual_seed(5);
  const nn::Sequential at_once(nn::Linear(3, 3), nt::tanh, nn::Embedding(3, 3, {.padding_idx = 1}), nn::Linear(3, 3));
  same(at_once, nn::Sequential(a, nt::tanh, b, c));
  nt::manual_seed(5);
  const nn::Sequential nested(nn::Linear(3, 3),
                              nn::Sequential(nn::Embedding(3, 3, {.padding_idx = 1}), nn::Linear(3, 3)),
                              nn::Sequential(nn::Residual(nn::Linear(3, 3)), nn::Linear(3, 3)));
  const auto drawn = nested.parameters();
  for (std::size_t i = 0; i < 5; ++i) CHECK(identical(drawn[i].value(), at_once.parameters()[i].value()));
  // Layers that exist already keep their values, and so do weights that were changed.
  nt::manual_seed(5);
  nn::Linear e(3, 3);
  const auto before = e.parameters()[0].value();
  e.bias.set_value(nt::ones({3}).value());
  const nn::Sequential moved(nn::Linear(3, 3), e, nn::Linear(3, 3));
  CHECK(identical(e.weight.value(), before));
  const nn::Sequential last(nn::Linear(3, 3), std::move(e));
  CHECK(identical(last.parameters()[3].value(), nt::ones({3}).value()));
}
