// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/loader.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

namespace newtape::data {
namespace {

/// Replaces this thread's default generator in a scope, so that transforms that use it are reproducible too.
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

/// One pass over the data. Workers claim batches in order and store them in a ring of slots, from which the consumer
/// takes them in order. The contents of a batch depend only on its number.
class Loader::iterator::Epoch {
 public:
  Epoch(const Loader& loader, std::int64_t number, std::int64_t first_batch)
      : progress_(loader.progress_),
        dataset_(loader.dataset()),
        options_(loader.options()),
        stream_(Generator(options_.seed).fork(static_cast<std::uint64_t>(number))),
        transform_stream_(
            Generator(options_.transform_seed.value_or(options_.seed)).fork(static_cast<std::uint64_t>(number))),
        examples_(loader.examples()),
        batches_(loader.size()),
        claimed_(first_batch),
        taken_(first_batch) {
    Generator g = stream_;
    if (options_.shuffle) order_ = random::permutation(dataset_.size(), g);
    if (options_.sampler.draw != nullptr) {
      const DefaultGenerator guard(g.fork(0));
      order_ = options_.sampler.draw(g);
      if (!order_.defined() || order_.dtype() != i64 || order_.shape() != Shape{examples_}) {
        raise<ValueError>(
            "loader: the sampler returned invalid indices", fmt::format("i64 [{}]", examples_),
            order_.defined() ? fmt::format("{} {}", name(order_.dtype()), to_string(order_.shape())) : "none");
      }
      order_ = core::contiguous(std::move(order_));
    }
  }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch() { stop(); }

  /// Separate from the constructor, so that the destructor joins the started threads if one fails to start.
  void start() {
    if (options_.prefetch > 0 && options_.workers > 0 && batches_ > 0) {
      slots_.resize(static_cast<std::size_t>(std::max(options_.prefetch, options_.workers)));
      const auto n = std::min<std::int64_t>(options_.workers, batches_);
      for (std::int64_t i = 0; i < n; ++i) threads_.emplace_back([this] { work(); });
    }
    advance();
  }

  /// Moves to the next batch. After an exception the epoch has ended.
  void advance() {
    current_ = Batch();  // frees the memory for the next batch
    if (done_ || taken_ == batches_) {
      if (!done_) *progress_ = {progress_->epoch + 1, 0};
      done_ = true;
      return;
    }
    try {
      current_ = threads_.empty() ? make(taken_++) : take();
      progress_->batch = taken_;
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
    const auto count = std::min(options_.batch_size, examples_ - first);
    Generator generator = transform_stream_.fork(1 + static_cast<std::uint64_t>(number));
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

  const std::shared_ptr<Progress> progress_;  // detached from the loader once that starts another loop
  const Dataset dataset_;
  const LoaderOptions options_;
  const Generator stream_;            // of the order of the examples
  const Generator transform_stream_;  // of the transforms
  const std::int64_t examples_, batches_;
  Array order_;  // [n]; undefined without shuffling or sampler

  Batch current_;
  bool done_ = false;

  std::mutex mutex_;  // guards the members below
  std::condition_variable ready_, room_;
  std::vector<Slot> slots_;
  std::int64_t claimed_;  // batches claimed by workers
  std::int64_t taken_;    // batches taken; written by the consumer thread only
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

Loader::Loader(Dataset dataset, const LoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options), progress_(std::make_shared<Progress>()) {
  if (options.batch_size < 1) {
    raise<ValueError>("loader: invalid batch size", "batch_size of at least 1", std::to_string(options.batch_size));
  }
  if (options.prefetch < 0 || options.workers < 0) {
    raise<ValueError>("loader: prefetch and workers must not be negative", "prefetch and workers of at least 0",
                      fmt::format("prefetch {}, workers {}", options.prefetch, options.workers));
  }
  if (options.sampler.draw != nullptr && (options.shuffle || options.sampler.size < 0)) {
    raise<ValueError>("loader: invalid sampler, or sampler with shuffle", "a sampler of size >= 0, shuffle = false",
                      fmt::format("size {}, shuffle = {}", options.sampler.size, options.shuffle));
  }
}

Loader::Loader(const Loader& other)
    : dataset_(other.dataset_),
      options_(other.options_),
      epoch_(other.epoch_),
      first_batch_(other.first_batch_),
      progress_(other.progress_ ? std::make_shared<Progress>(*other.progress_) : nullptr) {}

Loader& Loader::operator=(Loader other) noexcept {
  dataset_ = std::move(other.dataset_);
  options_ = std::move(other.options_);
  epoch_ = other.epoch_;
  first_batch_ = other.first_batch_;
  progress_ = std::move(other.progress_);
  return *this;
}

Loader::iterator Loader::begin() {
  progress_ = std::make_shared<Progress>(Progress{epoch_, first_batch_});
  auto epoch = std::make_unique<iterator::Epoch>(*this, epoch_, first_batch_);
  ++epoch_;
  first_batch_ = 0;
  epoch->start();
  return iterator(std::move(epoch));
}

void Loader::set_epoch(std::int64_t epoch) noexcept {
  epoch_ = epoch;
  first_batch_ = 0;
  progress_ = std::make_shared<Progress>(Progress{epoch, 0});
}

NamedArrays Loader::state_dict() const {
  if (progress_ == nullptr) newtape::detail::undefined_array();  // moved from
  const auto number = [](std::int64_t n) {
    Array x = Array::empty({}, i64);
    *x.data<std::int64_t>() = n;
    return x;
  };
  return {{"epoch", number(progress_->epoch)},
          {"batch", number(progress_->batch)},
          {"examples", number(examples())},
          {"batch_size", number(options_.batch_size)},
          {"seed", number(static_cast<std::int64_t>(options_.seed))},
          {"shuffle", number(options_.shuffle ? 1 : 0)}};
}

void Loader::load_state_dict(const NamedArrays& state) {
  newtape::detail::StateReader reader(state, "");
  const auto expected = state_dict();
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [name, mine] = expected[i];
    const Array value = reader.take(name, i64, {});
    found.push_back(value.defined() ? value.item<std::int64_t>() : 0);
    const auto wanted = mine.item<std::int64_t>();
    if (value.defined() && i >= 2 && found[i] != wanted) {
      reader.reject(name, fmt::format("{}, but this loader has {}", found[i], wanted));
    }
  }
  if (found[0] < 0) reader.reject("epoch", "must not be negative");
  if (found[1] < 0 || found[1] > size()) reader.reject("batch", fmt::format("not in [0, {}]", size()));
  reader.finish("Loader::load_state_dict", true);
  set_epoch(found[0]);
  first_batch_ = progress_->batch = found[1];
}

std::int64_t Loader::examples() const noexcept {
  return options_.sampler.draw == nullptr ? dataset_.size() : options_.sampler.size;
}

std::int64_t Loader::size() const noexcept {
  const auto full = examples() / options_.batch_size;
  return options_.drop_last || examples() % options_.batch_size == 0 ? full : full + 1;
}

Loader::iterator::iterator(newtape::detail::Owner<Epoch> epoch) : epoch_(std::move(epoch)) {}
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
