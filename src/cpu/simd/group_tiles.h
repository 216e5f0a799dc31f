// Sums of bytes for groups of 32 rows, over all offsets, by matrix tiles: the sums stay in tiles, so that none is read
// from memory and written back for each pair, as indirect_gemm has to.
#pragma once

#include <cstdint>

namespace gavotte::internal::cpu {

inline constexpr int kGroupRows = 32;
inline constexpr int kMostGroupOffsets = 32;  // a bit each
inline constexpr std::int64_t kMostGroupInputs = 512;

/// The sums of group g = the sums over the bits b of some[g] of added[b] and x[inputs] * panels[b], where an input of -1 is a row
/// of bytes `zero`. int32, exact modulo 2^32.
struct GroupProduct {
  const std::uint8_t* x;      ///< Rows of x_stride bytes; the first `in` of each are read.
  std::int64_t x_stride, in;  ///< in: 1 to kMostGroupInputs.
  std::uint8_t zero;
  const void* const* panels;  ///< By bit: a matrix [in, out] as VPDPBUSD's indirect_gemm reads it.
  const std::int32_t* const* added;  ///< By bit: [out]; null: nothing is added.
  std::int64_t out;                  ///< A multiple of 16.
  std::int64_t groups;
  const std::uint32_t* some;   ///< [groups]
  const std::int32_t* inputs;  ///< [the bits of all groups, kGroupRows], a group after the other
  std::int32_t* sums;          ///< [groups * kGroupRows, out]
};

/// Whether this process may multiply_groups on the panels that it packs, with such channels, and that is worth while.
bool takes_groups(std::int64_t in, std::int64_t out, bool matrix_tiles);
/// Where takes_groups says so.
void multiply_groups(const GroupProduct& product);

}  // namespace gavotte::internal::cpu
