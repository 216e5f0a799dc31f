// A PLY header as values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gavotte::internal {

struct PlyType {
  std::string_view name;
  std::int64_t bytes = 0;
  bool integer = false;
  double low = 0.0;  ///< Range of an integer; of a float the largest finite one.
  double high = 0.0;
};

struct PlyProperty {
  std::string_view name;
  PlyType type;
  PlyType length;  ///< Of a list; 0 bytes for a scalar.
  bool list() const { return length.bytes > 0; }
};

struct PlyElement {
  std::string_view name;
  std::int64_t count = 0;
  std::vector<PlyProperty> properties = {};
};

enum class PlyEncoding { ascii, little_endian, big_endian };

struct PlyHeader {
  PlyEncoding encoding = PlyEncoding::ascii;
  std::vector<PlyElement> elements;
};

/// Takes the header off `rest`; throws Error (value) where it breaks the format.
PlyHeader parse_ply_header(std::string_view* rest, const std::string& source);

/// Throws Error (value) where `body` does not hold what the header promises. Allocates nothing.
void check_ply_body(const PlyHeader& header, std::string_view body, const std::string& source);

}  // namespace gavotte::internal
