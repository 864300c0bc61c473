// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Prints what inspect::Probe adds to a training step.
void print_probe_cost();
