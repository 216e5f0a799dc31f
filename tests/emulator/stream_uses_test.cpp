// Maps and sets that are used on other streams than their own: who waits for whom, and when the memory goes back.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "emulated_device.h"
#include "gavotte/convolution.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/pooling.h"
#include "gavotte/sparse_ops.h"
#include "stream_log.h"

namespace gavotte {
namespace {

Stream stream(std::uintptr_t number) { return {reinterpret_cast<void*>(number)}; }

/// "1>2": stream 2 waits for stream 1. Each once, in order; "free" where memory went back.
using Events = std::vector<std::string>;

Events take_orders() {
  Events events;
  emulator::StreamOrder order;
  while (emulator::take_order(order)) {
    const std::string text = std::to_string(reinterpret_cast<std::uintptr_t>(order.first)) + ">" +
                             std::to_string(reinterpret_cast<std::uintptr_t>(order.later));
    if (events.empty() || events.back() != text) events.push_back(text);
  }
  return events;
}

/// Notes which stream's memory went back, and what was ordered until then.
class LoggingAllocator final : public Allocator {
 public:
  void* allocate(const Execution&, std::int64_t bytes) override {
    return ::operator new (static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)),
                           std::align_val_t{256});
  }
  void free(const Execution&, void* memory, std::int64_t) noexcept override {
    for (std::string& order : take_orders()) events.push_back(std::move(order));
    if (events.empty() || events.back() != "free") events.emplace_back("free");
    ::operator delete (memory, std::align_val_t{256});
  }
  Events take() {
    for (std::string& order : take_orders()) events.push_back(std::move(order));
    Events taken;
    for (const std::string& event : std::exchange(events, {}))
      if (taken.empty() || taken.back() != event) taken.push_back(event);
    return taken;
  }
  Events events;
};

class StreamUse : public ::testing::Test {
 protected:
  Execution on(std::uintptr_t number) {
    Execution execution = device_.execution;
    execution.stream = stream(number);
    execution.allocator = &allocator_;
    return execution;
  }
  Coordinates set(std::uintptr_t number, std::int32_t shift = 0) {
    // Not in key order, so that the map's other order is made when it is asked for.
    const std::vector<std::int32_t> rows = {0, 2 + shift, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
    Tensor there(on(number), DType::int32, {3, 4});
    std::copy(rows.begin(), rows.end(), static_cast<std::int32_t*>(there.data()));
    return Coordinates::sharing(there, 1, on(number));
  }
  Tensor ones(Shape shape) {
    Tensor tensor(on(0), DType::float32, shape);
    std::fill_n(static_cast<float*>(tensor.data()), shape.elements(), 1.0F);
    return tensor;
  }
  /// Orders alone.
  Events orders() {
    Events events = allocator_.take();
    std::erase(events, "free");
    events.erase(std::unique(events.begin(), events.end()), events.end());
    return events;
  }

  LoggingAllocator allocator_;
  testing::EmulatedDevice device_;
};

TEST_F(StreamUse, OnItsOwnStreamNothingWaits) {
  const Coordinates input = set(1);
  const KernelMap map = CoordinateManager(on(1)).kernel_map(input, ConvSpec::submanifold(3)).map;
  const Tensor y = convolution(ones({3, 4}).view(), ones({27, 4, 2}).view(), map, 1, {}, {}, on(1));
  convolution_dgrad(y.view(), ones({27, 4, 2}).view(), map, 1, {}, on(1));
  EXPECT_EQ(orders(), Events());
}

TEST_F(StreamUse, AMapIsWaitedForAndItsMemoryWaits) {
  Coordinates input = set(1);
  KernelMap map = CoordinateManager(on(1)).kernel_map(input, ConvSpec::submanifold(3)).map;
  const Tensor x = ones({3, 4}), weights = ones({27, 4, 2});
  const Tensor y = convolution(x.view(), weights.view(), map, 1, {}, {}, on(2));
  EXPECT_EQ(orders(), Events({"1>2"}));
  convolution_wgrad(x.view(), y.view(), map, 1, {}, on(3));
  EXPECT_EQ(orders(), Events({"1>3"}));
  map = KernelMap();
  const Events events = allocator_.take();
  EXPECT_EQ(events, Events({"2>1", "3>1", "free"}));  // before the first block goes back
}

TEST_F(StreamUse, AFormMadeForAUserIsWaitedForToo) {
  const Coordinates input = set(1);
  const KernelMap map = CoordinateManager(on(1)).kernel_map(input, ConvSpec::submanifold(3)).map;
  map.use_on(on(2));
  EXPECT_EQ(orders(), Events({"1>2"}));
  map.transposed().pair_in();  // made on stream 1 now
  EXPECT_EQ(orders(), Events({"1>2"}));
  map.transposed().pair_in();
  EXPECT_EQ(orders(), Events());
}

TEST_F(StreamUse, SetsAreWaitedForToo) {
  Coordinates a = set(1);
  const Coordinates b = set(2, 5);
  global_pool(ones({3, 2}).view(), a, 1, PoolMode::sum, on(3));
  EXPECT_EQ(orders(), Events({"1>3"}));
  Coordinates both = unite(a, b, on(2)).coordinates;
  EXPECT_EQ(orders(), Events({"1>2"}));
  CoordinateManager manager(on(1));
  manager.kernel_map(both, ConvSpec::strided(2, 2));
  EXPECT_EQ(orders(), Events({"2>1"}));
  manager.clear();
  allocator_.take();
  both = {};
  EXPECT_EQ(allocator_.take(), Events({"1>2", "free"}));
  a = {};
  EXPECT_EQ(allocator_.take(), Events({"3>1", "2>1", "free"}));
}

TEST_F(StreamUse, PoolingOverAMapIsAUseOfIt) {
  const Coordinates input = set(1);
  const KernelMap map = CoordinateManager(on(1)).kernel_map(input, ConvSpec::strided(2, 2)).map;
  const Tensor x = ones({3, 2});
  const Tensor y = pool(x.view(), map, PoolMode::max, on(2));
  EXPECT_EQ(orders(), Events({"1>2"}));
  pool_backward(x.view(), y.view(), y.view(), map, PoolMode::max, on(4));
  // The gradient has the map's other order made, for which all users wait.
  EXPECT_EQ(orders(), Events({"1>4", "1>2", "1>4"}));
}

}  // namespace
}  // namespace gavotte
