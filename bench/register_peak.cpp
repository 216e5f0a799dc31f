#include "register_peak.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>

#include "peak/multiply_adds.h"

namespace gavotte::bench {

Contender from_registers(DType dtype, double operations) {
  Contender best;  // matrix tiles, where there are any, stand behind the dtype's vectors
  for (const peak::MultiplyAdds& loop : peak::multiply_adds()) {
    if (loop.dtype != name(dtype)) continue;
    const auto iterations =
        static_cast<std::int64_t>(operations / static_cast<double>(loop.operations));
    best = {fmt::format("registers {}", name(dtype)),
            [=] { benchmark::DoNotOptimize(loop.run(iterations)); }};
  }
  return best;
}

}  // namespace gavotte::bench
