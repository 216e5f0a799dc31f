// gavotte manifest.
#include <gtest/gtest.h>

#include "cli/process.h"
#include "cli/small_files.h"
#include "gavotte/manifest.h"

namespace gavotte::test {
namespace {

TEST(ManifestCommand, WritesAManifestOfTheRun) {
  const TemporaryFolder folder;
  const std::string network = folder.write("small.gavotte", small_network_bytes());
  const std::string scan = folder.write("scan.bin", kitti_bytes(2000));
  const std::string made = folder.file("m.json");
  std::vector<std::string> arguments = {"manifest", network,
                                        scan,       "--threads",
                                        "1",        "--rounds",
                                        "4",        "--peak-gflops",
                                        "100",      "--peak-gb-per-s",
                                        "10",       "--dtype",
                                        "bfloat16", "-o",
                                        made};
  const Outcome outcome = gavotte(arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const char* word : {"launches", "body", "median", "class"})
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  const Manifest manifest = Manifest::load(made);
  EXPECT_EQ(manifest.run.dtype, "bfloat16");
  EXPECT_EQ(manifest.run.threads, 1);
  EXPECT_EQ(manifest.device.balance.v, 10);
  EXPECT_EQ(manifest.launches[0].duration_us.n.v, 4);
  arguments.back() = "-";
  const Outcome printed = gavotte(arguments);
  EXPECT_EQ(Manifest::from_json(printed.out).run.launch_sequence_hash,
            manifest.run.launch_sequence_hash);
}

TEST(ManifestCommand, BadInputChangesNothing) {
  const TemporaryFolder folder;
  const std::string network = folder.write("small.gavotte", small_network_bytes());
  const std::string scan = folder.write("scan.bin", kitti_bytes(200));
  const std::string made = folder.file("m.json");
  const auto problem = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"manifest", network});
    return complaint_problem(gavotte(options));
  };
  EXPECT_EQ(problem({scan}), "");
  EXPECT_EQ(problem({"-o", made}), "");
  EXPECT_EQ(problem({scan, scan, "-o", made}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--rounds", "0"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--peak-gflops", "-1"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--config", folder.file("none.json")}), "");
  EXPECT_EQ(problem({folder.file("none.bin"), "-o", made}), "");
  EXPECT_EQ(problem({scan, "-o", folder.file("no/m.json")}), "");
  for (const char* kinds : {"a", "a,a,a", "a,a,b", "a,b", ",,", "a,b,c,d"})
    EXPECT_EQ(problem({scan, scan, scan, "-o", made, "--kinds", kinds}), "") << kinds;
  EXPECT_EQ(problem({scan, "-o", made, "--max-voxels", "9", "--bounds", "0,0,0,1,1,1"}), "");
  for (const char* bounds :
       {"0,0,9,1,1,1", "0,0,0,1,1", "0,0,0,1,1,1,1", "x,0,0,1,1,1", "0,0,0,1,1,9999999999"})
    EXPECT_EQ(
        problem({scan, "-o", made, "--device", "cuda", "--max-voxels", "9", "--bounds", bounds}),
        "")
        << bounds;
  for (const char* most : {"0", "-1", "x", "99999999999"})
    EXPECT_EQ(problem({scan, "-o", made, "--device", "cuda", "--max-voxels", most, "--bounds",
                       "0,0,0,1,1,1"}),
              "")
        << most;
  EXPECT_EQ(problem({scan, "-o", made, "--device", "cuda", "--max-voxels", "9"}), "");
  EXPECT_EQ(problem({scan, "-o", made, "--device", "cuda", "--bounds", "0,0,0,1,1,1"}), "");
  EXPECT_FALSE(std::filesystem::exists(made));
}

}  // namespace
}  // namespace gavotte::test
