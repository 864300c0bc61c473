// SPDX-License-Identifier: BSD-3-Clause
// Products alone, not recorded, for `--sweep matmul`; blas/products.cpp and onednn/products.cpp are the rivals.
#include "rates.hpp"
#include "support.hpp"

#include <newtape/autograd/ops/product.hpp>
#include <newtape/optim/least_squares/linearized.hpp>

namespace bench {

namespace {

template <class T>
Workload product(int n) {
  const Tensor a = array({n, n}, rates::factor<T>(n, 1));
  const Tensor b = array({n, n}, rates::factor<T>(n, 2));
  return {[=] { nt::matmul(a, b); }, [=](Fingerprint& print) { add(print, "product", nt::matmul(a, b)); }};
}

struct Products {
  Products() {
    for (const int n : rates::product_sizes) {
      const Workloads both{{rates::product_name(false, n).c_str(), [n] { return product<float>(n); }},
                           {rates::product_name(true, n).c_str(), [n] { return product<double>(n); }}};
    }
  }
};
const Products products;

}  // namespace

}  // namespace bench
