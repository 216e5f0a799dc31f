#include "cuda/gemm_lanes.h"

#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {
namespace {

struct FreeLanes {
  std::mutex mutex;
  std::map<int, std::vector<std::unique_ptr<GemmLaneSet>>> of_device;
};

/// Never destroyed: at the end of the process the driver may be gone.
FreeLanes& free_lanes() {
  static FreeLanes* const instance = new FreeLanes;
  return *instance;
}

void check_status(Cublas::Status status, const char* function) {
  GAVOTTE_CHECK_RUNTIME(status == 0, std::string(function) + " of cuBLAS failed with status " +
                                         std::to_string(status));
}

std::unique_ptr<GemmLaneSet> make_lanes() {
  auto lanes = std::make_unique<GemmLaneSet>();
  for (GemmLane& lane : *lanes) {
    check_status(cublas().create(&lane.handle), "cublasCreate");
    lane.stream = create_stream();
    check_status(cublas().set_stream(lane.handle, lane.stream), "cublasSetStream");
  }
  return lanes;
}

std::unique_ptr<GemmLaneSet> take_lanes(int device) {
  FreeLanes& free = free_lanes();
  {
    const std::lock_guard lock(free.mutex);
    auto& lanes = free.of_device[device];
    if (!lanes.empty()) {
      auto taken = std::move(lanes.back());
      lanes.pop_back();
      return taken;
    }
  }
  return make_lanes();
}

int type_of(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return Cublas::kReal16;
    case DType::bfloat16:
      return Cublas::kBFloat16;
    case DType::float64:
      return Cublas::kReal64;
    default:
      return Cublas::kReal32;
  }
}

int int_of(std::int64_t value) {
  GAVOTTE_CHECK(value <= std::numeric_limits<int>::max(),
                "cuBLAS takes sizes below 2^31, got " + std::to_string(value));
  return static_cast<int>(value);
}

}  // namespace

GemmLanes::GemmLanes(const Execution& execution)
    : execution_(execution), lanes_(take_lanes(execution.device.index)) {
  for (const GemmLane& lane : *lanes_) order_streams(execution.stream.handle, lane.stream);
}

GemmLanes::~GemmLanes() {
  try {
    if (!joined_) join();            // memory that the lanes use goes back to the caller's stream
  } catch (const std::exception&) {  // an earlier error is on its way
  }
  FreeLanes& free = free_lanes();
  const std::lock_guard lock(free.mutex);
  free.of_device[execution_.device.index].push_back(std::move(lanes_));
}

void GemmLanes::join() {
  joined_ = true;
  for (const GemmLane& lane : *lanes_) order_streams(lane.stream, execution_.stream.handle);
}

void GemmLanes::multiply(const BatchedGemm& gemm) {
  if (gemm.rows == 0 || gemm.columns == 0 || gemm.count == 0) return;
  const bool wide = gemm.dtype == DType::float64;
  const float one = 1, zero = 0;
  const double wide_one = 1, wide_zero = 0;
  const void* alpha = wide ? static_cast<const void*>(&wide_one) : &one;
  const void* beta = wide ? static_cast<const void*>(&wide_zero) : &zero;
  const int compute = wide                                              ? Cublas::kCompute64
                      : gemm.allow_tf32 && gemm.dtype == DType::float32 ? Cublas::kComputeTf32
                                                                        : Cublas::kCompute32;
  const int type = type_of(gemm.dtype), sums = wide ? Cublas::kReal64 : Cublas::kReal32;
  // A row-major matrix is the transposed column-major one: C^T = B^T A^T.
  const GemmLane& lane = (*lanes_)[next_++ % lanes_->size()];
  joined_ = false;
  if (LaunchListener* const listener = launch_listener())
    listener->on_library_call({"cublasGemmStridedBatchedEx", lane.stream});
  check_status(
      cublas().gemm_strided_batched(
          lane.handle, Cublas::kNotTransposed, Cublas::kNotTransposed, int_of(gemm.columns),
          int_of(gemm.rows), int_of(gemm.depth), alpha, gemm.b, type, int_of(gemm.ldb),
          gemm.stride_b, gemm.a, type, int_of(gemm.lda), gemm.stride_a, beta, gemm.c, sums,
          int_of(gemm.ldc), gemm.stride_c, int_of(gemm.count), compute, Cublas::kDefaultAlgorithm),
      "cublasGemmStridedBatchedEx");
}

}  // namespace gavotte::internal::cuda
