// The list of caches, from a folder such as Linux has.
#include "peak/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace gavotte::peak {
namespace {

namespace fs = std::filesystem;

class Caches : public ::testing::Test {
 protected:
  Caches() { fs::create_directories(root_); }
  ~Caches() override { fs::remove_all(root_); }

  void add(int cpu, int index, const char* level, const char* type, const char* size,
           const char* shared) {
    const fs::path folder =
        root_ / ("cpu" + std::to_string(cpu)) / "cache" / ("index" + std::to_string(index));
    fs::create_directories(folder);
    std::ofstream(folder / "level") << level << "\n";
    std::ofstream(folder / "type") << type << "\n";
    std::ofstream(folder / "size") << size << "\n";
    std::ofstream(folder / "shared_cpu_list") << shared << "\n";
  }

  const fs::path root_ =
      fs::path(::testing::TempDir()) /
      (std::string("caches_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(Caches, LastLevelCountsEachCacheOnce) {
  // Two CPUs that share a cache of 32 MiB, a third with one of its own.
  for (const int cpu : {0, 1, 2}) {
    add(cpu, 0, "1", "Data", "48K", std::to_string(cpu).c_str());
    add(cpu, 1, "1", "Instruction", "32K", std::to_string(cpu).c_str());
    add(cpu, 2, "3", "Unified", cpu < 2 ? "32M" : "16384K", cpu < 2 ? "0-1" : "2");
  }
  EXPECT_EQ(last_level_cache_bytes(root_), std::int64_t{48} << 20);
}

TEST_F(Caches, WithoutAListTheyAreUnknown) {
  EXPECT_EQ(last_level_cache_bytes(root_), 0);
  EXPECT_EQ(last_level_cache_bytes(root_ / "missing"), 0);
  add(0, 0, "3", "Unified", "lots", "0");
  EXPECT_EQ(last_level_cache_bytes(root_), 0);
}

TEST(ArrayBytes, LieBeyondTheCacheAndWithinMemory) {
  constexpr std::int64_t kMiB = 1 << 20;
  EXPECT_EQ(array_bytes_beyond(32 * kMiB, 1024 * 1024 * kMiB), 128 * kMiB);
  EXPECT_EQ(array_bytes_beyond(0, 0), 64 * kMiB);
  EXPECT_EQ(array_bytes_beyond(1024 * kMiB, 1024 * 1024 * kMiB), 1024 * kMiB);
  EXPECT_EQ(array_bytes_beyond(32 * kMiB, 1024 * kMiB), 64 * kMiB);
}

}  // namespace
}  // namespace gavotte::peak
