// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/losses/ctc.hpp>
#include <newtape/nn/losses/reduction.hpp>

#include <cmath>
#include <utility>

namespace nt = newtape;
namespace nn = newtape::nn;
using nn::Reduction;

namespace {
nt::Tensor integers(std::initializer_list<double> c) { return nt::tensor(c).to(nt::i64); }

/// By definition: the sum of the probabilities of all frame sequences that collapse to the target.
double by_enumeration(const nt::Array& log_probs, const std::vector<std::int64_t>& target, std::int64_t blank) {
  const auto frames = log_probs.shape(0);
  const auto classes = log_probs.shape(1);
  const auto* p = log_probs.data<double>();
  double total = 0;
  std::vector<std::int64_t> path(static_cast<std::size_t>(frames), 0);
  while (true) {
    std::vector<std::int64_t> collapsed;
    double log_p = 0;
    for (std::size_t t = 0; t < path.size(); ++t) {
      log_p += p[static_cast<std::int64_t>(t) * classes + path[t]];
      if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) collapsed.push_back(path[t]);
    }
    if (collapsed == target) total += std::exp(log_p);
    std::size_t t = 0;
    while (t < path.size() && ++path[t] == classes) path[t++] = 0;
    if (t == path.size()) return -std::log(total);
  }
}
}  // namespace

TEST_CASE("ctc_loss sums the probabilities of all alignments") {
  const nt::Tensor log_p = nt::log_softmax(normal({5, 3}, 4));
  const auto loss = [&](const nt::Tensor& target) {
    return nn::ctc_loss(log_p, target, integers({5}), integers({static_cast<double>(target.size())}),
                        {.reduction = Reduction::sum})
        .item();
  };
  CHECK(loss(integers({1, 2})) == Approx(by_enumeration(log_p.value(), {1, 2}, 0)).epsilon(1e-13));
  CHECK(loss(integers({1, 1})) == Approx(by_enumeration(log_p.value(), {1, 1}, 0)).epsilon(1e-13));
  CHECK(loss(integers({2, 1, 2})) == Approx(by_enumeration(log_p.value(), {2, 1, 2}, 0)).epsilon(1e-13));
  CHECK(loss(nt::zeros({0}, nt::i64)) == Approx(by_enumeration(log_p.value(), {}, 0)).epsilon(1e-13));
}

TEST_CASE("ctc_loss is differentiable to third order") {
  const nt::Tensor targets = integers({1, 1, 2});
  const auto result =
      nt::gradcheck(nt::UnaryFunction([&](const nt::Tensor& x) {
                      return nn::ctc_loss(nt::log_softmax(x), targets, integers({4, 3}), integers({2, 1}));
                    }),
                    normal({4, 2, 3}, 5), {.order = 3});
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("ctc_loss of a target too long for the input is infinity, or 0, without a gradient") {
  const nt::Tensor x = nt::variable(normal({2, 2, 3}, 6));
  const auto loss = [&](bool zero) {
    return nn::ctc_loss(nt::log_softmax(x), integers({1, 1, 2}), integers({2, 2}), integers({2, 1}),
                        {.reduction = Reduction::none, .zero_infinity = zero});
  };
  CHECK(std::isinf(loss(false).value().data<double>()[0]));
  CHECK(std::isfinite(loss(false).value().data<double>()[1]));
  CHECK(loss(true).value().data<double>()[0] == 0);
  nt::sum(loss(true)).backward();
  CHECK(nt::max(nt::abs(nt::select(x.grad(), 1, 0))).item() == 0);
  CHECK(nt::max(nt::abs(nt::select(x.grad(), 1, 1))).item() > 0);
  const nt::Tensor never = nt::variable(nt::tensor({{0, -INFINITY}, {0, -INFINITY}}, nt::f64));
  const nt::Tensor impossible = nn::ctc_loss(never, integers({1}), integers({2}), integers({1}));
  CHECK(std::isinf(impossible.item()));
  impossible.backward();
  CHECK(nt::all(nt::isfinite(never.grad())).item<bool>());
}

TEST_CASE("ctc_loss of no samples and of no frames") {
  const nt::Tensor none = nt::zeros({0}, nt::i64);
  const auto sum = nn::CTCLossOptions{.reduction = Reduction::sum};
  CHECK(nn::ctc_loss(nt::zeros({4, 0, 3}), nt::zeros({0, 2}, nt::i64), none, none, sum).item() == 0);
  CHECK(nn::ctc_loss(nt::zeros({4, 1, 3}), none, integers({0}), integers({0}), sum).item() == 0);
  CHECK(std::isinf(nn::ctc_loss(nt::zeros({4, 1, 3}), integers({1}), integers({0}), integers({1}), sum).item()));
}

TEST_CASE("ctc_loss rejects invalid arguments") {
  const nt::Tensor x = nt::zeros({4, 2, 3});
  const nt::Tensor t = integers({1, 2});
  const nt::Tensor n = integers({4, 4});
  const nt::Tensor one = integers({1, 1});
  CHECK_THROWS_AS(nn::ctc_loss(x.to(nt::i64), t, n, one), nt::DTypeError);
  CHECK_THROWS_WITH(nn::ctc_loss(nt::zeros({4}), t, n, one), contains("[T, N, C]"));
  CHECK_THROWS_WITH(nn::ctc_loss(x, t, n, one, {.blank = 3}), contains("blank"));
  CHECK_THROWS_WITH(nn::ctc_loss(x, integers({1, 0}), n, one), contains("blank"));
  CHECK_THROWS_WITH(nn::ctc_loss(x, integers({1, 3}), n, one), contains("[0, 3)"));
  CHECK_THROWS_WITH(nn::ctc_loss(x, t, integers({4, 5}), one), contains("input_lengths") && contains("5"));
  CHECK_THROWS_WITH(nn::ctc_loss(x, t, integers({4}), one), contains("[2]"));
  CHECK_THROWS_AS(nn::ctc_loss(x, t, n, integers({1, 2})), nt::ShapeError);
  CHECK_THROWS_AS(nn::ctc_loss(x, nt::zeros({3, 2}, nt::i64), n, one), nt::ShapeError);
  CHECK_THROWS_AS(nn::ctc_loss(x, t.to(nt::f32), n, one), nt::DTypeError);
}

TEST_CASE("ctc_loss: frames beyond a length have no influence, and NaN within it shows") {
  const nt::Tensor x = nt::random::normal({4, 2, 3}, 0, 1, nt::f64);
  const auto run = [&](const nt::Tensor& at) {
    const nt::Tensor v = nt::variable(at);
    const nt::Tensor loss = nn::ctc_loss(v, integers({1, 2}), integers({4, 2}), integers({1, 1}), {Reduction::none});
    nt::sum(loss).backward();
    return std::pair(loss.detach(), v.grad());
  };
  const auto plain = run(x);
  const nt::Tensor late = nt::tensor({{0, 0}, {0, 0}, {0, 1}, {0, 1}}, nt::boolean);
  for (const double poison : {double(NAN), HUGE_VAL, -HUGE_VAL}) {
    const auto other = run(nt::where(nt::unsqueeze(late, -1), poison, x));
    CHECK(identical(other.first.value(), plain.first.value()));
    CHECK(identical(other.second.value(), plain.second.value()));
  }
  const auto broken = run(nt::where(nt::unsqueeze(~late, -1), NAN, x)).first;
  CHECK_FALSE(nt::any(nt::isfinite(broken) | nt::isinf(broken)).item<bool>());
}
