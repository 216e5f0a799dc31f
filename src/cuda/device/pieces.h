// The pairs of a map cut into pieces whose borders follow from the pair counts alone: every offset
// is cut into runs of one length, so a sum that is made by pieces and then added in their order has
// the same bits on every run, whichever block takes which piece. The counts stay on the device: a
// warp finds a piece by scanning over the offsets, 32 at a time.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// Pairs [begin, end) of an offset; offset -1: there is no such piece.
struct Piece {
  int offset = -1;
  std::int64_t begin = 0, end = 0;
};

/// Pieces [begin, end).
struct PieceRange {
  std::int64_t begin = 0, end = 0;
};

struct Pieces {
  const std::int64_t* pair_begin = nullptr;  ///< [offsets + 1]
  int offsets = 0;
  std::int64_t chunk_pairs = 1;  ///< Pairs of a piece, where there are few enough pieces then.
  std::int64_t most_chunks = 1;  ///< Else the least multiple of chunk_pairs that gives so many.

  /// Never fewer than there are pieces, for any lists of at most `pairs` pairs.
  std::int64_t bound(std::int64_t pairs) const {
    const std::int64_t chunks = (pairs + chunk_pairs - 1) / chunk_pairs;
    return (chunks < most_chunks ? chunks : most_chunks) + (offsets < pairs ? offsets : pairs);
  }
};

/// Pairs of a piece, but for the last one of an offset.
GAVOTTE_DEVICE std::int64_t piece_length(const Pieces& pieces) {
  const std::int64_t chunks =
      (pieces.pair_begin[pieces.offsets] + pieces.chunk_pairs - 1) / pieces.chunk_pairs;
  const std::int64_t times = (chunks + pieces.most_chunks - 1) / pieces.most_chunks;
  return pieces.chunk_pairs * (times > 1 ? times : 1);
}

/// The sum over this lane and those below it.
GAVOTTE_DEVICE std::int64_t sum_of_lanes_below(std::int64_t value) {
  for (int step = 1; step < kWarpThreads; step *= 2) {
    const std::int64_t below = shuffle_up(kFullMask, value, step);
    if (lane_index() >= step) value += below;
  }
  return value;
}

/// Calls body(lane's offset, pieces before it, pieces of it) in every lane for each 32 offsets, until
/// it returns true; lanes beyond the last offset have no pieces. All lanes return from body alike.
template <class Body>
GAVOTTE_DEVICE void scan_offsets(const Pieces& pieces, std::int64_t length, Body&& body) {
  std::int64_t before = 0;
  for (int first = 0; first < pieces.offsets; first += kWarpThreads) {
    const int k = first + lane_index();
    std::int64_t count = 0;
    if (k < pieces.offsets)
      count = (pieces.pair_begin[k + 1] - pieces.pair_begin[k] + length - 1) / length;
    const std::int64_t end = before + sum_of_lanes_below(count);
    if (body(k, end - count, count)) return;
    before = shuffle(kFullMask, end, kWarpThreads - 1);
  }
}

/// Piece `index`, in the order of the offsets. The whole warp asks for the same one.
GAVOTTE_DEVICE Piece find_piece(const Pieces& pieces, std::int64_t index) {
  const std::int64_t length = piece_length(pieces);
  Piece found;
  scan_offsets(pieces, length, [&](int k, std::int64_t first, std::int64_t count) {
    const unsigned owner = ballot(kFullMask, index >= first && index < first + count);
    if (owner == 0) return false;
    const int lane = lowest_bit(owner);
    found.offset = shuffle(kFullMask, k, lane);
    found.begin =
        pieces.pair_begin[found.offset] + (index - shuffle(kFullMask, first, lane)) * length;
    const std::int64_t end = pieces.pair_begin[found.offset + 1];
    found.end = found.begin + length < end ? found.begin + length : end;
    return true;
  });
  return found;
}

/// The pieces of an offset. The whole warp asks for the same one.
GAVOTTE_DEVICE PieceRange pieces_of(const Pieces& pieces, int offset) {
  PieceRange found;
  scan_offsets(pieces, piece_length(pieces), [&](int k, std::int64_t first, std::int64_t count) {
    if (offset >= k - lane_index() + kWarpThreads) return false;
    const int lane = offset % kWarpThreads;
    found.begin = shuffle(kFullMask, first, lane);
    found.end = found.begin + shuffle(kFullMask, count, lane);
    return true;
  });
  return found;
}

}  // namespace gavotte::internal::cuda
