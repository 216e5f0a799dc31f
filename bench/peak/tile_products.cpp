// Products of matrix tiles, Intel's AMX: each instruction adds to 16 rows of 16 sums the products of 64 bytes a row. In the
// assembler's form, which needs no compiler flags.
#include "peak/multiply_adds.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gavotte::peak {
namespace {

// What LDTILECFG reads: all eight tiles of 16 rows of 64 bytes.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr Configuration kConfiguration;
constexpr int kSums = 4;  // tiles that do not wait for each other; four more are factors
constexpr std::int64_t kRowBytes = 64;

// A lane of all four sums. value: each four bytes of all factors.
template <class Sum, class Products>
double run_tiles(std::int64_t iterations, std::uint32_t value, const Products& products) {
  alignas(64) std::uint32_t factor[256];
  for (std::uint32_t& four : factor) four = value;
  alignas(64) Sum sums[kSums][256];
  asm volatile("ldtilecfg %0" : : "m"(kConfiguration) : "memory");
  asm volatile(
      "tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
      "tileloadd (%0,%1,1), %%tmm4\n\ttileloadd (%0,%1,1), %%tmm5\n\t"
      "tileloadd (%0,%1,1), %%tmm6\n\ttileloadd (%0,%1,1), %%tmm7"
      :
      : "r"(factor), "r"(kRowBytes)
      : "memory");
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) products();
  asm volatile(
      "tilestored %%tmm0, (%0,%4,1)\n\ttilestored %%tmm1, (%1,%4,1)\n\t"
      "tilestored %%tmm2, (%2,%4,1)\n\ttilestored %%tmm3, (%3,%4,1)\n\ttilerelease"
      :
      : "r"(sums[0]), "r"(sums[1]), "r"(sums[2]), "r"(sums[3]), "r"(kRowBytes)
      : "memory");
  double all = 0;
  for (const auto& of_tile : sums) all += static_cast<double>(of_tile[0]);
  return all;
}

double run_tdpbf16(std::int64_t iterations) {
  return run_tiles<float>(iterations, 0x3f003f00, [] {  // halves
    asm volatile(
        "tdpbf16ps %tmm6, %tmm4, %tmm0\n\ttdpbf16ps %tmm7, %tmm4, %tmm1\n\t"
        "tdpbf16ps %tmm6, %tmm5, %tmm2\n\ttdpbf16ps %tmm7, %tmm5, %tmm3");
  });
}

double run_tdpbusd(std::int64_t iterations) {
  return run_tiles<std::int32_t>(iterations, 0x01020304, [] {
    asm volatile(
        "tdpbusd %tmm6, %tmm4, %tmm0\n\ttdpbusd %tmm7, %tmm4, %tmm1\n\t"
        "tdpbusd %tmm6, %tmm5, %tmm2\n\ttdpbusd %tmm7, %tmm5, %tmm3");
  });
}

// Whether the system saves tiles and lets this process use them (Linux, Documentation/arch/x86/xstate.rst).
bool may_use_tiles() {
  constexpr std::uint32_t kSavesStates = 1U << 27;
  constexpr std::uint32_t kTileStates = 3U << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSavesStates) == 0) return false;
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileStates) == kTileStates &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

std::vector<MultiplyAdds> tile_products() {
  // Leaf 7, from Intel's manual, volume 2A, CPUID.
  constexpr unsigned kBFloat16 = 1U << 22, kTiles = 1U << 24, kInt8 = 1U << 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTiles) == 0 || !may_use_tiles())
    return {};
  constexpr std::int64_t kProducts = std::int64_t{16} * 16 * 16 * kSums;  // of 4 bytes by 4 bytes
  std::vector<MultiplyAdds> loops;
  if ((d & kBFloat16) != 0)
    loops.push_back({"bfloat16", "tdpbf16", 8192, 2 * 2 * kProducts, &run_tdpbf16});
  if ((d & kInt8) != 0) loops.push_back({"int8", "tdpbusd", 8192, 2 * 4 * kProducts, &run_tdpbusd});
  return loops;
}

}  // namespace gavotte::peak
#else

namespace gavotte::peak {

std::vector<MultiplyAdds> tile_products() { return {}; }

}  // namespace gavotte::peak
#endif
