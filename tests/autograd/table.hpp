// SPDX-License-Identifier: BSD-3-Clause
// The table of operations. A row says what an operation is; the driver (driver*.cpp) puts every row through every
// check. To add an operation to the table, add a row to a file in rows/, or a file with a `const Rows` of its own.
#pragma once

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/tape.hpp>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace newtape::table {

/// The operands of one call. Each is moved out, so that an operand that is a temporary stays one: use each once.
class Args {
 public:
  explicit Args(std::vector<In> operands) : operands_(std::move(operands)) {}
  In operator[](std::size_t i) { return std::move(operands_[i]); }
  /// For operations that take a list.
  std::vector<Tensor> list() { return {operands_.begin(), operands_.end()}; }

 private:
  std::vector<In> operands_;
};
using Call = std::function<Tensor(Args&)>;

/// Numbers in C order: what references compute with.
struct Values {
  Shape shape;
  std::vector<long double> data;

  explicit Values(Shape of, long double value = 0)
      : shape(std::move(of)), data(static_cast<std::size_t>(element_count(shape)), value) {}
  /// The element at `index`; along axes of length 1 any index will do, and leading indices too many are ignored, as in
  /// broadcasting.
  const long double& operator[](const Dims& index) const { return data[position(index)]; }
  long double& operator[](const Dims& index) { return data[position(index)]; }

 private:
  std::size_t position(const Dims& index) const;
};
using Reference = std::function<Values(const std::vector<Values>&)>;
/// One element of the result from one element of each operand.
using Scalar = std::function<long double(const long double*)>;

/// Which numbers an operand holds.
struct Domain {
  double low = -2, high = 2;       ///< samples are drawn between these
  std::vector<double> avoid = {};  ///< corners and poles: samples keep clear of them
  /// Extreme values are tried between these two, both excluded.
  double above = -std::numeric_limits<double>::infinity();
  double below = std::numeric_limits<double>::infinity();
  bool whole = false;  ///< whole numbers only: zeros and equal elements occur
  DType dtype = f64;   ///< i64 or boolean: not a float. Any float: the dtype under test.
};

/// One way to call the operation: shapes of the operands, and, unless the row has them, call and reference.
struct Sample {
  std::vector<Shape> shapes;
  Call call = {};
  Reference reference = {};
};

enum class Error { shape, dtype, value, numerical };

/// A call that must throw: which error, with which part in its message.
struct Rejection {
  Error error;
  std::string part;
  std::function<void()> call;
};

/// Operands (vectors) whose gradients have a known value, where differences cannot tell: at corners and ties.
struct Known {
  std::vector<std::vector<double>> at;
  std::vector<std::vector<double>> gradient;
  Call call = {};
};

struct Row {
  std::string name;
  Call call = {};
  /// Elementwise operations have this, and the driver makes up the samples.
  Scalar scalar = {};
  std::vector<Domain> domains = {{}};  ///< one for each operand; the last one serves all further operands
  std::vector<Sample> samples = {};
  std::vector<Rejection> rejects = {};
  std::vector<Known> known = {};
  /// Registered operations that this row tests; without any, that of its own name.
  std::vector<std::string> covers = {};
  bool composite = false;      ///< made of other operations, registers none
  bool distinct = false;       ///< no two elements of the operands may be close: the operation compares them
  bool integers = false;       ///< takes i64 too
  DType result = f64;          ///< i64 or boolean: always that. Any float: the dtype of the operands.
  int order = 3;               ///< differentiable so often; 0: a constant
  std::string reason = {};     ///< why not three times
  double tolerance_scale = 1;  ///< how many times the usual rounding error the value may have
  double step = 0;             ///< of gradcheck
};

/// All rows, in order of name.
const std::vector<Row>& rows();

/// Adds rows to the table: `static const Rows family{{.name = "add", ...}, ...};`.
struct Rows {
  Rows(std::vector<Row> added);
};

/// The pullback of a linear function of an array of this shape, as an operation on the cotangent: for operations that
/// occur in pullbacks only.
Tensor pulled_back(const std::function<Tensor(const Tensor&)>& f, const Shape& shape, const Tensor& cotangent);

// --- references ---

/// Calls f(index) for every index of an array of this shape, in C order.
void for_each_index(const Shape& shape, const std::function<void(const Dims&)>& f);
/// The result, of shape `out`, has at every index an element of the first operand: that at `from(index)`.
Reference picks(Shape out, std::function<Dims(const Dims&)> from);
/// Every element of the first operand is added to the result, of shape `out`, at `to(index)`.
Reference adds(Shape out, std::function<Dims(const Dims&)> to);

using Elements = std::vector<long double>;
/// Collects, for each element of the result, the elements of the first operand that it is made of, in C order, and
/// folds them. `axes` as they are: in [0, ndim), sorted.
Reference folds(Dims axes, bool keepdims, std::function<long double(const Elements&)> fold);
/// Makes rows along `axis` (from 0) of rows of the operands, which broadcast along all other axes.
Reference along(std::size_t axis, std::function<Elements(const std::vector<Elements>&)> f);

}  // namespace newtape::table
