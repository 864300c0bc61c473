// SPDX-License-Identifier: BSD-3-Clause
// Uses the part for many machines; without mpirun, a group of one.
#include <newtape/mpi.hpp>
#include <newtape/newtape.hpp>

#include <cstdio>

namespace nt = newtape;

int main() {
  const nt::mpi::Group group;
  const nt::nn::Linear model(3, 2);
  const nt::mpi::DataParallel parallel(model, group);
  const nt::Tensor sum = nt::mpi::all_sum(nt::ones({2}), group);
  std::printf("rank %d of %d\n", group.rank(), group.size());
  return nt::all(sum == static_cast<double>(group.size())).item<bool>() ? 0 : 1;
}
