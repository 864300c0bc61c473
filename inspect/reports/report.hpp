// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/reports/config.hpp>
#include <newtape/nn/module/summary.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect {

class Probe;
class Profiler;
struct Diagnosis;
struct Effect;

struct ReportOptions {
  std::string title = "Training run";
  double every_seconds = 5;  ///< the shortest time between two writes during the run
  int refresh_seconds = 10;  ///< how often an open page loads itself again until the run has finished; 0: never
};

/// Curves over one horizontal axis.
struct ReportPlot {
  std::string x_label = {};
  std::vector<std::pair<std::string, ArrayLike>> lines = {};  ///< names and values [n]
};

/// A report of a run: one HTML file with all that it needs, which any browser shows without a network, in light and dark,
/// and prints. It is written during the run, replaced atomically, so that it can be opened, and the run killed, at any
/// moment:
///
///     inspect::Report report("run.html", {.title = "digits, Adam"});
///     report.set_config({{"lr", 3e-3}, {"batch_size", 64}});
///     report.add_scalar("loss/train", loss.item(), step);
///
/// Curves take any number of points in bounded memory and keep every extreme. Other parts replace earlier ones of the
/// same name. Names and texts may hold any characters. A file that cannot be written during the run is reported on the
/// standard error once, and the run goes on; `write` and `finish` throw. One thread at a time.
class Report {
 public:
  /// Writes the first, empty report. IoError.
  explicit Report(std::string path, const ReportOptions& options = {});
  /// Finishes, without an exception.
  ~Report();
  Report(Report&&) noexcept;
  Report& operator=(Report&&) noexcept;

  void set_config(const Config& config);
  /// A point of the curve `tag`: "loss/train" and "loss/test" are two lines of the chart "loss". Lines of several seeds
  /// are drawn as their mean and the range that they span. Values that are not finite are marked.
  void add_scalar(const std::string& tag, double value, std::int64_t step, std::int64_t seed = 0);
  /// A column of the heat map `name`: numbers of layers (norms of gradients, rows by name) at a step, coloured by their
  /// logarithm. Of many columns some are left out, evenly.
  void add_column(const std::string& name, const std::vector<std::pair<std::string, double>>& rows, std::int64_t step);
  /// A heat map of a matrix [rows, columns], coloured linearly. ShapeError.
  void add_heat_map(const std::string& name, const ArrayLike& values);
  /// The distribution of the elements: activations, weights.
  void add_histogram(const std::string& name, const ArrayLike& values);
  /// Eigenvalues or singular values in descending order of their size, on a logarithmic axis where they span much;
  /// positive and negative ones apart.
  void add_spectrum(const std::string& name, const ArrayLike& values);
  /// Curves y(x), of arrays [n]. ShapeError for other shapes.
  void add_plot(const std::string& name, const ArrayLike& x, const ReportPlot& plot);
  /// counts[t][p] (i64 [classes, classes]): examples of class t predicted as p. ShapeError.
  void add_confusion(const std::string& name, const ArrayLike& counts, const std::vector<std::string>& classes = {});
  /// Pictures, [h, w] or [h, w, 3] in [0, 1], with captions, those of wrong predictions framed. ShapeError.
  void add_images(const std::string& name, std::span<const Array> images, std::span<const std::string> captions,
                  const std::vector<bool>& wrong = {});
  /// Text as it is, with its line breaks.
  void add_text(const std::string& name, const std::string& text);
  /// The layers with their shapes, parameters, time and memory.
  void add_summary(const nn::Summary& summary);
  /// Time and memory by operation and by layer.
  void add_profile(const Profiler& profiler);
  /// What a probe has measured until now: curves of the loss, the norms of gradients and the update ratio, named
  /// "loss/`name`" and so on (without a name "loss"); heat maps of gradient norms, update ratios and rms of results by
  /// layer and step; tables of the latest values.
  void add_probe(const Probe& probe, const std::string& name = {});
  /// Causes with their evidence and remedies, symptoms, what was ruled out, and the letter.
  void add_diagnosis(const Diagnosis& diagnosis, const std::string& name = "Diagnosis");
  /// What techniques change, with intervals, and the metric of each run.
  void add_effects(std::span<const Effect> effects, const std::string& name = "Effects");
  void add_effect(const Effect& effect, const std::string& name = "Effect");
  /// A table; the first row is its header.
  void add_table(const std::string& name, const std::vector<std::vector<std::string>>& rows);

  /// Writes the file now. IoError; the earlier file is then intact.
  void write();
  /// Writes the final report, which says that the run has finished. IoError.
  void finish();
  const std::string& path() const;

 private:
  struct Impl;
  newtape::detail::Owner<Impl> impl_;
};

/// Compares the runs of two reports in a third: their curves together, final values, diagnoses and effects,
/// configurations, environments, and times and memory of layers, with what differs marked. IoError for a file that is no report.
void write_report_difference(const std::string& first, const std::string& second, const std::string& path);

}  // namespace newtape::inspect
