// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/recurrent.hpp>

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/recurrent.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>

namespace newtape::core {

namespace {

template <class T>
const kernels::RecurrentTable<T>& recurrent_table() {
  return kernels::select<kernels::RecurrentTables, T>();
}

template <class F>
void for_dtype(DType dtype, const F& f) {
  dtype == f32 ? f(float{}) : f(double{});
}

/// Steps [from, from + count) of x [T, B, n] as one matrix.
Array rows(const Array& x, std::int64_t from, std::int64_t count) {
  const auto batch = x.shape()[1];
  const auto n = x.shape()[2];
  return Array::view_of(x, {count * batch, n}, {n, 1}, from * batch * n);
}

Array own(Array x) { return x.reusable() ? std::move(x) : copy(x); }

/// The time steps of a sequence in processing order.
class SequenceOrder {
 public:
  SequenceOrder(const Array& x, const Array& h0, const ScanOver& over)
      : steps_(x.shape()[0]),
        batch_(x.shape()[1]),
        n_(h0.shape()[1]),
        reverse_(over.reverse),
        mask_(over.mask.defined() ? contiguous(over.mask) : Array()) {}

  std::int64_t steps() const { return steps_; }
  Shape states() const { return {steps_, batch_, n_}; }

  /// Calls f(t, previous), where previous is the step before t in processing order, or -1.
  template <class F>
  void forward(const F& f) const {
    for (std::int64_t s = 0; s < steps_; ++s) {
      const auto t = reverse_ ? steps_ - 1 - s : s;
      f(t, s == 0 ? -1 : reverse_ ? t + 1 : t - 1);
    }
  }
  template <class F>
  void backward(const F& f) const {
    for (std::int64_t s = steps_; s-- > 0;) {
      const auto t = reverse_ ? steps_ - 1 - s : s;
      f(t, s == 0 ? -1 : reverse_ ? t + 1 : t - 1);
    }
  }
  /// Calls f(row, active) for the rows of the batch, in parallel if there is enough work; active is false where masked.
  template <class F>
  void members(std::int64_t t, const F& f) const {
    const bool* mask = mask_.defined() ? mask_.data<bool>() + t * batch_ : nullptr;
    const auto grain = std::max<std::int64_t>(1, (1 << 13) / std::max<std::int64_t>(n_, 1));
    newtape::detail::parallel_for(batch_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) f(r, mask == nullptr || mask[r]);
    });
  }
  /// The state before step t.
  template <class T>
  const T* before(const Array& all, const Array& first, std::int64_t previous) const {
    return previous < 0 ? first.data<T>() : all.data<T>() + previous * batch_ * n_;
  }
  Array before(const Array& all, const Array& first, std::int64_t previous) const {
    return previous < 0 ? first : rows(all, previous, 1);
  }

  /// w^T for the products of the steps; several of them pay for its copy.
  Array transposed(const Array& w) const {
    const Array view = transpose(w, 0, 1);
    return steps_ < 8 ? view : contiguous(view);
  }

  /// Sum over all steps of d^T h, where h is the state before the step: d [T, B, m] -> [m, H].
  Array weights(const Array& d, const Array& h, const Array& h0) const {
    if (steps_ == 0) return zeros({d.shape()[2], n_}, d.dtype());
    Array g = matmul(transpose(rows(d, reverse_ ? steps_ - 1 : 0, 1), 0, 1), h0);
    if (steps_ > 1) {
      add_matmul(g, transpose(rows(d, reverse_ ? 0 : 1, steps_ - 1), 0, 1), rows(h, reverse_ ? 1 : 0, steps_ - 1));
    }
    return g;
  }

 private:
  std::int64_t steps_, batch_, n_;
  bool reverse_;
  Array mask_;
};

template <class T>
void clear(T* x, std::int64_t n) {
  std::memset(x, 0, static_cast<std::size_t>(n) * sizeof(T));
}
template <class T>
void move(const T* from, T* to, std::int64_t n) {
  std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
}
/// One row of cotangents; null if undefined.
template <class T>
const T* row_of(const Array& g, std::int64_t t, std::int64_t batch, std::int64_t r, std::int64_t n) {
  return g.defined() ? g.data<T>() + (t * batch + r) * n : nullptr;
}
/// Masked step: the state is unchanged, so the cotangent is passed on.
template <class T>
void add_cotangent(const T* g, T* d, std::int64_t n) {
  for (std::int64_t j = 0; g != nullptr && j < n; ++j) d[j] += g[j];
}
Array dense_or_none(const Array& g) { return g.defined() ? contiguous(g) : g; }

}  // namespace

LSTMSteps lstm_scan(Array x, const Array& w, const Array& h_first, const Array& c_first, const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [reverse = over.reverse](const Array& a, const Array& v, const Array& h, const Array& c,
                                                const Array& mask) {
      return lstm_scan(a, v, h, c, {reverse, mask});
    };
    return record_arrays<LSTMSteps>("lstm_scan", again, x, w, h_first, c_first, over.mask);
  }
  const Array h0 = contiguous(h_first);
  const Array c0 = contiguous(c_first);
  const SequenceOrder order(x, h0, over);
  LSTMSteps y{Array::empty(order.states(), x.dtype()), Array::empty(order.states(), x.dtype()), own(std::move(x))};
  const Array wt = order.transposed(w);
  const auto batch = h0.shape()[0];
  const auto n = h0.shape()[1];
  for_dtype(h0.dtype(), [&]<class T>(T) {
    order.forward([&](std::int64_t t, std::int64_t previous) {
      Array a = rows(y.gates, t, 1);
      add_matmul(a, order.before(y.h, h0, previous), wt);
      const T* h = order.before<T>(y.h, h0, previous);
      const T* c = order.before<T>(y.c, c0, previous);
      T* gates = a.data<T>();
      T* h_next = y.h.data<T>() + t * batch * n;
      T* c_next = y.c.data<T>() + t * batch * n;
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        if (active) {
          recurrent_table<T>().lstm(gates + 4 * at, c + at, c_next + at, h_next + at, n);
        } else {
          clear(gates + 4 * at, 4 * n);
          move(h + at, h_next + at, n);
          move(c + at, c_next + at, n);
        }
      });
    });
  });
  return y;
}

LSTMGrads lstm_scan_grad(const Array& cotangent_h, const Array& cotangent_c, const LSTMSteps& y, const Array& w,
                         const Array& h_first, const Array& c_first, const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [reverse = over.reverse](const Array& gh, const Array& gc, const Array& h, const Array& c,
                                                const Array& gates, const Array& v, const Array& h0, const Array& c0,
                                                const Array& mask) {
      return lstm_scan_grad(gh, gc, {h, c, gates}, v, h0, c0, {reverse, mask});
    };
    return record_arrays<LSTMGrads>("lstm_scan_grad", again, cotangent_h, cotangent_c, y.h, y.c, y.gates, w, h_first,
                                    c_first, over.mask);
  }
  const Array gh = dense_or_none(cotangent_h);
  const Array gc = dense_or_none(cotangent_c);
  const Array h0 = contiguous(h_first);
  const Array c0 = contiguous(c_first);
  const SequenceOrder order(y.h, h0, over);
  const auto batch = h0.shape()[0];
  const auto n = h0.shape()[1];
  Array dh = zeros(h0.shape(), h0.dtype());
  Array dc = zeros(h0.shape(), h0.dtype());
  Array dx = Array::empty(y.gates.shape(), h0.dtype());
  for_dtype(h0.dtype(), [&]<class T>(T) {
    order.backward([&](std::int64_t t, std::int64_t previous) {
      Array d = rows(dx, t, 1);
      const T* before = order.before<T>(y.c, c0, previous);
      const T* c = y.c.data<T>() + t * batch * n;
      const T* gates = y.gates.data<T>() + t * batch * 4 * n;
      T* da = d.data<T>();
      T* dh_rows = dh.data<T>();
      T* dc_rows = dc.data<T>();
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        const T* gh_row = row_of<T>(gh, t, batch, r, n);
        const T* gc_row = row_of<T>(gc, t, batch, r, n);
        if (active) {
          recurrent_table<T>().lstm_grad(gates + 4 * at, before + at, c + at, gh_row, gc_row, dh_rows + at,
                                         dc_rows + at, da + 4 * at, n);
        } else {
          clear(da + 4 * at, 4 * n);
          add_cotangent(gh_row, dh_rows + at, n);
          add_cotangent(gc_row, dc_rows + at, n);
        }
      });
      add_matmul(dh, d, w);
    });
  });
  Array dw = order.weights(dx, y.h, h0);
  return {std::move(dx), std::move(dw), std::move(dh), std::move(dc)};
}

GRUSteps gru_scan(Array x, const Array& w, const Array& b, const Array& h_first, const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [reverse = over.reverse](const Array& a, const Array& v, const Array& c, const Array& h,
                                                const Array& mask) {
      return gru_scan(a, v, c, h, {reverse, mask});
    };
    return record_arrays<GRUSteps>("gru_scan", again, x, w, b, h_first, over.mask);
  }
  const Array h0 = contiguous(h_first);
  const SequenceOrder order(x, h0, over);
  GRUSteps y{Array::empty(order.states(), h0.dtype()), own(std::move(x)), Array::empty(order.states(), h0.dtype())};
  const Array wt = order.transposed(w);
  const auto batch = h0.shape()[0];
  const auto n = h0.shape()[1];
  Array u = Array::empty({batch, 3 * n}, h0.dtype());
  for_dtype(h0.dtype(), [&]<class T>(T) {
    order.forward([&](std::int64_t t, std::int64_t previous) {
      assign(u, b);
      add_matmul(u, order.before(y.h, h0, previous), wt);
      const T* h = order.before<T>(y.h, h0, previous);
      const T* parts = u.data<T>();
      T* gates = y.gates.data<T>() + t * batch * 3 * n;
      T* h_next = y.h.data<T>() + t * batch * n;
      T* q = y.q.data<T>() + t * batch * n;
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        if (active) {
          recurrent_table<T>().gru(gates + 3 * at, parts + 3 * at, h + at, h_next + at, n);
          move(parts + 3 * at + 2 * n, q + at, n);
        } else {
          clear(gates + 3 * at, 3 * n);
          clear(q + at, n);
          move(h + at, h_next + at, n);
        }
      });
    });
  });
  return y;
}

GRUGrads gru_scan_grad(const Array& cotangent, const GRUSteps& y, const Array& w, const Array& h_first,
                       const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [reverse = over.reverse](const Array& g, const Array& h, const Array& gates, const Array& q,
                                                const Array& v, const Array& h0, const Array& mask) {
      return gru_scan_grad(g, {h, gates, q}, v, h0, {reverse, mask});
    };
    return record_arrays<GRUGrads>("gru_scan_grad", again, cotangent, y.h, y.gates, y.q, w, h_first, over.mask);
  }
  const Array g = dense_or_none(cotangent);
  const Array h0 = contiguous(h_first);
  const SequenceOrder order(y.h, h0, over);
  const auto batch = h0.shape()[0];
  const auto n = h0.shape()[1];
  Array dh = zeros(h0.shape(), h0.dtype());
  Array dx = Array::empty(y.gates.shape(), h0.dtype());
  Array du = Array::empty(y.gates.shape(), h0.dtype());
  for_dtype(h0.dtype(), [&]<class T>(T) {
    order.backward([&](std::int64_t t, std::int64_t previous) {
      Array d = rows(du, t, 1);
      const T* before = order.before<T>(y.h, h0, previous);
      const T* gates = y.gates.data<T>() + t * batch * 3 * n;
      const T* q = y.q.data<T>() + t * batch * n;
      T* to_x = dx.data<T>() + t * batch * 3 * n;
      T* to_u = d.data<T>();
      T* to_h = dh.data<T>();
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        const T* g_row = row_of<T>(g, t, batch, r, n);
        if (active) {
          recurrent_table<T>().gru_grad(gates + 3 * at, q + at, before + at, g_row, to_h + at, to_x + 3 * at,
                                        to_u + 3 * at, n);
        } else {
          clear(to_x + 3 * at, 3 * n);
          clear(to_u + 3 * at, 3 * n);
          add_cotangent(g_row, to_h + at, n);
        }
      });
      add_matmul(dh, d, w);
    });
  });
  return {std::move(dx), order.weights(du, y.h, h0), sum(du, {0, 1}), std::move(dh)};
}

RNNSteps rnn_scan(Array x, const Array& w, const Array& h_first, Squash squash, const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [squash, reverse = over.reverse](const Array& a, const Array& v, const Array& h,
                                                        const Array& mask) {
      return rnn_scan(a, v, h, squash, {reverse, mask});
    };
    return record_arrays<RNNSteps>("rnn_scan", again, x, w, h_first, over.mask);
  }
  const Array h0 = contiguous(h_first);
  const SequenceOrder order(x, h0, over);
  RNNSteps y;
  if (squash == Squash::tanh) {
    y.a = own(std::move(x));
    y.h = Array::empty(order.states(), h0.dtype());
  } else {
    y.h = own(std::move(x));
  }
  const Array wt = order.transposed(w);
  const auto n = h0.shape()[1];
  for_dtype(h0.dtype(), [&]<class T>(T) {
    order.forward([&](std::int64_t t, std::int64_t previous) {
      Array sums = rows(y.a.defined() ? y.a : y.h, t, 1);
      add_matmul(sums, order.before(y.h, h0, previous), wt);
      const T* h = order.before<T>(y.h, h0, previous);
      T* a = sums.data<T>();
      T* h_next = y.h.data<T>() + t * h0.size();
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        if (!active) {
          if (y.a.defined()) clear(a + at, n);
          move(h + at, h_next + at, n);
        } else if (y.a.defined()) {
          recurrent_table<T>().tanh(a + at, h_next + at, n);
        } else {
          recurrent_table<T>().relu(h_next + at, n);
        }
      });
    });
  });
  return y;
}

RNNGrads rnn_scan_grad(const Array& cotangent, const RNNSteps& steps, const Array& w, const Array& h_first,
                       Squash squash, const ScanOver& over) {
  if (recorder() != nullptr) {
    const auto again = [squash, reverse = over.reverse](const Array& g, const Array& h, const Array& a, const Array& v,
                                                        const Array& h0, const Array& mask) {
      return rnn_scan_grad(g, {h, a}, v, h0, squash, {reverse, mask});
    };
    return record_arrays<RNNGrads>("rnn_scan_grad", again, cotangent, steps.h, steps.a, w, h_first, over.mask);
  }
  const Array g = dense_or_none(cotangent);
  const Array h0 = contiguous(h_first);
  const Array& h = steps.h;
  const Array& source = squash == Squash::tanh ? steps.a : h;
  const SequenceOrder order(h, h0, over);
  const auto batch = h0.shape()[0];
  const auto n = h0.shape()[1];
  Array dh = zeros(h0.shape(), h0.dtype());
  Array dx = Array::empty(h.shape(), h0.dtype());
  for_dtype(h0.dtype(), [&]<class T>(T) {
    const auto f = squash == Squash::tanh ? recurrent_table<T>().tanh_grad : recurrent_table<T>().relu_grad;
    order.backward([&](std::int64_t t, std::int64_t) {
      Array d = rows(dx, t, 1);
      const T* y = source.data<T>() + t * batch * n;
      T* da = d.data<T>();
      T* to_h = dh.data<T>();
      order.members(t, [&](std::int64_t r, bool active) {
        const auto at = r * n;
        const T* g_row = row_of<T>(g, t, batch, r, n);
        if (active) {
          f(y + at, g_row, to_h + at, da + at, n);
        } else {
          clear(da + at, n);
          add_cotangent(g_row, to_h + at, n);
        }
      });
      add_matmul(dh, d, w);
    });
  });
  Array dw = order.weights(dx, h, h0);
  return {std::move(dx), std::move(dw), std::move(dh)};
}

}  // namespace newtape::core
