// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/embedding.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/rows.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

static const Op embedding_op{"embedding"};

namespace {

/// The adjoint of a lookup, in rows where those are taken.
struct LookupPullback {
  Array indices;
  Shape table;
  std::optional<std::int64_t> padding;
  bool sparse;

  Tensor operator()(const Tensor& g) const {
    if (sparse && detail::rows_are_welcome) return in_rows(g.value());
    Tensor zero = newtape::zeros(with_leading(g, indices.ndim() + 1, table), g.dtype());
    return index_add(std::move(zero), -2, Tensor(indices), without_padding(g));
  }
  void accumulate_into(Array& sum, const Array& g) const {
    sum = core::index_add(std::move(sum), 0, indices, without_padding(Tensor(g)).value());
  }

 private:
  Tensor without_padding(const Tensor& g) const {
    return padding ? where(unsqueeze(Tensor(indices) == *padding, -1), 0, g) : g;
  }
  Tensor in_rows(const Array& g) const {
    Array at = core::reshape(indices, {-1});
    Array rows = core::reshape(g, {at.size(), table[1]});
    if (padding) {
      const Array kept = core::flatnonzero((Tensor(at) != *padding).value());
      if (kept.size() != at.size()) {
        at = core::take(at, kept, 0);
        rows = core::take(rows, kept, 0);
      }
    }
    return detail::rows_tensor(std::move(at), std::move(rows), table);
  }
};

/// `padding` counted from the first row. ValueError naming `op` when it is out of range.
std::optional<std::int64_t> padding_row(const char* op, std::optional<std::int64_t> padding, std::int64_t n) {
  if (!padding) return {};
  if (*padding < -n || *padding >= n) {
    raise<ValueError>(std::string(op) + ": padding_idx is out of range",
                      std::to_string(-n) + " <= padding_idx < " + std::to_string(n), std::to_string(*padding));
  }
  return *padding < 0 ? *padding + n : *padding;
}

void expect_table(const char* op, const In& weight) {
  if (weight.ndim() == 2) return;
  raise<ShapeError>(std::string(op) + ": the weight must be a matrix", "weight [n, d]", to_string(weight.shape()));
}

}  // namespace

Tensor embedding(const Tensor& indices, In weight, const EmbeddingFuncOptions& options) {
  const CallSite here(weight.location());
  expect_table("embedding", weight);
  const auto n = weight.tensor().shape(0);
  const auto padding = padding_row("embedding", options.padding_idx, n);
  if (detail::is_traced()) {
    Tensor rows = take(std::move(weight), indices);
    if (is_half(rows.dtype())) return rows.to(f32);
    return padding ? where(unsqueeze(indices == *padding, -1), rows.detach(), rows) : rows;
  }
  const Array at = core::as_indices("embedding", indices.value());
  Tensor rows = embedding_op(core::lookup(weight.value(), at),
                             wrt(weight, LookupPullback{at, weight.shape(), padding, options.sparse}));
  return is_half(rows.dtype()) ? rows.to(f32) : rows;
}

namespace {

/// The bags of embedding_bag: to which each index belongs, and how many each has.
struct Bags {
  Array indices;   ///< i64 [k]
  Array bag_of;    ///< i64 [k]
  Array counts;    ///< i64 [b]
  Tensor weights;  ///< [k], or undefined
};

/// The ends of the bags.
std::vector<std::int64_t> bag_ends(const Array& indices, const EmbeddingBagFuncOptions& o) {
  std::vector<std::int64_t> ends;
  if (indices.ndim() == 2) {
    if (o.offsets.defined()) {
      raise<ValueError>("embedding_bag: the rows of a matrix of indices are the bags", "no offsets, or indices [k]",
                        "offsets for indices " + to_string(indices.shape()));
    }
    for (std::int64_t b = 1; b <= indices.shape(0); ++b) ends.push_back(b * indices.shape(1));
    return ends;
  }
  if (indices.ndim() != 1 || !o.offsets.defined() || o.offsets.ndim() != 1) {
    raise<ShapeError>("embedding_bag: offsets say where the bags begin", "indices [k] with offsets [b], or [b, k]",
                      "indices " + to_string(indices.shape()) + ", " +
                          (o.offsets.defined() ? "offsets " + to_string(o.offsets.shape()) : "no offsets"));
  }
  const Array offsets = core::contiguous(core::as_indices("embedding_bag", o.offsets.value()));
  const auto* const p = offsets.data<std::int64_t>();
  const auto n = offsets.size();
  for (std::int64_t b = 0; b < n; ++b) {
    const bool right = b == 0 ? p[b] == 0 : p[b] >= p[b - 1];
    if (!right || p[b] > indices.size()) {
      raise<ValueError>("embedding_bag: offsets must ascend from 0 within the indices",
                        "0 <= .. <= " + std::to_string(indices.size()),
                        "offset " + std::to_string(b) + " is " + std::to_string(p[b]));
    }
    if (b > 0) ends.push_back(p[b]);
  }
  if (!o.include_last_offset && n > 0) ends.push_back(indices.size());
  if (o.include_last_offset && (n == 0 || p[n - 1] != indices.size())) {
    raise<ValueError>("embedding_bag: with include_last_offset the last offset is the number of indices",
                      std::to_string(indices.size()), n == 0 ? "no offsets" : std::to_string(p[n - 1]));
  }
  return ends;
}

/// Leaves the padding row out.
void drop_padding(Bags& bags, std::int64_t padding) {
  const Array kept = core::flatnonzero((Tensor(bags.indices) != padding).value());
  if (kept.size() == bags.indices.size()) return;
  bags.indices = core::take(bags.indices, kept, 0);
  bags.bag_of = core::take(bags.bag_of, kept, 0);
  if (bags.weights.defined()) bags.weights = take(bags.weights, Tensor(kept));
}

Bags bags_of(const Array& indices, const EmbeddingBagFuncOptions& o, std::optional<std::int64_t> padding) {
  const auto ends = bag_ends(indices, o);
  Bags bags{core::contiguous(core::reshape(indices, {-1})), Array::empty({indices.size()}, i64), {}, {}};
  if (o.per_sample_weights.defined()) {
    if (o.mode != BagMode::sum) {
      raise<ValueError>("embedding_bag: per_sample_weights need the mode sum", "BagMode::sum",
                        o.mode == BagMode::mean ? "mean" : "max");
    }
    if (o.per_sample_weights.shape() != indices.shape()) {
      raise<ShapeError>("embedding_bag: per_sample_weights must have the shape of the indices",
                        to_string(indices.shape()), to_string(o.per_sample_weights.shape()));
    }
    bags.weights = reshape(o.per_sample_weights, {-1});
  }
  auto* const bag = bags.bag_of.data<std::int64_t>();
  std::int64_t begin = 0;
  for (std::size_t b = 0; b < ends.size(); ++b) {
    std::fill(bag + begin, bag + ends[b], static_cast<std::int64_t>(b));
    begin = ends[b];
  }
  if (padding) drop_padding(bags, *padding);
  bags.counts = core::index_add(core::zeros({static_cast<std::int64_t>(ends.size())}, i64), 0, bags.bag_of,
                                core::ones({bags.bag_of.size()}, i64));
  return bags;
}

}  // namespace

Tensor embedding_bag(const Tensor& indices, In weight, const EmbeddingBagFuncOptions& options) {
  const CallSite here(weight.location());
  expect_table("embedding_bag", weight);
  const auto n = weight.tensor().shape(0);
  const auto padding = padding_row("embedding_bag", options.padding_idx, n);
  const Bags bags = bags_of(core::as_indices("embedding_bag", indices.value()), options, padding);
  const auto d = weight.tensor().shape(1);
  Tensor rows = embedding(bags.indices, std::move(weight), {.sparse = options.sparse});
  if (bags.weights.defined()) rows = std::move(rows) * unsqueeze(bags.weights, -1);
  const DType dtype = rows.dtype();
  const Tensor counts(bags.counts);
  if (options.mode == BagMode::max) {
    return where(unsqueeze(counts == 0, -1), 0, segment_reduce(std::move(rows), ScatterReduce::amax, counts));
  }
  Tensor sums = index_add(zeros({counts.size(), d}, dtype), 0, Tensor(bags.bag_of), std::move(rows));
  if (options.mode == BagMode::sum) return sums;
  return std::move(sums) / unsqueeze(maximum(counts, 1).to(dtype), -1);
}

}  // namespace newtape
