#include "register_peak.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>

#include "parallel.h"
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

void put_registers_beside(Contender& contender, DType dtype, double operations, int threads) {
  constexpr double trial = 1e9;
  constexpr std::chrono::duration<double, std::milli> burst(0.2);
  const Contender whole = from_registers(dtype, trial);
  if (!whole.call) return;
  whole.call();
  const auto start = std::chrono::steady_clock::now();
  whole.call();
  const double share = burst / (std::chrono::steady_clock::now() - start);
  contender.beside = [call = from_registers(dtype, trial * share).call, threads] {
    parallel_for({.threads = threads}, threads, [&](std::int64_t, int) { call(); });
  };
  contender.beside_share = 2 * trial * share * threads / operations;
}

}  // namespace gavotte::bench
