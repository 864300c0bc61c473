// SPDX-License-Identifier: BSD-3-Clause
#include "table.hpp"

#include <algorithm>

namespace newtape::table {

namespace {
std::vector<Row>& all() {
  static std::vector<Row> r;
  return r;
}

/// Shapes for elementwise operations: no axes, no elements, odd lengths beyond a vector register, broadcasts.
std::vector<Sample> elementwise_samples(std::size_t operands) {
  if (operands == 1) return {{{{}}}, {{{37}}}, {{{0}}}, {{{2, 3}}}, {{{2, 0, 3}}}, {{{2, 1, 3}}}};
  if (operands == 2) {
    return {{{{}, {}}},      {{{19}, {19}}},    {{{0}, {1}}},   {{{2, 3}, {3}}},       {{{2, 1}, {1, 3}}},
            {{{}, {2, 3}}},  {{{2, 3}, {}}},    {{{2, 0}, {}}}, {{{2, 3, 2}, {3, 1}}}, {{{1, 3}, {2, 1, 1}}},
            {{{3}, {2, 3}}}, {{{2, 3}, {2, 3}}}};
  }
  return {{{{}, {}, {}}},      {{{2, 3}, {}, {}}},         {{{0}, {}, {1}}},
          {{{3}, {2, 1}, {}}}, {{{2, 3}, {2, 3}, {2, 3}}}, {{{2, 1, 1}, {3}, {1, 2, 1}}}};
}

/// Applies `f` to every combination of elements that broadcasting brings together.
Reference elementwise_reference(const Scalar& f) {
  return [f](const std::vector<Values>& x) {
    Shape shape;
    for (const auto& v : x) shape = broadcast_shapes("reference", shape, v.shape);
    Values y(shape);
    std::vector<long double> operands(x.size());
    for_each_index(shape, [&](const Dims& i) {
      for (std::size_t k = 0; k < x.size(); ++k) operands[k] = x[k][i];
      y[i] = f(operands.data());
    });
    return y;
  };
}

void complete(Row& row) {
  if (row.covers.empty() && !row.composite) row.covers = {row.name};
  if (row.scalar && row.samples.empty()) row.samples = elementwise_samples(row.domains.size());
  for (auto& s : row.samples) {
    if (!s.call) s.call = row.call;
    if (!s.reference && row.scalar) s.reference = elementwise_reference(row.scalar);
  }
  for (auto& k : row.known) {
    if (!k.call) k.call = row.call;
  }
}
}  // namespace

const std::vector<Row>& rows() { return all(); }

Rows::Rows(std::vector<Row> added) {
  for (auto& row : added) {
    complete(row);
    all().push_back(std::move(row));
  }
  std::sort(all().begin(), all().end(), [](const Row& a, const Row& b) { return a.name < b.name; });
}

std::size_t Values::position(const Dims& index) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto k = shape[i] == 1 ? 0 : index[index.size() - shape.size() + i];
    at = at * static_cast<std::size_t>(shape[i]) + static_cast<std::size_t>(k);
  }
  return at;
}

void for_each_index(const Shape& shape, const std::function<void(const Dims&)>& f) {
  Dims index(shape.size());
  const auto n = element_count(shape);
  for (std::int64_t count = 0; count < n; ++count) {
    f(index);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

Reference picks(Shape out, std::function<Dims(const Dims&)> from) {
  return [out, from](const std::vector<Values>& x) {
    Values y(out);
    for_each_index(out, [&](const Dims& i) { y[i] = x[0][from(i)]; });
    return y;
  };
}

Reference adds(Shape out, std::function<Dims(const Dims&)> to) {
  return [out, to](const std::vector<Values>& x) {
    Values y(out);
    for_each_index(x[0].shape, [&](const Dims& i) { y[to(i)] += x[0][i]; });
    return y;
  };
}

}  // namespace newtape::table
