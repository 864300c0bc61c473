// SPDX-License-Identifier: BSD-3-Clause
// Feeding data from memory.
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/loading/dataset.hpp>
#include <newtape/data/loading/loader.hpp>

namespace bench {

namespace {

Workload loader() {
  constexpr std::int64_t n = 60000;
  const nt::data::Dataset set{filled({n, 28, 28}, 1), array({n}, labels(n, 10, 2))};
  const auto epoch = [](nt::data::Loader& batches, auto&& see) {
    for (const auto& [x, y] : batches) see(x, y);
  };
  const auto shuffled =
      std::make_shared<nt::data::Loader>(set, nt::data::LoaderOptions{.batch_size = 128, .shuffle = true});
  return {[=] {
            std::int64_t seen = 0;
            epoch(*shuffled, [&](const nt::Array& x, const nt::Array&) { seen += x.shape(0); });
            if (seen != n) throw std::runtime_error("examples are missing");
          },
          [=](Fingerprint& print) {
            nt::data::Loader in_order(set, {.batch_size = 128});
            std::vector<nt::Array> images, classes;
            epoch(in_order, [&](const nt::Array& x, const nt::Array& y) {
              images.push_back(x);
              classes.push_back(y);
            });
            add(print, "images", nt::core::concatenate(images));
            add(print, "labels", nt::core::cast(nt::core::concatenate(classes), nt::f32));
          }};
}

const Workloads data{{"loader", loader}};

}  // namespace

}  // namespace bench
