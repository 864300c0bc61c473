// SPDX-License-Identifier: BSD-3-Clause
#include "../catch.hpp"
#include "../reference.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/nn/init.hpp>

namespace nt = newtape;
namespace init = newtape::nn::init;
using init::Nonlinearity;

namespace {
struct Moments {
  double mean, deviation, largest;
};
Moments moments(const nt::Parameter& p) {
  const double m = nt::mean(p).item();
  return {m, std::sqrt(nt::mean(nt::square(p - m)).item()), nt::max(nt::abs(p)).item()};
}
void check(const nt::Parameter& p, double mean, double deviation) {
  const auto m = moments(p);
  const double n = static_cast<double>(p.size());
  CHECK(std::abs(m.mean - mean) < 5 * deviation / std::sqrt(n));
  CHECK(std::abs(m.deviation / deviation - 1) < 5 / std::sqrt(2 * n));
}
}  // namespace

TEST_CASE("gains and fans are PyTorch's") {
  const Reference torch("nn/reference.txt");
  const std::pair<const char*, Nonlinearity> kinds[] = {
      {"linear", Nonlinearity::linear}, {"sigmoid", Nonlinearity::sigmoid}, {"tanh", Nonlinearity::tanh},
      {"relu", Nonlinearity::relu},     {"selu", Nonlinearity::selu},
  };
  for (const auto& [name, kind] : kinds) {
    CHECK(init::gain(kind) == Approx(torch(std::string("gain/") + name).item()).epsilon(1e-15));
  }
  CHECK(init::gain(Nonlinearity::leaky_relu, 0.3) == Approx(torch("gain/leaky_relu").item()).epsilon(1e-15));
  const auto f = init::fans({5, 4, 3, 2});
  CHECK(f.in == torch("fans").data<std::int64_t>()[0]);
  CHECK(f.out == torch("fans").data<std::int64_t>()[1]);
}

TEST_CASE("initial values have the mean, the deviation and the bounds that they should") {
  nt::Generator g(7);
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Parameter p(nt::zeros({300, 200}, dtype));
    init::kaiming_uniform(p, {.a = 1}, g);
    check(p, 0, 1 / std::sqrt(200.0));
    CHECK(moments(p).largest <= std::sqrt(3 / 200.0));
    init::kaiming_normal(p, {.mode = init::FanMode::out, .nonlinearity = Nonlinearity::relu}, g);
    check(p, 0, std::sqrt(2 / 300.0));
    init::xavier_uniform(p, 2, g);
    check(p, 0, 2 * std::sqrt(2 / 500.0));
    CHECK(moments(p).largest <= 2 * std::sqrt(6 / 500.0));
    init::xavier_normal(p, 1, g);
    check(p, 0, std::sqrt(2 / 500.0));
    init::uniform(p, 2, 4, g);
    check(p, 3, 2 / std::sqrt(12.0));
    init::normal(p, -1, 0.5, g);
    check(p, -1, 0.5);
    init::constant(p, 0.25);
    CHECK(identical(p.value(), nt::full({300, 200}, 0.25, dtype).value()));
    init::ones(p);
    CHECK(identical(p.value(), nt::ones({300, 200}, dtype).value()));
    init::zeros(p);
    CHECK(identical(p.value(), nt::zeros({300, 200}, dtype).value()));
  }
}

TEST_CASE("the same generator gives the same initial values") {
  const nt::Parameter a(nt::zeros({4, 5}));
  const nt::Parameter b(nt::zeros({4, 5}));
  nt::Generator one(3);
  nt::Generator two(3);
  init::xavier_normal(a, 1, one);
  init::xavier_normal(b, 1, two);
  CHECK(identical(a.value(), b.value()));
  init::xavier_normal(b, 1, two);
  CHECK_FALSE(identical(a.value(), b.value()));
}

TEST_CASE("only matrices have fans") {
  const nt::Parameter p(nt::zeros({4}));
  CHECK_THROWS_AS(init::kaiming_uniform(p), nt::ShapeError);
  CHECK_THROWS_WITH(init::xavier_normal(p), contains("[4]"));
}
