// Where memory lies and where work runs.
#pragma once

#include <cstdint>
#include <string>

#include "gavotte/export.h"

namespace gavotte {

enum class DeviceKind { cpu, cuda };

struct GAVOTTE_API Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;

  static Device cpu() noexcept { return {}; }
  /// The fastest device whose backend is present: a GPU where its backend library loads, else the CPU.
  static Device best();
  /// CUDA devices that can be used. Where there is none, `why_none` (may be null) gets the reason: no backend
  /// library, no driver, no GPU. Never throws.
  static int cuda_count(std::string* why_none = nullptr);
  /// How often the library's calls have waited for a GPU so far, in all threads.
  static std::int64_t synchronizations();

  /// "cpu", "cuda:0".
  std::string to_string() const;
  friend bool operator==(const Device&, const Device&) = default;
};

/// An ordered queue of work on a device: on CUDA the value of a cudaStream_t, on the CPU unused.
/// The library enqueues on it and never owns it.
struct Stream {
  void* handle = nullptr;
  friend bool operator==(const Stream&, const Stream&) = default;
};

/// The vector instructions that the CPU backend runs with on this machine, "AVX2" for instance.
GAVOTTE_API std::string simd_target();

struct Execution;

/// Where memory comes from: a caller's own pool, or a framework's.
class GAVOTTE_API Allocator {
 public:
  virtual ~Allocator() = default;
  /// At least `bytes` (0 too) on execution.device, 64-byte aligned (256 on a GPU), for work on execution.stream; null
  /// where there is not enough.
  virtual void* allocate(const Execution& execution, std::int64_t bytes) = 0;
  /// `memory` goes back; work that is queued on execution.stream may still use it. Never throws.
  virtual void free(const Execution& execution, void* memory, std::int64_t bytes) noexcept = 0;
};

/// How a call runs: a value that travels with the call, never a global.
struct Execution {
  Device device = {};
  Stream stream = {};
  int threads =
      0;  ///< CPU threads this call may use, the caller's included; 0 = one for each core it may run on.
  /// Of tensors that a call returns, on a GPU of sets, maps and all that it needs in between as well; null: the
  /// library's own pools. Must outlive all memory that came from it.
  Allocator* allocator = nullptr;
  friend bool operator==(const Execution&, const Execution&) = default;
};

}  // namespace gavotte
