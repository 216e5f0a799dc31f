// The PLY header, line by line, as strictly as the reader behind Open3D (rply) takes it: format first, then
// elements with their properties, comments anywhere after the format.
#include "ply_header.h"

#include <array>

#include "check.h"
#include "header_lines.h"

namespace gavotte::internal {
namespace {

constexpr double kFloatMax = 3.4028234663852886e38;
constexpr double kDoubleMax = 1.7976931348623157e308;
constexpr std::array kPlyTypes = {PlyType{"char", 1, true, -128, 127},
                                  PlyType{"int8", 1, true, -128, 127},
                                  PlyType{"uchar", 1, true, 0, 255},
                                  PlyType{"uint8", 1, true, 0, 255},
                                  PlyType{"short", 2, true, -32768, 32767},
                                  PlyType{"int16", 2, true, -32768, 32767},
                                  PlyType{"ushort", 2, true, 0, 65535},
                                  PlyType{"uint16", 2, true, 0, 65535},
                                  PlyType{"int", 4, true, -2147483648.0, 2147483647.0},
                                  PlyType{"int32", 4, true, -2147483648.0, 2147483647.0},
                                  PlyType{"uint", 4, true, 0, 4294967295.0},
                                  PlyType{"uint32", 4, true, 0, 4294967295.0},
                                  PlyType{"float", 4, false, -kFloatMax, kFloatMax},
                                  PlyType{"float32", 4, false, -kFloatMax, kFloatMax},
                                  PlyType{"double", 8, false, -kDoubleMax, kDoubleMax},
                                  PlyType{"float64", 8, false, -kDoubleMax, kDoubleMax}};

PlyType type_of(std::string_view name, const std::string& source) {
  for (const PlyType& type : kPlyTypes) {
    if (type.name == name) return type;
  }
  GAVOTTE_CHECK(false,
                source + ": expected a PLY type such as float or uchar, given " + shown(name));
  return {};
}

std::string_view header_line(std::string_view* rest, const std::string& source) {
  const auto line = next_line(rest);
  GAVOTTE_CHECK(line, source + ": expected a PLY header that ends in end_header, found none");
  GAVOTTE_CHECK(line->size() < 1000, source + ": expected header lines below 1000 bytes, given " +
                                         std::to_string(line->size()));
  for (const char c : *line) {
    GAVOTTE_CHECK(static_cast<unsigned char>(c) >= ' ' || c == '\t',
                  source + ": expected text in the header, given " + shown(*line));
  }
  return *line;
}

PlyEncoding parse_format(const std::vector<std::string_view>& words, std::string_view line,
                         const std::string& source) {
  const bool legal = words.size() == 3 && words[0] == "format" && words[2] == "1.0";
  GAVOTTE_CHECK(legal,
                source + ": expected a second line 'format ENCODING 1.0', given " + shown(line));
  if (words[1] == "ascii") return PlyEncoding::ascii;
  if (words[1] == "binary_little_endian") return PlyEncoding::little_endian;
  GAVOTTE_CHECK(words[1] == "binary_big_endian",
                source + ": expected ascii, binary_little_endian or binary_big_endian, given " +
                    shown(words[1]));
  return PlyEncoding::big_endian;
}

void add_property(const std::vector<std::string_view>& words, std::string_view line,
                  PlyElement* element, const std::string& source) {
  const bool list = words.size() == 5 && words[1] == "list";
  GAVOTTE_CHECK(list || words.size() == 3,
                source + ": expected 'property TYPE NAME', given " + shown(line));
  PlyProperty property{
      .name = words.back(), .type = type_of(words[list ? 3 : 1], source), .length = {}};
  if (list) property.length = type_of(words[2], source);
  GAVOTTE_CHECK(
      !list || property.length.integer,
      source + ": expected an integer type for the length of a list, given " + shown(line));
  GAVOTTE_CHECK(!list || element->name != "vertex",
                source + ": expected no list among the vertex properties");
  for (const PlyProperty& other : element->properties) {
    GAVOTTE_CHECK(other.name != property.name,
                  source + ": property " + shown(property.name) + " is given twice");
  }
  element->properties.push_back(property);
  GAVOTTE_CHECK(element->properties.size() <= 256, source + ": expected at most 256 properties");
}

void add_element(const std::vector<std::string_view>& words, std::string_view line,
                 PlyHeader* header, const std::string& source) {
  const auto count = words.size() == 3 ? number_of<std::int64_t>(words[2]) : std::nullopt;
  GAVOTTE_CHECK(count && *count >= 0 && *count < (std::int64_t{1} << 31),
                source + ": expected 'element NAME N' with N in [0, 2^31), given " + shown(line));
  for (const PlyElement& other : header->elements) {
    GAVOTTE_CHECK(other.name != words[1],
                  source + ": element " + shown(words[1]) + " is given twice");
  }
  header->elements.push_back({.name = words[1], .count = *count});
  GAVOTTE_CHECK(header->elements.size() <= 64, source + ": expected at most 64 elements");
}

}  // namespace

PlyHeader parse_ply_header(std::string_view* rest, const std::string& source) {
  const bool carriage_return = rest->starts_with("ply\r\n");
  GAVOTTE_CHECK(carriage_return || rest->starts_with("ply\n"),
                source + ": expected a first line 'ply'");
  next_line(rest);
  PlyHeader header;
  for (bool first = true;; first = false) {
    const char* const start = rest->data();
    const std::string_view line = header_line(rest, source);
    // Where line ends are mixed, rply begins the binary points one byte off.
    GAVOTTE_CHECK(start[line.size()] == (carriage_return ? '\r' : '\n'),
                  source + ": expected the same line ends in the whole header");
    const std::vector<std::string_view> words = words_of(line);
    GAVOTTE_CHECK(!words.empty(), source + ": expected no blank line in the header");
    for (const std::string_view word : words) {  // rply copies words into buffers of 256 bytes
      GAVOTTE_CHECK(word.size() < 200, source + ": expected words below 200 bytes in the header");
    }
    if (first) {
      header.encoding = parse_format(words, line, source);
    } else if (words[0] == "comment" || words[0] == "obj_info") {
      // rply takes the line after an empty comment for its text.
      GAVOTTE_CHECK(words.size() > 1,
                    source + ": expected a comment with text, given " + shown(line));
    } else if (words[0] == "element") {
      add_element(words, line, &header, source);
    } else if (words[0] == "property" && !header.elements.empty()) {
      add_property(words, line, &header.elements.back(), source);
    } else {
      GAVOTTE_CHECK(line == "end_header",
                    source + ": expected a line of a PLY header, given " + shown(line));
      return header;
    }
  }
}

}  // namespace gavotte::internal
