// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Equal extremes share the gradient equally, so that the second derivative of max and min is 0 there, as on both sides.
/// The largest eigenvalue is not flat: it changes with its vector, and what follows an equal share for a symmetric
/// function (the trace) would be a silent 0. A sweep that looks for the slope of a cotangent has to meet the tie.
namespace newtape::detail {

/// `shares` of the gradient in the shape of x, a constant, with the derivative 0 in x; in a TieSearch, NaN in the x that
/// are tied, which are those with a share between 0 and 1.
Tensor tied_shares(const Tensor& shares, const Tensor& x);

/// In sweeps on this thread during its lifetime, ties answer with NaN.
class TieSearch {
 public:
  TieSearch() noexcept;
  ~TieSearch();
  TieSearch(const TieSearch&) = delete;
  TieSearch& operator=(const TieSearch&) = delete;

 private:
  bool before_;
};

}  // namespace newtape::detail
