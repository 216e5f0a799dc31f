// The keys that a kernel map is searched by.
#pragma once

#include "backend.h"
#include "cuda/map_search.h"
#include "map_space.h"

namespace gavotte::internal::cuda {

/// The two sides of a map, and the box of keys they share.
struct MapSides {
  MapSides(const Geometry& geometry, const CoordinateData& input, const CoordinateData& output);

  const Geometry& geometry;
  const CoordinateData& input;
  const CoordinateData& output;
  const CoordinateData& coarse;
  const CoordinateData& fine;
  bool same_set = false;
  Reach reach;
  bool has_margin = false;   ///< Some coarse windows may lie outside the fine set's reach.
  bool shared_keys = false;  ///< One array of keys serves both sides.
  KeyLayout layout;

  /// What leads from an output's key to that of its input at an offset, per axis.
  AxisOffset difference(int offset) const;
};

/// What is cleared while the keys are written: see WriteKeysArgs.
struct Cleared {
  std::int32_t* table = nullptr;
  std::int64_t table_rows = 0;
  std::uint32_t* flags = nullptr;
  std::int64_t flag_words = 0;
};

/// targets: [input.rows]; queries: [output.rows], or null where sides.shared_keys. One launch.
template <class Key>
void write_keys(const Execution&, const MapSides&, const SearchedOffsets&, const Cleared&,
                Key* targets, Key* queries);

}  // namespace gavotte::internal::cuda
