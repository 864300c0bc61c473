// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/einsum.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

/// The sum of the operands' products over all letters that are not in `output`, by nested loops. `terms` have a letter
/// for each axis.
Reference loops(std::vector<std::string> terms, std::string output) {
  return [=](const std::vector<Values>& x) {
    std::string letters = output;
    for (const auto& t : terms) {
      for (const char c : t) {
        if (letters.find(c) == std::string::npos) letters += c;
      }
    }
    Shape lengths(letters.size(), 1);
    for (std::size_t k = 0; k < terms.size(); ++k) {
      for (std::size_t axis = 0; axis < terms[k].size(); ++axis) {
        if (x[k].shape[axis] != 1) lengths[letters.find(terms[k][axis])] = x[k].shape[axis];
      }
    }
    Values y(Shape(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(output.size())));
    for_each_index(lengths, [&](const Dims& at) {
      long double product = 1;
      for (std::size_t k = 0; k < terms.size(); ++k) {
        Dims i;
        for (const char c : terms[k]) i.push_back(at[letters.find(c)]);
        product *= x[k][i];
      }
      y[Dims(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(output.size()))] += product;
    });
    return y;
  };
}

/// `terms` and `output`: the expanded expression, if the expression is abbreviated.
Sample contracting(const std::string& expression, std::vector<Shape> shapes, std::vector<std::string> terms,
                   std::string output) {
  return {std::move(shapes), [expression](Args& x) { return einsum(expression, x.list()); },
          loops(std::move(terms), std::move(output))};
}

const std::vector<Sample> expressions{
    contracting("ij,jk->ik", {{2, 3}, {3, 4}}, {"ij", "jk"}, "ik"),
    contracting("ij,jk", {{2, 3}, {3, 4}}, {"ij", "jk"}, "ik"),
    contracting("ba", {{2, 3}}, {"ba"}, "ab"),
    contracting("ij->", {{2, 3}}, {"ij"}, ""),
    contracting("ij -> j", {{2, 3}}, {"ij"}, "j"),
    contracting("ii->i", {{3, 3}}, {"ii"}, "i"),
    contracting("ii", {{3, 3}}, {"ii"}, ""),
    contracting("iji->ij", {{2, 3, 2}}, {"iji"}, "ij"),
    contracting("iijj->ji", {{2, 2, 3, 3}}, {"iijj"}, "ji"),
    contracting("iii->i", {{2, 2, 2}}, {"iii"}, "i"),
    contracting("i,j->ji", {{2}, {3}}, {"i", "j"}, "ji"),
    contracting("i,i->", {{5}, {5}}, {"i", "i"}, ""),
    contracting("i,i->i", {{5}, {5}}, {"i", "i"}, "i"),
    contracting("bij,bij->b", {{2, 3, 2}, {2, 3, 2}}, {"bij", "bij"}, "b"),
    contracting("bij,bjk->bik", {{2, 2, 3}, {2, 3, 2}}, {"bij", "bjk"}, "bik"),
    contracting("ibj,jkb->kib", {{2, 2, 3}, {3, 2, 2}}, {"ibj", "jkb"}, "kib"),
    contracting("ijk,kjl->il", {{2, 3, 2}, {2, 3, 2}}, {"ijk", "kjl"}, "il"),
    contracting("ijx,jky->ik", {{2, 3, 2}, {3, 2, 2}}, {"ijx", "jky"}, "ik"),
    contracting("...ij,...jk->...ik", {{2, 2, 3}, {3, 2}}, {"aij", "jk"}, "aik"),
    contracting("...i,i...", {{2, 3}, {3, 2}}, {"ai", "ia"}, "a"),
    contracting("i...->...", {{2, 3, 2}}, {"iab"}, "ab"),
    contracting("...i->i", {{2, 3, 2}}, {"abi"}, "i"),
    contracting("...,...", {{2, 1}, {3}}, {"ab", "b"}, "ab"),
    contracting("ij,ij->ij", {{1, 3}, {2, 1}}, {"ij", "ij"}, "ij"),
    contracting("ij,jk->ik", {{2, 1}, {3, 2}}, {"ij", "jk"}, "ik"),
    contracting("ij,j->i", {{2, 1}, {1}}, {"ij", "j"}, "i"),
    contracting("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 3}}, {"ij", "jk", "kl"}, "il"),
    contracting("ij,ik,il->jkl", {{2, 2}, {2, 3}, {2, 1}}, {"ij", "ik", "il"}, "jkl"),
    contracting("a,ab,b,c->c", {{2}, {2, 3}, {3}, {2}}, {"a", "ab", "b", "c"}, "c"),
    contracting(",i->i", {{}, {3}}, {"", "i"}, "i"),
    contracting("", {{}}, {""}, ""),
    contracting("ij,jk->ik", {{0, 3}, {3, 2}}, {"ij", "jk"}, "ik"),
    contracting("ij,jk->ik", {{2, 0}, {0, 3}}, {"ij", "jk"}, "ik"),
    contracting("bi,bi->b", {{2, 0}, {2, 0}}, {"bi", "bi"}, "b"),
    contracting("ii->i", {{0, 0}}, {"ii"}, "i"),
};

/// More operands than contraction_path orders optimally.
const std::vector<Sample> chains{
    contracting("ab,bc,cd,de,ef,fg,gh,hi,ij->aj",
                {{1, 2}, {2, 1}, {1, 2}, {2, 2}, {2, 1}, {1, 2}, {2, 1}, {1, 2}, {2, 1}},
                {"ab", "bc", "cd", "de", "ef", "fg", "gh", "hi", "ij"}, "aj"),
    contracting("ab,bc->ac", {{0, 1}, {1, 2}}, {"ab", "bc"}, "ac"),
};

std::function<void()> call_of(std::string expression, std::vector<Shape> shapes) {
  return [=] {
    std::vector<Tensor> operands;
    for (const auto& s : shapes) operands.push_back(of(s));
    einsum(expression, operands);
  };
}

Sample meeting(Shape a, Shape b, std::int64_t n, std::vector<std::string> terms, std::string output) {
  return {{a, b}, [n](Args& x) { return tensordot(x[0], x[1], n); }, loops(std::move(terms), std::move(output))};
}
Sample meeting(Shape a, Shape b, Dims axes_a, Dims axes_b, std::vector<std::string> terms, std::string output) {
  return {{a, b},
          [axes_a, axes_b](Args& x) { return tensordot(x[0], x[1], axes_a, axes_b); },
          loops(std::move(terms), std::move(output))};
}

const Rows sums_of_products{{
    {.name = "einsum",
     .samples = expressions,
     .rejects = {{Error::value, "'ij,jk' of [2, 3]", call_of("ij,jk", {{2, 3}})},
                 {Error::value, "einsum", call_of("ij", {{2, 3}, {3, 2}})},
                 {Error::value, "einsum", call_of("", {})},
                 {Error::shape, "'ijk'", call_of("ijk", {{2, 3}})},
                 {Error::shape, "'i'", call_of("i", {{2, 3}})},
                 {Error::shape, "'ij...k'", call_of("ij...k", {{2, 3}})},
                 {Error::shape, "along 'j'", call_of("ij,jk", {{2, 3}, {4, 2}})},
                 {Error::shape, "along '...'", call_of("...,...", {{2, 3}, {2, 2}})},
                 {Error::shape, "along 'i'", call_of("ii", {{2, 3}})},
                 {Error::shape, "along 'i'", call_of("ii", {{1, 3}})},
                 {Error::value, "the output's 'k'", call_of("ij->ik", {{2, 3}})},
                 {Error::value, "twice", call_of("ij->ii", {{2, 3}})},
                 {Error::value, "'1'", call_of("i1", {{2, 3}})},
                 {Error::value, "is not an axis name", call_of("ij->i.", {{2, 3}})},
                 {Error::value, "is not an axis name", call_of("ij->i->j", {{2, 3}})},
                 {Error::dtype, "f32 and f64",
                  [] {
                    einsum("i,i", {of({2}), of({2}, f64)});
                  }}},
     .composite = true,
     .integers = true},
    {.name = "einsum of many", .samples = chains, .composite = true},
    {.name = "tensordot",
     .samples = {meeting({2, 3}, {2, 3, 2}, 0, {"ab", "cde"}, "abcde"), meeting({2, 3}, {3, 2}, 1, {"ab", "bc"}, "ac"),
                 meeting({2, 3, 2}, {3, 2, 2}, 2, {"abc", "bcd"}, "ad"), meeting({2, 3}, {2, 3}, 2, {"ab", "ab"}, ""),
                 meeting({2, 3, 2}, {2, 2, 3}, {-1, 1}, {0, 2}, {"abc", "cdb"}, "ad"),
                 meeting({2, 0}, {0, 2}, 1, {"ab", "bc"}, "ac")},
     .rejects = {{Error::shape, "tensordot", [] { tensordot(of({2, 3}), of({3}), 2); }},
                 {Error::shape, "tensordot", [] { tensordot(of({2, 3}), of({2}), 1); }},
                 {Error::shape, "the same length", [] { tensordot(of({2, 3}), of({2}), Dims{0}, Dims{}); }},
                 {Error::shape, "out of range", [] { tensordot(of({2, 3}), of({2}), Dims{2}, Dims{0}); }},
                 {Error::value, "twice", [] { tensordot(of({2, 2}), of({2, 2}), Dims{0, -2}, Dims{0, 1}); }},
                 {Error::value, "twice", [] { tensordot(of({2, 2}), of({2, 2}), Dims{0, 1}, Dims{1, 1}); }},
                 {Error::dtype, "tensordot", [] { tensordot(of({2}), of({2}, f64), 1); }}},
     .composite = true,
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
