// SPDX-License-Identifier: BSD-3-Clause
// Shampoo and SOAP against their papers' formulas, worked entry by entry on small matrices of doubles.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/shampoo.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

/// A matrix of doubles, with operations by definition.
struct Matrix {
  std::size_t n, m;
  std::vector<double> v;
  Matrix(std::size_t rows, std::size_t columns) : n(rows), m(columns), v(rows * columns) {}
  explicit Matrix(const nt::Array& x)
      : Matrix(static_cast<std::size_t>(x.shape(0)), static_cast<std::size_t>(x.shape(1))) {
    const auto dense = nt::core::contiguous(nt::core::cast(x, nt::f64));
    std::copy(dense.data<double>(), dense.data<double>() + dense.size(), v.begin());
  }
  double& operator()(std::size_t i, std::size_t j) { return v[i * m + j]; }
  double operator()(std::size_t i, std::size_t j) const { return v[i * m + j]; }
  nt::Array array(nt::DType dtype = nt::f64) const {
    auto x = nt::Array::empty({static_cast<std::int64_t>(n), static_cast<std::int64_t>(m)}, nt::f64);
    std::copy(v.begin(), v.end(), x.data<double>());
    return nt::core::cast(x, dtype);
  }
};
Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c(a.n, b.m);
  for (std::size_t i = 0; i < a.n; ++i) {
    for (std::size_t j = 0; j < b.m; ++j) {
      for (std::size_t k = 0; k < a.m; ++k) c(i, j) += a(i, k) * b(k, j);
    }
  }
  return c;
}
Matrix operator+(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.v.size(); ++i) a.v[i] += b.v[i];
  return a;
}
Matrix operator*(double s, Matrix a) {
  for (auto& x : a.v) x *= s;
  return a;
}
Matrix t(const Matrix& a) {
  Matrix b(a.m, a.n);
  for (std::size_t i = 0; i < a.n; ++i) {
    for (std::size_t j = 0; j < a.m; ++j) b(j, i) = a(i, j);
  }
  return b;
}
Matrix identity(std::size_t n) {
  Matrix x(n, n);
  for (std::size_t i = 0; i < n; ++i) x(i, i) = 1;
  return x;
}
double frobenius(const Matrix& a) {
  double s = 0;
  for (const double x : a.v) s += x * x;
  return std::sqrt(s);
}

/// a^(-1/2) of a positive definite matrix by the iteration of Denman and Beavers (1976): no eigenvalues.
Matrix inverse_square_root(const Matrix& a) {
  const auto inverse = [](Matrix x) {  // Gauss-Jordan without pivoting, for positive definite x
    Matrix y = identity(x.n);
    for (std::size_t k = 0; k < x.n; ++k) {
      const double pivot = x(k, k);
      for (std::size_t j = 0; j < x.n; ++j) x(k, j) /= pivot, y(k, j) /= pivot;
      for (std::size_t i = 0; i < x.n; ++i) {
        if (i == k) continue;
        const double f = x(i, k);
        for (std::size_t j = 0; j < x.n; ++j) x(i, j) -= f * x(k, j), y(i, j) -= f * y(k, j);
      }
    }
    return y;
  };
  Matrix y = a;
  Matrix z = identity(a.n);
  for (int i = 0; i < 60; ++i) {
    const Matrix next = 0.5 * (y + inverse(z));
    z = 0.5 * (z + inverse(y));
    y = next;
  }
  return z;
}
Matrix square_root(const Matrix& a) { return a * inverse_square_root(a); }

nt::Tensor random_gradient(const nt::Shape& shape, nt::Generator& random) {
  return nt::random::normal(shape, 0, 1, nt::f64, random);
}

/// Compares five steps of an optimizer on a matrix [n, m] with `rule(t, w, g)`.
template <class O, class Rule>
void compare_matrices(O& optimizer, const nt::Parameter& p, Rule rule, double tolerance) {
  Matrix want(p.value());
  nt::Generator random(7);
  for (int step = 1; step <= 5; ++step) {
    INFO("step " << step);
    const auto g = random_gradient(p.shape(), random);
    p.set_grad(g.to(p.dtype()));
    optimizer.step();
    rule(step, want, Matrix(g.value()));
    CHECK(distance(p.value(), want.array(p.dtype())) < tolerance);
  }
}

nt::Parameter start_of(const nt::Shape& shape, nt::DType dtype) {
  const auto numbers = nt::core::arange(nt::element_count(shape), nt::f64, -1, 0.37);
  return nt::Parameter(nt::core::cast(nt::core::reshape(numbers, shape), dtype));
}

/// Tolerances; the roots lose digits in f32.
const std::vector<std::pair<nt::DType, double>> dtypes = {{nt::f64, 1e-11}, {nt::f32, 2e-5}};

}  // namespace

TEST_CASE("Shampoo follows its paper's algorithm 1") {
  for (const auto& [dtype, tolerance] : dtypes) {
    const auto p = start_of({3, 4}, dtype);
    optim::Shampoo o({p}, {.lr = 0.1, .momentum = 0.6, .eps = 0.1, .weight_decay = 0.2});
    Matrix l = 0.1 * identity(3);
    Matrix r = 0.1 * identity(4);
    Matrix v(3, 4);
    compare_matrices(
        o, p,
        [&](int, Matrix& w, const Matrix& gradient_of_loss) {
          const Matrix g = gradient_of_loss + 0.2 * w;
          l = l + g * t(g);
          r = r + t(g) * g;
          const auto root = [](const Matrix& a) { return inverse_square_root(square_root(a)); };
          v = 0.6 * v + root(l) * g * root(r);
          w = w + -0.1 * v;
        },
        tolerance);
  }
}

TEST_CASE("Shampoo's averages, intervals and grafting") {
  const auto p = start_of({3, 2}, nt::f64);
  optim::Shampoo o({p},
                   {.lr = 0.1, .beta2 = 0.9, .eps = 0.1, .grafting = optim::Grafting::adagrad, .update_interval = 3});
  Matrix l(3, 3);
  Matrix r(2, 2);
  Matrix left(3, 3);
  Matrix right(2, 2);
  Matrix squares(3, 2);
  compare_matrices(
      o, p,
      [&](int step, Matrix& w, const Matrix& g) {
        l = 0.9 * l + 0.1 * (g * t(g));
        r = 0.9 * r + 0.1 * (t(g) * g);
        if (step == 1 || step == 4) {
          left = inverse_square_root(square_root(l + 0.1 * identity(3)));
          right = inverse_square_root(square_root(r + 0.1 * identity(2)));
        }
        Matrix adagrad(3, 2);
        for (std::size_t i = 0; i < 6; ++i) {
          squares.v[i] = 0.9 * squares.v[i] + 0.1 * g.v[i] * g.v[i];
          adagrad.v[i] = g.v[i] / std::sqrt(squares.v[i] + 0.1);
        }
        const Matrix direction = left * g * right;
        w = w + (-0.1 * frobenius(adagrad) / frobenius(direction)) * direction;
      },
      1e-11);
}

TEST_CASE("Shampoo in blocks is Shampoo of each block") {
  // [5, 3] in blocks of at most [2, 2]: rows 2 2 1, columns 2 1.
  const auto whole = start_of({5, 3}, nt::f64);
  const optim::ShampooOptions options{.lr = 0.1, .block_size = 2};
  optim::Shampoo o({whole}, options);
  const auto part = [](const nt::Tensor& x, int i, int j) {
    return x[{nt::Slice(2 * i, 2 * i + 2), nt::Slice(2 * j, 2 * j + 2)}];
  };
  nt::Generator random(3);
  std::vector<nt::Tensor> gradients;
  const nt::Array before = nt::core::copy(whole.value());
  for (int step = 0; step < 3; ++step) {
    gradients.push_back(random_gradient({5, 3}, random));
    whole.set_grad(gradients.back());
    o.step();
  }
  for (int i = 0; i < 2; ++i) {  // the last row of blocks has one row, which alone would count as a vector
    const nt::Parameter block(nt::core::contiguous(part(before, i, 0).value()));
    optim::Shampoo alone({block}, {.lr = 0.1});
    for (const auto& g : gradients) {
      block.set_grad(part(g, i, 0));
      alone.step();
    }
    CHECK(distance(nt::core::contiguous(part(whole.tensor().detach(), i, 0).value()), block.value()) < 1e-12);
  }
}

TEST_CASE("Shampoo of more axes, by algorithm 2: along each the root of order 2k") {
  // A first step from zeros, with a gradient that is an outer product u v w, |u| = |v| = |w| = 1 times s: along each
  // axis the matrix is eps I + s^2 u u^T, and the step is s (eps + s^2)^(-3/6) u v w.
  const nt::Parameter p(nt::zeros({2, 3, 4}, nt::f64));
  nt::Generator random(5);
  const auto unit = [&](std::int64_t n) {
    const auto x = random_gradient({n}, random);
    return x / nt::sqrt(nt::sum(x * x));
  };
  const nt::Tensor outer = nt::reshape(unit(2), {2, 1, 1}) * nt::reshape(unit(3), {3, 1}) * unit(4);
  p.set_grad(outer * 3.0);
  optim::Shampoo o({p}, {.lr = 1, .eps = 0.5});
  o.step();
  CHECK(distance(p.value(), (outer * (-3.0 / std::sqrt(0.5 + 9))).value()) < 1e-12);
}

TEST_CASE("Shampoo trains vectors by Adagrad, whatever axes of length 1 they have") {
  for (const nt::Shape& shape : {nt::Shape{4}, nt::Shape{4, 1}, nt::Shape{1, 1, 4}}) {
    const auto p = start_of(shape, nt::f64);
    const nt::Array before = nt::core::copy(p.value());
    optim::Shampoo o({p}, {.lr = 0.1, .eps = 0.25});
    nt::Generator random(2);
    const auto g = random_gradient(shape, random);
    p.set_grad(g);
    o.step();
    CHECK(distance(p.value(), (nt::Tensor(before) - 0.1 * g / nt::sqrt(g * g + 0.25)).value()) < 1e-14);
  }
}

TEST_CASE("SOAP follows its paper's algorithm 3") {
  for (const auto& dtype_and_tolerance : dtypes) {
    const auto dtype = dtype_and_tolerance.first;
    const double tolerance = dtype_and_tolerance.second;
    const auto p = start_of({3, 4}, dtype);
    const double b1 = 0.8, b2 = 0.9, eps = 1e-3, lr = 0.1, decay = 0.2;
    optim::SOAP o({p}, {.lr = lr, .betas = {b1, b2}, .eps = eps, .weight_decay = decay, .precondition_interval = 2});
    Matrix l(3, 3), r(4, 4), ql(3, 3), qr(4, 4), m(3, 4), v(3, 4);
    // Gram-Schmidt: q of a full-rank matrix, up to the signs of its columns, which do not change the steps.
    const auto orthonormal = [](Matrix a) {
      for (std::size_t j = 0; j < a.m; ++j) {
        for (int twice = 0; twice < 2; ++twice) {
          for (std::size_t k = 0; k < j; ++k) {
            double dot = 0;
            for (std::size_t i = 0; i < a.n; ++i) dot += a(i, k) * a(i, j);
            for (std::size_t i = 0; i < a.n; ++i) a(i, j) -= dot * a(i, k);
          }
        }
        double length = 0;
        for (std::size_t i = 0; i < a.n; ++i) length += a(i, j) * a(i, j);
        for (std::size_t i = 0; i < a.n; ++i) a(i, j) /= std::sqrt(length);
      }
      return a;
    };
    compare_matrices(
        o, p,
        [&](int step, Matrix& w, const Matrix& g) {
          if (step > 1) {
            m = b1 * m + (1 - b1) * g;
            const Matrix rotated = t(ql) * g * qr;
            const Matrix mean = t(ql) * m * qr;
            Matrix n(3, 4);
            for (std::size_t i = 0; i < 12; ++i) {
              v.v[i] = b2 * v.v[i] + (1 - b2) * rotated.v[i] * rotated.v[i];
              n.v[i] =
                  mean.v[i] / (1 - std::pow(b1, step - 1)) / (std::sqrt(v.v[i] / (1 - std::pow(b2, step - 1))) + eps);
            }
            w = (1 - lr * decay) * w + -lr * (ql * n * t(qr));
          }
          l = b2 * l + (1 - b2) * (g * t(g));
          r = b2 * r + (1 - b2) * (t(g) * g);
          if (step == 1) {
            // The eigenvectors are unique up to sign only; take those of the optimizer, and check them.
            const auto state = o.state_dict();
            for (const auto& [name, value] : state) {
              if (name == "state.0.basis_0") ql = Matrix(nt::core::select(value, 0, 0));
              if (name == "state.0.basis_1") qr = Matrix(nt::core::select(value, 0, 0));
            }
            const auto diagonal = [](const Matrix& q, const Matrix& a) {
              const Matrix d = t(q) * a * q;
              double off = 0;
              for (std::size_t i = 0; i < d.n; ++i) {
                if (i > 0) CHECK(d(i, i) <= d(i - 1, i - 1) + 1e-6);
                for (std::size_t j = 0; j < d.n; ++j) off = std::max(off, i == j ? 0 : std::abs(d(i, j)));
              }
              return off;
            };
            CHECK(diagonal(ql, l) < tolerance);
            CHECK(diagonal(qr, r) < tolerance);
          } else if (step % 2 == 0) {
            ql = orthonormal(l * ql);
            qr = orthonormal(r * qr);
          }
        },
        20 * tolerance);
  }
}

TEST_CASE("Shampoo and SOAP do not depend on the choice of axes: rotated gradients give rotated steps") {
  // Unlike diagonal methods; for a parameter of three axes.
  nt::Generator random(11);
  std::vector<nt::Tensor> rotations;
  for (const std::int64_t n : {2, 3, 4})
    rotations.emplace_back(nt::core::qr(random_gradient({n, n}, random).value()).q);
  const auto rotated = [&](const nt::Tensor& t) {
    return nt::einsum("ia,jb,kc,abc->ijk", {rotations[0], rotations[1], rotations[2], t});
  };
  const auto difference = [&](auto make) {
    const auto p = start_of({2, 3, 4}, nt::f64);
    const nt::Parameter q(rotated(p.tensor().detach()));
    const auto of_p = make(p);
    const auto of_q = make(q);
    nt::Generator gradients(5);
    for (int step = 0; step < 5; ++step) {
      const auto g = random_gradient({2, 3, 4}, gradients);
      p.set_grad(g);
      q.set_grad(rotated(g));
      of_p->step();
      of_q->step();
    }
    return distance(q.value(), rotated(p.tensor().detach()).value());
  };
  CHECK(difference([](const nt::Parameter& p) {
          return std::make_unique<optim::Shampoo>(
              std::vector{p}, optim::ShampooOptions{.momentum = 0.5, .weight_decay = 0.1, .update_interval = 2});
        }) < 1e-10);
  CHECK(difference([](const nt::Parameter& p) {
          return std::make_unique<optim::SOAP>(std::vector{p},
                                               optim::SOAPOptions{.lr = 0.1, .precondition_interval = 2});
        }) < 1e-8);
  CHECK(difference([](const nt::Parameter& p) {
          return std::make_unique<optim::AdamW>(std::vector{p}, optim::AdamWOptions{.lr = 0.1});
        }) > 1e-2);
}

TEST_CASE("SOAP keeps the basis of long axes, and trains vectors by AdamW") {
  // Without rotated axes it is AdamW, one step late.
  const auto p = start_of({3, 4}, nt::f64);
  const auto q = start_of({3, 4}, nt::f64);
  const auto u = start_of({5}, nt::f64);
  const auto w = start_of({5}, nt::f64);
  optim::SOAP soap({p, u}, {.lr = 0.1, .betas = {0.8, 0.9}, .max_precond_dim = 2});
  optim::AdamW late({q}, {.lr = 0.1, .betas = {0.8, 0.9}});
  optim::AdamW at_once({w}, {.lr = 0.1, .betas = {0.8, 0.9}});
  nt::Generator random(1);
  for (int step = 0; step < 4; ++step) {
    const auto g = random_gradient({3, 4}, random);
    const auto h = random_gradient({5}, random);
    p.set_grad(g), q.set_grad(g), u.set_grad(h), w.set_grad(h);
    soap.step();
    if (step > 0) late.step();
    at_once.step();
  }
  CHECK(distance(p.value(), q.value()) < 1e-14);
  CHECK(identical(u.value(), w.value()));
  for (const auto& [name, value] : soap.state_dict()) CHECK(name.find("basis") == std::string::npos);
}

TEST_CASE("Shampoo and SOAP reject invalid options and gradients") {
  const auto p = start_of({2, 2}, nt::f32);
  CHECK_THROWS_WITH(optim::Shampoo({p}, {.eps = 0}), contains("Shampoo: eps"));
  CHECK_THROWS_WITH(optim::Shampoo({p}, {.block_size = 0}), contains("Shampoo: block_size"));
  CHECK_THROWS_WITH(optim::Shampoo({p}, {.beta2 = 1.1}), contains("Shampoo: beta2"));
  CHECK_THROWS_WITH(optim::SOAP({p}, {.precondition_interval = 0}), contains("SOAP: precondition_interval"));
  const nt::Array before = nt::core::copy(p.value());
  p.set_grad(nt::tensor({{1, 2}, {NAN, 3}}));
  optim::Shampoo shampoo({p});
  optim::SOAP soap({p});
  CHECK_THROWS_WITH(shampoo.step(), contains("Shampoo") && contains("nan"));
  CHECK_THROWS_AS(soap.step(), nt::NumericalError);
  CHECK(identical(p.value(), before));

  // A state with other blocks is rejected, and the options are unchanged.
  p.set_grad(nt::ones({2, 2}));
  shampoo.step();
  auto state = shampoo.state_dict();
  for (auto& [name, value] : state) {
    if (name == "param_groups.0.block_size") value = nt::tensor(1, nt::f64).value();
  }
  CHECK_THROWS_WITH(shampoo.load_state_dict(state), contains("gram_0: expected f32 [4, 1, 1], got f32 [1, 2, 2]"));
  CHECK(shampoo.options().block_size == 256);
}
