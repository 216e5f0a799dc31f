// XYZ, XYZN, XYZRGB and PTS, checked before Open3D reads them: its readers skip or cut short what
// they do not understand without a word, and PTS allocates what its first line promises.
#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "header_lines.h"

namespace gavotte::internal {

std::int64_t check_text(Bytes bytes, PointFormat format, const std::string& source) {
  const bool pts = format == PointFormat::pts;
  const std::size_t least = format == PointFormat::xyzn || format == PointFormat::xyzrgb ? 6 : 3;
  std::string text(as_text(bytes));
  text += '\n';  // the last line may lack its end
  std::string_view rest = text;
  std::optional<std::int64_t> promised;
  std::size_t width = 0;
  std::int64_t points = 0;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = *next_line(&rest);
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty() && (!pts || rest.empty() || promised == points)) continue;
    if (!pts && words[0].starts_with('#')) continue;
    const std::string where = source + ": line " + std::to_string(number) + ": ";
    // Open3D cuts a line at 1024 bytes and reads on as if another began.
    GAVOTTE_CHECK(line.size() < 1000,
                  where + "expected less than 1000 bytes, given " + std::to_string(line.size()));
    if (pts && !promised) {
      promised = words.size() == 1 ? number_of<std::int64_t>(words[0]) : std::nullopt;
      GAVOTTE_CHECK(
          promised && *promised > 0 && *promised <= static_cast<std::int64_t>(bytes.size()),
          where + "expected the number of points, given " + shown(line));
      continue;
    }
    if (width == 0) width = words.size();
    const bool legal_width =
        pts ? words.size() == width && (width == 3 || width == 4 || width == 6 || width == 7)
            : words.size() >= least;
    bool numbers = legal_width;
    for (const std::string_view word : words) numbers = numbers && number_of<double>(word);
    GAVOTTE_CHECK(numbers, where + "expected " +
                               (pts ? "3, 4, 6 or 7" : "at least " + std::to_string(least)) +
                               " numbers" + (pts ? ", as many as in the line before" : "") +
                               ", given " + shown(line));
    ++points;
  }
  GAVOTTE_CHECK(points > 0, source + ": expected points, found none");
  GAVOTTE_CHECK(!pts || *promised == points, source + ": expected " +
                                                 std::to_string(promised.value_or(0)) +
                                                 " points, found " + std::to_string(points));
  return points;
}

}  // namespace gavotte::internal
