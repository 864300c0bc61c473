// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/core/parallel.hpp>
#include <newtape/core/random.hpp>

#include <atomic>
#include <cmath>
#include <numbers>
#include <string>

namespace newtape {

namespace {

using Block = std::array<std::uint32_t, 4>;

/// Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3": ten rounds of two 32-bit products.
inline Block philox(std::uint64_t seed, std::uint64_t counter) noexcept {
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  std::uint32_t c0 = static_cast<std::uint32_t>(counter);
  std::uint32_t c1 = static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t c2 = 0;
  std::uint32_t c3 = 0;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

/// splitmix64's finaliser (Steele, Lea & Flood 2014): spreads every bit over all.
std::uint64_t mix(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9;
  x ^= x >> 27;
  x *= 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

std::uint64_t join(std::uint32_t high, std::uint32_t low) noexcept { return std::uint64_t{high} << 32 | low; }

/// In [0, 1), all values a multiple of 2^-24 or 2^-53 apart.
template <class T>
T unit(std::uint32_t bits) noexcept {
  return static_cast<T>(bits >> 8) * T(0x1p-24);
}
inline double unit53(std::uint64_t bits) noexcept { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// Fills `out` from whole blocks: `make(block, values)` turns one into `per_block` values. Which block serves which element
/// depends on nothing else, so any number of threads gives the same bits.
template <class T, std::size_t per_block, class Make>
void fill(Array& out, Generator& generator, const Make& make) {
  T* data = out.data<T>();
  const auto n = out.size();
  const auto blocks = (n + static_cast<std::int64_t>(per_block) - 1) / static_cast<std::int64_t>(per_block);
  const auto seed = generator.seed();
  const auto first = generator.advance(static_cast<std::uint64_t>(blocks));
  detail::parallel_for(blocks, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    std::array<T, per_block> values;
    for (std::int64_t b = begin; b < end; ++b) {
      make(philox(seed, first + static_cast<std::uint64_t>(b)), values);
      const auto at = b * static_cast<std::int64_t>(per_block);
      const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(per_block), n - at);
      for (std::int64_t i = 0; i < count; ++i) data[at + i] = values[static_cast<std::size_t>(i)];
    }
  });
}

void expect_float(const char* who, DType dtype) {
  if (!is_floating(dtype)) raise<DTypeError>(std::string(who) + ": draws floats", "f32 or f64", name(dtype));
}

void expect(bool good, const char* who, const char* expected, double got) {
  if (!good) raise<ValueError>(std::string(who) + ": an argument is out of range", expected, std::to_string(got));
}

}  // namespace

std::array<std::uint32_t, 4> Generator::block(std::uint64_t seed, std::uint64_t counter) noexcept {
  return philox(seed, counter);
}

Generator Generator::fork(std::uint64_t index) const noexcept {
  return Generator(mix(seed_ ^ mix(index + 0x9E3779B97F4A7C15)));
}

std::uint64_t Generator::next() noexcept {
  const auto b = philox(seed_, advance(1));
  return join(b[0], b[1]);
}

Generator& default_generator() {
  static std::atomic<std::uint64_t> threads{0};
  thread_local Generator generator = [] {
    const auto number = threads.fetch_add(1);
    return number == 0 ? Generator(0) : Generator(0).fork(number);
  }();
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator() = Generator(seed); }

namespace random {

Array uniform(const Shape& shape, double low, double high, DType dtype, Generator& generator) {
  expect_float("uniform", dtype);
  expect(low <= high && std::isfinite(high - low), "uniform", "finite low <= high", high - low);
  Array out = Array::empty(shape, dtype);
  if (dtype == f32) {
    const auto a = static_cast<float>(low);
    const auto span = static_cast<float>(high - low);
    // Rounding could lift the largest values to `high` itself, which is excluded.
    const float below = std::nextafter(static_cast<float>(high), a);
    fill<float, 4>(out, generator, [=](const Block& b, std::array<float, 4>& v) {
      for (std::size_t i = 0; i < 4; ++i) v[i] = std::min(a + span * unit<float>(b[i]), std::max(a, below));
    });
  } else {
    const double span = high - low;
    const double below = std::nextafter(high, low);
    fill<double, 2>(out, generator, [=](const Block& b, std::array<double, 2>& v) {
      v[0] = std::min(low + span * unit53(join(b[0], b[1])), std::max(low, below));
      v[1] = std::min(low + span * unit53(join(b[2], b[3])), std::max(low, below));
    });
  }
  return out;
}

Array normal(const Shape& shape, double mean, double deviation, DType dtype, Generator& generator) {
  expect_float("normal", dtype);
  expect(deviation >= 0, "normal", "a deviation of at least 0", deviation);
  Array out = Array::empty(shape, dtype);
  // Box & Muller 1958. The radius takes a uniform in (0, 1], so that its logarithm is finite.
  if (dtype == f32) {
    const auto m = static_cast<float>(mean);
    const auto s = static_cast<float>(deviation);
    fill<float, 4>(out, generator, [=](const Block& b, std::array<float, 4>& v) {
      for (std::size_t i = 0; i < 4; i += 2) {
        const float r = std::sqrt(-2 * std::log(1 - unit<float>(b[i])));
        const float angle = 2 * std::numbers::pi_v<float> * unit<float>(b[i + 1]);
        v[i] = m + s * r * std::cos(angle);
        v[i + 1] = m + s * r * std::sin(angle);
      }
    });
  } else {
    fill<double, 2>(out, generator, [=](const Block& b, std::array<double, 2>& v) {
      const double r = std::sqrt(-2 * std::log(1 - unit53(join(b[0], b[1]))));
      const double angle = 2 * std::numbers::pi * unit53(join(b[2], b[3]));
      v[0] = mean + deviation * r * std::cos(angle);
      v[1] = mean + deviation * r * std::sin(angle);
    });
  }
  return out;
}

namespace {
/// Without bias: the top bits of a 128-bit product, rejecting the few that would come up too often (Lemire 2019).
std::uint64_t below(std::uint64_t n, std::uint64_t seed, std::uint64_t counter) noexcept {
  for (std::uint64_t attempt = 0;; ++attempt) {
    const auto b = philox(seed ^ (attempt * 0x9E3779B97F4A7C15), counter);
    for (std::size_t i = 0; i < 4; i += 2) {
      const auto product = static_cast<unsigned __int128>(join(b[i], b[i + 1])) * n;
      const auto low = static_cast<std::uint64_t>(product);
      if (low >= n || low >= (0 - n) % n) return static_cast<std::uint64_t>(product >> 64);
    }
  }
}
}  // namespace

Array integers(const Shape& shape, std::int64_t low, std::int64_t high, Generator& generator) {
  expect(low < high, "integers", "low < high", static_cast<double>(high) - static_cast<double>(low));
  Array out = Array::empty(shape, i64);
  auto* data = out.data<std::int64_t>();
  const auto n = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const auto seed = generator.seed();
  const auto first = generator.advance(static_cast<std::uint64_t>(out.size()));
  detail::parallel_for(out.size(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      data[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) +
                                          below(n, seed, first + static_cast<std::uint64_t>(i)));
    }
  });
  return out;
}

Array permutation(std::int64_t n, Generator& generator) {
  expect(n >= 0, "permutation", "n >= 0", static_cast<double>(n));
  Array out = core::arange(n, i64);
  auto* data = out.data<std::int64_t>();
  const auto first = generator.advance(static_cast<std::uint64_t>(n));
  for (std::int64_t i = n - 1; i > 0; --i) {  // Fisher & Yates, Durstenfeld 1964
    const auto bound = static_cast<std::uint64_t>(i) + 1;
    const auto j = below(bound, generator.seed(), first + static_cast<std::uint64_t>(i));
    std::swap(data[i], data[j]);
  }
  return out;
}

Array bernoulli(const Shape& shape, double p, DType dtype, Generator& generator) {
  expect(p >= 0 && p <= 1, "bernoulli", "a probability in [0, 1]", p);
  Array out = Array::empty(shape, dtype);
  // A draw of 32 bits succeeds below p 2^32; for p = 1 every draw does.
  const auto threshold = static_cast<std::uint64_t>(std::llround(p * 0x1p32));
  visit_dtype(dtype, [&]<class T>() {
    fill<T, 4>(out, generator, [=](const Block& b, std::array<T, 4>& v) {
      for (std::size_t i = 0; i < 4; ++i) v[i] = static_cast<T>(b[i] < threshold);
    });
  });
  return out;
}

}  // namespace random
}  // namespace newtape
