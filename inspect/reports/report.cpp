// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/inspect/reports/findings.hpp>
#include <newtape/inspect/reports/page.hpp>
#include <newtape/inspect/reports/report.hpp>
#include <newtape/inspect/reports/report_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

namespace newtape::inspect {
namespace detail {

/// A part that replaces an earlier one of the same name.
struct ReportPart {
  std::string name;
  std::string html;
  bool figure;  ///< side by side with others, its title within
};

/// A heat map that grows by columns: beyond `limit`, every second one is dropped, and later ones are left out alike.
struct GrowingMap {
  static constexpr std::size_t limit = 256;
  std::string name;
  HeatMap map{.log_scale = true};
  std::int64_t every = 1;
  std::int64_t seen = 0;

  void add(const std::vector<std::pair<std::string, double>>& rows, double column) {
    if (seen++ % every != 0) return;
    if (map.columns.size() == limit) {
      for (std::size_t i = 1; i < limit / 2; ++i) {
        map.columns[i] = map.columns[2 * i];
        map.values[i] = std::move(map.values[2 * i]);
      }
      map.columns.resize(limit / 2);
      map.values.resize(limit / 2);
      every *= 2;
      if ((seen - 1) % every != 0) return;
    }
    std::vector<double> values(map.rows.size(), std::numeric_limits<double>::quiet_NaN());
    for (const auto& [row, value] : rows) {
      const auto at = std::find(map.rows.begin(), map.rows.end(), row) - map.rows.begin();
      if (at == std::ssize(map.rows)) {
        map.rows.push_back(row);
        values.push_back(value);
      } else {
        values[static_cast<std::size_t>(at)] = value;
      }
    }
    map.columns.push_back(column);
    map.values.push_back(std::move(values));
  }
};

}  // namespace detail

namespace {

using Clock = std::chrono::steady_clock;

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void expect_lengths(const Array& x, const Array& y) {
  if (x.ndim() == 1 && x.shape() == y.shape()) return;
  raise<ShapeError>("Report: a curve needs as many values as places", "two arrays [n]",
                    to_string(x.shape()) + " and " + to_string(y.shape()));
}

}  // namespace

struct Report::Impl {
  std::string path;
  ReportOptions options;
  detail::RunData data{};
  std::int64_t started = wall_seconds();
  Clock::time_point begin = Clock::now();
  Clock::time_point next = begin;  ///< the earliest time for a write
  std::string layers{};
  std::vector<detail::GrowingMap> maps{};
  std::vector<detail::ReportPart> parts{};
  bool finished = false;
  bool warned = false;

  std::string page() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::string body = "<h1>" + detail::html_escape(options.title) + "</h1>\n";
    body +=
        fmt::format("<p class=\"note\">{} after {}; started {}, written {}</p>\n", finished ? "finished" : "running,",
                    detail::report_seconds(seconds), detail::utc_time(started), detail::utc_time(wall_seconds()));
    if (data.series.empty() && maps.empty() && parts.empty())
      body += "<p class=\"note\">Nothing was recorded yet.</p>\n";
    body += detail::chart_section("Curves", detail::curve_figures(data));
    std::string figures;
    for (const auto& m : maps) figures += detail::heat_map_chart(m.map, {.title = m.name, .x_label = "step"});
    for (const auto& p : parts) figures += p.figure ? p.html : "";
    body += detail::chart_section("Figures", figures);
    for (const auto& p : parts) body += p.figure ? "" : detail::section(p.name, p.html);
    body += detail::section("Layers", layers);
    body += detail::section("Configuration", detail::pairs_table(data.config));
    body += detail::section("Environment", detail::pairs_table(data.environment));
    return detail::html_page(options.title, body + detail::data_element(data), finished ? 0 : options.refresh_seconds);
  }

  void write() {
    const auto start = Clock::now();
    data::detail::Output file("Report", path);
    file.write(page());
    file.commit();
    // A run spends a twentieth of its time on reports at most.
    const auto took = Clock::now() - start;
    next = Clock::now() +
           std::max(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.every_seconds)),
                    20 * took);
  }

  /// Writes when it is time to.
  void changed() {
    if (Clock::now() < next) return;
    try {
      write();
    } catch (const IoError& e) {
      next = Clock::now() + std::chrono::seconds(30);
      if (!std::exchange(warned, true)) fmt::print(stderr, "{}\n", e.what());
    }
  }

  /// The finding of this name, new or to be replaced.
  std::string& find(const std::string& name) {
    for (auto& f : data.findings) {
      if (f.first == name) return f.second;
    }
    return data.findings.emplace_back(name, std::string()).second;
  }

  void put(const std::string& name, std::string html, bool figure) {
    const auto at = std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.name == name; });
    if (at != parts.end()) {
      *at = {name, std::move(html), figure};
    } else {
      parts.push_back({name, std::move(html), figure});
    }
    changed();
  }
};

Report::Report(std::string path, const ReportOptions& options) : impl_(new Impl{std::move(path), options}) {
  impl_->data.title = options.title;
  impl_->data.environment = detail::environment_pairs();
  impl_->write();
}

Report::~Report() {
  if (impl_ == nullptr || impl_->finished) return;
  try {
    finish();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
  }
}
Report::Report(Report&&) noexcept = default;
Report& Report::operator=(Report&&) noexcept = default;

void Report::set_config(const Config& config) {
  impl_->data.config.clear();
  for (const auto& [name, value] : config) impl_->data.config.emplace_back(name, to_string(value));
  impl_->changed();
}

void Report::add_scalar(const std::string& tag, double value, std::int64_t step, std::int64_t seed) {
  impl_->data.at(tag, seed).add(static_cast<double>(step), value);
  impl_->changed();
}

void Report::add_column(const std::string& name, const std::vector<std::pair<std::string, double>>& rows,
                        std::int64_t step) {
  auto& maps = impl_->maps;
  auto at = std::find_if(maps.begin(), maps.end(), [&](const auto& m) { return m.name == name; });
  if (at == maps.end()) at = maps.insert(at, detail::GrowingMap{name});
  at->add(rows, static_cast<double>(step));
  impl_->changed();
}

void Report::add_heat_map(const std::string& name, const ArrayLike& values) {
  if (values.ndim() != 2) {
    raise<ShapeError>("Report: a heat map must have two axes", "[rows, columns]", to_string(values.shape()));
  }
  const Array x = core::contiguous(core::cast(values, f64));
  detail::HeatMap map;
  for (std::int64_t r = 0; r < x.shape(0); ++r) map.rows.push_back(std::to_string(r));
  for (std::int64_t c = 0; c < x.shape(1); ++c) {
    map.columns.push_back(static_cast<double>(c));
    map.values.emplace_back();
    for (std::int64_t r = 0; r < x.shape(0); ++r) map.values.back().push_back(x.data<double>()[r * x.shape(1) + c]);
  }
  impl_->put(name, detail::heat_map_chart(map, {.title = name}), true);
}

void Report::add_histogram(const std::string& name, const ArrayLike& values) {
  impl_->put(name, detail::histogram_figure(name, values), true);
}

void Report::add_spectrum(const std::string& name, const ArrayLike& values) {
  impl_->put(name, detail::spectrum_figure(name, values), true);
}

void Report::add_plot(const std::string& name, const ArrayLike& x, const ReportPlot& plot) {
  const Array places = core::contiguous(core::cast(x, f64));
  std::vector<detail::CurveSeries> curves;
  for (const auto& line : plot.lines) {
    expect_lengths(x, line.second);
    const Array y = core::contiguous(core::cast(line.second, f64));
    curves.emplace_back();
    for (std::int64_t i = 0; i < y.size(); ++i) curves.back().add(places.data<double>()[i], y.data<double>()[i]);
  }
  std::vector<detail::ChartLine> lines;
  for (std::size_t i = 0; i < curves.size(); ++i) lines.push_back({plot.lines[i].first, {&curves[i]}, i, i});
  impl_->put(name, detail::line_chart(lines, {.title = name, .x_label = plot.x_label}), true);
}

void Report::add_confusion(const std::string& name, const ArrayLike& counts, const std::vector<std::string>& classes) {
  impl_->put(name, detail::confusion_table(counts, classes), false);
}

void Report::add_images(const std::string& name, std::span<const Array> images, std::span<const std::string> captions,
                        const std::vector<bool>& wrong) {
  impl_->put(name, detail::pictures(images, captions, wrong), false);
}

void Report::add_text(const std::string& name, const std::string& text) {
  impl_->put(name, "<pre>" + detail::html_escape(text) + "</pre>\n", false);
}

void Report::add_summary(const nn::Summary& summary) {
  impl_->data.layers.clear();
  for (const auto& l : summary.layers) impl_->data.layers.push_back({l.path, l.seconds, l.kept_bytes});
  impl_->layers = detail::summary_table(summary);
  impl_->changed();
}

void Report::add_profile(const Profiler& profiler) {
  impl_->put("Operations", detail::profile_rows(profiler.by_op(), profiler.seconds()), false);
  impl_->put("Operations by layer", detail::profile_rows(profiler.by_layer(), profiler.seconds()), false);
}

void Report::add_probe(const Probe& probe, const std::string& name) {
  const auto curve = [&](const std::string& chart) -> detail::CurveSeries& {
    auto& points = impl_->data.at(name.empty() ? chart : chart + "/" + name, 0);
    points = {};  // histories drop records as they grow
    return points;
  };
  auto& loss = curve("loss");
  for (const auto& r : probe.losses().records()) loss.add(static_cast<double>(r.step), r.value);
  const auto steps = probe.step_records().records();
  const auto step_curve = [&](const std::string& chart, const auto& value) {
    auto& points = curve(chart);
    for (const auto& r : steps) points.add(static_cast<double>(r.step), value(r));
  };
  step_curve("gradient norm", [](const StepRecord& r) { return r.grad_norm; });
  step_curve("update ratio", [](const StepRecord& r) { return r.value_norm > 0 ? r.step_norm / r.value_norm : 0; });
  const std::string of = name.empty() ? "" : ", " + name;
  const auto map = [&](const std::string& title, detail::HeatMap values) {
    if (values.rows.empty()) return;
    impl_->put(title + of, detail::heat_map_chart(values, {.title = title + of, .x_label = "step"}), true);
  };
  const auto norm_of = [](const core::ArraySummary& s) {
    return s.examined > 0 ? s.norm() : std::numeric_limits<double>::quiet_NaN();
  };
  const auto rms_of = [](const core::ArraySummary& s) {
    return s.examined > 0 ? s.rms() : std::numeric_limits<double>::quiet_NaN();
  };
  map("gradient norms", detail::parameter_map(probe, [&](const ParameterRecord& r) { return norm_of(r.grad); }));
  map("update ratios", detail::parameter_map(probe, [](const ParameterRecord& r) { return r.update_ratio(); }));
  map("rms of results", detail::result_map(probe, [&](const ResultRecord& r) { return rms_of(r.value); }));
  map("rms of the gradients of results",
      detail::result_map(probe, [&](const ResultRecord& r) { return rms_of(r.grad); }));
  impl_->put("Parameters" + of, detail::probe_parameters(probe), false);
  impl_->put("Results of modules" + of, detail::probe_results(probe), false);
}

void Report::add_diagnosis(const Diagnosis& diagnosis, const std::string& name) {
  impl_->find(name) = detail::diagnosis_line(diagnosis);
  impl_->put(name, detail::diagnosis_html(diagnosis), false);
}

void Report::add_effects(std::span<const Effect> effects, const std::string& name) {
  for (const auto& e : effects) impl_->find(name + ", " + e.technique) = summary(e);
  impl_->put(name, detail::effects_html(effects), false);
  if (!effects.empty()) {
    const std::string title = name + ", " + effects[0].metric + " by run";
    impl_->put(title, detail::effects_figure(title, effects), true);
  }
}

void Report::add_effect(const Effect& effect, const std::string& name) { add_effects({&effect, 1}, name); }

void Report::add_table(const std::string& name, const std::vector<std::vector<std::string>>& rows) {
  auto escaped = rows;
  for (auto& row : escaped) {
    for (auto& cell : row) cell = detail::html_escape(cell);
  }
  impl_->put(name, detail::html_table(escaped), false);
}

void Report::write() { impl_->write(); }

void Report::finish() {
  impl_->finished = true;
  impl_->write();
}

const std::string& Report::path() const { return impl_->path; }

}  // namespace newtape::inspect
