// Which offsets of a kernel are searched: all, or one of each mirrored pair (k, K - 1 - k) and the
// centre. A slot numbers what is searched: the offset itself, or the distance of a pair from the
// centre.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"
#include "gavotte/conv_spec.h"

namespace gavotte::internal::cuda {

struct SearchedOffsets {
  int offsets = 0;                                 ///< K
  bool mirrored = false;                           ///< K is odd, and one of each pair is searched.
  std::uint32_t bits[kMaxKernelVolume / 32] = {};  ///< mirrored: bit k: offset k is searched.

  GAVOTTE_HOST_DEVICE int slots() const { return mirrored ? offsets / 2 + 1 : offsets; }
  GAVOTTE_HOST_DEVICE int mirror(int offset) const { return offsets - 1 - offset; }
  GAVOTTE_HOST_DEVICE bool contains(int offset) const {
    return !mirrored || (bits[offset / 32] >> (offset % 32) & 1U) != 0;
  }
  GAVOTTE_HOST_DEVICE int offset_of(int slot) const {
    if (!mirrored) return slot;
    const int upper = offsets / 2 + slot;
    return contains(upper) ? upper : mirror(upper);
  }
  GAVOTTE_HOST_DEVICE int slot_of(int offset) const {
    if (!mirrored) return offset;
    return offset < offsets / 2 ? offsets / 2 - offset : offset - offsets / 2;
  }
  void insert(int offset) { bits[offset / 32] |= 1U << (offset % 32); }
};

}  // namespace gavotte::internal::cuda
