// The emulated device's memory, which the host cannot touch, and kernels only as far as it is in use.
#include "device_memory.h"

#include <gtest/gtest.h>

#include <cstring>

#include "cuda/launch.h"
#include "cuda_cases.h"
#include "guarded_cuda.h"

namespace gavotte {
namespace {

using namespace testing_cuda;

const bool served = (serve_guarded_cuda(), true);

TEST(DeviceMemory, TheHostCannotTouchIt) {
  Tensor x = Tensor::zeros(DType::float32, {4}, kCuda);
  EXPECT_TRUE(emulator::is_guarded(x.data()));
  EXPECT_DEATH(static_cast<volatile float*>(x.data())[0] = 1.0F, "");
  const emulator::DeviceAccess access;
  EXPECT_EQ(static_cast<const float*>(x.data())[0], 0.0F);
}

TEST(DeviceMemory, KernelsCannotBeGivenTheHosts) {
  if (!emulator::checks_arguments()) GTEST_SKIP() << "not under a sanitizer";
  struct Args {
    float* to;
    std::int64_t count;
  };
  Tensor x(DType::float32, {4}, kCuda), host(DType::float32, {4});
  const auto kernel = +[](Args args) { args.to[0] = 5.0F; };
  internal::cuda::launch("test_kernel", nullptr, {.threads = 1}, kernel,
                         {static_cast<float*>(x.data()), 4});
  EXPECT_EQ(x.to(Device::cpu()).span<float>()[0], 5.0F);
  EXPECT_NE(error_of([&] {
              internal::cuda::launch("test_kernel", nullptr, {.threads = 1}, kernel,
                                     {static_cast<float*>(host.data()), 4});
            }).find("host's memory"),
            std::string::npos);
}

TEST(DeviceMemory, KernelsMayBeGivenPaddingThatLooksLikeAnAddress) {
  struct Args {
    std::int32_t value;
    float* to;
  };
  Tensor x(DType::float32, {1}, kCuda), host(DType::float32, {1});
  const void* const address = host.data();
  Args args;
  std::memcpy(&args, &address, sizeof(address));
  args.to = static_cast<float*>(x.data());
  internal::cuda::launch(
      "test_kernel", nullptr, {.threads = 1}, +[](Args args) { args.to[0] = 5.0F; }, args);
  EXPECT_EQ(x.to(Device::cpu()).span<float>()[0], 5.0F);
}

#if defined(__SANITIZE_ADDRESS__)
/// Blocks of the pools are larger than what was asked for, and are kept when they are freed.
TEST(DeviceMemory, KernelsMayTouchOnlyWhatIsInUse) {
  struct Args {
    float* data;
    std::int64_t at;
  };
  const auto touch = [](float* data, std::int64_t at) {
    internal::cuda::launch(
        "touch_element", nullptr, {.threads = 1}, +[](Args args) { args.data[args.at] += 1.0F; },
        Args{data, at});
  };
  float* freed = nullptr;
  for (const std::int64_t count : {1, 7, 300'000}) {
    Tensor x = Tensor::zeros(DType::float32, {count}, kCuda);
    freed = static_cast<float*>(x.data());
    touch(freed, count - 1);
    EXPECT_EQ(x.to(Device::cpu()).span<float>().back(), 1.0F);
    EXPECT_DEATH(touch(freed, count), "use-after-poison");
  }
  EXPECT_DEATH(touch(freed, 0), "use-after-poison");
}
#endif

TEST(DeviceMemory, BlocksAreUsedAgainAndDoNotOverlap) {
  std::vector<Tensor> blocks;
  for (const std::int64_t bytes : {1, 300, 5000, 1 << 21, 0, 77})
    blocks.emplace_back(DType::uint8, Shape{bytes}, kCuda);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    internal::cuda::fill_bytes(nullptr, blocks[i].data(), static_cast<int>(i),
                               blocks[i].view().bytes());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Tensor bytes = blocks[i].to(Device::cpu());
    for (const std::uint8_t byte : bytes.span<std::uint8_t>()) ASSERT_EQ(byte, i);
  }
}

}  // namespace
}  // namespace gavotte
