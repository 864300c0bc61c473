// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <array>
#include <string_view>

namespace newtape {

/// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the same seed gives the same bits for any number
/// of threads. Copying a generator copies the stream.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) noexcept : seed_(seed) {}

  /// As constructed.
  std::uint64_t seed() const noexcept { return seed_; }
  /// Number of 128-bit blocks used so far; with the seed, the complete state.
  std::uint64_t position() const noexcept { return position_; }
  /// Continues at this position.
  void seek(std::uint64_t position) noexcept { position_ = position; }
  /// Reserves `blocks` blocks and returns the number of the first.
  std::uint64_t advance(std::uint64_t blocks) noexcept { return std::exchange(position_, position_ + blocks); }
  /// An independent stream for item `index` (a layer, a worker, an epoch).
  Generator fork(std::uint64_t index) const noexcept;
  /// An independent stream for a name (a module's path, a purpose), by its FNV-1a hash.
  Generator fork(std::string_view name) const noexcept;
  /// Seed and position.
  NamedArrays state_dict() const;
  /// ValueError listing missing and mismatched entries; the generator is then unchanged.
  void load_state_dict(const NamedArrays& state);
  /// The next 64 random bits.
  std::uint64_t next() noexcept;

  /// Block number `counter` of the stream `seed`.
  static std::array<std::uint32_t, 4> block(std::uint64_t seed, std::uint64_t counter) noexcept;

 private:
  std::uint64_t seed_;
  std::uint64_t position_ = 0;
};

/// This thread's default generator; the main thread's starts with seed 0, every other thread's with a separate stream.
Generator& default_generator();
/// Reseeds this thread's default generator.
void manual_seed(std::uint64_t seed);

namespace random {

/// Uniform in [low, high). DTypeError unless the dtype is f32 or f64, ValueError unless low <= high, both finite.
Array uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = f32,
              Generator& generator = default_generator());
/// Normal, with mean and standard deviation. DTypeError unless the dtype is f32 or f64, ValueError unless std >= 0.
Array normal(const Shape& shape, double mean = 0, double std = 1, DType dtype = f32,
             Generator& generator = default_generator());
/// -1 or 1 with equal probability.
Array rademacher(const Shape& shape, DType dtype = f32, Generator& generator = default_generator());
/// Uniform i64 in [low, high), without modulo bias.
Array integers(const Shape& shape, std::int64_t low, std::int64_t high, Generator& generator = default_generator());
/// A random permutation of 0, ..., n-1 (i64).
Array permutation(std::int64_t n, Generator& generator = default_generator());
/// 1 with probability p, else 0.
Array bernoulli(const Shape& shape, double p, DType dtype = f32, Generator& generator = default_generator());

}  // namespace random
}  // namespace newtape
