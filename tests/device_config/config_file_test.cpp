// Files: replaced at once, changed by many processes without loss.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "datasets/scratch.h"
#include "device_config/sample.h"
#include "network/expect_error.h"

namespace gavotte {
namespace {

using test::expect_error;
using test::sample_config;
using test::sample_cpu;
using test::sample_kind;
using test::sample_layer;

constexpr int kReaders = 16, kUpdates = 12;

// The exit code of a child: 0 where the body returned true.
template <class Body>
pid_t start(Body&& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  bool good = false;
  try {
    good = body();
  } catch (...) {
  }
  _exit(good ? 0 : 1);
}

bool succeeded(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::size_t files_in(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(ConfigFile, IsLoadedAsItWasSaved) {
  const Scratch scratch;
  const std::string path = scratch.path("a.json").string();
  sample_config().save(path);
  EXPECT_EQ(DeviceConfig::load(path), sample_config());
  EXPECT_EQ(files_in(scratch.path("").string()), 1U);
}

TEST(ConfigFile, IsUpdatedWithWhatIsNew) {
  const Scratch scratch;
  const std::string path = scratch.path("a.json").string();
  EXPECT_EQ(update_config_file(path, sample_config()), sample_config());
  DeviceConfig newer(sample_cpu());
  newer.put(sample_layer(10, 4));
  const DeviceConfig merged = update_config_file(path, newer);
  EXPECT_EQ(merged.layers().size(), 3U);
  EXPECT_EQ(DeviceConfig::load(path), merged);
}

TEST(ConfigFile, StaysAsItWasAfterAnError) {
  const Scratch scratch;
  const std::string path = scratch.path("a.json").string();
  DeviceIdentity other = sample_cpu();
  other.name = "Another CPU";
  sample_config().save(path);
  expect_error("Another CPU", [&] { update_config_file(path, DeviceConfig(other)); });
  EXPECT_EQ(DeviceConfig::load(path), sample_config());

  std::ofstream(path) << "{\"format\": 1";
  expect_error("no valid JSON", [&] { update_config_file(path, sample_config()); });
  EXPECT_EQ(std::filesystem::file_size(path), 12U);
}

TEST(ConfigFile, SaysWhyItCannotBeReadOrWritten) {
  const Scratch scratch;
  expect_error("no regular file",
               [&] { DeviceConfig::load(scratch.path("missing.json").string()); });
  expect_error("no regular file", [&] { DeviceConfig::load(scratch.path("").string()); });
  expect_error("No such file or directory",
               [&] { sample_config().save(scratch.path("no/folder/a.json").string()); });
  expect_error("No such file or directory", [&] {
    update_config_file(scratch.path("no/folder/a.json").string(), sample_config());
  });
  // A folder in the place of the file: nothing is left beside it.
  std::filesystem::create_directory(scratch.path("folder"));
  expect_error("cannot replace", [&] { sample_config().save(scratch.path("folder").string()); });
  EXPECT_EQ(files_in(scratch.path("").string()), 1U);
}

// Each reader sees a whole file, whose entries only grow in number.
TEST(ConfigFile, IsReadBySixteenProcessesWhileOneWrites) {
  const Scratch scratch;
  const std::string path = scratch.path("a.json").string();
  update_config_file(path, DeviceConfig(sample_cpu()));
  std::vector<pid_t> children;
  for (int i = 0; i < kReaders; ++i)
    children.push_back(start([&] {
      std::size_t seen = 0;
      while (seen < kUpdates) {
        const std::size_t now = DeviceConfig::load(path).layers().size();
        if (now < seen) return false;
        seen = now;
      }
      return true;
    }));
  for (int i = 0; i < kUpdates; ++i) {
    DeviceConfig newer(sample_cpu());
    TunedLayer layer = sample_layer(1000, 128);
    layer.kind.in_channels = i + 1;
    newer.put(layer);
    update_config_file(path, newer);
  }
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
}

TEST(ConfigFile, LosesNothingOfSeveralWriters) {
  const Scratch scratch;
  const std::string path = scratch.path("a.json").string();
  constexpr int kWriters = 4;
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer)
    children.push_back(start([&, writer] {
      for (int i = 0; i < kUpdates; ++i) {
        DeviceConfig newer(sample_cpu());
        TunedLayer layer = sample_layer(1000, 128);
        layer.kind.in_channels = writer + 1;
        layer.kind.out_channels = i + 1;
        newer.put(layer);
        update_config_file(path, newer);
      }
      return true;
    }));
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
  EXPECT_EQ(DeviceConfig::load(path).layers().size(),
            static_cast<std::size_t>(kWriters * kUpdates));
}

}  // namespace
}  // namespace gavotte
