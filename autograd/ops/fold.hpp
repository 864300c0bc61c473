// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

/// Patches of images as columns (im2col), as in PyTorch, for one to three spatial axes.
namespace newtape {

struct FoldOptions {
  PerAxis dilation = 1;
  PerAxis padding = 0;
  PerAxis stride = 1;
};

/// x [n, c, spatial..] -> [n, c * product of kernel_size, patches], or x [c, spatial..] -> the same without n;
/// kernel_size has one entry for each spatial axis.
Tensor unfold(In x, const Dims& kernel_size, const FoldOptions& options = {});
/// The adjoint of unfold: x [n, c * product of kernel_size, patches] -> [n, c, output_size..]; overlapping patches are
/// summed.
Tensor fold(In x, const Dims& output_size, const Dims& kernel_size, const FoldOptions& options = {});
/// All windows of `window` elements along `axis`, every `step`-th of them: [.., l, ..] -> [.., windows, .., window],
/// the new axis last (NumPy's sliding_window_view, PyTorch's Tensor.unfold); a copy.
Tensor sliding_window_view(In x, std::int64_t window, std::int64_t axis = -1, std::int64_t step = 1);

}  // namespace newtape
