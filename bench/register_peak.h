// What no kernel can be faster than: multiply-adds whose operands never leave the registers.
#pragma once

#include "comparison.h"
#include "gavotte/dtype.h"

namespace gavotte::bench {

/// So many operations (a multiply-add is two) on one thread, by the name "registers DTYPE"; its call is empty where the CPU
/// has no instruction for the dtype.
Contender from_registers(DType dtype, double operations);

}  // namespace gavotte::bench
