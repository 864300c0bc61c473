// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/einsum.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/contraction.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <algorithm>
#include <string>

namespace newtape {

using detail::Labeled;
using detail::Labels;

namespace {

using Names = std::vector<unsigned>;

constexpr std::size_t max_labels = 64;

std::string quoted(std::string_view text) { return std::string(1, '\'').append(text).append(1, '\''); }

/// A parsed expression for operands of given shapes.
class Einsum {
 public:
  std::vector<Names> operands;  ///< a name for each axis; a repeated name selects the diagonal
  Names output;
  std::vector<std::int64_t> lengths;  ///< of each name

  Einsum(std::string_view expression, const std::vector<Shape>& shapes) : text_(expression), shapes_(shapes) {
    std::string packed;
    std::copy_if(expression.begin(), expression.end(), std::back_inserter(packed), [](char c) { return c != ' '; });
    const auto arrow = packed.find("->");
    const std::string inputs = packed.substr(0, arrow);
    std::vector<std::string> terms;
    for (std::size_t begin = 0;;) {
      const auto comma = inputs.find(',', begin);
      terms.push_back(inputs.substr(begin, comma - begin));
      if (comma == std::string::npos) break;
      begin = comma + 1;
    }
    if (terms.size() != shapes.size()) {
      fail<ValueError>("the expression must have one term for each operand", std::to_string(shapes.size()) + " terms");
    }
    for (std::size_t i = 0; i < terms.size(); ++i) operands.push_back(read(terms[i], shapes[i]));
    measure();
    if (arrow == std::string::npos) {
      infer_output();
    } else {
      read_output(packed.substr(arrow + 2));
    }
  }

  Labels output_set() const { return Labeled{{}, output}.set(); }

  template <class E>
  [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
    std::string got = quoted(text_) + " of";
    for (std::size_t i = 0; i < shapes_.size(); ++i) got += (i == 0 ? " " : ", ") + to_string(shapes_[i]);
    raise<E>("einsum: " + what, expected, got);
  }

 private:
  std::string_view text_;
  const std::vector<Shape>& shapes_;
  std::vector<char> letters_;       // of each name; '.' for the axes of an ellipsis
  std::vector<unsigned> ellipsis_;  // the names of the ellipsis axes, from the last axis on

  unsigned add(char letter) {
    if (letters_.size() == max_labels) fail<ValueError>("too many axes", "at most 64 different ones");
    letters_.push_back(letter);
    return static_cast<unsigned>(letters_.size() - 1);
  }
  unsigned named(char letter) {
    if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) {
      fail<ValueError>(quoted({&letter, 1}) + " is not an axis name", "letters, '...', ',' and '->'");
    }
    const auto at = std::find(letters_.begin(), letters_.end(), letter);
    return at == letters_.end() ? add(letter) : static_cast<unsigned>(at - letters_.begin());
  }
  /// The term without its ellipsis; `at` is the ellipsis's position (npos: none).
  std::string without_ellipsis(const std::string& term, std::size_t& at) const {
    at = term.find("...");
    return at == std::string::npos ? term : term.substr(0, at) + term.substr(at + 3);
  }

  Names read(const std::string& term, const Shape& shape) {
    std::size_t at = 0;
    const std::string letters = without_ellipsis(term, at);
    const std::size_t axes = shape.size();
    if (at == std::string::npos ? letters.size() != axes : letters.size() > axes) {
      fail<ShapeError>("the term " + quoted(term) + " must match the axes of its operand",
                       std::to_string(letters.size()) + (at == std::string::npos ? " axes" : " or more axes"));
    }
    Names names;
    for (std::size_t i = 0; i <= letters.size(); ++i) {
      if (i == at) {
        const std::size_t covered = axes - letters.size();
        while (ellipsis_.size() < covered) ellipsis_.push_back(add('.'));
        for (std::size_t k = covered; k-- > 0;) names.push_back(ellipsis_[k]);
      }
      if (i < letters.size()) names.push_back(named(letters[i]));
    }
    return names;
  }

  void measure() {
    lengths.assign(letters_.size(), 1);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      for (std::size_t axis = 0; axis < operands[i].size(); ++axis) {
        const auto n = shapes_[i][axis];
        auto& length = lengths[operands[i][axis]];
        if (n != 1 && length != 1 && n != length) mismatch(operands[i][axis]);
        if (n != 1) length = n;
        // A diagonal does not broadcast.
        for (std::size_t other = 0; other < axis; ++other) {
          if (operands[i][other] == operands[i][axis] && shapes_[i][other] != n) mismatch(operands[i][axis]);
        }
      }
    }
  }
  [[noreturn]] void mismatch(unsigned name) const {
    const std::string what = letters_[name] == '.' ? "'...'" : quoted({&letters_[name], 1});
    fail<ShapeError>("the lengths along " + what + " must agree", "equal lengths, or 1");
  }

  void infer_output() {
    output.assign(ellipsis_.rbegin(), ellipsis_.rend());
    Names once;
    for (unsigned name = 0; name < letters_.size(); ++name) {
      std::ptrdiff_t uses = 0;
      for (const auto& names : operands) uses += std::count(names.begin(), names.end(), name);
      if (letters_[name] != '.' && uses == 1) once.push_back(name);
    }
    std::sort(once.begin(), once.end(), [this](unsigned a, unsigned b) { return letters_[a] < letters_[b]; });
    output.insert(output.end(), once.begin(), once.end());
  }

  void read_output(const std::string& term) {
    std::size_t at = 0;
    const std::string letters = without_ellipsis(term, at);
    for (std::size_t i = 0; i <= letters.size(); ++i) {
      if (i == at) output.insert(output.end(), ellipsis_.rbegin(), ellipsis_.rend());
      if (i == letters.size()) break;
      const auto known = letters_.size();
      const unsigned name = named(letters[i]);
      if (name >= known) {
        fail<ValueError>("the output's " + quoted({&letters[i], 1}) + " must occur in a term",
                         "letters of the operands");
      }
      if (std::find(output.begin(), output.end(), name) != output.end()) {
        fail<ValueError>("the output has " + quoted({&letters[i], 1}) + " twice", "each letter once");
      }
      output.push_back(name);
    }
  }
};

/// The diagonal over axes i and j, as a new last axis.
Tensor diagonal_of(const Tensor& x, std::size_t i, std::size_t j) {
  Dims order;
  Shape shape;
  for (std::size_t k = 0; k < x.ndim(); ++k) {
    if (k == i || k == j) continue;
    order.push_back(static_cast<std::int64_t>(k));
    shape.push_back(x.shape()[k]);
  }
  order.push_back(static_cast<std::int64_t>(i));
  order.push_back(static_cast<std::int64_t>(j));
  const auto n = x.shape()[i];
  shape.push_back(n * n);
  return slice(reshape(permute(x, order), shape), -1, 0, n * n, n + 1);
}

/// The operand with diagonals taken of repeated names, and without the axes along which it broadcasts.
Labeled prepared(Tensor x, Names names, const std::vector<std::int64_t>& lengths) {
  for (std::size_t j = 0; j < names.size(); ++j) {
    const auto i = static_cast<std::size_t>(std::find(names.begin(), names.end(), names[j]) - names.begin());
    if (i == j) continue;
    x = diagonal_of(x, i, j);
    const auto name = names[j];
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(j));
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(i));
    names.push_back(name);
    j = 0;  // the axes have changed: restart
  }
  Dims broadcast;
  Names kept;
  for (std::size_t axis = 0; axis < names.size(); ++axis) {
    if (x.shape()[axis] == 1 && lengths[names[axis]] != 1) {
      broadcast.push_back(static_cast<std::int64_t>(axis));
    } else {
      kept.push_back(names[axis]);
    }
  }
  if (!broadcast.empty()) x = squeeze(x, broadcast);
  return {std::move(x), std::move(kept)};
}

std::vector<double> as_doubles(const std::vector<std::int64_t>& lengths) { return {lengths.begin(), lengths.end()}; }

}  // namespace

Tensor einsum(std::string_view expression, const std::vector<Tensor>& operands, SourceLocation location) {
  const CallSite here(location);
  std::vector<Shape> shapes;
  for (const auto& x : operands) shapes.push_back(x.shape());
  const Einsum e(expression, shapes);
  std::vector<Labeled> list;
  std::vector<Labels> sets;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    expect_computed("einsum", operands[i].value());
    if (operands[i].dtype() != operands[0].dtype() || operands[i].dtype() == boolean) {
      raise<DTypeError>("einsum: the operands must have the same dtype", "f32, f64 or i64",
                        quoted(expression) + " of " + std::string(name(operands[0].dtype())) + " and " +
                            std::string(name(operands[i].dtype())));
    }
    list.push_back(prepared(operands[i], e.operands[i], e.lengths));
    sets.push_back(list.back().set());
  }
  for (const auto& [i, j] : detail::contraction_path(sets, e.output_set(), as_doubles(e.lengths)).steps) {
    const Labeled a = std::move(list[i]);
    const Labeled b = std::move(list[j]);
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(j));
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    Labels keep = e.output_set();
    for (const auto& other : list) keep |= other.set();
    list.push_back(detail::contract(a, b, keep));
  }
  const Labeled result = detail::sum_out(std::move(list[0]), e.output_set());
  // An identity expression still records an operation rather than returning the operand itself.
  if (operands.size() == 1 && result.labels == e.output) return reshape(result.tensor, result.tensor.shape());
  return detail::arranged(result, e.output);
}

EinsumPath einsum_path(std::string_view expression, const std::vector<Shape>& shapes) {
  const Einsum e(expression, shapes);
  std::vector<Labels> sets;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    Labels set = 0;
    for (std::size_t axis = 0; axis < shapes[i].size(); ++axis) {
      const auto name = e.operands[i][axis];
      if (shapes[i][axis] != 1 || e.lengths[name] == 1) set |= Labels{1} << name;
    }
    sets.push_back(set);
  }
  auto path = detail::contraction_path(sets, e.output_set(), as_doubles(e.lengths));
  return {std::move(path.steps), path.multiplications};
}

Tensor tensordot(In a, In b, std::int64_t n) {
  if (n < 0 || n > static_cast<std::int64_t>(std::min(a.ndim(), b.ndim()))) {
    raise<ShapeError>("tensordot: n must not exceed the number of axes", std::to_string(n) + " axes or more",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  Dims axes_a;
  Dims axes_b;
  for (std::int64_t i = 0; i < n; ++i) {
    axes_a.push_back(i - n);
    axes_b.push_back(i);
  }
  return tensordot(a, b, axes_a, axes_b);
}

Tensor tensordot(In a, In b, const Dims& axes_a, const Dims& axes_b) {
  const auto got = [&] {
    return "a " + to_string(a.shape()) + " along " + to_string(axes_a) + ", b " + to_string(b.shape()) + " along " +
           to_string(axes_b);
  };
  if (axes_a.size() != axes_b.size()) {
    raise<ShapeError>("tensordot: axes_a and axes_b must have the same length", "pairs of axes", got());
  }
  expect_computed("tensordot", a.value());
  if (a.dtype() != b.dtype() || a.dtype() == boolean) {
    raise<DTypeError>("tensordot: the operands must have the same dtype", "f32, f64 or i64",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
  // The axes of a are named from 0, those of b from a.ndim(); contracted axes of b get the names of a's.
  if (a.ndim() + b.ndim() > max_labels) raise<ShapeError>("tensordot: too many axes", "at most 64 in total", got());
  Labeled x{a, Names(a.ndim())};
  Labeled y{b, Names(b.ndim())};
  for (std::size_t i = 0; i < a.ndim(); ++i) x.labels[i] = static_cast<unsigned>(i);
  for (std::size_t i = 0; i < b.ndim(); ++i) y.labels[i] = static_cast<unsigned>(a.ndim() + i);
  Labels keep = x.set() | y.set();
  for (std::size_t k = 0; k < axes_a.size(); ++k) {
    const auto i = normalize_axis("tensordot", axes_a[k], a.ndim());
    const auto j = normalize_axis("tensordot", axes_b[k], b.ndim());
    const bool repeated = (keep >> i & 1) == 0 || y.labels[j] < a.ndim();
    if (repeated) raise<ValueError>("tensordot: an axis is given twice", "distinct axes", got());
    if (a.shape()[i] != b.shape()[j]) {
      raise<ShapeError>("tensordot: the lengths of paired axes must agree", "equal lengths", got());
    }
    y.labels[j] = static_cast<unsigned>(i);
    keep &= ~(Labels{1} << i);
  }
  return detail::contract(std::move(x), std::move(y), keep).tensor;
}

}  // namespace newtape
