// How the core loads the CUDA backend: linked once for each kind of library that may lie beside a program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "cuda_loader.h"
#include "gavotte/device.h"
#include "gavotte/error.h"
#include "gavotte/tensor.h"
#include "loader_expected.h"

namespace gavotte::internal {
namespace {

using ::testing::HasSubstr;

TEST(CudaLoader, CountsDevicesOrSaysWhyThereIsNone) {
  std::string why;
  EXPECT_EQ(Device::cuda_count(&why), kExpectedDevices);
  if (kExpectedDevices == 0)
    EXPECT_THAT(why, HasSubstr(kExpectedReason));
  else
    EXPECT_EQ(why, "");
  EXPECT_EQ(Device::cuda_count(), kExpectedDevices);  // the reason may go unread
}

TEST(CudaLoader, TheBestDeviceIsOneThatIsThere) {
  EXPECT_EQ(Device::best(), kExpectedDevices > 0 ? (Device{DeviceKind::cuda, 0}) : Device::cpu());
}

// The message of the error that asking for cuda:index ends in.
std::string refusal(int index) {
  try {
    const Tensor tensor(Execution{.device = {DeviceKind::cuda, index}}, DType::float32, {4, 4});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::runtime);
    return error.what();
  }
  return "no error";
}

TEST(CudaLoader, ADeviceThatIsNotThereIsAnErrorThatSaysWhy) {
  if (kExpectedDevices == 0) {
    EXPECT_THAT(refusal(0), HasSubstr(kExpectedReason));
    return;
  }
  const std::string last = std::to_string(kExpectedDevices - 1);
  const std::string beyond = std::to_string(kExpectedDevices);
  EXPECT_THAT(refusal(kExpectedDevices), HasSubstr("0 to " + last + ", got cuda:" + beyond));
  EXPECT_THAT(refusal(-1), HasSubstr("0 to " + last + ", got cuda:-1"));
}

TEST(CudaLoader, TheCpuWorksWhateverLiesThere) {
  EXPECT_NO_THROW(Tensor(Execution{}, DType::float32, {4, 4}));
}

TEST(CudaLoader, ThreadsThatAskTogetherHearTheSame) {
  std::vector<std::string> reasons(8);
  std::vector<std::thread> threads;
  threads.reserve(reasons.size());
  for (std::string& reason : reasons) threads.emplace_back([&] { Device::cuda_count(&reason); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& reason : reasons) EXPECT_EQ(reason, reasons.front());
}

}  // namespace
}  // namespace gavotte::internal
