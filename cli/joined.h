// Words side by side.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace gavotte::cli {

template <class Words>
std::string joined(const Words& words, std::string_view between = ", ") {
  return fmt::format("{}", fmt::join(words, between));
}

}  // namespace gavotte::cli
