// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/fft.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/fft.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace newtape::core {

namespace {

/// exp(-2 pi i k / n), its angle reduced to the first octant.
std::pair<long double, long double> unit_root(std::int64_t k, std::int64_t n) {
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

/// The forward transform of one length, of `lanes` signals side by side.
template <class T>
class FftPlan {
 public:
  explicit FftPlan(std::int64_t n) : n_(n) {
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
    } else {
      roots_ = table(n, n);
    }
  }

  /// Elements of T that run() needs for a lane.
  std::int64_t scratch() const { return chirp_size_ == 0 ? 2 * n_ : 2 * chirp_size_ + inner_->scratch(); }

  /// Transforms x in place.
  void run(Parts<T> x, std::int64_t lanes, T* scratch) const {
    if (chirp_size_ != 0) return convolve(x, lanes, scratch);
    Parts<T> in = x, out{scratch, scratch + n_ * lanes};
    std::int64_t length = n_, skip = 1;
    for (const std::int64_t radix : radices_) {
      kernels::select<kernels::FftTable, T>()({in.real, in.imag, out.real, out.imag, roots_.first.data(),
                                               roots_.second.data(), n_, length, skip, skip * lanes, radix});
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
  using Table = std::pair<std::vector<T>, std::vector<T>>;

  /// exp(-2 pi i k / n) for the first `count` k.
  static Table table(std::int64_t n, std::int64_t count) {
    Table t;
    for (std::int64_t k = 0; k < count; ++k) {
      const auto [real, imag] = unit_root(k, n);
      t.first.push_back(static_cast<T>(real));
      t.second.push_back(static_cast<T>(imag));
    }
    return t;
  }

  /// j k = (j^2 + k^2 - (k - j)^2) / 2: a convolution with exp(pi i k^2 / n), of a length with small factors.
  void make_convolution() {
    chirp_size_ = 1;
    while (chirp_size_ < 2 * n_ - 1) chirp_size_ *= 2;
    inner_ = std::make_unique<FftPlan>(chirp_size_);
    const auto size = static_cast<std::size_t>(chirp_size_);
    filter_ = {std::vector<T>(size, T(0)), std::vector<T>(size, T(0))};
    for (std::int64_t k = 0; k < n_; ++k) {
      // k^2 modulo 2 n stays exact.
      const auto [real, imag] = unit_root(k * k % (2 * n_), 2 * n_);
      roots_.first.push_back(static_cast<T>(real));
      roots_.second.push_back(static_cast<T>(imag));
      for (const std::int64_t at : {k, (chirp_size_ - k) % chirp_size_}) {
        filter_.first[static_cast<std::size_t>(at)] = static_cast<T>(real);
        filter_.second[static_cast<std::size_t>(at)] = static_cast<T>(-imag);
      }
    }
    std::vector<T> scratch(static_cast<std::size_t>(inner_->scratch()));
    inner_->run({filter_.first.data(), filter_.second.data()}, 1, scratch.data());
  }

  static void multiply(Parts<T> x, const Table& by, std::int64_t rows, std::int64_t lanes, T scale) {
    for (std::int64_t k = 0; k < rows; ++k) {
      const T real = by.first[static_cast<std::size_t>(k)] * scale,
              imag = by.second[static_cast<std::size_t>(k)] * scale;
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
  Table roots_;  ///< exp(-2 pi i k / n); with a convolution exp(-pi i k^2 / n)
  std::int64_t chirp_size_ = 0;
  std::unique_ptr<FftPlan> inner_;
  Table filter_;  ///< transform of exp(pi i k^2 / n)
};

/// exp(-2 pi i k / n) for k up to n / 2, which join the halves of a real transform.
template <class T>
struct HalfRoots {
  std::vector<std::pair<T, T>> w;
  explicit HalfRoots(std::int64_t n) {
    for (std::int64_t k = 0; k <= n / 2; ++k) w.emplace_back(unit_root(k, n));
  }
};

/// What depends on the length only is kept for the whole process, up to a number of lengths.
template <class Kept>
std::shared_ptr<const Kept> kept_for(std::int64_t n) {
  constexpr std::size_t max_lengths = 64;
  static std::mutex mutex;
  static std::map<std::int64_t, std::shared_ptr<const Kept>> all;
  const std::lock_guard lock(mutex);
  const auto found = all.find(n);
  if (found != all.end()) return found->second;
  if (all.size() >= max_lengths) all.clear();
  return all[n] = std::make_shared<const Kept>(n);
}

constexpr std::int64_t max_lanes = 16;
constexpr std::int64_t min_parallel = 1 << 13;  // elements below which one thread does the work

/// Calls work(first, lanes, buffer) for groups of signals, with a buffer of `elements` T for each lane.
template <class T, class Work>
void for_groups(std::int64_t signals, std::int64_t n, std::int64_t elements, const Work& work) {
  // Side by side they fill vectors; too many leave the cache.
  const std::int64_t lanes = std::clamp<std::int64_t>((1 << 14) / std::max<std::int64_t>(n, 1), 1, max_lanes);
  const std::int64_t groups = (signals + lanes - 1) / lanes;
  const std::int64_t grain = std::max<std::int64_t>(1, min_parallel / std::max<std::int64_t>(1, n * lanes));
  newtape::detail::parallel_for(groups, grain, [&](std::int64_t begin, std::int64_t end) {
    Array buffer = Array::empty({elements * lanes}, dtype_of<T>);
    for (std::int64_t g = begin; g < end; ++g) {
      work(g * lanes, std::min(lanes, signals - g * lanes), buffer.data<T>());
    }
  });
}

void expect_pairs(const char* op, const Array& z) {
  expect_floating(op, z);
  if (z.ndim() >= 2 && z.shape(-1) == 2 && z.shape(-2) >= 1) return;
  raise<ShapeError>(std::string(op) + ": a complex array has real and imaginary parts along its last axis",
                    "[.., n, 2], n >= 1", to_string(z.shape()));
}
Shape replaced(const Shape& shape, std::size_t axes, std::initializer_list<std::int64_t> by) {
  Shape result(shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(axes));
  for (const auto length : by) result.push_back(length);
  return result;
}

template <class T>
void complex_transform(const Array& z, Array& y, bool inverse, T scale) {
  const auto n = z.shape(-2), signals = z.size() / (2 * n);
  const auto plan = kept_for<FftPlan<T>>(n);
  const T* const in = z.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, n, 2 * n + plan->scratch(), [&](std::int64_t first, std::int64_t lanes, T* buffer) {
    const Parts<T> x{buffer, buffer + n * lanes};
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* const from = in + (first + l) * 2 * n;
      for (std::int64_t k = 0; k < n; ++k) x.real[k * lanes + l] = from[2 * k], x.imag[k * lanes + l] = from[2 * k + 1];
    }
    plan->run(inverse ? Parts<T>{x.imag, x.real} : x, lanes, buffer + 2 * n * lanes);
    for (std::int64_t l = 0; l < lanes; ++l) {
      T* const to = out + (first + l) * 2 * n;
      for (std::int64_t k = 0; k < n; ++k) {
        to[2 * k] = scale * x.real[k * lanes + l], to[2 * k + 1] = scale * x.imag[k * lanes + l];
      }
    }
  });
}

/// Even lengths: elements with even and odd numbers as real and imaginary parts of n / 2 numbers.
template <class T>
void real_transform(const Array& source, Array& y, T scale) {
  const auto n = source.shape(-1), signals = source.size() / n;
  const bool even = n % 2 == 0;
  const auto half = n / 2, count = even ? half : n;
  const auto plan = kept_for<FftPlan<T>>(count);
  const auto roots = kept_for<HalfRoots<T>>(n);
  const T* const in = source.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, count, 2 * count + plan->scratch(), [&](std::int64_t first, std::int64_t lanes, T* buffer) {
    const Parts<T> x{buffer, buffer + count * lanes};
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* const from = in + (first + l) * n;
      for (std::int64_t k = 0; k < count; ++k) {
        x.real[k * lanes + l] = even ? from[2 * k] : from[k];
        x.imag[k * lanes + l] = even ? from[2 * k + 1] : T(0);
      }
    }
    plan->run(x, lanes, buffer + 2 * count * lanes);
    for (std::int64_t l = 0; l < lanes; ++l) {
      T* const to = out + (first + l) * 2 * (half + 1);
      for (std::int64_t k = 0; k <= half; ++k) {
        const auto a = k % count * lanes + l, b = (count - k) % count * lanes + l;
        T real = x.real[a], imag = x.imag[a];
        if (even) {
          // The transforms of both halves: (z_k + conj z_-k) / 2 and (z_k - conj z_-k) / 2i.
          const T even_real = (x.real[a] + x.real[b]) / 2, even_imag = (x.imag[a] - x.imag[b]) / 2;
          const T odd_real = (x.imag[a] + x.imag[b]) / 2, odd_imag = (x.real[b] - x.real[a]) / 2;
          const auto [c, s] = roots->w[static_cast<std::size_t>(k)];
          real = even_real + c * odd_real - s * odd_imag;
          imag = even_imag + c * odd_imag + s * odd_real;
        }
        to[2 * k] = scale * real, to[2 * k + 1] = scale * imag;
      }
      // Exactly real.
      to[1] = 0;
      if (even) to[2 * half + 1] = 0;
    }
  });
}

template <class T>
void real_inverse(const Array& z, Array& y, T scale) {
  const auto n = y.shape(-1), signals = y.size() / n;
  const bool even = n % 2 == 0;
  const auto half = n / 2, count = even ? half : n;
  const auto plan = kept_for<FftPlan<T>>(count);
  const auto roots = kept_for<HalfRoots<T>>(n);
  const T* const in = z.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, count, 2 * count + plan->scratch(), [&](std::int64_t first, std::int64_t lanes, T* buffer) {
    const Parts<T> x{buffer, buffer + count * lanes};
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* const from = in + (first + l) * 2 * (half + 1);
      const auto imaginary = [&](std::int64_t k) { return k == 0 || (even && k == half) ? T(0) : from[2 * k + 1]; };
      for (std::int64_t k = 0; k < count; ++k) {
        T real, imag;
        if (even) {
          // As above, backwards: twice the transforms of both halves, e + i o.
          const auto b = half - k;
          const T sum_real = from[2 * k] + from[2 * b], sum_imag = imaginary(k) - imaginary(b);
          const T gap_real = from[2 * k] - from[2 * b], gap_imag = imaginary(k) + imaginary(b);
          const auto [c, s] = roots->w[static_cast<std::size_t>(k)];
          real = sum_real - (c * gap_imag - s * gap_real);
          imag = sum_imag + (c * gap_real + s * gap_imag);
        } else {
          real = from[2 * std::min(k, n - k)];
          imag = k <= half ? imaginary(k) : -imaginary(n - k);
        }
        x.real[k * lanes + l] = real, x.imag[k * lanes + l] = imag;
      }
    }
    plan->run({x.imag, x.real}, lanes, buffer + 2 * count * lanes);
    for (std::int64_t l = 0; l < lanes; ++l) {
      T* const to = out + (first + l) * n;
      for (std::int64_t k = 0; k < count; ++k) {
        (even ? to[2 * k] : to[k]) = scale * x.real[k * lanes + l];
        if (even) to[2 * k + 1] = scale * x.imag[k * lanes + l];
      }
    }
  });
}

}  // namespace

Array fft(const Array& z, bool inverse, double scale) {
  if (recorder() != nullptr)
    return record_call(
        "fft", [=](const Array& a) { return fft(a, inverse, scale); }, z);
  expect_pairs("fft", z);
  Array y = Array::empty(z.shape(), z.dtype());
  const Array in = contiguous(z);
  if (z.dtype() == f32) {
    complex_transform<float>(in, y, inverse, static_cast<float>(scale));
  } else {
    complex_transform<double>(in, y, inverse, scale);
  }
  return y;
}

Array rfft(const Array& x, double scale) {
  if (recorder() != nullptr)
    return record_call(
        "rfft", [=](const Array& a) { return rfft(a, scale); }, x);
  expect_floating("rfft", x);
  if (x.ndim() < 1 || x.shape(-1) < 1) {
    raise<ShapeError>("rfft: the transformed axis must not be empty", "[.., n], n >= 1", to_string(x.shape()));
  }
  Array y = Array::empty(replaced(x.shape(), 1, {x.shape(-1) / 2 + 1, 2}), x.dtype());
  const Array in = contiguous(x);
  if (x.dtype() == f32) {
    real_transform<float>(in, y, static_cast<float>(scale));
  } else {
    real_transform<double>(in, y, scale);
  }
  return y;
}

Array irfft(const Array& z, std::int64_t n, double scale) {
  if (recorder() != nullptr)
    return record_call(
        "irfft", [=](const Array& a) { return irfft(a, n, scale); }, z);
  expect_pairs("irfft", z);
  if (n < 1 || z.shape(-2) != n / 2 + 1) {
    raise<ShapeError>("irfft: the number of coefficients", "n / 2 + 1 for n = " + std::to_string(n),
                      to_string(z.shape()));
  }
  Array y = Array::empty(replaced(z.shape(), 2, {n}), z.dtype());
  const Array in = contiguous(z);
  if (z.dtype() == f32) {
    real_inverse<float>(in, y, static_cast<float>(scale));
  } else {
    real_inverse<double>(in, y, scale);
  }
  return y;
}

}  // namespace newtape::core
