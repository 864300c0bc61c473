// SPDX-License-Identifier: BSD-3-Clause
#include "nn/torch_case.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/positional.hpp>

#include <cmath>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {
nt::Tensor indices(std::initializer_list<double> values) { return nt::tensor(values, nt::i64); }
}  // namespace

TEST_CASE("Embedding: padding, norms, empty indices, errors") {
  nt::manual_seed(1);
  const nn::Embedding padded(4, 2, {.padding_idx = 1});
  CHECK(identical(nt::take(padded.weight, indices({1})).value(), nt::zeros({1, 2}).value()));
  CHECK(padded(nt::zeros({0, 3}, nt::i64)).shape() == nt::Shape{0, 3, 2});

  const nn::Embedding bounded(4, 3, {.max_norm = 0.1, .dtype = nt::f64});
  const nt::Tensor before = bounded.weight.tensor().detach() * 1;
  const auto rows = bounded(indices({3, 0, 3}));
  for (const auto& row : nt::unstack(rows)) CHECK(nt::norm(row).item() == Approx(0.1).epsilon(1e-5));
  CHECK(identical(nt::take(bounded.weight, indices({1, 2})).value(), nt::take(before, indices({1, 2})).value()));
  nt::sum(rows).backward();
  CHECK(distance(bounded.weight.grad().value(),
                 nt::tensor({{1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {2, 2, 2}}, nt::f64).value()) == 0);

  CHECK_THROWS_AS(nn::Embedding(0, 2), nt::ValueError);
  CHECK_THROWS_AS(nn::Embedding(2, 0), nt::ValueError);
  CHECK_THROWS_AS(nn::Embedding(3, 2, {.padding_idx = 3}), nt::ValueError);
  CHECK_THROWS_AS(nn::Embedding(3, 2, {.padding_idx = -4}), nt::ValueError);
  CHECK_THROWS_AS(padded(nt::zeros({2})), nt::DTypeError);
  CHECK_THROWS_WITH(padded(indices({4})), contains("4"));
}

TEST_CASE("Embedding has derivatives of order two in its weight") {
  const nn::Embedding m(4, 2, {.padding_idx = 0, .dtype = nt::f64});
  const auto which = indices({2, 0, 2, 3});
  const auto result = nt::gradcheck(nt::UnaryFunction([&](const nt::Tensor& w) {
                                      // The padding row is fixed at 0, as its derivative is defined as 0.
                                      const auto free = w * nt::tensor({{0, 0}, {1, 1}, {1, 1}, {1, 1}}, nt::f64);
                                      return nt::square(nn::functional_call(m, std::vector<nt::Tensor>{free}, which));
                                    }),
                                    m.weight.tensor().detach());
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("positional encodings are those of the paper, and are added along the step axis") {
  const auto table = nn::sinusoidal_positions(6, 5, nt::f64);
  for (std::int64_t t = 0; t < 6; ++t) {
    for (std::int64_t i = 0; i < 5; ++i) {
      const double w = 1 / std::pow(10000.0, 2.0 * static_cast<double>(i / 2) / 5);
      const double expected = i % 2 == 0 ? std::sin(static_cast<double>(t) * w) : std::cos(static_cast<double>(t) * w);
      CHECK(table[{t, i}].item() == Approx(expected).margin(1e-15));
    }
  }
  const auto x = nt::Tensor(nt::random::normal({3, 2, 5}));
  const auto rows = nt::slice(nn::sinusoidal_positions(6, 5), 0, 0, 3);
  const nn::SinusoidalPositions positions(5, {.max_len = 6});
  CHECK(identical(positions(x).value(), (x + nt::unsqueeze(rows, 1)).value()));
  CHECK(identical(positions(nt::select(x, 1, 0)).value(), (nt::select(x, 1, 0) + rows).value()));
  const nn::SinusoidalPositions first(5, {.max_len = 6, .batch_first = true});
  CHECK(identical(first(x).value(), (x + nt::slice(nn::sinusoidal_positions(6, 5), 0, 0, 2)).value()));

  const nn::LearnedPositions learned(5, {.max_len = 6});
  CHECK(identical(learned(x).value(), (x + nt::unsqueeze(nt::slice(learned.weight, 0, 0, 3), 1)).value()));
  nt::sum(learned(x)).backward();
  CHECK(identical(learned.weight.grad().value(), nt::concatenate({nt::full({3, 5}, 2), nt::zeros({3, 5})}).value()));
  CHECK(learned(nt::zeros({3, 0, 5})).shape() == nt::Shape{3, 0, 5});

  CHECK_THROWS_WITH(positions(nt::zeros({7, 2, 5})), contains("l <= 6") && contains("[7, 2, 5]"));
  CHECK_THROWS_AS(learned(nt::zeros({3, 4})), nt::ShapeError);
  CHECK_THROWS_AS(nn::LearnedPositions(0), nt::ValueError);
  CHECK_THROWS_AS(nn::SinusoidalPositions(4, {.max_len = 0}), nt::ValueError);
}
