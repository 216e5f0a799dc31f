#include "cpu/simd/shuffle_ports.h"

#include <hwy/base.h>

namespace gavotte::internal::cpu {

bool has_shuffle_ports() {
#if HWY_ARCH_X86
  static const bool intel = __builtin_cpu_is("intel") != 0;
  return !intel;
#else
  return true;
#endif
}

}  // namespace gavotte::internal::cpu
