// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

/// Draws from distributions whose parameters are arrays: one draw for each element of the parameters, which broadcast
/// and have the same dtype, f32 or f64. The algorithms are exact and computed in double; draw i depends on the generator
/// and on i only, so that any number of threads gives the same bits. ValueError for parameters out of range.
namespace newtape::random {

/// -log(U) / rate, of that shape.
Array exponential(const Shape& shape, double rate = 1, DType dtype = f32, Generator& generator = default_generator());
/// Scale 1, by Marsaglia & Tsang 2000. alpha > 0.
Array standard_gamma(const Array& alpha, Generator& generator = default_generator());
/// Its logarithm, also where the number itself would underflow.
Array log_standard_gamma(const Array& alpha, Generator& generator = default_generator());
/// a, b > 0: x / (x + y) with x and y from gamma distributions of shapes a and b.
Array beta(const Array& a, const Array& b, Generator& generator = default_generator());
/// alpha [.., k] > 0 -> points of the simplex [.., k].
Array dirichlet(const Array& alpha, Generator& generator = default_generator());
/// df > 0 degrees of freedom: a normal draw over the root of a chi-squared one divided by df.
Array student_t(const Array& df, Generator& generator = default_generator());
/// Counts, as floats: products of uniform numbers, or Hörmann's PTRS (1993) for rate >= 10.
Array poisson(const Array& rate, Generator& generator = default_generator());
/// Successes among `count` trials, as floats: jumps between successes, or Hörmann's BTRS (1993) for count p >= 10.
Array binomial(const Array& count, const Array& p, Generator& generator = default_generator());
/// Angles in [-pi, pi) about 0, by Best & Fisher 1979. kappa >= 0.
Array von_mises(const Array& kappa, Generator& generator = default_generator());
/// 1 with probability p, else 0.
Array bernoulli(const Array& p, Generator& generator = default_generator());
/// Indices (i64) drawn with probabilities proportional to weights [.., k] >= 0: `shape` draws for each row,
/// [shape.., ..].
Array categorical(const Array& weights, const Shape& shape = {}, Generator& generator = default_generator());
/// Numbers of draws of each category among `count`, as floats: weights [.., k] -> [shape.., .., k], by conditional
/// binomial draws.
Array multinomial(std::int64_t count, const Array& weights, const Shape& shape = {},
                  Generator& generator = default_generator());

}  // namespace newtape::random
