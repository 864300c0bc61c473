// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/nn/module/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace newtape::mpi::detail {

/// A tensor that is reduced, in one of the buckets.
struct Entry {
  DType dtype;  ///< f32 or f64; equal within a bucket
  std::int64_t size;
  std::size_t bucket;
};

/// Units of 2^20 bytes, as in DataParallelOptions.
struct BucketSizes {
  double bucket_mb, first_bucket_mb;
};

/// What a Reducer adds, and in which buckets.
struct BucketPlan {
  std::vector<Entry> entries;   ///< of the parameters, then of the buffers
  std::vector<Buffer> buffers;  ///< in that order
  std::size_t buckets = 0;
};

/// Plans buckets for gradients that arrive in the order `order` of indices; buffers come last, as f64 where they are no
/// f32. A bucket takes at most half of the bytes that are left, or one gradient: what arrives last is sent after the sweep,
/// and should be little.
BucketPlan plan_buckets(const std::vector<Parameter>& params, const std::vector<std::size_t>& order,
                        const std::vector<Buffer>& buffers, const BucketSizes& sizes);

/// `arrivals`, then what is missing of 0, .., n - 1 in descending order.
std::vector<std::size_t> completed_order(const std::vector<std::size_t>& arrivals, std::size_t n);

}  // namespace newtape::mpi::detail
