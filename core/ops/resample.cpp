// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/resample.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/resample.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::core {

namespace {

template <class T>
const kernels::ResampleTable<T>& resample_table() {
  return kernels::select<kernels::ResampleTables, T>();
}

template <class T>
void run(const T* x, const BandMatrix& m, std::int64_t outer, std::int64_t inner, T* y) {
  const auto& kernel = resample_table<T>();
  const std::vector<T> w(m.elements.begin(), m.elements.end());
  const std::int64_t work = 1 + inner * static_cast<std::int64_t>(m.elements.size());
  newtape::detail::parallel_for(outer, std::max<std::int64_t>(1, (1 << 16) / work),
                                [&](std::int64_t begin, std::int64_t end) {
                                  for (std::int64_t i = begin; i < end; ++i) {
                                    const T* from = x + i * m.input * inner;
                                    T* to = y + i * m.output() * inner;
                                    if (inner == 1) {
                                      kernel.runs(from, w.data(), m.first.data(), m.begin.data(), m.output(), to);
                                      continue;
                                    }
                                    for (std::int64_t o = 0; o < m.output(); ++o) {
                                      const auto row = static_cast<std::size_t>(o);
                                      kernel.rows(from + m.first[row] * inner, w.data() + m.begin[row],
                                                  m.begin[row + 1] - m.begin[row], inner, to + o * inner);
                                    }
                                  }
                                });
}

}  // namespace

void BandMatrix::add_row(std::int64_t column, const std::vector<double>& run) {
  first.push_back(column);
  elements.insert(elements.end(), run.begin(), run.end());
  begin.push_back(static_cast<std::int64_t>(elements.size()));
}

BandMatrix BandMatrix::transposed() const {
  // Row `column` of the result spans the first to the last row of this matrix that contains the column.
  std::vector<std::int64_t> low(static_cast<std::size_t>(input), output());
  std::vector<std::int64_t> high(static_cast<std::size_t>(input), 0);
  const auto each = [&](const auto& f) {
    for (std::int64_t o = 0; o < output(); ++o) {
      const auto row = static_cast<std::size_t>(o);
      for (std::int64_t i = 0; i < begin[row + 1] - begin[row]; ++i) {
        f(o, static_cast<std::size_t>(first[row] + i), elements[static_cast<std::size_t>(begin[row] + i)]);
      }
    }
  };
  each([&](std::int64_t o, std::size_t column, double) {
    low[column] = std::min(low[column], o);
    high[column] = std::max(high[column], o + 1);
  });
  BandMatrix t;
  t.input = output();
  for (std::size_t c = 0; c < low.size(); ++c) {
    const std::int64_t length = std::max<std::int64_t>(0, high[c] - low[c]);
    t.add_row(length == 0 ? 0 : low[c], std::vector<double>(static_cast<std::size_t>(length)));
  }
  each([&](std::int64_t o, std::size_t column, double w) {
    t.elements[static_cast<std::size_t>(t.begin[column] + o - low[column])] += w;
  });
  return t;
}

Array resample(const Array& x, const BandMatrix& m, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_call(
        "resample", [=](const Array& a) { return resample(a, m, axis); }, x);
  expect_floating("resample", x);
  const auto a = normalize_axis("resample", axis, x.ndim());
  if (x.shape()[a] != m.input) {
    raise<ShapeError>("resample: the axis does not match the matrix", "length " + std::to_string(m.input),
                      to_string(x.shape()));
  }
  Shape shape = x.shape();
  shape[a] = m.output();
  Array y = Array::empty(shape, x.dtype());
  if (y.size() == 0) return y;
  const Array source = contiguous(x);
  const std::int64_t outer = element_count(Shape(shape.begin(), shape.begin() + a));
  const std::int64_t inner = element_count(Shape(shape.begin() + a + 1, shape.end()));
  if (x.dtype() == f32) {
    run<float>(source.data<float>(), m, outer, inner, y.data<float>());
  } else {
    run<double>(source.data<double>(), m, outer, inner, y.data<double>());
  }
  return y;
}

}  // namespace newtape::core
