// What no kernel can be faster than: multiply-adds whose operands never leave the registers.
#pragma once

#include "comparison.h"
#include "gavotte/dtype.h"

namespace gavotte::bench {

/// So many operations (a multiply-add is two) on one thread, by the name "registers DTYPE"; its call is empty where the CPU
/// has no instruction for the dtype.
Contender from_registers(DType dtype, double operations);

/// Lets such operations stand beside a call that does `operations` on `threads`, where the CPU has an instruction for the
/// dtype. They take a fraction of a millisecond: loads beside multiply-adds lower the clock of some CPUs, and registers
/// alone would soon have raised it again.
void put_registers_beside(Contender& contender, DType dtype, double operations, int threads);

}  // namespace gavotte::bench
