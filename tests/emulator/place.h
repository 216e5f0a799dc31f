// A place in the source, as std::source_location, which clang 14 lacks.
#pragma once

#include <cstdint>

namespace gavotte::emulator {

class Place {
 public:
  static constexpr Place current(const char* file_name = __builtin_FILE(),
                                 std::uint_least32_t line = __builtin_LINE()) {
    return {file_name, line};
  }

  constexpr const char* file_name() const { return file_name_; }
  constexpr std::uint_least32_t line() const { return line_; }

 private:
  constexpr Place(const char* file_name, std::uint_least32_t line)
      : file_name_(file_name), line_(line) {}

  const char* file_name_;
  std::uint_least32_t line_;
};

}  // namespace gavotte::emulator
