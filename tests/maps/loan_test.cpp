// Memory lent to the map step.
#include "cpu/loan.h"

#include <gtest/gtest.h>

#include <array>

namespace gavotte::internal::cpu {
namespace {

struct Memory {
  alignas(64) std::array<std::byte, 1024> bytes;
};

TEST(Loan, ServesInTurnAndTakesBack) {
  Memory memory;
  const Loan loan(memory.bytes);
  {
    const Borrowed a(100), b(1);
    EXPECT_EQ(a.as<std::byte>(), memory.bytes.data());
    EXPECT_EQ(b.as<std::byte>(), memory.bytes.data() + 128);
  }
  EXPECT_EQ(Borrowed(0).as<std::byte>(), memory.bytes.data());
  EXPECT_EQ(loan.wanted(), 192);
}

TEST(Loan, WhatDoesNotFitComesFromThePoolAndIsWanted) {
  Memory memory;
  const Loan loan(memory.bytes);
  const Borrowed first(512), large(600), last(64);
  EXPECT_EQ(first.as<std::byte>(), memory.bytes.data());
  for (const Borrowed* outside : {&large, &last}) {
    const auto* data = outside->as<std::byte>();
    EXPECT_TRUE(data + 64 <= memory.bytes.data() ||
                data >= memory.bytes.data() + memory.bytes.size());
  }
  EXPECT_EQ(loan.wanted(), 512 + 640 + 64);
}

TEST(Loan, WhatIsOutIsNotHandedOutAgain) {
  Memory memory;
  const Loan loan(memory.bytes);
  Borrowed first(64);
  const Borrowed second(64);
  first = Borrowed();  // below what is still out
  const Borrowed third(64);
  EXPECT_EQ(second.as<std::byte>(), memory.bytes.data() + 64);
  EXPECT_EQ(third.as<std::byte>(), memory.bytes.data() + 128);
}

TEST(Loan, EndsWithItsScope) {
  Memory outer, inner;
  const Loan loan(outer.bytes);
  {
    const Loan hides(inner.bytes);
    EXPECT_EQ(Borrowed(64).as<std::byte>(), inner.bytes.data());
  }
  EXPECT_EQ(Borrowed(64).as<std::byte>(), outer.bytes.data());
}

}  // namespace
}  // namespace gavotte::internal::cpu
