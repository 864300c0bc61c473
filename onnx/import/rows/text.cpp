// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/rows/rows.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

/// Strings, and counts of n-grams.
namespace newtape::onnx::detail {
namespace {

std::string folded(std::string text, bool upper) {
  // ASCII only: other letters stay as they are.
  std::transform(text.begin(), text.end(), text.begin(), [&](unsigned char ch) {
    return static_cast<char>(ch < 128 ? (upper ? std::toupper(ch) : std::tolower(ch)) : ch);
  });
  return text;
}

Results string_normalizer(Call& c) {
  const auto change = c.text("case_change_action", "NONE");
  const bool sensitive = c.integer("is_case_sensitive", 0) != 0;
  const Strings& in = c.value(0).strings();
  if (in.shape.size() > 2 || in.shape.empty() || (in.shape.size() == 2 && in.shape[0] != 1)) {
    c.fail("the input must be a vector of strings", "[n] or [1, n]", to_string(in.shape));
  }
  const auto stop = c.texts("stopwords");
  Strings out;
  for (const auto& text : in.values) {
    const bool stopped = std::any_of(stop.begin(), stop.end(), [&](std::string_view word) {
      return sensitive ? text == word : folded(text, false) == folded(std::string(word), false);
    });
    if (!stopped) out.values.push_back(change == "NONE" ? text : folded(text, change == "UPPER"));
  }
  if (out.values.empty()) out.values.emplace_back();
  const auto n = static_cast<std::int64_t>(out.values.size());
  out.shape = in.shape.size() == 2 ? Shape{1, n} : Shape{n};
  return {Value(std::move(out))};
}

/// The n-grams of a pool by their words; each has its place in the output.
template <class Word>
std::map<std::vector<Word>, std::size_t> ngrams(Call& c, const std::vector<Word>& pool) {
  const Dims counts = c.integers("ngram_counts");
  std::map<std::vector<Word>, std::size_t> known;
  std::size_t index = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const auto begin = static_cast<std::size_t>(counts[k]);
    const auto end = k + 1 < counts.size() ? static_cast<std::size_t>(counts[k + 1]) : pool.size();
    if (begin > end || end > pool.size() || (end - begin) % (k + 1) != 0) c.fail("ngram_counts do not fit the pool");
    for (std::size_t at = begin; at < end; at += k + 1) {
      const auto from = pool.begin() + static_cast<std::ptrdiff_t>(at);
      known.emplace(std::vector<Word>(from, from + static_cast<std::ptrdiff_t>(k + 1)), index++);
    }
  }
  if (c.integers("ngram_indexes").size() != index) c.fail("ngram_indexes do not fit the pool");
  return known;
}

template <class Word>
Results count_ngrams(Call& c, const std::vector<Word>& pool, const std::vector<Word>& words, const Shape& shape) {
  const auto known = ngrams(c, pool);
  const Dims places = c.integers("ngram_indexes");
  const std::vector<double> weights = c.reals("weights");
  const auto shortest = c.integer("min_gram_length"), longest = c.integer("max_gram_length");
  const auto skips = c.integer("max_skip_count");
  const auto mode = c.text("mode", "TF");
  const bool is_matrix = shape.size() == 2;
  const auto rows = is_matrix ? shape[0] : 1, n = shape.back();
  const auto width = places.empty() ? 0 : *std::max_element(places.begin(), places.end()) + 1;
  std::vector<double> counts(static_cast<std::size_t>(rows * width), 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (auto length = shortest; length <= longest; ++length) {
      // Single words have nothing to skip.
      for (std::int64_t skip = 0; skip <= (length == 1 ? 0 : skips); ++skip) {
        for (std::int64_t at = 0; at + (length - 1) * (skip + 1) < n; ++at) {
          std::vector<Word> gram;
          for (std::int64_t k = 0; k < length; ++k) {
            gram.push_back(words[static_cast<std::size_t>(row * n + at + k * (skip + 1))]);
          }
          const auto found = known.find(gram);
          if (found != known.end()) counts[static_cast<std::size_t>(row * width + places[found->second])] += 1;
        }
      }
    }
  }
  if (mode != "TF") {
    for (const auto& [gram, index] : known) {
      const double weight = weights.empty() ? 1 : weights.at(index);
      for (std::int64_t row = 0; row < rows; ++row) {
        auto& count = counts[static_cast<std::size_t>(row * width + places[index])];
        count = (mode == "IDF" ? (count > 0 ? 1.0 : 0.0) : count) * weight;
      }
    }
  }
  return c.out(tensor(counts, is_matrix ? Shape{rows, width} : Shape{width}, c.context().dtype), ElementType::float32);
}

Results tfidf(Call& c) {
  if (c.value(0).kind() == Value::Kind::strings) {
    std::vector<std::string> pool;
    for (const auto text : c.texts("pool_strings")) pool.emplace_back(text);
    return count_ngrams<std::string>(c, pool, c.value(0).strings().values, c.value(0).shape());
  }
  const Dims pool = c.integers("pool_int64s"), words = c.integers(0);
  return count_ngrams<std::int64_t>(c, {pool.begin(), pool.end()}, {words.begin(), words.end()}, c.value(0).shape());
}

constexpr Row text_table[] = {
    {"StringNormalizer", {10}, string_normalizer},
    {"TfIdfVectorizer", {9}, tfidf},
};

}  // namespace

Rows text_rows() { return text_table; }

}  // namespace newtape::onnx::detail
