// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/reports/config.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect {

struct TensorBoardWriterOptions {
  /// The first step of a resumed run: TensorBoard discards what earlier files of the folder say of it and later ones.
  std::optional<std::int64_t> purge_step = {};
  /// Seconds since 1970; by default the system's clock.
  std::function<double()> clock = {};
};

/// Writes an event file for TensorBoard (`tensorboard --logdir folder`) into a folder, which is created if needed:
///
///     inspect::TensorBoardWriter board("runs/adam");
///     board.add_scalar("loss/train", loss.item(), step);
///
/// Each event is written at once. A run that is killed at any moment leaves complete events: all of up to 4062 bytes,
/// which scalars, histograms and hyperparameters are (unless a tag is longer), are written as a whole or not at all. Of
/// a larger one, an image or a long text, a part may be left at the end of the file, which readers leave out. Errors are
/// IoErrors; the file then holds the earlier events. One thread at a time.
class TensorBoardWriter {
 public:
  explicit TensorBoardWriter(const std::string& folder, const TensorBoardWriterOptions& options = {});
  ~TensorBoardWriter();
  TensorBoardWriter(TensorBoardWriter&&) noexcept;
  TensorBoardWriter& operator=(TensorBoardWriter&&) noexcept;

  /// Stored as f32.
  void add_scalar(const std::string& tag, double value, std::int64_t step);
  /// The distribution of the elements, in buckets that grow by 10 % from 1e-12 to 1e20, or by 21, 46 or 114 % and so on
  /// if there were more than about 240 of them. Values that are not finite are in no bucket; their number is the scalar
  /// `tag`/nonfinite, written when there are any.
  void add_histogram(const std::string& tag, const ArrayLike& values, std::int64_t step);
  /// A grey image [h, w] or an RGB image [h, w, 3] in [0, 1], as PNG. ShapeError.
  void add_image(const std::string& tag, const ArrayLike& image, std::int64_t step);
  /// Markdown.
  void add_text(const std::string& tag, const std::string& text, std::int64_t step);
  /// The run's hyperparameters, and final metrics to compare runs by.
  void add_hparams(const Config& config, const std::vector<std::pair<std::string, double>>& metrics);
  /// Waits until everything is on the disk.
  void flush();
  /// The event file.
  const std::string& path() const;

 private:
  struct Impl;
  newtape::detail::Owner<Impl> impl_;
};

}  // namespace newtape::inspect
