// SPDX-License-Identifier: BSD-3-Clause
// The checks of values for every row of the table. Derivatives: driver_derivatives.cpp.
#include "driver.hpp"
#include "names.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>

#include <set>

namespace newtape::table {
namespace {

TEST_CASE("table: registry and table name the same operations") {
  std::set<std::string> registered;
  for (const auto name : registered_ops()) {
    if (name.substr(0, 5) != "test.") registered.emplace(name);  // operations defined in tests
  }
  std::set<std::string> covered;
  for (const auto& row : rows()) covered.insert(row.covers.begin(), row.covers.end());
  CHECK(difference("registered", registered, "in rows of tests/autograd/rows/", covered) == "");
}

TEST_CASE("table: rows are complete") {
  std::set<std::string> names;
  each_row([&](const Row& row) {
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.samples.empty());
    CHECK((row.order >= 3 || !row.reason.empty()));
    bool empty = false;
    for (const auto& s : row.samples) {
      CHECK(s.call);
      CHECK(s.reference);
      for (const auto& shape : s.shapes) empty |= element_count(shape) == 0;
    }
    CHECK(empty);  // a sample without elements
  });
}

void check_value(const Row& row, const Sample& sample, DType dtype) {
  INFO(name(dtype) << " operands");
  const auto xs = draw(row, sample, dtype);
  const std::vector<Tensor> constants(xs.begin(), xs.end());
  const Tensor y = call(sample.call, constants);
  CHECK(y.dtype() == (is_floating(row.result) ? dtype : row.result));
  const bool elementwise = static_cast<bool>(row.scalar);
  CHECK_SAME(y, sample.reference(values(xs)), 16 * rounding(y.dtype()) * row.tolerance_scale, elementwise);
}

TEST_CASE("table: value against the reference") {
  each_sample([](const Row& row, const Sample& sample) {
    bool floats = false;
    for (std::size_t i = 0; i < sample.shapes.size(); ++i) floats |= is_float(row, i);
    check_value(row, sample, f64);
    if (floats) check_value(row, sample, f32);
    if (floats && row.integers) check_value(row, sample, i64);
  });
}

TEST_CASE("table: functions of floats take integers as f32") {
  each_sample([](const Row& row, const Sample& sample) {
    if (!row.scalar || row.integers || row.integers_apart || row.order == 0) return;
    const auto xs = draw(row, sample, i64);
    std::vector<Tensor> integers;
    std::vector<Tensor> floats;
    for (const auto& x : xs) {
      integers.emplace_back(x);
      floats.push_back(x.dtype() == i64 ? integers.back().to(f32) : integers.back());
    }
    const Tensor y = call(sample.call, integers);
    if (y.dtype() == i64) return;  // an operation of integers, too
    CHECK(y.dtype() == f32);
    CHECK_SAME(y, call(sample.call, floats), 0);
  });
}

TEST_CASE("table: other memory layouts give the same values") {
  each_sample([](const Row& row, const Sample& sample) {
    for (const auto layout : {Layout::transposed, Layout::stepped, Layout::stretched}) {
      INFO("layout " << static_cast<int>(layout));
      std::vector<Array> odd;
      std::vector<Array> plain;
      for (const auto& x : draw(row, sample, f64)) {
        odd.push_back(laid_out(x, layout));
        plain.push_back(own_copy(odd.back()));
      }
      const auto odd_xs = variables(odd);
      const auto plain_xs = variables(plain);
      const Tensor y = call(sample.call, odd_xs);
      const Tensor z = call(sample.call, plain_xs);
      CHECK_SAME(y, z, 1e-14 * row.tolerance_scale);
      if (row.order == 0) continue;
      const Array w = laid_out(random_like(z.shape(), z.dtype(), 3), layout);
      const auto g = gradients(y, odd_xs, w);
      const auto h = gradients(z, plain_xs, own_copy(w));
      for (std::size_t i = 0; i < g.size(); ++i) {
        INFO("gradient in operand " << i);
        if (g[i].defined()) CHECK_SAME(g[i], h[i], 1e-14 * row.tolerance_scale);
      }
    }
  });
}

/// A view of the same memory, with another handle.
Array alias(const Array& x) { return Array::view_of(x, x.shape(), x.strides()); }

TEST_CASE("table: operands keep their values, and temporaries give the same as named operands") {
  each_sample([](const Row& row, const Sample& sample) {
    const auto xs = draw(row, sample, f64);
    std::vector<std::string> before;
    for (const auto& x : xs) before.push_back(bytes(x));
    const auto unchanged = [&](const std::vector<Array>& arrays) {
      for (std::size_t i = 0; i < arrays.size(); ++i) {
        INFO("operand " << i);
        CHECK(bytes(arrays[i]) == before[i]);
      }
    };

    const auto named = variables(xs);
    const Tensor y = call(sample.call, named);
    unchanged(xs);
    const std::string result = bytes(y.value());
    const Array w = random_like(y.shape(), f64, 5);
    std::vector<Tensor> wanted;
    if (row.order > 0) {
      wanted = gradients(y, named, w);
      unchanged(xs);
      CHECK(bytes(y.value()) == result);
    }

    // Memory shared with another handle or a copy of this one.
    for (const bool view : {false, true}) {
      INFO((view ? "temporaries that share their memory with a view" : "temporaries with copies"));
      std::vector<Array> shared;
      std::vector<Array> holders;
      for (const auto& x : xs) {
        shared.push_back(own_copy(x));
        holders.push_back(view ? alias(shared.back()) : shared.back());
      }
      std::vector<Tensor> temporaries(shared.begin(), shared.end());
      shared.clear();
      CHECK(bytes(call_moved(sample.call, std::move(temporaries)).value()) == result);
      unchanged(holders);
    }

    // Unshared memory: it may be overwritten unless a pullback needs it.
    std::vector<Tensor> temporaries;
    std::vector<Tensor> handles;  // of the same variables, without their memory
    for (const auto& x : xs) {
      Array value = own_copy(x);
      temporaries.push_back(is_floating(x.dtype()) ? variable(std::move(value)) : Tensor(std::move(value)));
      handles.emplace_back(own_copy(x), temporaries.back().node());
    }
    Tensor z = call_moved(sample.call, std::move(temporaries));
    CHECK(bytes(z.value()) == result);
    if (row.order == 0) return;
    z = -std::move(z);  // may reuse the result's memory, unless a pullback needs it
    const auto g = gradients(z, handles, Tensor(array(values(-Tensor(w)), f64)));
    for (std::size_t i = 0; i < g.size(); ++i) {
      INFO("gradient in operand " << i << " as a temporary");
      if (g[i].defined()) CHECK_SAME(g[i], wanted[i], 0);
    }
  });
}

template <class E>
void check_rejection(const Rejection& r, bool has_line) {
  try {
    r.call();
    FAIL_CHECK("nothing was thrown");
  } catch (const E& e) {
    CHECK_THAT(e.what(), contains(r.part));
    CHECK_THAT(e.what(), contains("expected:"));
    CHECK_THAT(e.what(), contains("got:"));
    // The line of the call, which is in this file or in that of the row, and not in the library.
    if (has_line) CHECK_THAT(e.what(), contains("\n  at:       "));
  } catch (const std::exception& e) {
    FAIL_CHECK("an error of another type: " << e.what());
  }
}

TEST_CASE("table: invalid operands raise the expected errors") {
  each_row([](const Row& row) {
    for (std::size_t i = 0; i < row.rejects.size(); ++i) {
      const auto& r = row.rejects[i];
      INFO("rejection " << i << " of " << row.name << ", expected message: " << r.part);
      switch (r.error) {
        case Error::shape: check_rejection<ShapeError>(r, !row.no_line); break;
        case Error::dtype: check_rejection<DTypeError>(r, !row.no_line); break;
        case Error::value: check_rejection<ValueError>(r, !row.no_line); break;
        case Error::numerical: check_rejection<NumericalError>(r, !row.no_line); break;
      }
    }
  });
}

}  // namespace
}  // namespace newtape::table
