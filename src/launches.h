// What a backend starts on a device, as those see it who listen: the manifest, the tests of the launch sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace gavotte::internal {

/// A number of the operation at hand that a grid follows. unknown: its launcher does not say; constant: none.
enum class Extent { unknown, constant, rows_written, rows_read, pairs, entries };

/// Blocks (or threads) as a function of an extent n, with u multiprocessors of the device:
///   max(least, min(ceil((floor(n / divided) * times + plus) / per_block) * tiles, most, u * per_unit))
/// A launcher counts its blocks by it, so that the formula in a manifest is what was launched.
struct GridRule {
  Extent of = Extent::unknown;
  std::int64_t divided = 1, times = 1, plus = 0, per_block = 1, tiles = 1;
  std::int64_t least = 0, most = 2147483647;
  std::int64_t per_unit = 0;  ///< 0: the device does not bound it.

  constexpr std::int64_t count(std::int64_t n, std::int64_t units = 0) const {
    const std::int64_t items = n / divided * times + plus;
    std::int64_t blocks = std::min((items + per_block - 1) / per_block * tiles, most);
    if (per_unit > 0) blocks = std::min(blocks, units * per_unit);
    return std::max(least, blocks);
  }
};
inline constexpr GridRule kFixedGrid = {.of = Extent::constant};

struct LaunchShape {
  std::int64_t blocks = 1;  ///< x
  std::int64_t blocks_y = 1;
  int threads = 256;
  std::int64_t shared_bytes = 0;
  GridRule blocks_by = {};                         ///< What gave `blocks`.
  GridRule threads_by = {.of = Extent::constant};  ///< What gave `threads`.
};

/// One kernel. name: unique for a kernel and its template arguments.
struct Launch {
  const char* name = "";
  LaunchShape shape;
  void* stream = nullptr;
  const void* kernel = nullptr;  ///< Backend::kernel_symbol() names it.
  const void* argument = nullptr;
  std::size_t argument_bytes = 0;
};

/// What the runtime says of a kernel as it is loaded on its device.
struct LoadedKernel {
  int registers = 0;  ///< Of a thread.
  std::int64_t static_shared_bytes = 0;
  std::int64_t local_bytes = 0;       ///< Of a thread: spilled registers and its stack.
  int blocks_per_multiprocessor = 0;  ///< With the threads and the shared memory of the launch.
};

/// A copy, or a fill where `from` is null.
struct Transfer {
  void* stream = nullptr;
  void* to = nullptr;
  const void* from = nullptr;
  std::int64_t bytes = 0;
};

/// A call of another library, which starts kernels of its own. in_place: memory that it reads and writes, or null.
struct LibraryCall {
  const char* name = "";
  void* stream = nullptr;
  const void* in_place = nullptr;
};

/// Called for each of these before it starts.
class LaunchListener {
 public:
  virtual ~LaunchListener() = default;
  virtual void on_launch(const Launch& launch) = 0;
  virtual void on_transfer(const Transfer&) {}
  virtual void on_library_call(const LibraryCall&) {}
  /// The host waits for the stream.
  virtual void on_wait(void* /*stream*/) {}
};

}  // namespace gavotte::internal
