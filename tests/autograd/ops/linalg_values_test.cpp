// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives of functions of eigenvalues or singular values alone, at equal, zero and nearly equal values,
// against the same functions without a factorization.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace newtape {
namespace {

using namespace linalg;

Tensor symmetric_part_of(const Tensor& x) { return (x + transpose(x)) * 0.5; }

/// A function of values, and the same function of the matrix.
struct ValueFunction {
  std::string name;
  UnaryFunction of_values;
  UnaryFunction of_matrix;
  bool definite = false;  ///< for positive values only
};

std::vector<ValueFunction> functions_of_eigenvalues() {
  const auto tr = [](const Tensor& a) { return trace(a); };
  const auto square_of = [](const Tensor& a) { return matmul(a, a); };
  return {
      {"trace", [](const Tensor& w) { return sum(w); }, tr},
      {"tr a^2", [](const Tensor& w) { return sum(square(w)); }, [=](const Tensor& a) { return tr(square_of(a)); }},
      {"tr a^3", [](const Tensor& w) { return sum(w * w * w); },
       [=](const Tensor& a) { return tr(matmul(a, square_of(a))); }},
      {"tr exp a", [](const Tensor& w) { return sum(exp(w)); }, [=](const Tensor& a) { return tr(matrix_exp(a)); }},
      {"log det", [](const Tensor& w) { return sum(log(w)); }, [](const Tensor& a) { return logdet(a); }, true},
      {"det", [](const Tensor& w) { return prod(w); }, [](const Tensor& a) { return det(a); }},
      {"(tr a^2)^2", [](const Tensor& w) { return square(sum(square(w))); },
       [=](const Tensor& a) { return square(tr(square_of(a))); }},
      {"tr a tr a^3", [](const Tensor& w) { return sum(w) * sum(pow(w, 3.0)); },
       [=](const Tensor& a) { return tr(a) * tr(matmul(a, square_of(a))); }},
      {"log tr exp a", [](const Tensor& w) { return logsumexp(w); },
       [=](const Tensor& a) { return log(tr(matrix_exp(a))); }},
      {"variance", [](const Tensor& w) { return var(w); },
       [=](const Tensor& a) { return (tr(square_of(a)) - square(tr(a)) / 3.0) / 2.0; }},
  };
}

Tensor matrix_with(const std::vector<double>& w, bool rotated) {
  const Tensor d = diag_embed(tensor(w, f64));
  if (!rotated) return d;
  const Tensor start = tensor({{1.0, 2, -1}, {0.5, 1, 3}, {-2, 0.25, 1}}, f64);
  const Tensor q = qr(start).q;
  return symmetric_part_of(matmul(matmul(q, d), transpose(q)));
}

const std::vector<double> gaps_of_test{0, 1e-15, 1e-13, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4};

/// Of quotients by the gaps at which slopes take over, and of the slopes there: gap^2 (one matrix) or gap (a stack).
/// Functions of the table and their derivatives up to the fourth are up to 30 times as large as the results.
double bound_near(bool stack) { return 30 * std::pow(epsilon(f64), stack ? 1.0 / 2 : 2.0 / 3); }

/// Of quotients of cotangents up to 1 whose values differ by `gap` alone: their rounding, as long as it is below the
/// sqrt(eps) from which slopes are tried, with the same factor.
double bound_of_small_values(double gap) {
  const double eps = epsilon(f64);
  return std::max(bound_near(false), 30 * std::min(eps / gap, std::sqrt(eps)));
}

void expect_near(const Tensor& got, const Tensor& want, double bound) {
  REQUIRE(got.shape() == want.shape());
  const double size = std::max(max(abs(want)).item(), 1.0);
  INFO("difference " << max(abs(got - want)).item() / size << ", bound " << bound);
  CHECK(max(abs(got - want)).item() <= bound * size);
}

TEST_CASE("linalg: Hessians of functions of eigenvalues at equal and nearly equal values", "[linalg]") {
  const Tensor t = tensor({{1.0, 2, -1}, {0, 3, 0.5}, {2, 1, -2}}, f64);
  for (const auto& f : functions_of_eigenvalues()) {
    const UnaryFunction by_values = [&](const Tensor& a) { return f.of_values(eigvalsh(symmetric_part_of(a))); };
    const UnaryFunction reference = [&](const Tensor& a) { return f.of_matrix(symmetric_part_of(a)); };
    for (const double gap : gaps_of_test) {
      for (const bool rotated : {false, true}) {
        for (const auto& w : {std::vector<double>{1, 1 + gap, 1 - gap}, {1, 1 + gap, 2}, {0, gap, -gap}}) {
          if (w[0] == 0 && (f.definite || (gap > 0 && gap < 1e-13))) continue;  // tiny values are noise
          INFO(f.name << ", gap " << gap << (rotated ? ", rotated" : "") << ", from " << w[0] << " to " << w[2]);
          const Tensor a = matrix_with(w, rotated);
          const double bound = w[0] == 0 && gap > 0 ? bound_of_small_values(gap) : bound_near(false);
          expect_near(hvp(by_values, a, t).second, hvp(reference, a, t).second, bound);
        }
      }
    }
    INFO(f.name);
    for (const auto& a : {matrix_with({1, 1, 1}, false), matrix_with({2, 1, 1}, true), matrix_with({2, 2, 1}, false)}) {
      const double bound = bounds::gamma(100, f64);
      const Tensor h = hessian(reference, a);
      expect_near(hessian(by_values, a), h, bound * 10);
      expect_near(jvp(grad(by_values), a, t).second, hvp(reference, a, t).second, bound * 10);
    }
  }
}

TEST_CASE("linalg: the Hessian of tr(a^2) through eigenvalues at the identity", "[linalg]") {
  const UnaryFunction f = [](const Tensor& a) { return sum(square(eigvalsh((a + transpose(a)) / 2.0))); };
  const Tensor want = tensor({{2.0, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 0, 0, 2}}, f64);
  expect_near(reshape(hessian(f, eye(2, f64)), {4, 4}), want, bounds::gamma(16, f64));
}

TEST_CASE("linalg: Hessians of functions of singular values at equal, zero and nearly equal values", "[linalg]") {
  const Tensor t = tensor({{1.0, 2, -1}, {0, 3, 0.5}, {2, 1, -2}}, f64);
  const auto gram = [](const Tensor& a) { return matmul(transpose(a), a); };
  const std::vector<ValueFunction> all{
      {"sum of s^2", [](const Tensor& s) { return sum(square(s)); }, [=](const Tensor& a) { return trace(gram(a)); }},
      {"sum of s^4", [](const Tensor& s) { return sum(square(square(s))); },
       [=](const Tensor& a) { return trace(matmul(gram(a), gram(a))); }},
      {"log det (1 + a^T a)", [](const Tensor& s) { return sum(log1p(square(s))); },
       [=](const Tensor& a) { return logdet(eye(a.shape(1), f64) + gram(a)); }},
      {"(sum of s^2)^2", [](const Tensor& s) { return square(sum(square(s))); },
       [=](const Tensor& a) { return square(trace(gram(a))); }},
      {"nuclear norm", [](const Tensor& s) { return sum(s); },
       [=](const Tensor& a) {
         const bool wide = a.shape(0) < a.shape(1);
         return trace(matrix_sqrt(wide ? matmul(a, transpose(a)) : gram(a)));
       },
       true},
  };
  for (const auto& f : all) {
    const UnaryFunction by_values = [&](const Tensor& a) { return f.of_values(svdvals(a)); };
    for (const double gap : gaps_of_test) {
      for (const auto& w :
           {std::vector<double>{1, 1 + gap, 1 - gap}, {1, 1 + gap, 2}, {2, gap, gap}, {gap, gap, gap}}) {
        if (f.definite && std::abs(w[1]) < 0.5) continue;
        for (const bool rotated : {false, true}) {
          const Tensor a = matrix_with(w, rotated);
          for (const auto& x : {a, slice(a, 0, 0, 2), slice(a, 1, 0, 2)}) {
            INFO(f.name << ", gap " << gap << (rotated ? ", rotated" : "") << ", from " << w[0] << " to " << w[2]
                        << ", " << to_string(x.shape()));
            const Tensor along = slice(slice(t, 0, 0, x.shape(0)), 1, 0, x.shape(1));
            expect_near(hvp(by_values, x, along).second, hvp(f.of_matrix, x, along).second, bound_near(false));
          }
        }
      }
    }
  }
}

TEST_CASE("linalg: stacks of matrices, one of which has equal values", "[linalg]") {
  const Tensor t = sin(reshape(arange(18, f64), {2, 3, 3}));
  const Tensor a = stack({matrix_with({1, 1, 2}, true), matrix_with({1, 3, 4}, true)});
  const UnaryFunction alone = [](const Tensor& x) { return sum(exp(eigvalsh(symmetric_part_of(x)))); };
  const UnaryFunction reference = [](const Tensor& x) {
    return sum(diagonal(matrix_exp(symmetric_part_of(x)), 0, -2, -1));
  };
  expect_near(hvp(alone, a, t).second, hvp(reference, a, t).second, bound_near(true));
  // The members together.
  const UnaryFunction coupled = [&](const Tensor& x) { return square(alone(x)); };
  const UnaryFunction coupled_reference = [&](const Tensor& x) { return square(reference(x)); };
  for (const double gap : gaps_of_test) {
    const Tensor b = stack({matrix_with({1, 1 + gap, 2}, true), matrix_with({1, 3, 3 + gap}, true)});
    INFO("gap " << gap);
    expect_near(hvp(coupled, b, t).second, hvp(coupled_reference, b, t).second, bound_near(true) * 100);
  }
  // Several functions of the same values: a batch of cotangents in the recorded gradient.
  const UnaryFunction rows = [](const Tensor& x) {
    const Tensor w = eigvalsh(symmetric_part_of(x));
    return stack({sum(square(w)), sum(exp(w)), sum(w)});
  };
  const UnaryFunction rows_reference = [](const Tensor& x) {
    const Tensor s = symmetric_part_of(x);
    return stack({trace(matmul(s, s)), trace(matrix_exp(s)), trace(s)});
  };
  const Tensor one = matrix_with({1, 1, 2}, true);
  const auto second = [](const UnaryFunction& f) {
    return UnaryFunction([f](const Tensor& x) { return sum(square(jacobian(f, x))); });
  };
  expect_near(grad(second(rows))(one), grad(second(rows_reference))(one), bound_near(false));
}

TEST_CASE("linalg: functions of values with parameters", "[linalg]") {
  const Tensor c = variable(tensor(2.0, f64));
  const Tensor a = variable(matrix_with({1, 1, 2}, true));
  const Tensor w = eigvalsh(a);
  const Tensor g = grad(sum(square(w)) * c * a[0][0], a, {.create_graph = true});
  const Tensor t = tensor({{1.0, 2, -1}, {2, 3, 0.5}, {-1, 0.5, -2}}, f64);
  const Tensor a2 = variable(a.detach());
  const Tensor s = symmetric_part_of(a2);
  const Tensor want = grad(trace(matmul(s, s)) * c * a2[0][0], a2, {.create_graph = true});
  expect_near(grad(sum(g * t), c, {.retain_graph = true}), grad(sum(want * t), c, {.retain_graph = true}), 1e-13);
  expect_near(grad(sum(g * t), a), grad(sum(want * t), a2), 1e-13);
}

TEST_CASE("linalg: what has no second derivative at equal values, or cannot be told, is an error", "[linalg]") {
  const Tensor t = tensor({{1.0, 2, -1}, {2, 3, 0.5}, {-1, 0.5, -2}}, f64);
  const Tensor c = tensor({1.0, 2, 4}, f64);
  const std::vector<std::pair<std::string, UnaryFunction>> all{
      {"weighted squares", [&](const Tensor& a) { return sum(c * square(eigvalsh(a))); }},
      {"the largest", [](const Tensor& a) { return select(eigvalsh(a), -1, 2); }},
      {"max", [](const Tensor& a) { return max(eigvalsh(a)); }},
      {"min", [](const Tensor& a) { return min(eigvalsh(a)); }},
      {"range", [](const Tensor& a) { return max(eigvalsh(a)) - min(eigvalsh(a)); }},
      {"spectral radius", [](const Tensor& a) { return max(abs(eigvalsh(a))); }},
      {"squared spectral radius", [](const Tensor& a) { return max(square(eigvalsh(a))); }},
      {"spectral norm", [](const Tensor& a) { return matrix_norm(a, 2.0); }},
      {"condition number", [](const Tensor& a) { return cond(a); }},
      {"maximum of two",
       [](const Tensor& a) {
         const Tensor w = eigvalsh(a);
         return maximum(select(w, -1, 0), select(w, -1, 2));
       }},
      {"median", [](const Tensor& a) { return median(eigvalsh(a)); }},
      {"second of sorted", [](const Tensor& a) { return select(sort(eigvalsh(a)).values, -1, 1); }},
      {"two recordings", [](const Tensor& a) { return sum(eigvalsh(a) * eigvalsh(a)); }},
      {"values and diagonal", [](const Tensor& a) { return sum(eigvalsh(a) * diagonal(a)); }},
      {"norm of the deviation", [](const Tensor& a) { return std(eigvalsh(a)); }},
      {"values and vectors",
       [](const Tensor& a) {
         const auto e = eigh(a);
         return sum(square(matmul(e.v * e.w, transpose(e.v))));
       }},
  };
  for (const auto& [name, f] : all) {
    INFO(name);
    CHECK_THROWS_AS(hvp(f, eye(3, f64), t), NumericalError);
    CHECK_NOTHROW(hvp(f, matrix_with({1, 2, 4}, true), t));
  }
  CHECK_THROWS_AS(
      hvp(UnaryFunction([](const Tensor& a) { return sum(svdvals(a)); }), zeros({3, 2}, f64), slice(t, 1, 0, 2)),
      NumericalError);
  // What has no coupling inside the equal values is told.
  const UnaryFunction weighted = all[0].second;
  expect_near(hvp(weighted, matrix_with({1, 1, 1}, false), zeros({3, 3}, f64)).second, zeros({3, 3}, f64), 0);
  // The third derivative.
  const UnaryFunction cubes = [](const Tensor& a) { return sum(pow(eigvalsh(a), 3.0)); };
  const UnaryFunction along = [&](const Tensor& a) { return sum(jvp(grad(cubes), a, t).second * t); };
  CHECK_THROWS_AS(grad(along)(eye(3, f64)), NumericalError);
}

TEST_CASE("linalg: second derivatives at nearly equal values in f32", "[linalg]") {
  const Tensor t = tensor({{1.0, 2, -1}, {2, 3, 0.5}, {-1, 0.5, -2}}, f32);
  for (const auto& f : functions_of_eigenvalues()) {
    for (const double gap : {0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2}) {
      INFO(f.name << ", gap " << gap);
      const Tensor a = matrix_with({1, 1 + gap, 2}, true);
      const UnaryFunction by_values = [&](const Tensor& x) { return f.of_values(eigvalsh(symmetric_part_of(x))); };
      const UnaryFunction reference = [&](const Tensor& x) { return f.of_matrix(symmetric_part_of(x)); };
      expect_near(hvp(by_values, a.to(f32), t).second.to(f64), hvp(reference, a, t.to(f64)).second,
                  30 * std::pow(epsilon(f32), 2.0 / 3));
    }
  }
}

}  // namespace
}  // namespace newtape
