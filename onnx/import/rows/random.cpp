// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/onnx/import/rows/cast.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <bit>
#include <cmath>
#include <optional>

/// Random numbers, from the default generator or, where a node has a seed, from one with that seed. ONNX does not define
/// the generator.
namespace newtape::onnx::detail {
namespace {

struct Draws {
  std::optional<Generator> own;

  explicit Draws(Call& c) {
    if (c.has("seed")) own.emplace(std::bit_cast<std::uint32_t>(static_cast<float>(c.real("seed"))));
  }
  Generator& generator() { return own ? *own : default_generator(); }
};

/// The type that the attribute dtype says, else that of the input, if it is one of floats.
ElementType drawn_type(Call& c, bool like) {
  if (c.has("dtype")) return element_type(c, c.integer("dtype"));
  return like && is_floating(c.type(0)) ? c.type(0) : ElementType::float32;
}

template <bool like, bool uniform>
Results draw_row(Call& c) {
  const Shape shape = like ? c.value(0).shape() : Shape(c.integers("shape"));
  const ElementType type = drawn_type(c, like);
  Draws draws(c);
  if (uniform) {
    return c.out(
        Tensor(random::uniform(shape, c.real("low", 0), c.real("high", 1), c.dtype_of(type), draws.generator())), type);
  }
  return c.out(
      Tensor(random::normal(shape, c.real("mean", 0), c.real("scale", 1), c.dtype_of(type), draws.generator())), type);
}

Results bernoulli_row(Call& c) {
  const Tensor p = c.tensor(0).detach();
  const ElementType type = c.has("dtype") ? element_type(c, c.integer("dtype")) : c.type(0);
  Draws draws(c);
  const Tensor u(random::uniform(p.shape(), 0, 1, p.dtype(), draws.generator()));
  return {cast(c, Value(u < p), type)};
}

/// Samples from the classes with unnormalised log-probabilities [n, c]: the largest of them plus Gumbel noise.
Results multinomial(Call& c) {
  const Tensor logits = c.tensor(0).detach();
  const auto count = c.integer("sample_size", 1);
  const ElementType type = c.has("dtype") ? element_type(c, c.integer("dtype")) : ElementType::int32;
  if (logits.ndim() != 2) c.fail("the input must be [batch, classes]", "2 axes", to_string(logits.shape()));
  Draws draws(c);
  const Tensor u(random::uniform({logits.shape(0), count, logits.shape(1)}, 1e-12, 1, f64, draws.generator()));
  return c.out(argmax(unsqueeze(logits.to(f64), 1) - log(-log(u)), 2), type);
}

/// Version 1 to 6 drop unless is_test, 7 to 11 in training, from 12 on when input 2 says so. In the training mode of the
/// module nodes drop whose ratio says so.
Results dropout(Call& c) {
  Tensor x = c.tensor(0);
  const double ratio = c.since() < 12 ? c.real("ratio", 0.5) : c.given(1) ? c.real(1) : 0.5;
  const bool asked = c.since() < 7    ? c.has("is_test") && c.integer("is_test", 0) == 0
                     : c.since() < 12 ? false
                                      : c.given(2) && c.peek(2).item<bool>();
  const ElementType type = c.type(0), mask_type = c.since() < 10 ? type : ElementType::boolean;
  if (ratio == 0 || ((!asked || c.context().evaluable) && !c.context().training)) {
    const Tensor all = ones(x.shape(), c.dtype_of(mask_type));
    return {c.as(std::move(x), type), c.as(all, mask_type)};
  }
  if (!(ratio > 0 && ratio < 1)) c.fail("the ratio is out of range", "[0, 1)", std::to_string(ratio));
  Draws draws(c);
  const Tensor keep = Tensor(random::uniform(x.shape(), 0, 1, x.dtype(), draws.generator())) >= ratio;
  return {c.as(where(keep, x / (1 - ratio), zeros_like(x)), type), c.as(keep.to(c.dtype_of(mask_type)), mask_type)};
}

constexpr Row random_table[] = {
    {"Bernoulli", {15, 22}, bernoulli_row},
    {"Dropout", {1, 6, 7, 10, 12, 13, 22}, dropout, {.settings = input_bits({1, 2})}},
    {"Multinomial", {7, 22}, multinomial},
    {"RandomNormal", {1, 22}, draw_row<false, false>},
    {"RandomNormalLike", {1, 22}, draw_row<true, false>},
    {"RandomUniform", {1, 22}, draw_row<false, true>},
    {"RandomUniformLike", {1, 22}, draw_row<true, true>},
};

}  // namespace

Rows random_rows() { return random_table; }

}  // namespace newtape::onnx::detail
