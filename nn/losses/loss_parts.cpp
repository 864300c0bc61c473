// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/losses/loss_parts.hpp>

#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/ops/reduce.hpp>

namespace newtape::nn::detail {

Tensor reduce(const char* loss, Tensor losses, Reduction reduction) {
  const bool divides = reduction == Reduction::mean || reduction == Reduction::batchmean;
  if (divides && losses.size() == 0) {
    raise<ValueError>(std::string(loss) + ": the mean over an empty batch is undefined",
                      "at least one element, or the reduction sum or none", "losses " + to_string(losses.shape()));
  }
  switch (reduction) {
    case Reduction::mean: return mean(std::move(losses));
    case Reduction::sum: return sum(std::move(losses));
    case Reduction::batchmean: {
      const double n = losses.ndim() == 0 ? 1 : static_cast<double>(losses.shape(0));
      return sum(std::move(losses)) / n;
    }
    default: return losses;
  }
}

Tensor class_indices(const Tensor& target) { return is_integer(target.dtype()) ? target.to(i64) : target; }

void check_shapes(const char* loss, const In& input, const In& target, bool broadcast) {
  if (input.shape() == target.shape()) return;
  if (broadcast) {
    broadcast_shapes(loss, input.shape(), target.shape());
    return;
  }
  raise<ShapeError>(std::string(loss) + ": input and target must have the same shape", "equal shapes",
                    "input " + to_string(input.shape()) + ", target " + to_string(target.shape()));
}

void match_floats(const char* loss, const In& input, In& target) {
  if (is_floating(input.dtype()) && !is_floating(target.dtype())) target.promote(input.dtype());
  if (is_floating(input.dtype()) && input.dtype() == target.dtype()) return;
  raise<DTypeError>(std::string(loss) + ": input and target must have the same float dtype", "f32 or f64",
                    "input " + std::string(name(input.dtype())) + ", target " + std::string(name(target.dtype())));
}

void check_pair(const char* loss, const In& input, In& target, bool broadcast) {
  // A number takes its dtype before its shape is asked for.
  if (target.is_number() && is_floating(input.dtype())) target.resolve(loss, input.dtype());
  check_shapes(loss, input, target, broadcast);
  match_floats(loss, input, target);
}

bool known_finite(const Tensor& x) { return !core::on_placeholders() && core::all_finite(x.value()); }

Tensor strong_product(const Tensor& factor, In x) {
  if (known_finite(x)) return factor * x;
  return factor * where_counted(std::move(x), factor);
}

Tensor weigh(const char* loss, Tensor losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  if (broadcast_shapes(loss, losses.shape(), weight.shape()) != losses.shape()) {
    raise<ShapeError>(std::string(loss) + ": weight must broadcast to the input", to_string(losses.shape()),
                      to_string(weight.shape()));
  }
  return strong_product(weight, std::move(losses));
}

Tensor where_counted(In x, const Tensor& weight) {
  if (!weight.defined() || known_finite(x)) return x;
  const Tensor ignored = (weight.detach() == 0.0) & ~isfinite(x);
  return where(ignored, 0.0, std::move(x));
}

}  // namespace newtape::nn::detail
