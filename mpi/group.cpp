// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/group.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/mpi/detail/comm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace newtape::mpi {
namespace {

using detail::Call;
using detail::Header;

void check_dtype(const char* call, const Array& x) {
  if (x.dtype() == i64 || is_floating(x.dtype()) || is_half(x.dtype())) return;
  raise<DTypeError>(std::string("mpi::") + call + ": elements must be numbers that travel",
                    "f32, f64, f16, bf16 or i64", describe(x));
}

/// What is added: halves as f32.
Array widened(const Array& x) { return is_half(x.dtype()) ? core::cast(x, f32) : core::contiguous(x); }

Header header(Call call, const Array& x, std::int64_t more) {
  return {.call = call, .dtype = static_cast<std::int32_t>(x.dtype()), .size = x.size(), .more = more};
}

MPI_Op mpi_op(ReduceOp op) {
  switch (op) {
    case ReduceOp::min: return MPI_MIN;
    case ReduceOp::max: return MPI_MAX;
    default: return MPI_SUM;
  }
}

/// The sum becomes the mean, and the dtype that of the argument.
Array finished(Array sum, ReduceOp op, int ranks, DType dtype) {
  if (op == ReduceOp::mean) sum = core::mul(sum, core::full({}, 1.0 / ranks, sum.dtype()));
  return sum.dtype() == dtype ? sum : core::cast(sum, dtype);
}

void check_mean(const char* call, const Array& x, ReduceOp op) {
  if (op != ReduceOp::mean || x.dtype() != i64) return;
  raise<DTypeError>(std::string("mpi::") + call + ": a mean needs floats", "f32, f64, f16 or bf16", describe(x));
}

/// MPI counts elements by int: larger arrays go in pieces. `start(offset, count, request)` starts the reduction of one.
template <class F>
void in_pieces(detail::Comm& comm, std::string_view what, std::int64_t size, const F& start) {
  constexpr std::int64_t piece = std::int64_t{1} << 30;
  std::vector<MPI_Request> requests;
  {
    const std::lock_guard lock(detail::mpi_mutex());
    for (std::int64_t offset = 0; offset < size; offset += piece) {
      requests.emplace_back();
      start(offset, static_cast<int>(std::min(piece, size - offset)), &requests.back());
    }
  }
  comm.wait(what, requests);
}

std::byte* element(const Array& x, std::int64_t i) {
  return static_cast<std::byte*>(const_cast<void*>(x.raw())) + i * static_cast<std::int64_t>(item_size(x.dtype()));
}

/// As many threads as this rank has processors, by what the ranks of its machine may use.
void divide_processors(const detail::Comm& comm) {
  if (comm.local_size == 1 || std::getenv("NEWTAPE_NUM_THREADS") != nullptr) return;
  if (comm.threads < num_threads()) set_num_threads(comm.threads);
}

}  // namespace

Group::Group() : comm_(std::shared_ptr<void>(), &detail::world()) {
  if (!comm_->options_set) *this = Group(GroupOptions());
}
Group::Group(const GroupOptions& options, SourceLocation at) : comm_(std::shared_ptr<void>(), &detail::world()) {
  const CallSite here(at);
  if (!(options.timeout >= 0)) {
    raise<ValueError>("mpi::Group: invalid time-out", "seconds >= 0", fmt::format("{}", options.timeout));
  }
  comm_->options_set = true;
  comm_->timeout = options.timeout;
  if (options.set_threads) divide_processors(*comm_);
}

detail::Comm& Group::comm() const {
  if (comm_ == nullptr) raise<ValueError>("mpi::Group: this group was moved from", "a group of ranks", "none");
  return *comm_;
}

int Group::rank() const { return comm().rank; }
int Group::size() const { return comm().size; }
int Group::local_rank() const { return comm().local_rank; }
int Group::local_size() const { return comm().local_size; }

Array Group::all_reduce(const ArrayLike& x, ReduceOp op, SourceLocation at) const {
  const CallSite here(at);
  check_dtype("all_reduce", x);
  check_mean("all_reduce", x, op);
  if (size() == 1) return x;
  comm_->agree(header(Call::all_reduce, x, static_cast<int>(op)));
  const Array mine = widened(x);
  Array sum = Array::empty(x.shape(), mine.dtype());
  in_pieces(*comm_, "all_reduce", x.size(), [&](std::int64_t offset, int count, MPI_Request* request) {
    MPI_Iallreduce(element(mine, offset), element(sum, offset), count, detail::mpi_type(mine.dtype()), mpi_op(op),
                   comm_->data, request);
  });
  return finished(std::move(sum), op, size(), x.dtype());
}

Array Group::broadcast(const ArrayLike& x, int root, SourceLocation at) const {
  const CallSite here(at);
  check_dtype("broadcast", x);
  if (root < 0 || root >= size()) {
    raise<ValueError>("mpi::broadcast: no such rank", fmt::format("0 <= root < {}", size()), fmt::format("{}", root));
  }
  if (size() == 1) return x;
  comm_->agree(header(Call::broadcast, x, root));
  Array y = rank() == root ? core::contiguous(x) : Array::empty(x.shape(), x.dtype());
  in_pieces(*comm_, "broadcast", x.size(), [&](std::int64_t offset, int count, MPI_Request* request) {
    const auto type = is_half(x.dtype()) ? MPI_UINT16_T : detail::mpi_type(x.dtype());
    MPI_Ibcast(element(y, offset), count, type, root, comm_->data, request);
  });
  return y;
}

Array Group::all_gather(const ArrayLike& x, SourceLocation at) const {
  const CallSite here(at);
  check_dtype("all_gather", x);
  if (size() == 1) return x.ndim() == 0 ? core::reshape(x, {1}) : Array(x);
  const std::int64_t rows = x.ndim() == 0 ? 1 : x.shape()[0];
  Shape shape = x.ndim() == 0 ? Shape{1} : x.shape();
  Header mine = header(Call::all_gather, x, 0);
  mine.rows = rows;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) mine.more = mine.more * 1'000'003 + shape[axis];
  mine.more = mine.more * 1'000'003 + static_cast<std::int64_t>(x.ndim());
  const auto headers = comm_->agree(mine, false);
  std::vector<int> counts, offsets;
  std::int64_t all_rows = 0;
  std::int64_t all = 0;
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  for (const auto& h : headers) {
    offsets.push_back(static_cast<int>(all));
    counts.push_back(static_cast<int>(h.size));
    all += h.size;
    all_rows += h.rows;
  }
  if (all * item > 0x7FFFFFFF) {
    raise<ValueError>("mpi::all_gather: the result is too large for one call", "less than 2 GiB",
                      fmt::format("{} bytes", all * item));
  }
  shape[0] = all_rows;
  const Array from = core::contiguous(x);
  Array y = Array::empty(shape, x.dtype());
  std::vector<MPI_Request> requests(1);
  {
    const std::lock_guard lock(detail::mpi_mutex());
    const auto type = is_half(x.dtype()) ? MPI_UINT16_T : detail::mpi_type(x.dtype());
    MPI_Iallgatherv(from.raw(), static_cast<int>(x.size()), type, y.raw(), counts.data(), offsets.data(), type,
                    comm_->data, requests.data());
  }
  comm_->wait("all_gather", requests);
  return y;
}

Array Group::reduce_scatter(const ArrayLike& x, ReduceOp op, SourceLocation at) const {
  const CallSite here(at);
  check_dtype("reduce_scatter", x);
  check_mean("reduce_scatter", x, op);
  if (x.ndim() == 0 || x.shape()[0] % size() != 0) {
    raise<ShapeError>("mpi::reduce_scatter: every rank must get as many rows",
                      fmt::format("x [n, ..] with n divisible by {}", size()), describe(x));
  }
  if (size() == 1) return x;
  comm_->agree(header(Call::reduce_scatter, x, static_cast<int>(op)));
  const Array mine = widened(x);
  Shape shape = x.shape();
  shape[0] /= size();
  Array part = Array::empty(shape, mine.dtype());
  std::vector<MPI_Request> requests(1);
  {
    const std::lock_guard lock(detail::mpi_mutex());
    MPI_Ireduce_scatter_block(mine.raw(), part.raw(), static_cast<int>(part.size()), detail::mpi_type(mine.dtype()),
                              mpi_op(op), comm_->data, requests.data());
  }
  comm_->wait("reduce_scatter", requests);
  return finished(std::move(part), op, size(), x.dtype());
}

void Group::barrier(SourceLocation at) const {
  const CallSite here(at);
  if (size() > 1) comm_->agree({.call = Call::barrier});
}

Group Group::split(int color, int key, SourceLocation at) const {
  const CallSite here(at);
  if (color < 0) raise<ValueError>("mpi::split: invalid color", "color >= 0", fmt::format("{}", color));
  auto part = std::make_shared<detail::Comm>();
  part->timeout = comm_->timeout;
  if (size() == 1) return Group(std::move(part));
  comm_->agree({.call = Call::split});
  const std::lock_guard lock(detail::mpi_mutex());
  MPI_Comm made = MPI_COMM_NULL;
  MPI_Comm_split(comm_->data, color, key, &made);
  detail::set_up(*part, made, comm_->timeout);
  MPI_Comm_free(&made);
  return Group(std::move(part));
}

void Group::fail(std::string_view message) const noexcept { detail::announce_failure(message); }

}  // namespace newtape::mpi
