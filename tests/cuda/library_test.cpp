// libgavotte_cuda.so as nvcc made it: it loads with a driver and without, and its errors are Gavotte's.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "backend.h"
#include "cuda_plugin.h"
#include "gavotte/device.h"
#include "gavotte/error.h"
#include "gavotte/version.h"

namespace gavotte::internal {
namespace {

class CudaLibrary : public ::testing::Test {
 protected:
  void SetUp() override {
    void* library = dlopen(GAVOTTE_CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    const auto entry = reinterpret_cast<CudaPluginEntry>(dlsym(library, GAVOTTE_CUDA_PLUGIN_ENTRY));
    ASSERT_NE(entry, nullptr);
    plugin_ = entry();
    devices_ = plugin_.device_count(why_none_);
  }
  CudaPlugin plugin_;
  std::string why_none_;
  int devices_ = 0;
};

TEST_F(CudaLibrary, IsOfThisVersion) { EXPECT_EQ(plugin_.version, version()); }

TEST_F(CudaLibrary, CountsDevicesOrSaysWhyThereIsNone) {
  EXPECT_GE(devices_, 0);
  EXPECT_EQ(devices_ == 0, !why_none_.empty()) << why_none_;
}

TEST_F(CudaLibrary, IsWhatTheCoreLoads) {
  std::string why_none;
  EXPECT_EQ(Device::cuda_count(&why_none), devices_);
  EXPECT_EQ(why_none, why_none_);
}

TEST_F(CudaLibrary, ItsErrorsAreCaughtAsGavottes) {
  const Execution beyond{.device = {DeviceKind::cuda, devices_}};
  try {
    plugin_.backend->allocate(beyond, 64);
    FAIL() << "memory of a device that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::runtime);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("cudaSetDevice"));
  }
}

}  // namespace
}  // namespace gavotte::internal
