#include "cpu/simd/matrix_tiles.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64 && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace gavotte::internal::cpu {
namespace {

constexpr std::uint32_t kBFloat16Bit = 1U << 22, kTileBit = 1U << 24, kInt8Bit = 1U << 25;
constexpr std::uint64_t kTileStates = std::uint64_t{3} << 17;  // XTILECFG and XTILEDATA

const TileAnswers& answers_of_this_cpu() {
  static const TileAnswers answers = tile_answers();
  return answers;
}

// Linux lets a process use tiles only after it has asked (Documentation/arch/x86/xstate.rst).
bool permit_tiles() {
#if HWY_ARCH_X86_64 && defined(__linux__)
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

TileAnswers tile_answers() {
  TileAnswers answers;
#if HWY_ARCH_X86_64 && defined(__linux__)
  constexpr std::uint32_t kSavesStates = 1U << 27;  // OSXSAVE: XGETBV is there
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSavesStates) == 0) return answers;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return answers;
  answers.features = d;
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  answers.states = std::uint64_t{high} << 32 | low;
#endif
  return answers;
}

bool has_tiles(const TileAnswers& answers, DType dtype) {
  if (dtype != DType::bfloat16 && dtype != DType::uint8) return false;
  const std::uint32_t needed = kTileBit | (dtype == DType::bfloat16 ? kBFloat16Bit : kInt8Bit);
  return (answers.features & needed) == needed && (answers.states & kTileStates) == kTileStates;
}

bool has_tiles(DType dtype) { return has_tiles(answers_of_this_cpu(), dtype); }

bool may_use_tiles(const TileAnswers& answers, DType dtype, FunctionRef<bool()> permit) {
  return has_tiles(answers, dtype) && permit();
}

bool may_use_tiles(DType dtype) {
  return may_use_tiles(answers_of_this_cpu(), dtype, [] {
    static const bool permitted = permit_tiles();
    return permitted;
  });
}

}  // namespace gavotte::internal::cpu
