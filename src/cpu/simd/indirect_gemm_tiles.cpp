// indirect_gemm by the tiles of AMX: one instruction multiplies 16 rows of 64 bytes with 16 columns of weights. None of
// these instructions is reached unless may_use_tiles says so.
#include "cpu/simd/native_kernels.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "cpu/simd/matrix_tiles.h"

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
namespace gavotte::internal::cpu::amx {
namespace {

// What LDTILECFG reads.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);
constexpr TileConfiguration kConfiguration;

// One wrapper an instruction. The assembler's form, since the intrinsics of g++ do not tell the compiler that memory is
// read and written. Other code of the thread may use tiles, too: nothing is expected of their configuration before, and
// none is left behind.
class Tiles {
 public:
  HWY_INLINE Tiles() { asm volatile("ldtilecfg %0" : : "m"(kConfiguration) : "memory"); }
  HWY_INLINE ~Tiles() { asm volatile("tilerelease" : : : "memory"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int t>
  HWY_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(t));
  }
  template <int t>
  HWY_INLINE void load(const void* from, std::int64_t row_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_bytes), "i"(t) : "memory");
  }
  template <int t>
  HWY_INLINE void store(void* to, std::int64_t row_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(row_bytes), "i"(t) : "memory");
  }
  template <class Sum, int c, int a, int b>
  HWY_INLINE void multiply_add() {
    if constexpr (std::is_same_v<Sum, float>) {
      asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
    } else {
      asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
    }
  }
};

#include "cpu/simd/indirect_tiles-inl.h"

}  // namespace
}  // namespace gavotte::internal::cpu::amx
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {

bool multiply_by_tiles(const IndirectGemm& args) {
  if (!args.matrix_tiles || !fills_tiles(args.dtype, args.in, args.out)) return false;
  if (!may_use_tiles(args.dtype)) return false;
  args.dtype == DType::bfloat16
      ? amx::multiply_by_tiles<amx::Tiles, std::uint16_t, float>(args)
      : amx::multiply_by_tiles<amx::Tiles, std::uint8_t, std::int32_t>(args);
  return true;
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

bool multiply_by_tiles(const IndirectGemm&) { return false; }

}  // namespace gavotte::internal::cpu

#endif

namespace gavotte::internal::cpu {

bool fills_tiles(DType dtype, std::int64_t in, std::int64_t out) {
  return in * size_bytes(dtype) >= 64 && out >= 16;
}

}  // namespace gavotte::internal::cpu
