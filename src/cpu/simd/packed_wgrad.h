// The weights' gradient of wide layers: the kernel of indirect_wgrad on copies of the pairs' rows, in the order in which it
// reads them.
#pragma once

#include <cstdint>

#include "cpu/simd/indirect_wgrad.h"

namespace gavotte::internal::cpu {

struct PackedWgrad {
  static constexpr std::int64_t kFewestInputs = 8, kFewestColumns = 33;
  /// As indirect_wgrad, for float32 and no fewer channels than these. memory: `bytes` of them, 64-byte aligned.
  void (*add)(const IndirectWgrad& args, void* memory);
  std::int64_t (*bytes)(std::int64_t in, std::int64_t out);
};
/// Null where this CPU has no kernel for it.
const PackedWgrad* packed_wgrad();

/// Whether copies gain, beside indirect_wgrad and a GEMM, for a gradient [in, out] on this CPU.
bool packs_wgrad(std::int64_t in, std::int64_t out);

}  // namespace gavotte::internal::cpu
