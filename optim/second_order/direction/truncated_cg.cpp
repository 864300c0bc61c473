// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim::direction {

namespace {

class TruncatedCg final : public Direction {
 public:
  explicit TruncatedCg(const TruncatedCGOptions& options) : options_(options) {}

  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    const std::int64_t n = gradient.size();
    const double size = core::norm2(gradient);
    const double tolerance = std::min(options_.forcing, std::pow(size, options_.power)) * size;
    const std::int64_t limit =
        options_.max_iterations > 0 ? options_.max_iterations : std::min<std::int64_t>(2 * n, 500);
    const auto preconditioned = [&](const Array& r) {
      Array z = b.precondition(r);
      return z.defined() ? z : r;
    };

    Step s;
    s.scaled = b.scaled();
    s.d = core::zeros(gradient.shape(), gradient.dtype());
    Array bd = s.d;  // B d, updated with d
    Array r = gradient;
    Array z = preconditioned(r);
    Array p = -z;
    double rz = core::dot(r, z);
    const auto advance = [&](double alpha, const Array& bp) {
      s.d = core::axpy(alpha, p, std::move(s.d));
      bd = core::axpy(alpha, bp, std::move(bd));
    };
    while (s.inner < limit && rz > 0) {
      const Array bp = b.product(p);
      ++s.inner;
      const double pp = core::dot(p, p);
      const double curvature = core::dot(p, bp) + region.damping * pp;
      if (!std::isfinite(curvature)) {
        s.note = "curvature not finite";
        break;
      }
      if (curvature <= 1e-14 * pp) {
        s.note = "negative curvature";
        if (std::isfinite(region.radius)) {
          advance(to_boundary(s.d, p, region.radius), bp);
          s.on_boundary = true;
        } else if (s.inner == 1) {
          // Without a radius: the first direction, whose length the line search finds.
          advance(1, bp);
          s.scaled = false;
        }
        break;
      }
      const double alpha = rz / curvature;
      if (core::norm2(s.d + alpha * p) >= region.radius) {
        advance(to_boundary(s.d, p, region.radius), bp);
        s.on_boundary = true;
        break;
      }
      advance(alpha, bp);
      r = core::axpy(alpha * region.damping, p, r + alpha * bp);
      if (core::norm2(r) <= tolerance) break;
      z = preconditioned(r);
      const double next = core::dot(r, z);
      p = next / rz * std::move(p) - z;
      rz = next;
    }
    s.predicted = predicted_reduction(gradient, s.d, bd);
    return s;
  }

 private:
  TruncatedCGOptions options_;
};

}  // namespace

MakeDirection truncated_cg(const TruncatedCGOptions& options) {
  return [options] { return std::make_unique<TruncatedCg>(options); };
}

}  // namespace newtape::optim::direction
