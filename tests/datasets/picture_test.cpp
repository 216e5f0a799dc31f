// Pictures: a PNG of the asked size, whatever the points are.
#include <limits>

#include "gavotte/datasets/writers.h"
#include "scratch.h"

namespace gavotte {
namespace {

PointCloud bare(std::vector<float> rows) {
  return {.rows = std::move(rows), .channels = {}, .labels = {}, .instances = {}};
}

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(Picture, IsAPngOfTheAskedSize) {
  if (!can_read(PointFormat::ply)) GTEST_SKIP() << "built without Open3D";
  const Scratch scratch;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const PointCloud& cloud :
       {bare({}), bare({1, 2, 3}), bare({nan, 0, 0, 0, 0, 0, 1e30f, 0, 0, 5, 5, 5})}) {
    const std::vector<std::int32_t> labels(static_cast<std::size_t>(cloud.size()), 1);
    for (const PictureView view : {PictureView::perspective, PictureView::bird}) {
      write_picture(scratch.path("p.png"), cloud.view(), labels, Palette::street(),
                    {.width = 64, .height = 32, .view = view});
      const std::string png = scratch.read("p.png");
      ASSERT_GT(png.size(), 24u);
      EXPECT_EQ(png.substr(1, 3), "PNG");
      EXPECT_EQ(big_endian(png, 16), 64u);
      EXPECT_EQ(big_endian(png, 20), 32u);
    }
  }
}

TEST(Picture, WrongLabelsOrSizesAreErrors) {
  const Scratch scratch;
  const PointCloud cloud = bare({1, 2, 3});
  const Palette palette = Palette::street();
  const std::vector<std::int32_t> labels = {1};
  EXPECT_THROW(write_picture(scratch.path("p.png"), cloud.view(), {}, palette), Error);
  EXPECT_THROW(write_picture(scratch.path("p.png"), cloud.view(), labels, palette, {.width = 0}),
               Error);
  EXPECT_THROW(write_picture(scratch.path("no/p.png"), cloud.view(), labels, palette,
                             {.width = 64, .height = 64}),
               Error);
}

TEST(Palette, UnknownLabelsHaveTheirOwnColour) {
  const Palette palette = Palette::distinct(20);
  ASSERT_EQ(palette.size(), 20u);
  EXPECT_EQ(palette.names.size(), 20u);
  EXPECT_EQ(palette.color(-1), palette.unknown);
  EXPECT_EQ(palette.color(20), palette.unknown);
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(palette.colors[i], palette.colors[j]);
  }
}

}  // namespace
}  // namespace gavotte
