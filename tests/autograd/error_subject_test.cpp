// SPDX-License-Identifier: BSD-3-Clause
// An error names the function that the user called, not one that this is built from, and the line of the call.
#include "bad_calls.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops.hpp>

#include <functional>
#include <string>
#include <vector>

namespace newtape {
namespace {

std::vector<BadCall> bad_axes() {
  const Tensor x = ones({2, 3});
  const Tensor at = zeros({2, 3}, i64);
  return {
      {"sum", [=] { sum(x, 5); }},
      {"mean", [=] { mean(x, 5); }},
      {"prod", [=] { prod(x, 5); }},
      {"max", [=] { max(x, 5); }},
      {"min", [=] { min(x, 5); }},
      {"max",
       [=] {
         amax(x, {0, 5});
       }},
      {"argmax", [=] { argmax(x, 5); }},
      {"argmin", [=] { argmin(x, 5); }},
      {"any", [=] { any(x > 0, 5); }},
      {"all", [=] { all(x > 0, 5); }},
      {"logsumexp", [=] { logsumexp(x, 5); }},
      {"softmax", [=] { softmax(x, 5); }},
      {"log_softmax", [=] { log_softmax(x, 5); }},
      {"var", [=] { var(x, 5); }},
      {"std", [=] { newtape::std(x, 5); }},
      {"var_mean", [=] { var_mean(x, 5); }},
      {"std_mean", [=] { std_mean(x, 5); }},
      {"quantile", [=] { quantile(x, 0.5, 5); }},
      {"median", [=] { median(x, 5); }},
      {"nansum", [=] { nansum(x, 5); }},
      {"nanmean", [=] { nanmean(x, 5); }},
      {"count_nonzero", [=] { count_nonzero(x, 5); }},
      {"aminmax", [=] { aminmax(x, 5); }},
      {"cumsum", [=] { cumsum(x, 5); }},
      {"cumprod", [=] { cumprod(x, 5); }},
      {"logcumsumexp", [=] { logcumsumexp(x, 5); }},
      {"cummax", [=] { cummax(x, 5); }},
      {"cummin", [=] { cummin(x, 5); }},
      {"linear_recurrence", [=] { linear_recurrence(x, x, 5); }},
      {"sort", [=] { sort(x, 5); }},
      {"argsort", [=] { argsort(x, 5); }},
      {"topk", [=] { topk(x, 1, 5); }},
      {"kthvalue", [=] { kthvalue(x, 1, 5); }},
      {"split", [=] { split(x, 2, 5); }},
      {"split",
       [=] {
         split(x, Dims{1, 2}, 5);
       }},
      {"chunk", [=] { chunk(x, 2, 5); }},
      {"tensor_split", [=] { tensor_split(x, 2, 5); }},
      {"tensor_split", [=] { tensor_split(x, Dims{1}, 5); }},
      {"unstack", [=] { unstack(x, 5); }},
      {"concatenate",
       [=] {
         concatenate({x, x}, 5);
       }},
      {"stack",
       [=] {
         stack({x, x}, 5);
       }},
      {"slice", [=] { slice(x, 5, 0, 1); }},
      {"select", [=] { select(x, 5, 0); }},
      {"flip", [=] { flip(x, 5); }},
      {"roll", [=] { roll(x, 1, 5); }},
      {"rot90", [=] { rot90(x, 1, 0, 5); }},
      {"repeat_interleave", [=] { repeat_interleave(x, 2, 5); }},
      {"squeeze", [=] { squeeze(x, 5); }},
      {"unsqueeze", [=] { unsqueeze(x, 5); }},
      {"flatten", [=] { flatten(x, 5); }},
      {"unflatten",
       [=] {
         unflatten(x, 5, {1, 1});
       }},
      {"permute",
       [=] {
         permute(x, {0, 5});
       }},
      {"transpose", [=] { transpose(x, 0, 5); }},
      {"moveaxis", [=] { moveaxis(x, 0, 5); }},
      {"diagonal", [=] { diagonal(x, 0, 0, 5); }},
      {"take", [=] { take(x, at, 5); }},
      {"index_add", [=] { index_add(x, 5, tensor({0}), x); }},
      {"index_copy", [=] { index_copy(x, 5, tensor({0}), x); }},
      {"gather", [=] { gather(x, 5, at); }},
      {"take_along_axis", [=] { take_along_axis(x, at, 5); }},
      {"scatter", [=] { scatter(x, 5, at, x); }},
      {"scatter_add", [=] { scatter_add(x, 5, at, x); }},
      {"scatter_reduce", [=] { scatter_reduce(x, 5, at, x, ScatterReduce::prod); }},
      {"cosine_similarity", [=] { cosine_similarity(x, x, 5); }},
      {"cross", [=] { cross(x, x, 5); }},
      {"norm", [=] { norm(x, 2, 5); }},
      {"vector_norm", [=] { linalg::vector_norm(x, 2, 5); }},
      {"normalize", [=] { normalize(x, 2, 5); }},
      {"sliding_window_view", [=] { sliding_window_view(x, 2, 5); }},
  };
}

std::vector<BadCall> bad_shapes() {
  const Tensor flat = ones({3});
  const Tensor x = ones({2, 3, 4});
  const Tensor image = ones({1, 1, 4, 4});
  std::vector<BadCall> calls{
      {"max_pool1d", [=] { max_pool1d(flat, 2); }},
      {"max_pool2d", [=] { max_pool2d(flat, 2); }},
      {"max_pool3d", [=] { max_pool3d(flat, 2); }},
      {"max_pool1d_with_indices", [=] { max_pool1d_with_indices(flat, 2); }},
      {"max_pool2d_with_indices", [=] { max_pool2d_with_indices(flat, 2); }},
      {"max_pool3d_with_indices", [=] { max_pool3d_with_indices(flat, 2); }},
      {"max_pool2d_with_indices", [=] { max_pool2d_with_indices(image, 9); }},
      {"max_pool2d_with_indices", [=] { max_pool2d_with_indices(image, 2, {.padding = 2}); }},
      {"max_pool2d_with_indices", [=] { max_pool2d_with_indices(image, 2, {.stride = 0}); }},
      {"adaptive_max_pool1d", [=] { adaptive_max_pool1d(flat, 2); }},
      {"adaptive_max_pool1d_with_indices", [=] { adaptive_max_pool1d_with_indices(flat, 2); }},
      {"adaptive_max_pool2d_with_indices", [=] { adaptive_max_pool2d_with_indices(flat, 2); }},
      {"adaptive_max_pool3d_with_indices", [=] { adaptive_max_pool3d_with_indices(flat, 2); }},
      {"adaptive_max_pool2d_with_indices", [=] { adaptive_max_pool2d_with_indices(image, 0); }},
      {"avg_pool1d", [=] { avg_pool1d(flat, 2); }},
      {"avg_pool2d", [=] { avg_pool2d(flat, 2); }},
      {"adaptive_avg_pool2d", [=] { adaptive_avg_pool2d(flat, 2); }},
      {"lp_pool1d", [=] { lp_pool1d(flat, 2, 2); }},
      {"lp_pool2d", [=] { lp_pool2d(flat, 2, 2); }},
      {"reshape",
       [=] {
         reshape(x, {5, 5});
       }},
      {"expand",
       [=] {
         expand(x, {5, 5});
       }},
      {"matmul",
       [=] {
         matmul(x, ones({7, 7}));
       }},
      {"linear",
       [=] {
         linear(x, ones({7, 7}));
       }},
      {"dot", [=] { dot(flat, ones({4})); }},
      {"outer", [=] { outer(x, flat); }},
      {"trace", [=] { linalg::trace(flat); }},
      {"tril", [=] { tril(flat); }},
      {"triu", [=] { triu(flat); }},
      {"vdot", [=] { vdot(flat, ones({4})); }},
      {"inner", [=] { inner(flat, ones({4})); }},
      {"addmm", [=] { addmm(x, flat, flat); }},
      {"addmv", [=] { addmv(x, flat, flat); }},
      {"baddbmm", [=] { baddbmm(x, flat, flat); }},
      {"bilinear", [=] { bilinear(flat, flat, flat, flat); }},
      {"multi_dot",
       [=] {
         linalg::multi_dot({ones({2, 3}), ones({2, 3})});
       }},
      {"block_diag",
       [=] {
         linalg::block_diag({ones({2, 3, 4})});
       }},
      {"vander", [=] { linalg::vander(1.0); }},
      {"pairwise_distance", [=] { pairwise_distance(flat, ones({4})); }},
      {"layer_norm", [=] { layer_norm(x, {7}); }},
      {"rms_norm", [=] { rms_norm(x, {7}); }},
      {"conv1d", [=] { conv1d(flat, flat); }},
      {"conv2d", [=] { conv2d(flat, flat); }},
      {"conv3d", [=] { conv3d(flat, flat); }},
      {"conv_transpose1d", [=] { conv_transpose1d(flat, flat); }},
      {"conv_transpose2d", [=] { conv_transpose2d(flat, flat); }},
      {"conv_transpose3d", [=] { conv_transpose3d(flat, flat); }},
      {"masked_fill", [=] { masked_fill(x, ones({7}) > 0, 1); }},
      {"masked_select", [=] { masked_select(x, ones({7}) > 0); }},
      {"cdist", [=] { cdist(flat, flat); }},
      {"unfold",
       [=] {
         unfold(flat, {2, 2});
       }},
      {"fold",
       [=] {
         fold(flat, {4, 4}, {2, 2});
       }},
      {"searchsorted",
       [=] {
         searchsorted(zeros({2, 3}), zeros({3, 3}));
       }},
      {"bincount", [=] { bincount(flat); }},
      {"tensordot", [=] { tensordot(x, flat, 1); }},
      {"einsum", [=] { einsum("ij->i", {x}); }},
      {"lerp", [=] { lerp(flat, ones({4}), 0.5); }},
      {"clip", [=] { clip(flat, ones({4}), 2.0); }},
      {"where", [=] { where(flat > 0, ones({4}), flat); }},
      {"hypot", [=] { hypot(flat, ones({4})); }},
      {"solve", [=] { linalg::solve(x, x); }},
      {"inv", [=] { linalg::inv(x); }},
      {"det", [=] { linalg::det(x); }},
      {"slogdet", [=] { linalg::slogdet(x); }},
      {"cholesky", [=] { linalg::cholesky(x); }},
      {"eigh", [=] { linalg::eigh(x); }},
      {"eigvalsh", [=] { linalg::eigvalsh(x); }},
      {"eig", [=] { linalg::eig(x); }},
      {"eigvals", [=] { linalg::eigvals(x); }},
      {"svd", [=] { linalg::svd(flat); }},
      {"svdvals", [=] { linalg::svdvals(flat); }},
      {"qr", [=] { linalg::qr(flat); }},
      {"lu", [=] { linalg::lu(flat); }},
      {"pinv", [=] { linalg::pinv(flat); }},
      {"matrix_exp", [=] { linalg::matrix_exp(x); }},
      {"matrix_power", [=] { linalg::matrix_power(x, 2); }},
      {"matrix_rank", [=] { linalg::matrix_rank(flat); }},
      {"lstsq", [=] { linalg::lstsq(flat, flat); }},
      {"cond", [=] { linalg::cond(flat); }},
      {"cond",
       [=] {
         linalg::cond(ones({2, 3}), 1);
       }},
      {"cond",
       [=] {
         linalg::cond(ones({2, 3}), linalg::MatrixNorm::fro);
       }},
      {"cond",
       [=] {
         linalg::cond(ones({0, 0}));
       }},
      {"matrix_norm", [=] { linalg::matrix_norm(flat); }},
  };
  return calls;
}

void check_subjects(const std::vector<BadCall>& calls) { check_bad_calls("error_subject_test.cpp", calls); }

TEST_CASE("an axis out of range is an error of the function that was called") { check_subjects(bad_axes()); }
TEST_CASE("a wrong shape is an error of the function that was called") { check_subjects(bad_shapes()); }

}  // namespace
}  // namespace newtape
