// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/sampler.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi/detail/shard_tree.hpp>

#include <fmt/format.h>

#include <vector>

namespace newtape::mpi {
namespace {

/// Positions of the epoch's order that this rank reads.
std::vector<std::int64_t> positions(std::int64_t examples, const SamplerOptions& o, int rank, int ranks) {
  std::vector<std::int64_t> mine;
  for (std::int64_t begin = 0; begin < examples; begin += o.batch_size) {
    const auto rows = std::min(o.batch_size, examples - begin);
    if (rows < o.batch_size && (o.drop_last || rows < ranks)) break;
    for (auto i = detail::first_row(rows, ranks, rank); i < detail::first_row(rows, ranks, rank + 1); ++i) {
      mine.push_back(begin + i);
    }
  }
  return mine;
}

}  // namespace

data::Sampler sampler(std::int64_t examples, const SamplerOptions& o, const Group& group, SourceLocation at) {
  const CallSite here(at);
  const int ranks = group.size();
  if (examples < 1 || o.batch_size < ranks || o.batch_size % ranks != 0) {
    raise<ValueError>("mpi::sampler: the ranks must divide a global batch of examples",
                      fmt::format("examples >= 1, batch_size a positive multiple of {}", ranks),
                      fmt::format("{} examples, batch_size = {}", examples, o.batch_size));
  }
  auto mine = positions(examples, o, group.rank(), ranks);
  const auto size = static_cast<std::int64_t>(mine.size());
  return {size, [examples, size, mine = std::move(mine), shuffle = o.shuffle](Generator& generator) {
            const Array order = shuffle ? random::permutation(examples, generator) : core::arange(examples, i64);
            Array indices = Array::empty({size}, i64);
            auto* to = indices.data<std::int64_t>();
            for (const auto i : mine) *to++ = order.data<std::int64_t>()[i];
            return indices;
          }};
}

}  // namespace newtape::mpi
