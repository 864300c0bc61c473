// SPDX-License-Identifier: BSD-3-Clause
// What the derivatives of eigh and svd share: blocks of equal values, and checks that the derivative is determined.
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::core {

namespace {

/// Numbers that differ by at most gap_margin n eps max|w| are treated as equal.
constexpr double gap_margin = 4;

template <class T>
T largest_of(const T* x, std::int64_t n) {
  T largest = 0;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
  return largest;
}

/// The sorted values of one matrix, in blocks: neighbours within the tolerance belong to the same block.
template <class T>
struct Blocks {
  const T* w;
  std::int64_t n;
  T scale;      ///< max|w|
  T tolerance;  ///< differences up to this count as zero
  std::vector<std::int64_t> first;

  Blocks(const T* values, std::int64_t count)
      : w(values),
        n(count),
        scale(largest_of(values, count)),
        tolerance(static_cast<T>(gap_margin * static_cast<double>(count)) * std::numeric_limits<T>::epsilon() * scale),
        first(static_cast<std::size_t>(count)) {
    for (std::int64_t i = 0; i < n; ++i) {
      const bool equal = i > 0 && std::abs(w[i] - w[i - 1]) <= tolerance;
      first[static_cast<std::size_t>(i)] = equal ? first[static_cast<std::size_t>(i - 1)] : i;
    }
  }
  std::int64_t block(std::int64_t i) const { return first[static_cast<std::size_t>(i)]; }
  bool same(std::int64_t i, std::int64_t j) const { return block(i) == block(j); }
  std::int64_t size(std::int64_t i) const { return std::count(first.begin(), first.end(), block(i)); }
  bool any() const { return std::adjacent_find(first.begin(), first.end()) != first.end(); }
};

/// Calls f(member, Blocks) for each row of w [.., n], with Blocks of its dtype.
template <class F>
void each_blocks(const Array& w, F f) {
  const Array x = contiguous(w);
  const auto n = x.shape().back();
  blas::with_float(x.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; member * n < x.size(); ++member) f(member, Blocks<T>(x.data<T>() + member * n, n));
  });
}

template <class F>
Array pairs(const Array& w, DType dtype, F element) {
  Shape shape = w.shape();
  const auto n = shape.back();
  shape.push_back(n);
  Array result = Array::empty(shape, dtype);
  each_blocks(w, [&](std::int64_t member, const auto& blocks) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) element(result, (member * n + i) * n + j, blocks, i, j);
    }
  });
  return result;
}

/// Above this error, relative to the result, a derivative counts as wrong.
template <class T>
T error_limit() {
  return std::pow(std::numeric_limits<T>::epsilon(), static_cast<T>(0.375));
}

std::string instead(const SpectralOp& op) {
  return std::string("distinct values, or ") + op.alternative + ", which is right at any";
}

[[noreturn]] void raise_nearly_equal(const SpectralOp& op, double gap, const std::string& where) {
  raise<NumericalError>(std::string(op.name) + ": at nearly equal values the derivative loses its digits", instead(op),
                        "values that differ by " + std::to_string(gap) + " of the largest" + where);
}

/// Largest coupling between vectors without a gap, relative to the largest cotangent.
template <class T>
struct Coupling {
  T max_coupling = 0;
  T largest = 0;
  void check(const SpectralOp& op, const std::string& where) const {
    if (max_coupling <= std::sqrt(std::numeric_limits<T>::epsilon()) * largest) return;  // half of the digits
    raise<NumericalError>(
        std::string(op.name) + ": the vectors of equal values are not unique, and the derivative depends on them",
        std::string("distinct values, or a function independent of the choice of vectors, such as ") + op.alternative,
        "coupling " + std::to_string(max_coupling / largest) + ", relative to the cotangent" + where);
  }
};

/// The error of quotients (p_ij - p_ji) / (w_j - w_i) by the rounding of p, and the size of all.
template <class T>
struct Quotients {
  std::vector<T> columns;  ///< norms of the columns of p
  T error = 0;
  T gap = 0;  ///< of the quotient with the largest error
  T result = 0;

  explicit Quotients(std::int64_t n) : columns(static_cast<std::size_t>(n), 0) {}
  void measure(const T* p, std::int64_t n) {
    if (p == nullptr) return;
    const T largest = largest_of(p, n * n);
    const T unit = largest > 0 && std::isfinite(largest) ? largest : 1;  // so that no square overflows
    std::vector<T> squares(columns.size());
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const T x = p[i * n + j] / unit;
        squares[static_cast<std::size_t>(j)] += x * x;
      }
    }
    for (std::size_t j = 0; j < columns.size(); ++j) columns[j] = std::hypot(columns[j], unit * std::sqrt(squares[j]));
  }
  T largest() const { return largest_of(columns.data(), static_cast<std::int64_t>(columns.size())); }
  void add(std::int64_t i, std::int64_t j, T by_gap, T gap_ij) {
    const T size = std::max(columns[static_cast<std::size_t>(i)], columns[static_cast<std::size_t>(j)]);
    const T error_ij = std::numeric_limits<T>::epsilon() * size / std::abs(gap_ij);
    if (error_ij > error) gap = std::abs(gap_ij);
    error = std::max(error, error_ij);
    result = std::max(result, std::abs(by_gap));
  }
  void check(const SpectralOp& op, const Blocks<T>& blocks, const std::string& where) const {
    if (error <= error_limit<T>() * std::max(result, largest() / blocks.scale)) return;
    raise_nearly_equal(op, static_cast<double>(gap / blocks.scale), where);
  }
  /// Unless nothing depends on the values and vectors of `alike`: the cotangents of both do not determine the derivative
  /// with respect to what mixes them, as for v f(w) v^T it is f'(w), which neither contains.
  template <class F>
  void expect_unused(const SpectralOp& op, const T* g_w, F alike, const std::string& where) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if ((columns[i] == 0 && g_w[i] == 0) || !alike(static_cast<std::int64_t>(i))) continue;
      raise_undetermined(op, where);
    }
  }
};

}  // namespace

void raise_undetermined(const SpectralOp& op, const std::string& where) {
  raise<NumericalError>(
      std::string(op.name) + ": at equal values this derivative is not determined by the values and vectors",
      instead(op), "equal values" + where);
}

Array equal_values(const Array& w) {
  if (recorder() != nullptr)
    return record_call(
        "equal_values", [](const Array& a) { return equal_values(a); }, w);
  return pairs(w, boolean, [](Array& to, std::int64_t at, const auto& blocks, std::int64_t i, std::int64_t j) {
    to.data<bool>()[at] = blocks.same(i, j);
  });
}

bool any_equal(const Array& w) {
  if (recorder() != nullptr)
    return record_decision(
        "any_equal", [](const Array& a) { return any_equal(a); }, w);
  bool found = false;
  if (w.size() > 0) each_blocks(w, [&](std::int64_t, const auto& blocks) { found = found || blocks.any(); });
  return found;
}

bool any_zero(const Array& s) {
  if (recorder() != nullptr)
    return record_decision(
        "any_zero", [](const Array& a) { return any_zero(a); }, s);
  bool found = false;
  if (s.size() == 0) return found;
  each_blocks(s, [&](std::int64_t, const auto& b) { found = found || std::abs(b.w[b.n - 1]) <= b.tolerance; });
  return found;
}

Array equal_means(const Array& w) {
  if (recorder() != nullptr)
    return record_call(
        "equal_means", [](const Array& a) { return equal_means(a); }, w);
  return pairs(w, w.dtype(),
               []<class T>(Array& to, std::int64_t at, const Blocks<T>& b, std::int64_t i, std::int64_t j) {
                 to.data<T>()[at] = b.same(i, j) ? 1 / static_cast<T>(b.size(i)) : 0;
               });
}

void expect_no_coupling(const Array& p, const Array& no_gap, const Array& scale, const SpectralOp& op) {
  if (recorder() != nullptr) {
    const auto test = [op](const Array& a, const Array& b, const Array& c) {
      expect_no_coupling(a, b, c, op);
      return true;
    };
    record_decision("expect_no_coupling", test, p, no_gap, scale);
    return;
  }
  const Array none = expand(no_gap, p.shape());
  if (p.size() == 0) return;
  const Array x = contiguous(p);
  const Array size = contiguous(scale);
  const Array where_none = contiguous(none);
  const Shape stack = blas::stack_of(p.shape());
  const auto each = p.size() / element_count(stack);
  blas::with_float(p.dtype(), [&]<class T>() {
    const auto each_size = size.size() / element_count(stack);
    for (std::int64_t member = 0; member < element_count(stack); ++member) {
      Coupling<T> c;
      c.largest = largest_of(size.data<T>() + member * each_size, each_size);
      for (auto i = member * each; i < (member + 1) * each; ++i) {
        if (where_none.data<bool>()[i]) c.max_coupling = std::max(c.max_coupling, std::abs(x.data<T>()[i]));
      }
      c.check(op, blas::member_name(stack, member));
    }
  });
}

Array divide_by_gaps(const Array& d, const Array& w) {
  if (recorder() != nullptr)
    return record_call(
        "divide_by_gaps", [](const Array& a, const Array& b) { return divide_by_gaps(a, b); }, d, w);
  Array x = copy(d);
  const auto n = d.shape().back();
  const Shape stack = blas::stack_of(d.shape());
  const Array values = unsqueeze(contiguous(w), -1);
  blas::with_float(d.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      T* m = x.data<T>() + member * n * n;
      const Blocks<T> blocks(values.data<T>() + blas::batch_offset(member, stack, values), n);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          m[i * n + j] = blocks.same(i, j) ? 0 : m[i * n + j] / (blocks.w[j] - blocks.w[i]);
        }
      }
    }
  });
  return x;
}

void expect_gaps(const Array& g, const Array& w, const SpectralOp& op, int power, bool blocks_determined) {
  if (recorder() != nullptr) {
    const auto test = [=](const Array& a, const Array& b) {
      expect_gaps(a, b, op, power, blocks_determined);
      return true;
    };
    record_decision("expect_gaps", test, g, w);
    return;
  }
  const Array x = contiguous(g);
  const auto n = g.shape().back();
  const Shape stack = blas::stack_of(g.shape());
  const Array values = unsqueeze(contiguous(w), -1);
  blas::with_float(g.dtype(), [&]<class T>() {
    const T eps = std::numeric_limits<T>::epsilon();
    const T least = std::pow(eps, static_cast<T>(0.625 / power));  // eps / least^power is error_limit()
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      const T* m = x.data<T>() + member * n * n;
      const Blocks<T> blocks(values.data<T>() + blas::batch_offset(member, stack, values), n);
      const T negligible = std::sqrt(eps) * largest_of(m, n * n);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          if (i == j || std::abs(m[i * n + j]) <= negligible) continue;
          const T gap = std::abs(blocks.w[i] - blocks.w[j]);
          if (blocks.same(i, j)) {
            if (!blocks_determined) raise_undetermined(op, blas::member_name(stack, member));
          } else if (gap < least * blocks.scale) {
            raise_nearly_equal(op, static_cast<double>(gap / blocks.scale), blas::member_name(stack, member));
          }
        }
      }
    }
  });
}

Array eigh_inner_grad(const Array& p, const Array& w, const Array& g_w, const SpectralOp& op, const Array& known) {
  if (recorder() != nullptr) {
    const auto again = [op](const Array& a, const Array& b, const Array& c, const Array& d) {
      return eigh_inner_grad(a, b, c, op, d);
    };
    return record_call("eigh_inner_grad", again, p, w, g_w, known);
  }
  Array x = copy(p);
  const Array skipped = known.defined() ? contiguous(known) : Array();
  const auto n = p.shape().back();
  const Shape stack = blas::stack_of(p.shape());
  const Array values = unsqueeze(contiguous(w), -1);
  const Array diagonal = g_w.defined() ? contiguous(g_w) : Array();
  blas::with_float(p.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      T* m = x.data<T>() + member * n * n;
      const T* g = diagonal.defined() ? diagonal.data<T>() + member * n : nullptr;
      const Blocks<T> blocks(values.data<T>() + blas::batch_offset(member, stack, values), n);
      const bool* skip = skipped.defined() ? skipped.data<bool>() + member * n * n : nullptr;
      Coupling<T> c{.largest = largest_of(m, n * n)};
      Quotients<T> q(n);
      q.measure(m, n);
      for (std::int64_t i = 0; i < n; ++i) {
        m[i * n + i] = g != nullptr ? g[i] : 0;
        for (std::int64_t l = 0; l < i; ++l) {
          if (skip != nullptr && skip[i * n + l]) continue;
          const T coupling = (m[i * n + l] - m[l * n + i]) / 2;
          const T gap = blocks.w[l] - blocks.w[i];
          const bool none = blocks.same(i, l);
          if (none) c.max_coupling = std::max(c.max_coupling, std::abs(coupling));
          m[i * n + l] = m[l * n + i] = none ? 0 : coupling / gap;
          if (!none) q.add(i, l, coupling / gap, gap);
        }
      }
      const std::string where = blas::member_name(stack, member);
      c.check(op, where);
      if (g != nullptr && skip == nullptr)
        q.expect_unused(
            op, g, [&](std::int64_t i) { return blocks.size(i) > 1; }, where);
      if (g != nullptr) q.result = std::max(q.result, largest_of(g, n));
      q.check(op, blocks, where);
    }
  });
  return x;
}

Array svd_inner_grad(const Array& j, const Array& k, const Array& s, const Array& g_s, bool square,
                     const SpectralOp& op, const Array& known_by_gaps, const Array& known_by_sums) {
  if (recorder() != nullptr) {
    const auto again = [square, op](const Array& a, const Array& b, const Array& c, const Array& d, const Array& e,
                                    const Array& f) { return svd_inner_grad(a, b, c, d, square, op, e, f); };
    return record_call("svd_inner_grad", again, j, k, s, g_s, known_by_gaps, known_by_sums);
  }
  const Array skipped_gaps = known_by_gaps.defined() ? contiguous(known_by_gaps) : Array();
  const Array skipped_sums = known_by_sums.defined() ? contiguous(known_by_sums) : Array();
  const Array left = j.defined() ? contiguous(j) : Array();
  const Array right = k.defined() ? contiguous(k) : Array();
  const Array& given = left.defined() ? left : right;
  Array x = Array::empty(given.shape(), given.dtype());
  const auto n = x.shape().back();
  const Shape stack = blas::stack_of(x.shape());
  const Array values = unsqueeze(contiguous(s), -1);
  const Array diagonal = g_s.defined() ? contiguous(g_s) : Array();
  blas::with_float(x.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      const T* pj = left.defined() ? left.data<T>() + member * n * n : nullptr;
      const T* pk = right.defined() ? right.data<T>() + member * n * n : nullptr;
      const T* g = diagonal.defined() ? diagonal.data<T>() + member * n : nullptr;
      T* m = x.data<T>() + member * n * n;
      const Blocks<T> blocks(values.data<T>() + blas::batch_offset(member, stack, values), n);
      const bool* skip_gap = skipped_gaps.defined() ? skipped_gaps.data<bool>() + member * n * n : nullptr;
      const bool* skip_sum = skipped_sums.defined() ? skipped_sums.data<bool>() + member * n * n : nullptr;
      Coupling<T> c;
      if (pj != nullptr) c.largest = largest_of(pj, n * n);
      if (pk != nullptr) c.largest = std::max(c.largest, largest_of(pk, n * n));
      Quotients<T> q(n);
      q.measure(pj, n);
      q.measure(pk, n);
      for (std::int64_t i = 0; i < n; ++i) {
        m[i * n + i] = g != nullptr ? g[i] : 0;
        for (std::int64_t l = 0; l < i; ++l) {
          const T from_j = pj != nullptr ? pj[i * n + l] - pj[l * n + i] : 0;
          const T from_k = pk != nullptr ? pk[i * n + l] - pk[l * n + i] : 0;
          const T difference = (from_j + from_k) / 2;
          const T total = (from_j - from_k) / 2;
          const T gap = blocks.w[l] - blocks.w[i];
          const T sum = blocks.w[l] + blocks.w[i];
          const bool gap_known = skip_gap != nullptr && skip_gap[i * n + l];
          const bool sum_known = skip_sum != nullptr && skip_sum[i * n + l];
          const bool no_gap = blocks.same(i, l) || gap_known;
          const bool no_sum = sum <= blocks.tolerance || sum_known;
          if (no_gap && !gap_known) c.max_coupling = std::max(c.max_coupling, std::abs(difference));
          if (no_sum && !sum_known) c.max_coupling = std::max(c.max_coupling, std::abs(total));
          const T by_gap = no_gap ? 0 : difference / gap;  // antisymmetric by antisymmetric: the same for (l, i)
          const T by_sum = no_sum ? 0 : total / sum;
          m[i * n + l] = by_gap + by_sum;
          m[l * n + i] = by_gap - by_sum;
          q.result = std::max(q.result, std::abs(by_sum));
          if (!no_gap) q.add(i, l, by_gap, gap);
        }
      }
      const std::string where = blas::member_name(stack, member);
      c.check(op, where);
      const auto alike = [&](std::int64_t i) {
        return blocks.size(i) > 1 || (!square && blocks.w[i] <= blocks.tolerance);
      };
      if (g != nullptr && skip_gap == nullptr) q.expect_unused(op, g, alike, where);
      if (g != nullptr) q.result = std::max(q.result, largest_of(g, n));
      q.check(op, blocks, where);
    }
  });
  return x;
}

}  // namespace newtape::core
