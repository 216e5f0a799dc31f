// Device memory, kept when it is freed and handed out again, by device and stream: work on one
// stream runs in order, so a block that goes back may be used at once by the next work of the same
// stream. Work on another stream that still reads it must be waited for before it is freed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "gavotte/device.h"
#include "gavotte/tensor.h"

namespace gavotte::internal::cuda {

/// At least one byte, 256-byte aligned; null where there is not enough.
std::shared_ptr<void> allocate(const Execution& execution, std::int64_t bytes);
/// A tensor ordered on the stream of `execution`; throws Error (runtime) where there is not enough.
Tensor make_tensor(const Execution& execution, DType dtype, Shape shape);

/// The first rows of a tensor [N] or [N, C], in the same memory.
Tensor first_rows(const Tensor& whole, std::int64_t rows);

/// Uninitialised device memory of `count` T, for work on the stream of `execution`.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Execution& execution, std::int64_t count)
      : tensor_(make_tensor(execution, DType::uint8,
                            Shape{count * static_cast<std::int64_t>(sizeof(T))})) {}
  T* get() { return static_cast<T*>(tensor_.data()); }
  const T* get() const { return static_cast<const T*>(tensor_.data()); }

 private:
  Tensor tensor_;
};

/// Copies `count` T from the device to the host and waits for the stream; counted (see
/// synchronizations()).
void read_back(const Execution& execution, void* to, const void* from, std::int64_t bytes);
template <class T>
std::vector<T> read_back(const Execution& execution, const T* from, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  read_back(execution, values.data(), from, count * static_cast<std::int64_t>(sizeof(T)));
  return values;
}
/// Several pieces in one wait.
struct ReadBack {
  void* to = nullptr;
  const void* from = nullptr;
  std::int64_t bytes = 0;
};
void read_back(const Execution& execution, std::span<const ReadBack> pieces);
/// read_back() throws Stopped where a kernel of the run (run_stop.h) has left something undone; this takes what is there.
void read_back_unchecked(const Execution& execution, std::span<const ReadBack> pieces);
/// From the host to the device, in the order of the stream; `from` may be changed after the return.
void upload(const Execution& execution, void* to, const void* from, std::int64_t bytes);

/// Waits for the stream; counted.
void wait(const Execution& execution);

/// How often calls have waited for a stream so far, in all threads.
std::int64_t synchronizations() noexcept;

}  // namespace gavotte::internal::cuda
