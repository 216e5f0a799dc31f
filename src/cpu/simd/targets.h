// The vector targets that are compiled, to be included before any header of Highway. Left out are those whose
// instructions beyond the next lower one are of no use here, and those whose vectors make no arrays.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
