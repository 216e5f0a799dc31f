// A stand-in for libgavotte_cuda.so: it says of itself what the build gave it.
#include <stdexcept>

#include "cuda_plugin.h"
#include "gavotte/version.h"

#ifndef FAKE_VERSION
#define FAKE_VERSION GAVOTTE_VERSION
#endif

#ifdef FAKE_NEEDS_ABSENT
extern "C" int gavotte_absent();
#endif

extern "C" __attribute__((visibility("default"))) gavotte::internal::CudaPlugin
gavotte_cuda_plugin() {
#ifdef FAKE_NEEDS_ABSENT
  gavotte_absent();
#endif
  gavotte::internal::CudaPlugin plugin;
  plugin.version = FAKE_VERSION;
  plugin.device_count = [](std::string& why_none) -> int {
#ifdef FAKE_FAILS
    throw std::runtime_error("the driver is not itself");
#endif
    if (FAKE_DEVICES == 0) why_none = "the driver reports no GPU";
    return FAKE_DEVICES;
  };
  return plugin;
}
