// Reading and writing safetensors (https://github.com/huggingface/safetensors, format section of its README).
#include "network/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "check.h"
#include "network/graph.h"
#include "network/json.h"

namespace gavotte::internal {

namespace {

static_assert(std::endian::native == std::endian::little,
              "files are little endian and copied as they are");

struct DTypeName {
  const char* name;
  DType dtype;
};
constexpr DTypeName kDTypes[] = {{"I8", DType::int8},
                                 {"F16", DType::float16},
                                 {"BF16", DType::bfloat16},
                                 {"F32", DType::float32},
                                 {"F64", DType::float64}};

DType dtype_of_name(const std::string& text, const std::string& where) {
  for (const DTypeName& known : kDTypes)
    if (text == known.name) return known.dtype;
  GAVOTTE_CHECK(false,
                where + ".dtype: expected one of I8, F16, BF16, F32, F64, got " + shown_name(text));
  return DType::float32;
}

const char* name_of_dtype(DType dtype) {
  for (const DTypeName& known : kDTypes)
    if (dtype == known.dtype) return known.name;
  GAVOTTE_CHECK_TYPE(false, "a network file holds floating-point and int8 tensors, got " +
                                std::string(name(dtype)));
  return "";
}

Shape decode_shape(const Json& json, const std::string& where) {
  const Json& extents = to_array(json, kMaxRank, where);
  const auto extent = [&](std::size_t i) {
    return to_integer(extents[i], 0, std::numeric_limits<std::int64_t>::max(), where);
  };
  switch (extents.size()) {
    case 0:
      return {};
    case 1:
      return {extent(0)};
    case 2:
      return {extent(0), extent(1)};
    case 3:
      return {extent(0), extent(1), extent(2)};
    case 4:
      return {extent(0), extent(1), extent(2), extent(3)};
    case 5:
      return {extent(0), extent(1), extent(2), extent(3), extent(4)};
    default:
      return {extent(0), extent(1), extent(2), extent(3), extent(4), extent(5)};
  }
}

SafetensorsEntry decode_entry(const Json& json, const std::string& where) {
  constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
  to_object(json, where);
  check_keys(json, {"dtype", "shape", "data_offsets"}, where);
  SafetensorsEntry entry;
  entry.dtype = dtype_of_name(to_text(member(json, "dtype", where), where + ".dtype"), where);
  entry.shape = decode_shape(member(json, "shape", where), where + ".shape");
  const Json& offsets = to_array(member(json, "data_offsets", where), 2, where + ".data_offsets");
  GAVOTTE_CHECK(offsets.size() == 2,
                where + ".data_offsets: expected 2 numbers, got " + std::to_string(offsets.size()));
  entry.begin = to_integer(offsets[0], 0, kHighest, where + ".data_offsets");
  entry.end = to_integer(offsets[1], 0, kHighest, where + ".data_offsets");
  GAVOTTE_CHECK(entry.begin <= entry.end,
                where + ".data_offsets: the end " + std::to_string(entry.end) +
                    " comes before the begin " + std::to_string(entry.begin));
  const std::int64_t elements = entry.shape.elements();
  const std::int64_t size = size_bytes(entry.dtype);
  GAVOTTE_CHECK(elements <= kHighest / size && elements * size == entry.end - entry.begin,
                where + ": shape " + entry.shape.to_string() + " of " +
                    std::string(name(entry.dtype)) + " does not fill its " +
                    std::to_string(entry.end - entry.begin) + " bytes");
  return entry;
}

/// The tensors must tile the data section.
void check_layout(const SafetensorsHeader& header) {
  std::vector<std::pair<const std::string*, const SafetensorsEntry*>> order;
  for (const auto& [name, entry] : header.tensors) order.emplace_back(&name, &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::int64_t position = 0;
  for (const auto& [name, entry] : order) {
    GAVOTTE_CHECK(entry->begin == position,
                  "tensor " + shown_name(*name) + " begins at byte " +
                      std::to_string(entry->begin) + " of the data, expected " +
                      std::to_string(position) +
                      ": tensors must follow each other without a gap or an overlap");
    position = entry->end;
  }
  GAVOTTE_CHECK(position == header.data_bytes, "the header describes " + std::to_string(position) +
                                                   " bytes of tensors, the file has " +
                                                   std::to_string(header.data_bytes));
}

}  // namespace

std::int64_t header_length(std::span<const std::byte, 8> prefix, std::int64_t file_bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, prefix.data(), sizeof length);
  const auto most = static_cast<std::uint64_t>(std::min(file_bytes - 8, kMaxHeaderBytes));
  GAVOTTE_CHECK(length >= 2 && length <= most, "no network file: the header length " +
                                                   std::to_string(length) + " is not in 2 to " +
                                                   std::to_string(most));
  return static_cast<std::int64_t>(length);
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes) {
  const Json root = parse_json(json, "the header");
  to_object(root, "the header");
  SafetensorsHeader header;
  header.data_bytes = data_bytes;
  for (const auto& item : root.items()) {
    if (item.key() == "__metadata__") {
      for (const auto& entry : to_object(item.value(), "__metadata__").items())
        header.metadata.emplace(entry.key(),
                                to_text(entry.value(), "__metadata__." + shown_name(entry.key())));
    } else {
      header.tensors.emplace(item.key(),
                             decode_entry(item.value(), "tensor " + shown_name(item.key())));
    }
  }
  check_layout(header);
  return header;
}

std::vector<std::byte> write_safetensors(const std::map<std::string, std::string>& metadata,
                                         const std::map<std::string, Tensor>& tensors) {
  Json root = {{"__metadata__", metadata}};
  std::int64_t position = 0;
  for (const auto& [name, tensor] : tensors) {
    Json shape = Json::array();
    for (int axis = 0; axis < tensor.shape().rank(); ++axis) shape.push_back(tensor.shape()[axis]);
    const std::int64_t end = position + tensor.view().bytes();
    root[name] = {{"dtype", name_of_dtype(tensor.dtype())},
                  {"shape", shape},
                  {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = dump_json(root, "the network");
  text.append((64 - (text.size() + 8) % 64) % 64, ' ');
  GAVOTTE_CHECK(static_cast<std::int64_t>(text.size()) <= kMaxHeaderBytes,
                "the header of the network takes " + std::to_string(text.size()) +
                    " bytes, at most " + std::to_string(kMaxHeaderBytes) + " are legal");
  std::vector<std::byte> file(8 + text.size() + static_cast<std::size_t>(position));
  const auto length = static_cast<std::uint64_t>(text.size());
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, text.data(), text.size());
  std::byte* next = file.data() + 8 + text.size();
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = static_cast<std::size_t>(tensor.view().bytes());
    if (bytes > 0) std::memcpy(next, tensor.data(), bytes);
    next += bytes;
  }
  return file;
}

}  // namespace gavotte::internal
