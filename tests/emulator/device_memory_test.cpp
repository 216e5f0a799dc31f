// The public API on tensors of a device whose memory the host cannot touch.
#include "device_memory.h"

#include <gtest/gtest.h>

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "cuda_cases.h"
#include "gavotte/pooling.h"
#include "gavotte/sparse_ops.h"
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

const Execution kOnCuda{.device = kCuda};

Tensor host(const ConstTensorView& view) { return Tensor::copy_to(Device::cpu(), view); }
Tensor on_cuda(const ConstTensorView& view) { return Tensor::copy_to(kCuda, view); }

/// The same call on the CPU and on the GPU: to(x) puts a tensor where the call runs.
template <class Call>
void expect_alike(Call&& call) {
  const auto on_cpu =
      call([](const ConstTensorView& x) { return Tensor::copy_of(x); }, Execution{});
  const auto on_gpu = call(on_cuda, kOnCuda);
  ASSERT_EQ(on_gpu.size(), on_cpu.size());
  for (std::size_t i = 0; i < on_cpu.size(); ++i) {
    EXPECT_EQ(on_gpu[i].device(), kCuda);
    EXPECT_EQ(bytes_of(host(on_gpu[i])), bytes_of(on_cpu[i])) << "result " << i;
  }
}

Tensor random_lattice(std::mt19937& random, std::int64_t rows) {
  return coordinate_tensor(random_coordinates(random, rows, 3, 4, 2), 3);
}

TEST(DeviceMemory, ElementsAreReadOnTheHostOnly) {
  const Tensor x = Tensor::zeros(DType::float32, {4}, kCuda);
  EXPECT_NE(error_of([&] { x.span<float>(); }).find("cuda:0"), std::string::npos);
  EXPECT_EQ(host(x).span<float>()[3], 0.0F);
  EXPECT_EQ(bytes_of(host(x.clone())), bytes_of(host(x)));
}

TEST(DeviceMemory, CoordinatesInBothStyles) {
  std::mt19937 random(1);
  const Tensor lattice = random_lattice(random, 50);
  expect_alike([&](auto to, const Execution& execution) {
    const Coordinates divided(to(lattice), 2, StrideStyle::divided, execution);
    const Coordinates again(divided.values(StrideStyle::multiples), 2, StrideStyle::multiples,
                            execution);
    EXPECT_EQ(again.batch_size(), divided.batch_size());
    return std::vector<Tensor>{divided.values(StrideStyle::divided),
                               divided.values(StrideStyle::multiples),
                               again.values(StrideStyle::divided), Tensor::copy_of(again.order())};
  });
  const Coordinates empty(Tensor(DType::int32, {0, 4}, kCuda), 2, StrideStyle::multiples, kOnCuda);
  EXPECT_EQ(empty.values(StrideStyle::multiples).rows(), 0);
}

TEST(DeviceMemory, CoordinatesNameWhatIsWrong) {
  const auto message = [](const std::vector<Coordinate>& rows, StrideStyle style) {
    const Tensor lattice = on_cuda(coordinate_tensor(rows, 1));
    return error_of([&] { Coordinates(lattice, 2, style, kOnCuda); });
  };
  EXPECT_NE(message({{0, 4}, {0, 6}, {0, 7}, {0, 9}}, StrideStyle::multiples).find("row 2 has 7"),
            std::string::npos);
  EXPECT_NE(message({{0, 4}, {0, 6}, {0, 4}}, StrideStyle::divided).find("0 and 2"),
            std::string::npos);
  EXPECT_NE(message({{-1, 4}}, StrideStyle::divided).find("-1"), std::string::npos);
  const Tensor far = on_cuda(coordinate_tensor({{0, 0}, {0, 1 << 30}}, 1));
  const Coordinates set(far, 2, StrideStyle::divided, kOnCuda);
  EXPECT_NE(error_of([&] { set.values(StrideStyle::multiples); }).find("row 1 gives 2147483648"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Coordinates(coordinate_tensor({{0, 0}}, 1), 1, StrideStyle::divided, kOnCuda);
            }).find("got cpu"),
            std::string::npos);
}

TEST(DeviceMemory, SparseOperations) {
  std::mt19937 random(2);
  const Tensor lattice = random_lattice(random, 40), other = random_lattice(random, 30);
  const Tensor features = tensor(DType::float16, {40, 3}, normals(random, 120));
  const Tensor second = tensor(DType::float16, {30, 3}, normals(random, 90));
  Tensor keep(DType::uint8, {40});
  for (std::uint8_t& value : keep.span<std::uint8_t>()) value = random() % 2 == 0;
  const Tensor shift = tensor(DType::float32, {3}, normals(random, 3));
  expect_alike([&](auto to, const Execution& execution) {
    const SparseTensor a(to(lattice), to(features), 1, StrideStyle::divided, execution);
    const SparseTensor b(to(other), to(second), 1, StrideStyle::divided, execution);
    const SparseTensor c = a.with_features(to(features));
    const SparseTensor joined = combine(a, b, BinaryOp::subtract);
    const SparseTensor beside = concatenate(std::vector<SparseTensor>{a, b, c});
    const SparseTensor kept = prune(a, to(keep));
    const Tensor shift_there = to(shift);
    const Tensor dense = to_dense(a, 2, -4, 9);
    const SparseTensor back = from_dense(dense, -4, 1, execution);
    EXPECT_FALSE(joined.to_string().empty());
    return std::vector<Tensor>{
        Tensor::copy_of(joined.coordinates().lattice()),
        joined.features(),
        beside.features(),
        Tensor::copy_of(kept.coordinates().lattice()),
        kept.features(),
        combine(a, c, BinaryOp::add).features(),
        apply_epilogue(a.features(), {.shift = shift_there, .activation = Activation::relu},
                       execution),
        convert(a.features(), DType::float64, execution),
        dense,
        back.features(),
        global_pool(a.features(), a.coordinates(), 2, PoolMode::max, execution)};
  });
}

TEST(DeviceMemory, WeightsInAnyLayout) {
  std::mt19937 random(3);
  const Tensor weights = tensor(DType::bfloat16, {5, 3, 3, 4}, normals(random, 180));
  expect_alike([&](auto to, const Execution& execution) {
    const Tensor there = to(weights);
    return std::vector<Tensor>{to_kio(there, WeightLayout::oki, execution),
                               to_kio(there, WeightLayout::kio, execution)};
  });
  EXPECT_NE(error_of([&] { to_kio(on_cuda(weights), WeightLayout::oki); }).find("cuda:0"),
            std::string::npos);
}

TEST(DeviceMemory, DevicesThatDifferAreErrors) {
  std::mt19937 random(4);
  const Tensor lattice = random_lattice(random, 6);
  const Tensor features = tensor(DType::float32, {6, 1}, normals(random, 6));
  const SparseTensor here(lattice, features);
  const SparseTensor there(on_cuda(lattice), on_cuda(features), 1, StrideStyle::divided, kOnCuda);
  const auto expect_devices = [](const std::string& message) {
    EXPECT_NE(message.find("cuda:0"), std::string::npos) << message;
    EXPECT_NE(message.find("cpu"), std::string::npos) << message;
  };
  expect_devices(error_of([&] { combine(here, there, BinaryOp::add); }));
  expect_devices(error_of([&] { there.with_features(features); }));
  expect_devices(error_of([&] { SparseTensor(lattice, on_cuda(features)); }));
  expect_devices(error_of([&] { prune(there, Tensor::zeros(DType::uint8, {6})); }));
  expect_devices(error_of([&] { convert(features, DType::float16, kOnCuda); }));
  expect_devices(error_of([&] { global_pool(features, there.coordinates(), 2, PoolMode::sum); }));
}

}  // namespace
}  // namespace gavotte
