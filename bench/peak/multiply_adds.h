// Loops of multiply-adds whose operands never leave the registers: no kernel can be faster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gavotte::peak {

/// A loop of multiply-adds that this CPU has instructions for.
struct MultiplyAdds {
  std::string dtype;        ///< Of the factors: "float32".
  std::string instruction;  ///< "multiply-add", "dpbf16", ...
  int vector_bits = 0;
  std::int64_t operations = 0;  ///< Of one iteration; a multiply-add is two.
  /// One lane of all sums added up, so that the compiler drops none of them.
  double (*run)(std::int64_t iterations) = nullptr;
};

/// float32 and float64 on the best vectors of this CPU, then dot_products() and tile_products().
std::vector<MultiplyAdds> multiply_adds();

/// Sums of products of 16-bit and 8-bit numbers, where the CPU has instructions for them: x86 with
/// AVX512_BF16, AVX512_VNNI or AVX-VNNI. Empty elsewhere.
std::vector<MultiplyAdds> dot_products();

/// The same by matrix tiles, on Linux on x86 with AMX; empty elsewhere. Asks Linux for leave to use them.
std::vector<MultiplyAdds> tile_products();

}  // namespace gavotte::peak
