// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/buckets.hpp>

#include <algorithm>

namespace newtape::mpi::detail {
namespace {

double bytes_of(const Parameter& p) {
  return static_cast<double>(p.size()) * static_cast<double>(item_size(p.dtype()));
}

}  // namespace

BucketPlan plan_buckets(const std::vector<Parameter>& params, const std::vector<std::size_t>& order,
                        const std::vector<Buffer>& buffers, const BucketSizes& sizes) {
  BucketPlan plan;
  plan.entries.resize(params.size());
  const double largest = sizes.bucket_mb * 0x1p20;
  const double smallest = std::min(sizes.first_bucket_mb * 0x1p20, largest);
  double left = 0;
  for (const auto& p : params) left += bytes_of(p);
  std::size_t bucket = 0;
  double bytes = 0;
  double limit = sizes.first_bucket_mb * 0x1p20;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& p = params[order[i]];
    const bool other = i > 0 && p.dtype() != params[order[i - 1]].dtype();
    if (i > 0 && (other || bytes + bytes_of(p) > limit)) {
      ++bucket;
      left -= bytes;
      bytes = 0;
      limit = std::clamp(left / 2, smallest, largest);
    }
    bytes += bytes_of(p);
    plan.entries[order[i]] = {p.dtype(), p.size(), bucket};
  }
  for (const DType dtype : {f32, f64}) {
    bool any = false;
    for (const auto& b : buffers) {
      if ((b.dtype() == f32 ? f32 : f64) != dtype) continue;
      if (!any && !plan.entries.empty()) ++bucket;
      any = true;
      plan.buffers.push_back(b);
      plan.entries.push_back({dtype, b.tensor().size(), bucket});
    }
  }
  plan.buckets = plan.entries.empty() ? 0 : bucket + 1;
  return plan;
}

std::vector<std::size_t> completed_order(const std::vector<std::size_t>& arrivals, std::size_t n) {
  std::vector<std::size_t> order = arrivals;
  for (std::size_t i = n; i-- > 0;) {
    if (std::find(arrivals.begin(), arrivals.end(), i) == arrivals.end()) order.push_back(i);
  }
  return order;
}

}  // namespace newtape::mpi::detail
