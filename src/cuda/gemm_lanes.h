// Batched GEMMs of cuBLAS on several streams beside the caller's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "cuda/cublas.h"
#include "gavotte/device.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cuda {

/// C[i] = A[i] B[i] for i < count, row-major: A [rows, depth], B [depth, columns] of `dtype`, C of its
/// accumulator. Strides in elements: lda from row to row, stride_a from A[i] to A[i + 1].
struct BatchedGemm {
  DType dtype = DType::float32;
  std::int64_t rows = 0, columns = 0, depth = 0, count = 0;
  const void* a = nullptr;
  std::int64_t lda = 0, stride_a = 0;
  const void* b = nullptr;
  std::int64_t ldb = 0, stride_b = 0;
  void* c = nullptr;
  std::int64_t ldc = 0, stride_c = 0;
  bool allow_tf32 = false;
};

/// Streams with a handle of cuBLAS each (one handle on several streams need not repeat its bits).
struct GemmLane {
  void* stream = nullptr;
  Cublas::Handle handle = nullptr;
};
inline constexpr int kGemmLanes = 4;
using GemmLaneSet = std::array<GemmLane, kGemmLanes>;

/// A lease of lanes, which wait for what is on the caller's stream by its making. Lanes are made when
/// none are free, and kept.
class GemmLanes {
 public:
  explicit GemmLanes(const Execution& execution);
  ~GemmLanes();
  GemmLanes(const GemmLanes&) = delete;
  GemmLanes& operator=(const GemmLanes&) = delete;

  /// On the next lane in turn. Nothing where a size is 0.
  void multiply(const BatchedGemm& gemm);
  /// The caller's stream waits for what is on the lanes; at the end of the lease at the latest.
  void join();

 private:
  Execution execution_;
  std::unique_ptr<GemmLaneSet> lanes_;
  std::size_t next_ = 0;
  bool joined_ = true;
};

}  // namespace gavotte::internal::cuda
