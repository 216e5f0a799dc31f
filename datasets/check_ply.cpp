// The PLY header and the size of its data, checked before Open3D reads them: its reader allocates
// the number of vertices that the header promises.
#include <algorithm>
#include <array>

#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "header_lines.h"
#include "triples.h"

namespace gavotte::internal {
namespace {

struct PlyType {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array kPlyTypes = {
    PlyType{"char", 1},  PlyType{"uchar", 1},  PlyType{"short", 2},   PlyType{"ushort", 2},
    PlyType{"int", 4},   PlyType{"uint", 4},   PlyType{"float", 4},   PlyType{"double", 8},
    PlyType{"int8", 1},  PlyType{"uint8", 1},  PlyType{"int16", 2},   PlyType{"uint16", 2},
    PlyType{"int32", 4}, PlyType{"uint32", 4}, PlyType{"float32", 4}, PlyType{"float64", 8}};

// Which of the types it is; the second half are other names of the first.
std::size_t type_of(std::string_view type, const std::string& source) {
  for (std::size_t i = 0; i < kPlyTypes.size(); ++i) {
    if (kPlyTypes[i].name == type) return i % (kPlyTypes.size() / 2);
  }
  GAVOTTE_CHECK(false,
                source + ": expected a PLY type such as float or uchar, given " + shown(type));
  return 0;
}

std::int64_t type_bytes(std::string_view type, const std::string& source) {
  return kPlyTypes[type_of(type, source)].bytes;
}

struct Scalar {
  std::string_view name;
  std::size_t type;
};

struct Element {
  std::string_view name;
  std::int64_t count = 0;
  std::int64_t least_bytes = 0;  // of one entry; a list may be empty
  std::int64_t least_words = 0;
  std::vector<Scalar> scalars;
};

void add_property(const std::vector<std::string_view>& words, std::string_view line,
                  Element* element, const std::string& source) {
  const bool list = words.size() == 5 && words[1] == "list";
  GAVOTTE_CHECK(list || words.size() == 3,
                source + ": expected 'property TYPE NAME', given " + shown(line));
  GAVOTTE_CHECK(!list || element->name != "vertex",
                source + ": expected no list among the vertex properties");
  element->least_bytes += type_bytes(words[list ? 2 : 1], source);
  element->least_words += 1;
  if (list) {
    type_bytes(words[3], source);
    return;
  }
  for (const Scalar& other : element->scalars) {
    GAVOTTE_CHECK(other.name != words[2],
                  source + ": property " + shown(words[2]) + " is given twice");
  }
  element->scalars.push_back({words[2], type_of(words[1], source)});
  GAVOTTE_CHECK(element->scalars.size() <= 256, source + ": expected at most 256 properties");
}

constexpr std::array<Triple, 3> kPlyTriples = {
    {{{"x", "y", "z"}, true}, {{"nx", "ny", "nz"}, false}, {{"red", "green", "blue"}, false}}};

void check_triples(const Element& vertex, const std::string& source) {
  std::vector<TypedField> fields;
  for (const Scalar& scalar : vertex.scalars)
    fields.push_back({scalar.name, kPlyTypes[scalar.type].name});
  for (const Triple& triple : kPlyTriples) check_triple(triple, fields, source);
}

}  // namespace

std::int64_t check_ply(Bytes bytes, const std::string& source) {
  GAVOTTE_CHECK(!bytes.empty(), source + ": expected points, the file is empty");
  std::string_view rest = as_text(bytes);
  const auto magic = next_line(&rest);
  GAVOTTE_CHECK(magic == "ply", source + ": expected a first line 'ply'");
  std::string_view encoding;
  std::vector<Element> elements;
  for (bool open = true; open;) {
    const auto line = next_line(&rest);
    GAVOTTE_CHECK(line, source + ": expected a PLY header that ends in end_header, found none");
    GAVOTTE_CHECK(line->size() < 1000, source + ": expected header lines below 1000 bytes, given " +
                                           std::to_string(line->size()));
    const std::vector<std::string_view> words = words_of(*line);
    GAVOTTE_CHECK(!words.empty(), source + ": expected no blank line in the header");
    if (words[0] == "comment" || words[0] == "obj_info") continue;
    // rply copies words into buffers of 256 bytes.
    for (const std::string_view word : words) {
      GAVOTTE_CHECK(word.size() < 200, source + ": expected words below 200 bytes in the header");
    }
    if (words[0] == "format" && words.size() == 3) {
      encoding = words[1];
    } else if (words[0] == "element" && words.size() == 3) {
      const auto count = number_of<std::int64_t>(words[2]);
      GAVOTTE_CHECK(
          count && *count >= 0 && *count < (std::int64_t{1} << 31),
          source + ": expected 'element NAME N' with N in [0, 2^31), given " + shown(*line));
      elements.push_back({.name = words[1], .count = *count, .scalars = {}});
    } else if (words[0] == "property" && !elements.empty()) {
      add_property(words, *line, &elements.back(), source);
    } else {
      GAVOTTE_CHECK(words[0] == "end_header",
                    source + ": expected a line of a PLY header, given " + shown(*line));
      open = false;
    }
  }
  const bool ascii = encoding == "ascii";
  GAVOTTE_CHECK(ascii || encoding == "binary_little_endian" || encoding == "binary_big_endian",
                source +
                    ": expected format ascii, binary_little_endian or binary_big_endian, given " +
                    shown(encoding));
  std::int64_t points = 0;
  std::int64_t needed = 0;
  for (const Element& element : elements) {
    // In ascii a value takes a digit and a blank, the last of the file perhaps no blank.
    needed += element.count * (ascii ? 2 * element.least_words : element.least_bytes);
    if (element.name != "vertex") continue;
    GAVOTTE_CHECK(points == 0, source + ": expected one vertex element, given two");
    check_triples(element, source);
    points = element.count;
  }
  GAVOTTE_CHECK(points > 0, source + ": expected points, the header counts no vertex");
  const auto left = static_cast<std::int64_t>(rest.size());
  GAVOTTE_CHECK(left + (ascii ? 1 : 0) >= needed,
                source + ": expected at least " + std::to_string(needed) +
                    " bytes after the header, found " + std::to_string(left));
  return points;
}

}  // namespace gavotte::internal
