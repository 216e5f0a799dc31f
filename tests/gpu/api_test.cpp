// The public API on tensors of a GPU against the same calls on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gavotte/convolution.h"
#include "gavotte/executor.h"
#include "gavotte/pooling.h"
#include "gavotte/sparse_ops.h"
#include "gavotte/voxelize.h"
#include "gpu.h"
#include "ops/values.h"

namespace gavotte::testing_gpu {
namespace {

using namespace testing_ops;

class DeviceApi : public OnGpu {};

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

TEST_F(DeviceApi, ElementsAreReadOnTheHostOnly) {
  const Tensor x = Tensor::zeros(DType::float32, {4}, kCuda);
  EXPECT_NE(error_of([&] { x.span<float>(); }).find("cuda:0"), std::string::npos);
  EXPECT_EQ(host(x).span<float>()[3], 0.0F);
  EXPECT_EQ(bytes_of(host(x.clone())), bytes_of(host(x)));
}

TEST_F(DeviceApi, CoordinatesInBothStyles) {
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

TEST_F(DeviceApi, CoordinatesNameWhatIsWrong) {
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

TEST_F(DeviceApi, SparseOperations) {
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

TEST_F(DeviceApi, WeightsInAnyLayout) {
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

TEST_F(DeviceApi, DevicesThatDifferAreErrors) {
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

TEST_F(DeviceApi, PoolingOverMaps) {
  std::mt19937 random(5);
  const Tensor lattice = random_lattice(random, 40);
  const Tensor features = tensor(DType::float32, {40, 4}, normals(random, 160));
  for (const PoolMode mode : {PoolMode::max, PoolMode::average_present})
    expect_alike([&](auto to, const Execution& execution) {
      SparseTensor x(to(lattice), to(features), 1, StrideStyle::divided, execution);
      const ConvSpec spec = ConvSpec::strided(2, 2);
      const SparseTensor y = pool(x, spec, mode);
      const KernelMap map = x.manager().kernel_map(x.coordinates(), spec).map;
      EXPECT_FALSE(map.report().to_string().empty());
      EXPECT_GT(x.manager().cached_bytes(), 0);
      return std::vector<Tensor>{
          y.features(),
          Tensor::copy_of(y.coordinates().lattice()),
          Tensor::copy_of(map.table()),
          Tensor::copy_of(map.masks()),
          Tensor::copy_of(map.transposed().pair_in()),
          pool_backward(x.features(), y.features(), y.features(), map, mode, execution)};
    });
}

/// The largest difference of two results as floats of any dtype, against the largest value.
double relative_difference(const ConstTensorView& a, const ConstTensorView& b) {
  const Doubles p = doubles(host(a)), q = doubles(host(b));
  EXPECT_EQ(p.size(), q.size());
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < p.size() && i < q.size(); ++i) {
    EXPECT_FALSE(std::isnan(p[i]));
    difference = std::max(difference, std::abs(p[i] - q[i]));
    largest = std::max(largest, std::abs(q[i]));
  }
  return difference / std::max(largest, 1e-30);
}

/// Two roundings of a dtype for each layer and sum; the sums run in another order.
double tolerance(DType dtype) { return 64 * rounding(dtype); }

TEST_F(DeviceApi, ConvolutionsAndTheirGradients) {
  std::mt19937 random(6);
  const Tensor lattice = random_lattice(random, 60);
  for (const DType dtype : kFloatingDTypes) {
    const Tensor features = tensor(dtype, {60, 8}, normals(random, 480));
    const Tensor weights = tensor(dtype, {16, 27, 8}, normals(random, 16 * 27 * 8));
    const Tensor bias = tensor(DType::float32, {16}, normals(random, 16));
    ConvSpec spec = ConvSpec::submanifold(3);
    spec.weight_layout = WeightLayout::oki;
    const auto run = [&](auto to, const Execution& execution) {
      SparseTensor x(to(lattice), to(features), 1, StrideStyle::divided, execution);
      const Tensor w = to(weights), b = to(bias);
      const SparseTensor y = convolution(x, w, spec, {.bias = b, .activation = Activation::relu});
      const KernelMap map = x.manager().kernel_map(x.coordinates(), spec).map;
      const Tensor kio = to_kio(w, WeightLayout::oki, execution);
      return std::vector<Tensor>{
          y.features(), convolution_dgrad(y.features(), kio, map, 1, {}, execution),
          convolution_wgrad(x.features(), y.features(), map, 1, {}, execution),
          bias_grad(y.features(), execution)};
    };
    const auto expected = run([](const ConstTensorView& x) { return Tensor::copy_of(x); }, {});
    const auto given = run(on_cuda, kOnCuda);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(relative_difference(given[i], expected[i]), tolerance(dtype))
          << name(dtype) << " result " << i;
  }
}

Voxels some_voxels(std::uint64_t seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<float> place(-0.8F, 0.8F);
  std::vector<float> points;
  for (int i = 0; i < 700; ++i) points.push_back(place(random));
  return voxelize(PointsView{.data = points.data(),
                             .count = 175,
                             .stride_bytes = 16,
                             .feature_offset = 12,
                             .features = 1},
                  {.voxel_size_m = {0.1F, 0.1F, 0.2F}});
}

TEST_F(DeviceApi, AWholeNetwork) {
  NetworkBuilder net(3, 5);
  const std::string x = net.input(1);
  const std::string stem = net.activation(
      "relu", net.batch_norm("bn", net.convolution("stem", x, 8, ConvSpec::submanifold(3))));
  const std::string down = net.convolution("down", stem, 8, ConvSpec::strided(2, 2), true);
  const std::string pooled = net.pool("pooled", stem, ConvSpec::strided(2, 2), PoolMode::max);
  const std::string coarse = net.concatenate("coarse", std::array<std::string, 2>{down, pooled});
  const std::string up = net.convolution("up", coarse, 8, ConvSpec::inverse(2, 2));
  const std::string fine = net.concatenate("fine", std::array<std::string, 2>{up, stem});
  net.linear("classifier", fine, 5);
  const Network network = net.build("classifier");
  const Voxels voxels = some_voxels(1);
  for (const DType dtype : kFloatingDTypes) {
    Executor on_cpu(network, {.dtype = dtype});
    Executor on_gpu(network, {.device = kCuda, .dtype = dtype});
    EXPECT_EQ(on_gpu.plan(), on_cpu.plan());
    for (const std::uint64_t seed : {1, 2}) {  // the second scan in the first one's memory
      const Voxels scan = seed == 1 ? voxels : some_voxels(seed);
      const Result expected = on_cpu.run(scan), given = on_gpu.run(scan);
      EXPECT_EQ(given.features.device, kCuda);
      EXPECT_LE(relative_difference(given.features, expected.features), tolerance(dtype))
          << name(dtype);
      EXPECT_EQ(bytes_of(host(given.coordinates.lattice())),
                bytes_of(expected.coordinates.lattice()));
      EXPECT_EQ(given.argmax().rows(), scan.size());
      EXPECT_EQ(given.stats.layers.size(), expected.stats.layers.size());
      EXPECT_EQ(given.stats.layers[0].pairs, expected.stats.layers[0].pairs);
      const Result again = on_gpu.run(scan.coordinates.to(kCuda), scan.features.to(kCuda));
      EXPECT_LE(relative_difference(again.features, expected.features), tolerance(dtype));
    }
    EXPECT_EQ(on_gpu.run(Voxels{}).features.rows(), 0);
  }
}

TEST_F(DeviceApi, ANetworkThatEndsInAGlobalPool) {
  NetworkBuilder net(3, 6);
  const std::string conv =
      net.convolution("conv", net.input(1), 8, ConvSpec::strided(3, 2, 1), true);
  const Network network =
      net.build(net.linear("scores", net.global_pool("pooled", conv, PoolMode::max), 3));
  const Voxels voxels = some_voxels(3);
  Executor on_cpu(network), on_gpu(network, {.device = kCuda});
  const Result expected = on_cpu.run(voxels), given = on_gpu.run(voxels);
  EXPECT_FALSE(given.coordinates);
  EXPECT_LE(relative_difference(given.features, expected.features), tolerance(DType::float32));
  EXPECT_EQ(bytes_of(given.argmax()), bytes_of(expected.argmax()));
}

TEST_F(DeviceApi, ParametersStayOnTheHost) {
  NetworkBuilder net;
  const std::string x = net.linear("classifier", net.input(2), 2);
  net.set_parameter("classifier.weight", Tensor::zeros(DType::float32, {2, 2}, kCuda));
  EXPECT_NE(error_of([&] { net.build(x); }).find("cuda:0"), std::string::npos);
}

}  // namespace
}  // namespace gavotte::testing_gpu
