// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/effects/effect.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/inspect/reports/chart.hpp>

#include <functional>
#include <span>
#include <string>

/// What probes, diagnoses and effects say, as HTML.
namespace newtape::inspect::detail {

/// Causes and symptoms as tables, what was ruled out, and the whole letter to be opened.
std::string diagnosis_html(const Diagnosis& d);
/// The likeliest cause and its evidence in one line.
std::string diagnosis_line(const Diagnosis& d);

/// A table of one row a technique, and a sentence for each.
std::string effects_html(std::span<const Effect> effects);
/// The metric by run, of the baseline and of all techniques.
std::string effects_figure(const std::string& title, std::span<const Effect> effects);

/// Heat maps over the steps: of parameters, with a row for each of them.
HeatMap parameter_map(const Probe& probe, const std::function<double(const ParameterRecord&)>& value);
/// Of results of modules and of their inputs.
HeatMap result_map(const Probe& probe, const std::function<double(const ResultRecord&)>& value);
/// The latest records.
std::string probe_parameters(const Probe& probe);
std::string probe_results(const Probe& probe);

}  // namespace newtape::inspect::detail
