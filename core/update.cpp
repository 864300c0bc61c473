// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/update.hpp>

#include <newtape/core/elementwise.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/kernels/tables.hpp>
#include <newtape/core/parallel.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace newtape::core {
namespace {

using kernels::parallel_grain;

const kernels::UpdateKernels& kernels_for(std::string_view op, const Array& x) {
  if (!is_floating(x.dtype())) {
    raise<DTypeError>(std::string(op) + ": parameters are floating-point numbers", "f32 or f64",
                      std::string(name(x.dtype())) + " " + to_string(x.shape()));
  }
  return kernels::tables().update.of[static_cast<int>(x.dtype())];
}

void expect_like(std::string_view op, const char* what, const Array& p, const Array& x) {
  if (x.defined() && x.dtype() == p.dtype() && x.shape() == p.shape() && x.is_contiguous()) return;
  const std::string expected = std::string(name(p.dtype())) + " " + to_string(p.shape()) + ", contiguous";
  const std::string got = !x.defined() ? "no array"
                                       : std::string(name(x.dtype())) + " " + to_string(x.shape()) +
                                             (x.is_contiguous() ? "" : ", not contiguous");
  const std::string message = std::string(op) + ": " + what + " does not fit the parameter";
  if (x.defined() && x.dtype() != p.dtype()) raise<DTypeError>(message, expected, got);
  raise<ShapeError>(message, expected, got);
}

std::byte* at(Array& x, std::int64_t i) {
  return static_cast<std::byte*>(x.raw()) + i * static_cast<std::int64_t>(item_size(x.dtype()));
}
const std::byte* at(const Array& x, std::int64_t i) {
  return static_cast<const std::byte*>(x.raw()) + i * static_cast<std::int64_t>(item_size(x.dtype()));
}

}  // namespace

void sgd_step(Array& p, const Array& g, Array& v, const SgdStep& s) {
  const auto& kernel = kernels_for("sgd_step", p);
  expect_like("sgd_step", "the parameter", p, p);
  expect_like("sgd_step", "the gradient", p, g);
  // v = momentum v + (1 - dampening) d; the first step starts from v = d, whatever v holds.
  const kernels::SgdFactors f{.lr = s.lr,
                              .momentum = s.momentum,
                              .undamped = 1 - s.dampening,
                              .weight_decay = s.weight_decay,
                              .nesterov = s.nesterov};
  if (s.momentum == 0) {
    detail::parallel_for(p.size(), parallel_grain, [&](std::int64_t begin, std::int64_t end) {
      kernel.sgd(at(p, begin), at(g, begin), end - begin, f);
    });
    return;
  }
  expect_like("sgd_step", "the momentum buffer", p, v);
  kernels::SgdFactors first = f;
  first.undamped = 1;
  if (s.first) assign(v, zeros({}, v.dtype()));
  detail::parallel_for(p.size(), parallel_grain, [&](std::int64_t begin, std::int64_t end) {
    kernel.sgd_momentum(at(p, begin), at(g, begin), at(v, begin), end - begin, s.first ? first : f);
  });
}

void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s) {
  const auto& kernel = kernels_for("adam_step", p);
  expect_like("adam_step", "the parameter", p, p);
  expect_like("adam_step", "the gradient", p, g);
  expect_like("adam_step", "the first moment", p, m);
  expect_like("adam_step", "the second moment", p, v);
  const kernels::AdamFactors f{.step = s.lr / s.bias1,
                               .beta1 = s.beta1,
                               .beta2 = s.beta2,
                               .eps = s.eps,
                               .keep = 1 - s.decay,
                               .l2 = s.l2,
                               .inverse_bias2 = 1 / s.bias2};
  detail::parallel_for(p.size(), parallel_grain, [&](std::int64_t begin, std::int64_t end) {
    kernel.adam(at(p, begin), at(g, begin), at(m, begin), at(v, begin), end - begin, f);
  });
}

double sum_squares(const Array& x) {
  const auto& kernel = kernels_for("sum_squares", x);
  const Array y = contiguous(x);
  const std::int64_t blocks = (y.size() + parallel_grain - 1) / parallel_grain;
  if (blocks <= 1) return kernel.sum_squares(y.raw(), y.size());
  std::vector<double> parts(static_cast<std::size_t>(blocks));
  detail::parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t first = b * parallel_grain;
      parts[static_cast<std::size_t>(b)] = kernel.sum_squares(at(y, first), std::min(parallel_grain, y.size() - first));
    }
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

}  // namespace newtape::core
