// SPDX-License-Identifier: BSD-3-Clause
// Models that are written and read again: a case for each operation that can be written, and whole models. What
// onnxruntime and ONNX's checker say of such files is in docs/pretrained.md.
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"
#include "reference.hpp"

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;
using nt::In;
using nt::Tensor;

namespace {

using Many = std::vector<Tensor>;
using Program = std::function<Many(std::span<const Tensor>)>;

/// A module without parameters, for programs of operations.
struct Nothing : nn::Module<Nothing> {
  Tensor forward(const Tensor& x) const { return x; }
};

struct Case {
  std::string op;
  Program program;
  Many inputs;
  /// ONNX has no operator for it, so that it is written as several: errors of up to so many epsilon of the largest.
  double epsilons = 0;
};

Program of(Tensor (*f)(In)) {
  return [f](std::span<const Tensor> x) { return Many{f(x[0])}; };
}
template <class F>
Program one(F f) {
  return [f](std::span<const Tensor> x) { return Many{f(x[0])}; };
}
template <class F>
Program two(F f) {
  return [f](std::span<const Tensor> x) { return Many{f(x[0], x[1])}; };
}

Tensor numbers(const nt::Shape& shape, double low = -2, double high = 2, std::uint64_t seed = 1) {
  nt::Generator generator(seed);
  return Tensor(nt::random::uniform(shape, low, high, nt::f32, generator));
}

std::vector<Case> elementwise_cases() {
  const Tensor x = numbers({3, 4}), y = numbers({3, 4}, -2, 2, 2), p = numbers({3, 4}, 0.1, 0.9);
  std::vector<Case> all{
      {"abs", of(nt::abs), {x}},
      {"acos", of(nt::acos), {p}},
      {"acosh", one([](const Tensor& t) { return acosh(t + 1.0); }), {p}},
      {"add", two([](const Tensor& a, const Tensor& b) { return a + b; }), {x, y}},
      {"asin", of(nt::asin), {p}},
      {"asinh", of(nt::asinh), {x}},
      {"atan", of(nt::atan), {x}},
      // Both signs of zero on either side.
      {"atan2",
       two([](const Tensor& a, const Tensor& b) { return atan2(round(a) * 0.5, round(b)); }),
       {numbers({40, 4}), numbers({40, 4}, -2, 2, 2)},
       4},
      {"atanh", of(nt::atanh), {p}},
      {"bitwise_and", one([](const Tensor& t) { return (t > 0.0) & (t < 1.0); }), {x}},
      {"bitwise_not", one([](const Tensor& t) { return ~(t > 0.0); }), {x}},
      {"bitwise_or", one([](const Tensor& t) { return (t > 1.0) | (t < -1.0); }), {x}},
      {"bitwise_xor", one([](const Tensor& t) { return (t > 0.0) ^ (t < 1.0); }), {x}},
      {"cast", one([](const Tensor& t) { return t.to(nt::i64); }), {x}},
      {"cbrt", of(nt::cbrt), {x}, 4},
      {"ceil", of(nt::ceil), {x}},
      {"clip", one([](const Tensor& t) { return clip(t, -0.5, 1); }), {x}},
      {"cos", of(nt::cos), {x}},
      {"cosh", of(nt::cosh), {x}},
      {"div", two([](const Tensor& a, const Tensor& b) { return a / b; }), {x, p}},
      {"elu", one([](const Tensor& t) { return elu(t, 0.5); }), {x}},
      {"entr", one([](const Tensor& t) { return nt::entr(abs(round(t)) * 0.5); }), {x}, 4},
      {"equal", one([](const Tensor& t) { return round(t) == 1.0; }), {x}},
      {"erf", of(nt::erf), {x}},
      {"erfc", of(nt::erfc), {x}, 4},
      {"exp", of(nt::exp), {x}},
      {"exp2", of(nt::exp2), {x}, 4},
      {"expm1", of(nt::expm1), {x}, 4},
      {"floor", of(nt::floor), {x}},
      {"fmax", two([](const Tensor& a, const Tensor& b) { return fmax(log(a), b); }), {x, y}},
      {"fmin", two([](const Tensor& a, const Tensor& b) { return fmin(a, log(b)); }), {x, y}},
      {"fmod", two([](const Tensor& a, const Tensor& b) { return fmod(a, b); }), {x, p}},
      {"gelu", one([](const Tensor& t) { return gelu(t); }), {x}, 8},
      {"gelu_tanh", one([](const Tensor& t) { return gelu(t, nt::Approximate::tanh); }), {x}, 8},
      {"greater", two([](const Tensor& a, const Tensor& b) { return a > b; }), {x, y}},
      {"greater_equal", two([](const Tensor& a, const Tensor& b) { return a >= b; }), {x, y}},
      {"hardswish", of(nt::hardswish), {x}},
      {"hardtanh", one([](const Tensor& t) { return hardtanh(t, -1, 0.5); }), {x}},
      {"heaviside", two([](const Tensor& a, const Tensor& b) { return heaviside(round(a), b); }), {x, y}},
      {"hypot", two([](const Tensor& a, const Tensor& b) { return hypot(a, b); }), {x, y}, 4},
      {"isfinite", one([](const Tensor& t) { return isfinite(1.0 / floor(t)); }), {x}},
      {"isinf", one([](const Tensor& t) { return isinf(1.0 / floor(t)); }), {x}},
      {"isnan", one([](const Tensor& t) { return isnan(log(t)); }), {x}},
      {"leaky_relu", one([](const Tensor& t) { return leaky_relu(t, 0.2); }), {x}},
      {"less", two([](const Tensor& a, const Tensor& b) { return a < b; }), {x, y}},
      {"less_equal", two([](const Tensor& a, const Tensor& b) { return a <= b; }), {x, y}},
      {"log", of(nt::log), {p}},
      {"log10", of(nt::log10), {p}, 4},
      {"log1p", of(nt::log1p), {p}, 4},
      {"log2", of(nt::log2), {p}, 4},
      {"logaddexp", two([](const Tensor& a, const Tensor& b) { return logaddexp(a, b); }), {x, y}, 4},
      {"logaddexp2", two([](const Tensor& a, const Tensor& b) { return nt::logaddexp2(a, b); }), {x, y}, 4},
      {"logical_and", one([](const Tensor& t) { return logical_and(t > 0.0, t < 1.0); }), {x}},
      {"logical_not", one([](const Tensor& t) { return logical_not(t > 0.0); }), {x}},
      {"logical_or", one([](const Tensor& t) { return logical_or(t > 1.0, t < -1.0); }), {x}},
      {"logical_xor", one([](const Tensor& t) { return logical_xor(t > 0.0, t < 1.0); }), {x}},
      {"logit", one([](const Tensor& t) { return logit(t); }), {p}, 8},
      {"maximum", two([](const Tensor& a, const Tensor& b) { return maximum(a, b); }), {x, y}},
      {"minimum", two([](const Tensor& a, const Tensor& b) { return minimum(a, b); }), {x, y}},
      {"mish", of(nt::mish), {x}, 8},
      {"mul", two([](const Tensor& a, const Tensor& b) { return a * b * 0.5; }), {x, y}},
      {"ndtr", of(nt::ndtr), {x}, 4},
      {"neg", one([](const Tensor& t) { return -t; }), {x}},
      {"not_equal", one([](const Tensor& t) { return round(t) != 1.0; }), {x}},
      {"pow", one([](const Tensor& t) { return pow(t, 2.5); }), {p}},
      {"prelu", two([](const Tensor& a, const Tensor& b) { return prelu(a, b); }), {x, y}},
      {"reciprocal", of(nt::reciprocal), {p}},
      {"relu", of(nt::relu), {x}},
      {"remainder", two([](const Tensor& a, const Tensor& b) { return remainder(a, b); }), {x, y}, 4},
      {"remainder", one([](const Tensor& t) { return remainder((t * 10.0).to(nt::i64), nt::tensor(-3)); }), {x}},
      {"round", one([](const Tensor& t) { return round(t); }), {x}},
      {"rsqrt", of(nt::rsqrt), {p}, 4},
      {"sigmoid", of(nt::sigmoid), {x}},
      {"sign", of(nt::sign), {x}},
      {"silu", of(nt::silu), {x}, 4},
      {"sin", of(nt::sin), {x}},
      {"sinc", one([](const Tensor& t) { return nt::sinc(round(t * 4.0) / 4.0); }), {x}, 4},
      {"sinh", of(nt::sinh), {x}},
      {"softplus", of(nt::softplus), {x}},
      {"softsign", of(nt::softsign), {x}},
      {"sqrt", of(nt::sqrt), {p}},
      {"square", of(nt::square), {x}},
      {"sub", two([](const Tensor& a, const Tensor& b) { return a - b; }), {x, y}},
      {"tan", of(nt::tan), {p}},
      {"tanh", of(nt::tanh), {x}},
      {"tanhshrink", of(nt::tanhshrink), {x}, 4},
      {"trunc", one([](const Tensor& t) { return trunc(t * 3.0); }), {x}},
      {"where", two([](const Tensor& a, const Tensor& b) { return where(a > 0.0, a, b); }), {x, y}},
      {"xlogy", two([](const Tensor& a, const Tensor& b) { return xlogy(round(a), b); }), {x, p}, 4},
  };
  return all;
}

std::vector<Case> array_cases() {
  const Tensor x = numbers({3, 4}), y = numbers({3, 4}, -2, 2, 2), z = numbers({2, 3, 4});
  return {
      {"all", one([](const Tensor& t) { return all(t > -1.0, 1); }), {x}},
      {"any", one([](const Tensor& t) { return any(t > 1.0, 0); }), {x}},
      {"argmax", one([](const Tensor& t) { return argmax(t, 1); }), {x}},
      {"argmin", one([](const Tensor& t) { return argmin(t, -1, true); }), {x}},
      {"argsort", one([](const Tensor& t) { return argsort(round(t), 1); }), {numbers({3, 40})}},
      {"cumsum", one([](const Tensor& t) { return cumsum(t, 1); }), {x}},
      {"log_softmax", one([](const Tensor& t) { return log_softmax(t, 0); }), {x}},
      {"logsumexp", one([](const Tensor& t) { return logsumexp(t, 1); }), {x}},
      {"max", one([](const Tensor& t) { return amax(t, 1); }), {x}},
      {"mean",
       one([](const Tensor& t) {
         return mean(t, {0, -1}, true);
       }),
       {z}},
      {"min", one([](const Tensor& t) { return amin(t); }), {x}},
      {"norm",
       one([](const Tensor& t) {
         return norm(t, 2, {0, -1}) + norm(t, 3, {0, 2}) + norm(t, 1, {0, 2}) + norm(t, -0.5, {0, 2});
       }),
       {z},
       16},
      {"prod", one([](const Tensor& t) { return prod(t, 1); }), {x}},
      {"softmax", one([](const Tensor& t) { return softmax(t, -1); }), {z}},
      {"sort",
       [](std::span<const Tensor> t) {
         const auto up = sort(round(t[0]), -1), down = sort(t[0], 0, true);
         return Many{up.values, up.indices, down.values, down.indices};
       },
       {numbers({3, 40})}},
      {"std",
       one([](const Tensor& t) {
         return nt::std(t, {0, 2}, 1, true);
       }),
       {z},
       8},
      {"sum", one([](const Tensor& t) { return sum(t, -1) + sum(t > 0.0, -1).to(nt::f32); }), {z}},
      {"topk",
       [](std::span<const Tensor> t) {
         const auto [values, indices] = topk(t[0], 2, 1);
         return Many{values, indices};
       },
       {x}},
      {"var", one([](const Tensor& t) { return nt::var(t, {-1}, 0.5) + nt::var(t, {2}, 0); }), {z}, 8},
      {"concatenate",
       two([](const Tensor& a, const Tensor& b) {
         return nt::concatenate({a, b}, 1);
       }),
       {x, y}},
      {"expand",
       one([](const Tensor& t) {
         return expand(nt::unsqueeze(t, 1), {2, 3, 5, 4});
       }),
       {x}},
      {"flip",
       one([](const Tensor& t) {
         return flip(t, {0, 1});
       }),
       {x}},
      {"pad",
       one([](const Tensor& t) {
         return nt::pad(t, {{1, 0}, {2, 3}}, nt::PaddingMode::constant, 0.5);
       }),
       {x}},
      {"permute",
       one([](const Tensor& t) {
         return permute(t, {2, 0, 1});
       }),
       {z}},
      {"reshape",
       one([](const Tensor& t) {
         return reshape(t, {4, -1});
       }),
       {x}},
      {"roll", one([](const Tensor& t) { return roll(t, 1, 0) + roll(t, -3, 1) + roll(t, 4, -1); }), {x}},
      {"slice", one([](const Tensor& t) { return slice(t, 1, 0, 4, 2); }), {x}},
      {"split",
       [](std::span<const Tensor> t) {
         const auto parts = split(t[0], nt::Dims{1, 3}, 1);
         return Many{parts[1], parts[0]};
       },
       {x}},
      {"stack",
       two([](const Tensor& a, const Tensor& b) {
         return nt::stack({a, b}, -1);
       }),
       {x, y}},
      {"unstack", [](std::span<const Tensor> t) { return Many{unstack(t[0], 1)[2]}; }, {x}},
      {"gather", one([](const Tensor& t) { return gather(t, 1, argmax(t, 1, true)); }), {x}},
      {"one_hot", one([](const Tensor& t) { return one_hot(argmax(t, 1), 4); }), {x}},
      {"scatter",
       two([](const Tensor& a, const Tensor& b) { return scatter(a, 1, argmax(b, 1, true), amax(b, 1, true)); }),
       {x, y}},
      {"scatter_add",
       two([](const Tensor& a, const Tensor& b) { return scatter_add(a, 1, (b > 0.0).to(nt::i64), b); }),
       {x, y},
       2},
      {"select", one([](const Tensor& t) { return select(t, 1, -2); }), {z}},
      {"take", one([](const Tensor& t) { return take(t, argmax(t, 1), 1); }), {x}},
  };
}

std::vector<Case> layer_cases() {
  const Tensor x = numbers({2, 3, 8, 6}), w = numbers({4, 3, 3, 3}), b = numbers({4}), v = numbers({3}, 0.5, 1.5);
  const Tensor s = numbers({2, 3, 4});
  const auto image = [&](auto f) { return one(f); };
  return {
      {"adaptive_avg_pool",
       image([](const Tensor& t) {
         return adaptive_avg_pool2d(t, {4, 3}) + adaptive_avg_pool2d(t, 1);
       }),
       {x},
       4},
      {"adaptive_avg_pool",
       image([](const Tensor& t) {
         return adaptive_avg_pool2d(t, {3, 4}) + adaptive_avg_pool2d(select(t, 0, 0), {3, 4});
       }),
       {x},
       4},
      {"adaptive_max_pool",
       image([](const Tensor& t) {
         return adaptive_max_pool2d(t, {4, 3}) + adaptive_max_pool2d(t, 1);
       }),
       {x}},
      {"adaptive_max_pool",
       image([](const Tensor& t) {
         return adaptive_max_pool2d(t, {5, 6});
       }),
       {x}},
      {"avg_pool",
       image([](const Tensor& t) { return avg_pool2d(t, 3, {.stride = 2, .padding = 1, .count_include_pad = false}); }),
       {x},
       4},
      {"batch_norm", image([v](const Tensor& t) { return nt::batch_norm_by(t, v, v, v, {}, 1e-3); }), {x}, 8},
      {"conv",
       image([w, b](const Tensor& t) {
         return conv2d(t, w, b, {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}});
       }),
       {x}},
      {"conv_transpose",
       image([w](const Tensor& t) {
         return conv_transpose2d(t, transpose(w, 0, 1), {.stride = 2, .padding = 1, .output_padding = 1});
       }),
       {x}},
      {"group_norm", image([v](const Tensor& t) { return group_norm(t, 3, v, v); }), {x}, 64},
      {"instance_norm", image([v](const Tensor& t) { return instance_norm(t, v, v); }), {x}, 64},
      {"interpolate",
       image([](const Tensor& t) {
         return interpolate(t, {.scale_factor = {2.0}, .mode = nt::InterpolateMode::bilinear}) +
                interpolate(t, {.size = {16, 12}}) +
                interpolate(t, {.size = {16, 12}, .mode = nt::InterpolateMode::bicubic, .align_corners = true});
       }),
       {x},
       16},
      {"layer_norm",
       image([](const Tensor& t) {
         return layer_norm(t, {8, 6}, {}, {}, 1e-4);
       }),
       {x},
       64},
      {"linear",
       two([](const Tensor& a, const Tensor& c) {
         return linear(a, c, nt::tensor({0.5F, -1.0F}));
       }),
       {numbers({5, 4}), numbers({2, 4})}},
      {"matmul", two([](const Tensor& a, const Tensor& c) { return matmul(a, transpose(c)); }), {s, s}},
      {"max_pool", image([](const Tensor& t) { return max_pool2d(t, 3, {.stride = 2, .padding = 1}); }), {x}},
      {"rms_norm", image([](const Tensor& t) { return rms_norm(t, {6}); }), {x}, 64},
  };
}

std::vector<Case> transform_cases() {
  const Tensor x = numbers({3, 10}), odd = numbers({2, 3, 7}), matrices = numbers({4, 3, 3});
  const auto complex = one([](const Tensor& t) {
    const Tensor z = nt::stack({t, t * 0.5 - 1.0}, -1);
    return nt::fft::fft(z) - nt::fft::ifft(z, {.norm = nt::fft::Norm::ortho}) + nt::fft::fft(z, {.axis = 0});
  });
  return {
      {"det", one([](const Tensor& t) { return nt::linalg::det(t); }), {matrices}, 16},
      {"fft", complex, {x}, 32},
      {"fft",
       one([](const Tensor& t) {
         return nt::fft::fft2(nt::stack({t, t}, -1));
       }),
       {odd},
       32},
      {"grid_sample",
       two([](const Tensor& a, const Tensor& b) {
         return grid_sample(a, b) + grid_sample(a, b, {.padding = nt::GridPadding::border, .align_corners = true}) +
                grid_sample(a, b, {nt::GridSampleMode::nearest, nt::GridPadding::reflection}) +
                grid_sample(a, b, {.mode = nt::GridSampleMode::bicubic});
       }),
       {numbers({2, 3, 5, 6}), numbers({2, 4, 3, 2}, -1.2, 1.2, 2)},
       16},
      {"irfft",
       one([](const Tensor& t) {
         return nt::fft::irfft(nt::fft::rfft(t) * 2.0, {.n = 7}) + nt::fft::irfft(nt::stack({t, -t}, -1), {.n = 7});
       }),
       {numbers({3, 7})},
       32},
      {"rfft",
       one([](const Tensor& t) { return nt::fft::rfft(t) + nt::fft::rfft(t, {.norm = nt::fft::Norm::forward}); }),
       {numbers({10})},
       32},
  };
}

/// The operations that a program calls, as a tracer sees them.
struct Names final : nt::OpTracer {
  void on_call(nt::OpCall call) override { names.insert(std::string(call.op)); }
  std::set<std::string> names;
};

double largest(const Tensor& t) { return t.size() == 0 ? 0 : max(abs(t.to(nt::f64))).item(); }

/// Keeps a model with its inputs and results in the folder NEWTAPE_EXPORT_DIR, for programs that are not ours
/// (tools/check_export): 012.onnx, 012.input.0.npy, 012.output.0.npy, and the epsilons of its case in 012.txt.
void keep(const std::string& bytes, const Many& inputs, const Many& results, double epsilons,
          const std::set<std::string>& operations) {
  const char* const folder = std::getenv("NEWTAPE_EXPORT_DIR");
  if (folder == nullptr) return;
  static int count = 0;
  const std::string digits = std::to_string(1000 + count++).substr(1);
  const std::string path = std::string(folder) + "/" + digits;
  std::ofstream(path + ".onnx", std::ios::binary) << bytes;
  std::ofstream text(path + ".txt");
  text << epsilons;
  for (const auto& name : operations) text << ' ' << name;
  const auto write = [&](const char* kind, const Many& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      nt::data::write_npy(path + kind + std::to_string(i) + ".npy", tensors[i].value());
    }
  };
  write(".input.", inputs);
  write(".output.", results);
}

/// Writes, reads and runs a program; checks results on the inputs given.
void check_round_trip(const nn::ModuleBase& model, const Program& program, const Many& inputs, double epsilons,
                      const nt::onnx::SaveOptions& options = {}, const Many* others = nullptr) {
  const std::string bytes = nt::onnx::save_bytes(model, program, inputs, options);
  const auto written = nt::onnx::load_bytes(bytes);
  const Many& given = others != nullptr ? *others : inputs;
  Names names;
  const Many expected = program(given);
  keep(bytes, given, expected, epsilons, names.names);
  nt::onnx::NamedValues named;
  for (std::size_t i = 0; i < given.size(); ++i) named.emplace_back(written.inputs()[i].name, given[i]);
  const auto got = written(named);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(got[i].shape() == expected[i].shape());
    REQUIRE(got[i].dtype() == expected[i].dtype());
    if (epsilons == 0) {
      CHECK(identical(got[i].value(), expected[i].value()));
    } else {
      CHECK(largest(got[i].to(nt::f64) - expected[i].to(nt::f64)) <=
            epsilons * nt::epsilon(nt::f32) * std::max(largest(expected[i]), 1.0));
    }
  }
}

}  // namespace

TEST_CASE("every operation that can be written in ONNX reads back") {
  std::set<std::string> seen;
  for (const auto& cases : {elementwise_cases(), array_cases(), layer_cases(), transform_cases()}) {
    for (const auto& c : cases) {
      INFO(c.op);
      Names names;
      c.program(c.inputs);
      CHECK(names.names.count(c.op) == 1);
      seen.insert(names.names.begin(), names.names.end());
      check_round_trip(Nothing(), c.program, c.inputs, c.epsilons);
    }
  }
  seen.insert({"lstm", "gru", "rnn_tanh", "rnn_relu"});  // layers, below
  for (const auto& op : nt::onnx::exported_operations()) {
    INFO(op << " has no case here");
    CHECK(seen.count(op) == 1);
  }
}

TEST_CASE("models are written in ONNX and read back, with a batch of any length") {
  const nt::onnx::SaveOptions any{.dynamic_batch = true};
  const auto check = [&](const auto& model, const nt::Shape& sample, double epsilons) {
    model.eval();
    nt::Shape shape{3};
    for (const auto d : sample) shape.push_back(d);
    const Many inputs{numbers(shape, -1, 1, 5)};
    const Program program = [&](std::span<const Tensor> x) { return Many{model(x[0])}; };
    check_round_trip(model, program, inputs, epsilons);
    shape[0] = 7;
    const Many others{numbers(shape, -1, 1, 6)};
    check_round_trip(model, program, inputs, epsilons, any, &others);
  };
  nt::manual_seed(3);
  check(nn::Sequential(nn::Linear(6, 8), nn::Tanh(), nn::Linear(8, 3)), {6}, 0);
  check(nn::Sequential(nn::Conv2d(1, 4, 3, {.padding = 1}), nn::BatchNorm2d(4), nn::ReLU(), nn::MaxPool2d(2),
                       nn::Flatten(), nn::Dropout(0.5), nn::Linear(4 * 16, 5)),
        {1, 8, 8}, 64);
  check(nn::TransformerEncoderLayer(8, 2, {.dim_feedforward = 16, .batch_first = true}), {5, 8}, 64);
}

TEST_CASE("recurrent layers are written in ONNX and read back") {
  nt::manual_seed(4);
  const Many inputs{numbers({5, 2, 3}, -1, 1, 7)};
  const auto check = [&](const auto& layer) {
    check_round_trip(
        layer, [&](std::span<const Tensor> x) { return Many{layer(x[0]).output}; }, inputs, 8);
  };
  check(nn::LSTM(3, 4, {.num_layers = 2, .bidirectional = true}));
  check(nn::GRU(3, 4, {.num_layers = 2}));
  check(nn::RNN(3, 4));
  check(nn::RNN(3, 4, {.nonlinearity = nn::init::Nonlinearity::relu}));
}

TEST_CASE("recurrent layers with sequences of several lengths are written in ONNX and read back") {
  nt::manual_seed(5);
  const Many inputs{numbers({5, 3, 3}, -1, 1, 7)};
  const auto check = [&](const auto& layer) {
    const nn::RecurrentInput some{.lengths = {5, 2, 4}};
    check_round_trip(
        layer,
        [&](std::span<const Tensor> x) {
          const auto y = layer(x[0], some);
          return Many{y.output, y.h_n};
        },
        inputs, 8);
  };
  check(nn::LSTM(3, 4, {.num_layers = 2, .bidirectional = true}));
  check(nn::GRU(3, 4, {.bidirectional = true}));
  check(nn::RNN(3, 4, {.bidirectional = true}));

  const nn::RNN layer(3, 4);
  const auto save = [&](const std::vector<float>& valid) {
    const nn::RecurrentInput some{.mask = nt::tensor(valid, nt::Shape{5, 3}) > 0.0};
    return nt::onnx::save_bytes(
        layer, [&](std::span<const Tensor> x) { return Many{layer(x[0], some).output}; }, inputs);
  };
  std::vector<float> valid(15, 1);
  valid[14] = 0;
  CHECK_NOTHROW(save(valid));
  valid[5] = 0;
  CHECK_THROWS_WITH(save(valid), Catch::Contains("steps left out"));
}

TEST_CASE("statistics over a batch of any length are written in ONNX") {
  const Program program = one([](const Tensor& x) {
    return nt::std(x, {0}) + roll(sort(x, 0).values, 1, 0) + nt::norm(x, 2, {0}) + nt::var(x, {0, 1}, 2);
  });
  const Many others{numbers({7, 4}, -1, 1, 3)};
  check_round_trip(Nothing(), program, {numbers({5, 4})}, 16, {.dynamic_batch = true}, &others);
}

TEST_CASE("a written model keeps the names of its parameters, and the mode of the module") {
  struct Net : nn::Module<Net> {
    nn::Linear body = add("body", nn::Linear(3, 4));
    nn::Linear head = add("head", nn::Linear(4, 2));
    Tensor forward(const Tensor& x) const { return head(relu(body(x))); }
  };
  const Net net;
  net.train();
  const auto model = nt::onnx::load_bytes(
      nt::onnx::save_bytes(net, [&](std::span<const Tensor> x) { return Many{net(x[0])}; }, {numbers({2, 3})},
                           {.input_names = {"features"}, .output_names = {"scores"}}));
  CHECK(net.is_training());
  CHECK(model.inputs()[0].name == "features");
  CHECK(model.outputs()[0].name == "scores");
  for (const auto& [name, parameter] : net.named_parameters()) {
    INFO(name);
    CHECK(identical(model.parameter(name).value(), parameter.value()));
  }
}

TEST_CASE("a model is written to a file") {
  const TemporaryDirectory files;
  const std::string path = files / "written.onnx";
  const nn::Sequential model(nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 3));
  const Tensor x = numbers({2, 4});
  nt::onnx::save(path, model, x, {.dynamic_batch = true});
  const auto again = nt::onnx::load(path);
  const Tensor y = again(numbers({5, 4}));
  CHECK(y.shape() == nt::Shape{5, 3});
  CHECK(identical(again(x).value(), model(x).value()));
}

TEST_CASE("what cannot be written in ONNX is an error that names it") {
  const auto save = [](const Program& program) { return nt::onnx::save_bytes(Nothing(), program, {numbers({3, 3})}); };
  CHECK_THROWS_WITH(save(one([](const Tensor& x) { return nt::lgamma(abs(x)); })), Catch::Contains("lgamma"));
  // A number that was read is no constant.
  CHECK_THROWS_WITH(save(one([](const Tensor& x) { return x * sum(x).item(); })), Catch::Contains("differs"));
  // Nor is a branch on data.
  const Program branch = one([](const Tensor& x) { return sum(x).item() > 8.5 ? exp(x) : sin(x); });
  CHECK_THROWS_WITH(nt::onnx::save_bytes(Nothing(), branch, {nt::ones({3, 3})}), Catch::Contains("lead to sin"));
  CHECK_THROWS_AS(nt::onnx::save_bytes(Nothing(), of(nt::exp), {}), nt::ValueError);
  CHECK_THROWS_WITH(save({}), Catch::Contains("the program is empty"));
  CHECK_THROWS_WITH(save(one([](const Tensor& x) { return nt::linalg::inv(x); })), Catch::Contains("inv has no"));
  // The line of the call, and that of the operation.
  const int line = __LINE__ + 1;
  const auto empty = [] { return nt::onnx::save_bytes(Nothing(), {}, {numbers({2})}); };
  const Program gamma = [](std::span<const Tensor> x) { return Many{nt::lgamma(abs(x[0]))}; };
  CHECK_THROWS_WITH(empty(), Catch::Contains("export_test.cpp:" + std::to_string(line)));
  CHECK_THROWS_WITH(save(gamma), Catch::Contains("export_test.cpp:" + std::to_string(line + 1)));
  CHECK_THROWS_WITH(save([](auto) { return Many{Tensor()}; }), Catch::Contains("an output is undefined"));
  CHECK_THROWS_WITH(nt::onnx::save_bytes(Nothing(), of(nt::exp), {Tensor()}), Catch::Contains("input is undefined"));
  nt::onnx::SaveOptions too_many;
  too_many.input_names.assign(2, "x");
  CHECK_THROWS_WITH(nt::onnx::save_bytes(Nothing(), of(nt::exp), {numbers({2})}, too_many),
                    Catch::Contains("input_names"));
  // NaN and infinite results are no difference.
  CHECK_NOTHROW(save(one([](const Tensor& x) { return log(x) / floor(x); })));
}

TEST_CASE("logarithms of sums of probabilities that are 0 are written in ONNX") {
  const double infinite = std::numeric_limits<double>::infinity();
  const Tensor a = nt::tensor(std::vector<double>{-infinite, infinite, -infinite, 1}).to(nt::f32);
  const Tensor b = nt::tensor(std::vector<double>{-infinite, infinite, 2, 1}).to(nt::f32);
  const Program program = [](std::span<const Tensor> x) {
    return Many{nt::logaddexp(x[0], x[1]), nt::logaddexp2(x[0], x[1])};
  };
  const auto model = nt::onnx::load_bytes(nt::onnx::save_bytes(Nothing(), program, {numbers({4}), numbers({4})}));
  const auto got = model({{"input_0", a}, {"input_1", b}});
  CHECK(allclose(got[0], nt::logaddexp(a, b), 1e-6));
  CHECK(allclose(got[1], nt::logaddexp2(a, b), 1e-6));
}

TEST_CASE("models take tensors of storage dtypes") {
  const auto model = nt::onnx::load_bytes(nt::onnx::save_bytes(
      Nothing(), one([](const Tensor& x) { return x.to(nt::f32) / 255.0; }), {nt::full({2}, 7.0, nt::f32).to(nt::u8)}));
  CHECK(model.inputs()[0].type == nt::onnx::ElementType::uint8);
  const Tensor y = model(nt::full({2}, 255.0, nt::f32).to(nt::u8));
  CHECK(identical(y.value(), nt::ones({2}).value()));
}
