// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/sequential.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/distributions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace newtape::inspect {

SequentialSignFlip::SequentialSignFlip(int runs, const SequentialSignFlipOptions& options, Generator generator)
    : options_(options), seed_(generator.next()) {
  if (runs < 1 || options.looks < 1 || options.resamples < 1 || !(options.alpha > 0 && options.alpha < 1)) {
    raise<ValueError>("SequentialSignFlip: an argument is out of range",
                      "runs >= 1, looks >= 1, resamples >= 1, 0 < alpha < 1",
                      fmt::format("runs = {}, looks = {}, resamples = {}, alpha = {}", runs, options.looks,
                                  options.resamples, options.alpha));
  }
  for (int k = 1; k <= options.looks; ++k) {
    const int at = static_cast<int>((static_cast<std::int64_t>(runs) * k + options.looks - 1) / options.looks);
    if ((at >= 6 || k == options.looks) && (looks_.empty() || looks_.back() < at)) looks_.push_back(at);
  }
  rejected_.assign(static_cast<std::size_t>(options.resamples) + 1, false);
}

double SequentialSignFlip::spent(int runs) const {
  if (runs >= looks_.back()) return options_.alpha;
  const double t = static_cast<double>(runs) / looks_.back();
  return 2 * detail::normal_cdf(detail::normal_quantile(options_.alpha / 2) / std::sqrt(t));
}

double SequentialSignFlip::flipped_sum(std::size_t vector, std::span<const double> d) const {
  double sum = 0;
  std::array<std::uint32_t, 4> bits{};
  for (std::size_t i = 0; i < d.size(); ++i) {
    if (i % 128 == 0 && vector > 0)
      bits = Generator::block(seed_, vector + (static_cast<std::uint64_t>(i / 128) << 40));
    sum += (bits[i / 32 % 4] >> (i % 32) & 1) != 0 ? -d[i] : d[i];
  }
  return sum;
}

SequentialSignFlip::Look SequentialSignFlip::look(std::span<const double> d) {
  if (next_ == looks_.size() || static_cast<std::size_t>(looks_[next_]) != d.size()) {
    raise<ValueError>("SequentialSignFlip: this is not the next look",
                      next_ == looks_.size() ? "no more looks" : fmt::format("{} differences", looks_[next_]),
                      fmt::format("{}", d.size()));
  }
  const int runs = looks_[next_++];
  double size = 0;
  for (const double x : d) size += std::abs(x);
  const double rounding = 1e-12 * size;

  std::vector<double> all(rejected_.size());
  std::vector<double> open;  // of the signs that are not rejected yet
  for (std::size_t v = 0; v < all.size(); ++v) {
    all[v] = std::abs(flipped_sum(v, d));
    if (!rejected_[v]) open.push_back(all[v]);
  }
  std::sort(open.begin(), open.end(), std::greater<>());
  const double count = static_cast<double>(all.size());
  const auto at_least = [&](const std::vector<double>& values, double bound) {
    return std::count_if(values.begin(), values.end(), [&](double x) { return x >= bound - rounding; });
  };

  Look result{.runs = runs};
  result.p_value = static_cast<double>(rejections_ + at_least(open, all[0])) / count;
  // As many as alpha allows; those that tie with the first beyond are kept.
  const auto room = static_cast<std::int64_t>(spent(runs) * count * (1 + 1e-12)) - rejections_;
  double boundary = std::numeric_limits<double>::infinity();
  if (room >= static_cast<std::int64_t>(open.size())) {
    boundary = 0;
  } else if (room > 0) {
    const double beyond = open[static_cast<std::size_t>(room)];
    for (std::int64_t i = 0; i < room && open[static_cast<std::size_t>(i)] > beyond + rounding; ++i) {
      boundary = open[static_cast<std::size_t>(i)];
    }
  }
  result.level = 1 - static_cast<double>(std::max<std::int64_t>(at_least(all, boundary), 1)) / count;
  result.significant = !rejected_[0] && all[0] >= boundary - rounding;
  for (std::size_t v = 0; v < all.size(); ++v) {
    if (rejected_[v] || all[v] < boundary - rounding) continue;
    rejected_[v] = true;
    ++rejections_;
  }
  return result;
}

}  // namespace newtape::inspect
