// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// One time step of a recurrent layer for one batch entry, between the matrix products; n hidden features. The
/// cotangent of the new state is g + d (g may be null); on return d is the direct contribution to that of the old
/// state.
namespace newtape::core::kernels {

template <class T>
struct RecurrentTable {
  /// a [4 n]: pre-activations of the gates i, f, g, o, from which gradients are computed too: those of a saturated gate
  /// have no digits in the gate itself. c = f c0 + i g, h = o tanh(c).
  void (*lstm)(const T* a, const T* c0, T* c, T* h, std::int64_t n);
  /// da [4 n]: cotangents of the pre-activations.
  void (*lstm_grad)(const T* a, const T* c0, const T* c, const T* gh, const T* gc, T* dh, T* dc, T* da, std::int64_t n);
  /// a [3 n]: input parts of the pre-activations of r, z, n, replaced by the whole ones; u [3 n]: state parts. n has
  /// the pre-activation a + r u, and h = (1 - z) n + z h0.
  void (*gru)(T* a, const T* u, const T* h0, T* h, std::int64_t n);
  /// da, du [3 n]: cotangents of both parts; q [n]: the last third of u.
  void (*gru_grad)(const T* a, const T* q, const T* h0, const T* g, T* d, T* da, T* du, std::int64_t n);
  /// h = tanh(a) or relu(h), and the cotangents of the pre-activation.
  void (*tanh)(const T* a, T* h, std::int64_t n);
  void (*relu)(T* h, std::int64_t n);
  void (*tanh_grad)(const T* a, const T* g, T* d, T* da, std::int64_t n);
  void (*relu_grad)(const T* h, const T* g, T* d, T* da, std::int64_t n);
};

struct RecurrentTables {
  RecurrentTable<float> f32;
  RecurrentTable<double> f64;
  static const RecurrentTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
