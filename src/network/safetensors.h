// The safetensors container: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// Header bytes that are accepted; a network of 16384 layers stays below it.
inline constexpr std::int64_t kMaxHeaderBytes = std::int64_t{32} << 20;

struct SafetensorsEntry {
  DType dtype = DType::float32;
  Shape shape;
  std::int64_t begin = 0, end = 0;  ///< Bytes, from the start of the data section.
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> tensors;
  std::int64_t data_bytes = 0;
};

/// The header length that the first 8 bytes state; throws Error (value) where it does not fit a file of file_bytes.
std::int64_t header_length(std::span<const std::byte, 8> prefix, std::int64_t file_bytes);

/// Throws Error (value) unless every tensor's bytes fit its shape and dtype and the tensors fill the data section
/// without a gap or an overlap. data_bytes: what follows the header in the file.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes);

/// The whole file; tensors in the order of their names, the header padded with spaces to a multiple of 64 bytes.
std::vector<std::byte> write_safetensors(const std::map<std::string, std::string>& metadata,
                                         const std::map<std::string, Tensor>& tensors);

}  // namespace gavotte::internal
