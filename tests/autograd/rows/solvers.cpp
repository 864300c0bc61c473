// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"
#include "autograd/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/solvers/quadratic_program.hpp>

namespace newtape::table {
namespace {

/// sum d x^2 / 2 + q x subject to sum a x = b and x_0 <= h, over the last axis, with d = 1 / 2 + t_0^2, q = t_1^2,
/// a = 1 / 2 + t_2^2 [.., n], b = 3 + t_3^2, h = -2 - t_4^2 [.., 1]: for any |t| <= 1 the inequality is active. Returns
/// (x, y, z). The squares are there since the solution is linear in q, b and h.
Tensor bounded_program(Args& t) {
  const Tensor d = 0.5 + square(t[0]), q = square(t[1]), a = 0.5 + square(t[2]), b = 3 + square(t[3]),
               h = -2 - square(t[4]);
  const auto n = d.shape(-1);
  const Tensor first = reshape(concatenate({ones({1}, d.dtype()), zeros({n - 1}, d.dtype())}, 0), {1, n});
  const auto solution =
      quadratic_program(unsqueeze(d, -1) * eye(n, d.dtype()), q, {.a = unsqueeze(a, -2), .b = b, .g = first, .h = h});
  return concatenate({solution.x, solution.y, solution.z}, -1);
}

/// By the conditions of the optimum: x_0 = h, x_i = -(q_i + y a_i) / d_i, where y follows from the equality.
Values conditions(const std::vector<Values>& in) {
  const auto& d = in[0].data;
  const std::size_t n = static_cast<std::size_t>(in[0].shape.back());
  Shape shape(in[0].shape.begin(), in[0].shape.end() - 1);
  shape.push_back(in[0].shape.back() + 2);
  Values out(shape);
  for (std::size_t s = 0; n > 0 && s < d.size() / n; ++s) {
    const auto squared = [&](std::size_t which, std::size_t i) {
      const long double t = in[which].data[i];
      return t * t;
    };
    const auto at = [&](std::size_t which, std::size_t i) {
      return (which == 1 ? 0 : 0.5L) + squared(which, s * n + i);
    };
    const long double h = -2 - squared(4, s);
    long double right = 3 + squared(3, s) - at(2, 0) * h, left = 0;
    for (std::size_t i = 1; i < n; ++i) {
      right += at(2, i) * at(1, i) / at(0, i);
      left -= at(2, i) * at(2, i) / at(0, i);
    }
    const long double y = right / left;
    long double* const result = out.data.data() + s * (n + 2);
    result[0] = h;
    for (std::size_t i = 1; i < n; ++i) result[i] = -(at(1, i) + y * at(2, i)) / at(0, i);
    result[n] = y;
    result[n + 1] = -(at(0, 0) * h + at(1, 0) + y * at(2, 0));
  }
  return out;
}

const Tensor line = ones({1, 2});

const Rows solvers{{
    {.name = "quadratic_program",
     .domains = {{.low = 0.1, .high = 1, .above = -1.1, .below = 1.1}},
     .samples = {{{{3}, {3}, {3}, {1}, {1}}, bounded_program, conditions},
                 {{{2, 4}, {2, 4}, {2, 4}, {2, 1}, {2, 1}}, bounded_program, conditions},
                 {{{2, 1, 3}, {2, 1, 3}, {2, 1, 3}, {2, 1, 1}, {2, 1, 1}}, bounded_program, conditions},
                 {{{0, 2}, {0, 2}, {0, 2}, {0, 1}, {0, 1}}, bounded_program, conditions}},
     .rejects =
         {{Error::shape, "the shape of p",
           [] {
             quadratic_program(ones({2, 3}), ones({2}));
           }},
          {Error::shape, "q must have at least one element", [] { quadratic_program(eye(0), zeros({0})); }},
          {Error::shape, "the shape of a", [] { quadratic_program(eye(3), ones({3}), {.a = line, .b = ones({1})}); }},
          {Error::shape, "the shape of g", [] { quadratic_program(eye(2), ones({2}), {.g = line, .h = ones({2})}); }},
          {Error::value, "both a and b", [] { quadratic_program(eye(2), ones({2}), {.a = line}); }},
          {Error::value, "both g and h", [] { quadratic_program(eye(2), ones({2}), {.h = ones({1})}); }},
          {Error::dtype, "h must have the dtype of q",
           [] { quadratic_program(eye(2), ones({2}), {.g = line, .h = ones({1}, f64)}); }},
          {Error::dtype, "float", [] { quadratic_program(eye(2), arange(2)); }},
          {Error::numerical, "no solution was found",
           [] {
             quadratic_program(eye(2), ones({2}), {.g = concatenate({line, -line}, 0), .h = tensor({1, -2}, f32)});
           }},
          {Error::numerical, "no solution was found",
           [] {
             quadratic_program(zeros({2, 2}), ones({2}));
           }},
          {Error::numerical, "p must be positive semidefinite (number 1 of the stack)",
           [] {
             quadratic_program(stack({eye(2), -eye(2)}, 0), ones({2}));
           }}},
     .tolerance_scale = 16,
     .no_line = true},
}};

}  // namespace
}  // namespace newtape::table
