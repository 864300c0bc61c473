// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// The least work of a step: what no implementation of the same loss, derivatives and update does without.
namespace bench {

/// Products and convolutions are counted by their definition (no Strassen, no Winograd), those against constants and
/// states that are 0 left out; elementwise arithmetic is not counted.
///
/// Memory traffic is compulsory traffic: the forward pass reads inputs and parameters once and writes results that
/// outlive the step; the backward pass reads again those of them that the derivatives need, and incoming gradients,
/// and writes gradients once; the optimizer reads gradient, parameter and moments, and writes the latter two. What lies
/// between (activations, temporaries) is not counted: it could stay in registers and caches, or be computed again.
struct Work {
  double multiply_adds = 0;     ///< of products and convolutions; Newtape's own counter must not be below
  double other_operations = 0;  ///< floating-point operations of factorizations, at the rate of products
  bool f64 = false;
  double bytes = 0;            ///< read and written
  double footprint = 0;        ///< distinct bytes among these: decides which cache they can stay in
  const char* none = nullptr;  ///< why there is no limit, where there is none

  constexpr double operations() const { return 2 * multiply_adds + other_operations; }
};

namespace work {

constexpr Work none(const char* why) { return {.none = why}; }

/// f32 arrays of `n` elements, `passes` of them read or written, `arrays` of them distinct.
constexpr Work passes(double passes, double arrays, double n) {
  return {.bytes = 4 * n * passes, .footprint = 4 * n * arrays};
}

/// A loss of x [n] that is a scalar: x is read forward, read backward, its gradient written.
constexpr Work chain(double n) { return passes(3, 2, n); }

/// A layer's result and, from a given gradient of it, the input's: x and y; x, g and the gradient.
constexpr Work layer(double n) { return passes(5, 4, n); }

/// sum(w * (a b)) of `batch` n x n matrices: a product forward, two backward. a, b and w are read twice.
constexpr Work product(double n, double batch = 1) {
  auto w = passes(8, 5, batch * n * n);
  w.multiply_adds = 3 * batch * n * n * n;
  return w;
}

/// A network in training, in numbers of elements.
struct Network {
  double multiply_adds = 0;
  double parameters = 0;
  double reread = 0;  ///< weights that gradients of their layer's input need
  double inputs = 0;  ///< that are read forward and backward

  /// Products of x [n, k] with a weight [m, k]; the first layer's input takes no gradient.
  constexpr Network linear(double n, double k, double m, bool first = false) const {
    return {multiply_adds + n * k * m * (first ? 2 : 3), parameters + k * m + m, reread + (first ? 0 : k * m), inputs};
  }
  /// A convolution of `n` images of `pixels`, `area` weights a pair of channels.
  constexpr Network conv(double n, double pixels, double in, double out, double area, bool first = false) const {
    return {multiply_adds + n * pixels * in * out * area * (first ? 2 : 3), parameters + out * in * area + out,
            reread + (first ? 0 : out * in * area), inputs};
  }

  /// Parameters read; gradients written and read; moments (0 to 2) and parameters read and written.
  constexpr Work trained(int moments) const {
    const double passes = 1 + 2 + 2 * (1 + moments);
    return {.multiply_adds = multiply_adds,
            .bytes = 4 * (parameters * passes + reread + 2 * inputs),
            .footprint = 4 * (parameters * (2 + moments) + inputs)};
  }
};

constexpr Work sgd(const Network& f) { return f.trained(0); }
constexpr Work adam(const Network& f) { return f.trained(2); }

constexpr Work tiny_mlp() {
  constexpr double n = 32;
  return adam(Network{.inputs = n * 32 + n}.linear(n, 32, 64, true).linear(n, 64, 64).linear(n, 64, 1));
}

constexpr Work mlp() {
  constexpr double n = 128;
  return adam(Network{.inputs = n * 784}.linear(n, 784, 512, true).linear(n, 512, 512).linear(n, 512, 10));
}

constexpr Work cnn() {
  constexpr double n = 64;
  constexpr auto convolutions = Network{.inputs = n * 784}.conv(n, 28 * 28, 1, 32, 9, true).conv(n, 14 * 14, 32, 64, 9);
  return sgd(convolutions.linear(n, 64 * 7 * 7, 128).linear(n, 128, 10));
}

/// An LSTM (4 gates) or GRU (3), 64-128, over 50 steps of 32 examples. The first state is 0, and takes no gradient.
constexpr Work recurrent(double gates) {
  constexpr double steps = 50, n = 32, in = 64, hidden = 128;
  const double rows = gates * hidden;
  return adam(Network{.multiply_adds = steps * n * in * rows * 2 + (steps - 1) * n * hidden * rows * 3,
                      .parameters = rows * (in + hidden + 2),
                      .reread = rows * hidden,
                      .inputs = steps * n * in}
                  .linear(n, hidden, 10));
}

/// Scores and weighted values are two products of [128, 32] and [128, 128] in each of 8 x 8 heads.
constexpr Work transformer() {
  constexpr double n = 128 * 8, e = 256, f = 1024;
  return adam(Network{.multiply_adds = 3 * 2 * 64 * 128 * 128 * 32, .parameters = 4 * e, .inputs = 2 * n * e}
                  .linear(n, e, 3 * e, true)
                  .linear(n, e, e)
                  .linear(n, e, f)
                  .linear(n, f, e));
}

/// n^3/3 for the factorization, twice that for its pullback (Murray 2016), 2 n^2 for each of two solves.
constexpr Work chol_solve(double n) {
  return {.other_operations = n * n * n + 4 * n * n, .f64 = true, .bytes = 8 * 2 * n * n, .footprint = 8 * 2 * n * n};
}

/// 2 n^3 for the inverse y; its pullback is -y^T g y^T.
constexpr Work inv(double n) {
  return {.multiply_adds = 2 * n * n * n,
          .other_operations = 2 * n * n * n,
          .f64 = true,
          .bytes = 8 * 4 * n * n,
          .footprint = 8 * 3 * n * n};
}

/// Tangents of the forward and the backward pass through products of 10 x 20, 20 x 10 and 10 x 1. The first layer's
/// input is constant: its tangent is one product a pass where the others' are two.
constexpr Work hvp() {
  constexpr double n = 256, first = 200, others = 210, parameters = 441;
  constexpr double forward = first + others, forward_tangent = first + 2 * others;
  constexpr double backward = others, backward_tangent = 2 * others + first + 2 * others;
  return {.multiply_adds = n * (forward + forward_tangent + backward + backward_tangent),
          .f64 = true,
          .bytes = 8 * (2 * n * 11 + 3 * parameters),
          .footprint = 8 * (n * 11 + 3 * parameters)};
}

/// Every image and label read once and written once, into batches of which one at a time need exist.
constexpr Work loader(double n, double batch) {
  constexpr double example = 28 * 28 * 4 + 8;
  return {.bytes = 2 * n * example, .footprint = (n + batch) * example};
}

}  // namespace work

}  // namespace bench
