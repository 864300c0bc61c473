// SPDX-License-Identifier: BSD-3-Clause
// The table of operations. A row describes an operation; the driver (driver*.cpp) runs every check for every row. To
// add an operation to the table, add a row to a file in rows/, or a file with another `const Rows`.
#pragma once

#include <newtape/autograd/tape.hpp>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace newtape::table {

/// The operands of one call. Each is moved out, so that temporaries stay temporaries: use each once.
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

/// Numbers in C order, as operands and results of references.
struct Values {
  Shape shape;
  std::vector<long double> data;

  explicit Values(Shape of, long double value = 0)
      : shape(std::move(of)), data(static_cast<std::size_t>(element_count(shape)), value) {}
  /// The element at `index`, with broadcasting: axes of length 1 accept any index, surplus leading indices are ignored.
  const long double& operator[](const Dims& index) const { return data[position(index)]; }
  long double& operator[](const Dims& index) { return data[position(index)]; }

 private:
  std::size_t position(const Dims& index) const;
};
using Reference = std::function<Values(const std::vector<Values>&)>;
/// One element of the result from one element of each operand.
using Scalar = std::function<long double(const long double*)>;

/// The range of an operand's numbers.
struct Domain {
  double low = -2, high = 2;       ///< samples are drawn between these
  std::vector<double> avoid = {};  ///< corners and poles, from which samples keep a distance
  /// Extreme values are tested between these two (exclusive).
  double above = -std::numeric_limits<double>::infinity();
  double below = std::numeric_limits<double>::infinity();
  bool whole = false;  ///< integers only, so that zeros and equal elements occur
  DType dtype = f64;   ///< i64, boolean, or any float for the dtype under test
};

/// One call of the operation: shapes of the operands, and call and reference unless the row has them.
struct Sample {
  std::vector<Shape> shapes;
  Call call = {};
  Reference reference = {};
  std::vector<Values> operands = {};  ///< drawn unless given; the reference is right for these only
};

enum class Error { shape, dtype, value, numerical };

/// A call that must throw: the type of the error, and a part of its message.
struct Rejection {
  Error error;
  std::string part;
  std::function<void()> call;
};

/// Operands (vectors) with known gradients where differences do not apply: at corners and ties.
struct Known {
  std::vector<std::vector<double>> at;
  std::vector<std::vector<double>> gradient;
  Call call = {};
};

struct Row {
  std::string name;
  Call call = {};
  /// For elementwise operations, for which the driver generates the samples.
  Scalar scalar = {};
  std::vector<Domain> domains = {{}};  ///< one for each operand; the last applies to all further operands
  std::vector<Sample> samples = {};
  std::vector<Rejection> rejects = {};
  std::vector<Known> known = {};
  /// Registered operations that this row tests; default: the one of the row's name.
  std::vector<std::string> covers = {};
  bool composite = false;       ///< composed of other operations, registers none
  bool distinct = false;        ///< elements of the operands must differ clearly, as the operation compares them
  bool integers = false;        ///< also accepts i64
  bool integers_apart = false;  ///< i64 has a row of its own, with other domains
  bool length = false;          ///< a length: no second derivative where it is 0 (tests/autograd/ops/kink_test.cpp)
  DType result = f64;           ///< i64, boolean, or any float for the dtype of the operands
  int order = 3;                ///< highest order of derivatives; 0: a constant
  std::string reason = {};      ///< why `order` is below 3
  double tolerance_scale = 1;   ///< factor of the usual tolerance of the value
  double step = 0;              ///< gradcheck's step
  bool no_line = false;         ///< its operands are functions, whose errors have the lines in them or none
};

/// All rows, in order of name.
const std::vector<Row>& rows();

/// Adds rows to the table: `static const Rows family{{.name = "add", ...}, ...};`.
struct Rows {
  Rows(std::vector<Row> added);
};

/// The pullback of a linear function of an array of this shape, as a function of the cotangent: for operations that
/// only occur in pullbacks.
Tensor pulled_back(const std::function<Tensor(const Tensor&)>& f, const Shape& shape, const Tensor& cotangent);

// --- references ---

/// Calls f(index) for every index of an array of this shape, in C order.
void for_each_index(const Shape& shape, const std::function<void(const Dims&)>& f);
/// result[index] = x[from(index)] for the first operand x and a result of shape `out`.
Reference picks(Shape out, std::function<Dims(const Dims&)> from);
/// result[to(index)] += x[index] for the first operand x and a result of shape `out`.
Reference adds(Shape out, std::function<Dims(const Dims&)> to);

using Elements = std::vector<long double>;
/// Reduction of the first operand: applies `fold` to the elements, in C order, of each result. `axes` in [0, ndim),
/// sorted.
Reference folds(Dims axes, bool keepdims, std::function<long double(const Elements&)> fold);
/// Applies f to the rows of the operands along `axis` (from 0); the operands broadcast along all other axes.
Reference along(std::size_t axis, std::function<Elements(const std::vector<Elements>&)> f);

}  // namespace newtape::table
