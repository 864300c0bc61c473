// SPDX-License-Identifier: BSD-3-Clause
// The test functions against published values.
#include "functions.hpp"

#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

namespace nt = newtape;

namespace {

const Reference& published() {
  static const Reference values("optim/functions.txt");
  return values;
}

/// The minimiser found by SciPy or, where the reference has none, its closed form.
nt::Tensor minimizer(const problems::TestFunction& p) {
  for (const auto& name : published().names()) {
    if (name == p.name + ".at") return nt::Tensor(published()(name));
  }
  problems::TestFunction at = p;
  at.start = p.at;
  return at.x0();
}

}  // namespace

TEST_CASE("test functions have the values that another program gives at their starts") {
  CHECK(problems::functions().size() >= 40);
  for (const auto& p : problems::functions()) {
    INFO(p.name);
    CHECK(p.f(p.x0()).item() == Approx(published()(p.name).item()).epsilon(1e-12));
    CHECK(p.f(p.x0(nt::f32)).dtype() == nt::f32);
    CHECK(p.f(p.x0(nt::f32)).item() == Approx(published()(p.name).item()).epsilon(1e-3));
  }
}

TEST_CASE("test functions have their published minima, and zero slope there") {
  for (const auto& p : problems::functions()) {
    INFO(p.name);
    const nt::Tensor x = minimizer(p);
    // Six figures are published.
    CHECK(std::abs(p.f(x).item() - p.minimum) <= 6e-6 * std::abs(p.minimum) + 1e-15);
    // Relative to the slope after a move in each direction by a thousandth of the coordinate, or of 1.
    const nt::Tensor h = nt::maximum(nt::abs(x), 1.0) * 1e-3;
    const nt::Tensor hessian = nt::hessian(p.f, x);
    const nt::Tensor slope = nt::abs(nt::grad(p.f)(x)) * h;
    CHECK(nt::all(slope <= 1e-3 * nt::diagonal(hessian) * h * h + 1e-12).item<bool>());
    CHECK(nt::min(nt::linalg::eigvalsh(hessian)).item() >= -1e-9 * nt::max(nt::abs(hessian)).item());
    for (std::size_t i = 0; i < p.at.size(); ++i) {
      CHECK(p.at[i] == Approx(x[i].item()).epsilon(1e-5).margin(1e-7));
    }
  }
}

TEST_CASE("test functions have derivatives to order two, at their starts and away from symmetry") {
  for (const auto& p : problems::functions()) {
    INFO(p.name);
    const nt::Tensor x = p.x0();
    const nt::Tensor away = x + (nt::maximum(nt::abs(x), 0.1) * nt::arange(1, x.size() + 1).to(nt::f64) * 1e-3);
    for (const auto& point : {x, away}) {
      const auto result = nt::gradgradcheck(p.f, point);
      INFO(result.message);
      CHECK(result.ok);
    }
  }
}

TEST_CASE("test functions that are sums of squares say so") {
  int squares = 0;
  for (const auto& p : problems::functions()) {
    if (!p.residuals) continue;
    ++squares;
    INFO(p.name);
    const nt::Tensor r = p.residuals(p.x0());
    CHECK(r.ndim() == 1);
    CHECK(nt::sum(r * r).item() == Approx(published()(p.name).item()).epsilon(1e-12));
  }
  CHECK(squares >= 38);
}
