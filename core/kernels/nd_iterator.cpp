// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/nd_iterator.hpp>

#include <algorithm>

namespace newtape::core::kernels {

std::vector<Axis> plan(const Array& x, const Dims& axes, std::int64_t& repeats) {
  std::vector<Axis> loop;
  const bool empty = x.size() == 0;  // the product of the other lengths may be more than an i64 counts
  std::int64_t out = 1;
  repeats = 1;
  for (std::size_t i = x.ndim(); i-- > 0;) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
    const auto length = x.shape()[i];
    if (reduced && x.strides()[i] == 0 && !empty) {
      repeats *= length;  // broadcast: the same elements again
    } else if (length != 1) {
      loop.push_back({length, x.strides()[i], reduced ? 0 : out, reduced});
    }
    if (!reduced && !empty) out *= length;
  }
  std::stable_sort(loop.begin(), loop.end(), [](const Axis& a, const Axis& b) { return a.in > b.in; });
  std::vector<Axis> merged;
  for (const auto& a : loop) {
    if (!merged.empty() && !empty) {
      auto& last = merged.back();
      if (last.reduced == a.reduced && last.in == a.in * a.length && last.out == a.out * a.length) {
        last = {last.length * a.length, a.in, a.out, a.reduced};
        continue;
      }
    }
    merged.push_back(a);
  }
  return merged;
}

}  // namespace newtape::core::kernels
