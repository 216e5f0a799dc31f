// Fields of a config beside those of the default.
#include "config_text.h"

#include <fmt/format.h>

namespace gavotte::cli {
namespace {

template <class Value>
void append(std::string& text, const char* field, Value value, Value otherwise) {
  if (value != otherwise) text += fmt::format(", {} {}", field, value);
}

}  // namespace

std::string config_text(const ConvConfig& config) {
  const ConvConfig usual;
  std::string text(name(config.dataflow));
  append(text, "threads", config.threads, usual.threads);
  append(text, "tile_rows", config.tile_rows, usual.tile_rows);
  append(text, "gather_channel_tile", config.gather_channel_tile, usual.gather_channel_tile);
  append(text, "scatter_channel_tile", config.scatter_channel_tile, usual.scatter_channel_tile);
  append(text, "grouping", name(config.grouping), name(usual.grouping));
  append(text, "padding_threshold", config.padding_threshold, usual.padding_threshold);
  append(text, "launch_cost_rows", config.launch_cost_rows, usual.launch_cost_rows);
  append(text, "wgrad_chunk_pairs", config.wgrad_chunk_pairs, usual.wgrad_chunk_pairs);
  append(text, "gemm_columns", config.gemm_columns, usual.gemm_columns);
  append(text, "matrix_tiles", config.matrix_tiles, usual.matrix_tiles);
  return text;
}

std::string config_text(const MapConfig& config) {
  const MapConfig usual;
  std::string text(name(config.builder));
  if (config.symmetric != usual.symmetric) text += ", not symmetric";
  append(text, "block_size", config.block_size, usual.block_size);
  append(text, "query_tile", config.query_tile, usual.query_tile);
  append(text, "threads", config.threads, usual.threads);
  return text;
}

std::string channels_text(const LayerKind& kind) {
  return fmt::format("{} -> {}", kind.in_channels, kind.out_channels) +
         (kind.groups > 1 ? fmt::format(", groups {}", kind.groups) : "");
}

std::string gain_text(const Measurement& measured) {
  if (!(measured.ms > 0) || !(measured.default_ms > 0)) return {};
  return fmt::format("{:.2f}x", measured.default_ms / measured.ms);
}

std::string ms_text(double ms) {
  if (!(ms > 0)) return {};
  return ms >= 100  ? fmt::format("{:.0f}", ms)
         : ms >= 10 ? fmt::format("{:.1f}", ms)
         : ms >= 1  ? fmt::format("{:.2f}", ms)
                    : fmt::format("{:.3g}", ms);
}

std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    // 0x80 to 0x9f, in UTF-8 behind a 0xc2, steer terminals too.
    const bool second_set = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (byte < ' ' || byte == 0x7f || second_set) text[i] = '?';
    if (second_set) text[i + 1] = '?';
  }
  return text;
}

}  // namespace gavotte::cli
