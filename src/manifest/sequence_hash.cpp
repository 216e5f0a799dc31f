#include "manifest/sequence_hash.h"

#include <array>

namespace gavotte::internal {
namespace {

class Fnv1a {
 public:
  /// The length goes first, so that two texts are not taken for one.
  void add(const std::string& text) {
    add_bytes(std::to_string(text.size()) + ":");
    add_bytes(text);
  }
  std::string digits() const {
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(state_ >> shift) & 15];
    return text;
  }

 private:
  void add_bytes(const std::string& text) {
    for (const char c : text) {
      state_ ^= static_cast<unsigned char>(c);
      state_ *= 0x100000001b3;
    }
  }
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace

std::string sequence_hash(const Manifest& manifest) {
  Fnv1a hash;
  hash.add(manifest.device.kind);
  hash.add(manifest.run.dtype);
  for (const manifest::Buffer& buffer : manifest.buffers)
    for (const auto& text : {buffer.name, buffer.role, buffer.size, buffer.memory}) hash.add(text);
  for (const manifest::Launch& launch : manifest.launches) {
    const manifest::LayerShape& shape = launch.shape;
    for (const auto& text : {launch.kernel.key, launch.layer, launch.op, launch.api, shape.kernel,
                             shape.in_rows, shape.out_rows, shape.pairs})
      hash.add(text);
    if (launch.api != "cpu")
      for (const manifest::Words* words :
           {&launch.kernel.mangled, &launch.grid_formula, &launch.block_formula})
        hash.add(words->v.value_or(""));
    for (const std::int64_t number :
         {shape.in_channels, shape.out_channels, launch.stream, launch.safety.restart_group})
      hash.add(std::to_string(number));
    for (const auto* segments : {&launch.segments.reads, &launch.segments.writes}) {
      hash.add(std::to_string(segments->size()));
      for (const manifest::Segment& segment : *segments)
        for (const auto& text : {segment.buffer, segment.begin, segment.end}) hash.add(text);
    }
  }
  return hash.digits();
}

}  // namespace gavotte::internal
