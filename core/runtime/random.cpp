// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/philox.hpp>
#include <newtape/core/kernels/random.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <thread>

namespace newtape {

namespace {

using core::kernels::group_words;

const core::kernels::RandomTable& kernel() { return core::kernels::select<core::kernels::RandomTable>(); }

std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t counter) noexcept {
  return core::kernels::philox({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                               {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

/// splitmix64's finalizer (Steele, Lea & Flood 2014): every input bit affects all output bits.
std::uint64_t mix(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9;
  x ^= x >> 27;
  x *= 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

std::uint64_t join(std::uint32_t high, std::uint32_t low) noexcept { return std::uint64_t{high} << 32 | low; }

/// Uniform in [0, 1), multiples of 2^-24 or 2^-53.
float unit(std::uint32_t bits) noexcept { return static_cast<float>(static_cast<std::int32_t>(bits >> 8)) * 0x1p-24F; }
double unit(std::uint32_t high, std::uint32_t low) noexcept {
  return static_cast<double>(static_cast<std::int64_t>(join(high, low) >> 11)) * 0x1p-53;
}

/// Fills `out` group by group: `make(words, values)` turns the words of a group into `per_group` values. The assignment
/// of words to elements is fixed, so the result does not depend on the number of threads.
template <class T, std::int64_t per_group, class Make>
void fill(Array& out, Generator& generator, const Make& make) {
  T* data = out.data<T>();
  const auto n = out.size();
  const auto groups = (n + per_group - 1) / per_group;
  const auto seed = generator.seed();
  const auto first = generator.advance(static_cast<std::uint64_t>(groups * core::kernels::lanes));
  const auto& table = kernel();
  newtape::detail::parallel_for(groups, 1 << 9, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::uint32_t words[group_words];
    alignas(64) T values[per_group];
    for (std::int64_t g = begin; g < end; ++g) {
      table.words(seed, first + static_cast<std::uint64_t>(g * core::kernels::lanes), 1, words);
      T* to = data + g * per_group;
      const auto count = n - g * per_group;
      if (count >= per_group) {
        make(words, to);
      } else {
        make(words, values);
        std::copy(values, values + count, to);
      }
    }
  });
}

void expect_float(const char* op, DType dtype) {
  if (!is_floating(dtype))
    raise<DTypeError>(std::string(op) + ": the dtype must be a floating type", "f32 or f64", name(dtype));
}

void expect(bool good, const char* op, const char* expected, double got) {
  if (!good) raise<ValueError>(std::string(op) + ": an argument is out of range", expected, std::to_string(got));
}

}  // namespace

std::array<std::uint32_t, 4> Generator::block(std::uint64_t seed, std::uint64_t counter) noexcept {
  return philox(seed, counter);
}

NamedArrays Generator::state_dict() const {
  const auto number = [](std::uint64_t bits) {
    Array x = Array::empty({}, i64);
    *x.data<std::int64_t>() = static_cast<std::int64_t>(bits);
    return x;
  };
  return {{"seed", number(seed_)}, {"position", number(position_)}};
}

void Generator::load_state_dict(const NamedArrays& state) {
  detail::StateReader reader(state, "");
  const Array seed = reader.take("seed", i64, {});
  const Array position = reader.take("position", i64, {});
  reader.finish("Generator::load_state_dict", true);
  seed_ = static_cast<std::uint64_t>(seed.item<std::int64_t>());
  position_ = static_cast<std::uint64_t>(position.item<std::int64_t>());
}

Generator Generator::fork(std::uint64_t index) const noexcept {
  return Generator(mix(seed_ ^ mix(index + 0x9E3779B97F4A7C15)));
}

Generator Generator::fork(std::string_view name) const noexcept {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a, 64 bits (Fowler, Noll & Vo)
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return fork(hash);
}

std::uint64_t Generator::next() noexcept {
  const auto b = philox(seed_, advance(1));
  return join(b[0], b[1]);
}

namespace {
const std::thread::id main_thread = std::this_thread::get_id();  // static initialisers run on it
}

Generator& default_generator() {
  static std::atomic<std::uint64_t> others{0};
  thread_local Generator generator =
      std::this_thread::get_id() == main_thread ? Generator(0) : Generator(0).fork(others.fetch_add(1));
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator() = Generator(seed); }

namespace random {

Array uniform(const Shape& shape, double low, double high, DType dtype, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("uniform", generator,
                                   [=, g = &generator] { return uniform(shape, low, high, dtype, *g); });
  }
  expect_float("uniform", dtype);
  expect(low <= high && std::isfinite(high - low), "uniform", "finite low <= high", high - low);
  Array out = Array::empty(shape, dtype);
  // Rounding could produce `high` itself, which is excluded.
  if (dtype == f32) {
    const auto from = static_cast<float>(low);
    const auto span = static_cast<float>(high - low);
    const float last = std::max(from, std::nextafter(static_cast<float>(high), from));
    fill<float, group_words>(out, generator, [=](const std::uint32_t* w, float* v) {
      for (std::int64_t i = 0; i < group_words; ++i) v[i] = std::min(from + span * unit(w[i]), last);
    });
  } else {
    const double span = high - low;
    const double last = std::max(low, std::nextafter(high, low));
    fill<double, group_words / 2>(out, generator, [=](const std::uint32_t* w, double* v) {
      for (std::int64_t i = 0; i < group_words / 2; ++i) {
        v[i] = std::min(low + span * unit(w[i], w[i + group_words / 2]), last);
      }
    });
  }
  return out;
}

Array normal(const Shape& shape, double mean, double std, DType dtype, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("normal", generator,
                                   [=, g = &generator] { return normal(shape, mean, std, dtype, *g); });
  }
  expect_float("normal", dtype);
  expect(std >= 0, "normal", "a standard deviation >= 0", std);
  Array out = Array::empty(shape, dtype);
  if (dtype == f32) {
    fill<float, group_words>(out, generator,
                             [&, m = static_cast<float>(mean), s = static_cast<float>(std)](
                                 const std::uint32_t* w, float* v) { kernel().normal_f32(w, m, s, v); });
  } else {
    fill<double, group_words / 2>(out, generator,
                                  [&](const std::uint32_t* w, double* v) { kernel().normal_f64(w, mean, std, v); });
  }
  return out;
}

namespace {

/// `bits` scaled to [0, n): the high half of their product with n. Returns false for the few low halves that would bias
/// the result (Lemire 2019).
bool scale(std::uint64_t bits, std::uint64_t n, std::uint64_t& result) noexcept {
  __extension__ using u128 = unsigned __int128;
  const auto product = static_cast<u128>(bits) * n;
  const auto low = static_cast<std::uint64_t>(product);
  result = static_cast<std::uint64_t>(product >> 64);
  return low >= n || low >= (0 - n) % n;
}

/// Uniform in [0, n) from `bits`, or, when they are rejected, from further bits unique to this draw.
std::uint64_t below(std::uint64_t n, std::uint64_t bits, std::uint64_t seed, std::uint64_t draw) noexcept {
  std::uint64_t result = 0;
  for (std::uint64_t attempt = 1; !scale(bits, n, result); ++attempt) {
    const auto more = philox(mix(seed + attempt), draw);
    bits = join(more[0], more[1]);
  }
  return result;
}

}  // namespace

Array integers(const Shape& shape, std::int64_t low, std::int64_t high, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("integers", generator,
                                   [=, g = &generator] { return integers(shape, low, high, *g); });
  }
  if (low >= high) {
    raise<ValueError>("integers: empty range", "low < high", std::to_string(low) + " and " + std::to_string(high));
  }
  Array out = Array::empty(shape, i64);
  const auto n = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const auto seed = generator.seed();
  fill<std::int64_t, group_words / 2>(out, generator, [&](const std::uint32_t* w, std::int64_t* v) {
    for (std::int64_t i = 0; i < group_words / 2; ++i) {
      const auto bits = join(w[i], w[i + group_words / 2]);
      // The words differ between draws, so they also identify the draw.
      v[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(n, bits, seed, bits));
    }
  });
  return out;
}

Array permutation(std::int64_t n, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("permutation", generator, [=, g = &generator] { return permutation(n, *g); });
  }
  expect(n >= 0, "permutation", "n >= 0", static_cast<double>(n));
  Array out = core::arange(n, i64);
  auto* data = out.data<std::int64_t>();
  const auto seed = generator.seed();
  const auto groups = (2 * n + group_words - 1) / group_words;
  const auto first = generator.advance(static_cast<std::uint64_t>(groups * core::kernels::lanes));
  alignas(64) std::uint32_t words[group_words];
  std::int64_t drawn = group_words;
  std::uint64_t group = 0;
  for (std::int64_t i = n - 1; i > 0; --i, drawn += 2) {  // Fisher & Yates 1938, in the form of Durstenfeld 1964
    if (drawn == group_words) {
      kernel().words(seed, first + group++ * core::kernels::lanes, 1, words);
      drawn = 0;
    }
    const auto bits = join(words[drawn], words[drawn + 1]);
    std::swap(data[i], data[below(static_cast<std::uint64_t>(i) + 1, bits, seed, bits)]);
  }
  return out;
}

Array bernoulli(const Shape& shape, double p, DType dtype, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("bernoulli", generator,
                                   [=, g = &generator] { return bernoulli(shape, p, dtype, *g); });
  }
  expect(p >= 0 && p <= 1, "bernoulli", "a probability in [0, 1]", p);
  if (is_storage(dtype)) newtape::detail::raise_storage("bernoulli", dtype);
  Array out = Array::empty(shape, dtype);
  // A 32-bit draw succeeds if it is below p 2^32. Signed 64-bit comparison: available in every instruction set, and the
  // limit at p = 1 does not fit 32 bits.
  const auto limit = static_cast<std::int64_t>(std::llround(p * 0x1p32));
  if (limit == std::int64_t{1} << 32) return core::full(shape, 1, dtype);
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(limit) ^ 0x80000000U);
  visit_dtype(dtype, [&]<class T>() {
    fill<T, group_words>(out, generator, [=](const std::uint32_t* w, T* v) {
      for (std::int64_t i = 0; i < group_words; ++i) {
        v[i] = static_cast<std::int32_t>(w[i] ^ 0x80000000U) < shifted ? T(1) : T(0);
      }
    });
  });
  return out;
}

Array rademacher(const Shape& shape, DType dtype, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("rademacher", generator,
                                   [=, g = &generator] { return rademacher(shape, dtype, *g); });
  }
  if (is_storage(dtype)) newtape::detail::raise_storage("rademacher", dtype);
  Array out = Array::empty(shape, dtype);
  visit_dtype(dtype, [&]<class T>() {
    fill<T, group_words>(out, generator, [](const std::uint32_t* w, T* v) {
      for (std::int64_t i = 0; i < group_words; ++i) v[i] = static_cast<T>((w[i] >> 31) * 2) - T(1);
    });
  });
  return out;
}

}  // namespace random
}  // namespace newtape
