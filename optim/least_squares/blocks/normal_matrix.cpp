// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/optim/least_squares/blocks/normal_matrix.hpp>

#include <algorithm>
#include <utility>

namespace newtape::optim {

namespace {

std::size_t nth_of(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

SymmetricBlocks SymmetricBlocks::with(std::vector<std::int64_t> column, std::vector<std::int64_t> size,
                                      std::vector<std::pair<std::int64_t, std::int64_t>> pairs) {
  SymmetricBlocks s;
  s.column = std::move(column);
  s.size = std::move(size);
  const auto n = s.rows();
  for (std::int64_t i = 0; i < n; ++i) pairs.emplace_back(i, i);
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  s.first.assign(nth_of(n) + 1, 0);
  for (const auto& [i, j] : pairs) {
    s.first[nth_of(i) + 1]++;
    s.block.push_back(j);
    s.at.push_back(s.elements);
    s.elements += s.size[nth_of(i)] * s.size[nth_of(j)];
  }
  for (std::int64_t i = 0; i < n; ++i) {
    s.first[nth_of(i) + 1] += s.first[nth_of(i)];
    s.order += s.size[nth_of(i)];
  }
  return s;
}

std::int64_t SymmetricBlocks::find(std::int64_t i, std::int64_t j) const noexcept {
  const auto begin = block.begin() + first[nth_of(i)], end = block.begin() + first[nth_of(i) + 1];
  const auto found = std::lower_bound(begin, end, j);
  return found != end && *found == j ? at[nth_of(found - block.begin())] : -1;
}

void SymmetricBlocks::multiply(const double* values, const double* x, double* y) const {
  for (std::int64_t i = 0; i < rows(); ++i) {
    const std::int64_t p = size[nth_of(i)];
    const double* xi = x + column[nth_of(i)];
    double* yi = y + column[nth_of(i)];
    for (std::int64_t k = first[nth_of(i)]; k < first[nth_of(i) + 1]; ++k) {
      const std::int64_t j = block[nth_of(k)], q = size[nth_of(j)];
      const double* a = values + at[nth_of(k)];
      const double* xj = x + column[nth_of(j)];
      double* yj = y + column[nth_of(j)];
      for (std::int64_t r = 0; r < p; ++r, a += q) {
        double sum = 0;
        for (std::int64_t c = 0; c < q; ++c) sum += a[c] * xj[c];
        yi[r] += sum;
        if (i == j) continue;
        for (std::int64_t c = 0; c < q; ++c) yj[c] += a[c] * xi[r];
      }
    }
  }
}

NormalMatrix::NormalMatrix(const BlockResiduals& residuals, bool fill) {
  number_rows(residuals);
  find_neighbours(residuals);
  find_kept(residuals, fill);
  if (fill) find_pairs();
  place_products(residuals);
}

void NormalMatrix::number_rows(const BlockResiduals& residuals) {
  const BlockLayout& layout = residuals.layout();
  row_of_.assign(nth_of(layout.columns), -1);
  std::int64_t eliminated = 0, elements = 0;
  for (const bool last : {false, true}) {
    for (const auto& variable : layout.variables) {
      if (variable.eliminated != last || variable.constant) continue;
      Run run{.size = variable.tangent, .count = 0, .first = eliminated, .column = -1, .v_at = elements};
      for (const std::int64_t c : variable.column) {
        if (c < 0) continue;
        if (run.column < 0) run.column = c;
        if (last) {
          row_of_[nth_of(c)] = eliminated++;
          ++run.count;
        } else {
          row_of_[nth_of(c)] = static_cast<std::int64_t>(sizes_.size());
          sizes_.push_back(variable.tangent);
          columns_.push_back(c);
        }
      }
      elements += run.count * run.size * run.size;
      if (last) runs.push_back(run);
    }
  }
  v.resize(nth_of(elements));
  first.assign(nth_of(eliminated) + 1, 0);
}

void NormalMatrix::find_neighbours(const BlockResiduals& residuals) {
  const std::int64_t split = residuals.layout().kept;
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const auto& g : residuals.groups()) {
    for (const auto& e : g.unknown) {
      if (!residuals.layout().variables[e.variable].eliminated) continue;
      for (const auto& a : g.unknown) {
        if (residuals.layout().variables[a.variable].eliminated) continue;
        for (std::int64_t i = 0; i < g.count; ++i) {
          if (e.column[nth_of(i)] < split || a.column[nth_of(i)] < 0) continue;
          found.emplace_back(row_of_[nth_of(e.column[nth_of(i)])], row_of_[nth_of(a.column[nth_of(i)])]);
        }
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::int64_t elements = 0;
  auto at = found.begin();
  for (const Run& run : runs) {
    for (std::int64_t e = run.first; e < run.first + run.count; ++e) {
      std::int64_t width = 0;
      for (; at != found.end() && at->first == e; ++at) {
        neighbour.push_back(at->second);
        column.push_back(columns_[nth_of(at->second)]);
        size.push_back(sizes_[nth_of(at->second)]);
        y_at.push_back(elements);
        elements += run.size * size.back();
        width += size.back();
      }
      first[nth_of(e) + 1] = static_cast<std::int64_t>(neighbour.size());
      widest = std::max(widest, run.size * width);
    }
  }
  y.resize(nth_of(elements));
}

void NormalMatrix::find_kept(const BlockResiduals& residuals, bool fill) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  const auto& variables = residuals.layout().variables;
  for (const auto& g : residuals.groups()) {
    for (std::size_t k = 0; k < g.unknown.size(); ++k) {
      for (std::size_t l = k + 1; l < g.unknown.size(); ++l) {
        const auto& a = g.unknown[k];
        const auto& b = g.unknown[l];
        if (variables[a.variable].eliminated || variables[b.variable].eliminated) continue;
        for (std::int64_t i = 0; i < g.count; ++i) {
          if (a.column[nth_of(i)] < 0 || b.column[nth_of(i)] < 0) continue;
          pairs.push_back(std::minmax(row_of_[nth_of(a.column[nth_of(i)])], row_of_[nth_of(b.column[nth_of(i)])]));
        }
      }
    }
  }
  if (fill) {
    // Row by row, so that each pair is found once a row and not once a point.
    std::vector<std::vector<std::int64_t>> users(sizes_.size());
    for (std::int64_t e = 0; e < eliminated(); ++e) {
      for (std::int64_t k = first[nth_of(e)]; k < first[nth_of(e) + 1]; ++k)
        users[nth_of(neighbour[nth_of(k)])].push_back(e);
    }
    std::vector<std::int64_t> seen(sizes_.size(), -1);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(sizes_.size()); ++i) {
      for (const std::int64_t e : users[nth_of(i)]) {
        for (std::int64_t k = first[nth_of(e)]; k < first[nth_of(e) + 1]; ++k) {
          const std::int64_t j = neighbour[nth_of(k)];
          if (j <= i || seen[nth_of(j)] == i) continue;
          seen[nth_of(j)] = i;
          pairs.emplace_back(i, j);
        }
      }
    }
  }
  kept = SymmetricBlocks::with(columns_, sizes_, std::move(pairs));
  u.resize(nth_of(kept.elements));
}

void NormalMatrix::find_pairs() {
  for (std::int64_t e = 0; e < eliminated(); ++e) {
    pair_first.push_back(static_cast<std::int64_t>(pair_at.size()));
    for (std::int64_t k = first[nth_of(e)]; k < first[nth_of(e) + 1]; ++k) {
      for (std::int64_t l = k; l < first[nth_of(e) + 1]; ++l) {
        pair_at.push_back(kept.find(neighbour[nth_of(k)], neighbour[nth_of(l)]));
      }
    }
  }
}

std::int64_t NormalMatrix::y_of(std::int64_t e, std::int64_t kept_row) const {
  const auto begin = neighbour.begin() + first[nth_of(e)], end = neighbour.begin() + first[nth_of(e) + 1];
  return y_at[nth_of(std::lower_bound(begin, end, kept_row) - neighbour.begin())];
}

/// The product of columns a and b of a group, in this order: added where a's row is not below b's.
void NormalMatrix::place(const BlockResiduals::Group& g, std::size_t group, std::size_t a, std::size_t b,
                         std::int64_t split) {
  Product p{
      .group = group, .a = a, .b = b, .to = &NormalMatrix::u, .at = std::vector<std::int64_t>(nth_of(g.count), -1)};
  bool any = false;
  for (std::int64_t i = 0; i < g.count; ++i) {
    const std::int64_t ca = g.unknown[a].column[nth_of(i)], cb = g.unknown[b].column[nth_of(i)];
    if (ca < 0 || cb < 0) continue;
    const std::int64_t ra = row_of_[nth_of(ca)], rb = row_of_[nth_of(cb)];
    std::int64_t at = -1;
    if (ca >= split && cb >= split) {
      const std::int64_t t = g.unknown[a].tangent;
      const auto run =
          std::find_if(runs.begin(), runs.end(), [&](const Run& r) { return ra >= r.first && ra < r.first + r.count; });
      p.to = &NormalMatrix::v;
      at = run->v_at + (ra - run->first) * t * t;
    } else if (ca >= split) {
      p.to = &NormalMatrix::y;
      at = y_of(ra, rb);
    } else if (cb < split && ra <= rb) {
      at = kept.find(ra, rb);
    }
    p.at[nth_of(i)] = at;
    any = any || at >= 0;
  }
  if (any) products_.push_back(std::move(p));
}

void NormalMatrix::place_products(const BlockResiduals& residuals) {
  const std::int64_t split = residuals.layout().kept;
  for (std::size_t group = 0; group < residuals.groups().size(); ++group) {
    const auto& g = residuals.groups()[group];
    for (std::size_t a = 0; a < g.unknown.size(); ++a) {
      for (std::size_t b = 0; b < g.unknown.size(); ++b) place(g, group, a, b, split);
    }
  }
}

void NormalMatrix::update(const BlockResiduals& residuals) {
  std::fill(u.begin(), u.end(), 0.);
  std::fill(v.begin(), v.end(), 0.);
  std::fill(y.begin(), y.end(), 0.);
  for (const Product& p : products_) {
    const auto& g = residuals.groups()[p.group];
    const auto& a = g.unknown[p.a];
    const auto& b = g.unknown[p.b];
    core::block_gram({.n = g.count,
                      .r = g.r,
                      .p = a.tangent,
                      .q = b.tangent,
                      .a = g.jacobian.data() + a.offset,
                      .a_step = g.r * g.width,
                      .a_row = g.width,
                      .b = g.jacobian.data() + b.offset,
                      .b_step = g.r * g.width,
                      .b_row = g.width,
                      .c = (this->*p.to).data(),
                      .at = p.at.data(),
                      .c_row = b.tangent});
  }
}

}  // namespace newtape::optim
