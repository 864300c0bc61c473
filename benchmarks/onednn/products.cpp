// SPDX-License-Identifier: BSD-3-Clause
// Products through oneDNN, which knows f32 alone. It takes its threads from the environment.
#include "rates.hpp"
#include "worker.hpp"

#include <dnnl.h>

#include <memory>
#include <stdexcept>

namespace bench {

namespace {

Workload product(int n) {
  struct Matrices {
    std::vector<float> a, b, c;
  };
  const auto m = std::make_shared<Matrices>(
      Matrices{rates::factor<float>(n, 1), rates::factor<float>(n, 2), rates::factor<float>(n, 3)});
  const auto step = [=] {
    const auto status =
        dnnl_sgemm('N', 'N', n, n, n, 1.0F, m->a.data(), n, m->b.data(), n, 0.0F, m->c.data(), n);  // row-major
    if (status != dnnl_success) throw std::runtime_error("dnnl_sgemm failed");
  };
  return {step, [=](Fingerprint& print) {
            step();
            print.add("product", m->c.data(), m->c.size());
          }};
}

struct Products {
  Products() {
    for (const int n : rates::product_sizes) {
      const Workloads one{{rates::product_name(false, n).c_str(), [n] { return product(n); }}};
    }
  }
};
const Products products;

}  // namespace

Library library() {
  const auto* v = dnnl_version();
  return {"oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor), [](int) {}};
}

}  // namespace bench
