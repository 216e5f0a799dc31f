// Whether this CPU has matrix tiles (Intel's AMX) and its system lets this process use them.
#pragma once

#include <cstdint>

#include "function_ref.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// What a CPU answers about its tiles; all 0 where it is not asked.
struct TileAnswers {
  std::uint32_t features = 0;  ///< EDX of CPUID, leaf 7: AMX-BF16 is bit 22, -TILE 24, -INT8 25.
  std::uint64_t states = 0;    ///< XCR0, what the system saves: bits 17 and 18 are those of tiles.
};

/// Those of this CPU.
TileAnswers tile_answers();

/// Whether such a CPU multiplies values of `dtype` in tiles: bfloat16, or uint8 by int8.
bool has_tiles(const TileAnswers& answers, DType dtype);
/// The same of this CPU; asks the system for nothing.
bool has_tiles(DType dtype);

/// Whether a process may use the tiles that the CPU has for `dtype`. permit: asks the system for leave, and is
/// called for a CPU that has them alone.
bool may_use_tiles(const TileAnswers& answers, DType dtype, FunctionRef<bool()> permit);
/// The same of this process. The first question for a dtype that the CPU has tiles for asks Linux to permit them, which
/// makes the signal frames of the process larger; its answer stays.
bool may_use_tiles(DType dtype);

}  // namespace gavotte::internal::cpu
