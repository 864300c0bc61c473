// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/shared_steps.hpp>

#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/mpi/detail/layout.hpp>
#include <newtape/mpi/detail/messages.hpp>
#include <newtape/optim/peers.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace newtape::mpi {

class SharedSteps::Ranks final : public optim::Peers {
 public:
  explicit Ranks(const Group& group) : group_(group) {}

  int rank() const override { return group_.rank(); }

  void average(std::span<Array* const> arrays, double weight) override {
    std::map<DType, std::vector<Array*>> by_dtype;
    for (Array* const x : arrays) by_dtype[x->dtype()].push_back(x);
    for (const auto& [dtype, some] : by_dtype) average(some, weight, dtype);
  }

  void divide(std::span<const double> costs, const std::function<void(std::size_t)>& compute,
              const std::function<std::vector<Array*>(std::size_t)>& results) override {
    const auto owners = deal(costs);
    detail::all_succeed(group_, "a factorization", [&] {
      for (std::size_t i = 0; i < costs.size(); ++i) {
        if (owners[i] == group_.rank()) compute(i);
      }
    });
    NamedArrays own;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (owners[i] != group_.rank()) continue;
      const auto arrays = results(i);
      for (std::size_t k = 0; k < arrays.size(); ++k) {
        if (arrays[k]->defined()) own.emplace_back(name_of(i, k), core::contiguous(*arrays[k]));
      }
    }
    exchange(owners, own, results);
  }

 private:
  /// In one message, with the weight as the last element.
  void average(const std::vector<Array*>& arrays, double weight, DType dtype) const {
    std::vector<Array> flat;
    for (const Array* x : arrays) flat.push_back(core::reshape(core::contiguous(*x), {x->size()}));
    flat.push_back(core::full({1}, 1, dtype));
    const Array sums = group_.all_reduce(core::mul(core::concatenate(flat, 0), core::full({}, weight, dtype)));
    const auto last = sums.size() - 1;
    const Array means = core::div(sums, core::slice(sums, 0, last, last + 1));
    std::int64_t at = 0;
    for (Array* const x : arrays) {
      const auto size = x->size();
      *x = core::reshape(core::slice(means, 0, at, at + size), x->shape());
      at += size;
    }
  }

  static std::string name_of(std::size_t item, std::size_t k) { return std::to_string(item) + "." + std::to_string(k); }

  /// The owner of each item: the most expensive first, each to the rank with the least work.
  std::vector<int> deal(std::span<const double> costs) const {
    std::vector<std::size_t> order(costs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return costs[a] > costs[b]; });
    std::vector<double> work(static_cast<std::size_t>(group_.size()));
    std::vector<int> owners(costs.size());
    for (const auto i : order) {
      const auto least = std::min_element(work.begin(), work.end());
      owners[i] = static_cast<int>(least - work.begin());
      *least += costs[i];
    }
    return owners;
  }

  void exchange(const std::vector<int>& owners, const NamedArrays& own,
                const std::function<std::vector<Array*>(std::size_t)>& results) const {
    std::map<std::string, Array> all;
    std::vector<detail::Piece> pieces;
    const auto layouts = detail::all_gather_text(group_, detail::layout_text(own));
    for (int r = 0; r < group_.size(); ++r) {
      const bool mine = r == group_.rank();
      for (auto& [name, x] : mine ? own : detail::arrays_of_layout(layouts[static_cast<std::size_t>(r)])) {
        pieces.push_back({const_cast<void*>(std::as_const(x).raw()), detail::byte_size(x), r});
        all.emplace(name, x);
      }
    }
    detail::broadcast_pieces(group_, "the exchange of factorizations", pieces);
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (owners[i] == group_.rank()) continue;
      const auto arrays = results(i);
      for (std::size_t k = 0; k < arrays.size(); ++k) {
        const auto at = all.find(name_of(i, k));
        *arrays[k] = at == all.end() ? Array() : std::move(at->second);
      }
    }
  }

  Group group_;
};

struct SharedSteps::Scope {
  optim::PeersScope peers;
};

SharedSteps::SharedSteps(const Group& group)
    : ranks_(std::make_unique<Ranks>(group)), scope_(new Scope{optim::PeersScope(ranks_.get())}) {}
SharedSteps::~SharedSteps() = default;

}  // namespace newtape::mpi
