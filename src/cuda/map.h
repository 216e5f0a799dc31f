// Kernel maps on a GPU: keys, a search by the builder of the config, forms of the result.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backend.h"
#include "cuda/map_forms.h"

namespace gavotte::internal::cuda {

/// A map whose search is on the stream; how many pairs it has, the host does not know yet.
struct PendingMap {
  std::shared_ptr<MapData> map;  ///< Table and sizes; no pair lists, no pair count.
  RowFlags flags;
};

/// Waits for nothing. The launches depend on the geometry, the config and whether rows are in key
/// order, never on the data: 3 with column_walk (keys, walk, count), 5 with double_traversal (keys,
/// borders, schedule, search, count), 1 more where the output's rows are in another order, and the
/// builder's own again for each further 128 offsets.
PendingMap launch_map(const Execution&, const Geometry&, const CoordinateData& input,
                      const CoordinateData& output, const MapConfig&);
/// Reads the pair counts of all of them, with one wait, then makes their lists: one launch each. The
/// maps of a network are launched together and finished together.
std::vector<std::shared_ptr<const MapData>> finish_maps(const Execution&, std::span<PendingMap>);

/// One wait; none with Wait::later or on deferred sets.
std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig&, Wait);
/// Makes deferred maps of exact sets exact. One wait.
void resolve(const Execution&, std::span<const std::shared_ptr<const MapData>>);
/// No wait.
Tensor transpose_table(const Execution&, ConstTensorView table, std::int64_t in_rows);
/// No wait. Leaves MapData::transposed_table behind: called under the map's mutex.
PairLists sort_by_input(const Execution&, const MapData&);
/// No wait.
Tensor map_table(const Execution&, const PairView&);
/// No wait.
Tensor map_masks(const Execution&, const PairView&);

}  // namespace gavotte::internal::cuda
