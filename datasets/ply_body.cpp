// Walks the values of a PLY file without keeping them: every one is there, of its type and in its range.
// rply, behind Open3D, stops at the first that is not, and says so on the standard error stream.
#include <cmath>

#include "check.h"
#include "header_lines.h"
#include "ply_header.h"

namespace gavotte::internal {
namespace {

// Reads single values off the body.
class PlyCursor {
 public:
  PlyCursor(std::string_view body, PlyEncoding encoding, const std::string& source)
      : rest_(body), encoding_(encoding), source_(source) {}

  bool ascii() const { return encoding_ == PlyEncoding::ascii; }

  void skip(std::int64_t bytes, const PlyElement& element, std::int64_t entry) {
    GAVOTTE_CHECK(bytes <= static_cast<std::int64_t>(rest_.size()),
                  source_ + ": expected " + std::to_string(bytes) + " more bytes at " +
                      shown(element.name) + " " + std::to_string(entry) + ", found " +
                      std::to_string(rest_.size()));
    rest_.remove_prefix(static_cast<std::size_t>(bytes));
  }

  double value(const PlyType& type, const PlyElement& element, std::int64_t entry) {
    return ascii() ? word(type, element, entry) : length(type, element, entry);
  }

 private:
  double word(const PlyType& type, const PlyElement& element, std::int64_t entry) {
    constexpr std::string_view kBlanks = " \n\r\t";
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find_first_of(kBlanks));
    rest_.remove_prefix(word.size());
    std::optional<double> number;
    if (type.integer) {
      if (const auto integer = number_of<std::int64_t>(word))
        number = static_cast<double>(*integer);
    } else {
      number = number_of<double>(word);
    }
    // A float may be NaN, but rply takes no infinity.
    const bool legal =
        number && word.size() < 200 && !(*number < type.low) && !(*number > type.high);
    GAVOTTE_CHECK(legal, source_ + ": expected a finite " + std::string(type.name) + " in " +
                             shown(element.name) + " " + std::to_string(entry) + ", given " +
                             shown(word));
    return *number;
  }

  // An integer; lengths of lists are the only ones that matter.
  double length(const PlyType& type, const PlyElement& element, std::int64_t entry) {
    const std::string_view at = rest_;
    skip(type.bytes, element, entry);
    std::uint64_t bits = 0;
    for (std::int64_t i = 0; i < type.bytes; ++i) {
      const std::int64_t from = encoding_ == PlyEncoding::big_endian ? i : type.bytes - 1 - i;
      bits = bits << 8 | static_cast<unsigned char>(at[static_cast<std::size_t>(from)]);
    }
    const double number = static_cast<double>(bits);
    return number > type.high ? number - 2.0 * (type.high + 1.0) : number;  // two's complement
  }

  std::string_view rest_;
  PlyEncoding encoding_;
  const std::string& source_;
};

}  // namespace

void check_ply_body(const PlyHeader& header, std::string_view body, const std::string& source) {
  PlyCursor cursor(body, header.encoding, source);
  for (const PlyElement& element : header.elements) {
    std::int64_t scalar_bytes = 0;
    bool lists = false;
    for (const PlyProperty& property : element.properties) {
      scalar_bytes += property.type.bytes;
      lists = lists || property.list();
    }
    if (!cursor.ascii() && !lists) {
      cursor.skip(element.count * scalar_bytes, element, 0);
      continue;
    }
    if (element.properties.empty()) continue;
    for (std::int64_t entry = 0; entry < element.count; ++entry) {
      for (const PlyProperty& property : element.properties) {
        std::int64_t values = 1;
        if (property.list()) {
          values = static_cast<std::int64_t>(cursor.value(property.length, element, entry));
          GAVOTTE_CHECK(values >= 0, source + ": expected a list of at least 0 values, given " +
                                         std::to_string(values));
        }
        if (!cursor.ascii()) {
          cursor.skip(values * property.type.bytes, element, entry);
          continue;
        }
        for (std::int64_t i = 0; i < values; ++i) cursor.value(property.type, element, entry);
      }
    }
  }
}

}  // namespace gavotte::internal
