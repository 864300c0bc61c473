// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/mpi/group.hpp>

#include <optional>
#include <string>

namespace newtape::mpi {

/// Writes the state of a run on several ranks once:
///
///     mpi::save_checkpoint("run.safetensors", {{{"model", model.state_dict()},
///                                               {"optimizer", parallel.local_state_dict(optimizer)},
///                                               {"generator", nt::default_generator().state_dict()},
///                                               {"loader", loader.state_dict()}}}, world);
///
/// The checkpoint is what the ranks give together: of an entry that several have, which should be equal, the lowest
/// rank's is written. `run.safetensors` is one file, which rank 0 writes; `run.index.json` is an index of one file for each
/// rank, with equal shares of the bytes, in a folder that all ranks see. Either is replaced atomically when all of it is on
/// disk: whenever a rank is killed, what is there is the last complete checkpoint. What killed runs and older indices left
/// is removed. data::load_checkpoint reads both.
///
/// All ranks call it, with parts of the same names and rank 0's metadata. IoError, ValueError on all ranks, as
/// data::save_checkpoint.
void save_checkpoint(const std::string& path, const data::Checkpoint& checkpoint, const Group& group,
                     SourceLocation at = SourceLocation::current());

/// The checkpoint on all ranks, of which there may be others than wrote it. A rank maps the file into its memory when it
/// sees the same one as rank 0; to others rank 0 sends it. IoError on all ranks.
data::Checkpoint load_checkpoint(const std::string& path, const Group& group,
                                 SourceLocation at = SourceLocation::current());

/// The same, or nothing when rank 0 finds no file of this name: a run that starts or resumes.
std::optional<data::Checkpoint> find_checkpoint(const std::string& path, const Group& group,
                                                SourceLocation at = SourceLocation::current());

}  // namespace newtape::mpi
