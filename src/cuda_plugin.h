// What libgavotte_cuda.so exports: one function.
#pragma once

#include <cstdint>
#include <string>

namespace gavotte::internal {

class Backend;

struct CudaPlugin {
  const char* version = "";  ///< Of the library that it was built with; both must be of one build.
  Backend* backend = nullptr;
  int (*device_count)(std::string& why_none) = nullptr;
  std::int64_t (*synchronizations)() = nullptr;  ///< Waits of all threads so far.
};

using CudaPluginEntry = CudaPlugin (*)();
#define GAVOTTE_CUDA_PLUGIN_ENTRY "gavotte_cuda_plugin"

}  // namespace gavotte::internal
