// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/call_forms.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/max_pool.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/max_pool.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::core {

namespace {

template <class T>
const kernels::MaxPoolTable<T>& pool_table() {
  return kernels::select<kernels::MaxPoolTables, T>();
}

std::int64_t inputs(Windows windows) {
  std::int64_t n = 1;
  for (const auto& w : windows) n *= w.input;
  return n;
}

/// Checks the arguments and returns the shape of the result.
Shape pooled(const char* op, const Array& x, Windows windows) {
  expect_floating(op, x);
  const std::size_t axes = windows.size();
  Shape shape = x.shape();
  bool fits = axes >= 1 && axes <= 3 && x.ndim() >= axes;
  for (std::size_t a = 0; fits && a < axes; ++a) {
    auto& length = shape[x.ndim() - axes + a];
    fits = length == windows[a].input;
    length = windows[a].output();
  }
  if (!fits) {
    raise<ShapeError>(std::string(op) + ": the shape does not match the windows",
                      "one trailing axis of the window's input length per window", to_string(x.shape()));
  }
  return shape;
}

template <class F>
void in_planes(std::int64_t planes, std::int64_t size, const F& f) {
  newtape::detail::parallel_for(planes, std::max<std::int64_t>(1, (1 << 15) / (size + 1)), f);
}

/// Non-overlapping 2x2 windows over the last two axes: the common case, with special kernels.
bool in_squares(Windows windows) {
  const std::size_t axes = windows.size();
  if (axes < 2 || (axes == 3 && windows[0].input != windows[0].output())) return false;
  for (std::size_t a = 0; a < axes; ++a) {
    const auto& w = windows[a];
    const std::int64_t side = a + 2 < axes ? 1 : 2;
    if (w.step != 1 && side != 1) return false;
    for (std::int64_t i = 0; i < w.output(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (w.first[at] != i * side || w.count[at] != side) return false;
    }
  }
  return true;
}

/// Memory layout of the 2x2 windows: two input rows per output row.
struct Squares {
  std::int64_t height, width, rows, columns, planes;

  Squares(Windows windows, std::int64_t size)
      : height(windows[windows.size() - 2].input),
        width(windows.back().input),
        rows(windows[windows.size() - 2].output()),
        columns(windows.back().output()),
        planes(size / (height * width)) {}
  std::int64_t top(std::int64_t plane, std::int64_t row) const { return (plane * height + 2 * row) * width; }
};

/// Output rows processed per kernel call, such that the scratch memory stays in the L1 cache.
std::int64_t rows_per_call(const Squares& s) {
  return std::clamp<std::int64_t>(1024 / std::max<std::int64_t>(1, s.columns), 1, std::max<std::int64_t>(1, s.rows));
}

template <class T>
void pool_squares(const T* x, const Squares& s, T* y) {
  const std::int64_t block = rows_per_call(s);
  in_planes(s.planes, s.height * s.width, [&](std::int64_t begin, std::int64_t end) {
    Array scratch = Array::empty({2 * block * s.columns}, dtype_of<T>);
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t r = 0; r < s.rows; r += block) {
        pool_table<T>().squares(x + s.top(p, r), s.width, std::min(block, s.rows - r), s.columns, scratch.data<T>(),
                                y + (p * s.rows + r) * s.columns);
      }
    }
  });
}

template <class T>
void pool_squares_grad(const T* g, const T* x, const T* y, const Squares& s, std::int64_t planes, T* to) {
  const std::int64_t block = rows_per_call(s);
  in_planes(planes, s.height * s.width, [&](std::int64_t begin, std::int64_t end) {
    Array scratch = Array::empty({4 * block * s.columns}, dtype_of<T>);
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t x_plane = p % s.planes;
      for (std::int64_t r = 0; r < s.rows; r += block) {
        pool_table<T>().squares_grad(g + (p * s.rows + r) * s.columns, y + (x_plane * s.rows + r) * s.columns,
                                     x + s.top(x_plane, r), s.width, std::min(block, s.rows - r), s.columns,
                                     scratch.data<T>(), to + s.top(p, r));
      }
      T* unused = to + s.top(p, s.rows);
      std::fill(unused, unused + (s.height - 2 * s.rows) * s.width, T(0));
    }
  });
}

/// y and its places of relu(x), if `rectified`, or x.
template <class T>
void pool_squares_placed(const T* x, const Squares& s, bool rectified, T* y, std::uint8_t* place) {
  in_planes(s.planes, s.height * s.width, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t at = p * s.rows * s.columns;
      pool_table<T>().squares_placed(x + s.top(p, 0), s.width, s.rows, s.columns, rectified, y + at, place + at);
    }
  });
}

template <class T>
void pool_squares_placed_grad(const T* g, const std::uint8_t* place, const Squares& s, T* to) {
  in_planes(s.planes, s.height * s.width, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t at = p * s.rows * s.columns;
      pool_table<T>().squares_placed_grad(g + at, place + at, s.width, s.rows, s.columns, to + s.top(p, 0));
      T* const unused = to + s.top(p, s.rows);
      std::fill(unused, unused + (s.height - 2 * s.rows) * s.width, T(0));
    }
  });
}

/// The places of maxima, one byte for each, in the place of x and y.
const char* const places_of_squares = "max_pool of 2x2 squares";

Residual::Write place_squares(const std::vector<WindowAxis>& windows, bool rectified) {
  return [windows, rectified](std::span<Array* const> to, Operands in) {
    const Array x = contiguous(*in[0]);
    auto* const place = static_cast<std::uint8_t*>(to[1]->raw());
    const Squares s(windows, x.size());
    x.dtype() == f32 ? pool_squares_placed<float>(x.data<float>(), s, rectified, to[0]->data<float>(), place)
                     : pool_squares_placed<double>(x.data<double>(), s, rectified, to[0]->data<double>(), place);
  };
}

Residual residual_of_squares(const std::vector<WindowAxis>& windows, const Array& x) {
  return {.name = places_of_squares,
          .write = place_squares(windows, false),
          .dtype = boolean,
          .shape = pooled("max_pool", x, windows),
          .write_rectified = place_squares(windows, true)};
}

Residual residual_of_squares_grad(const std::vector<WindowAxis>& windows) {
  const auto write = [windows](std::span<Array* const> to, Operands in) {
    const Array g = contiguous(*in[0]);
    const auto* const place = static_cast<const std::uint8_t*>(in[1]->raw());
    const Squares s(windows, to[0]->size());
    g.dtype() == f32 ? pool_squares_placed_grad<float>(g.data<float>(), place, s, to[0]->data<float>())
                     : pool_squares_placed_grad<double>(g.data<double>(), place, s, to[0]->data<double>());
  };
  return {.name = places_of_squares, .write = write, .replaced = {{1, 0}, {2, -1}}};
}

/// Maxima along one axis of x [outer, input, inner].
template <class T>
void pool_axis(const T* x, const WindowAxis& w, std::int64_t outer, std::int64_t inner, T* y) {
  in_planes(outer, w.input * inner, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* from = x + i * w.input * inner;
      T* to = y + i * w.output() * inner;
      if (inner == 1) {
        pool_table<T>().runs(from, w.first.data(), w.count.data(), w.step, w.output(), to);
        continue;
      }
      for (std::int64_t o = 0; o < w.output(); ++o, to += inner) {
        const T* row = from + w.first[static_cast<std::size_t>(o)] * inner;
        std::copy(row, row + inner, to);
        for (std::int64_t k = 1; k < w.count[static_cast<std::size_t>(o)]; ++k) {
          pool_table<T>().join(row + k * w.step * inner, inner, to);
        }
      }
    }
  });
}

/// Calls f(output, index of the maximum) for every window of the plane x.
template <class T, class F>
void each_maximum(const T* x, Windows windows, const F& f) {
  static const WindowAxis one{1, 1, {0}, {1}};
  const std::size_t axes = windows.size();
  const WindowAxis& w0 = axes > 2 ? windows[0] : one;
  const WindowAxis& w1 = axes > 1 ? windows[axes - 2] : one;
  const WindowAxis& w2 = windows[axes - 1];
  std::int64_t output = 0;
  for (std::size_t o0 = 0; o0 < w0.first.size(); ++o0) {
    for (std::size_t o1 = 0; o1 < w1.first.size(); ++o1) {
      for (std::size_t o2 = 0; o2 < w2.first.size(); ++o2, ++output) {
        std::int64_t best = (w0.first[o0] * w1.input + w1.first[o1]) * w2.input + w2.first[o2];
        for (std::int64_t i = 0; i < w0.count[o0]; ++i) {
          for (std::int64_t j = 0; j < w1.count[o1]; ++j) {
            const std::int64_t row = (w0.first[o0] + i * w0.step) * w1.input + w1.first[o1] + j * w1.step;
            for (std::int64_t k = 0; k < w2.count[o2]; ++k) {
              const std::int64_t at = row * w2.input + w2.first[o2] + k * w2.step;
              if (x[at] > x[best] || (x[at] != x[at] && x[best] == x[best])) best = at;
            }
          }
        }
        f(output, best);
      }
    }
  }
}

}  // namespace

Array max_pool(const Array& x, Windows windows) {
  if (recorder() != nullptr) {
    const std::vector<WindowAxis> all(windows.begin(), windows.end());
    const auto record = [&] {
      return record_call(
          "max_pool", [all](const Array& a) { return max_pool(a, all); }, x);
    };
    if (!in_squares(windows) || x.size() == 0) return record();
    const OfferedResidual places(residual_of_squares(all, x));
    return record();
  }
  Array y = Array::empty(pooled("max_pool", x, windows), x.dtype());
  if (y.size() == 0) return y;
  Array source = contiguous(x);
  const auto run = [&]<class T>() {
    if (in_squares(windows)) {
      pool_squares<T>(source.data<T>(), Squares(windows, x.size()), y.data<T>());
      return;
    }
    for (std::size_t a = 0; a < windows.size(); ++a) {
      const std::size_t axis = x.ndim() - windows.size() + a;
      Shape shape = source.shape();
      shape[axis] = windows[a].output();
      Array next = a + 1 == windows.size() ? y : Array::empty(shape, x.dtype());
      pool_axis<T>(std::as_const(source).template data<T>(), windows[a],
                   element_count(Shape(shape.begin(), shape.begin() + axis)),
                   element_count(Shape(shape.begin() + axis + 1, shape.end())), next.data<T>());
      source = next;
    }
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return y;
}

Array max_pool_indices(const Array& x, Windows windows) {
  if (recorder() != nullptr) {
    const std::vector<WindowAxis> all(windows.begin(), windows.end());
    return record_call(
        "max_pool_indices", [all](const Array& a) { return max_pool_indices(a, all); }, x);
  }
  Array indices = Array::empty(pooled("max_pool_indices", x, windows), i64);
  if (indices.size() == 0) return indices;
  const Array source = contiguous(x);
  const std::int64_t size = inputs(windows);
  const std::int64_t planes = x.size() / size;
  const std::int64_t outputs = indices.size() / planes;
  auto* to = indices.data<std::int64_t>();
  const auto run = [&]<class T>() {
    const T* from = source.data<T>();
    in_planes(planes, size, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        each_maximum(from + p * size, windows, [&](std::int64_t o, std::int64_t best) { to[p * outputs + o] = best; });
      }
    });
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return indices;
}

Array max_pool_grad(const Array& g, const Array& x, const Array& y, Windows windows) {
  if (recorder() != nullptr) {
    const std::vector<WindowAxis> all(windows.begin(), windows.end());
    const auto record = [&] {
      return record_call(
          "max_pool_grad",
          [all](const Array& a, const Array& b, const Array& c) { return max_pool_grad(a, b, c, all); }, g, x, y);
    };
    if (!in_squares(windows) || x.size() == 0 || g.ndim() != x.ndim()) return record();
    const OfferedResidual places(residual_of_squares_grad(all));
    return record();
  }
  const Shape shape = pooled("max_pool_grad", x, windows);
  const std::size_t extra = g.ndim() - shape.size();
  Shape result(g.shape().begin(), g.shape().begin() + extra);
  for (const auto d : x.shape()) result.push_back(d);
  Array out = Array::empty(result, x.dtype());
  if (out.size() == 0) return out;
  const Array cotangents = contiguous(g), source = contiguous(x), maxima = contiguous(y);
  const std::int64_t size = inputs(windows);
  const std::int64_t own_planes = x.size() / size;
  const std::int64_t planes = out.size() / size;
  const std::int64_t outputs = y.size() / own_planes;
  const auto run = [&]<class T>() {
    const T* from = cotangents.data<T>();
    const T* values = source.data<T>();
    T* to = out.data<T>();
    if (in_squares(windows)) {
      const Squares s(windows, x.size());
      pool_squares_grad<T>(from, values, maxima.data<T>(), s, out.size() / (s.height * s.width), to);
      return;
    }
    in_planes(planes, size, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        T* plane = to + p * size;
        std::fill(plane, plane + size, T(0));
        each_maximum(values + p % own_planes * size, windows,
                     [&](std::int64_t o, std::int64_t best) { plane[best] += from[p * outputs + o]; });
      }
    });
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return out;
}

}  // namespace newtape::core
