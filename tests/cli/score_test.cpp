// Predicted labels against true ones.
#include "score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "input_error.h"

namespace gavotte::cli {
namespace {

using Labels = std::vector<std::int32_t>;
const std::vector<std::string> kClasses = {"unlabelled", "road", "car", "tree"};

TEST(Score, IsIntersectionOverUnion) {
  // road: 2 hits of 4 either way (one point guessed as car, one dropped); car: 1 hit, 1 miss, 1 false; tree: nowhere.
  const Score score =
      score_labels(Labels{1, 1, 2, -1, 2, 0}, Labels{1, 1, 1, 1, 2, 2}, kClasses, "scan");
  EXPECT_DOUBLE_EQ(score.iou[1], 2.0 / 4);
  EXPECT_DOUBLE_EQ(score.iou[2], 1.0 / 3);
  EXPECT_TRUE(std::isnan(score.iou[0]));
  EXPECT_TRUE(std::isnan(score.iou[3]));
  EXPECT_DOUBLE_EQ(score.mean_iou, (2.0 / 4 + 1.0 / 3) / 2);
  EXPECT_EQ(score.points, 6);
}

TEST(Score, LeavesPointsWithoutATrueLabelOut) {
  const Score score = score_labels(Labels{3, 3, 1}, Labels{-1, 0, 1}, kClasses, "scan");
  EXPECT_EQ(score.points, 1);
  EXPECT_DOUBLE_EQ(score.mean_iou, 1);
}

std::string complaint(const Labels& predicted, const Labels& truth) {
  try {
    score_labels(predicted, truth, kClasses, "scan");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Score, NamesScansThatCannotBeCompared) {
  EXPECT_NE(complaint({1}, {}).find("scan: expected a scan with labels"), std::string::npos);
  EXPECT_NE(complaint({1}, {4}).find("labels below 4"), std::string::npos);
  EXPECT_NE(complaint({1, 1}, {0, -1}).find("points with a label"), std::string::npos);
}

}  // namespace
}  // namespace gavotte::cli
