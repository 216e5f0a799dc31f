// Names of launches: what the kernel does, its types, then how many values it takes at a time.
//
//   kernel_name<"apply_epilogue", 8, Float16>()   // "apply_epilogue_f16_8"
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "half.h"
#include "keys.h"

namespace gavotte::internal::cuda {

template <class T>
inline constexpr std::string_view kTypeName = "";
template <>
inline constexpr std::string_view kTypeName<Float16> = "f16";
template <>
inline constexpr std::string_view kTypeName<BFloat16> = "bf16";
template <>
inline constexpr std::string_view kTypeName<float> = "f32";
template <>
inline constexpr std::string_view kTypeName<double> = "f64";
template <>
inline constexpr std::string_view kTypeName<Key32> = "k32";
template <>
inline constexpr std::string_view kTypeName<Key64> = "k64";
template <>
inline constexpr std::string_view kTypeName<Key128> = "k128";
template <>
inline constexpr std::string_view kTypeName<Key192> = "k192";

/// A literal as a template argument.
template <std::size_t N>
struct NameText {
  char text[N];
  constexpr NameText(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// The parts with "_" between them and a zero at the end.
constexpr std::array<char, 96> join_name(std::initializer_list<std::string_view> parts, int width) {
  std::array<char, 96> name = {};
  std::size_t length = 0;
  for (const std::string_view part : parts) {
    if (length > 0) name[length++] = '_';
    for (const char c : part) name[length++] = c;
  }
  if (width > 0) name[length++] = '_';
  if (width >= 10) name[length++] = static_cast<char>('0' + width / 10);
  if (width > 0) name[length++] = static_cast<char>('0' + width % 10);
  return name;
}

/// Width below 100; 0 where the kernel has none.
template <NameText Verb, int Width, class... Types>
const char* kernel_name() {
  static constexpr std::array<char, 96> name = join_name({Verb.view(), kTypeName<Types>...}, Width);
  return name.data();
}

}  // namespace gavotte::internal::cuda
