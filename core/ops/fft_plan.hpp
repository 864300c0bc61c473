// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/fft.hpp>
#include <newtape/core/kernels/transpose.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

/// Transforms of one length: what is computed once for it, and the order of passes. Only core/ops/fft.cpp includes this.
namespace newtape::core {

/// exp(-2 pi i k / n), its angle reduced to the first octant.
inline std::pair<long double, long double> unit_root(std::int64_t k, std::int64_t n) {
  constexpr long double two_pi = 6.283185307179586476925286766559L;
  k %= n;
  // Quarter turns of which the nearest is taken off: |rest| <= n / 8 of a turn.
  const std::int64_t quarter = (8 * k + n) / (2 * n);
  const long double angle = two_pi * static_cast<long double>(4 * k - quarter * n) / static_cast<long double>(4 * n);
  const long double c = std::cos(angle), s = std::sin(angle);
  switch (quarter % 4) {
    case 0: return {c, -s};
    case 1: return {-s, -c};
    case 2: return {-c, s};
    default: return {s, c};
  }
}

/// Real and imaginary parts of a column of numbers, each of them `lanes` wide.
template <class T>
struct Parts {
  T* real;
  T* imag;
};

template <class T>
const kernels::FftKernels<T>& fft_kernels() {
  return kernels::select<kernels::FftTable, T>();
}

/// Real and imaginary parts of exp(-2 pi i k / n).
template <class T>
struct RootTable {
  std::vector<T> real, imag;
  RootTable() = default;
  RootTable(std::int64_t n, std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k) append(unit_root(k, n));
  }
  void append(std::pair<long double, long double> root) {
    real.push_back(static_cast<T>(root.first));
    imag.push_back(static_cast<T>(root.second));
  }
};

enum class FftOrder {
  any,       ///< the best for single signals
  in_place,  ///< passes over the whole length, for many signals side by side
};

/// The forward transform of one length, of `lanes` signals side by side.
///
/// Passes over a single signal are narrow at first. A long one is a matrix [first, second] instead: transforms of its
/// columns, 16 of them side by side, a product with roots of unity, and transforms of its rows (the six-step algorithm,
/// Bailey 1990, doi:10.1007/BF00162341, without its separate transpositions).
template <class T>
class FftPlan {
 public:
  explicit FftPlan(std::int64_t n, FftOrder order = FftOrder::any) : n_(n) {
    std::int64_t rest = n;
    for (const std::int64_t radix : {4, 2, 3, 5}) {
      for (; rest % radix == 0; rest /= radix) radices_.push_back(radix);
    }
    for (std::int64_t radix = 7; rest > 1 && radix <= kernels::max_fft_radix; radix += 2) {
      for (; rest % radix == 0; rest /= radix) radices_.push_back(radix);
    }
    if (rest > 1) {
      radices_.clear();
      make_convolution();
    } else if (order == FftOrder::in_place || !make_steps()) {
      roots_ = RootTable<T>(n, n);
    }
  }

  /// The best number of signals side by side: they fill vectors, too many leave the cache.
  std::int64_t lanes() const {
    if (rows_ != nullptr) return 1;
    return chirp_size_ != 0 ? inner_->lanes() : std::clamp<std::int64_t>((1 << 14) / n_, 1, max_lanes);
  }
  /// Elements of T that run() needs for a lane.
  std::int64_t scratch() const {
    if (rows_ != nullptr) return 2 * n_ + 4 * max_lanes * std::max(rows_->n_, inner_->n_);
    return inner_ != nullptr ? 2 * chirp_size_ + inner_->scratch() : 2 * n_;
  }

  /// Transforms x in place; at most lanes() signals.
  void run(Parts<T> x, std::int64_t lanes, T* scratch) const {
    if (rows_ != nullptr) return run_steps(x, scratch);
    if (inner_ != nullptr) return convolve(x, lanes, scratch);
    Parts<T> in = x, out{scratch, scratch + n_ * lanes};
    std::int64_t length = n_, skip = 1;
    for (const std::int64_t radix : radices_) {
      fft_kernels<T>().pass({in.real, in.imag, out.real, out.imag, roots_.real.data(), roots_.imag.data(), n_, length,
                             skip, skip * lanes, radix});
      length /= radix;
      skip *= radix;
      std::swap(in, out);
    }
    if (in.real != x.real) {
      std::copy(in.real, in.real + n_ * lanes, x.real);
      std::copy(in.imag, in.imag + n_ * lanes, x.imag);
    }
  }

 private:
  static constexpr std::int64_t max_lanes = 16, min_steps = 256, min_side = 8;

  /// False where one pass after the other is as good.
  bool make_steps() {
    if (n_ < min_steps) return false;
    auto first = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n_)));
    while (n_ % first != 0) --first;
    if (first < min_side) return false;
    const auto second = n_ / first;
    inner_ = std::make_unique<FftPlan>(first, FftOrder::in_place);
    rows_ = std::make_unique<FftPlan>(second, FftOrder::in_place);
    for (std::int64_t k = 0; k < first; ++k) {
      for (std::int64_t j = 0; j < second; ++j) roots_.append(unit_root(k * j, n_));
    }
    return true;
  }

  /// x[i second + j], j = 0, 1, ..: columns become rows of y[j first + k], and those columns of x[l first + k].
  void run_steps(Parts<T> x, T* scratch) const {
    const auto& k = fft_kernels<T>();
    const auto& transpose = kernels::select<kernels::TransposeTable>();
    const auto first = inner_->n_, second = rows_->n_;
    const Parts<T> y{scratch, scratch + n_};
    T* const block = scratch + 2 * n_;
    for (std::int64_t j = 0; j < second; j += max_lanes) {
      const auto lanes = std::min(max_lanes, second - j), count = first * lanes;
      const Parts<T> b{block, block + count};
      k.copy_rows(x.real + j, second, b.real, lanes, first, lanes);
      k.copy_rows(x.imag + j, second, b.imag, lanes, first, lanes);
      inner_->run(b, lanes, block + 2 * count);
      k.multiply(b.real, b.imag, roots_.real.data() + j, roots_.imag.data() + j, second, first, lanes, 1);
      transpose.of(sizeof(T))(b.real, lanes, y.real + j * first, first, lanes, first);
      transpose.of(sizeof(T))(b.imag, lanes, y.imag + j * first, first, lanes, first);
    }
    for (std::int64_t j = 0; j < first; j += max_lanes) {
      const auto lanes = std::min(max_lanes, first - j), count = second * lanes;
      const Parts<T> b{block, block + count};
      k.copy_rows(y.real + j, first, b.real, lanes, second, lanes);
      k.copy_rows(y.imag + j, first, b.imag, lanes, second, lanes);
      rows_->run(b, lanes, block + 2 * count);
      k.copy_rows(b.real, lanes, x.real + j, first, second, lanes);
      k.copy_rows(b.imag, lanes, x.imag + j, first, second, lanes);
    }
  }

  /// j k = (j^2 + k^2 - (k - j)^2) / 2: a convolution with exp(pi i k^2 / n), of a length with small factors.
  void make_convolution() {
    chirp_size_ = 1;
    while (chirp_size_ < 2 * n_ - 1) chirp_size_ *= 2;
    inner_ = std::make_unique<FftPlan>(chirp_size_);
    const auto size = static_cast<std::size_t>(chirp_size_);
    filter_.real.assign(size, T(0));
    filter_.imag.assign(size, T(0));
    for (std::int64_t k = 0; k < n_; ++k) {
      // k^2 modulo 2 n stays exact.
      const auto root = unit_root(k * k % (2 * n_), 2 * n_);
      roots_.append(root);
      for (const std::int64_t at : {k, (chirp_size_ - k) % chirp_size_}) {
        filter_.real[static_cast<std::size_t>(at)] = static_cast<T>(root.first);
        filter_.imag[static_cast<std::size_t>(at)] = static_cast<T>(-root.second);
      }
    }
    std::vector<T> scratch(static_cast<std::size_t>(inner_->scratch()));
    inner_->run({filter_.real.data(), filter_.imag.data()}, 1, scratch.data());
  }

  /// Not by the number of signals at hand, on which no bit may depend.
  void multiply(Parts<T> x, const RootTable<T>& by, std::int64_t rows, std::int64_t lanes, T scale) const {
    if (this->lanes() == 1) {
      fft_kernels<T>().multiply(x.real, x.imag, by.real.data(), by.imag.data(), 0, 1, rows, scale);
      return;
    }
    for (std::int64_t k = 0; k < rows; ++k) {
      const T real = scale * by.real[static_cast<std::size_t>(k)], imag = scale * by.imag[static_cast<std::size_t>(k)];
      for (std::int64_t l = k * lanes; l < (k + 1) * lanes; ++l) {
        const T re = x.real[l], im = x.imag[l];
        x.real[l] = re * real - im * imag;
        x.imag[l] = re * imag + im * real;
      }
    }
  }

  void convolve(Parts<T> x, std::int64_t lanes, T* scratch) const {
    const std::int64_t count = n_ * lanes, all = chirp_size_ * lanes;
    const Parts<T> padded{scratch, scratch + all};
    multiply(x, roots_, n_, lanes, 1);
    std::copy(x.real, x.real + count, padded.real);
    std::copy(x.imag, x.imag + count, padded.imag);
    std::fill(padded.real + count, padded.real + all, T(0));
    std::fill(padded.imag + count, padded.imag + all, T(0));
    inner_->run(padded, lanes, scratch + 2 * all);
    multiply(padded, filter_, chirp_size_, lanes, T(1) / static_cast<T>(chirp_size_));
    inner_->run({padded.imag, padded.real}, lanes, scratch + 2 * all);  // the inverse
    std::copy(padded.real, padded.real + count, x.real);
    std::copy(padded.imag, padded.imag + count, x.imag);
    multiply(x, roots_, n_, lanes, 1);
  }

  std::int64_t n_;
  std::vector<std::int64_t> radices_;
  RootTable<T> roots_;  ///< exp(-2 pi i k / n); between two steps of [k, j] k j; with a convolution exp(-pi i k^2 / n)
  std::unique_ptr<FftPlan> inner_, rows_;  ///< of columns and rows; of the convolution
  std::int64_t chirp_size_ = 0;
  RootTable<T> filter_;  ///< transform of exp(pi i k^2 / n)
};

}  // namespace newtape::core
