// Memory of far more bytes than the machine has, of which only the pages that are touched exist: a
// kernel can then be given rows whose elements lie past 2^31.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace gavotte::testing {

template <class T>
class FarMemory {
 public:
  /// Zeros.
  explicit FarMemory(std::int64_t count) : bytes_(static_cast<std::size_t>(count) * sizeof(T)) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
  }
  ~FarMemory() { munmap(data_, bytes_); }
  FarMemory(const FarMemory&) = delete;
  FarMemory& operator=(const FarMemory&) = delete;

  T* data() { return data_; }
  T& operator[](std::int64_t at) { return data_[at]; }

 private:
  T* data_ = nullptr;
  std::size_t bytes_;
};

}  // namespace gavotte::testing
