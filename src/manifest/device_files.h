// Files that describe a GPU which is not at hand, and what the compiler said of each kernel (docs/manifest.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gavotte::internal {

struct DeviceDescription {
  std::string name, source;  ///< source: who says so.
  std::array<int, 2> compute_capability = {0, 0};
  std::optional<std::int64_t> units;
  std::optional<double> clock_mhz, memory_clock_mhz, gflops, tensor_gflops, dram_gb_per_s;

  /// Throws Error (value) with one line, what is wrong and where.
  static DeviceDescription load(const std::string& path);
};

struct KernelResources {
  std::int64_t registers = 0, static_shared_bytes = 0, local_bytes = 0, spilled_bytes = 0,
               barriers = 0;
};

/// Of all kernels of a library for one architecture.
struct ResourceTable {
  std::string toolkit, architecture;
  std::map<std::string, KernelResources, std::less<>> kernels;  ///< By mangled name.

  /// The architecture of the file that a device of this compute capability runs: that one itself, else none.
  static ResourceTable load(const std::string& path, const std::array<int, 2>& compute_capability);
};

}  // namespace gavotte::internal
