// What the tests of row kernels share beside their values: memory that is not aligned, names of launches.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cuda/launch.h"
#include "gpu/row_cases.h"

namespace gavotte::testing_cuda {

using namespace testing_ops;

/// A view into `memory` from `skip` bytes on: what is not aligned to a pack.
inline TensorView shifted(Tensor& memory, DType dtype, Shape shape, std::int64_t skip) {
  return {static_cast<std::byte*>(memory.data()) + skip, dtype, shape};
}

/// The names of the launches of a call.
template <class Call>
std::vector<std::string> launches_of(Call&& call) {
  struct Recorder final : internal::cuda::LaunchListener {
    void on_launch(const internal::cuda::Launch& launch) override {
      names.emplace_back(launch.name);
    }
    std::vector<std::string> names;
  } recorder;
  internal::cuda::LaunchListener* const before = internal::cuda::set_launch_listener(&recorder);
  call();
  internal::cuda::set_launch_listener(before);
  return recorder.names;
}

}  // namespace gavotte::testing_cuda
