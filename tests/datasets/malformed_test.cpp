// Broken files of each format: one line of Error, no crash, no allocation that the file does not
// justify.
#include "scratch.h"

namespace gavotte {
namespace {

class Malformed : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_read(PointFormat::ply)) GTEST_SKIP() << "built without Open3D";
  }
};

std::string pcd(const std::string& fields, const std::string& size, const std::string& type,
                const std::string& count, const std::string& width, const std::string& points,
                const std::string& data) {
  return "VERSION 0.7\nFIELDS " + fields + "\nSIZE " + size + "\nTYPE " + type + "\nCOUNT " +
         count + "\nWIDTH " + width + "\nHEIGHT 1\nPOINTS " + points + "\nDATA " + data;
}

std::string pcd_with_data(const std::string& points, const std::string& data) {
  return pcd("x y z", "4 4 4", "F F F", "1 1 1", points, points, data);
}

TEST_F(Malformed, FilesWithoutSense) {
  for (const PointFormat format : {PointFormat::ply, PointFormat::pcd, PointFormat::xyz,
                                   PointFormat::xyzn, PointFormat::xyzrgb, PointFormat::pts}) {
    read_error("", format);
    read_error("\n", format);
    read_error(std::string(5000, '\0'), format);
    read_error(std::string(5000, 'x'), format);
  }
}

TEST_F(Malformed, PcdTruncatedAnywhere) {
  const std::string whole = pcd_with_data("1", "binary\n" + std::string(12, '\0'));
  EXPECT_EQ(read_points(bytes_of(whole), PointFormat::pcd).size(), 1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    read_error(std::string_view(whole).substr(0, size), PointFormat::pcd);
  }
}

TEST_F(Malformed, PcdThatPromisesMoreThanItHolds) {
  const std::string twelve(12, '\0');
  for (const char* points : {"2000000000", "99999999999999999999", "-1", "0", "1e3", ""}) {
    read_error(pcd_with_data(points, "binary\n" + twelve), PointFormat::pcd);
  }
  read_error(pcd_with_data("2000000000", "ascii\n1 2 3\n"), PointFormat::pcd);
  read_error(pcd("x y z", "4 4 4", "F F F", "1 1 1", "2", "1", "binary\n" + twelve + twelve),
             PointFormat::pcd);
}

TEST_F(Malformed, PcdCompressedBlocks) {
  const auto block = [](std::uint32_t compressed, std::uint32_t uncompressed,
                        const std::string& rest) {
    std::string out = "binary_compressed\n";
    out.append(reinterpret_cast<const char*>(&compressed), 4);
    out.append(reinterpret_cast<const char*>(&uncompressed), 4);
    return out + rest;
  };
  // One literal run of 12 bytes is a legal block.
  const std::string legal = pcd_with_data("1", block(13, 12, "\x0b" + std::string(12, '\0')));
  EXPECT_EQ(read_points(bytes_of(legal), PointFormat::pcd).size(), 1);
  read_error(pcd_with_data("1", "binary_compressed\n\x01"), PointFormat::pcd);
  read_error(pcd_with_data("1", block(13, 24, "\x0b" + std::string(12, '\0'))), PointFormat::pcd);
  read_error(pcd_with_data("1", block(4000000000u, 12, std::string(13, '\0'))), PointFormat::pcd);
  read_error(pcd_with_data("100000000", block(3, 1200000000u, std::string(3, '\0'))),
             PointFormat::pcd);
  read_error(pcd_with_data("1", block(2, 12, "\xff\xff")), PointFormat::pcd);
  read_error(pcd_with_data("1", block(3, 12, "\x01\x01\x01")), PointFormat::pcd);
}

TEST_F(Malformed, PcdFieldsThatMakeNoSense) {
  const std::string data = "binary\n" + std::string(64, '\0');
  struct Fields {
    const char *names, *size, *type, *count;
  };
  for (const Fields& f :
       {Fields{"x y", "4 4", "F F", "1 1"}, Fields{"x y w", "4 4 4", "F F F", "1 1 1"},
        Fields{"x y z", "4 4", "F F F", "1 1 1"}, Fields{"x y z", "4 4 4", "F F", "1 1 1"},
        Fields{"x y z", "4 4 3", "F F F", "1 1 1"}, Fields{"x y z", "4 4 4", "F F Q", "1 1 1"},
        Fields{"x y z a", "4 4 4 4", "F F F F", "1 1 1 -5"},
        Fields{"x y z a", "4 4 4 4", "F F F F", "1 1 1 1000000000"},
        Fields{"x y z x", "4 4 4 4", "F F F F", "1 1 1 1"},
        Fields{"x y z rgb", "4 4 4 1", "F F F U", "1 1 1 1"}}) {
    read_error(pcd(f.names, f.size, f.type, f.count, "1", "1", data), PointFormat::pcd);
  }
  read_error(pcd_with_data("1", "zip\n" + std::string(12, '\0')), PointFormat::pcd);
  read_error(pcd_with_data("1", "ascii\n1 2\n"), PointFormat::pcd);
  read_error(pcd_with_data("1", "ascii\n1 two 3\n"), PointFormat::pcd);
  read_error("FIELDS " + std::string(5000, 'x') + "\n", PointFormat::pcd);
}

// Open3D would write what is there of the normals to an array that it did not make.
TEST_F(Malformed, PcdTriplesOfSeveralSizesOrInPart) {
  const std::string data = "binary\n" + std::string(64, '\0');
  const auto read = [&](const std::string& fields, const char* size, const char* type,
                        const char* count) {
    return read_error(pcd(fields, size, type, count, "1", "1", data), PointFormat::pcd);
  };
  const std::string message = read("x y z normal_x", "4 4 4 4", "F F F F", "1 1 1 1");
  EXPECT_TRUE(
      message.starts_with("FILE: expected the fields normal_x, normal_y and normal_z "
                          "together and of one type, given F4 normal_x"))
      << message;
  const std::string normals = "x y z normal_x normal_y normal_z";
  read(normals, "4 4 4 4 8 4", "F F F F F F", "1 1 1 1 1 1");
  read(normals, "4 4 4 4 4 4", "F F F I I I", "1 1 1 1 1 1");
  read(normals, "4 4 4 4 4 4", "F F F F F F", "1 1 1 2 2 2");
  read("x y z", "4 8 4", "F F F", "1 1 1");
  const PointCloud cloud = read_points(
      bytes_of(pcd(normals, "4 4 4 4 4 4", "F F F F F F", "1 1 1 1 1 1", "1", "1", data)),
      PointFormat::pcd);
  EXPECT_EQ(cloud.size(), 1);
}

std::string ply(const std::string& format, const std::string& count, const std::string& data) {
  return "ply\nformat " + format + " 1.0\nelement vertex " + count +
         "\nproperty float x\nproperty float y\nproperty float z\nend_header\n" + data;
}

TEST_F(Malformed, PlyTruncatedAnywhere) {
  const std::string whole = ply("binary_little_endian", "2", std::string(24, '\0'));
  EXPECT_EQ(read_points(bytes_of(whole), PointFormat::ply).size(), 2);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    read_error(std::string_view(whole).substr(0, size), PointFormat::ply);
  }
}

TEST_F(Malformed, PlyThatPromisesMoreThanItHolds) {
  read_error(ply("binary_little_endian", "2000000000", std::string(24, '\0')), PointFormat::ply);
  read_error(ply("binary_big_endian", "99999999999999999999", std::string(24, '\0')),
             PointFormat::ply);
  read_error(ply("ascii", "1000000000", "1 2 3\n"), PointFormat::ply);
  read_error(ply("ascii", "2", "1 2 3\n4 5\n"), PointFormat::ply);
  read_error(ply("ascii", "0", ""), PointFormat::ply);
  read_error(ply("ascii", "-3", "1 2 3\n"), PointFormat::ply);
}

TEST_F(Malformed, PlyHeadersThatMakeNoSense) {
  const std::string head = "ply\nformat ascii 1.0\nelement vertex 1\n";
  read_error(ply("binary_middle_endian", "1", std::string(64, '\0')), PointFormat::ply);
  read_error(head + "property float x\nproperty float y\nend_header\n1 2\n", PointFormat::ply);
  const std::string message =
      read_error(head + "property float intensity\nend_header\n1\n", PointFormat::ply);
  EXPECT_TRUE(
      message.starts_with("FILE: expected the fields x, y and z together and of "
                          "one type, given none"))
      << message;
  read_error(head + "property quad x\nend_header\n1\n", PointFormat::ply);
  read_error("ply\nformat ascii 1.0\nproperty float x\nend_header\n1\n", PointFormat::ply);
  read_error(
      head +
          "property list uchar float x\nproperty float y\nproperty float z\nend_header\n1 1 1 1\n",
      PointFormat::ply);
  read_error("ply\nformat ascii 1.0\nelement " + std::string(900, 'v') + " 1\nend_header\n",
             PointFormat::ply);
  read_error(ply("ascii", "1", "one two three\n"), PointFormat::ply);
}

// Open3D would write the wider ones behind the end of an array of the first one's type, and leave what is missing unset.
TEST_F(Malformed, PlyTriplesOfSeveralTypesOrInPart) {
  const auto file = [](const std::string& xyz, const std::string& more) {
    return "ply\nformat ascii 1.0\nelement vertex 1\nproperty " + xyz +
           " x\nproperty float y\nproperty float z\n" + more + "end_header\n1 2 3 4 5 6\n";
  };
  const std::string colours = "property uchar red\nproperty uchar blue\n";
  const std::string message =
      read_error(file("float", colours + "property int green\n"), PointFormat::ply);
  EXPECT_TRUE(
      message.starts_with("FILE: expected the fields red, green and blue together "
                          "and of one type, given uchar red, int green, uchar blue"))
      << message;
  read_error(file("float", colours), PointFormat::ply);
  read_error(file("float", "property double ny\n"), PointFormat::ply);
  read_error(file("double", ""), PointFormat::ply);
  // Two names of one type.
  const PointCloud cloud =
      read_points(bytes_of(file("float32", colours + "property uint8 green\n")), PointFormat::ply);
  EXPECT_EQ(cloud.channels, (std::vector<std::string>{"r", "g", "b"}));
}

TEST_F(Malformed, TextLines) {
  read_error("1 2\n", PointFormat::xyz);
  read_error("1 2 3\n4 five 6\n", PointFormat::xyz);
  read_error("1 2 3\n" + std::string(2000, '1') + " 2 3\n", PointFormat::xyz);
  read_error("1 2 3\n", PointFormat::xyzn);
  read_error("1 2 3 0.5 0.5\n", PointFormat::xyzrgb);
  for (const char* text : {"1 2 3\n4 5 6\n", "3\n1 2 3\n4 5 6\n", "1\n1 2 3\n4 5 6\n",
                           "2000000000\n1 2 3\n", "-1\n1 2 3\n", "2\n1 2 3\n4 5 6 7\n"}) {
    read_error(text, PointFormat::pts);
  }
}

}  // namespace
}  // namespace gavotte
