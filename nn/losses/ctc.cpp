// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/ctc.hpp>
#include <newtape/nn/losses/loss_parts.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace newtape::nn {

namespace {

/// The logarithm of probability 0: finite, as differences of infinities would be NaN.
constexpr double impossible = -1e30;
constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::int64_t> numbers(const Tensor& x) {
  const Array a = core::contiguous(core::cast(x.value(), i64));
  const auto* data = a.data<std::int64_t>();
  return {data, data + a.size()};
}

void check_integers(const char* what, const Tensor& x) {
  if (!is_integer(x.dtype()))
    raise<DTypeError>(std::string("ctc_loss: ") + what + " must be integers", "i64", name(x.dtype()));
}

std::vector<std::int64_t> lengths_of(const char* what, const Tensor& x, std::int64_t n, std::int64_t largest) {
  check_integers(what, x);
  auto lengths = numbers(x);
  if (x.ndim() > 1 || static_cast<std::int64_t>(lengths.size()) != n) {
    raise<ShapeError>(std::string("ctc_loss: each sample needs one of ") + what, to_string(Shape{n}),
                      to_string(x.shape()));
  }
  for (const auto l : lengths) {
    if (l < 0 || l > largest) {
      raise<ValueError>(std::string("ctc_loss: an element of ") + what + " is out of range",
                        "in [0, " + std::to_string(largest) + "]", std::to_string(l));
    }
  }
  return lengths;
}

/// The targets of all samples, [N] vectors.
std::vector<std::vector<std::int64_t>> targets_of(const Tensor& targets, const std::vector<std::int64_t>& lengths,
                                                  std::int64_t n_classes, std::int64_t blank) {
  const auto all = numbers(targets);
  std::vector<std::vector<std::int64_t>> of(lengths.size());
  auto next = all.begin();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    of[i].assign(next, next + lengths[i]);
    next += targets.ndim() == 2 ? targets.shape(1) : lengths[i];
    for (const auto c : of[i]) {
      if (c >= 0 && c < n_classes && c != blank) continue;
      raise<ValueError>("ctc_loss: a target must be a class other than the blank, " + std::to_string(blank),
                        "in [0, " + std::to_string(n_classes) + ")", std::to_string(c));
    }
  }
  return of;
}

/// Input of the recursion: L states, the classes of the target with blanks before, between and after them.
struct States {
  Tensor classes;  ///< [N, L], i64
  Tensor start;    ///< [N, L]: 0 where an alignment may start, else impossible
  Tensor skip;     ///< [N, L]: 0 where the preceding blank may be skipped, else impossible
  Tensor ends;     ///< [N, 2], i64: the final states of alignments
  Tensor end;      ///< [N, 2]: 0, or impossible for a missing second final state
  Tensor known;    ///< [N]: losses without recursion: of targets too long for the input, or of empty samples
  Tensor regular;  ///< [N]: true where the recursion applies
};

States states_of(const std::vector<std::vector<std::int64_t>>& targets, const std::vector<std::int64_t>& input_lengths,
                 const CTCLossOptions& o, DType dtype) {
  const auto n = static_cast<std::int64_t>(targets.size());
  std::size_t longest = 0;
  for (const auto& t : targets) longest = std::max(longest, t.size());
  const auto width = 2 * longest + 1;
  const Shape shape{n, static_cast<std::int64_t>(width)};
  Array classes = core::full(shape, static_cast<double>(o.blank), i64);
  Array start = core::full(shape, impossible, f64);
  Array skip = core::full(shape, impossible, f64);
  Array ends = Array::empty({n, 2}, i64);
  Array end = core::full({n, 2}, 0, f64);
  Array known = core::full({n}, 0, f64);
  Array regular = core::full({n}, 1, i64);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto& t = targets[i];
    auto length = static_cast<std::int64_t>(t.size());  // of the shortest alignment
    const auto row = i * width;
    start.data<double>()[row] = 0;
    if (!t.empty()) start.data<double>()[row + 1] = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      classes.data<std::int64_t>()[row + 2 * k + 1] = t[k];
      if (k == 0) continue;
      if (t[k] == t[k - 1]) {
        ++length;
      } else {
        skip.data<double>()[row + 2 * k + 1] = 0;
      }
    }
    const auto last = static_cast<std::int64_t>(2 * t.size());
    ends.data<std::int64_t>()[2 * i] = last;
    ends.data<std::int64_t>()[2 * i + 1] = std::max<std::int64_t>(last - 1, 0);
    if (t.empty()) end.data<double>()[2 * i + 1] = impossible;
    const bool fits = input_lengths[i] >= length;
    if (!fits && !o.zero_infinity) known.data<double>()[i] = infinity;
    regular.data<std::int64_t>()[i] = fits && input_lengths[i] > 0 ? 1 : 0;
  }
  const auto cast = [&](const Array& a) { return Tensor(core::cast(a, dtype)); };
  return {classes, cast(start), cast(skip), ends, cast(end), cast(known), Tensor(regular) != 0};
}

}  // namespace

Tensor ctc_loss(In log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
                const CTCLossOptions& options) {
  const CallSite here(log_probs.location());
  expect_floating("ctc_loss", log_probs.value());
  if (log_probs.ndim() != 2 && log_probs.ndim() != 3) {
    raise<ShapeError>("ctc_loss: log_probs must have two or three axes", "[T, N, C] or [T, C]",
                      to_string(log_probs.shape()));
  }
  const bool single = log_probs.ndim() == 2;
  Tensor x = single ? unsqueeze(log_probs, 1) : Tensor(log_probs.tensor());
  const auto frames = x.shape(0);
  const auto n = x.shape(1);
  const auto n_classes = x.shape(2);
  if (options.blank < 0 || options.blank >= n_classes) {
    raise<ValueError>("ctc_loss: the blank must be a class", "in [0, " + std::to_string(n_classes) + ")",
                      std::to_string(options.blank));
  }
  check_integers("targets", targets);
  const bool padded = targets.ndim() == 2;
  if ((padded && targets.shape(0) != n) || (!padded && targets.ndim() != 1)) {
    raise<ShapeError>("ctc_loss: targets must match log_probs",
                      "[" + std::to_string(n) + ", S], or concatenated as a vector", to_string(targets.shape()));
  }
  const auto in = lengths_of("input_lengths", input_lengths, n, frames);
  const auto out = lengths_of("target_lengths", target_lengths, n, padded ? targets.shape(1) : targets.size());
  if (!padded && std::accumulate(out.begin(), out.end(), std::int64_t{0}) != targets.size()) {
    raise<ShapeError>("ctc_loss: target_lengths must add up to the length of targets", to_string(targets.shape()),
                      std::to_string(std::accumulate(out.begin(), out.end(), std::int64_t{0})));
  }
  const auto s = states_of(targets_of(targets, out, n_classes, options.blank), in, options, x.dtype());

  Tensor losses = s.known;
  const auto longest = in.empty() ? 0 : *std::max_element(in.begin(), in.end());
  if (longest > 0) {
    const auto shortest = *std::min_element(in.begin(), in.end());
    const Tensor length = reshape(Tensor(core::contiguous(input_lengths.value())), {n, 1});
    // What lies beyond a sample's length has no influence, whatever it holds.
    if (shortest < frames)
      x = where(unsqueeze(reshape(arange(frames), {frames, 1}) < reshape(length, {n}), -1), x, 0.0);
    const auto width = s.classes.shape(1);
    const Tensor emitted = clip(gather(slice(x, 0, 0, longest), -1, s.classes), impossible, infinity);
    const auto frame = unstack(emitted, 0);
    const auto from = [&](const Tensor& alpha, std::int64_t back) {
      return pad(slice(alpha, -1, 0, width - back), {{back, 0}}, PaddingMode::constant, impossible);
    };
    Tensor alpha = s.start + frame[0];
    for (std::int64_t t = 1; t < longest; ++t) {
      Tensor next = alpha;
      if (width > 1) {
        next = logaddexp(alpha, from(alpha, 1));
        next = logaddexp(next, from(alpha, 2) + s.skip);
      }
      next = next + frame[static_cast<std::size_t>(t)];
      alpha = t < shortest ? next : where(length > t, next, alpha);
    }
    losses = -logsumexp(gather(alpha, -1, s.ends) + s.end, -1);
    losses = where(s.regular, losses, s.known);
    losses = where(losses >= -0.1 * impossible, options.zero_infinity ? 0.0 : infinity, losses);  // NaN stays
  }
  if (options.reduction == Reduction::mean) {
    losses = losses / clip(reshape(target_lengths, {n}).to(x.dtype()), 1.0, infinity);
  }
  if (single && options.reduction == Reduction::none) losses = squeeze(losses, 0);
  return detail::reduce("ctc_loss", std::move(losses), options.reduction);
}

}  // namespace newtape::nn
