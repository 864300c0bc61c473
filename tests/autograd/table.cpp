// SPDX-License-Identifier: BSD-3-Clause
#include "table.hpp"

#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <algorithm>

namespace newtape::table {

namespace {
std::vector<Row>& all_rows() {
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

/// Applies `f` to the broadcast elements of the operands.
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

const std::vector<Row>& rows() { return all_rows(); }

Rows::Rows(std::vector<Row> added) {
  for (auto& row : added) {
    complete(row);
    all_rows().push_back(std::move(row));
  }
  std::sort(all_rows().begin(), all_rows().end(), [](const Row& a, const Row& b) { return a.name < b.name; });
}

Tensor pulled_back(const std::function<Tensor(const Tensor&)>& f, const Shape& shape, const Tensor& cotangent) {
  const bool record = grad_enabled();
  const GradMode on(true);
  const Tensor x = variable(zeros(shape, cotangent.dtype()));
  return grad(f(x), x, {.create_graph = record, .grad_outputs = {cotangent}});
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

Reference folds(Dims axes, bool keepdims, std::function<long double(const Elements&)> fold) {
  return [=](const std::vector<Values>& x) {
    const Shape& before = x[0].shape;
    Shape kept;
    Shape dropped;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
      kept.push_back(reduced ? 1 : before[i]);
      if (!reduced) dropped.push_back(before[i]);
    }
    std::vector<Elements> groups(static_cast<std::size_t>(element_count(kept)));
    for_each_index(before, [&](const Dims& i) {
      std::size_t group = 0;
      for (std::size_t a = 0; a < i.size(); ++a) {
        group = group * static_cast<std::size_t>(kept[a]) + static_cast<std::size_t>(kept[a] == 1 ? 0 : i[a]);
      }
      groups[group].push_back(x[0][i]);
    });
    Values y(keepdims ? kept : dropped);
    std::transform(groups.begin(), groups.end(), y.data.begin(), fold);
    return y;
  };
}

Reference along(std::size_t axis, std::function<Elements(const std::vector<Elements>&)> f) {
  return [=](const std::vector<Values>& x) {
    Shape shape;
    for (const auto& v : x) shape = broadcast_shapes("reference", shape, v.shape);
    const auto n = shape[axis];
    Shape starts = shape;
    starts[axis] = 1;
    const auto row = [&](Dims i) {
      std::vector<Elements> rows(x.size());
      for (std::size_t k = 0; k < x.size(); ++k) {
        for (i[axis] = 0; i[axis] < n; ++i[axis]) rows[k].push_back(x[k][i]);
      }
      return f(rows);
    };
    Shape result = shape;
    result[axis] = element_count(starts) == 0 ? n : static_cast<std::int64_t>(row(Dims(shape.size())).size());
    Values y(result);
    for_each_index(starts, [&](Dims i) {
      const Elements made = row(i);
      for (std::size_t k = 0; k < made.size(); ++k) {
        i[axis] = static_cast<std::int64_t>(k);
        y[i] = made[k];
      }
    });
    return y;
  };
}

}  // namespace newtape::table
