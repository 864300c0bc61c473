// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "nn/torch_case.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/nn/layers/attention.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

using Tensors = std::vector<nt::Tensor>;

nt::Tensor randn(const nt::Shape& shape, nt::DType dtype = nt::f64) { return nt::random::normal(shape, 0, 1, dtype); }
nt::Tensor holds(const nt::Tensor& x) { return x != 0; }
nt::Tensor later(std::int64_t l, std::int64_t s) { return nt::arange(s) > nt::unsqueeze(nt::arange(l), 1); }
}  // namespace

TEST_CASE("scaled_dot_product_attention agrees with PyTorch, values and gradients") {
  const Reference plain("nn/attention/sdpa/plain.txt");
  const Reference boolean("nn/attention/sdpa/boolean.txt");
  const Reference added("nn/attention/sdpa/added.txt");
  for (const auto dtype : {nt::f64, nt::f32}) {
    const double tolerance = dtype == nt::f64 ? 1e-14 : 1e-6;
    check_results(TorchCase(plain, dtype), tolerance,
                  [](const Tensors& x) -> Tensors { return {nn::scaled_dot_product_attention(x[0], x[1], x[2])}; });
    check_results(TorchCase(boolean, dtype), tolerance, [](const Tensors& x) -> Tensors {
      return {nn::scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = holds(x[3])})};
    });
    check_results(TorchCase(boolean, dtype), tolerance, [](const Tensors& x) -> Tensors {
      return {nn::scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true})};
    });
    check_results(TorchCase(added, dtype), tolerance, [](const Tensors& x) -> Tensors {
      return {nn::scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3]})};
    });
  }
}

TEST_CASE("scaled_dot_product_attention: scale, combined masks, broadcasting, fully masked queries") {
  nt::manual_seed(3);
  const auto q = randn({2, 3, 4});
  const auto k = randn({3, 4});
  const auto v = randn({1, 3, 2});
  const auto y = nn::scaled_dot_product_attention(q, k, v, {.scale = 2});
  CHECK(distance(y.value(), nn::scaled_dot_product_attention(q * 4, k, v).value()) < 1e-14);

  const auto seen = nt::tensor({{1.0, 1, 1}, {1, 0, 1}, {0, 1, 1}}) != 0;
  const auto a = nn::scaled_dot_product_attention(q, k, v, {.attn_mask = seen, .is_causal = true});
  const auto b = nn::scaled_dot_product_attention(q, k, v, {.attn_mask = nt::logical_and(seen, !later(3, 3))});
  CHECK(identical(a.value(), b.value()));

  // PyTorch 2.5 and newer also return 0.
  const auto blind = nt::tensor({{0.0, 0, 0}, {1, 1, 0}, {0, 0, 1}}) != 0;
  const auto x = nt::variable(q);
  const auto z = nn::scaled_dot_product_attention(x, k, v, {.attn_mask = blind});
  CHECK(identical(nt::select(z, 1, 0).value(), nt::zeros({2, 2}, nt::f64).value()));
  CHECK(distance(nt::select(z, 1, 2).value(), nt::expand(nt::select(v, 1, 2), {2, 2}).value()) < 1e-15);
  nt::sum(z * z).backward();
  CHECK(nt::all(nt::isfinite(x.grad())).item() == 1);
  CHECK(identical(nt::select(x.grad(), 1, 0).value(), nt::zeros({2, 4}, nt::f64).value()));

  CHECK(nn::scaled_dot_product_attention(randn({0, 3, 4}), k, v).shape() == nt::Shape{0, 3, 2});
  const auto no_keys = nn::scaled_dot_product_attention(q, randn({0, 4}), randn({0, 2}), {.is_causal = true});
  CHECK(identical(no_keys.value(), nt::zeros({2, 3, 2}, nt::f64).value()));
}

TEST_CASE("scaled_dot_product_attention has derivatives of order two") {
  nt::manual_seed(4);
  const Tensors xs{randn({2, 3, 2}), randn({2, 3, 2}), randn({2, 3, 2}), randn({3, 3})};
  const auto result =
      nt::gradcheck(nt::Function([](std::span<const nt::Tensor> x) {
                      return nn::scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .is_causal = true});
                    }),
                    xs);
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("attention's dropout keeps the mean of the weights, and is off at 0") {
  nt::manual_seed(5);
  // The mean of n weights, each 0 or 1 / (1 - p): its deviation is sqrt(p / (1 - p) / n).
  const int n = 20000;
  const auto q = nt::zeros({1, 2}, nt::f64);
  const auto v = nt::ones({n, 1}, nt::f64);
  const auto k = nt::zeros({n, 2}, nt::f64);
  const auto y = nn::scaled_dot_product_attention(q, k, v, {.dropout_p = 0.25});
  CHECK(std::abs(y.item() - 1) <= bounds::mean_of(n, std::sqrt(0.25 / 0.75)));
  CHECK(std::abs(y.item() - 1) > bounds::gamma(2 * n, nt::f64));
  // n numbers are added in the softmax, and n products in the result.
  const auto rest = nn::scaled_dot_product_attention(q, k, v);
  CHECK(std::abs(rest.item() - 1) <= bounds::gamma(2 * n, nt::f64));
  CHECK_THROWS_AS(nn::scaled_dot_product_attention(q, k, v, {.dropout_p = 1.5}), nt::ValueError);

  const nn::MultiheadAttention layer(4, 2, {.dropout = 0.5});
  const auto x = randn({3, 2, 4}, nt::f32);
  CHECK_FALSE(identical(layer(x).output.value(), layer(x).output.value()));
  layer.eval();
  CHECK(identical(layer(x).output.value(), layer(x).output.value()));
}

TEST_CASE("MultiheadAttention accepts empty batches and has PyTorch's initial values") {
  const nn::MultiheadAttention m(4, 2);
  CHECK(m(nt::zeros({3, 0, 4})).output.shape() == nt::Shape{3, 0, 4});
  const auto r = m(nt::zeros({0, 2, 4}), nt::zeros({3, 2, 4}), nt::zeros({3, 2, 4}), {.need_weights = true});
  CHECK(r.output.shape() == nt::Shape{0, 2, 4});
  CHECK(r.weights.shape() == nt::Shape{2, 0, 3});

  const nn::MultiheadAttention big(100, 4);
  const double bound = std::sqrt(6.0 / 400);
  CHECK(nt::max(big.in_proj_weight).item() <= bound);
  CHECK(nt::max(big.in_proj_weight).item() > 0.99 * bound);
  CHECK(nt::any(big.in_proj_bias != 0.0).item() == 0);
  CHECK(nt::any(big.out_proj.bias != 0.0).item() == 0);
  std::vector<std::string> names;
  for (const auto& [name, p] : big.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
}

TEST_CASE("errors of attention name the argument and the layer") {
  const auto x = nt::zeros({3, 2, 4});
  const nn::MultiheadAttention m(4, 2);
  CHECK_THROWS_AS(nn::MultiheadAttention(5, 2), nt::ValueError);
  CHECK_THROWS_AS(nn::MultiheadAttention(0, 1), nt::ValueError);
  CHECK_THROWS_AS(nn::MultiheadAttention(4, 2, {.kdim = 0}), nt::ValueError);
  CHECK_THROWS_AS(nn::MultiheadAttention(4, 2, {.dropout = 2}), nt::ValueError);
  CHECK_THROWS_WITH(m(nt::zeros({3, 2, 5})), contains("query [l, n, 4]") && contains("query [3, 2, 5]"));
  CHECK_THROWS_AS(m(x, nt::zeros({3, 1, 4}), nt::zeros({3, 1, 4})), nt::ShapeError);
  CHECK_THROWS_AS(m(x, x, nt::zeros({2, 2, 4})), nt::ShapeError);
  CHECK_THROWS_AS(m(nt::zeros({4})), nt::ShapeError);
  CHECK_THROWS_AS(m(nt::zeros({3, 2, 4}, nt::f64)), nt::DTypeError);
  CHECK_THROWS_WITH(m(x, x, x, {.attn_mask = later(3, 4)}), contains("attn_mask") && contains("[3, 3] or [4, 3, 3]"));
  CHECK_THROWS_WITH(m(x, x, x, {.key_padding_mask = later(3, 2)}), contains("key_padding_mask") && contains("[2, 3]"));
  CHECK_THROWS_AS(m(x, x, x, {.attn_mask = nt::zeros({3, 3}, nt::f64)}), nt::DTypeError);
  CHECK_THROWS_AS(nn::scaled_dot_product_attention(x, x, nt::zeros({3, 4})), nt::ShapeError);
  CHECK_THROWS_AS(nn::scaled_dot_product_attention(x, nt::zeros({3, 2, 3}), x), nt::ShapeError);
  CHECK_THROWS_AS(nn::scaled_dot_product_attention(x, x, x, {.attn_mask = nt::zeros({5})}), nt::ShapeError);
}

TEST_CASE("a key and its value have no influence on queries that must not attend to them") {
  nt::manual_seed(1);
  const auto q = randn({2, 3, 4});
  const auto k = randn({2, 3, 4});
  const auto v = randn({2, 3, 4});
  const nt::Tensor last = nt::unsqueeze(nt::arange(3) == 2, 1);
  const nt::Tensor first_two = nt::unsqueeze(nt::arange(3) < 2, 1);
  const auto run = [&](const nt::Tensor& key, const nt::Tensor& value, const nn::ScaledDotProductAttentionOptions& o) {
    Tensors xs{nt::variable(q), nt::variable(key), nt::variable(value)};
    const nt::Tensor y = nn::scaled_dot_product_attention(xs[0], xs[1], xs[2], o);
    const nt::Tensor seen = nt::where(first_two, y, 0.0);
    nt::sum(nt::where(first_two, y, 0.0)).backward();
    return Tensors{seen.detach(), xs[0].grad(), xs[1].grad(), xs[2].grad()};
  };
  const nt::Tensor allowed = nt::tensor({{1, 1, 0}, {1, 1, 0}, {1, 1, 0}}, nt::boolean);
  const nt::Tensor added = nt::where(allowed, nt::zeros({3, 3}, nt::f64), -HUGE_VAL);
  for (const double poison : {double(NAN), HUGE_VAL, -HUGE_VAL}) {
    INFO(poison);
    const auto key = nt::where(last, poison, k);
    const auto value = nt::where(last, poison, v);
    for (const nn::ScaledDotProductAttentionOptions& o :
         {nn::ScaledDotProductAttentionOptions{.attn_mask = allowed}, {.attn_mask = added}}) {
      const auto plain = run(k, v, o);
      const auto other = run(key, value, o);
      for (std::size_t i = 0; i < plain.size(); ++i) CHECK(distance(other[i].value(), plain[i].value()) < 1e-14);
    }
    // Causal: the last query sees the last key, the others do not.
    const auto plain = run(k, v, {.is_causal = true});
    const auto other = run(key, value, {.is_causal = true});
    CHECK(distance(other[0].value(), plain[0].value()) < 1e-14);
    const nt::Tensor y = nn::scaled_dot_product_attention(q, key, value, {.is_causal = true});
    if (std::isnan(poison)) CHECK_FALSE(nt::any(nt::isfinite(nt::slice(y, 1, 2, 3))).item<bool>());
  }
}

TEST_CASE("a token that is not finite behind a causal mask is used by its own query only") {
  nt::manual_seed(1);
  const auto plain = randn({2, 4, 3});
  const nt::Tensor last = nt::unsqueeze(nt::arange(4) == 3, 1);
  const auto gradients = [](const nt::Tensor& query, const nt::Tensor& key, const nt::Tensor& value, std::int64_t rows,
                            const nn::ScaledDotProductAttentionOptions& o) {
    Tensors xs{nt::variable(query), nt::variable(key), nt::variable(value)};
    const nt::Tensor y = nn::scaled_dot_product_attention(xs[0], xs[1], xs[2], o);
    nt::sum(nt::square(nt::slice(y, 1, 0, rows))).backward();
    return Tensors{y.detach(), xs[0].grad(), xs[1].grad(), xs[2].grad()};
  };
  const nt::Tensor before = nt::tensor({{1, 0, 0, 0}, {1, 1, 0, 0}, {1, 1, 1, 0}, {1, 1, 1, 1}}, nt::boolean);
  for (const double poison : {double(NAN), HUGE_VAL, -HUGE_VAL}) {
    INFO(poison);
    const nt::Tensor token = nt::where(last, poison, plain);
    for (const nn::ScaledDotProductAttentionOptions& o :
         {nn::ScaledDotProductAttentionOptions{.is_causal = true}, {.attn_mask = before}}) {
      // The token as query, key and value, and as each of them alone.
      for (const auto& x :
           {Tensors{token, token, token}, {token, plain, plain}, {plain, token, plain}, {plain, plain, token}}) {
        const auto want = gradients(plain, plain, plain, 3, o);
        const auto got = gradients(x[0], x[1], x[2], 3, o);
        CHECK(distance(nt::slice(got[0], 1, 0, 3).value(), nt::slice(want[0], 1, 0, 3).value()) < 1e-14);
        CHECK(nt::all(nt::isnan(nt::slice(got[0], 1, 3, 4))).item<bool>());
        for (std::size_t i = 1; i < got.size(); ++i) CHECK(distance(got[i].value(), want[i].value()) < 1e-14);
        // Where the result is used, it shows.
        const auto used = gradients(x[0], x[1], x[2], 4, o);
        CHECK(nt::any(nt::isnan(used[3])).item<bool>());
      }
    }
  }
}

TEST_CASE("scaled_dot_product_attention_with_weights returns what the values are averaged by") {
  const auto q = randn({2, 3, 4});
  const auto k = randn({2, 5, 4});
  const auto v = randn({2, 5, 6});
  const auto [output, weights] = nn::scaled_dot_product_attention_with_weights(q, k, v);
  CHECK(weights.shape() == nt::Shape{2, 3, 5});
  CHECK(distance(nt::matmul(weights, v).value(), output.value()) < 1e-14);
  CHECK(distance(nt::sum(weights, -1).value(), nt::ones({2, 3}, nt::f64).value()) < 1e-14);
}
