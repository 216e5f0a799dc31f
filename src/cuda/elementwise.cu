// Launchers of the element-wise operations and moves of rows.
#include "cuda/elementwise.h"

#include "cuda/elementwise.cuh"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/row_launch.h"
#include "dispatch.h"

namespace gavotte::internal::cuda {
namespace {

/// Bytes of a row, [C] or of any rank.
std::int64_t row_bytes(const ConstTensorView& view) {
  std::int64_t bytes = size_bytes(view.dtype);
  for (int axis = 1; axis < view.shape.rank(); ++axis) bytes *= view.shape[axis];
  return bytes;
}

template <class Word>
void launch_move_rows_by(const Execution& execution, const MoveRowsArgs<unsigned char>& bytes,
                         const char* name) {
  constexpr std::int64_t kSize = sizeof(Word);
  const std::int64_t words = bytes.words / kSize;
  const RowLanes lanes = RowLanes::for_items(words);
  launch(name, execution.stream.handle, shape_of_rows(lanes, bytes.rows.bound, words),
         move_rows_kernel<Word>,
         MoveRowsArgs<Word>{reinterpret_cast<const Word*>(bytes.from),
                            reinterpret_cast<Word*>(bytes.to), bytes.from_rows, bytes.to_rows,
                            bytes.rows, words, bytes.from_stride / kSize, bytes.to_stride / kSize,
                            lanes});
}

void launch_move_rows(const Execution& execution, const MoveRowsArgs<unsigned char>& bytes) {
  const auto together =
      static_cast<std::uintptr_t>(bytes.words | bytes.from_stride | bytes.to_stride) |
      reinterpret_cast<std::uintptr_t>(bytes.from) | reinterpret_cast<std::uintptr_t>(bytes.to);
  if (together % 16 == 0)
    launch_move_rows_by<Pack<std::uint32_t, 4>>(execution, bytes, "move_rows_16");
  else if (together % 8 == 0)
    launch_move_rows_by<std::uint64_t>(execution, bytes, "move_rows_8");
  else if (together % 4 == 0)
    launch_move_rows_by<std::uint32_t>(execution, bytes, "move_rows_4");
  else if (together % 2 == 0)
    launch_move_rows_by<std::uint16_t>(execution, bytes, "move_rows_2");
  else
    launch_move_rows_by<unsigned char>(execution, bytes, "move_rows_1");
}

}  // namespace

void copy(const Execution& execution, TensorView destination, ConstTensorView source) {
  use_device(execution.device.index);
  copy_bytes(execution.stream.handle, destination.data, source.data, source.bytes());
  // From page-locked memory too the host's bytes are read only when the stream comes to them.
  if (destination.device.kind == DeviceKind::cpu || source.device.kind == DeviceKind::cpu)
    wait(execution);
}

void epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
              TensorView y) {
  use_device(execution.device.index);
  const std::int64_t channels = x.shape[1];
  dispatch_floating(x.dtype, [&]<class T>() {
    const std::initializer_list<const void*> addresses = {
        x.data, y.data, epilogue.scale.data, epilogue.shift.data, epilogue.residual.data};
    with_packs<T>(channels, addresses, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(channels / N);
      launch(kernel_name<"apply_epilogue", N, T>(), execution.stream.handle,
             shape_of_rows(lanes, x.rows(), channels / N), apply_epilogue_kernel<T, N>,
             {static_cast<const T*>(x.data), static_cast<T*>(y.data), RowCount{x.rows()}, channels,
              RowEpilogue<T>::from(epilogue), lanes});
    });
  });
}

void binary(const Execution& execution, BinaryOp op, ConstTensorView a, ConstTensorView b,
            TensorView y) {
  use_device(execution.device.index);
  dispatch_floating(y.dtype, [&]<class T>() {
    constexpr int kWide = kPackBytes / sizeof(T);
    with_width<kWide>(are_aligned({a.data, b.data, y.data}), [&]<int N>() {
      launch(kernel_name<"combine_elements", N, T>(), execution.stream.handle,
             shape_of_items(y.rows(), {.of = Extent::rows_written,
                                       .times = row_bytes(y) / size_bytes(y.dtype),
                                       .per_block = N}),
             combine_elements_kernel<T, N>,
             {static_cast<const T*>(a.data), static_cast<const T*>(b.data), static_cast<T*>(y.data),
              RowCount{y.rows()}, row_bytes(y) / size_bytes(y.dtype), op});
    });
  });
}

void scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                  std::int64_t column, TensorView y) {
  use_device(execution.device.index);
  launch_move_rows(execution,
                   {static_cast<const unsigned char*>(x.data),
                    static_cast<unsigned char*>(y.data) + column * size_bytes(y.dtype), nullptr,
                    static_cast<const std::int32_t*>(rows.data), RowCount{x.rows()}, row_bytes(x),
                    row_bytes(x), row_bytes(y), RowLanes{}});
}

void gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                 TensorView y) {
  use_device(execution.device.index);
  launch_move_rows(execution,
                   {static_cast<const unsigned char*>(x.data), static_cast<unsigned char*>(y.data),
                    static_cast<const std::int32_t*>(rows.data), nullptr, RowCount{y.rows()},
                    row_bytes(y), row_bytes(x), row_bytes(y), RowLanes{}});
}

void convert(const Execution& execution, ConstTensorView x, TensorView y) {
  if (x.dtype == y.dtype) return copy(execution, y, x);
  use_device(execution.device.index);
  const std::int64_t elements = x.shape.elements();
  dispatch_floating(x.dtype, [&]<class From>() {
    dispatch_floating(y.dtype, [&]<class To>() {
      if constexpr (!std::is_same_v<From, To>) {
        constexpr int kWide = kPackBytes / std::min(sizeof(From), sizeof(To));
        with_width<kWide>(are_aligned({x.data, y.data}), [&]<int N>() {
          launch(kernel_name<"convert_elements", N, From, To>(), execution.stream.handle,
                 shape_of_items(x.rows(), {.of = Extent::rows_written,
                                           .times = row_bytes(x) / size_bytes(x.dtype),
                                           .per_block = N}),
                 convert_elements_kernel<From, To, N>,
                 {static_cast<const From*>(x.data), static_cast<To*>(y.data), RowCount{elements}});
        });
      }
    });
  });
}

}  // namespace gavotte::internal::cuda
