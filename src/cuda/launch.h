// The one way to start a kernel.
//
//   launch("gather_rows_f32", stream, shape, gather_rows_kernel<float>, arguments);
#pragma once

#include <array>
#include <type_traits>

#include "cuda/device/stop.h"
#include "cuda/runtime.h"

#ifndef __CUDACC__
#include "device_memory.h"
#include "emulator.h"
#endif

namespace gavotte::internal {
struct LaunchSharing;
}

namespace gavotte::internal::cuda {

/// Who is told of what this thread starts; null = nobody. Returns the one before.
LaunchListener* set_launch_listener(LaunchListener* listener) noexcept;
LaunchListener* launch_listener() noexcept;
/// How this thread's kernels share the device (launch_sharing.h); null: not at all. Returns the one before.
const LaunchSharing* set_launch_sharing(const LaunchSharing* sharing) noexcept;
/// The call's shape with no more blocks than run at once on the multiprocessors of this thread's budget.
LaunchShape within_budget(const Launch& call);

/// Any direction; nothing where `bytes` is 0. Asynchronous where the host's side is page-locked.
void copy_bytes(StreamHandle stream, void* to, const void* from, std::int64_t bytes);
void fill_bytes(StreamHandle stream, void* to, int value, std::int64_t bytes);

/// What the kernels of this thread are told, looking at the flag on the way. An Error where a run may stop, and the kernel
/// of that name does not look.
Stop stop_of_launch(const char* name, bool looks);

/// Told: nothing, or Stop, for kernels that a run may stop.
template <class Arguments, class... Told>
void launch(const char* name, StreamHandle stream, const LaunchShape& shape,
            void (*kernel)(Arguments, Told...), std::type_identity_t<Arguments> arguments) {
  static_assert(std::is_trivially_copyable_v<Arguments>);
  static_assert(sizeof...(Told) <= 1 && (std::is_same_v<Told, Stop> && ...));
  if (shape.blocks == 0 || shape.blocks_y == 0) return;
  Launch call{
      name, shape, stream, reinterpret_cast<const void*>(kernel), &arguments, sizeof(arguments)};
  call.shape = within_budget(call);
  if (LaunchListener* const listener = launch_listener()) listener->on_launch(call);
  Stop stop = stop_of_launch(name, sizeof...(Told) == 1);
#ifdef __CUDACC__
  std::array<void*, 2> places = {&arguments, &stop};
  launch_kernel(call, places.data());
#else
  emulator::check_argument(name, arguments);
  emulator::run(
      {name, call.shape.blocks, call.shape.blocks_y, call.shape.threads, call.shape.shared_bytes},
      [kernel, arguments, stop] {
        if constexpr (sizeof...(Told) == 1) {
          kernel(arguments, stop);
        } else {
          static_cast<void>(stop);
          kernel(arguments);
        }
      });
#endif
}

/// Blocks of `per_block` that cover `count`.
constexpr std::int64_t blocks_for(std::int64_t count, std::int64_t per_block) {
  return (count + per_block - 1) / per_block;
}

}  // namespace gavotte::internal::cuda
