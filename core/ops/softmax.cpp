// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/reduce.hpp>
#include <newtape/core/kernels/softmax.hpp>
#include <newtape/core/ops/as_vector.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::core {

namespace {

template <class T>
const kernels::SoftmaxTable<T>& softmax_table() {
  return kernels::select<kernels::SoftmaxTables, T>();
}

/// Swaps the axis with the last one.
Array to_last(const Array& x, std::size_t axis) { return transpose(x, static_cast<std::int64_t>(axis), -1); }

/// Calls f(begin, end) for ranges of rows of length n, in parallel if there is enough work.
template <class F>
void in_rows(std::int64_t rows, std::int64_t n, const F& f) {
  // A multiple of 16, the number of short rows that share a vector.
  const std::int64_t grain = ((1 << 14) / std::max<std::int64_t>(1, n) + 15) / 16 * 16;
  newtape::detail::parallel_for(rows, std::max<std::int64_t>(1, grain), f);
}

/// Maps rows to rows; in place if x's memory is reusable.
template <class Pick>
Array map_rows(const char* op, Array x, std::int64_t axis, const Pick& pick) {
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return map_rows(op, v, axis, pick); });
  expect_floating(op, x);
  const auto a = normalize_axis(op, axis, x.ndim());
  if (a + 1 != x.ndim()) return to_last(map_rows(op, copy(to_last(x, a)), -1, pick), a);
  const auto n = x.shape().back();
  Array in = contiguous(std::move(x));
  Array out = in.reusable() ? in : Array::empty(in.shape(), in.dtype());
  if (in.size() == 0) return out;
  const auto run = [&]<class T>() {
    const auto kernel = pick(softmax_table<T>());
    const T* from = std::as_const(in).template data<T>();
    T* to = out.data<T>();
    in_rows(in.size() / n, n,
            [&](std::int64_t begin, std::int64_t end) { kernel(from + begin * n, to + begin * n, end - begin, n); });
  };
  in.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return out;
}

template <class Pick>
Array map_rows_back(const char* op, Array g, const Array& y, std::int64_t axis, const Pick& pick) {
  expect_floating(op, y);
  const auto a = normalize_axis(op, axis, y.ndim());
  if (a + 1 != y.ndim()) {
    // Counted from the last: g may have extra leading axes.
    const auto last = static_cast<std::int64_t>(a) - static_cast<std::int64_t>(y.ndim());
    return transpose(map_rows_back(op, copy(transpose(g, last, -1)), copy(transpose(y, last, -1)), -1, pick), last, -1);
  }
  const auto n = y.shape().back();
  // A broadcast g (pullback of a sum or mean) is passed as one number per row.
  const bool scalar = g.size() > 0 && n > 1 && g.strides().back() == 0;
  Array gs = scalar ? contiguous(slice(g, -1, 0, 1)) : contiguous(std::move(g));
  Shape shape = gs.shape();
  shape[shape.size() - 1] = n;
  const Array saved = contiguous(y);
  Array out = !scalar && gs.reusable() ? gs : Array::empty(shape, y.dtype());
  if (out.size() == 0) return out;
  const std::int64_t g_step = scalar ? 1 : n;
  const auto rows = out.size() / n;
  const auto y_rows = saved.size() / n;
  const auto run = [&]<class T>() {
    const auto kernel = pick(softmax_table<T>());
    const T* pg = std::as_const(gs).template data<T>();
    const T* py = saved.data<T>();
    T* to = out.data<T>();
    in_rows(rows, n, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {  // y repeats for every batch of cotangents
        const auto count = std::min(end - begin, y_rows - begin % y_rows);
        kernel(pg + begin * g_step, scalar, py + begin % y_rows * n, to + begin * n, count, n);
        begin += count;
      }
    });
  };
  y.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return out;
}

bool is_last(std::int64_t axis, const Array& x) {
  return x.ndim() > 0 && (axis == -1 || axis + 1 == static_cast<std::int64_t>(x.ndim()));
}

/// Records f(x, axis). Of contiguous rows, a given result is written, which may lie where x does.
template <class F, class Pick>
[[gnu::cold, gnu::noinline]] Array record_rows(const char* op, const F& f, const Pick& pick, const Array& x,
                                               std::int64_t axis) {
  if (!is_last(axis, x) || !x.is_contiguous() || x.size() == 0) {
    return record_call(
        op, [f, axis](const Array& a) { return f(a, axis); }, x);
  }
  const auto write = [pick](Array& y, const Array& a) {
    const auto n = a.shape().back();
    const auto run = [&]<class T>() {
      const auto kernel = pick(softmax_table<T>());
      const T* from = a.data<T>();
      T* to = y.data<T>();
      in_rows(a.size() / n, n,
              [&](std::int64_t begin, std::int64_t end) { kernel(from + begin * n, to + begin * n, end - begin, n); });
    };
    a.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  };
  return record_computed(
      op, [&] { return f(x, axis); }, write, x);
}

/// The same for f(g, y, axis), which may lie where g does.
template <class F, class Pick>
[[gnu::cold, gnu::noinline]] Array record_rows_back(const char* op, const F& f, const Pick& pick, const Array& g,
                                                    const Array& y, std::int64_t axis) {
  if (!is_last(axis, y) || !y.is_contiguous() || !g.is_contiguous() || g.shape() != y.shape() ||
      g.dtype() != y.dtype() || y.size() == 0) {
    return record_call(
        op, [f, axis](const Array& a, const Array& b) { return f(a, b, axis); }, g, y);
  }
  const auto write = [pick](Array& to, const Array& a, const Array& b) {
    const auto n = b.shape().back();
    const auto run = [&]<class T>() {
      const auto kernel = pick(softmax_table<T>());
      const T *pg = a.data<T>(), *py = b.data<T>();
      T* p = to.data<T>();
      in_rows(b.size() / n, n, [&](std::int64_t begin, std::int64_t end) {
        kernel(pg + begin * n, false, py + begin * n, p + begin * n, end - begin, n);
      });
    };
    b.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  };
  return record_computed(
      op, [&] { return f(g, y, axis); }, write, g, y);
}

constexpr auto pick_softmax = [](const auto& t) { return t.softmax; };
constexpr auto pick_log_softmax = [](const auto& t) { return t.log_softmax; };
constexpr auto pick_softmax_grad = [](const auto& t) { return t.softmax_grad; };
constexpr auto pick_log_softmax_grad = [](const auto& t) { return t.log_softmax_grad; };

}  // namespace

Array softmax(Array x, std::int64_t axis) {
  if (recorder() != nullptr) return record_rows("softmax", softmax, pick_softmax, x, axis);
  return map_rows("softmax", std::move(x), axis, pick_softmax);
}

Array log_softmax(Array x, std::int64_t axis) {
  if (recorder() != nullptr) return record_rows("log_softmax", log_softmax, pick_log_softmax, x, axis);
  return map_rows("log_softmax", std::move(x), axis, pick_log_softmax);
}

Array softmax_grad(Array g, const Array& y, std::int64_t axis) {
  if (recorder() != nullptr) return record_rows_back("softmax_grad", softmax_grad, pick_softmax_grad, g, y, axis);
  return map_rows_back("softmax_grad", std::move(g), y, axis, pick_softmax_grad);
}

Array log_softmax_grad(Array g, const Array& y, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_rows_back("log_softmax_grad", log_softmax_grad, pick_log_softmax_grad, g, y, axis);
  return map_rows_back("log_softmax_grad", std::move(g), y, axis, pick_log_softmax_grad);
}

Array logsumexp(const Array& x, std::int64_t axis, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "logsumexp", [=](const Array& a) { return logsumexp(a, axis, keepdims); }, x);
  if (x.ndim() == 0) return as_vector(x, [=](const Array& v) { return logsumexp(v, axis, true); });
  expect_floating("logsumexp", x);
  const auto a = normalize_axis("logsumexp", axis, x.ndim());
  Shape kept = x.shape();
  kept[a] = 1;
  Array out = Array::empty(kept, x.dtype());
  const Array rows = contiguous(to_last(x, a));
  const auto n = x.shape()[a];
  if (n == 0 && out.size() > 0) {
    raise<ValueError>("logsumexp: reduction over no elements", "at least one element along the axis",
                      to_string(x.shape()));
  }
  // The rows are in the order of `x` with the axis swapped with the last one.
  Array sums = Array::empty(to_last(out, a).shape(), x.dtype());
  const auto run = [&]<class T>() {
    const T* from = rows.data<T>();
    T* to = sums.data<T>();
    in_rows(sums.size(), n, [&](std::int64_t begin, std::int64_t end) {
      softmax_table<T>().logsumexp(from + begin * n, to + begin, end - begin, n);
    });
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  out = contiguous(to_last(sums, a));
  return keepdims ? out : squeeze(out, static_cast<std::int64_t>(a));
}

namespace {

template <class T>
const kernels::ReduceTable<T>& reducers() {
  return kernels::select<kernels::ReduceTables, T>();
}

template <class T, bool largest>
std::int64_t best_of(const T* x, std::int64_t n) {
  constexpr std::int64_t step = 64;
  std::int64_t best = 0;
  if constexpr (!std::is_same_v<T, bool>) {
    if (n > step) {
      // Finds the extremum and the first block that contains it with vector code.
      T extreme = x[0];
      (largest ? reducers<T>().max : reducers<T>().min).row(x, n, &extreme);
      const bool is_nan = extreme != extreme;
      for (; best + step <= n; best += step) {
        int hits = 0;
        for (std::int64_t i = best; i < best + step; ++i)
          hits |= static_cast<int>(is_nan ? x[i] != x[i] : x[i] == extreme);
        if (hits != 0) break;
      }
      while (is_nan ? x[best] == x[best] : x[best] != extreme) ++best;
      return best;
    }
  }
  for (std::int64_t i = 1; i < n && x[best] == x[best]; ++i) {  // stops at the first NaN
    if (x[i] != x[i] || (largest ? x[i] > x[best] : x[i] < x[best])) best = i;
  }
  return best;
}

template <bool largest>
Array arg_best(const char* op, const Array& x, std::int64_t axis, bool keepdims) {
  if (x.ndim() == 0) return as_vector(x, [=](const Array& v) { return arg_best<largest>(op, v, axis, true); });
  expect_computed(op, x);
  const auto a = normalize_axis(op, axis, x.ndim());
  const auto n = x.shape()[a];
  Shape kept = x.shape();
  kept[a] = 1;
  std::swap(kept[a], kept[kept.size() - 1]);
  Array best = Array::empty(kept, i64);
  if (n == 0 && best.size() > 0) {
    raise<ValueError>(std::string(op) + ": reduction over no elements", "at least one element along the axis",
                      "shape " + to_string(x.shape()));
  }
  const Array rows = contiguous(to_last(x, a));
  auto* to = best.data<std::int64_t>();
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* from = rows.data<T>();
    in_rows(best.size(), n, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = begin; r < end; ++r) to[r] = best_of<T, largest>(from + r * n, n);
    });
  });
  const Array out = contiguous(to_last(best, a));
  return keepdims ? out : squeeze(out, static_cast<std::int64_t>(a));
}

}  // namespace

Array argmax(const Array& x, std::int64_t axis, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "argmax", [=](const Array& a) { return argmax(a, axis, keepdims); }, x);
  return arg_best<true>("argmax", x, axis, keepdims);
}
Array argmin(const Array& x, std::int64_t axis, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "argmin", [=](const Array& a) { return argmin(a, axis, keepdims); }, x);
  return arg_best<false>("argmin", x, axis, keepdims);
}

}  // namespace newtape::core
