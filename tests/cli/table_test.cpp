// Layout of tables.
#include "table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gavotte::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{.head = "layer", .align = Align::left}, {.head = "map", .unit = "ms"}});
  table.add_row({"stem", "1.25"});
  table.add_rule();
  table.add_row({"a longer name", "100.00"});
  EXPECT_EQ(table.to_string(),
            "layer             map\n"
            "                   ms\n"
            "---------------------\n"
            "stem             1.25\n"
            "---------------------\n"
            "a longer name  100.00\n");
}

TEST(Table, NoUnitLineWithoutUnitsAndMissingCellsAreEmpty) {
  Table table({{.head = "a", .align = Align::left}, {.head = "b"}});
  table.add_row({"x"});
  EXPECT_EQ(table.to_string(), "a  b\n----\nx\n");
}

TEST(Table, CountsCodePointsNotBytes) {
  Table table({{.head = "n", .align = Align::left}, {.head = "v"}});
  table.add_row({"\xC3\xA9\xC3\xA9", "1"});
  EXPECT_EQ(table.to_string(), "n   v\n-----\n\xC3\xA9\xC3\xA9  1\n");
}

TEST(Table, TooManyCellsAreRefused) {
  Table table({{.head = "a"}});
  EXPECT_THROW(table.add_row({"1", "2"}), std::invalid_argument);
}

TEST(Numbers, CommasEveryThreeDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(with_commas(-123), "-123");
}

TEST(Numbers, BytesTakeABinaryUnit) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(3.0 * 1024 * 1024 * 1024), "3.0 GiB");
}

TEST(ShortLayerName, KeepsTheFirstWholeAndTheLastPartOfTheOthers) {
  EXPECT_EQ(short_layer_name("a.conv+a.bn+a.b.relu"), "a.conv +bn +relu");
  EXPECT_EQ(short_layer_name("head"), "head");
  EXPECT_EQ(short_layer_name("a+"), "a +");
  EXPECT_EQ(short_layer_name(""), "");
}

}  // namespace
}  // namespace gavotte::cli
