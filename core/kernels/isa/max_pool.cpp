// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/max_pool.hpp>

#include "vectors.hpp"

#include <utility>

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T>
NEWTAPE_INLINE T larger(T a, T b) {
  return ((a > b) | (a != a)) ? a : b;
}

template <class T>
void join(const T* x, std::int64_t n, T* y) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) y[j] = larger(y[j], x[j]);
}

template <class T>
void runs(const T* x, const std::int64_t* first, const std::int64_t* count, std::int64_t step, std::int64_t n, T* y) {
  for (std::int64_t j = 0; j < n; ++j) {
    const T* from = x + first[j];
    T best = from[0];
    for (std::int64_t k = 1; k < count[j]; ++k) best = larger(best, from[k * step]);
    y[j] = best;
  }
}

// Rows of late layers are shorter than a vector, and scalar remainders would dominate the time. The last vector of a
// row therefore overlaps the previous one, and short rows use shorter vectors.

/// Calls f.template operator()<bytes>(i) for vectors that cover a row of n elements; bytes = 0: one pair of elements.
template <class T, int bytes = vector_bytes, class F>
NEWTAPE_INLINE void across(std::int64_t n, const F& f) {
  if constexpr (bytes < 16) {
    for (std::int64_t i = 0; i < n; i += 2) f.template operator()<0>(i);
  } else {
    constexpr std::int64_t step = lanes<T, bytes>;
    if (n < step) return across<T, bytes / 2>(n, f);
    for (std::int64_t i = 0; i + step < n; i += step) f.template operator()<bytes>(i);
    f.template operator()<bytes>(n - step);
  }
}

template <class T, int... I>
NEWTAPE_INLINE void join_pairs(const T* x, T* y, std::integer_sequence<int, I...>) {
  Vector<T> a;
  Vector<T> b;
  load(x, a);
  load(x + lanes<T>, b);
  const Vector<T> even = __builtin_shufflevector(a, b, (2 * I)...);
  const Vector<T> odd = __builtin_shufflevector(a, b, (2 * I + 1)...);
  store(y, ((even > odd) | (even != even)) ? even : odd);
}

template <class T>
void squares(const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns, T* scratch, T* y) {
  const std::int64_t n = 2 * columns;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* top = x + 2 * r * width;
    const T* bottom = top + width;
    T* to = scratch + r * n;
    across<T>(n, [&]<int bytes>(std::int64_t i) {
      if constexpr (bytes == 0) {
        to[i] = larger(top[i], bottom[i]);
        to[i + 1] = larger(top[i + 1], bottom[i + 1]);
      } else {
        Vector<T, bytes> a;
        Vector<T, bytes> b;
        load(top + i, a);
        load(bottom + i, b);
        store(to + i, ((a > b) | (a != a)) ? a : b);
      }
    });
  }
  std::int64_t j = 0;
  for (; j + lanes<T> <= rows * columns; j += lanes<T>) {
    join_pairs(scratch + 2 * j, y + j, std::make_integer_sequence<int, static_cast<int>(lanes<T>)>());
  }
  for (; j < rows * columns; ++j) y[j] = larger(scratch[2 * j], scratch[2 * j + 1]);
}

/// Assigns g to the first element of the 2x2 square that equals y (or is NaN), for one vector of each row.
template <class T, int bytes, int... I>
NEWTAPE_INLINE void assign_gradient(const T* g, const T* y, const T* top, const T* bottom, T* to_top, T* to_bottom,
                                    std::integer_sequence<int, I...>) {
  using V = Vector<T, bytes>;
  V share;
  V best;
  V a;
  V b;
  load(g, share);
  load(y, best);
  load(top, a);
  load(bottom, b);
  auto in_a = (a == best) | (a != a);
  auto in_b = (b == best) | (b != b);
  using Mask = decltype(in_a);
  const Mask right = {-(I & 1)...};  // the right element of each pair
  in_a &= ~(__builtin_shufflevector(in_a, in_a, (I & ~1)...) & right);
  in_b &= ~(__builtin_shufflevector(in_b, in_b, (I & ~1)...) & right);
  in_b &= ~(in_a | __builtin_shufflevector(in_a, in_a, (I ^ 1)...));
  store(to_top, in_a ? share : V{});
  store(to_bottom, in_b ? share : V{});
}

template <class T>
void squares_grad(const T* g, const T* y, const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns,
                  T* scratch, T* out) {
  const std::int64_t n = 2 * columns;
  T* const best = scratch;
  T* const share = scratch + rows * n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < rows * columns; ++j) {
    best[2 * j] = y[j];
    best[2 * j + 1] = y[j];
    share[2 * j] = g[j];
    share[2 * j + 1] = g[j];
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* top = x + 2 * r * width;
    const T* bottom = top + width;
    T* to_top = out + 2 * r * width;
    T* to_bottom = to_top + width;
    across<T>(n, [&]<int bytes>(std::int64_t i) {
      const T* gi = share + r * n + i;
      const T* yi = best + r * n + i;
      if constexpr (bytes == 0) {
        // `left` is passed from one element to the next until one selected it.
        T left = *gi;
        const T largest = *yi;
        for (T* to : {to_top + i, to_top + i + 1, to_bottom + i, to_bottom + i + 1}) {
          const T v = x[to - out];
          const bool selected = (v == largest) | (v != v);
          *to = selected ? left : T(0);
          left = selected ? T(0) : left;
        }
      } else {
        assign_gradient<T, bytes>(gi, yi, top + i, bottom + i, to_top + i, to_bottom + i,
                                  std::make_integer_sequence<int, static_cast<int>(lanes<T, bytes>)>());
      }
    });
    for (std::int64_t i = n; i < width; ++i) to_top[i] = to_bottom[i] = 0;
  }
}

/// Calls f.template operator()<bytes>(j) for vectors that cover n columns of squares; bytes = 0: one column.
template <class T, int bytes = vector_bytes, class F>
NEWTAPE_INLINE void across_columns(std::int64_t n, const F& f) {
  if constexpr (bytes < 16) {
    for (std::int64_t j = 0; j < n; ++j) f.template operator()<0>(j);
  } else {
    constexpr std::int64_t step = lanes<T, bytes>;
    if (n < step) return across_columns<T, bytes / 2>(n, f);
    for (std::int64_t j = 0; j + step < n; j += step) f.template operator()<bytes>(j);
    f.template operator()<bytes>(n - step);
  }
}

template <int n>
struct PlacesOf;
template <>
struct PlacesOf<2> {
  using type = std::uint8_t __attribute__((vector_size(2)));
};
template <>
struct PlacesOf<4> {
  using type = std::uint8_t __attribute__((vector_size(4)));
};
template <>
struct PlacesOf<8> {
  using type = std::uint8_t __attribute__((vector_size(8)));
};
template <>
struct PlacesOf<16> {
  using type = std::uint8_t __attribute__((vector_size(16)));
};

template <class T, int bytes, int... I>
NEWTAPE_INLINE void place_maxima(const T* top, const T* bottom, bool rectified, T* y, std::uint8_t* place,
                                 std::integer_sequence<int, I...>) {
  using V = Vector<T, bytes>;
  constexpr int n = static_cast<int>(lanes<T, bytes>);
  V of[4];
  load(top, of[0]);
  load(top + n, of[1]);
  load(bottom, of[2]);
  load(bottom + n, of[3]);
  if (rectified) {
    for (V& v : of) v = v < 0 ? V{} : v;
  }
  const V a = __builtin_shufflevector(of[0], of[1], (2 * I)...);
  const V b = __builtin_shufflevector(of[0], of[1], (2 * I + 1)...);
  const V c = __builtin_shufflevector(of[2], of[3], (2 * I)...);
  const V d = __builtin_shufflevector(of[2], of[3], (2 * I + 1)...);
  const V left = ((a > c) | (a != a)) ? a : c;  // in the order of `squares`
  const V right = ((b > d) | (b != b)) ? b : d;
  const V best = ((left > right) | (left != left)) ? left : right;
  store(y, best);
  using At = decltype(a == best);
  const At first = (a == best) | (a != a);
  const At second = (b == best) | (b != b);
  const At third = (c == best) | (c != c);
  const At at = first ? At{} : second ? At{} + 1 : third ? At{} + 2 : At{} + 3;
  const auto places = __builtin_convertvector(at, typename PlacesOf<n>::type);
  __builtin_memcpy(place, &places, n);
}

template <class T>
void squares_placed(const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns, bool rectified, T* y,
                    std::uint8_t* place) {
  for (std::int64_t r = 0; r < rows; ++r, y += columns, place += columns) {
    const T* top = x + 2 * r * width;
    const T* bottom = top + width;
    across_columns<T>(columns, [&]<int bytes>(std::int64_t j) {
      if constexpr (bytes == 0) {
        T of[4] = {top[2 * j], top[2 * j + 1], bottom[2 * j], bottom[2 * j + 1]};
        for (T& v : of) v = rectified && v < 0 ? T(0) : v;
        y[j] = larger(larger(of[0], of[2]), larger(of[1], of[3]));
        int at = 0;
        while (at < 3 && of[at] != y[j] && of[at] == of[at]) ++at;
        place[j] = static_cast<std::uint8_t>(at);
      } else {
        place_maxima<T, bytes>(top + 2 * j, bottom + 2 * j, rectified, y + j, place + j,
                               std::make_integer_sequence<int, static_cast<int>(lanes<T, bytes>)>());
      }
    });
  }
}

template <class T, int bytes, int... I>
NEWTAPE_INLINE void assign_placed(const T* g, const std::uint8_t* place, T* top, T* bottom,
                                  std::integer_sequence<int, I...>) {
  using V = Vector<T, bytes>;
  constexpr int n = static_cast<int>(lanes<T, bytes>);
  V share;
  load(g, share);
  typename PlacesOf<n>::type places;
  __builtin_memcpy(&places, place, n);
  const auto at = __builtin_convertvector(places, decltype(share == share));
  const auto part = [&](int k) { return at == k ? share : V{}; };
  const V a = part(0), b = part(1), c = part(2), d = part(3);
  store(top, __builtin_shufflevector(a, b, (I / 2 + I % 2 * n)...));
  store(top + n, __builtin_shufflevector(a, b, (n / 2 + I / 2 + I % 2 * n)...));
  store(bottom, __builtin_shufflevector(c, d, (I / 2 + I % 2 * n)...));
  store(bottom + n, __builtin_shufflevector(c, d, (n / 2 + I / 2 + I % 2 * n)...));
}

template <class T>
void squares_placed_grad(const T* g, const std::uint8_t* place, std::int64_t width, std::int64_t rows,
                         std::int64_t columns, T* out) {
  for (std::int64_t r = 0; r < rows; ++r, g += columns, place += columns) {
    T* top = out + 2 * r * width;
    T* bottom = top + width;
    across_columns<T>(columns, [&]<int bytes>(std::int64_t j) {
      if constexpr (bytes == 0) {
        T* const to[4] = {top + 2 * j, top + 2 * j + 1, bottom + 2 * j, bottom + 2 * j + 1};
        for (int k = 0; k < 4; ++k) *to[k] = place[j] == k ? g[j] : T(0);
      } else {
        assign_placed<T, bytes>(g + j, place + j, top + 2 * j, bottom + 2 * j,
                                std::make_integer_sequence<int, static_cast<int>(lanes<T, bytes>)>());
      }
    });
    for (std::int64_t i = 2 * columns; i < width; ++i) top[i] = bottom[i] = 0;
  }
}

template <class T>
constexpr MaxPoolTable<T> table_of() {
  return {join<T>, runs<T>, squares<T>, squares_grad<T>, squares_placed<T>, squares_placed_grad<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const MaxPoolTables MaxPoolTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(),
                                                         NEWTAPE_ISA::table_of<double>()};
}
