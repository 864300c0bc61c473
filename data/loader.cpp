// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/loader.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

namespace newtape::data {
namespace {

/// Sets this thread's default generator for a while, so that a transform that draws from it is reproducible too.
class DefaultGenerator {
 public:
  explicit DefaultGenerator(const Generator& g) : before_(default_generator()) { default_generator() = g; }
  DefaultGenerator(const DefaultGenerator&) = delete;
  DefaultGenerator& operator=(const DefaultGenerator&) = delete;
  ~DefaultGenerator() { default_generator() = before_; }

 private:
  Generator before_;
};

}  // namespace

/// One run over the data. Workers claim batches in order and put them into a ring of slots; the consumer takes them out
/// in order. What a batch holds depends on its number alone, never on who makes it.
class Loader::iterator::Epoch {
 public:
  Epoch(const Loader& loader, std::int64_t number)
      : dataset_(loader.dataset()),
        options_(loader.options()),
        stream_(Generator(options_.seed).fork(static_cast<std::uint64_t>(number))),
        batches_(loader.size()) {
    if (options_.shuffle) {
      Generator g = stream_;
      order_ = random::permutation(dataset_.size(), g);
    }
  }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch() { stop(); }

  /// Not in the constructor: should a thread fail to start, the destructor has to end the others.
  void start() {
    if (options_.prefetch > 0 && options_.workers > 0 && batches_ > 0) {
      slots_.resize(static_cast<std::size_t>(std::max(options_.prefetch, options_.workers)));
      const auto n = std::min<std::int64_t>(options_.workers, batches_);
      for (std::int64_t i = 0; i < n; ++i) threads_.emplace_back([this] { work(); });
    }
    advance();
  }

  /// Moves on to the next batch. After an exception the epoch is over.
  void advance() {
    current_ = Batch();  // its memory may serve the next batch
    if (done_ || taken_ == batches_) {
      done_ = true;
      return;
    }
    try {
      current_ = threads_.empty() ? make(taken_++) : take();
    } catch (...) {
      done_ = true;
      throw;
    }
  }

  Batch& current() noexcept { return current_; }
  bool done() const noexcept { return done_; }

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool full = false;
  };

  Slot& slot(std::int64_t batch) { return slots_[static_cast<std::size_t>(batch) % slots_.size()]; }

  Batch make(std::int64_t number) const {
    const auto first = number * options_.batch_size;
    const auto count = std::min(options_.batch_size, dataset_.size() - first);
    Generator generator = stream_.fork(1 + static_cast<std::uint64_t>(number));
    const DefaultGenerator guard(generator.fork(0));
    if (order_.defined()) {
      return dataset_.gather({std::as_const(order_).data<std::int64_t>() + first, static_cast<std::size_t>(count)},
                             generator);
    }
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), first);
    return dataset_.gather(indices, generator);
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto window = static_cast<std::int64_t>(slots_.size());
      room_.wait(lock, [&] { return stopped_ || claimed_ == batches_ || claimed_ < taken_ + window; });
      if (stopped_ || claimed_ == batches_) return;
      const auto number = claimed_++;
      lock.unlock();
      Batch batch;
      std::exception_ptr error;
      try {
        batch = make(number);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      slot(number) = {std::move(batch), std::move(error), true};
      ready_.notify_one();
    }
  }

  Batch take() {
    Slot result;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return slot(taken_).full; });
      result = std::exchange(slot(taken_), {});
      ++taken_;
    }
    room_.notify_all();
    if (result.error != nullptr) std::rethrow_exception(std::move(result.error));
    return std::move(result.batch);
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (auto& t : threads_) t.join();
  }

  const Dataset dataset_;
  const LoaderOptions options_;
  const Generator stream_;
  const std::int64_t batches_;
  Array order_;  // [n], undefined without shuffling

  Batch current_;
  bool done_ = false;

  std::mutex mutex_;  // guards what follows
  std::condition_variable ready_, room_;
  std::vector<Slot> slots_;
  std::int64_t claimed_ = 0;  // batches that a worker has begun
  std::int64_t taken_ = 0;    // batches that the consumer has had; written by its thread alone
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

Loader::Loader(Dataset dataset, const LoaderOptions& options) : dataset_(std::move(dataset)), options_(options) {
  if (options.batch_size < 1) {
    raise<ValueError>("loader: a batch must hold examples", "batch_size of at least 1",
                      std::to_string(options.batch_size));
  }
  if (options.prefetch < 0 || options.workers < 0) {
    raise<ValueError>("loader: a number of threads or batches is negative", "prefetch and workers of at least 0",
                      fmt::format("prefetch {}, workers {}", options.prefetch, options.workers));
  }
}

Loader::iterator Loader::begin() {
  auto epoch = std::make_unique<iterator::Epoch>(*this, epoch_++);
  epoch->start();
  return iterator(std::move(epoch));
}

std::int64_t Loader::size() const noexcept {
  const auto whole = dataset_.size() / options_.batch_size;
  return options_.drop_last || dataset_.size() % options_.batch_size == 0 ? whole : whole + 1;
}

Loader::iterator::iterator(std::unique_ptr<Epoch> epoch) : epoch_(std::move(epoch)) {}
Loader::iterator::iterator(iterator&&) noexcept = default;
Loader::iterator& Loader::iterator::operator=(iterator&&) noexcept = default;
Loader::iterator::~iterator() = default;

Batch& Loader::iterator::operator*() const noexcept { return epoch_->current(); }

Loader::iterator& Loader::iterator::operator++() {
  epoch_->advance();
  return *this;
}

bool Loader::iterator::done() const noexcept { return epoch_ == nullptr || epoch_->done(); }

}  // namespace newtape::data
