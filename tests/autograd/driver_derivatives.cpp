// SPDX-License-Identifier: BSD-3-Clause
// The checks of derivatives for every row of the table.
#include "driver.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

Function function_of(const Sample& sample) {
  return [&sample](std::span<const Tensor> xs) { return call(sample.call, xs); };
}

TEST_CASE("table: gradients to the order stated, by gradcheck") {
  each_sample([](const Row& row, const Sample& sample) {
    const auto xs = variables(draw(row, sample, f64));
    if (row.order == 0) {
      CHECK_FALSE(call(sample.call, xs).requires_grad());
      return;
    }
    const auto result = gradcheck(function_of(sample), xs, {.order = row.order, .step = row.step});
    INFO(result.message);
    CHECK(result.ok);
  });
}

TEST_CASE("table: gradients at corners and ties") {
  each_row([](const Row& row) {
    for (const auto& k : row.known) {
      std::vector<Tensor> xs;
      for (const auto& at : k.at) {
        Values v({static_cast<std::int64_t>(at.size())});
        std::copy(at.begin(), at.end(), v.data.begin());
        xs.push_back(variable(array(v, f64)));
      }
      const Tensor y = call(k.call, xs);
      for (const bool recorded : {false, true}) {
        const auto g = gradients(y, xs, Tensor(array(Values(y.shape(), 1), f64)), recorded);
        for (std::size_t i = 0; i < xs.size(); ++i) {
          INFO("operand " << i << (recorded ? ", the gradient recorded" : ""));
          Values want(xs[i].shape());
          std::copy(k.gradient[i].begin(), k.gradient[i].end(), want.data.begin());
          CHECK_SAME(g[i], want, 1e-15);
        }
      }
    }
  });
}

/// One member of a batch of arrays.
Array member(const Values& batch, const Shape& shape, std::size_t k) {
  Values one(shape);
  const std::size_t n = one.data.size();
  std::copy_n(batch.data.begin() + static_cast<std::ptrdiff_t>(k * n), n, one.data.begin());
  return array(one, f64);
}

void check_batch(const Row& row, const Sample& sample, const std::vector<Tensor>& xs, const Shape& lead) {
  INFO("batch " << to_string(lead));
  const Tensor y = call(sample.call, xs);
  Shape shape(lead);
  for (const auto d : y.shape()) shape.push_back(d);
  const Array w = random_like(shape, f64, 7);
  const auto plain = gradients(y, xs, w);
  const Tensor cotangents = variable(w);
  const auto recorded = gradients(y, xs, cotangents, true);

  const auto count = static_cast<std::size_t>(element_count(lead));
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (!xs[i].requires_grad()) continue;
    INFO("operand " << i);
    Shape batched(lead);
    for (const auto d : xs[i].shape()) batched.push_back(d);
    Values want(batched);
    const std::size_t n = static_cast<std::size_t>(xs[i].size());
    for (std::size_t k = 0; k < count; ++k) {
      const auto one = gradients(y, xs, member(values(w), y.shape(), k));
      const Values v = values(one[i]);
      std::copy(v.data.begin(), v.data.end(), want.data.begin() + static_cast<std::ptrdiff_t>(k * n));
    }
    CHECK_SAME(plain[i], want, 1e-13);
    CHECK_SAME(recorded[i], want, 1e-13);

    // The gradients of the batched gradient are the sums of those of its members.
    const Array u = random_like(batched, f64, 8);
    if (row.order < 2 || !recorded[i].requires_grad()) continue;
    const auto second = gradients(recorded[i], xs, u);
    std::vector<Values> sums;
    for (const auto& x : xs) sums.emplace_back(x.shape());
    for (std::size_t k = 0; k < count; ++k) {
      const auto one = gradients(y, xs, member(values(w), y.shape(), k), true);
      const auto s = gradients(one[i], xs, member(values(u), xs[i].shape(), k));
      for (std::size_t j = 0; j < xs.size(); ++j) {
        if (!s[j].defined()) continue;
        const Values v = values(s[j]);
        for (std::size_t e = 0; e < v.data.size(); ++e) sums[j].data[e] += v.data[e];
      }
    }
    for (std::size_t j = 0; j < xs.size(); ++j) {
      INFO("second derivative in operand " << j);
      if (second[j].defined()) CHECK_SAME(second[j], sums[j], 1e-12);
    }
  }
}

TEST_CASE("table: a batch of cotangents gives the same as a loop over them") {
  each_smooth_sample([](const Row& row, const Sample& sample) {
    const auto xs = variables(draw(row, sample, f64));
    for (const auto& lead : {Shape{3}, Shape{0}, Shape{2, 2}, Shape{1}}) check_batch(row, sample, xs, lead);
  });
}

long double dot(const Values& a, const Values& b) {
  long double total = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) total += a.data[i] * b.data[i];
  return total;
}

TEST_CASE("table: forward mode is the transpose of reverse mode") {
  each_smooth_sample([](const Row& row, const Sample& sample) {
    const auto arrays = draw(row, sample, f64);
    // Only floats have tangents.
    std::vector<Tensor> floats;
    std::vector<Tensor> tangents;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      if (!is_float(row, i)) continue;
      floats.push_back(arrays[i]);
      tangents.push_back(random_like(arrays[i].shape(), f64, 11 + i));
    }
    const Function f = [&](std::span<const Tensor> xs) {
      std::vector<Tensor> all;
      std::size_t next = 0;
      for (std::size_t i = 0; i < arrays.size(); ++i) all.push_back(is_float(row, i) ? xs[next++] : Tensor(arrays[i]));
      return call(sample.call, all);
    };
    const auto [y, forward] = jvp(f, floats, tangents);
    const Array w = random_like(y.shape(), f64, 13);
    const auto [z, back] = vjp(f, floats, w);
    CHECK_SAME(y, z, 0);
    REQUIRE(forward.shape() == y.shape());
    long double along = 0;
    long double size = 0;
    for (std::size_t i = 0; i < back.size(); ++i) {
      const Values b = values(back[i]);
      const Values t = values(tangents[i]);
      along += dot(b, t);
      for (std::size_t e = 0; e < b.data.size(); ++e) size += std::abs(b.data[e] * t.data[e]);
    }
    CHECK(std::abs(dot(values(forward), values(w)) - along) <= 1e-13L * size);
  });
}

TEST_CASE("table: f32 agrees with f64") {
  each_smooth_sample([](const Row& row, const Sample& sample) {
    const auto narrow = variables(draw(row, sample, f32));
    const auto wide = variables(draw(row, sample, f64));
    const Tensor y = call(sample.call, narrow);
    const Tensor z = call(sample.call, wide);
    CHECK(y.dtype() == f32);
    const double relative = 32 * rounding(f32) * row.tolerance_scale;
    CHECK_SAME(y, z, relative);
    for (const bool recorded : {false, true}) {
      const auto g = gradients(y, narrow, random_like(y.shape(), f32, 17), recorded);
      const auto h = gradients(z, wide, random_like(y.shape(), f64, 17), recorded);
      for (std::size_t i = 0; i < g.size(); ++i) {
        INFO("gradient in operand " << i << (recorded ? ", recorded" : ""));
        if (!g[i].defined()) continue;
        CHECK(g[i].dtype() == f32);
        CHECK_SAME(g[i], h[i], relative);
      }
    }
  });
}

TEST_CASE("table: an operand that is constant") {
  each_smooth_sample([](const Row& row, const Sample& sample) {
    const auto xs = draw(row, sample, f64);
    CHECK_FALSE(call(sample.call, std::vector<Tensor>(xs.begin(), xs.end())).requires_grad());
    const auto all = variables(xs);
    {
      const NoGrad off;
      CHECK_FALSE(call(sample.call, all).requires_grad());
    }
    // The memory that a recorded call keeps alive after the caller has released the operands.
    const auto kept = [&](std::size_t constant) {
      const auto before = allocator::stats().live_bytes;
      std::vector<Array> copies;
      for (const auto& x : xs) copies.push_back(own_copy(x));
      auto temporaries = variables(copies, constant);
      copies.clear();
      const Tensor y = call(sample.call, temporaries);
      temporaries.clear();
      return allocator::stats().live_bytes - before;
    };
    const Tensor y = call(sample.call, all);
    CHECK(y.requires_grad());
    const Array w = random_like(y.shape(), f64, 19);
    const auto wanted = gradients(y, all, w);
    const auto most = kept(xs.size());
    for (std::size_t constant = 0; constant < xs.size(); ++constant) {
      if (!is_float(row, constant)) continue;
      INFO("operand " << constant << " is constant");
      const auto some = variables(xs, constant);
      const Tensor z = call(sample.call, some);
      CHECK_SAME(z, y, 0);
      bool others = false;
      for (const auto& x : some) others |= x.requires_grad();
      CHECK(z.requires_grad() == others);
      CHECK(kept(constant) <= most);
      const auto g = gradients(z, some, w);
      for (std::size_t i = 0; i < g.size(); ++i) {
        INFO("gradient in operand " << i);
        if (g[i].defined()) CHECK_SAME(g[i], wanted[i], 1e-15);
      }
    }
  });
}

}  // namespace
}  // namespace newtape::table
