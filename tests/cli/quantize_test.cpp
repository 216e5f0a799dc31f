// gavotte quantize.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"

namespace gavotte::test {
namespace {

TEST(QuantizeCommand, WritesANetworkThatRunsAndReportsItsErrors) {
  const TemporaryFolder folder;
  const std::string network = folder.write("small.gavotte", small_network_bytes());
  const std::string scan = folder.write("scan.bin", kitti_bytes(2000));
  const std::string made = folder.file("int8.gavotte");
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, std::vector<std::string>{"--scales", "dynamic"},
        std::vector<std::string>{"--activations", "row", "--scales", "dynamic", "--ends"}}) {
    std::vector<std::string> arguments = {"quantize", network, scan, "-o", made};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = gavotte(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    for (const char* word : {"body", "submanifold int8", "output", "error"})
      EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
    arguments.insert(arguments.end(), {"--json", "-"});
    const auto report = nlohmann::json::parse(gavotte(arguments).out);
    EXPECT_GT(report.at("error"), 0);
    EXPECT_LT(report.at("error"), 0.05);
    EXPECT_NE(gavotte({"inspect", made}).out.find("convolution int8"), std::string::npos);
    const Outcome run = gavotte({"run", made, scan, "--dtype", "bfloat16", "--no-picture"});
    EXPECT_EQ(run.code, 0) << run.err;
  }
}

TEST(QuantizeCommand, BadInputChangesNothing) {
  const TemporaryFolder folder;
  const std::string network = folder.write("small.gavotte", small_network_bytes());
  const std::string scan = folder.write("scan.bin", kitti_bytes(200));
  const std::string made = folder.file("int8.gavotte");
  const auto problem = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"quantize", network});
    return complaint_problem(gavotte(options));
  };
  EXPECT_EQ(problem({scan}), "");
  EXPECT_EQ(problem({"-o", made}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--activations", "row"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--keep", "nobody"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--keep", "body"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--dtype", "float64"}), "");
  EXPECT_EQ(problem({folder.file("none.bin"), "-o", made}), "");
  EXPECT_EQ(problem({scan, "-o", folder.file("no/folder.gavotte")}), "");
  EXPECT_FALSE(std::filesystem::exists(made));
}

}  // namespace
}  // namespace gavotte::test
