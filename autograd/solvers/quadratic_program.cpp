// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/solvers/quadratic_program.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/quadratic_program.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

static const Op quadratic_program_op{"quadratic_program"};

namespace {

/// The data of a program, [lead.., ...], and their one vector [lead.., size]: an operation with one input has one
/// pullback, which solves one linear system.
struct Program {
  Tensor p, q, a, b, g, h;
};

struct Lengths {
  std::int64_t n, k, m;
};

Tensor joined_vectors(const std::vector<Tensor>& parts) { return concatenate(parts, -1); }
Tensor flat_matrix(const Tensor& x) { return flatten(x, -2, -1); }
Tensor pack(const Program& d) {
  return joined_vectors({flat_matrix(d.p), d.q, flat_matrix(d.a), d.b, flat_matrix(d.g), d.h});
}
Program unpack(const Tensor& x, const Lengths& l) {
  std::int64_t at = 0;
  const auto vector = [&](std::int64_t length) {
    at += length;
    return slice(x, -1, at - length, at);
  };
  const auto matrix = [&](std::int64_t rows) {
    Shape shape(x.shape().begin(), x.shape().end() - 1);
    shape.push_back(rows), shape.push_back(l.n);
    return reshape(vector(rows * l.n), shape);
  };
  Program d;
  d.p = matrix(l.n), d.q = vector(l.n), d.a = matrix(l.k), d.b = vector(l.k), d.g = matrix(l.m), d.h = vector(l.m);
  return d;
}

/// The solution from one vector [lead.., n + m + k].
QuadraticProgramSolution parted(const Tensor& w, const Lengths& l) {
  return {.x = slice(w, -1, 0, l.n), .y = slice(w, -1, l.n + l.m, l.n + l.m + l.k), .z = slice(w, -1, l.n, l.n + l.m)};
}

Tensor matrix_times(const Tensor& m, const Tensor& v) { return squeeze(matmul(m, unsqueeze(v, -1)), -1); }
Tensor outer_of(const Tensor& a, const Tensor& b) { return unsqueeze(a, -1) * unsqueeze(b, -2); }
Tensor symmetric_part(const Tensor& m) { return 0.5 * (m + transpose(m)); }

[[noreturn]] void not_differentiable(const std::string& why) {
  raise<NumericalError>("quadratic_program: the derivative of the solution does not exist", {}, why);
}

/// 1 for active constraints, else 0. NumericalError where one is active with a multiplier of 0: the set of active ones
/// changes there.
Array active_set(const Array& z, const Array& slack) {
  const auto scaled = [](const Array& v) {
    return core::div(v, core::add(core::max(core::abs(v), -1, true), core::number(1, v.dtype())));
  };
  if (z.size() != 0) {
    const double limit = z.dtype() == f32 ? 1e-4 : 1e-7;
    if (core::min(core::maximum(scaled(z), scaled(slack))).item() < limit) {
      not_differentiable("a constraint is active and its multiplier is 0");
    }
  }
  return core::cast(core::greater(z, slack), z.dtype());
}

/// The cotangent of the data for that of the solution w = (x, z, y), which locally solves the linear system F of the
/// active constraints: p x + q + g^T z + a^T y = 0; g x - h = 0 where active, z = 0 elsewhere; a x - b = 0. With
/// l = -F'(w)^-T cotangent, it is l F'(data) (Amos and Kolter 2017, eq. 6 to 8).
Tensor pulled_back_data(const Tensor& cotangent, const Tensor& w, const Tensor& data, const Lengths& l) {
  const Program d = unpack(data, l);
  const QuadraticProgramSolution at = parted(w, l);
  const Tensor active = active_set(at.z.value(), (d.h - matrix_times(d.g, at.x)).value());
  const Shape lead(w.shape().begin(), w.shape().end() - 1);
  const auto zero = [&](std::int64_t rows, std::int64_t columns) {
    Shape shape = lead;
    shape.push_back(rows), shape.push_back(columns);
    return zeros(shape, w.dtype());
  };
  // The transpose of F'(w).
  const Tensor top = concatenate({d.p, unsqueeze(active, -2) * transpose(d.g), transpose(d.a)}, -1);
  const Tensor middle = concatenate({d.g, eye(l.m, w.dtype()) * unsqueeze(1 - active, -1), zero(l.m, l.k)}, -1);
  const Tensor bottom = concatenate({d.a, zero(l.k, l.m), zero(l.k, l.k)}, -1);
  Tensor multiplier;
  try {
    multiplier = squeeze(linalg::solve(concatenate({top, middle, bottom}, -2), unsqueeze(-cotangent, -1)), -1);
  } catch (const NumericalError& e) {
    not_differentiable(std::string("the solution is not unique, or active constraints are dependent (") + e.what() +
                       ")");
  }
  const QuadraticProgramSolution r = parted(multiplier, l);
  const Tensor of_active = active * r.z;
  return pack({.p = outer_of(r.x, at.x),
               .q = r.x,
               .a = outer_of(at.y, r.x) + outer_of(r.y, at.x),
               .b = -r.y,
               .g = outer_of(at.z, r.x) + outer_of(of_active, at.x),
               .h = -of_active});
}

std::string member(const Shape& lead, std::int64_t i) {
  return lead.empty() ? "" : " (number " + std::to_string(i) + " of the stack)";
}

/// NumericalError for a negative eigenvalue: a stationary point would not be a minimum.
void expect_convex(const Array& p) {
  const Shape lead(p.shape().begin(), p.shape().end() - 2);
  const Array w = core::contiguous(core::eigh(p, false, "quadratic_program").w);
  const auto n = w.shape(-1);
  for (std::int64_t i = 0; i < element_count(lead); ++i) {
    const double* const values = w.data<double>() + i * n;  // ascending
    if (values[0] >= -1e-10 * std::abs(values[n - 1])) continue;
    raise<NumericalError>("quadratic_program: p must be positive semidefinite" + member(lead, i), "eigenvalues >= 0",
                          "the eigenvalue " + std::to_string(values[0]));
  }
}

Array solved(const Tensor& data, const Lengths& l, const QuadraticProgramOptions& options) {
  const NoGrad off;
  const Program d = unpack(data.detach().to(f64), l);
  expect_convex(d.p.value());
  const auto found =
      core::solve(core::QuadraticProgram{d.p.value(), d.q.value(), d.a.value(), d.b.value(), d.g.value(), d.h.value()},
                  {options.tolerance, options.max_iterations});
  const Array converged = core::contiguous(found.converged);
  for (std::int64_t i = 0; i < converged.size(); ++i) {
    if (converged.data<bool>()[i]) continue;
    raise<NumericalError>("quadratic_program: no solution was found" + member(converged.shape(), i),
                          "a feasible and bounded program",
                          "no convergence in " + std::to_string(found.iterations) + " iterations");
  }
  return core::cast(core::concatenate(std::vector<Array>{found.x, found.z, found.y}, -1), data.dtype());
}

void expect_operand(const char* op, const char* which, const Tensor& x, const Shape& trailing) {
  const auto axes = trailing.size();
  const bool right =
      x.ndim() >= axes && Shape(x.shape().end() - static_cast<std::ptrdiff_t>(axes), x.shape().end()) == trailing;
  if (right) return;
  std::string expected = "[..";
  for (const auto length : trailing) expected += ", " + std::to_string(length);
  raise<ShapeError>(std::string(op) + ": the shape of " + which, expected + "]", to_string(x.shape()));
}

void expect_pair(const char* op, const char* matrix, const Tensor& a, const char* vector, const Tensor& b) {
  if (a.defined() == b.defined()) return;
  raise<ValueError>(std::string(op) + ": constraints need both " + matrix + " and " + vector, "both or none",
                    std::string("only ") + (a.defined() ? matrix : vector));
}

/// All data, undefined ones as zeros, with the common leading axes.
Program complete(const char* op, const Tensor& p, const Tensor& q, const LinearConstraints& c, Lengths& l) {
  expect_pair(op, "a", c.a, "b", c.b);
  expect_pair(op, "g", c.g, "h", c.h);
  if (q.ndim() == 0 || q.shape(-1) == 0) {
    raise<ShapeError>(std::string(op) + ": q must have at least one element", "[.., n], n >= 1", to_string(q.shape()));
  }
  const auto rows = [](const Tensor& v) { return v.defined() ? v.ndim() == 0 ? -1 : v.shape(-1) : 0; };
  l = {q.shape(-1), rows(c.b), rows(c.h)};
  const DType dtype = q.dtype();
  if (!is_floating(dtype))
    raise<DTypeError>(std::string(op) + ": q must be of a float dtype", "f32 or f64", name(dtype));
  Program d{.p = p,
            .q = q,
            .a = c.a.defined() ? c.a : zeros({0, l.n}, dtype),
            .b = c.b.defined() ? c.b : zeros({0}, dtype),
            .g = c.g.defined() ? c.g : zeros({0, l.n}, dtype),
            .h = c.h.defined() ? c.h : zeros({0}, dtype)};
  const std::vector<std::pair<const char*, Tensor*>> all{{"p", &d.p}, {"q", &d.q}, {"a", &d.a},
                                                         {"b", &d.b}, {"g", &d.g}, {"h", &d.h}};
  for (const auto& [which, x] : all) {
    if (x->dtype() == dtype) continue;
    raise<DTypeError>(std::string(op) + ": " + which + " must have the dtype of q", name(dtype), name(x->dtype()));
  }
  expect_operand(op, "p", d.p, {l.n, l.n});
  expect_operand(op, "b", d.b, {l.k});
  expect_operand(op, "h", d.h, {l.m});
  expect_operand(op, "a", d.a, {l.k, l.n});
  expect_operand(op, "g", d.g, {l.m, l.n});
  const auto lead = [](const Tensor& x, std::size_t axes) {
    return Shape(x.shape().begin(), x.shape().end() - static_cast<std::ptrdiff_t>(axes));
  };
  Shape common;
  for (const auto& s : {lead(d.p, 2), lead(d.q, 1), lead(d.a, 2), lead(d.b, 1), lead(d.g, 2), lead(d.h, 1)}) {
    common = broadcast_shapes(op, common, s);
  }
  const auto spread = [&](const Tensor& x, std::size_t axes) {
    Shape shape = common;
    for (auto i = x.ndim() - axes; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
    return expand(x, shape);
  };
  return {
      spread(symmetric_part(d.p), 2), spread(d.q, 1), spread(d.a, 2), spread(d.b, 1), spread(d.g, 2), spread(d.h, 1)};
}

QuadraticProgramSolution solution_of(const char* op, const In& p, const In& q, const LinearConstraints& constraints,
                                     const QuadraticProgramOptions& options) {
  Lengths l{};
  const Tensor data = pack(complete(op, p.tensor(), q.tensor(), constraints, l));
  const In packed(data, q.location());
  const Tensor w =
      quadratic_program_op(solved(data, l, options), wrt(packed, [packed, l](const Tensor& g, const Tensor& y) {
                             return pulled_back_data(g, y, packed.tensor(), l);
                           }));
  return parted(w, l);
}

}  // namespace

QuadraticProgramSolution quadratic_program(In p, In q, const LinearConstraints& constraints,
                                           const QuadraticProgramOptions& options) {
  return solution_of("quadratic_program", p, q, constraints, options);
}

QuadraticProgramSolution linear_program(In q, const LinearConstraints& constraints,
                                        const QuadraticProgramOptions& options) {
  const auto n = q.tensor().ndim() == 0 ? 0 : q.tensor().shape(-1);
  const In zero(zeros({n, n}, q.tensor().dtype()), q.location());
  return solution_of("linear_program", zero, q, constraints, options);
}

}  // namespace newtape
