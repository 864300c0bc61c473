// SPDX-License-Identifier: BSD-3-Clause
#include "operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

namespace newtape::table {

namespace {

double unit(std::mt19937_64& bits) { return static_cast<double>(bits() >> 11) * 0x1p-53; }

/// A number of the domain, at a distance from its corners and from `others`.
double draw_one(const Domain& d, std::mt19937_64& bits, const std::vector<double>& others, double gap) {
  for (int attempt = 0; attempt < 100'000; ++attempt) {
    double x = d.low + (d.high - d.low) * unit(bits);
    if (d.whole || !is_floating(d.dtype)) x = std::floor(d.low + (d.high - d.low + 1) * unit(bits));
    x = static_cast<float>(x);
    const auto close = [x](double margin) { return [x, margin](double y) { return std::abs(x - y) < margin; }; };
    if (std::any_of(d.avoid.begin(), d.avoid.end(), close(0.1))) continue;
    if (gap > 0 && std::any_of(others.begin(), others.end(), close(gap))) continue;
    return x;
  }
  throw std::logic_error("the domain has no room for so many numbers");
}

}  // namespace

std::vector<Array> draw(const Row& row, const Sample& sample, DType dtype, std::uint64_t seed) {
  if (!sample.operands.empty()) {
    std::vector<Array> given;
    for (std::size_t k = 0; k < sample.operands.size(); ++k) {
      given.push_back(array(sample.operands[k], is_float(row, k) ? dtype : domain(row, k).dtype));
    }
    return given;
  }
  std::uint64_t mixed = seed;
  for (const char c : row.name) mixed = mixed * 1'000'003 + static_cast<unsigned char>(c);
  std::mt19937_64 bits(mixed);
  double total = 0;
  for (const auto& s : sample.shapes) total += static_cast<double>(element_count(s));
  std::vector<Array> xs;
  std::vector<double> drawn;
  for (std::size_t k = 0; k < sample.shapes.size(); ++k) {
    const Domain& d = domain(row, k);
    const double gap = row.distinct && is_floating(d.dtype) ? (d.high - d.low) / (4 * total) : 0;
    Values v(sample.shapes[k]);
    for (auto& x : v.data) {
      x = draw_one(d, bits, drawn, gap);
      drawn.push_back(static_cast<double>(x));
    }
    xs.push_back(array(v, is_floating(d.dtype) ? dtype : d.dtype));
  }
  return xs;
}

Array laid_out(const Array& x, Layout layout) {
  const Values v = values(x);
  const std::size_t n = x.ndim();
  if (layout == Layout::transposed) {
    Shape reversed(x.shape());
    std::reverse(reversed.begin(), reversed.end());
    Values t(reversed);
    for_each_index(x.shape(), [&](const Dims& i) {
      Dims j(i);
      std::reverse(j.begin(), j.end());
      t[j] = v[i];
    });
    Strides strides = contiguous_strides(reversed);
    std::reverse(strides.begin(), strides.end());
    return Array::view_of(array(t, x.dtype()), x.shape(), strides);
  }
  if (layout == Layout::stepped) {
    Shape wide(x.shape());
    for (auto& length : wide) length *= 2;
    Values t(wide, x.dtype() == i64 ? 77'777 : std::nanl(""));
    for_each_index(x.shape(), [&](const Dims& i) {
      Dims j(i);
      for (auto& k : j) k = 2 * k + 1;  // the first element is not at the beginning of the memory
      t[j] = v[i];
    });
    Strides strides = contiguous_strides(wide);
    std::int64_t offset = 0;
    for (auto& s : strides) {
      offset += s;
      s *= 2;
    }
    return Array::view_of(array(t, x.dtype()), x.shape(), strides, x.size() == 0 ? 0 : offset);
  }
  if (layout == Layout::stretched && n > 0) {
    Strides strides = contiguous_strides(x.shape());
    strides[0] = 0;
    return Array::view_of(own_copy(x), x.shape(), strides);
  }
  return own_copy(x);
}

Array own_copy(const Array& x) { return array(values(x), x.dtype()); }

Values values(const Array& x) {
  Values v(x.shape());
  std::size_t k = 0;
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* data = x.data<T>();
    for_each_index(x.shape(), [&](const Dims& i) {
      std::int64_t at = 0;
      for (std::size_t a = 0; a < i.size(); ++a) at += i[a] * x.strides()[a];
      v.data[k++] = static_cast<long double>(data[at]);
    });
  });
  return v;
}

std::vector<Values> values(const std::vector<Array>& xs) {
  std::vector<Values> v;
  for (const auto& x : xs) v.push_back(values(x));
  return v;
}

Array array(const Values& v, DType dtype) {
  Array x = Array::empty(v.shape, dtype);
  visit_dtype(dtype, [&]<class T>() {
    std::transform(v.data.begin(), v.data.end(), x.data<T>(), [](long double e) { return static_cast<T>(e); });
  });
  return x;
}

Array random_like(const Shape& shape, DType dtype, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  Values v(shape);
  for (auto& x : v.data) {
    const double size = 0.5 + unit(bits);
    x = static_cast<float>(bits() % 2 == 0 ? size : -size);
  }
  return array(v, dtype);
}

bool is_float(const Row& row, std::size_t operand) { return is_floating(domain(row, operand).dtype); }

std::vector<Tensor> variables(const std::vector<Array>& xs, std::size_t constant) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    result.push_back(is_floating(xs[i].dtype()) && i != constant ? variable(xs[i]) : Tensor(xs[i]));
  }
  return result;
}

Tensor call(const Call& f, std::span<const Tensor> xs) {
  std::vector<In> operands;
  operands.reserve(xs.size());
  for (const auto& x : xs) operands.emplace_back(x);
  Args args(std::move(operands));
  return f(args);
}

Tensor call_moved(const Call& f, std::vector<Tensor>&& xs) {
  std::vector<In> operands;
  operands.reserve(xs.size());
  for (auto& x : xs) operands.emplace_back(std::move(x));
  xs.clear();
  Args args(std::move(operands));
  return f(args);
}

std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs, const Tensor& w, bool create_graph) {
  std::vector<Tensor> result(xs.size());
  std::vector<Tensor> asked;
  for (const auto& x : xs) {
    if (x.requires_grad()) asked.push_back(x);
  }
  std::vector<Tensor> found;
  if (y.requires_grad()) {
    found = grad(std::span(&y, 1), asked,
                 {.create_graph = create_graph, .retain_graph = true, .grad_outputs = {w}, .allow_unused = true});
  } else {
    for (const auto& x : asked) found.push_back(Tensor(array(Values(x.shape()), x.dtype())));
  }
  std::size_t k = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i].requires_grad()) result[i] = found[k++];
  }
  return result;
}

std::string differ(const Tensor& got, const Values& want, double relative, bool own) {
  std::ostringstream message;
  message.precision(12);
  if (got.shape() != want.shape) {
    message << "shape " << to_string(got.shape()) << " instead of " << to_string(want.shape);
    return message.str();
  }
  const Values g = values(got);
  long double largest = 0;
  for (const auto x : want.data) {
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  }
  // Underflow to zero is allowed.
  const long double tiny = got.dtype() == f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  std::size_t k = 0;
  for_each_index(want.shape, [&](const Dims& i) {
    const long double a = g.data[k];
    const long double b = want.data[k++];
    const bool same = std::isnan(b) ? std::isnan(a) : a == b;
    const bool close = std::abs(a - b) <= relative * (own ? std::abs(b) : largest) + tiny;
    if (!same && !close && message.str().empty()) {
      message << "entry " << to_string(i) << " of " << to_string(want.shape) << " is " << a << " instead of " << b;
    }
  });
  return message.str();
}

std::string bytes(const Array& x) {
  std::string result;
  const Values v = values(x);
  for (const auto e : v.data) {
    const auto d = static_cast<double>(e);  // exact for the numbers of the samples
    result.append(reinterpret_cast<const char*>(&d), sizeof d);
  }
  return result;
}

bool all_finite(const Values& v) {
  return std::all_of(v.data.begin(), v.data.end(), [](long double x) { return std::isfinite(x); });
}

std::string describe(const Row& row, const Sample& sample) {
  std::string text = row.name + " of";
  for (const auto& s : sample.shapes) text.append(" ").append(to_string(s));
  const auto at = &sample - row.samples.data();
  return fmt::format("{} (sample {})", text, at);
}

}  // namespace newtape::table
