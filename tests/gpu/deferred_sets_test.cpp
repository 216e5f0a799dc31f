// Sets whose sizes stay on the device until all are read in one wait: the same sets as those that
// wait each for itself.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "gavotte/error.h"
#include "gpu.h"

namespace gavotte::testing_gpu {
namespace {

using namespace internal;

constexpr Execution kGpu = kOnCuda;
using Set = std::shared_ptr<const CoordinateData>;

class DeferredSets : public OnGpu,
                     public ::testing::WithParamInterface<bool> {  // rows in key order
 protected:
  Set random_set(int rows) {
    std::mt19937 random(7);
    std::set<std::vector<std::int32_t>> distinct;
    while (static_cast<int>(distinct.size()) < rows) {
      std::vector<std::int32_t> row{static_cast<std::int32_t>(random() % 2)};
      for (int axis = 0; axis < 3; ++axis)
        row.push_back(static_cast<std::int32_t>(random() % 23) - 11);
      distinct.insert(row);
    }
    std::vector<std::vector<std::int32_t>> list(distinct.begin(), distinct.end());
    if (!GetParam()) std::shuffle(list.begin(), list.end(), random);
    Tensor host(DType::int32, {rows, 4});
    for (std::size_t i = 0; i < list.size(); ++i)
      std::copy(list[i].begin(), list[i].end(), host.span<std::int32_t>().data() + 4 * i);
    return gpu().make_set(kGpu, host.to(kGpu.device), 1);
  }

  static Geometry window(int size, int scale, bool output_is_fine) {
    ConvSpec spec =
        output_is_fine ? ConvSpec::generative(size, scale) : ConvSpec::strided(size, scale);
    spec.rule = CoordinateRule::window;
    return resolve(spec, 3);
  }

  /// Downsample twice, expand to coarse, downsample that, expand to fine.
  std::vector<Set> chain(const Set& input, Wait wait) {
    std::vector<Set> sets;
    sets.push_back(gpu().downsample(kGpu, *input, {2, 2, 2, 1}, 2, wait));
    sets.push_back(gpu().downsample(kGpu, *sets[0], {2, 3, 2, 1}, 4, wait));
    sets.push_back(gpu().expand(kGpu, *sets[0], window(3, 2, false), true, {}, 4, wait));
    sets.push_back(gpu().downsample(kGpu, *sets[2], {2, 2, 2, 1}, 8, wait));
    sets.push_back(gpu().expand(kGpu, *sets[3], window(2, 2, true), false, {}, 4, wait));
    return sets;
  }
};

TEST_P(DeferredSets, AreThoseThatWaitAndCostOneWait) {
  const Set input = random_set(900);
  const std::vector<Set> expected = chain(input, Wait::now);
  const std::int64_t before = waits();
  const std::vector<Set> deferred = chain(input, Wait::later);
  EXPECT_EQ(waits(), before);
  for (const Set& set : deferred) EXPECT_TRUE(set->deferred());
  gpu().resolve(kGpu, deferred);
  EXPECT_EQ(waits(), before + 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_FALSE(deferred[i]->deferred());
    ASSERT_EQ(deferred[i]->rows, expected[i]->rows);
    EXPECT_EQ(deferred[i]->stride, expected[i]->stride);
    EXPECT_EQ(deferred[i]->box.lower, expected[i]->box.lower);
    EXPECT_EQ(deferred[i]->box.upper, expected[i]->box.upper);
    const Tensor a = deferred[i]->lattice.to(Device::cpu()),
                 b = expected[i]->lattice.to(Device::cpu());
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_TRUE(std::equal(a.span<std::int32_t>().begin(), a.span<std::int32_t>().end(),
                           b.span<std::int32_t>().begin()));
  }
}

TEST_P(DeferredSets, WithoutRowsAreExactAtOnce) {
  const Set input = random_set(0);
  for (const Set& set : chain(input, Wait::later)) {
    EXPECT_FALSE(set->deferred());
    EXPECT_EQ(set->rows, 0);
  }
}

TEST_P(DeferredSets, AnOverflowIsAnErrorOfResolve) {
  const std::vector<std::int32_t> far = {0, 2147483000, 0, 0, 0, 5, 5, 5};
  const Tensor host = Tensor::from<std::int32_t>(far, {2, 4});
  const Set input = gpu().make_set(kGpu, host.to(kGpu.device), 4);
  const std::vector<Set> sets = {
      gpu().expand(kGpu, *input, window(2, 2, true), false, {}, 2, Wait::later)};
  try {
    gpu().resolve(kGpu, sets);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 0 of a layer's input"), std::string::npos)
        << error.what();
  }
}

/// A set given with its count on the device.
class GivenCount : public OnGpu {
 protected:
  /// Room for 6 rows in the box [0, 1] x [-4, 4]^3.
  Set make(std::vector<std::int32_t> rows, std::int64_t count) {
    rows.resize(24, 99);  // what lies behind the count is not looked at
    box_.upper = {1, 4, 4, 4};
    box_.lower = {0, -4, -4, -4};
    count_ = Tensor::from<std::int64_t>(std::vector<std::int64_t>{count}, {1}).to(kGpu.device);
    return gpu().make_deferred_set(kGpu, Tensor::from<std::int32_t>(rows, {6, 4}).to(kGpu.device),
                                   std::as_const(count_).view(), box_, 1);
  }
  std::string problem(const Set& set) {
    try {
      gpu().resolve(kGpu, {&set, 1});
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }

  Box box_;
  Tensor count_;
};

TEST_F(GivenCount, IsReadWithThoseDerivedFromIt) {
  const Set set = make({0, 3, 3, 3, 0, -4, 0, 0, 0, -3, 1, 1, 1, -4, 0, 0}, 4);
  const std::vector<Set> sets = {set, gpu().downsample(kGpu, *set, {2, 2, 2, 1}, 2, Wait::now)};
  const std::int64_t before = waits();
  EXPECT_TRUE(sets[1]->deferred());
  gpu().resolve(kGpu, sets);
  EXPECT_EQ(waits(), before + 1);
  EXPECT_EQ(set->rows, 4);
  EXPECT_EQ(sets[1]->rows, 3);
  const Tensor order = set->order.to(Device::cpu());
  EXPECT_EQ(std::vector<std::int32_t>(order.span<std::int32_t>().begin(),
                                      order.span<std::int32_t>().end()),
            (std::vector<std::int32_t>{1, 2, 0, 3}));
  EXPECT_EQ(set->box.lower, (std::array<std::int64_t, 5>{0, -4, 0, 0, 0}));
  EXPECT_EQ(set->box.upper, (std::array<std::int64_t, 5>{1, 3, 3, 3, 0}));
}

TEST_F(GivenCount, OfNoRowsIsLegal) {
  const Set set = make({}, 0);
  gpu().resolve(kGpu, {&set, 1});
  EXPECT_EQ(set->rows, 0);
}

TEST_F(GivenCount, WhatIsWrongComesOutWhenItIsRead) {
  EXPECT_NE(problem(make({}, 7)).find("at most 6 rows"), std::string::npos);
  EXPECT_NE(problem(make({}, -1)).find("got -1"), std::string::npos);
  for (const std::int32_t outside : {5, -5})
    EXPECT_NE(problem(make({0, 0, 0, 0, 0, 1, outside, 1}, 2)).find("row 1 is outside"),
              std::string::npos);
  EXPECT_NE(problem(make({0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0}, 3)).find("rows 0 and 2 are equal"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Rows, DeferredSets, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "in_key_order" : "shuffled"; });

}  // namespace
}  // namespace gavotte::testing_gpu
