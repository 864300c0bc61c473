// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/autograd/transforms/vmap.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random.hpp>

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace newtape;

namespace {

// bf16 has an epsilon of 2^-7: rounding to nearest has the relative error u = 2^-8 at most, hence a product of two rounded
// numbers 2 u + u^2. (A sum of f32 adds k 2^-24, far below that.)
constexpr double rounding = 1.0 / 256;
constexpr double product_error = 2 * rounding + rounding * rounding;

/// Largest |y - a b| / (|a| |b|), for exact a b: at most the error of one product of the sum.
double relative_error(const Tensor& y, const Tensor& a, const Tensor& b) {
  const Tensor exact = matmul(a.detach().to(f64), b.detach().to(f64)),
               size = matmul(abs(a.detach().to(f64)), abs(b.detach().to(f64)));
  return max(abs(y.detach().to(f64) - exact) / size).item();
}

/// The same number in bf16.
Tensor rounded(const Tensor& x) { return x.detach().to(bf16).to(f32); }

}  // namespace

TEST_CASE("Autocast rounds the operands of products to bf16, and sums in f32") {
  manual_seed(3);
  for (const auto& [n, m, k] :
       {std::array{64, 96, 80}, std::array{100, 50, 300}, std::array{33, 1000, 17}, std::array{512, 512, 256}}) {
    const Tensor a = randn({n, k}), b = randn({k, m}), bt = randn({m, k}), at = randn({k, n}), c = randn({m});
    const Autocast mixed;
    CHECK(Autocast::is_on());
    const std::pair<Tensor, Tensor> pairs[] = {
        {a, b}, {a, transpose(bt)}, {transpose(at), b}, {transpose(at), transpose(bt)}};
    for (const auto& [x, w] : pairs) {
      const Tensor y = matmul(x, w);
      CHECK(y.dtype() == f32);
      CHECK(relative_error(y, x, w) <= product_error);
      if (!Autocast::available()) continue;
      // Products of rounded numbers are exact in f32: what is left is the error of the sums.
      CHECK(relative_error(y, rounded(x), rounded(w)) <= static_cast<double>(k) / (1 << 24));
      CHECK(relative_error(y, x, w) > 1e-5);
    }
    CHECK(max(abs(linear(a, bt, c) - (matmul(a, transpose(bt)) + c))).item() <= 1e-4);
  }
}

TEST_CASE("Autocast ends with its scope, and leaves small products, f64 and other operations alone") {
  manual_seed(4);
  const Tensor a = randn({128, 128}), b = randn({128, 128}), small = randn({8, 200}), wide = randn({200, 300});
  const Tensor plain = matmul(a, b), plain_small = matmul(small, wide), plain_sum = sum(exp(a) * b);
  {
    const Autocast mixed;
    CHECK(max(abs(matmul(small, wide) - plain_small)).item() == 0);
    CHECK(sum(exp(a) * b).item() == plain_sum.item());
    CHECK(max(abs(matmul(a.to(f64), b.to(f64)) - plain.to(f64))).item() < 1e-3);
    {
      const Autocast off(false);
      CHECK_FALSE(Autocast::is_on());
      CHECK(max(abs(matmul(a, b) - plain)).item() == 0);
    }
    CHECK((max(abs(matmul(a, b) - plain)).item() > 0) == Autocast::available());
  }
  CHECK_FALSE(Autocast::is_on());
  CHECK(max(abs(matmul(a, b) - plain)).item() == 0);
}

TEST_CASE("gradients have the precision of the product, wherever the sweep runs") {
  manual_seed(5);
  const Tensor x = variable(randn({96, 80}).value()), w = variable(randn({64, 80}).value()),
               b = variable(randn({64}).value());
  const Tensor g = randn({96, 64});
  const auto gradients = [&](bool mixed_forward, bool mixed_sweep) {
    Tensor y;
    {
      const Autocast mixed(mixed_forward);
      y = linear(x, w, b);
    }
    const Autocast mixed(mixed_sweep);
    return grad(sum(y * g), {x, w, b});
  };
  const auto inside = gradients(true, true), outside = gradients(true, false), plain = gradients(false, true);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(inside[i].dtype() == f32);
    CHECK(max(abs(inside[i] - outside[i])).item() == 0);
  }
  CHECK(relative_error(inside[0], g, w) <= product_error);
  CHECK(relative_error(inside[1], transpose(g), x) <= product_error);
  CHECK(relative_error(plain[0], g, w) <= 64.0 / (1 << 23));
  CHECK(relative_error(plain[1], transpose(g), x) <= 96.0 / (1 << 23));
  CHECK(max(abs(inside[2] - plain[2])).item() == 0);  // a sum
  CHECK((relative_error(inside[0], g, w) > 1e-5) == Autocast::available());
}

TEST_CASE("a captured step keeps its precision") {
  manual_seed(6);
  const Tensor a = randn({128, 96}), b = randn({96, 64});
  auto f = capture([](const Tensor& p, const Tensor& q) {
    const Autocast mixed;
    return matmul(p, q) * 2.0;
  });
  const Tensor expected = [&] {
    const Autocast mixed;
    return matmul(a, b) * 2.0;
  }();
  for (int i = 0; i < 4; ++i) CHECK(max(abs(f(a, b) - expected)).item() == 0);
}

TEST_CASE("a captured function has the precision of the scope in which it is called") {
  manual_seed(11);
  const Tensor a = randn({128, 96}), b = randn({96, 64}), c = randn({64});
  for (const bool first : {false, true}) {
    auto f = capture([](const Tensor& p, const Tensor& q) { return matmul(p, q); });
    for (const bool on : {first, first, first, !first, !first, !first, first}) {
      const Autocast mixed(on);
      CHECK(max(abs(f(a, b) - matmul(a, b))).item() == 0);
    }
    CHECK(f.counts().recorded == 2);
  }
  // Products of the same operands in both precisions are two.
  const auto both = [&](const Tensor& p, const Tensor& q) {
    const auto products = [&] { return concatenate({matmul(p, q), linear(p, transpose(q), c)}, 0); };
    const Tensor plain = products();
    const Autocast mixed;
    return products() - plain;
  };
  const Tensor expected = both(a, b);
  CHECK((max(abs(expected)).item() > 0) == Autocast::available());
  auto captured = capture(both);
  for (int i = 0; i < 3; ++i) CHECK(max(abs(captured(a, b) - expected)).item() == 0);
}

TEST_CASE("a checkpoint recomputes in the precision in which it ran") {
  manual_seed(8);
  const Tensor x = variable(randn({64, 80}).value()), w = variable(randn({80, 96}).value());
  const auto product = [](std::span<const Tensor> v) { return square(matmul(v[0], v[1])); };
  const auto gradients = [&](bool through_checkpoint) {
    Tensor y;
    {
      const Autocast mixed;
      const std::array operands{x, w};
      y = through_checkpoint ? checkpoint(product, operands) : product(operands);
    }
    return grad(sum(y), {x, w});
  };
  const auto plain = gradients(false), again = gradients(true);
  for (std::size_t i = 0; i < 2; ++i) CHECK(max(abs(plain[i] - again[i])).item() == 0);
}

TEST_CASE("vmap computes in the precision of the scopes in the function") {
  manual_seed(12);
  const Tensor w = randn({96, 96}), xs = randn({4, 64, 96});
  for (const bool inner : {false, true}) {
    const UnaryFunction f = [&](const Tensor& x) {
      const Autocast mixed(inner);
      return matmul(x, w);
    };
    const Autocast outer(!inner);
    CHECK(max(abs(vmap(f)(xs) - f(xs))).item() == 0);
  }
}

TEST_CASE("gradients of gradients have the precision of the product") {
  manual_seed(9);
  const Tensor x = variable(randn({64, 80}).value()), w = variable(randn({80, 96}).value());
  const Tensor v = randn({64, 96}), u = randn({64, 80});
  Tensor y;
  {
    const Autocast mixed;
    y = matmul(x, w);
  }
  // The gradient g w^T of x is linear in g and in w: that of its product with u in w is u^T g.
  const Tensor g = variable(v.value());
  const auto first = grad(sum(y * g), x, {.create_graph = true});
  const auto second = grad(sum(first * u), {w, g});
  CHECK(relative_error(second[0], transpose(u), v) <= product_error);
  CHECK(relative_error(second[1], u, w) <= product_error);
  CHECK((relative_error(second[0], transpose(u), v) > 1e-5) == Autocast::available());
}

TEST_CASE("what takes many products of matrices keeps f32 in a sweep inside of the scope") {
  manual_seed(10);
  Array matrix = randn({96, 96}).value();
  for (int i = 0; i < 96; ++i) matrix.data<float>()[i * 97] += 20;
  const Tensor a = variable(matrix);
  const auto gradient = [&](bool mixed_sweep) {
    const Tensor y = sum(linalg::inv(a));
    const Autocast mixed(mixed_sweep);
    return grad(y, a);
  };
  CHECK(max(abs(gradient(true) - gradient(false))).item() == 0);
}

TEST_CASE("Autocast reports what it uses") {
  const auto info = build_info();
  CHECK_FALSE(info.mixed_precision.empty());
  CHECK((info.mixed_precision.find("oneDNN ") == 0 && info.mixed_precision.size() < 12) == Autocast::available());
  CHECK(to_string(info).find(info.mixed_precision) != std::string::npos);
  if (info.kernels != "avx512") CHECK_FALSE(Autocast::available());
}

TEST_CASE("more lengths than are kept") {
  if (!Autocast::available()) return;
  const Autocast mixed;
  const Tensor b = ones({64, 128});
  for (std::int64_t n = 32; n < 320; ++n) {
    if (min(matmul(ones({n, 64}), b)).item() != 64) FAIL(n);
  }
}

TEST_CASE("products in bf16 give the same bits on one thread and on several") {
  manual_seed(7);
  const Tensor a = randn({512, 256}), b = randn({256, 128});
  const Autocast mixed;
  const int before = num_threads();
  set_num_threads(1);
  const Tensor one = matmul(a, b);
  set_num_threads(2);
  const Tensor two = matmul(a, b);
  set_num_threads(before);
  CHECK(max(abs(one - two)).item() == 0);
}
