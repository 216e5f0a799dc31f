// gavotte inspect.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"

namespace gavotte::test {
namespace {

TEST(InspectCommand, TableNamesEveryLayerAndTheTotal) {
  const TemporaryFolder folder;
  const Outcome outcome =
      gavotte({"inspect", folder.write("small.gavotte", small_network_bytes())});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  // 27 * 4 * 8 + 27 * 8 * 8 + 8 * 5 + 5 parameters
  for (const char* word : {"stem", "body", "head", "3x3x3 submanifold", "4 -> 8", "2,637",
                           "0.2 x 0.2 x 0.2 m", "road, car, tree, wall, sign"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  }
}

TEST(InspectCommand, JsonCountsParametersByLayer) {
  const TemporaryFolder folder;
  const Outcome outcome =
      gavotte({"inspect", folder.write("small.gavotte", small_network_bytes()), "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto network = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(network.at("parameters"), 2637);
  EXPECT_EQ(network.at("parameter_bytes"), 2637 * 4);
  EXPECT_EQ(network.at("input_channels"), 4);
  EXPECT_EQ(network.at("output_channels"), 5);
  std::int64_t parameters = 0;
  for (const auto& layer : network.at("layers"))
    parameters += layer.at("parameters").get<std::int64_t>();
  EXPECT_EQ(parameters, 2637);
  EXPECT_EQ(network.at("layers").size(), 5U);
}

TEST(InspectCommand, BuiltInNetworksTakeChannelsAndClasses) {
  const Outcome outcome =
      gavotte({"inspect", "sparse_resnet21d", "--channels", "3", "--classes", "7", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto network = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(network.at("input_channels"), 3);
  int convolutions = 0;
  for (const auto& layer : network.at("layers"))
    convolutions += layer.at("op") == "convolution" ? 1 : 0;
  EXPECT_EQ(convolutions, 21);
}

TEST(InspectCommand, WrongNetworksAreBadInput) {
  const TemporaryFolder folder;
  const std::string network = folder.write("small.gavotte", small_network_bytes());
  EXPECT_EQ(complaint_problem(gavotte({"inspect"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", "sparse_res_unet43"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", folder.path().string()})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", network, "--channels", "3"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", "sparse_res_unet42", "--channels", "0"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", "sparse_res_unet42", "--classes", "-3"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"inspect", "sparse_res_unet42", "--seed", "x"})), "");
}

TEST(InspectCommand, UnknownNameListsTheBuiltInOnes) {
  const Outcome outcome = gavotte({"inspect", "sparse_res_unet43"});
  EXPECT_NE(outcome.err.find("sparse_res_unet42"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("sparse_res_unet43"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace gavotte::test
