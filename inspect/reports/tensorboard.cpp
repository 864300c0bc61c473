// SPDX-License-Identifier: BSD-3-Clause
// The messages of tensorflow/core/util/event.proto, tensorflow/core/framework/{summary,tensor}.proto and
// tensorboard/plugins/hparams/{api,plugin_data}.proto; field numbers are theirs.
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/system_files.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/inspect/reports/protobuf.hpp>
#include <newtape/inspect/reports/record_file.hpp>
#include <newtape/inspect/reports/tensorboard.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>

namespace newtape::inspect {
namespace {

using detail::ProtoMessage;

double system_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_file_name(double time) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("events.out.tfevents.{:010d}.{}.{}.{}", static_cast<std::int64_t>(time), platform::host_name(),
                     platform::process_id(), counter++);
}

/// Upper limits of the buckets of positive numbers: 1e-12, 10 % more, .., 1e20, and the largest number.
const std::vector<double>& positive_limits() {
  static const std::vector<double> limits = [] {
    std::vector<double> l;
    for (double v = 1e-12; v < 1e20; v *= 1.1) l.push_back(v);
    l.push_back(std::numeric_limits<double>::max());
    return l;
  }();
  return limits;
}

/// All limits in ascending order; bucket k holds limits[k - 1] <= x < limits[k].
const std::vector<double>& bucket_limits() {
  static const std::vector<double> limits = [] {
    std::vector<double> l;
    for (auto v = positive_limits().rbegin(); v != positive_limits().rend(); ++v) l.push_back(-*v);
    l.push_back(0);
    l.insert(l.end(), positive_limits().begin(), positive_limits().end());
    return l;
  }();
  return limits;
}

struct Histogram {
  double min = std::numeric_limits<double>::infinity();
  double max = -min;
  double sum = 0;
  double squares = 0;
  std::int64_t count = 0;
  std::int64_t nonfinite = 0;
  std::vector<double> buckets = std::vector<double>(bucket_limits().size());

  void add(double v) {
    if (!std::isfinite(v)) {
      ++nonfinite;
      return;
    }
    min = std::min(min, v);
    max = std::max(max, v);
    sum += v;
    squares += v * v;
    ++count;
    const auto& limits = bucket_limits();
    const auto at = std::upper_bound(limits.begin(), limits.end(), v) - limits.begin();
    ++buckets[static_cast<std::size_t>(std::min<std::ptrdiff_t>(at, std::ssize(limits) - 1))];
  }
  /// Only the buckets from the first to the last that hold something, and the empty one before them; `joined`
  /// neighbours are one bucket, on either side of 0.
  ProtoMessage message(std::ptrdiff_t joined) const {
    const auto filled = [](double n) { return n > 0; };
    const auto first = std::find_if(buckets.begin(), buckets.end(), filled) - buckets.begin();
    const auto last = buckets.rend() - std::find_if(buckets.rbegin(), buckets.rend(), filled) - 1;
    // Bucket k belongs to the group that ends at `group_end(k)`; the limits are symmetric about the one that is 0.
    const auto zero = std::ssize(buckets) / 2;
    const auto group_end = [&](std::ptrdiff_t k) {
      const auto up = k > zero ? (k - zero + joined - 1) / joined : -((zero - k) / joined);
      return std::min(zero + up * joined, std::ssize(buckets) - 1);
    };
    std::vector<double> limits;
    std::vector<double> counts;
    std::ptrdiff_t end = -1;
    for (auto k = std::max<std::ptrdiff_t>(0, group_end(first) - joined); k <= last; ++k) {
      if (group_end(k) != end) {
        end = group_end(k);
        limits.push_back(bucket_limits()[static_cast<std::size_t>(end)]);
        counts.push_back(0);
      }
      counts.back() += buckets[static_cast<std::size_t>(k)];
    }
    ProtoMessage m;
    const double numbers[] = {min, max, static_cast<double>(count), sum, squares};
    for (std::uint32_t i = 0; i < 5; ++i) {
      if (std::bit_cast<std::uint64_t>(numbers[i]) != 0) m.real(i + 1, numbers[i]);
    }
    return m.reals(6, limits).reals(7, counts);
  }
};

ProtoMessage plugin_metadata(std::string_view plugin, const ProtoMessage& content = {}) {
  ProtoMessage data;
  data.bytes(1, plugin);
  if (!content.str().empty()) data.bytes(2, content.str());
  return ProtoMessage().message(1, data);
}

/// google.protobuf.Value
ProtoMessage proto_value(const ConfigValue& value) {
  ProtoMessage m;
  if (const auto* b = std::get_if<bool>(&value)) {
    m.integer(4, *b ? 1 : 0);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    m.bytes(3, *s);
  } else if (const auto* i = std::get_if<std::int64_t>(&value)) {
    m.real(2, static_cast<double>(*i));
  } else {
    m.real(2, std::get<double>(value));
  }
  return m;
}

/// DataType of hparams/api.proto: 1 string, 2 boolean, 3 number.
std::int64_t hparam_type(const ConfigValue& value) {
  return std::holds_alternative<std::string>(value) ? 1 : std::holds_alternative<bool>(value) ? 2 : 3;
}

ProtoMessage hparams_value(std::string_view tag, std::uint32_t field, const ProtoMessage& data) {
  return ProtoMessage().bytes(1, tag).message(9, plugin_metadata("hparams", ProtoMessage().message(field, data)));
}

}  // namespace

struct TensorBoardWriter::Impl {
  std::function<double()> clock;
  detail::RecordFile file;

  void write(std::int64_t step, std::uint32_t field, const ProtoMessage& what) {
    ProtoMessage event;
    event.real(1, clock());
    if (step != 0) event.integer(2, step);
    event.message(field, what);
    file.write(event.str());
  }
  /// A Summary with these values.
  template <class... Values>
  void write_summary(std::int64_t step, const Values&... values) {
    ProtoMessage summary;
    (summary.message(1, values), ...);
    write(step, 5, summary);
  }
};

TensorBoardWriter::TensorBoardWriter(const std::string& folder, const TensorBoardWriterOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) raise<IoError>("TensorBoardWriter: '" + folder + "': cannot be created", {}, error.message());
  const auto clock = options.clock ? options.clock : system_seconds;
  const auto path = std::filesystem::path(folder) / event_file_name(clock());
  impl_ = newtape::detail::Owner<Impl>(new Impl{clock, detail::RecordFile(path.string())});
  ProtoMessage version;
  version.real(1, clock());
  impl_->file.write(version.bytes(3, "brain.Event:2").str());
  if (options.purge_step) impl_->write(*options.purge_step, 7, ProtoMessage().integer(1, 1));  // SessionLog: START
}
TensorBoardWriter::~TensorBoardWriter() = default;
TensorBoardWriter::TensorBoardWriter(TensorBoardWriter&&) noexcept = default;
TensorBoardWriter& TensorBoardWriter::operator=(TensorBoardWriter&&) noexcept = default;

void TensorBoardWriter::add_scalar(const std::string& tag, double value, std::int64_t step) {
  impl_->write_summary(step, ProtoMessage().bytes(1, tag).real32(2, static_cast<float>(value)));
}

void TensorBoardWriter::add_histogram(const std::string& tag, const ArrayLike& values, std::int64_t step) {
  const Array x = core::contiguous(core::cast(values, f64));
  Histogram histogram;
  for (std::int64_t i = 0; i < x.size(); ++i) histogram.add(x.data<double>()[i]);
  if (histogram.count > 0) {
    // Coarser buckets where the event would else not be written as a whole: 16 neighbours grow by a factor of 4.6, and
    // there are 98 at most.
    constexpr std::size_t around = 64;  // time, step, lengths
    ProtoMessage value;
    for (std::ptrdiff_t joined = 1; joined <= 16; joined *= 2) {
      value = ProtoMessage().bytes(1, tag).message(5, histogram.message(joined));
      if (value.str().size() + around <= detail::RecordFile::whole_bytes) break;
    }
    impl_->write_summary(step, value);
  }
  if (histogram.nonfinite > 0) add_scalar(tag + "/nonfinite", static_cast<double>(histogram.nonfinite), step);
}

void TensorBoardWriter::add_image(const std::string& tag, const ArrayLike& image, std::int64_t step) {
  const std::string png = data::encode_png(image, {.layout = data::ImageLayout::channels_last});
  ProtoMessage m;
  m.integer(1, image.shape(0)).integer(2, image.shape(1)).integer(3, image.ndim() == 3 ? 3 : 1).bytes(4, png);
  impl_->write_summary(step, ProtoMessage().bytes(1, tag).message(4, m));
}

void TensorBoardWriter::add_text(const std::string& tag, const std::string& text, std::int64_t step) {
  ProtoMessage tensor;  // of DT_STRING, shape [1]
  tensor.integer(1, 7).message(2, ProtoMessage().message(2, ProtoMessage().integer(1, 1))).bytes(8, text);
  impl_->write_summary(
      step, ProtoMessage().bytes(1, tag + "/text_summary").message(8, tensor).message(9, plugin_metadata("text")));
}

void TensorBoardWriter::add_hparams(const Config& config, const std::vector<std::pair<std::string, double>>& metrics) {
  ProtoMessage experiment;
  for (const auto& [name, value] : config) {
    experiment.message(4, ProtoMessage().bytes(1, name).integer(4, hparam_type(value)));
  }
  for (const auto& metric : metrics) {
    experiment.message(5, ProtoMessage().message(1, ProtoMessage().bytes(2, metric.first)));
  }
  ProtoMessage start;
  for (const auto& [name, value] : config) {
    start.message(1, ProtoMessage().bytes(1, name).message(2, proto_value(value)));
  }
  impl_->write_summary(0, hparams_value("_hparams_/experiment", 2, experiment));
  impl_->write_summary(0, hparams_value("_hparams_/session_start_info", 3, start));
  for (const auto& [name, value] : metrics) add_scalar(name, value, 0);
  impl_->write_summary(0, hparams_value("_hparams_/session_end_info", 4, ProtoMessage().integer(1, 1)));
}

void TensorBoardWriter::flush() { impl_->file.flush(); }
const std::string& TensorBoardWriter::path() const { return impl_->file.path(); }

}  // namespace newtape::inspect
