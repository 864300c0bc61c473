// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/fft.hpp>
#include <newtape/core/ops/fft_plan.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace newtape::core {

namespace {

/// exp(-2 pi i k / n) for k up to n / 2, which join the halves of a real transform.
template <class T>
struct HalfRoots : RootTable<T> {
  explicit HalfRoots(std::int64_t n) : RootTable<T>(n, n / 2 + 1) {}
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

constexpr std::int64_t min_parallel = 1 << 13;  // elements below which one thread does the work

/// Calls work(first, lanes, parts, scratch) for groups of signals, with room for the plan's numbers.
template <class T, class Work>
void for_groups(std::int64_t signals, std::int64_t n, const FftPlan<T>& plan, const Work& work) {
  const std::int64_t lanes = std::min(plan.lanes(), std::max<std::int64_t>(signals, 1));
  const std::int64_t groups = (signals + lanes - 1) / lanes;
  const std::int64_t grain = std::max<std::int64_t>(1, min_parallel / (n * lanes));
  newtape::detail::parallel_for(groups, grain, [&](std::int64_t begin, std::int64_t end) {
    Array buffer = Array::empty({(2 * n + plan.scratch()) * lanes}, dtype_of<T>);
    T* const parts = buffer.data<T>();
    for (std::int64_t g = begin; g < end; ++g) {
      const auto count = std::min(lanes, signals - g * lanes);
      work(g * lanes, count, Parts<T>{parts, parts + n * count}, parts + 2 * n * count);
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
  const auto& k = fft_kernels<T>();
  const T* const in = z.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, n, *plan, [&](std::int64_t first, std::int64_t lanes, Parts<T> x, T* scratch) {
    for (std::int64_t l = 0; l < lanes; ++l) k.split(in + (first + l) * 2 * n, x.real + l, x.imag + l, lanes, n);
    plan->run(inverse ? Parts<T>{x.imag, x.real} : x, lanes, scratch);
    for (std::int64_t l = 0; l < lanes; ++l) {
      k.join(x.real + l, x.imag + l, lanes, out + (first + l) * 2 * n, n, scale);
    }
  });
}

/// Even lengths: elements with even and odd numbers as real and imaginary parts of n / 2 numbers.
template <class T>
void real_transform(const Array& source, Array& y, T scale, T ends) {
  const auto n = source.shape(-1), signals = source.size() / n;
  const bool even = n % 2 == 0;
  const auto half = n / 2, count = even ? half : n;
  const auto plan = kept_for<FftPlan<T>>(count);
  const auto roots = kept_for<HalfRoots<T>>(n);
  const auto& kernel = fft_kernels<T>();
  const T* const in = source.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, count, *plan, [&](std::int64_t first, std::int64_t lanes, Parts<T> x, T* scratch) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* const from = in + (first + l) * n;
      if (even) {
        kernel.split(from, x.real + l, x.imag + l, lanes, half);
        continue;
      }
      for (std::int64_t k = 0; k < n; ++k) x.real[k * lanes + l] = from[k], x.imag[k * lanes + l] = T(0);
    }
    plan->run(x, lanes, scratch);
    for (std::int64_t l = 0; l < lanes; ++l) {
      T* const to = out + (first + l) * 2 * (half + 1);
      if (even) {
        kernel.real_end(x.real + l, x.imag + l, lanes, roots->real.data(), roots->imag.data(), to, half, scale, ends);
      } else {
        kernel.join(x.real + l, x.imag + l, lanes, to, half + 1, scale);
        to[0] *= ends;
        to[1] = 0;  // exactly real
      }
    }
  });
}

template <class T>
void real_inverse(const Array& z, Array& y, T scale, T ends) {
  const auto n = y.shape(-1), signals = y.size() / n;
  const bool even = n % 2 == 0;
  const auto half = n / 2, count = even ? half : n;
  const auto plan = kept_for<FftPlan<T>>(count);
  const auto roots = kept_for<HalfRoots<T>>(n);
  const auto& kernel = fft_kernels<T>();
  const T* const in = z.data<T>();
  T* const out = y.data<T>();
  for_groups<T>(signals, count, *plan, [&](std::int64_t first, std::int64_t lanes, Parts<T> x, T* scratch) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* const from = in + (first + l) * 2 * (half + 1);
      if (even) {
        kernel.real_begin(from, roots->real.data(), roots->imag.data(), x.real + l, x.imag + l, lanes, half, ends);
        continue;
      }
      for (std::int64_t k = 0; k < n; ++k) {
        const auto at = std::min(k, n - k) % n;
        x.real[k * lanes + l] = k == 0 ? ends * from[0] : from[2 * at];
        x.imag[k * lanes + l] = k == 0 ? T(0) : k <= half ? from[2 * at + 1] : -from[2 * at + 1];
      }
    }
    plan->run({x.imag, x.real}, lanes, scratch);
    for (std::int64_t l = 0; l < lanes; ++l) {
      T* const to = out + (first + l) * n;
      if (even) {
        kernel.join(x.real + l, x.imag + l, lanes, to, half, scale);
        continue;
      }
      for (std::int64_t k = 0; k < n; ++k) to[k] = scale * x.real[k * lanes + l];
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

Array rfft(const Array& x, double scale, double ends) {
  if (recorder() != nullptr)
    return record_call(
        "rfft", [=](const Array& a) { return rfft(a, scale, ends); }, x);
  expect_floating("rfft", x);
  if (x.ndim() < 1 || x.shape(-1) < 1) {
    raise<ShapeError>("rfft: the transformed axis must not be empty", "[.., n], n >= 1", to_string(x.shape()));
  }
  Array y = Array::empty(replaced(x.shape(), 1, {x.shape(-1) / 2 + 1, 2}), x.dtype());
  const Array in = contiguous(x);
  if (x.dtype() == f32) {
    real_transform<float>(in, y, static_cast<float>(scale), static_cast<float>(ends));
  } else {
    real_transform<double>(in, y, scale, ends);
  }
  return y;
}

Array irfft(const Array& z, std::int64_t n, double scale, double ends) {
  if (recorder() != nullptr)
    return record_call(
        "irfft", [=](const Array& a) { return irfft(a, n, scale, ends); }, z);
  expect_pairs("irfft", z);
  if (n < 1 || z.shape(-2) != n / 2 + 1) {
    raise<ShapeError>("irfft: the number of coefficients", "n / 2 + 1 for n = " + std::to_string(n),
                      to_string(z.shape()));
  }
  Array y = Array::empty(replaced(z.shape(), 2, {n}), z.dtype());
  const Array in = contiguous(z);
  if (z.dtype() == f32) {
    real_inverse<float>(in, y, static_cast<float>(scale), static_cast<float>(ends));
  } else {
    real_inverse<double>(in, y, scale, ends);
  }
  return y;
}

}  // namespace newtape::core
