// Network files: checked from the header alone, then read tensor by tensor.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "check.h"
#include "gavotte/network.h"
#include "network/codec.h"
#include "network/network_codec.h"
#include "network/safetensors.h"

namespace gavotte {

namespace {

constexpr const char* kMetadataKey = "gavotte";

/// Bytes that can be read from anywhere: a file or memory.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::int64_t size() const = 0;
  virtual void read(std::int64_t position, void* destination, std::int64_t bytes) = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(bytes_.size()); }
  void read(std::int64_t position, void* destination, std::int64_t bytes) override {
    if (bytes > 0)
      std::memcpy(destination, bytes_.data() + position, static_cast<std::size_t>(bytes));
  }

 private:
  std::span<const std::byte> bytes_;
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::string& path) {
    std::error_code error;
    GAVOTTE_CHECK(std::filesystem::is_regular_file(path, error),
                  "cannot open the file: it does not exist or is no regular file");
    stream_.open(path, std::ios::binary);
    GAVOTTE_CHECK(stream_.is_open(), "cannot open the file for reading");
    stream_.seekg(0, std::ios::end);
    size_ = static_cast<std::int64_t>(stream_.tellg());
    GAVOTTE_CHECK(size_ >= 0, "cannot read the size of the file");
  }
  std::int64_t size() const override { return size_; }
  void read(std::int64_t position, void* destination, std::int64_t bytes) override {
    stream_.seekg(position);
    stream_.read(static_cast<char*>(destination), bytes);
    GAVOTTE_CHECK(stream_.gcount() == bytes, "the file ends early: it changed while it was read");
  }

 private:
  std::ifstream stream_;
  std::int64_t size_ = 0;
};

Network read_network(ByteSource& source) {
  GAVOTTE_CHECK(source.size() >= 10,
                "no network file: it has " + std::to_string(source.size()) + " bytes");
  std::array<std::byte, 8> prefix;
  source.read(0, prefix.data(), 8);
  const std::int64_t length = internal::header_length(prefix, source.size());
  std::string text(static_cast<std::size_t>(length), '\0');
  source.read(8, text.data(), length);
  const internal::SafetensorsHeader header =
      internal::parse_safetensors_header(text, source.size() - 8 - length);

  const auto graph_text = header.metadata.find(kMetadataKey);
  GAVOTTE_CHECK(graph_text != header.metadata.end(),
                "the safetensors file has no '" + std::string(kMetadataKey) +
                    "' in its __metadata__: it holds no network");
  internal::Graph graph = internal::decode_graph(graph_text->second);
  std::map<std::string, Shape> shapes;
  for (const auto& [name, entry] : header.tensors) shapes.emplace(name, entry.shape);
  internal::check_parameters(internal::check_graph(graph), shapes);

  // All sizes are known to be right and to lie in the file: only now is memory taken for parameters.
  std::map<std::string, Tensor> parameters;
  for (const auto& [name, entry] : header.tensors) {
    Tensor tensor(entry.dtype, entry.shape);
    source.read(8 + length + entry.begin, tensor.data(), entry.end - entry.begin);
    parameters.emplace(name, std::move(tensor));
  }
  return NetworkCodec::assemble(std::move(graph), std::move(parameters));
}

}  // namespace

Network Network::load(const std::string& path) {
  try {
    FileSource source(path);
    return read_network(source);
  } catch (const Error& error) {
    throw Error(error.kind(), path + ": " + error.what());
  }
}

Network Network::from_bytes(std::span<const std::byte> file) {
  MemorySource source(file);
  return read_network(source);
}

std::vector<std::byte> Network::to_bytes() const {
  GAVOTTE_CHECK(!layers_.empty(), "the network is empty: build or load one");
  return internal::write_safetensors(
      {{kMetadataKey, internal::encode_graph(NetworkCodec::graph_of(*this))}}, parameters_);
}

Network Network::from_graph(std::string_view graph_json, std::map<std::string, Tensor> parameters) {
  return NetworkCodec::assemble(internal::decode_graph(graph_json), std::move(parameters));
}

std::string Network::graph_json() const {
  GAVOTTE_CHECK(!layers_.empty(), "the network is empty: build or load one");
  return internal::encode_graph(NetworkCodec::graph_of(*this));
}

void Network::save(const std::string& path) const {
  const std::vector<std::byte> bytes = to_bytes();
  // Written beside its place and renamed, so that a failure leaves an older file whole.
  const std::string part = path + ".part";
  std::error_code error;
  {
    std::ofstream stream(part, std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) {
      std::filesystem::remove(part, error);
      GAVOTTE_CHECK_RUNTIME(false, path + ": cannot write the network file");
    }
  }
  std::filesystem::rename(part, path, error);
  GAVOTTE_CHECK_RUNTIME(!error, path + ": cannot write the network file: " + error.message());
}

}  // namespace gavotte
