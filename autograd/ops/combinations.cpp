// SPDX-License-Identifier: BSD-3-Clause
// Tables of columns, and of combinations of elements.
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <string>

namespace newtape {

Tensor column_stack(const std::vector<Tensor>& parts, SourceLocation location) {
  const CallSite here(location);
  std::vector<Tensor> columns;
  columns.reserve(parts.size());
  for (const auto& p : parts) columns.push_back(p.ndim() < 2 ? reshape(p, {-1, 1}) : p);
  return concatenate(columns, 1, location);
}

Tensor cartesian_prod(const std::vector<Tensor>& vectors, SourceLocation location) {
  const CallSite here(location);
  for (const auto& v : vectors) {
    if (v.ndim() != 1) raise<ShapeError>("cartesian_prod: vectors are required", "[n]", to_string(v.shape()));
  }
  if (vectors.empty()) raise<ValueError>("cartesian_prod: there must be a vector", "at least one", "none");
  if (vectors.size() == 1) return vectors[0];
  std::vector<Tensor> columns;
  for (const auto& grid : meshgrid(vectors, "ij", location)) columns.push_back(ravel(grid));
  return stack(columns, 1, location);
}

Tensor combinations(In x, std::int64_t r, bool with_replacement) {
  const CallSite here(x.location());
  if (x.ndim() != 1) raise<ShapeError>("combinations: a vector is required", "[n]", to_string(x.shape()));
  if (r < 0) raise<ValueError>("combinations: the number must not be negative", "r >= 0", std::to_string(r));
  const auto n = x.size();
  const auto length = static_cast<std::size_t>(r);
  std::vector<std::int64_t> all, one(length);
  const auto step = [&](std::size_t i) { return with_replacement ? 0 : static_cast<std::int64_t>(i); };
  for (std::size_t i = 0; i < length; ++i) one[i] = step(i);
  for (bool more = r > 0 && n > (with_replacement ? 0 : r - 1); more;) {
    all.insert(all.end(), one.begin(), one.end());
    // The last position that can be increased, and the smallest ones after it.
    std::size_t i = length;
    while (i > 0 && one[i - 1] == n - 1 - (with_replacement ? 0 : static_cast<std::int64_t>(length - i))) --i;
    more = i > 0;
    if (!more) break;
    const auto next = one[i - 1] + 1;
    for (std::size_t k = i - 1; k < length; ++k) one[k] = next + step(k - (i - 1));
  }
  const auto count = r == 0 ? 0 : static_cast<std::int64_t>(all.size()) / r;
  return take(x, tensor(all, Shape{count, r}, i64), 0);
}

}  // namespace newtape
