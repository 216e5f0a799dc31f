// The PCD header and the size of its data, checked before Open3D reads them: its reader allocates
// what WIDTH x HEIGHT or the compressed block's header ask for, reads fields at offsets that the
// header gives without comparing them with the bytes there are, indexes SIZE, TYPE and COUNT by
// FIELDS, and writes normals that lack a part to nowhere.
#include <algorithm>
#include <array>
#include <cstring>

#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "header_lines.h"
#include "triples.h"

namespace gavotte::internal {
namespace {

struct PcdHeader {
  std::vector<std::string_view> fields, sizes, types, counts;
  std::optional<std::int64_t> width, height, points;
  std::string_view encoding;
  std::int64_t record_bytes = 0;
  std::int64_t values = 0;  // of a point
};

std::vector<std::string_view> tail(const std::vector<std::string_view>& words) {
  return {words.begin() + 1, words.end()};
}

PcdHeader parse(std::string_view* rest, const std::string& source) {
  PcdHeader header;
  while (header.encoding.empty()) {
    const auto line = next_line(rest);
    GAVOTTE_CHECK(line, source + ": expected a PCD header that ends in a DATA line, found none");
    const std::vector<std::string_view> words = words_of(*line);
    if (words.empty() || words[0].starts_with('#')) continue;
    const std::string_view key = words[0];
    // Open3D reads a header line into a buffer of 1024 bytes.
    GAVOTTE_CHECK(line->size() < 1000, source + ": expected header lines below 1000 bytes, given " +
                                           std::to_string(line->size()));
    const auto number = [&]() -> std::int64_t {
      const auto value = words.size() == 2 ? number_of<std::int64_t>(words[1]) : std::nullopt;
      GAVOTTE_CHECK(value && *value >= 0 && *value <= (std::int64_t{1} << 31) - 1,
                    source + ": expected '" + std::string(key) + " N' with N in [0, 2^31), given " +
                        shown(*line));
      return *value;
    };
    if (key == "FIELDS" || key == "COLUMNS") {
      header.fields = tail(words);
    } else if (key == "SIZE") {
      header.sizes = tail(words);
    } else if (key == "TYPE") {
      header.types = tail(words);
    } else if (key == "COUNT") {
      header.counts = tail(words);
    } else if (key == "WIDTH") {
      header.width = number();
    } else if (key == "HEIGHT") {
      header.height = number();
    } else if (key == "POINTS") {
      header.points = number();
    } else if (key == "DATA") {
      GAVOTTE_CHECK(
          words.size() == 2,
          source + ": expected 'DATA ascii|binary|binary_compressed', given " + shown(*line));
      header.encoding = words[1];
    } else {
      GAVOTTE_CHECK(key == "VERSION" || key == "VIEWPOINT",
                    source + ": expected a line of a PCD header, given " + shown(*line));
    }
  }
  return header;
}

constexpr std::array<Triple, 2> kPcdTriples = {
    {{{"x", "y", "z"}, true}, {{"normal_x", "normal_y", "normal_z"}, false}}};

bool in_a_triple(std::string_view field) {
  return std::any_of(kPcdTriples.begin(), kPcdTriples.end(), [&](const Triple& triple) {
    return std::find(triple.names.begin(), triple.names.end(), field) != triple.names.end();
  });
}

// All of type F, so that the size is what tells them apart.
void check_triples(const PcdHeader& header, const std::string& source) {
  std::vector<TypedField> fields;
  for (std::size_t i = 0; i < header.fields.size(); ++i)
    fields.push_back({header.fields[i], number_of<int>(header.sizes[i]) == 4 ? "F4" : "F8"});
  for (const Triple& triple : kPcdTriples) check_triple(triple, fields, source);
}

void check_fields(PcdHeader* header, const std::string& source) {
  const std::size_t n = header->fields.size();
  GAVOTTE_CHECK(n >= 3 && n <= 256,
                source + ": expected 3 to 256 FIELDS, given " + std::to_string(n));
  GAVOTTE_CHECK(header->sizes.size() == n && header->types.size() == n &&
                    (header->counts.empty() || header->counts.size() == n),
                source + ": expected a SIZE, TYPE and COUNT for each of " + std::to_string(n) +
                    " fields, given " + std::to_string(header->sizes.size()) + ", " +
                    std::to_string(header->types.size()) + " and " +
                    std::to_string(header->counts.size()));
  for (std::size_t i = 0; i < n; ++i) {
    const auto size = number_of<int>(header->sizes[i]);
    const auto count = header->counts.empty() ? 1 : number_of<int>(header->counts[i]);
    const std::string_view type = header->types[i];
    const bool legal =
        size &&
        ((type == "F" && (*size == 4 || *size == 8)) ||
         ((type == "I" || type == "U") && (*size == 1 || *size == 2 || *size == 4 || *size == 8)));
    GAVOTTE_CHECK(legal, source + ": expected F4, F8, or I or U of 1, 2, 4 or 8 bytes, given " +
                             shown(std::string(type) + std::string(header->sizes[i])) +
                             " for field " + shown(header->fields[i]));
    GAVOTTE_CHECK(count && *count >= 1 && *count <= 4096,
                  source + ": expected a COUNT in [1, 4096], given " +
                      shown(header->counts.empty() ? "" : header->counts[i]) + " for field " +
                      shown(header->fields[i]));
    GAVOTTE_CHECK(!in_a_triple(header->fields[i]) || (type == "F" && *count == 1),
                  source + ": expected " + shown(header->fields[i]) +
                      " to be one float, given type " + shown(type) + " and count " +
                      std::to_string(*count));
    const bool color = header->fields[i] == "rgb" || header->fields[i] == "rgba";
    GAVOTTE_CHECK(!color || (*size == 4 && *count == 1),
                  source + ": expected " + shown(header->fields[i]) + " of 4 bytes, given " +
                      std::to_string(*size) + " and count " + std::to_string(*count));
    for (std::size_t j = 0; j < i; ++j) {
      GAVOTTE_CHECK(header->fields[i] != header->fields[j] || header->fields[i] == "_",
                    source + ": field " + shown(header->fields[i]) + " is given twice");
    }
    header->record_bytes += std::int64_t{*size} * *count;
    header->values += *count;
  }
  check_triples(*header, source);
}

void check_ascii(const PcdHeader& header, std::int64_t points, std::string_view data,
                 const std::string& source) {
  std::string text(data);
  text += '\n';  // the last line may lack its end
  std::string_view rest = text;
  std::int64_t found = 0;
  while (found < points) {
    const auto line = next_line(&rest);
    GAVOTTE_CHECK(line, source + ": expected " + std::to_string(points) + " points, found " +
                            std::to_string(found));
    const std::vector<std::string_view> words = words_of(*line);
    bool numbers = static_cast<std::int64_t>(words.size()) == header.values && line->size() < 1000;
    for (const std::string_view word : words) numbers = numbers && number_of<double>(word);
    GAVOTTE_CHECK(numbers, source + ": expected " + std::to_string(header.values) +
                               " numbers in point " + std::to_string(found) + ", given " +
                               shown(*line));
    ++found;
  }
}

}  // namespace

std::int64_t check_pcd(Bytes bytes, const std::string& source) {
  GAVOTTE_CHECK(!bytes.empty(), source + ": expected points, the file is empty");
  std::string_view rest = as_text(bytes);
  PcdHeader header = parse(&rest, source);
  check_fields(&header, source);
  GAVOTTE_CHECK(header.width && header.points && header.height,
                source + ": expected WIDTH, HEIGHT and POINTS lines");
  const std::int64_t points = *header.points;
  GAVOTTE_CHECK(*header.width * *header.height == points,
                source + ": expected POINTS = WIDTH x HEIGHT = " +
                    std::to_string(*header.width * *header.height) + ", given " +
                    std::to_string(points));
  GAVOTTE_CHECK(points > 0, source + ": expected points, the header counts none");
  const auto left = static_cast<std::int64_t>(rest.size());
  const std::int64_t needed = points * header.record_bytes;
  if (header.encoding == "binary") {
    GAVOTTE_CHECK(left >= needed, source + ": expected " + std::to_string(needed) +
                                      " bytes of points, found " + std::to_string(left));
  } else if (header.encoding == "binary_compressed") {
    GAVOTTE_CHECK(left >= 8, source + ": expected the sizes of the compressed block, found " +
                                 std::to_string(left) + " bytes");
    std::uint32_t sizes[2];
    std::memcpy(sizes, rest.data(), sizeof(sizes));
    GAVOTTE_CHECK(sizes[0] <= static_cast<std::uint64_t>(left - 8),
                  source + ": expected " + std::to_string(sizes[0]) + " compressed bytes, found " +
                      std::to_string(left - 8));
    GAVOTTE_CHECK(static_cast<std::int64_t>(sizes[1]) == needed,
                  source + ": expected an uncompressed size of " + std::to_string(needed) +
                      ", given " + std::to_string(sizes[1]));
    // LZF copies at most 264 bytes for 3: a size beyond that is a lie and no reason to allocate.
    GAVOTTE_CHECK(needed <= std::int64_t{sizes[0]} * 100 + 64,
                  source + ": " + std::to_string(sizes[0]) + " compressed bytes cannot hold " +
                      std::to_string(needed));
  } else {
    GAVOTTE_CHECK(header.encoding == "ascii",
                  source + ": expected DATA ascii, binary or binary_compressed, given " +
                      shown(header.encoding));
    check_ascii(header, points, rest, source);
  }
  return points;
}

}  // namespace gavotte::internal
