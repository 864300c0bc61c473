// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/ops.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/print.hpp>
#include <newtape/core/ops/creation.hpp>

#include <numeric>
#include <vector>

namespace newtape::mpi {

static const Op all_sum_op{"mpi::all_sum"};
static const Op replicate_op{"mpi::replicate"};

Tensor all_sum(In y, const Group& group) {
  const CallSite here(y.location());
  expect_floating("mpi::all_sum", y.value());
  return all_sum_op(group.all_reduce(y.value()), wrt(y, [group](const Tensor& g) { return replicate(g, group); }));
}

Tensor replicate(In x, const Group& group) {
  const CallSite here(x.location());
  expect_floating("mpi::replicate", x.value());
  return replicate_op(x.value(), wrt(x, [group](const Tensor& g) { return all_sum(g, group); }));
}

namespace {

/// The rows of all ranks: those of this one between zeros, summed.
Tensor summed_rows(const In& x, const Group& group) {
  const Tensor rows = x.ndim() == 0 ? unsqueeze(x, 0) : x.tensor();
  const Array counts = group.all_gather(core::full({}, static_cast<double>(rows.shape(0)), i64));
  const auto* n = counts.data<std::int64_t>();
  const auto zeros = [&](const std::int64_t* from, const std::int64_t* to) {
    Shape shape = rows.shape();
    shape[0] = std::accumulate(from, to, std::int64_t{0});
    return Tensor(core::zeros(shape, rows.dtype()));
  };
  const auto* mine = n + group.rank();
  return all_sum(concatenate({zeros(n, mine), rows, zeros(mine + 1, n + counts.size())}), group);
}

}  // namespace

Tensor all_gather(In x, const Group& group) {
  const CallSite here(x.location());
  expect_floating("mpi::all_gather", x.value());
  return replicate(summed_rows(x, group), group);
}

std::function<Tensor(const Tensor&)> summed(std::function<Tensor(const Tensor&)> term, const Group& group) {
  return [term = std::move(term), group](const Tensor& x) { return all_sum(term(replicate(x, group)), group); };
}

std::function<Tensor(const Tensor&)> gathered(std::function<Tensor(const Tensor&)> residuals, const Group& group) {
  return [residuals = std::move(residuals), group](const Tensor& x) {
    return summed_rows(residuals(replicate(x, group)), group);
  };
}

}  // namespace newtape::mpi
