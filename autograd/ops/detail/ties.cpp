// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/ties.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <limits>
#include <utility>

namespace newtape::detail {
namespace {
constinit thread_local bool searching = false;
}

TieSearch::TieSearch() noexcept : before_(std::exchange(searching, true)) {}
TieSearch::~TieSearch() { searching = before_; }

static const Op tied_shares_op{"tied_shares"};

Tensor tied_shares(const Tensor& shares, const Tensor& x) {
  if (!recorded(x) || core::on_placeholders()) return shares;
  const Tensor tied = (shares > 0.0) & (shares < 1.0);
  if (!any(tied).item<bool>()) return shares;
  return tied_shares_op(shares.value(), wrt(x, [tied](const Tensor& g) -> Tensor {
                          if (!searching) return {};
                          const double none = std::numeric_limits<double>::quiet_NaN();
                          return where(tied & (g.detach() != 0.0), none, zeros_like(g));
                        }));
}

}  // namespace newtape::detail
